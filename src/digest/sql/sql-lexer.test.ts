import { describe, expect, test } from 'vitest';
import { SqlLexer } from './sql-lexer.ts';

const lexer = new SqlLexer(65536);

interface Found {
  text: string;
  start: number;
  end: number;
}

const lex = (sql: string | Buffer, conforming = true, truncated = false): Found[] => {
  const bytes = typeof sql === 'string' ? Buffer.from(sql) : sql;
  // Bytes before and after must not matter.
  const buf = Buffer.concat([Buffer.from("'$$/*"), bytes, Buffer.from("'*/\n'x")]);
  lexer.begin(buf, 5, 5 + bytes.length, conforming, truncated);
  const found: Found[] = [];
  while (lexer.next()) {
    const { out, length } = lexer.canonical;
    found.push({ text: Buffer.from(out.subarray(0, length)).toString(), start: lexer.start - 5, end: lexer.end - 5 });
  }
  return found;
};
const canonical = (sql: string, conforming = true): string =>
  lex(sql, conforming)
    .map((f) => f.text)
    .join(' ;; ');

const table = (name: string, cases: readonly (readonly [sql: string, want: string])[]): void => {
  describe(name, () => {
    for (const [sql, want] of cases) test(sql, () => expect(canonical(sql)).toBe(want));
  });
};

table('case, blanks, comments', [
  ['SELECT A, "B"  FROM\tT\n', 'select a, "B" from t'],
  ['select a,b from t where x=y', 'select a, b from t where x = y'],
  ['select -- one\n a /* two /* nested */ */ from t --', 'select a from t'],
  ['select a--x\r b', 'select a b'],
  ['select /*+ hint */ a', 'select a'],
  ['select /*/ a */ b', 'select b'],
  ['select a /* open', 'select a'],
  ['select a /* /* */ open', 'select a'],
  ['select count ( * ) , t . *', 'select count(*), t.*'],
  ['select \u017fELECT, \u212a', 'select \u017felect, \u212a'], // only ASCII folds: long s and the Kelvin sign stay
  ['select ÄÖ', 'select ÄÖ'],
  ['', ''],
  [' ;; /* */ ; -- x', ''],
]);

table('strings', [
  ["select 'a'", 'select ?'],
  ["select 'it''s', ''", 'select ?, ?'],
  ["select 'a;b' || '--c' || '/*'", 'select ? || ? || ?'],
  ["select 'a' 'b'", 'select ? ?'],
  ["select 'a'\n'b'", 'select ?'],
  ["select 'a' -- comment\n  'b', 'c'", 'select ?, ?'],
  ["select 'a' /* no */\n 'b'", 'select ? ?'],
  ["select 'a\\', 'b'", 'select ?, ?'],
  ["select E'a\\'b', e'\\\\'", 'select ?, ?'],
  ["select E'a\\\\'\n'\\'b'", 'select ?'],
  ["select U&'d\\0061t\\+000061', u&'x!0061' uescape '!'", 'select ?, ? uescape ?'],
  ["select N'x', B'01', x'1F', b'1'\n'0'", 'select ?, ?, ?, ?'],
  ["select n 'x', ax'1'", 'select n ?, ax ?'],
  ["select 'open", 'select ?'],
  ["select E'open\\'", 'select ?'],
  ["select E'open\\", 'select ?'],
  ["select'a'from t", 'select ? from t'],
]);

table('dollars', [
  ['select $$a;b$$, $x$ $$ ; $y$ $x$, $1', 'select ?, ?, ?'],
  ['select $x$ $x $x$', 'select ?'],
  ['select $1$a', 'select ? $ a'],
  ['select a$1, a$b$c$b$', 'select a$1, a$b$c$b$'], // a dollar goes on with an identifier
  ['select $é$ ; $é$', 'select ?'],
  ['select $x', 'select $ x'],
  ['select $$open; select 2', 'select ?'],
  ['select $a$ $b$ $a', 'select ?'],
  ['select $ 1', 'select $ ?'],
]);

