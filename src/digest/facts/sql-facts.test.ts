import { beforeAll, describe, expect, test } from 'vitest';
import type { Digest, SqlMode } from '../../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache } from '../cache.ts';

const MODE: SqlMode = { dialect: 'postgres', standardConformingStrings: true };
const limits = { parseMsPerSecond: 1e9, parseBurstMs: 1e9 };
let parsing: SqlDigestCache;
const tokens = new SqlDigestCache({ parser: null, now: () => 0 });
beforeAll(async () => {
  parsing = new SqlDigestCache({ parser: await loadSqlParser(), now: () => performance.now(), limits });
});

const read = (cache: SqlDigestCache, sql: string): Digest => {
  const buf = Buffer.from(sql);
  const reading = cache.read(MODE, buf, 0, buf.length);
  expect(reading.count).toBe(1);
  return reading.statements[0]!.digest;
};
const targets = (digest: Pick<Digest, 'targets'>): string =>
  digest.targets.map((t) => `${t.schema === '' ? '' : `${t.schema}.`}${t.name}:${t.operations.join('+')}`).join(' ');

const table = (name: string, cases: readonly (readonly [sql: string, summary: string, targets: string])[]): void => {
  describe(name, () => {
    for (const [sql, summary, want] of cases)
      test(sql, () => {
        const digest = read(parsing, sql);
        expect(digest.confidence).toBe('parsed');
        expect(digest.settled).toBe(true);
        expect([digest.summary, targets(digest)]).toEqual([summary, want]);
      });
  });
};

// Summaries: conventions §1.3, from OpenTelemetry's examples.
table('queries', [
  ['SELECT * FROM songs, artists', 'SELECT songs artists', 'songs:select artists:select'],
  ['INSERT INTO a SELECT x FROM b', 'INSERT a SELECT b', 'a:insert b:select'],
  [
    'SELECT * FROM (SELECT * FROM orders JOIN customers USING (id)) x',
    'SELECT SELECT orders customers',
    'orders:select customers:select',
  ],
  ['select * from "song list"', 'SELECT "song list"', 'song list:select'],
  ['select * from S."T""x" where exists (select 1 from u)', 'SELECT s."T""x" SELECT u', 's.T"x:select u:select'],
  ['select a from t union select b from u', 'SELECT t SELECT u', 't:select u:select'],
  ['(select 1) union all (values (2))', 'SELECT', ''],
  ['values (1), (2)', 'VALUES', ''],
  ['table t', 'SELECT t', 't:select'],
  ['select f(a) from generate_series(1, 2) a', 'SELECT', ''],
  ['select (select max(a) from u) from t', 'SELECT SELECT u t', 'u:select t:select'],
  ['update t set a = (select b from u) from v where t.i = v.i', 'UPDATE t SELECT u v', 't:update u:select v:select'],
  ['delete from only t using u where t.a = u.a', 'DELETE t u', 't:delete u:select'],
  ['insert into t values (1) on conflict do nothing', 'INSERT t', 't:insert'],
  ['insert into t values (1) on conflict (a) do update set b = 1', 'INSERT t', 't:insert+update'],
  [
    'merge into t using u on t.a = u.a when matched and t.b > 1 then delete when matched then update set b = 1 when not matched then insert values (1)',
    'MERGE t u',
    't:merge+delete+update+insert u:select',
  ],
  ['select * from t, lateral (select * from u where u.a = t.a) x', 'SELECT t SELECT u', 't:select u:select'],
  ['select * from a.b.c', 'SELECT b.c', 'b.c:select'],
  ['select * from t tablesample system (10)', 'SELECT t', 't:select'],
  ['select * from rows from (f(1), g(2)) x', 'SELECT', ''],
]);

