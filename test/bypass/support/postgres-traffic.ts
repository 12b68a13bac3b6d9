import { Frontend as F } from '../../../protocol-filters/postgres/wire.ts';
import { policySet } from '../../../src/policy/policy.fixture.ts';
import { batch, client, close, describe, execute, extended, frame, i16, i32, parse, query, sync } from './postgres.ts';

/** What an application of a shop may: nothing else. */
export const shopPolicy = policySet([
  {
    name: 'rows',
    action: 'allow',
    operations: ['select', 'insert', 'update', 'delete', 'lock'],
    targets: ['customers', 'orders', 'items', '"Odd.Name"'],
  },
  { name: 'ids', action: 'allow', operations: ['update', 'select'], targets: ['order_ids'] },
  { name: 'functions', action: 'allow', operations: ['call'], targets: ['function=total', 'function=shop.*'] },
  { name: 'copies_in', action: 'allow', operations: ['copy_from'], targets: ['items'] },
  { name: 'copies_out', action: 'allow', operations: ['copy_to'] },
  { name: 'temporary', action: 'allow', operations: ['create', 'insert', 'select', 'drop'], targets: ['tmp_*'] },
  { name: 'jobs', action: 'allow', operations: ['notify'], targets: ['channel=jobs'] },
  { name: 'catalogs', action: 'allow', operations: ['select'], targets: ['pg_catalog.*', 'information_schema.*'] },
  { name: 'never', action: 'deny', targets: ['secrets'] },
]);

export const SHOP = `
  create schema shop;
  create table customers (id int primary key, name text, city text, since date);
  create table orders (id int primary key, customer int references customers, amount numeric, state text);
  create table items (order_id int, n int, what text);
  create table "Odd.Name" ("Key" int, "vAlue" text);
  create index on items (n); create index on items (order_id); create index on orders (customer);
  create table secrets (a int);
  create sequence order_ids;
  create function total(int) returns numeric stable language sql as 'select sum(amount) from orders where customer = $1';
  create function shop.twice(int) returns int immutable language sql as 'select $1 * 2';
  insert into customers select i, 'name ' || i, 'city ' || i % 7, date '2020-01-01' + i from generate_series(1, 100) i;
  insert into orders select i, i % 100 + 1, i * 1.5, 'open' from generate_series(1, 500) i;
  insert into items select i % 500 + 1, i, 'thing ' || i from generate_series(1, 1000) i;
  insert into "Odd.Name" select i, 'v' || i from generate_series(1, 50) i;
`;

type Random = () => number;
const whole = (random: Random, most: number): number => Math.floor(random() * most);
const one = <T>(random: Random, from: readonly T[]): T => from[whole(random, from.length)]!;

const WORDS = ["it''s", 'a;b', '-- x', '/* y */', 'C:\\\\temp', '$$', 'Ünïcödé', '日本', '"q"', ''];
const text = (random: Random): string =>
  one(random, [
    () => `'${one(random, WORDS)}'`,
    () => `E'${one(random, WORDS)}\\'\\n'`,
    () => `$t$${one(random, WORDS)}$t$`,
    () => `U&'\\00e9${one(random, ['a', "''", ';'])}'`,
    () => `'${whole(random, 1000)}'::text`,
  ])();

