import { client, lenenc, packet, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, type MysqlRow, no, ok, yes } from './support/mysql.ts';

const rows = (first: number, bytes: number) =>
  Buffer.concat([server.columns(1), packet(3, lenenc(bytes), Buffer.alloc(bytes, first)), server.end(2, 4)]);
const only = (reply: Buffer) => (command: Buffer, n: number) => (n === 0 && command[0] === 0x03 ? reply : null);
const notReal = 'a scripted server';
const says = [yes('select 1'), no(client.query('delete from forbidden')), yes('select 2')];
/** Where a reply ends decides where an error stands. */
export const row: MysqlRow = {
  id: 'MY-21',
  title: 'replies',
  rules: ['R9'],
  cases: [
    {
      name: 'pipelined: each error in its place',
      policies: GUARD,
      says: [
        yes('select 1'),
        deny('select * from forbidden'),
        yes('select 2'),
        deny('delete from forbidden'),
        deny('update forbidden set a = 1'),
        yes('select 3'),
      ],
    },
    {
      name: 'behind a result of several rows',
      policies: GUARD,
      says: [yes('select 1 union select 2 union select 3'), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'behind an error of the server',
      policies: GUARD,
      says: [yes('select nope'), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'behind a procedure with several results',
      policies: GUARD,
      says: [yes('call fine()'), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'behind several statements',
      policies: GUARD,
      says: [yes('select 1; select 2; select 3'), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'behind a prepared statement',
      policies: GUARD,
      says: [ok(client.prepare('select ?')), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'a reply with a first byte that is none',
      policies: GUARD,
      says,
      answers: only(packet(1, Buffer.of(0xfd, 1, 2, 3, 4, 5, 6, 7, 8))),
      serverCloses: true,
      notReal,
    },
    {
      name: 'a reply whose sequence id jumps',
      policies: GUARD,
      says,
      answers: only(server.ok({}, 7)),
      serverCloses: true,
      notReal,
    },
    {
      name: 'rows that begin like the end of rows',
      policies: GUARD,
      says: [
        yes("select repeat('x', 254) union select repeat('y', 255)"),
        deny('select * from forbidden'),
        yes('select 2'),
      ],
    },
    {
      name: 'a row of a column that is NULL',
      policies: GUARD,
      says: [yes('select null'), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'two hundred and fifty-one columns',
      policies: GUARD,
      says: [
        yes(`select ${Array.from({ length: 251 }, (_, i) => i).join(', ')}`),
        deny('select * from forbidden'),
        yes('select 2'),
      ],
    },
    {
      name: 'a long row',
      policies: GUARD,
      says: [yes("select repeat('x', 100000)"), deny('select * from forbidden'), yes('select 2')],
    },
    {
      name: 'an error in a transaction leaves it open',
      policies: GUARD,
      says: [
        yes('begin'),
        yes('insert into t values (1, null)'),
        deny('delete from forbidden'),
        yes('select @@in_transaction'),
        yes('rollback'),
      ],
    },
  ],
};
void rows;
