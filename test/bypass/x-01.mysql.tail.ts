import { client, packet } from '../../protocol-filters/mysql/testing/builders.ts';
import { closes, deny, GUARD, type MysqlRow, ok, yes } from './support/mysql.ts';

/** A message that ends early: what its sender took for its rest are messages of their own. */
export const row: MysqlRow = {
  id: 'X-01',
  title: 'the tail of a message that wrapped',
  rules: ['R2'],
  cases: [
    {
      name: 'a query inside what was meant as a value',
      policies: GUARD,
      says: [yes('insert into t values (1, 2)'), deny('delete from forbidden'), yes('select 1')],
    },
    {
      name: 'a parameter that ends early',
      policies: GUARD,
      says: [
        ok(client.prepare('insert into t values (?, ?)')),
        ok(client.executeWith(0xffff_ffff, ['1', 'x'])),
        deny('delete from forbidden'),
        yes('select 1'),
      ],
    },
    {
      name: 'the rest begins in the middle of nothing',
      options: { max_held_bytes: 65_536 },
      policies: GUARD,
      says: [yes('select 1'), closes(Buffer.concat([Buffer.from('aaaa'), client.query('delete from forbidden')]))],
    },
    {
      name: 'a large message with a message in it',
      policies: GUARD,
      says: [
        ok(
          packet(
            0,
            Buffer.from(
              `\x03insert into t values (1, '${client.query('delete from f0rbidden').toString('latin1').replaceAll('\0', ' ')}')`,
            ),
          ),
        ),
        yes('select 1'),
      ],
    },
  ],
};
