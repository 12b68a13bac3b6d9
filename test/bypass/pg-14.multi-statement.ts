import { batch, denies, extended, type PgRow, query } from './support/postgres.ts';

/** One implicit transaction: one denied statement denies the message, and nothing of it runs. */
export const row: PgRow = {
  id: 'PG-14',
  title: 'multi-statement',
  rules: ['R1', 'R2'],
  cases: [
    denies('the second of two', query('insert into log values (1); select * from pay')),
    denies('the first of two', query('delete from pay; insert into log values (1)')),
    denies('the last of many', query(`${'insert into log values (1);'.repeat(50)} drop table pay`)),
    denies('behind a semicolon in a string', query("insert into log values (length(';')); delete from pay")),
    denies('behind dollar quotes', query('select $$;$$, $a$ ; $a$; delete from pay')),
    denies('behind comments', query('select 1 /* ; /* ; */ */ -- ;\n; delete from pay')),
    denies(
      'behind a body of statements',
      query('create function twice(a int) returns int begin atomic select a; select a * 2; end; delete from pay'),
    ),
    denies(
      'behind parentheses of a rule',
      query('create rule r as on insert to other do also (select 1; select 2); delete from pay'),
    ),
    denies('behind an empty statement', query(';; ; ;delete from pay')),
    denies('behind COMMIT', query('begin; insert into log values (1); commit; delete from pay')),
    denies('with a transaction of its own', query('begin; delete from pay; commit')),
    denies('two in a row', [query('select 1; delete from pay'), query('select 2; delete from hr.pay')], {
      codes: ['42501', '42501'],
      ready: 'II',
    }),
    denies(
      'between what is allowed',
      batch(
        query('insert into log values (1)'),
        query('select 1; delete from pay'),
        query('insert into log values (2)'),
      ),
      {
        ready: 'III',
        log: '1 2',
      },
    ),
    denies('one text of the extended protocol', extended('select 1; delete from pay')),
  ],
};
