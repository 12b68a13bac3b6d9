import { ends, FINE, type MongoRow, ok, on } from './support/mongodb.ts';

const FOREIGN: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['HTTP GET', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['HTTP POST', Buffer.from('POST /x HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['TLS', Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]), Buffer.alloc(60, 7)])],
  ['a TLS alert', Buffer.concat([Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), Buffer.alloc(20)])],
  ['PROXY, as text', Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n')],
  ['PROXY, in binary', Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 'latin1'), Buffer.alloc(12)])],
  ['Postgres, SSLRequest', Buffer.concat([Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), Buffer.alloc(16)])],
  [
    'Postgres, startup',
    Buffer.concat([Buffer.from([0, 0, 0, 41, 0, 3, 0, 0]), Buffer.from('user\0postgres\0database\0postgres\0\0')]),
  ],
  ['MySQL, a login', Buffer.concat([Buffer.from([60, 0, 0, 1, 0x85, 0xa6, 0xff, 1]), Buffer.alloc(60)])],
  ['Redis', Buffer.from('*2\r\n$3\r\nGET\r\n$6\r\nsecret\r\n')],
  ['Redis, inline', Buffer.from('GET secret and more of it\r\n')],
  ['Kafka, ApiVersions', Buffer.concat([Buffer.from([0, 0, 0, 30, 0, 18, 0, 3, 0, 0, 0, 1, 0, 4]), Buffer.alloc(20)])],
  ['ZooKeeper, a connect', Buffer.concat([Buffer.from([0, 0, 0, 45]), Buffer.alloc(45)])],
  ['ZooKeeper, ruok', Buffer.from('ruokruokruokruok')],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n')],
  ['SMTP', Buffer.from('EHLO client.example and so on\r\n')],
  ['DNS', Buffer.concat([Buffer.from([0, 40, 1, 2, 1, 0, 0, 1]), Buffer.alloc(34)])],
  ['LDAP', Buffer.concat([Buffer.from([0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3]), Buffer.alloc(20)])],
  ['zeros', Buffer.alloc(64)],
];

export const row: MongoRow = {
  id: 'X-11',
  title: 'another protocol',
  rules: ['R3', 'R4'],
  cases: [
    ...FOREIGN.map(([name, bytes]) => on(name, ends(bytes))),
    ...FOREIGN.slice(0, 4).map(([name, bytes]) => on(`${name}, behind a message`, ok(FINE), ends(bytes))),
  ],
};
