import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { closes, GUARD, type MysqlRow, yes } from './support/mysql.ts';

const declares = (bytes: number, more = Buffer.alloc(0)) => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(bytes, 0, 3);
  return Buffer.concat([head, more]);
};
/** Lengths that cannot be. */
export const row: MysqlRow = {
  id: 'X-02',
  title: 'lengths',
  rules: ['R3', 'R12', 'R13'],
  cases: [
    {
      name: 'zero',
      policies: GUARD,
      says: [yes('select 1'), closes(declares(0)), closes(client.query('delete from forbidden'))],
    },
    {
      name: 'zero, many times',
      policies: GUARD,
      says: [yes('select 1'), closes(Buffer.alloc(400)), closes(client.query('delete from forbidden'))],
    },
    {
      name: 'a login of no bytes',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([Buffer.from('00000001', 'hex'), client.query('delete from forbidden')]),
    },
    {
      name: 'a login of 16 MiB',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([Buffer.from('feffff01', 'hex'), client.query('delete from forbidden')]),
    },
    {
      name: 'the full length and nothing more',
      policies: GUARD,
      options: { max_held_bytes: 65_536 },
      says: [yes('select 1'), closes(declares(0xff_ffff, Buffer.from('\x03delete from forbidden')))],
    },
  ],
};
