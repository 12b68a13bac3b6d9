import { expect, test } from 'vitest';
import type { MysqlSqlMode } from '../../exchange/digest.ts';
import type { OperationFacts } from '../../exchange/operation-facts.ts';
import { loadSqlParser, SqlDigestCache } from '../cache.ts';
import { mysqlReadingsAgree } from './mysql-agreement.ts';
import { mysqlUtilityFacts } from './mysql-utility.ts';

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101_119,
};
const parser = await loadSqlParser();
await parser.mysql.load();
const cache = new SqlDigestCache({ parser, now: () => 0 });

function factsOf(sql: string): OperationFacts {
  const buf = Buffer.from(sql);
  const reading = cache.read(MODE, buf, 0, buf.length);
  expect(reading.count).toBe(1);
  const { digest, start, end } = reading.statements[0]!;
  expect(cache.settle(digest, () => {})).toBe(true);
  const facts = mysqlUtilityFacts(digest.operation, digest.text) ?? cache.judgedOf(MODE, digest, buf, start, end);
  if (facts.unresolved === '' && mysqlUtilityFacts(digest.operation, digest.text) === null)
    expect(mysqlReadingsAgree(digest.text, facts.accesses), 'two readings').toBe(true);
  return facts;
}

/** `verb type schema.name`, and `?` where more may be touched. */
const told = (sql: string): string => {
  const { accesses, unresolved, hasWhere, limit } = factsOf(sql);
  return [
    ...accesses.map(({ verb, type, schema, name }) =>
      [verb, type, `${schema}.${name}`].join(' ').replace(/ {2}\.$| \.$/, ''),
    ),
    ...(unresolved === '' ? [] : ['?']),
    ...(hasWhere ? ['where'] : []),
    ...(limit >= 0 ? [`limit ${limit}`] : []),
  ].join(', ');
};

const CASES: readonly (readonly [sql: string, want: string])[] = [
  ['select a from t where b = 1 limit 5', 'select table .t, where, limit 5'],
  ['select a from t limit 2, 7', 'select table .t, limit 7'],
  ['select * from `t` where 1 = 1', 'select table .t'],
  [
    'select count(*), foo(1), shop.bar(2), sleep(3) from t',
    'call function .foo, call function shop.bar, call function .sleep, select table .t',
  ],
  ["select load_file('/etc/passwd')", 'file'],
  ["select * from 'x'", '?'],
  ['with c as (select * from t) select * from c', 'select table .t'],
  ['with t as (select 1) delete from t', 'delete table .t'],
  ['insert into t select * from u on duplicate key update a = 1', 'insert table .t, update table .t, select table .u'],
  ['replace into t values (1)', 'insert table .t, delete table .t'],
  ['update t join u on t.a = u.a set t.b = 1 where u.c = 2', 'update table .t, select table .u, where'],
  ['delete t from t join u on t.a = u.a', 'delete table .t, select table .u'],
  ['update t set a = 1 where 1', 'update table .t'],
  ['select a from t lock in share mode', 'select table .t, lock table .t'],
  ['create table x (like t)', 'create table .x, select table .t'],
  ['create table x (a int) union = (t)', 'code, ?'],
  ['create table x (a int, foreign key (a) references t (a)) engine=innodb', 'create table .x, references table .t'],
  ['create table x (a int) as select * from t', 'create table .x, select table .t'],
  ['alter table t exchange partition p with table u', 'alter table .t, alter table .u'],
  ['alter table t rename to u, add column c int', 'alter table .t, create table .u'],
  ['drop database shop', 'drop table shop., drop schema shop.'],
  ['rename table t to u, v to w', 'alter table .t, create table .u, alter table .v, create table .w'],
  ['handler t open as u', 'select table .t'],
  ['analyze select * from t', '?'],
  ['begin', 'transaction'],
  ['begin not atomic select 1; end', 'code, ?'],
  ['show full columns from t from shop', 'describe table shop.t'],
  ['show variables where variable_name in (select a from t)', 'session, ?, where'],
  ['grant all on *.* to x', 'grant, grant table *.'],
  ["load data local infile 'x' into table t", 'local_file, insert table .t'],
  ['kill 5', 'admin'],
  ['do sleep(1)', 'call function .sleep'],
  ["xa start 'x'", 'xa'],
  ['select nextval(t)', 'select table .t, insert table .t'],
  ['select next value for shop.t', 'select table shop.t, insert table shop.t'],
  ['select lastval(t)', 'select table .t'],
  ['drop sequence t, shop.u', 'drop table .t, drop table shop.u'],
];

for (const [sql, want] of CASES) test(sql, () => expect(told(sql)).toBe(want));
