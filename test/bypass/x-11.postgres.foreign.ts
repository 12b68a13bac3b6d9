import { batch, closes, type PgRow, query } from './support/postgres.ts';

const OPENINGS: [string, Buffer][] = [
  ['HTTP GET', Buffer.from('GET /pay HTTP/1.1\r\n\r\n')],
  ['HTTP POST', Buffer.from('POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\npay')],
  ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['TLS', Buffer.from('16030100d0010000cc0303', 'hex')],
  ['PROXY v1', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n')],
  ['PROXY v2', Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex')],
  ['SSH', Buffer.from('SSH-2.0-x\r\n')],
  ['Redis', Buffer.from('*1\r\n$4\r\nPING\r\n')],
  ['Redis inline', Buffer.from('PING\r\n')],
  ['Kafka', Buffer.from('00000010001200030000000100000000', 'hex')],
  ['ZooKeeper', Buffer.concat([Buffer.from('0000002c', 'hex'), Buffer.alloc(44)])],
  ['MongoDB', Buffer.from('3f000000010000000000000dd070000', 'hex')],
  ['a MySQL login', Buffer.from('2000000185a6ff0900000001', 'hex')],
  ['SMTP', Buffer.from('EHLO pay\r\n')],
  ['a Query without startup', query('delete from pay')],
  ['a password without startup', Buffer.from('p\0\0\0\x08pay\0')],
  ['zeros', Buffer.alloc(64)],
  ['ones', Buffer.alloc(64, 0xff)],
];

export const row: PgRow = {
  id: 'X-11',
  title: 'other protocols on this port',
  rules: ['R3', 'R4'],
  cases: OPENINGS.map(([name, bytes]) =>
    closes(name, batch(bytes, query('delete from pay')), {
      startup: null,
      codes: ['08P01'],
      never: ['pay', 'PING', 'GET'],
    }),
  ),
};
