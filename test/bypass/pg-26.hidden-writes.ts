import { policySet } from '../../src/policy/policy.fixture.ts';
import { bothWays, type PgCase, type PgRow } from './support/postgres.ts';

/** Each touches pay in a way that does not look it, or does what nobody can read. */
const HIDDEN = [
  'with gone as (delete from pay returning a) select * from gone',
  'with a as (select 1), b as (insert into pay values (1) returning a) select * from a, b',
  'with recursive r as (select 1 union all select a from pay) select * from r',
  'explain analyze delete from pay',
  'explain (analyze, costs off) select * from pay',
  'select * into temp copied from pay',
  'create temp table copied as select * from pay',
  'create temp view peek as select * from pay',
  'insert into other select a from pay',
  'insert into other values ((select max(a) from pay))',
  'insert into other select 1 where exists (table pay)',
  'update other set a = p.a from pay p',
  'update other set a = (select max(a) from pay)',
  'delete from other using pay',
  'merge into pay using other on false when not matched then insert values (1)',
  'merge into pay using other on true when matched and 1 / (pay.a - 1) > 0 then do nothing',
  'merge into other using pay on false when not matched then insert values (1)',
  'table pay',
  'values ((select max(a) from pay))',
  'select 1 from other where exists (select from pay)',
  'select 1 from other order by (select max(a) from pay)',
  'select 1 from other limit (select max(a) from pay)',
  'select count(*) filter (where exists (table pay)) from other',
  'select (select array(select a from pay))[1]',
  'select * from other, lateral (select * from pay) x',
  'select * from other tablesample system (100), pay',
  'select 1 union (select 2 except table pay)',
  'select case when true then (select max(a) from pay) end',
  'select 1 from other for update of other; table pay'
    .split(';')[0]!
    .replace('other for', 'pay for')
    .replace('of other', ''),
  'lock table pay',
  'truncate other, pay',
  'alter table pay add column b int',
  'alter table pay rename to paid',
  'alter table other add foreign key (a) references pay',
  'create index on pay (a)',
  'create rule r as on insert to other do also delete from pay',
  'create trigger t after insert on pay execute function suppress_redundant_updates_trigger()',
  'create table copied (like pay)',
  'create table copied () inherits (pay)',
  'create policy p on pay',
  'grant select on pay to public',
  'revoke all on table pay from public',
  'comment on table pay is null',
  'comment on column pay.a is null',
  'security label on table pay is null',
  'drop table other, pay',
  'drop rule r on pay',
  'vacuum pay',
  'vacuum -- pay',
  'analyze -- pay',
  'drop owned by current_user -- pay',
  'reassign owned by current_user to pay',
  'analyze other, pay',
  'reindex table pay',
  'cluster pay using i',
  'refresh materialized view pay',
  'alter schema public rename to pay',
  'drop schema hr cascade -- pay',
  'grant select on all tables in schema hr to public -- pay',
  'do $$ begin delete from pay; end $$',
] as const;

const allowList = policySet([{ name: 'reads', action: 'allow', operations: ['select'], targets: ['other'] }]);
/** What an allow list of reads does not cover. */
const UNCOVERED = [
  'call spend() -- pay',
  'select peek() -- pay',
  'select * from peek() -- pay',
  'notify pay',
  'listen pay',
  "load 'pay'",
  'alter system set work_mem = 64 -- pay',
  'create role pay',
  'set role pay',
  "set session authorization 'pay'",
  'create table pay2 (a int) -- pay',
  'insert into other values (1) -- pay',
  'select * from other for update -- pay',
  "select nextval('ids') -- pay",
  "copy other to '/tmp/pay'",
  'checkpoint -- pay',
  'create extension pay',
  'begin; insert into other values (1) -- pay',
] as const;

const split = (texts: readonly string[], more: Partial<PgCase>): PgCase[] =>
  texts.flatMap((text) =>
    text.includes(';') && !text.startsWith('do') ? bothWays(text, text, more).slice(0, 1) : bothWays(text, text, more),
  );

/** RETURNING reads. */
const noReading = policySet([{ name: 'no_reading', action: 'deny', operations: ['select'], targets: ['pay'] }]);
const READS = [
  'update pay set a = a returning *',
  'delete from pay returning a',
  'with x as (update pay set a = a returning a) select * from x',
] as const;

export const row: PgRow = {
  id: 'PG-26',
  title: 'what does not look it',
  rules: ['R2', 'R4', 'R7'],
  cases: [...split(HIDDEN, {}), ...split(UNCOVERED, { policies: allowList }), ...split(READS, { policies: noReading })],
};