table('numbers', [
  ['select 1, 1.5, .5, 1., 1e5, 1.5E-3, 1_000, 0x1F, 0o17, 0b11', 'select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?'],
  ['select 1..2', 'select ? .. ?'],
  ['select a.1', 'select a ?'],
  ['select 1e, 1e+, 1x', 'select ? e, ? e +, ? x'],
  ['select a1, a_1, t1.c2', 'select a1, a_1, t1.c2'],
  ['a=1and b=2', 'a = ? and b = ?'],
  ['select 1-1, 1 -1, a-1, f(x)-1, a[1]-1', 'select ? - ?, ? - ?, a - ?, f(x) - ?, a[?] - ?'],
  ['select -1, - 1, (-1), a = -1, a*-1, a =-1', 'select ?, ?, (?), a = ?, a * ?, a = ?'],
  ['where a > -$1 and -a < 1 and - -1 = +1', 'where a > ? and - a < ? and - ? = + ?'],
  ['select case when -1 then -2 else -3 end -4', 'select case when ? then ? else ? end - ?'],
]);

table('constants that are words', [
  ['select true, FALSE, null', 'select ?, ?, ?'],
  [
    'where a is null and b is not null and c is true and d is not false',
    'where a is null and b is not null and c is true and d is not false',
  ],
  ['where not true and a = null', 'where not ? and a = ?'],
  ['where a is distinct from null', 'where a is distinct from ?'],
  ['create table t (a int not null default true, b int null)', 'create table t(a int not null default ?, b int null)'],
  ['alter table t alter a set not null', 'alter table t alter a set not null'],
  ['references u on delete set null', 'references u on delete set null'],
  ['select t.null, t."null", nulls', 'select t.null, t."null", nulls'],
  ["select extract(YEAR from a), extract('x' from a)", 'select extract(? from a), extract(? from a)'],
  ['select 1 limit all', 'select ? limit ?'],
  ["set work_mem = '1MB'", 'set work_mem = ?'],
  ['set local search_path to a, "B"', 'set local search_path to ?, ?'],
  ['set x to default', 'set x to default'],
  ['set role admin', 'set role ?'],
  ['update t set a = b', 'update t set a = b'],
  ['savepoint s1', 'savepoint ?'],
  ['release savepoint "S"', 'release savepoint ?'],
  ['rollback to s1', 'rollback to ?'],
  ['rollback to savepoint s1', 'rollback to savepoint ?'],
  ['rollback', 'rollback'],
  ['deallocate p1', 'deallocate ?'],
  ['deallocate all', 'deallocate all'],
]);

table('operators', [
  ["select a||b, a<>b, a->>'x', a#>b, a@-1, a<@b", 'select a || b, a <> b, a ->> ?, a #> b, a @- ?, a <@ b'],
  ["where a ? 'x' and b ?| c and d ?& e and f @? '$.x'", 'where a ? ? and b ?| c and d ?& e and f @? ?'],
  ['select a +-+- b, a *+-@ b, a +-+--x\n b', 'select a + - + - b, a *+-@ b, a + - + b'],
  ['select a+-1, a-+b, a*-b', 'select a + ?, a - + b, a * - b'],
  ['select a +/* c */b, a --x\n b', 'select a + b, a b'],
  ['select a*--x\n b', 'select a * b'],
  ['select a<--x\n b', 'select a < b'],
  ['select a::int, a :: "T" [ ], x::int4', 'select a::int, a::"T"[], x::int4'],
  ['select a[1:2], f(a => 1, b := 2)', 'select a[? : ?], f(a => ?, b := ?)'],
  ['select a operator(pg_catalog.+) b', 'select a operator(pg_catalog.+) b'],
]);

