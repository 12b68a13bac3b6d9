import { describe, expect, test } from 'vitest';
import type { Digest, MysqlSqlMode } from '../../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache } from '../cache.ts';

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101119,
};
const parsers = await loadSqlParser();
await parsers.mysql.load();
const parsing = new SqlDigestCache({ parser: parsers, now: () => 0 });
const reading = new SqlDigestCache({ parser: null, now: () => 0 });
const digestOf = (cache: SqlDigestCache, sql: string): Digest => {
  const buf = Buffer.from(sql);
  const { statements, count } = cache.read(MODE, buf, 0, buf.length);
  expect(count).toBe(1);
  return statements[0]!.digest;
};
const touches = (digest: Digest): string =>
  digest.targets.map((t) => `${t.schema === '' ? '' : `${t.schema}.`}${t.name}:${t.operations.join(',')}`).join(' ');

/** Statement, operation, what it touches, summary. */
type Case = readonly [sql: string, operation: string, touches: string, summary: string];

// The parser reads these, and the tokens alone say the same.
const PARSED: readonly Case[] = [
  ['select 1 from dual', 'SELECT', '', 'SELECT'],
  ['SELECT * FROM db.Users u, `Order` WHERE a = 1', 'SELECT', 'db.Users:select Order:select', 'SELECT db.Users Order'],
  ['select a from `d``b`.`x y` join t2 using (id)', 'SELECT', 'd`b.x y:select t2:select', 'SELECT `d``b`.`x y` t2'],
  ['select (select max(a) from m) from t', 'SELECT', 'm:select t:select', 'SELECT SELECT m t'],
  ['with c as (select 1 from x) select * from c, y', 'SELECT', 'x:select y:select', 'SELECT x SELECT y'],
  ['(select 1 from a) union (select 2 from b)', 'SELECT', 'a:select b:select', 'SELECT a SELECT b'],
  ['select extract(year from a), trim(both 1 from b) from t', 'SELECT', 't:select', 'SELECT t'],
  ['select a into @x from t', 'SELECT', 't:select', 'SELECT t'],
  ['insert into db.t (a) values (1)', 'INSERT', 'db.t:insert', 'INSERT db.t'],
  ['insert t values (1) on duplicate key update a = 2', 'INSERT', 't:insert,update', 'INSERT t'],
  ['insert low_priority into t select * from u', 'INSERT', 't:insert u:select', 'INSERT t SELECT u'],
  ['update low_priority t set a = 1', 'UPDATE', 't:update', 'UPDATE t'],
  ['update ignore t set a = 1', 'UPDATE', 't:update', 'UPDATE t'],
  ['delete low_priority from t', 'DELETE', 't:delete', 'DELETE t'],
  ['delete quick from t', 'DELETE', 't:delete', 'DELETE t'],
  ['select a from t group by a with rollup', 'SELECT', 't:select', 'SELECT t'],
  ['replace into t select * from u', 'REPLACE', 't:insert,delete u:select', 'REPLACE t SELECT u'],
  ['update t set a = 1 where b in (select c from u)', 'UPDATE', 't:update u:select', 'UPDATE t SELECT u'],
  ['delete from t where a = 1', 'DELETE', 't:delete', 'DELETE t'],
  ['delete a, t2 from t1 a join t2 join t3', 'DELETE', 't1:delete t2:delete t3:select', 'DELETE t1 t2 t3'],
  ['delete from a using t1 a join t2', 'DELETE', 't1:delete t2:select', 'DELETE t1 t2'],
  ['create table a like b', 'CREATE', 'a:create b:select', 'CREATE TABLE a b'],
  [
    'create table a (b int references c (id), foreign key (b) references d (e)) select * from f',
    'CREATE',
    'a:create c:references d:references f:select',
    'CREATE TABLE a c d SELECT f',
  ],
  ['create or replace view v as select * from t', 'CREATE', 'v:create t:select', 'CREATE VIEW v SELECT t'],
  ['create unique index i on t (a)', 'CREATE', 't:alter', 'CREATE INDEX t'],
  ['create database d', 'CREATE', 'd.:create', 'CREATE DATABASE d'],
  ['drop table if exists a, b.c', 'DROP', 'a:drop b.c:drop', 'DROP TABLE a b.c'],
  ['drop index i on t', 'DROP', 't:alter', 'DROP INDEX t'],
  ['drop database d', 'DROP', 'd.:drop', 'DROP DATABASE d'],
  ['alter table t add column a int, rename to u', 'ALTER', 't:alter u:create', 'ALTER TABLE t u'],
  ['rename table a to b, c to d', 'RENAME', 'a:alter b:create c:alter d:create', 'RENAME a b c d'],
  ['truncate db.t', 'TRUNCATE', 'db.t:truncate', 'TRUNCATE db.t'],
  ['use db', 'USE', 'db.:use', 'USE db'],
  ['show create table t', 'SHOW', 't:show', 'SHOW CREATE TABLE t'],
  ['show full columns from t from d', 'SHOW', 'd.t:show', 'SHOW COLUMNS d.t'],
  ['show tables from d', 'SHOW', 'd.:show', 'SHOW TABLES d'],
  ['desc t', 'DESCRIBE', 't:describe', 'DESCRIBE t'],
  ['explain select 1 from t', 'EXPLAIN', 't:select', 'EXPLAIN SELECT t'],
  ['analyze table t', 'ANALYZE', 't:analyze', 'ANALYZE t'],
  ['lock tables a read, b as c write', 'LOCK', 'a:lock b:lock', 'LOCK a b'],
  ['flush tables a with read lock', 'FLUSH', 'a:flush', 'FLUSH TABLES a'],
  ['revoke all on t from u', 'REVOKE', 't:revoke', 'REVOKE t'],
  ['call db.p(1)', 'CALL', 'db.p:call', 'CALL db.p'],
  ['kill 5', 'KILL', '', 'KILL'],
  ['begin', 'BEGIN', '', 'BEGIN'],
  ['commit', 'COMMIT', '', 'COMMIT'],
  ['set a = 1', 'SET', '', 'SET a'],
];
describe('parsed', () => {
  for (const [sql, ...want] of PARSED)
    test(sql, () => {
      const digest = digestOf(parsing, sql);
      expect([digest.confidence, digest.settled, digest.protocol]).toEqual(['parsed', true, 'mysql']);
      expect([digest.operation, touches(digest), digest.summary]).toEqual(want);
      const tokens = digestOf(reading, sql);
      expect(tokens.confidence).toBe('partial');
      expect([tokens.operation, touches(tokens), tokens.summary]).toEqual(want);
    });
});