/** One statement; `id` is its own, so that inserts do not meet. */
const STATEMENTS: readonly ((random: Random, id: number) => string)[] = [
  (r) => `select * from customers where id = ${1 + whole(r, 100)}`,
  (r) => `SELECT name, city FROM Customers c WHERE c.city = 'city ${whole(r, 7)}' ORDER BY id LIMIT ${1 + whole(r, 9)}`,
  (r) =>
    `select o.id, c.name from orders o join customers c on c.id = o.customer where o.id < ${whole(r, 60)} order by 1`,
  (r) => `select count(*), sum(amount), max(state) from orders where customer in (${whole(r, 9)}, ${whole(r, 9)}, 5)`,
  (r) => `with big as (select * from orders where amount > ${whole(r, 700)}) select count(*) from big`,
  (r) =>
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${whole(r, 9)}) select sum(i) from n`,
  (r) => `select ${text(r)}, length(${text(r)}), coalesce(null, ${text(r)})`,
  (r) =>
    `select id, row_number() over (partition by customer order by id) from orders where id <= ${whole(r, 30)} order by id`,
  (r) =>
    `select * from items where what like 'thing ${whole(r, 99)}%' order by n, order_id, what -- ${one(r, ['secrets', 'drop table orders', ';'])}`,
  (r) => `select /* ${one(r, ['from secrets', '; delete', '/* nested */'])} */ 1 + ${whole(r, 99)}`,
  (r) => `select 'select * from secrets' as "secrets", ${whole(r, 9)} as pay`,
  (r) => `select * from (values (1, 'a'), (2, 'b')) v(x, y) where x = ${1 + whole(r, 2)}`,
  (r) => `select x from generate_series(1, ${1 + whole(r, 5)}) x`,
  (r) => `select json_build_object('a', id, 'b', name)::text from customers where id = ${1 + whole(r, 100)}`,
  (r) => `select array_agg(id order by id) from orders where customer = any(array[${whole(r, 9)}, 3])`,
  (r) =>
    `select extract(year from since), date_trunc('month', since::timestamp), to_char(since, 'YYYY') from customers where id = ${1 + whole(r, 100)}`,
  (r) => `select total(${1 + whole(r, 100)}), shop.twice(${whole(r, 9)})`,
  (r) => `select case when amount > ${whole(r, 99)} then 'x' else 'y' end from orders where id = ${1 + whole(r, 500)}`,
  (r) => `select "Key", "vAlue" from "Odd.Name" where "Key" = ${whole(r, 50)}`,
  (r) => `select * from public.customers tablesample system (100) where id = ${1 + whole(r, 100)}`,
  (r) =>
    `select exists (select from items where order_id = ${whole(r, 500)}), (select max(n) from items where order_id = ${whole(r, 500)})`,
  (r) => `select id from orders where id = ${1 + whole(r, 500)} for update`,
  (r) => `select id from customers except select customer from orders where id < ${whole(r, 400)} order by 1`,
  () => 'table "Odd.Name" order by 1 limit 2',
  (r) => `explain (costs off) select * from orders where id = ${whole(r, 99)}`,
  (r, id) => `insert into items values (${1 + whole(r, 500)}, ${10_000 + id}, ${text(r)})`,
  (r, id) => `insert into items (order_id, n, what) values (1, ${id}, 'a'), (2, ${id}, ${text(r)}) returning order_id`,
  (r, id) => `insert into items select id, ${id}, state from orders where id < ${whole(r, 4)}`,
  (r, id) =>
    `insert into orders values (${100_000 + id}, 1, ${whole(r, 99)}, 'new') on conflict (id) do update set amount = excluded.amount`,
  (r) => `update orders set amount = amount + ${whole(r, 9)}, state = ${text(r)} where id = ${1 + whole(r, 500)}`,
  (r) =>
    `update items set what = c.name from orders o, customers c where items.order_id = o.id and o.customer = c.id and items.n = ${whole(r, 900)}`,
  (r) => `delete from items where n = ${10_000 + whole(r, 60_000)} returning n`,
  (r) => `delete from items using orders o where o.id = items.order_id and items.n = ${whole(r, 900)}`,
  (r) => `with gone as (delete from items where n = ${whole(r, 900)} returning *) insert into items select * from gone`,
  (r) =>
    `merge into "Odd.Name" t using (select ${whole(r, 60)} as k) s on t."Key" = s.k when matched then update set "vAlue" = 'm' when not matched then insert values (s.k, 'n')`,
  () => "select nextval('order_ids') > 0, currval('order_ids') > 0",
  () => "select nextval('public.order_ids'::regclass) is not null",
  () => `select setval('"order_ids"', 7)`,
  (r) => `set statement_timeout = ${10_000 + whole(r, 999)}`,
  () => "set local time zone 'UTC'",
  () => 'set datestyle to iso, mdy',
  () => 'reset statement_timeout',
  () => 'show client_encoding',
  () => "select set_config('application_name', 'shop', false)",
  () => "notify jobs, 'again'",
  () => "select pg_notify('jobs', 'x')",
  () => "select relkind from pg_catalog.pg_class where relname = 'orders'",
  () => "select count(*) > 0 from information_schema.tables where table_name = 'orders'",
  () => 'select 1/0',
  () => 'select no_such_column from orders',
  () => 'select current_date is not null, now() is not null, current_user',
];

/** Messages of one operation, and how many statements of policies' interest it holds. */
export interface Operation {
  readonly bytes: Buffer;
  readonly statements: number;
}

const parameters = (...values: string[]): Buffer => {
  const body = values.flatMap((value) => [i32(Buffer.byteLength(value)), Buffer.from(value)]);
  return batch(i16(0), i16(values.length), ...body, i16(0));
};
const bindTo = (statement: string, ...values: string[]): Buffer =>
  frame(F.bind, Buffer.from(`\0${statement}\0`), parameters(...values));

/** One operation as an application's driver would send it. */
export function operation(random: Random, id: number): Operation {
  const statement = (): string => one(random, STATEMENTS)(random, id);
  const kind = whole(random, 20);
  if (kind < 8) return { bytes: query(statement()), statements: 1 };
  if (kind < 13) return { bytes: extended(statement()), statements: 1 };
  switch (kind) {
    case 13:
      return { bytes: query(`${statement()}; ${statement()};`), statements: 2 };
    case 14: {
      const name = `s${id}`;
      const text = 'select name from customers where id = $1 and city <> $2';
      return {
        bytes: batch(
          batch(parse(text, name), describe(name, 'S'), sync()),
          batch(bindTo(name, String(1 + whole(random, 100)), "x';"), execute(), sync()),
          batch(bindTo(name, '7', ''), execute('', 1), close(name), sync()),
        ),
        statements: 2,
      };
    }
    case 15:
      return {
        bytes: batch(query('begin'), query(statement()), query(one(random, ['commit', 'rollback']))),
        statements: 3,
      };
    case 16:
      return {
        bytes: batch(
          query('begin isolation level repeatable read'),
          query(`declare c${id} cursor for select id from orders where id < 20 order by id`),
          query(`fetch ${1 + whole(random, 9)} from c${id}`),
          query(`move next in c${id}; fetch all c${id}`),
          query(`close c${id}`),
          query('end'),
        ),
        statements: 7,
      };
    case 17:
      return {
        bytes: batch(
          query(`prepare p${id} (int) as select amount > 0 from orders where id = $1`),
          query(`execute p${id} (${whole(random, 500)})`),
          query(`deallocate p${id}`),
        ),
        statements: 3,
      };
    case 18:
      return {
        bytes: batch(
          query('copy items (order_id, n, what) from stdin'),
          client.copyData(`1\t${id}\ta\n2\t${id}\tb\n`),
          client.copyDone(),
          query(`copy (select what from items where n = ${id} order by what) to stdout`),
        ),
        statements: 2,
      };
    default:
      return {
        bytes: batch(
          query(`create temp table tmp_${id} as select ${id} as a`),
          extended(`select a + 1 from tmp_${id}`),
          query(`drop table tmp_${id}`),
        ),
        statements: 3,
      };
  }
}
