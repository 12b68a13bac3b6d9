import { batch, denies, extended, type PgCase, type PgRow, parse, query, sync } from './support/postgres.ts';

const stream = [
  query('insert into log values (1)'),
  query('delete from pay'),
  query('begin'),
  extended('insert into log values (2)'),
  extended('table pay'),
  batch(parse('delete from pay where a = 1', 's'), sync()),
  query('rollback'),
];
const broken = (name: string, breaks: NonNullable<PgCase['breaks']>, more: Partial<PgCase> = {}): PgCase =>
  denies(name, stream, { breaks, codes: [], ...more });

/** A peer that is gone, at every offset: every exchange has ended once, and nothing that was held has left. */
export const row: PgRow = {
  id: 'X-10',
  title: 'resets',
  rules: ['R1', 'R15'],
  cases: [
    broken('of the client', ['client', 'reset']),
    broken('of the server', ['server', 'reset']),
    broken('an error of the client', ['client', 'error'], { notReal: 'a reset is what a real socket shows' }),
    broken('an error of the server', ['server', 'error'], { notReal: 'a reset is what a real socket shows' }),
    broken('of the client before it is let in', ['client', 'reset'], {
      startup: null,
      sends: [query('delete from pay'), ...stream],
      notReal: 'the first bytes are no startup',
    }),
  ],
};