// Threat row MY-20, and what the parser takes for something else: from tokens, and said so.
const PARTIAL: readonly Case[] = [
  ['update t1, t2 set t1.b = 1', 'UPDATE', 't1:update t2:update', 'UPDATE t1 t2'],
  ['delete t1.* from t1, t2', 'DELETE', 't1:delete t2:select', 'DELETE t1 t2'],
  ['select a into outfile "x" from t', 'SELECT', 't:select', 'SELECT t'],
  ['select * from (t1, t2)', 'SELECT', 't1:select t2:select', 'SELECT t1 t2'],
  ['table t', 'TABLE', 't:select', 'TABLE t'],
  ['handler t open', 'HANDLER', 't:select', 'HANDLER t'],
  ['do sleep(1)', 'DO', '', 'DO'],
  ['load data local infile "x" replace into table db.t', 'LOAD', 'db.t:insert,delete', 'LOAD DATA db.t'],
  ['load xml infile "x" into table t', 'LOAD', 't:insert', 'LOAD XML t'],
  ['prepare s from "select 1"', 'PREPARE', '', 'PREPARE'],
  ['xa start "x"', 'XA', '', 'XA START'],
  ['alter table t exchange partition p with table s', 'ALTER', 't:alter s:alter', 'ALTER TABLE t s'],
  ['create trigger x before insert on t for each row set new.a = 1', 'CREATE', 't:alter', 'CREATE TRIGGER t'],
  ['create procedure p() begin delete from t; end', 'CREATE', '', 'CREATE PROCEDURE'],
  ['begin not atomic delete from t; end', 'BEGIN', 't:delete', 'BEGIN DELETE t'],
  ['set statement x = 1 for select 1 from t', 'SET', 't:select', 'SET statement SELECT t'],
  ['analyze format=json select 1 from t', 'ANALYZE', 't:select', 'ANALYZE SELECT t'],
  ['optimize table t, u', 'OPTIMIZE', 't:optimize u:optimize', 'OPTIMIZE t u'],
  ['checksum table a', 'CHECKSUM', 'a:checksum', 'CHECKSUM a'],
  ['show index from t', 'SHOW', 't:show', 'SHOW INDEX t'],
  ["grant select on db.* to 'u'@'h'", 'GRANT', 'db.:grant', 'GRANT db'],
  ['install plugin p soname "x"', 'INSTALL', '', 'INSTALL PLUGIN'],
  ['signal sqlstate "45000"', 'SIGNAL', '', 'SIGNAL'],
  ['select nextval(s)', 'SELECT', '', 'SELECT'],
  ['selec a from t', 'SELEC', 't:select', 'SELEC t'],
];
describe('from tokens', () => {
  for (const [sql, ...want] of PARTIAL)
    test(sql, () => {
      const digest = digestOf(parsing, sql);
      expect([digest.confidence, digest.settled]).toEqual(['partial', true]);
      expect([digest.operation, touches(digest), digest.summary]).toEqual(want);
    });
});

