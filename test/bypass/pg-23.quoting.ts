import { batch, denies, extended, flush, type PgRow, query } from './support/postgres.ts';

const OFF = 'set standard_conforming_strings = off';
const settled = { ready: 'II' };

/** Where literals begin and end is what the server says. */
export const row: PgRow = {
  id: 'PG-23',
  title: 'quoting',
  rules: ['R6', 'R8'],
  cases: [
    denies('a backslash before a quote is plain', query("select '\\'; delete from pay; --'")),
    denies('E strings take it along', query("select E'\\'' , 1; delete from pay; --'")),
    denies('two quotes', query("select ''''; delete from pay; --'")),
    denies('off, in one segment', batch(query(OFF), query("select '\\\\'; delete from pay; --'")), settled),
    denies('off, later', [query(OFF), query("select '\\''; delete from pay -- '")], settled),
    denies(
      'off by a quoted name',
      batch(query('set "standard_conforming_strings" to off'), query("select '\\''; delete from pay -- '")),
      settled,
    ),
    denies(
      'off by an escaped name',
      batch(query('set U&"standard\\005fconforming\\005fstrings" to off'), query("select '\\''; delete from pay -- '")),
      {
        ...settled,
        notFake: 'it does not read such names',
      },
    ),
    denies(
      'off by set_config',
      batch(
        query("select set_config('standard_conforming_strings', 'off', false)"),
        query("select '\\''; delete from pay -- '"),
      ),
      {
        ...settled,
        notFake: 'it has no functions',
      },
    ),
    denies(
      'off by set_config with an escaped name',
      batch(
        query("select U&\"set_confi\\0067\"('standard_conforming_strings', 'off', false)"),
        query("select '\\''; delete from pay -- '"),
      ),
      {
        ...settled,
        notFake: 'it has no functions',
      },
    ),
    denies('off in the batch itself', batch(extended(OFF).subarray(0, -5), extended('select 1 -- pay'))),
    denies('off, flushed, in the batch itself', [
      batch(extended(OFF).subarray(0, -5), flush()),
      extended("select '\\''; delete from pay -- '"),
    ]),
    denies(
      'off, and given back by an error',
      [query('begin'), query(OFF), query('select 1/0'), query('rollback'), query("select '\\'; delete from pay; --'")],
      {
        codes: ['22012', '42501'],
        ready: 'TTEII',
        notFake: 'it divides by nothing',
      },
    ),
    denies('dollar quotes do not begin within a name', query('select 1 as a$b$; delete from pay; --$b$')),
    denies('tags must be the same', query('select $a$ $b$ $a$; delete from pay; -- $a$')),
    denies('comments nest', query('select 1 /* /* */ */; delete from pay')),
    denies('an operator before a comment', query('select 1 +/* */ 1; delete from pay')),
    denies('two dashes end an operator', query('select 1 *--\n 1; delete from pay')),
    denies('a literal that goes on over a line', query("select 'a'\n'; select 1'; delete from pay")),
    denies('but not over a block comment', query("select 'a' /* */ ; delete from pay; --'")),
    denies('U& with its own escape', query("select U&'\\0027' UESCAPE '\\'; delete from pay")),
    denies('bits, hex and national literals', query("select B'0', X'f', N'x''; '; delete from pay")),
  ],
};
