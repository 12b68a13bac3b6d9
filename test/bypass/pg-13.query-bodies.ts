import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import { batch, closes, denies, frame, type PgRow, query } from './support/postgres.ts';

const Q = (...parts: (string | Buffer)[]): Buffer => frame(F.query, ...parts.map((part) => Buffer.from(part)));

export const row: PgRow = {
  id: 'PG-13',
  title: 'the body of a Query',
  rules: ['R3', 'R6'],
  cases: [
    closes('a zero byte before the end', Q('select 1\0; delete from pay\0')),
    closes('no zero byte', Q('delete from pay')),
    closes('two zero bytes', Q('delete from pay\0\0')),
    closes('nothing at all', batch(Buffer.from('Q\0\0\0\x04'), query('delete from pay'))),
    closes('Parse with a zero byte in its text', frame(F.parse, Buffer.from('\0select 1\0delete from pay\0\0\0'))),
    closes('Parse without its text', frame(F.parse, Buffer.from('pay\0\0\0'))),
    denies('an empty text before it', [query(''), query('delete from pay')], { ready: 'II' }),
    denies('a text of blanks before it in one segment', batch(query(' ; -- x'), query('delete from pay')), {
      ready: 'II',
    }),
  ],
};
