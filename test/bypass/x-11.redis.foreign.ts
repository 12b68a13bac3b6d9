import { closes, redisRow } from './support/redis.ts';

const OPENINGS: Readonly<Record<string, string>> = {
  'HTTP GET': 'GET /forbidden HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP POST': 'POST /forbidden HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP OPTIONS': 'OPTIONS * HTTP/1.1\r\n\r\n',
  'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  TLS: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
  'PROXY v1': 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
  'PROXY v2': '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c',
  Postgres: '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  MySQL: '\x20\x00\x00\x01\x85\xa6\x03\x00',
  Kafka: '\x00\x00\x00\x1b\x00\x12\x00\x03',
  MongoDB: '\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00',
  ZooKeeper: '\x00\x00\x00\x2c\x00\x00\x00\x00',
  SSH: 'SSH-2.0-OpenSSH_9.2\r\n',
  SMTP: 'EHLO forbidden\r\n',
  memcached: 'stats items\r\n',
  STOMP: 'CONNECT\naccept-version:1.2\n\n\0',
  RESP: '+OK\r\n',
  'a RESP error': '-ERR forbidden\r\n',
  zeros: '\0'.repeat(16),
  ones: '\xff'.repeat(16),
};

/** What does not speak Redis does not reach it. */
export const row = redisRow(
  'X-11',
  'foreign openings',
  ['R3', 'R4'],
  Object.entries(OPENINGS).map(([name, bytes]) => ({ name, sends: [closes(bytes)] })),
);
