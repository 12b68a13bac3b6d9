import { batch, bind, denies, execute, extended, type PgRow, parse, query, sync } from './support/postgres.ts';

const insert = (value: number) => `insert into log values (${value})`;

/** Client and server agree on the transaction: it really fails where the client is told so. */
export const row: PgRow = {
  id: 'PG-17',
  title: 'denials in transactions and pipelines',
  rules: ['R1', 'R9', 'R15'],
  cases: [
    denies(
      'BEGIN, INSERT, denied, COMMIT',
      [query('begin'), query(insert(1)), query('delete from pay'), query('commit')],
      { ready: 'TTEI' },
    ),
    denies(
      'the same in one segment',
      batch(query('begin'), query(insert(1)), query('delete from pay'), query('commit')),
      { ready: 'TTEI' },
    ),
    denies(
      'the same, extended',
      batch(extended('begin'), extended(insert(1)), extended('delete from pay'), extended('commit')),
      { ready: 'TTEI' },
    ),
    denies(
      'a statement behind the denied one fails',
      batch(query('begin'), query('delete from pay'), query(insert(2)), query('rollback')),
      {
        codes: ['42501', '25P02'],
        ready: 'TEEI',
      },
    ),
    denies(
      'a savepoint saves what it saves',
      [
        query('begin'),
        query(insert(1)),
        query('savepoint s'),
        query('delete from pay'),
        query('rollback to s'),
        query('commit'),
      ],
      {
        ready: 'TTTETI',
        log: '1',
        notFake: 'it has no savepoints',
      },
    ),
    denies(
      'an implicit transaction: the batch before the denied step is undone',
      batch(
        parse(insert(1)),
        bind(),
        execute(),
        parse('delete from pay'),
        bind(),
        execute(),
        parse(insert(2)),
        bind(),
        execute(),
        sync(),
      ),
    ),
    denies(
      'pipelined batches: those before and behind stand',
      batch(extended(insert(1)), extended('delete from pay'), extended(insert(2))),
      { ready: 'III', log: '1 2' },
    ),
    denies(
      'three denials in a row, each in its place',
      batch(
        extended(insert(1)),
        extended('delete from pay'),
        extended('table pay'),
        query('drop table pay'),
        extended(insert(2)),
      ),
      {
        codes: ['42501', '42501', '42501'],
        ready: 'IIIII',
        log: '1 2',
      },
    ),
    denies(
      "behind the server's own error",
      batch(extended('insert into log values (1 / 0)'), extended('delete from pay'), extended(insert(3))),
      {
        codes: ['22012', '42501'],
        ready: 'III',
        log: '3',
        notFake: 'it divides by nothing',
      },
    ),
    denies(
      'within a failed transaction',
      [query('begin'), query('insert into log values (1 / 0)'), query('delete from pay'), query('rollback')],
      {
        codes: ['22012', '42501'],
        ready: 'TEEI',
        notFake: 'it divides by nothing',
      },
    ),
    denies(
      'two in one transaction',
      [query('begin'), query('delete from pay'), query('delete from pay'), query('commit')],
      {
        codes: ['42501', '42501'],
        ready: 'TEEI',
      },
    ),
    denies(
      'with a thousand allowed ones around it',
      batch(...Array.from({ length: 1000 }, (_, i) => query(i === 500 ? 'delete from pay' : 'select 1'))),
      {
        ready: 'I'.repeat(1000),
        notFake: 'too long to cut',
      },
    ),
  ],
};
