import { describe, expect, test } from 'vitest';
import type { MysqlSqlMode } from '../../exchange/digest.ts';
import { MysqlLexer } from './mysql-lexer.ts';

const lexer = new MysqlLexer(1 << 16);
const MYSQL: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mysql',
  version: 80036,
};
const MARIADB: MysqlSqlMode = { ...MYSQL, flavour: 'mariadb', version: 101119 };
const ANSI: MysqlSqlMode = { ...MYSQL, ansiQuotes: true };
const NO_ESCAPES: MysqlSqlMode = { ...MYSQL, noBackslashEscapes: true };
const UNKNOWN: MysqlSqlMode = { ...MYSQL, version: 0 };

const lex = (sql: string, mode = MYSQL, truncated = false): string[] => {
  const buf = Buffer.from(sql);
  const texts: string[] = [];
  lexer.begin(buf, 0, buf.length, mode, truncated);
  while (lexer.next()) {
    const { out, length } = lexer.canonical;
    texts.push(Buffer.from(out.subarray(0, length)).toString());
  }
  return texts;
};
const canonical = (sql: string, mode = MYSQL): string => lex(sql, mode).join(' ;; ');

const table = (name: string, cases: readonly (readonly [sql: string, want: string])[], mode = MYSQL): void => {
  describe(name, () => {
    for (const [sql, want] of cases) test(sql, () => expect(canonical(sql, mode)).toBe(want));
  });
};

table('strings', [
  ['select \'a\', "b"', 'select ?, ?'],
  ["select 'it''s', 'it\\'s', \"a\"\"b\", 'a\"b'", 'select ?, ?, ?, ?'],
  ["select 'a' 'b'", 'select ?'],
  ["select 'a' /* c */ \"b\" -- d\n 'e', 'f'", 'select ?, ?'],
  ["select 1 'alias'", 'select ? ?'],
  ["select N'x', n'x'", 'select ?, ?'],
  ["select _utf8'x', _utf8mb4 x'41', _binary 0x41, _latin1 \"x\"", 'select ?, ?, ?, ?'],
  ["select _nocharset 'x'", 'select _nocharset ?'],
  ["select x'41', X'41', b'01', B'01', 0x41, 0b01", 'select ?, ?, ?, ?, ?, ?'],
  ["select 'open", 'select ?'],
]);

table('numbers and names that begin like one', [
  ['select 1, 1.5, .5, 1., 1e5, 1.5E-3, 1.e5', 'select ?, ?, ?, ?, ?, ?, ?'],
  ['select 1a, 1e, 0x, 0xg, 0b2, 0X41', 'select 1a, 1e, 0x, 0xg, 0b2, 0X41'],
  ['select t.1a, t.5, `t`.5, t .5', 'select t.1a, t.5, t.5, t ?'],
  ['select -1, - 1, +1, - -1, a -1, a - -1', 'select ?, ?, ?, ?, a - ?, a - ?'],
]);

table('names', [
  ['SELECT Title FROM Users', 'select Title from Users'],
  ['select `users`.`id` from `users`', 'select users.id from users'],
  ['select `select`, `a b`, `a``b`, `1`, ``, `Order`', 'select `select`, `a b`, `a``b`, `1`, ``, `Order`'],
  ['select t.`select`, Key.Status', 'select t.select, Key.Status'],
  ['select Status, User from Status, User as U', 'select status, user from Status, User as U'],
  ['insert into User (Status) values (1)', 'insert into User(status) values (?+)'],
  ['select * from db . t, d.*', 'select * from db.t, d.*'],
  ['select "a""b"', 'select ?'],
]);
table(
  'names in double quotes (ANSI_QUOTES)',
  [
    ['select "a", "a b", "a""b", "a`b", "order"', 'select a, `a b`, `a"b`, `a``b`, `order`'],
    ['select "a\\" from t', 'select `a\\` from t'],
  ],
  ANSI,
);
table('backslashes (NO_BACKSLASH_ESCAPES)', [["select 'a\\', b, 'c'", 'select ?, b, ?']], NO_ESCAPES);