table('common table expressions (a name is no relation where it is in scope)', [
  ['with x as (select * from t) select * from x', 'SELECT t SELECT', 't:select'],
  ['with t as (select * from t) select * from t', 'SELECT t SELECT', 't:select'],
  ['with recursive t as (select 1 union select * from t) select * from t', 'SELECT SELECT SELECT', ''],
  ['with t as (select 1) select * from public.t', 'SELECT SELECT public.t', 'public.t:select'],
  ['select * from (with t as (select 1) select * from t) x, t', 'SELECT SELECT SELECT t', 't:select'],
  ['with a as (select * from b), b as (select 1) select * from a, b', 'SELECT b SELECT SELECT', 'b:select'],
  ['with t as (select 1) insert into t select * from t', 'SELECT INSERT t SELECT', 't:insert'],
  ['with t as (select 1) delete from t using t as u', 'SELECT DELETE t', 't:delete'],
  [
    'with d as (delete from t returning *) insert into log select * from d',
    'DELETE t INSERT log SELECT',
    't:delete log:insert',
  ],
  ['with U as (select 1) select * from u, "U"', 'SELECT SELECT "U"', 'U:select'],
]);

table('hidden writes and locks (PG-26)', [
  ['explain analyze delete from t', 'EXPLAIN DELETE t', 't:delete'],
  ['select * into n from o', 'SELECT n o', 'n:create+insert o:select'],
  ['create table n as select * from o', 'CREATE TABLE n SELECT o', 'n:create+insert o:select'],
  ['create table n as table o', 'CREATE TABLE n SELECT o', 'n:create+insert o:select'],
  ['copy (delete from t returning *) to stdout', 'COPY DELETE t', 't:delete'],
  ['copy t (a) from stdin', 'COPY t', 't:copy+insert'],
  ['copy t to stdout', 'COPY t', 't:copy+select'],
  ['declare c cursor for select * from t for update', 'DECLARE SELECT t', 't:select+lock'],
  ['prepare p as delete from t where a = $1', 'PREPARE DELETE t', 't:delete'],
  ['lock table t, u in share mode', 'LOCK t u', 't:lock u:lock'],
  ['select * from t x for update of x', 'SELECT t', 't:select+lock'],
  ['select * from t where a in (select a from u) for share', 'SELECT t SELECT u', 't:select+lock u:select'],
  ['refresh materialized view m', 'REFRESH m', 'm:refresh'],
  ['truncate t, only u', 'TRUNCATE t u', 't:truncate u:truncate'],
  ['grant select on t, s.u to bob', 'GRANT t s.u', 't:grant s.u:grant'],
  ['revoke all on all tables in schema s from bob', 'REVOKE s', 's.:revoke'],
  ['grant usage on schema s to bob', 'GRANT s', 's.:grant'],
  ["security label on table t is 'x'", 'SECURITY t', 't:label'],
  [
    'create rule r as on insert to t do also (delete from u; update v set a = 1)',
    'CREATE RULE t DELETE u UPDATE v',
    't:alter u:delete v:update',
  ],
  [
    'create function f() returns int begin atomic delete from t; select 1; end',
    'CREATE FUNCTION DELETE t SELECT',
    't:delete',
  ],
  ['create function f() returns int return (select a from t)', 'CREATE FUNCTION SELECT t', 't:select'],
  ['call s.p(1)', 'CALL s.p', 's.p:call'],
]);