table('lists', [
  ['a in (1)', 'a in (?+)'],
  ['a in (1, 2,3)', 'a in (?+)'],
  ['a not in ($1, $2)', 'a not in (?+)'],
  ["a in ('x'::text, null, -1, true)", 'a in (?+)'],
  ["a in (date '2020-01-01', pg_catalog.timestamptz '2020', interval '1' day)", 'a in (?+)'],
  ["a in (cast('1' as numeric(10,2)), '2'::int[]::text)", 'a in (?+)'],
  ['a in ((1), (2))', 'a in (?+)'],
  ['(a, b) in ((1, 2), (3, 4))', '(a, b) in (?+)'],
  ['a in (1, b)', 'a in (?, b)'],
  ['a in (b, 1)', 'a in (b, ?)'],
  ['a in (1, f(2))', 'a in (?, f(?))'],
  ['a in (1 + 2)', 'a in (? + ?)'],
  ['a in (select 1)', 'a in (select ?)'],
  ['a in (1::int or b)', 'a in (?::int or b)'],
  ['a in (1::secret, b.c)', 'a in (?::secret, b.c)'],
  ['a in ()', 'a in ()'],
  ['f(1, 2)', 'f(?, ?)'],
  ['array[1, 2]', 'array[?+]'],
  ['array[[1, 2], [3]]::int[]', 'array[?+]::int[]'],
  ['array[array[1], array[2, 3]]', 'array[?+]'],
  ['array[a, 1]', 'array[a, ?]'],
  ['a = any(array[1,2])', 'a = any (array[?+])'],
  ['a[1, 2]', 'a[?, ?]'],
  ['values (1, 2)', 'values (?+)'],
  ["insert into t values (1, 'a'), (2, 'b'), (3, null)", 'insert into t values (?+)'],
  ['insert into t values (1, now()), (2, now())', 'insert into t values (?, now())'],
  ['insert into t values (1, default), (default, 2), (default, 3)', 'insert into t values (?, default), (default, ?)'],
  ['select * from (values (1), (2)) v, u', 'select * from (values (?+)) v, u'],
  ['values (1), (2) order by (1), (2)', 'values (?+) order by (?), (?)'],
  [
    'values (1, (select a from b where c in (1,2))), (2, (select a from b where c in (3)))',
    'values (?, (select a from b where c in (?+)))',
  ],
]);

test('lists of one and of a thousand share a form', () => {
  for (const [open, close] of [
    ['select * from t where a in (', ')'],
    ['select array[', ']'],
  ]) {
    const many = Array.from({ length: 1000 }, (_, i) => String(i)).join(', ');
    expect(canonical(`${open}${many}${close}`)).toBe(canonical(`${open}7${close}`));
    const parameters = Array.from({ length: 1000 }, (_, i) => `$${i + 1}`).join(',');
    expect(canonical(`${open}${parameters}${close}`)).toBe(canonical(`${open}'x'${close}`));
  }
});

describe('what pg_stat_statements makes of a text has the same form', () => {
  // Read from pg_stat_statements of Postgres 18.4, except where a comment says otherwise.
  const cases: readonly (readonly [sql: string, normalised: string])[] = [
    ['select 1', 'select $1'],
    ['select -1, - 1, +1, 1 - 1', 'select $1, $2, +$3, $4 - $5'],
    ['select -1::int', 'select -$1::int'],
    ["select - '5'::int", 'select - $1::int'],
    ['select true, null, not true, a is null', 'select $1, $2, not $3, a is null'],
    ["select date '2020-01-01', interval '1' day", 'select date $1, interval $2 day'],
    ['select * from t where a in (1, 2, 3)', 'select * from t where a in ($1 /*, ... */)'],
    ["select * from t where b in ('a'::text, 'b'::text)", 'select * from t where b in ($1 /*, ... */)'],
    ["select * from t where c in (date '2020-01-01', date '2020-01-02')", 'select * from t where c in ($1 /*, ... */)'],
    ['select * from t where a in (1)', 'select * from t where a in ($1)'],
    [
      'select array[1, 2], array[[1, 2], [3, 4]]',
      'select array[$1 /*, ... */], array[[$2 /*, ... */], [$3 /*, ... */]]',
    ],
    ["insert into t(a, b) values (1, 'a'), (2, 'b')", 'insert into t(a, b) values ($1, $2), ($3, $4)'],
    ['select extract(year from c) from t limit all', 'select extract($1 from c) from t limit $2'],
    ["set work_mem to '4MB'", 'set work_mem to $1'],
    ['set search_path to public, pg_catalog', 'set search_path to $1, $2'],
    ['set role postgres', 'set role $1'],
    ['savepoint abc', 'SAVEPOINT $1'],
    ['rollback to savepoint abc', 'ROLLBACK TO SAVEPOINT $1'],
    ['deallocate s1', 'DEALLOCATE $1'],
  ];
  for (const [sql, normalised] of cases) test(sql, () => expect(canonical(sql)).toBe(canonical(normalised)));
});