table('variables and markers', [
  ['select @a, @a.b$c, @\'x y\', @`q`, @"d"', 'select @?, @?, @?, @?, @?'],
  ['select @@version, @@SESSION.sql_mode, @@`x`', 'select @@version, @@session.sql_mode, @@ x'],
  ["grant all on *.* to 'u'@'%', root@localhost", 'grant all on * .* to ? @?, root @?'],
  ['select ?, ? + 1 from t where a in (?, ?)', 'select ?, ? + ? from t where a in (?+)'],
  ['set @x := 1, @y = @x', 'set @? := ?, @? = @?'],
]);

table('operators', [
  [
    "select a<=>b, a->'$.x', a->>'$.x', a||b, a&&b, a<<1, a!=b, a<>b",
    'select a <=> b, a -> ?, a ->> ?, a || b, a && b, a << ?, a != b, a <> b',
  ],
  ['select !a, ~a, a%b, a^b, a:=b', 'select ! a, ~ a, a % b, a ^ b, a := b'],
  ['select \\N, null, a is null, a is not null, true, not false', 'select ?, ?, a is null, a is not null, ?, not ?'],
]);

table('comments', [
  ['select 1 # x\n, 2 -- y\n, 3 --', 'select ?, ?, ?'],
  ['select 1--1', 'select ? - ?'],
  ['select 1 --\t x', 'select ?'],
  ['select /* a /* b */ 1', 'select ?'],
  ['select /*+ NO_INDEX(t) */ a', 'select a'],
  ['select 1 /*! + 1 */', 'select ? + ?'],
  ['select 1 /*!50000 + 1 */ /*!99999 + 2 /* x */ + 3 */', 'select ? + ?'],
  ['select 1 /*M! + 1 */ /*M!100100 + 2 */', 'select ?'],
  ['select 1 /*!80036 + 1 */ /*!80037 + 2 */ /*!080036 + 3 */', 'select ? + ? + ?'],
  ['/*!40101 SET NAMES utf8 */; select 1', 'set names utf8 ;; select ?'],
  ['select 1 */ 2', 'select ? * / ?'],
  ["insert into t /*! values ('*/", 'insert into t values (?'],
]);
table(
  'comments of MariaDB',
  [
    ['select 1 /*M! + 1 */ /*M!100100 + 2 */ /*M!110000 + 3 */', 'select ? + ? + ?'],
    ['select 1 /*!50699 + 1 */ /*!50700 + 2 */ /*!80000 + 3 */ /*!100100 + 4 */', 'select ? + ? + ?'],
  ],
  MARIADB,
);
table(
  'all versions are code while the version is not known',
  [['select 1 /*!99999 + 1 */ /*M!999999 + 2 */', 'select ? + ? + ?']],
  UNKNOWN,
);

table('lists and rows', [
  [
    'select * from t where a in (1), b in (1, 2), c in (-1, null)',
    'select * from t where a in (?+), b in (?+), c in (?+)',
  ],
  ["insert into t values (1, 'a'), (2, 'b')", 'insert into t values (?+)'],
  ['insert into t values (1, now()), (2, now()), (3, now())', 'insert into t values (?, now())'],
  ['insert into t value (1), (2)', 'insert into t value (?+)'],
  ['select value - 1, value', 'select value - ?, value'],
  ['select * from t where (a, b) in ((1, 2), (3, 4))', 'select * from t where (a, b) in (?+)'],
  [
    'insert into t values (1) on duplicate key update a = values(a)',
    'insert into t values (?+) on duplicate key update a = values (a)',
  ],
  [
    'savepoint a; rollback to savepoint a; release savepoint a',
    'savepoint ? ;; rollback to savepoint ? ;; release savepoint ?',
  ],
  ['set autocommit = ON, x = 1', 'set autocommit = on, x = ?'],
]);

