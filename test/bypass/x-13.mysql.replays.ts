import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, LIST, type MysqlRow, no, ok, yes } from './support/mysql.ts';

/** The player compares what each cut of a stream tells with what the whole one told: of each case, and here of all kinds in one. */
export const row: MysqlRow = {
  id: 'X-13',
  title: 'the same stream tells the same',
  rules: ['R14', 'R15'],
  cases: [
    {
      name: 'of all kinds',
      policies: GUARD,
      says: [
        yes('insert into t values (1, 2)'),
        deny('delete from forbidden'),
        ok(client.prepare('select ?')),
        ok(client.ping()),
        no(client.prepare('select * from vault.t')),
        deny('select 1; select * from forbidden'),
        ok(client.initDb('shop')),
        yes('select 2; select 3'),
      ],
    },
    {
      name: 'twice in one',
      policies: GUARD,
      says: [yes('select 1'), deny('table forbidden'), yes('select 1'), deny('table forbidden')],
    },
    { name: 'only denied ones', policies: GUARD, says: [deny('table forbidden'), deny('delete from vault.t')] },
    {
      name: 'in an allow list',
      policies: LIST,
      says: [yes('insert into t values (1, 2)'), deny('select * from forbidden'), deny('flush tables')],
    },
  ],
};