table('definitions', [
  ['create table t (a int references u (b), like v)', 'CREATE TABLE t u v', 't:create u:references v:references'],
  ['create table p partition of t default', 'CREATE TABLE p t', 'p:create t:references'],
  ['create temp table t (a int)', 'CREATE TABLE t', 't:create'],
  ['create view v as select * from t', 'CREATE VIEW v SELECT t', 'v:create t:select'],
  ['create materialized view v as select * from t', 'CREATE VIEW v SELECT t', 'v:create+insert t:select'],
  ['create unique index concurrently i on s.t (a)', 'CREATE INDEX s.t', 's.t:alter'],
  ['alter table t add constraint f foreign key (a) references u (b)', 'ALTER TABLE t u', 't:alter u:references'],
  ['alter table t rename to u', 'ALTER TABLE t', 't:alter'],
  ['alter table t set schema s', 'ALTER TABLE t', 't:alter'],
  ['alter table t owner to bob', 'ALTER TABLE t', 't:alter'],
  ['drop table if exists a, b.c cascade', 'DROP TABLE a b.c', 'a:drop b.c:drop'],
  ['drop view v', 'DROP VIEW v', 'v:drop'],
  ['drop index s.i', 'DROP INDEX s.i', 's.i:drop'],
  ['drop schema s cascade', 'DROP SCHEMA s', 's.:drop'],
  ['drop trigger x on s.t', 'DROP TRIGGER s.t', 's.t:alter'],
  ['drop function f(int)', 'DROP FUNCTION', ''],
  ["comment on table t is 'x'", 'COMMENT TABLE t', 't:comment'],
  ["comment on column s.t.c is 'x'", 'COMMENT s.t', 's.t:alter'],
  ['create sequence s.q', 'CREATE SEQUENCE s.q', 's.q:create'],
  ['create trigger x before insert on t execute function f()', 'CREATE TRIGGER t', 't:alter'],
  ['create policy p on t using (exists (select 1 from u))', 'CREATE POLICY t SELECT u', 't:alter u:select'],
  ['vacuum full t', 'VACUUM t', 't:vacuum'],
  ['analyze t', 'ANALYZE t', 't:analyze'],
  ['reindex table t', 'REINDEX t', 't:reindex'],
  ['cluster t using i', 'CLUSTER t', 't:cluster'],
  ['create schema s create table t (a int)', 'CREATE SCHEMA s t', 's.:create t:create'],
]);

table('statements without relations', [
  ['begin', 'BEGIN', ''],
  ['START TRANSACTION read only', 'START', ''],
  ['commit', 'COMMIT', ''],
  ['rollback to savepoint x', 'ROLLBACK', ''],
  ["set search_path = 'x'", 'SET search_path', ''],
  ['show server_version', 'SHOW server_version', ''],
  ['listen c', 'LISTEN', ''],
  ['do $$ begin end $$', 'DO', ''],
]);

test('operation is the first keyword; for WITH, that of its statement', () => {
  for (const [sql, want] of [
    ['select 1', 'SELECT'],
    ['(select 1)', 'SELECT'],
    ['/* x */ insert into t values (1)', 'INSERT'],
    ['with a as (delete from t returning *) update u set b = 1', 'UPDATE'],
    ['with a as (select 1) select 2', 'SELECT'],
    ['explain select 1', 'EXPLAIN'],
    ['create table t (a int)', 'CREATE'],
    ['values (1)', 'VALUES'],
    ['end', 'END'],
  ] as const)
    expect(read(parsing, sql).operation).toBe(want);
});

test('names are folded and cut as the server does (PG-24)', () => {
  const long = 'x'.repeat(70);
  expect(targets(read(parsing, `select * from "${long}"`))).toBe(`${'x'.repeat(63)}:select`);
  expect(targets(read(tokens, `select * from "${long}"`))).toBe(`${'x'.repeat(63)}:select`);
  expect(targets(read(parsing, `select * from "${'é'.repeat(40)}"`))).toBe(`${'é'.repeat(31)}:select`);
  expect(targets(read(tokens, `select * from "${'é'.repeat(40)}"`))).toBe(`${'é'.repeat(31)}:select`);
  expect(targets(read(parsing, 'select * from Users, "Users"'))).toBe('users:select Users:select');
  expect(targets(read(parsing, 'select * from ſelect, \u212a'))).toBe('ſelect:select \u212a:select');
  expect(targets(read(parsing, 'select * from U&"d\\0061t\\0061"'))).toBe('data:select');
  expect(targets(read(parsing, `select * from U&"d!0061ta" uescape '!'`))).toBe('data:select');
});

