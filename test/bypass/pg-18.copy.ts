import { batch, client, closes, denies, type PgRow, query } from './support/postgres.ts';

const { copyData, copyDone, copyFail } = client;

export const row: PgRow = {
  id: 'PG-18',
  title: 'COPY',
  rules: ['R2', 'R4'],
  cases: [
    denies('out of a denied table', query('copy pay to stdout')),
    denies('into a denied table', batch(query('copy pay from stdin'), copyData('1\n'), copyDone())),
    denies('columns of it', query('copy pay (a) to stdout')),
    denies('a query that reads it', query('copy (select * from pay) to stdout')),
    denies('a query that changes it', query('copy (delete from pay returning a) to stdout')),
    denies('from a program', query("copy other from program 'touch /tmp/pay'")),
    denies('to a program', query("copy other to program 'cat > /tmp/pay'")),
    denies(
      'behind one that is allowed',
      batch(query('copy log from stdin'), copyData('1\n'), copyDone(), query('copy pay to stdout')),
      {
        ready: 'II',
        log: '1',
      },
    ),
    denies(
      'with data that looks like a message',
      batch(query('copy log from stdin'), copyData('2\n'), copyDone(), query('delete from pay')),
      {
        ready: 'II',
        log: '2',
      },
    ),
    closes(
      'a query in the middle of the data',
      [query('copy log from stdin; select 1 -- fine'), query('delete from pay')],
      { notReal: 'a closing client leaves no answer to wait for', ready: undefined as unknown as string },
    ),
    closes(
      'a query sent ahead of the data',
      batch(query('copy log from stdin'), query('delete from pay'), copyData('1\n'), copyDone()),
      { ready: undefined as unknown as string, denied: 0 },
    ),
    denies(
      'stray data outside of COPY',
      batch(copyData('delete from pay'), copyDone(), copyFail(), query('delete from pay')),
      { never: ['pay\0'] },
    ),
    denies(
      'COPY that ends with CopyFail',
      batch(query('copy log from stdin'), copyData('1\n'), copyFail(), query('copy pay to stdout')),
      {
        codes: ['57014', '42501'],
        ready: 'II',
      },
    ),
  ],
};
