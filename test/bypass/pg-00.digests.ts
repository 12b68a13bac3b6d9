import { batch, bind, denies, execute, extended, type PgRow, parse, query, sync } from './support/postgres.ts';

/** One digest, other facts: what is judged is the text at hand, never the one that was seen first. */
const pair = (name: string, fine: string, touches: string) => [
  denies(`${name}, simple`, [query(fine), query(touches)], { ready: 'II' }),
  denies(`${name}, in one segment`, batch(query(fine), query(touches)), { ready: 'II' }),
  denies(
    `${name}, prepared under one name`,
    [batch(parse(fine, 's'), bind('s'), execute(), sync()), batch(parse(touches, 't'), bind('t'), execute(), sync())],
    { ready: 'II' },
  ),
];
const filler = 'x'.repeat(65_500);

export const row: PgRow = {
  id: 'PG-00',
  title: 'texts that share a digest',
  rules: ['R2', 'R6', 'R7'],
  cases: [
    ...pair('a sequence in a literal', "select nextval('ids')", "select nextval('pay')"),
    ...pair(
      'a sequence in the second row of two',
      "select * from (values (nextval('ids')), (1)) v",
      "select * from (values (nextval('ids')), (nextval('pay'))) v",
    ),
    ...pair(
      'a setting in a literal',
      "select set_config('statement_timeout', '0', true)",
      "select query_to_xml('table pay', true, true, '')",
    ),
    ...pair('equal first 64 KiB', `select '${filler}' -- fine`, `select '${filler}' ; table pay`),
    ...pair('equal first 64 KiB, in a comment', `/*${filler}*/ select 1`, `/*${filler}*/ delete from pay`),
    denies(
      'a literal that ends elsewhere with another setting',
      [
        query("select 'a' -- '"),
        query('set standard_conforming_strings to off'),
        query("select 'a\\'', (select max(a) from pay) -- '"),
      ],
      { ready: 'III', notFake: 'it does not read so' },
    ),
    denies(
      'spelling that folds into one canonical text',
      [query('select * from other'), query('SELECT  * /* */ FROM Pay')],
      { ready: 'II', never: ['FROM Pay'] },
    ),
    denies('extended after simple', [query('select * from other'), extended('select * from pay')], { ready: 'II' }),
  ],
};
