import { closes, zooKeeperRow } from './support/zookeeper.ts';

const OPENINGS: Readonly<Record<string, string>> = {
  'HTTP GET': 'GET /forbidden HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP POST': 'POST /forbidden HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  TLS: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'.padEnd(200, 'x'),
  'PROXY v1': 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
  'PROXY v2': '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c',
  Postgres: '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  MySQL: '\x20\x00\x00\x01\x85\xa6\x03\x00'.padEnd(64, 'x'),
  Redis: '*2\r\n$3\r\nDEL\r\n$10\r\n/forbidden\r\n',
  MongoDB: '\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00'.padEnd(64, 'x'),
  SSH: 'SSH-2.0-OpenSSH_9.2\r\n',
  zeros: '\0'.repeat(16),
  ones: '\xff'.repeat(16),
};

/** What does not speak ZooKeeper does not reach it. */
export const row = zooKeeperRow(
  'X-11',
  'foreign openings',
  ['R3', 'R4'],
  Object.entries(OPENINGS).map(([name, bytes]) => ({ name, bare: true, sends: [closes(bytes)] })),
);