test('more than the tokens tell: which tables of a join are changed, locks, TABLE as a query', () => {
  expect(touches(digestOf(parsing, 'update t1 a join t2 on 1 set a.b = 1'))).toBe('t1:update t2:select');
  expect(touches(digestOf(parsing, 'select 1 from t for update'))).toBe('t:select,lock');
  expect(touches(digestOf(parsing, 'create view v as table t'))).toBe('v:create t:select');
});

test('statements whose effect stands in a literal or behind a name', () => {
  const sensitive = (sql: string): boolean => digestOf(parsing, sql).literalSensitive;
  for (const sql of [
    'set sql_mode = "x"',
    'prepare s from "x"',
    'execute s',
    'execute immediate "x"',
    'call p()',
    'do f()',
    'load data infile "x" into table t',
    'select load_file("x")',
    'select 1 into outfile "x"',
    'begin not atomic select 1; end',
    'create function f() returns int return 1',
  ])
    expect(sensitive(sql), sql).toBe(true);
  for (const sql of ['select 1', 'insert into t values (1)', 'use d', 'begin', 'kill 1', 'show tables'])
    expect(sensitive(sql), sql).toBe(false);
});

test('unreadable: none', () => {
  const buf = Buffer.from('select a\xff from t', 'latin1');
  const { digest } = parsing.read(MODE, buf, 0, buf.length).statements[0]!;
  expect([digest.confidence, digest.targets]).toEqual(['none', []]);
});

test('no literal is anywhere in a digest (TE-04)', () => {
  for (const sql of [
    "select \"canary\", N'canary', _utf8'canary', x'63616e617279', @\"canary\", @canary",
    'set password = "canary"',
    "create user u@'canary' identified by 'canary'",
    'change master to master_password = "canary"',
    'select 1 -- canary\n # canary\n /* canary */',
    "select 'a\\'canary'",
    'prepare s from "canary"',
    'savepoint canary',
  ])
    expect(JSON.stringify(digestOf(parsing, sql)), sql).not.toContain('canary');
});
