import { closes, GUARD, type MysqlCase, type MysqlRow } from './support/mysql.ts';

const OPENINGS: Readonly<Record<string, Buffer>> = {
  HTTP: Buffer.from('POST /forbidden HTTP/1.1\r\nHost: vault\r\n\r\n'),
  'HTTP/2': Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  TLS: Buffer.from('1603010200010001fc0303', 'hex'),
  'PROXY v1': Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'),
  'PROXY v2': Buffer.from('0d0a0d0a000d0a515549540a20', 'hex'),
  Postgres: Buffer.from('0000000804d2162f', 'hex'),
  'Postgres, startup': Buffer.from('00000029000300007573657200706f73746772657300', 'hex'),
  Redis: Buffer.from('*1\r\n$4\r\nPING\r\n'),
  MongoDB: Buffer.from('3a0000000100000000000000d407000000000000', 'hex'),
  Kafka: Buffer.from('00000014001200030000000100036b637400', 'hex'),
  ZooKeeper: Buffer.from('0000002d000000000000000000000000', 'hex'),
  SSH: Buffer.from('SSH-2.0-OpenSSH_9\r\n'),
  SMTP: Buffer.from('EHLO forbidden\r\n'),
  noise: Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 37) & 0xff)),
  zeros: Buffer.alloc(64),
};
const cases = Object.entries(OPENINGS).flatMap(([name, bytes]): MysqlCase[] => [
  {
    name: `${name} in the login’s place`,
    policies: GUARD,
    says: [],
    opens: Buffer.concat([bytes, Buffer.alloc(70_000)]),
  },
  {
    name: `${name} behind the login`,
    policies: GUARD,
    options: { max_held_bytes: 65_536 },
    says: [closes(Buffer.concat([bytes, Buffer.alloc(65_600)]))],
    notReal: 'the same bytes as in the play',
  },
]);
/** Other protocols on this port. */
export const row: MysqlRow = { id: 'X-11', title: 'foreign openings', rules: ['R3'], cases };
