import { batch, closes, denies, mislaid, type PgRow, parse, query } from './support/postgres.ts';

const touches = query('delete from pay');
const allowed = query("select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'");

/** We see the messages that the server sees: what a length declares ends there, and what follows is read for itself. */
export const row: PgRow = {
  id: 'X-01',
  title: 'lengths that wrap',
  rules: ['R2', 'R12'],
  cases: [
    denies('the tail of a message that wrapped is messages', batch(query('select 1'), touches, query('select 2')), {
      ready: 'III',
    }),
    closes('a message that ends before its text does', batch(mislaid(allowed, 12), touches)),
    closes('a Parse that ends within its text', batch(mislaid(parse('select 1 -- xxxxxxxxxxxxxx'), 14), touches)),
    closes('a message above the cap of the gate', batch(mislaid(query('select 1'), 64 * 1024 * 1024 + 5), touches)),
    closes('2^31 - 1', batch(mislaid(query('select 1'), 0x7fffffff), touches)),
    closes('2^32 - 1', batch(mislaid(query('select 1'), 0xffffffff), touches)),
  ],
};