describe('statements', () => {
  const cases: readonly (readonly [sql: string, want: readonly string[]])[] = [
    ["select 1; select ';' ;; select `;`", ['select ?', 'select ?', 'select `;`']],
    ['select (1; drop table t', ['select (?', 'drop table t']],
    ['begin; select 1; end', ['begin', 'select ?', 'end']],
    [
      'create procedure p() begin if a then select 1; end if; while b do set c = if(d, 1, 2); end while; end; select 2',
      [
        'create procedure p() begin if a then select ?; end if; while b do set c = if(d, ?, ?); end while; end',
        'select ?',
      ],
    ],
    [
      'create definer=`a`@`b` function if not exists f() returns int return if(a, 1, 2); select 3',
      ['create definer = a @? function if not exists f() returns int return if(a, ?, ?)', 'select ?'],
    ],
    [
      'create trigger t before insert on x for each row begin declare c int; case new.a when 1 then set c = 1; end case; end; a',
      [
        'create trigger t before insert on x for each row begin declare c int; case new.a when ? then set c = ?; end case; end',
        'a',
      ],
    ],
    [
      'create trigger t before insert on x for each row if a then set b = case when c then 1 else 2 end; end if; select 1',
      [
        'create trigger t before insert on x for each row if a then set b = case when c then ? else ? end; end if',
        'select ?',
      ],
    ],
    [
      'create trigger t before insert on x for each row set new.a = 1; select 1',
      ['create trigger t before insert on x for each row set new.a = ?', 'select ?'],
    ],
    [
      'create event e on schedule every 1 day do begin select 1; end; select 2',
      ['create event e on schedule every ? day do begin select ?; end', 'select ?'],
    ],
    ['alter event e do begin select 1; end; b', ['alter event e do begin select ?; end', 'b']],
    [
      'create procedure p() l: loop leave l; end loop; select 1',
      ['create procedure p() l : loop leave l; end loop', 'select ?'],
    ],
    [
      'begin not atomic select 1; for i in 1..2 do select i; end for; end; select 2',
      ['begin not atomic select ?; for i in ? ? do select i; end for; end', 'select ?'],
    ],
    ['if a then select 1; end if; select 2', ['if a then select ?; end if', 'select ?']],
    ['create table begin_x (a int); select 1', ['create table begin_x(a int)', 'select ?']],
    [
      'create view v as select case when a then 1 end as `end`; b',
      ['create view v as select case when a then ? end as `end`', 'b'],
    ],
    ["xa begin 'x'; xa end 'x'; select 1", ['xa begin ?', 'xa end ?', 'select ?']],
  ];
  for (const [sql, want] of cases) test(sql, () => expect(lex(sql)).toEqual(want));

  test('each knows its place', () => {
    const sql = '/* a */ select 1 ; -- x\n update `t` /* b */; ';
    const buf = Buffer.from(sql);
    const places: string[] = [];
    lexer.begin(buf, 0, buf.length, MYSQL, false);
    while (lexer.next()) places.push(sql.slice(lexer.start, lexer.end));
    expect(places).toEqual(['select 1', 'update `t`']);
    expect(sql.slice(lexer.firstCommentAt, lexer.firstCommentEnd)).toBe('/* a */');
    expect(sql.slice(lexer.lastCommentAt, lexer.lastCommentEnd)).toBe('/* b */');
  });

  test('inserts share a form wherever they are cut', () => {
    const sql = "insert into t (a, b) values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')";
    const forms = new Set<string>();
    for (let end = sql.indexOf('(2'); end < sql.length; end++)
      for (const t of lex(sql.slice(0, end), MYSQL, true)) forms.add(t);
    expect([...forms]).toEqual(['insert into t(a, b) values (?+) ...']);
  });
});