describe('statements', () => {
  const cases: readonly (readonly [sql: string, want: readonly string[]])[] = [
    ['select 1; select a', ['select ?', 'select a']],
    ['select 1;;', ['select ?']],
    ["select ';' ; b", ['select ?', 'b']],
    ['select "a;b"; c', ['select "a;b"', 'c']],
    ['select $$;$$; c', ['select ?', 'c']],
    ['select 1 /* ; */; b --;', ['select ?', 'b']],
    [
      'create rule r as on insert to t do also (select 1; select 2); select 3',
      ['create rule r as on insert to t do also(select ?; select ?)', 'select ?'],
    ],
    ['select (1; select 2', ['select (?; select ?']],
    ['select 1); select 2', ['select ?)', 'select ?']],
    ['select [1; select 2', ['select [?', 'select ?']],
    [
      'create function f() returns int begin atomic select 1; select case when a then b end; end; select 2',
      ['create function f() returns int begin atomic select ?; select case when a then b end; end', 'select ?'],
    ],
    [
      'CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC select 1 as end; END; x',
      ['create or replace procedure p() begin atomic select ? as end; end', 'x'],
    ],
    [
      'create function begin() returns int return 1; drop table t',
      ['create function begin() returns int return ?', 'drop table t'],
    ],
    ['create table f (a int); begin; commit', ['create table f(a int)', 'begin', 'commit']],
    ['begin atomic; x', ['begin atomic', 'x']],
  ];
  for (const [sql, want] of cases) test(sql, () => expect(lex(sql).map((f) => f.text)).toEqual(want));

  test('each knows its place', () => {
    const sql = '/* a */ select 1 ; -- x\n update "t" /* b */; ';
    expect(lex(sql).map((f) => sql.slice(f.start, f.end))).toEqual(['select 1', 'update "t"']);
  });
});

describe('standard_conforming_strings off', () => {
  test('a backslash takes the quote along', () => {
    expect(canonical("select 'a\\'; select b", false)).toBe('select ?');
    expect(canonical("select 'a\\'; select b", true)).toBe('select ? ;; select b');
    expect(canonical("select N'\\'', E'\\''", false)).toBe('select ?, ?');
    expect(canonical("select U&'\\'; x", false)).toBe('select ? ;; x');
  });
});

describe('names', () => {
  test('quoted names stay as written', () => {
    expect(canonical('select "A""b", "sel', true)).toBe('select "A""b", "sel');
    expect(canonical('select U&"d\\0061t" , u&"!" UESCAPE \'!\'')).toBe('select u&"d\\0061t", u&"!" uescape \'!\'');
  });
  test('invalid UTF-8 and zero bytes are kept apart, byte for byte', () => {
    const a = lex(Buffer.from([0x61, 0xff]))[0]!;
    const b = lex(Buffer.from([0x61, 0xfe]))[0]!;
    expect(a.end).toBe(2);
    expect(b.end).toBe(2);
    expect(lex(Buffer.from('a\0b'))).toHaveLength(1);
  });
});

describe('text that was cut', () => {
  const cut = (sql: string): string =>
    lex(sql, true, true)
      .map((f) => f.text)
      .join(' ;; ');
  test('inserts share a form wherever they are cut', () => {
    const sql = "insert into t (a, b) values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')";
    const forms = new Set<string>();
    for (let end = sql.indexOf('(2'); end < sql.length; end++) forms.add(cut(sql.slice(0, end)));
    expect([...forms]).toEqual(['insert into t(a, b) values (?+) ...']);
  });
  test('lists too, and complete statements before are complete', () => {
    expect(cut('select 1; select * from t where a in (1, 2')).toBe('select ? ;; select * from t where a in (?+) ...');
    expect(cut("select 'open")).toBe('select ? ...');
  });
});