test('a summary is cut between two names, at 255 characters', () => {
  const names = Array.from({ length: 60 }, (_, i) => `table_${i}`);
  const { summary } = read(parsing, `select * from ${names.join(', ')}`);
  expect(summary.length).toBeLessThanOrEqual(255);
  expect(summary.length).toBeGreaterThan(240);
  expect(`SELECT ${names.join(' ')}`.startsWith(`${summary} `)).toBe(true);
});

describe('literal-sensitive (PG-26, PG-27)', () => {
  const yes = [
    "set search_path = 'a'",
    'set role bob',
    'reset all',
    'discard all',
    'do $$ $$',
    'call p()',
    'execute p(1)',
    'explain execute p(1)',
    'create table x as execute p',
    'prepare p as select 1',
    "copy t from program 'x'",
    "copy t from '/x'",
    "select set_config('a', 'b', true)",
    "select PG_CATALOG.Set_Config('a', 'b', true)",
    `select "set_config"('a', 'b', true)`,
    "select * from t where a = (select U&\"set\\005fconfig\"('a', 'b', false))",
    "select query_to_xml('select 1', true, true, '')",
    "select * from dblink('x', 'y') as z(a int)",
    "select pg_read_file('x')",
    "select lo_import('x')",
    'select pg_terminate_backend(1)',
    "load 'x'",
    "create function f() returns int language sql as 'select 1'",
    "alter system set a = 'b'",
    "alter role r set a = 'b'",
  ];
  const no = [
    'select 1',
    "select 'set_config'",
    'select set_config from t',
    'copy t from stdin',
    'copy t to stdout',
    'begin',
    'update t set a = 1',
    'insert into t values (1)',
    'select setval from t',
    'select count(*) from t',
  ];
  for (const sql of yes) test(sql, () => expect(read(parsing, sql).literalSensitive).toBe(true));
  for (const sql of no) test(`not ${sql}`, () => expect(read(parsing, sql).literalSensitive).toBe(false));
});

describe('from tokens alone', () => {
  const cases: readonly (readonly [sql: string, operation: string, summary: string, targets: string])[] = [
    ['select a from s.t x join u on true, v where b = 1', 'SELECT', 'SELECT s.t u v', 's.t:select u:select v:select'],
    ['select extract(year from x), a is distinct from b from t', 'SELECT', 'SELECT t', 't:select'],
    ['with c as (select * from t) select * from c', 'SELECT', 'SELECT t SELECT', 't:select'],
    ['insert into t (a) values (1)', 'INSERT', 'INSERT t', 't:insert'],
    ['update only t set a = 1', 'UPDATE', 'UPDATE t', 't:update'],
    ['delete from t where a = 1', 'DELETE', 'DELETE t', 't:delete'],
    ['truncate table t', 'TRUNCATE', 'TRUNCATE t', 't:truncate'],
    ['create table if not exists t (a int)', 'CREATE', 'CREATE TABLE t', 't:create'],
    ['drop table s.t', 'DROP', 'DROP TABLE s.t', 's.t:drop'],
    ['select * from generate_series(1, 2)', 'SELECT', 'SELECT', ''],
    ['selec * form t', 'SELEC', 'SELEC', ''],
    ['', '', '', ''],
  ];
  for (const [sql, operation, summary, want] of cases) {
    if (sql === '') continue;
    test(sql, () => {
      const digest = read(tokens, sql);
      expect([digest.operation, digest.summary, targets(digest), digest.confidence]).toEqual([
        operation,
        summary,
        want,
        'partial',
      ]);
    });
  }
  test('what does not parse stays partial, settled', () => {
    const digest = read(parsing, 'select * from t where where');
    expect([digest.confidence, digest.settled, targets(digest)]).toEqual(['partial', true, 't:select']);
  });
});
