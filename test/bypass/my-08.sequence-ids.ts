import { client, packet } from '../../protocol-filters/mysql/testing/builders.ts';
import { closes, GUARD, type MysqlRow, ok, yes } from './support/mysql.ts';

const query = (sequence: number) => packet(sequence, Buffer.from('\x03delete from forbidden'));
/** A command has the sequence id 0. */
export const row: MysqlRow = {
  id: 'MY-08',
  title: 'sequence ids',
  rules: ['R3'],
  cases: [
    ...[1, 2, 5, 127, 255].map((sequence) => ({
      name: `a query with the id ${sequence}`,
      policies: GUARD,
      says: [yes('select 1'), closes(query(sequence))],
    })),
    { name: 'right behind the login', policies: GUARD, says: [closes(query(3))] },
    {
      name: 'a ping with an id, and a query without one behind it',
      policies: GUARD,
      says: [closes(packet(1, Buffer.of(0x0e))), closes(client.query('delete from forbidden'))],
    },
    {
      name: 'an execution',
      policies: GUARD,
      says: [ok(client.prepare('select 1')), closes(packet(1, client.execute(1).subarray(4)))],
      hidden: /Execute|forbidden/,
    },
    {
      name: 'an empty packet',
      policies: GUARD,
      says: [yes('select 1'), closes(packet(0)), closes(client.query('delete from forbidden'))],
    },
  ],
};
