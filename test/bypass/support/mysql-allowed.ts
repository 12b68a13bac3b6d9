import { client, u8, u16, u32 } from '../../../protocol-filters/mysql/testing/builders.ts';

/** Tables that the generated operations use, as they are before. */
export const ALLOWED_SCHEMA = [
  'drop table if exists tmp_1, tmp_2',
  'create or replace table goods (id int primary key auto_increment, name varchar(100), price decimal(10,2), stock int, note text, key by_name (name))',
  'create or replace table orders (id int primary key auto_increment, goods_id int, amount int, state varchar(20), made datetime)',
  'create or replace table `odd names` (`key` int, `select` varchar(20))',
  "insert into goods (name, price, stock) select concat('thing ', seq), seq * 1.5, seq from seq_1_to_20",
  "insert into orders (goods_id, amount, state, made) select 1 + seq % 20, seq, if(seq % 2, 'new', 'done'), '2026-01-01' + interval seq hour from seq_1_to_40",
  "insert into `odd names` values (1, 'one'), (2, 'two')",
  'create or replace table logs (id int primary key auto_increment, name varchar(100), price decimal(10,2), stock int, key (name))',
  'create or replace procedure total(n int) select sum(amount) from orders where goods_id = n',
];

type Random = () => number;

const STRINGS = [
  'x',
  "it''s",
  'semi; colon',
  '-- no comment',
  '/* nor this */',
  'ünï',
  'back\\\\slash',
  '',
  '漢字',
  '"quoted"',
  '`tick`',
];

/** Statements as an application writes them; each by a random source, and the same for the same seed. */
const TEMPLATES: readonly ((n: Values) => string)[] = [
  (n) => `select * from goods where id = ${n.int()}`,
  (n) => `SELECT g.id, g.name FROM goods g WHERE g.price > ${n.int()} ORDER BY g.price DESC, g.id LIMIT ${n.small()}`,
  (n) => `select count(*) from orders where state = ${n.string()}`,
  (n) =>
    `select g.name, sum(o.amount) as total from goods g join orders o on o.goods_id = g.id group by g.name having total > ${n.int()} order by total, g.name limit 5`,
  (n) =>
    `select goods.*, (select count(*) from orders where goods_id = goods.id) as n from goods where id between ${n.small()} and ${n.int()} order by id`,
  (n) => `select distinct state from orders where id in (${n.int()}, ${n.int()}, ${n.int()}) order by state`,
  (n) => `select * from goods where name like ${n.string()} or note is not null`,
  (n) => `with big as (select * from orders where amount > ${n.int()}) select count(*) from big`,
  (n) =>
    `select id from goods where exists (select 1 from orders where goods_id = goods.id and amount = ${n.int()}) order by id`,
  (n) =>
    `select id from goods where id < ${n.small()} union all select id from orders where id < ${n.small()} order by 1`,
  (n) =>
    `select coalesce(note, ${n.string()}), if(stock > ${n.int()}, 'much', 'little'), date_format('2026-01-02', '%Y-%m') from shop.goods where id = ${n.small()}`,
  (n) => `select case when amount > ${n.int()} then 1 else 0 end from orders order by id limit ${n.small()}, 3`,
  (n) => `select /* a comment; with a semicolon */ 1 + ${n.int()} -- and one more`,
  (n) => `select ${n.string()}, concat(${n.string()}, 'y'), length(${n.string()})`,
  (n) => `select \`key\`, \`select\` from \`odd names\` where \`key\` = ${n.small()}`,
  (n) => `insert into logs (name, price, stock) values (${n.string()}, ${n.int()}.5, ${n.int()})`,
  (n) =>
    `insert into shop.logs (price, stock, name) values (${n.small()}, ${n.int()}, ${n.string()}), (${n.small()}, ${n.int()}, 'new')`,
  (n) => `insert into goods (id, name) values (${n.small()}, ${n.string()}) on duplicate key update stock = stock + 1`,
  (n) => `update goods set stock = stock - ${n.small()}, note = ${n.string()} where id = ${n.small()}`,
  (n) => `update orders o join goods g on g.id = o.goods_id set o.amount = o.amount + 1 where g.id = ${n.small()}`,
  (n) => `delete from orders where id = ${n.int() + 1000}`,
  (n) => `delete from logs where name = ${n.string()} order by id limit 1`,
  (n) => `update \`odd names\` set \`select\` = ${n.string()} where \`key\` = ${n.small()}`,
  (n) => `select * from goods where id = ${n.small()} for update`,
  (n) => `select id from goods where id = ${n.small()} lock in share mode`,
  (n) => `set @a = ${n.int()}, @b = ${n.string()}`,
  () => 'select @a is null, @@autocommit',
  () => 'begin',
  () => 'commit',
  () => 'start transaction',
  () => 'rollback',
  () => 'savepoint here',
  () => 'set names utf8mb4',
  () => "set session sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
  () => 'set autocommit = 1',
  () => 'show tables',
  () => "show variables like 'sql_mode'",
  () => 'show columns from goods',
  () => 'show warnings',
  () => 'describe orders',
  (n) => `explain select * from goods where id = ${n.small()}`,
  () => 'use shop',
  (n) => `call total(${n.small()})`,
  () => "prepare s from 'select count(*) from goods where id < ?'",
  (n) => `set @n = ${n.small()}`,
  (n) => `select 1; select ${n.int()}; select count(*) from orders`,
  (n) => `set @x = ${n.int()}; select @x + 1`,
  (n) => `select row_number() over (order by id) as r, id from goods where id < ${n.small()} order by id`,
  (n) => `select * from (select id, name from goods where id < ${n.small()}) as few order by id`,
  (n) =>
    `select a.id from goods a left join orders b using (id) where b.id is null and a.id < ${n.int()} order by a.id`,
  (n) => `select json_extract('{"a": ${n.int()}}', '$.a'), upper(${n.string()}), substring(${n.string()}, 1, 2)`,
  () => 'select 1 from dual',
  (n) => `do ${n.int()} + 1`,
];

/** What changes tables is slow, and rare. */
const DEFINITIONS: readonly string[] = [
  "create table if not exists tmp_1 (a int primary key, b varchar(20) default 'x', key (b)) engine=innodb",
  "alter table tmp_1 comment = 'y'",
  'truncate table tmp_1',
  'drop table if exists tmp_1, tmp_2',
];

class Values {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  int(): number {
    return Math.floor(this.#random() * 1000);
  }
  small(): number {
    return 1 + Math.floor(this.#random() * 20);
  }
  string(): string {
    return `'${STRINGS[Math.floor(this.#random() * STRINGS.length)]!}'`;
  }
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }
}

const LAST = 0xffff_ffff;

/** One operation: packets that go together. */
export function generated(random: Random): Buffer {
  const n = new Values(random);
  const kind = random();
  if (kind < 0.02) return client.ping();
  if (kind < 0.08)
    return Buffer.concat([client.prepare(`select * from goods where id = ${n.small()}`), client.execute(LAST)]);
  if (kind < 0.08)
    return Buffer.concat([
      client.prepare('insert into logs (stock, price, name) values (?, 1, ?)'),
      client.command(
        0x17,
        u32(LAST),
        u8(0),
        u32(1),
        u8(0),
        u8(1),
        u16(8),
        u16(0xfd),
        Buffer.from([n.small(), 0, 0, 0, 0, 0, 0, 0]),
        u8(3),
        Buffer.from('new'),
      ),
    ]);
  if (kind < 0.085) return client.initDb('shop');
  if (kind < 0.086) return client.query(n.pick(DEFINITIONS));
  return client.query(n.pick(TEMPLATES)(n));
}
