import { once } from 'node:events';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import type { Actor } from '../lanes.ts';
import { Random } from '../random.ts';
import { provoke, type Shop, withClient } from './shop.ts';
import { CUSTOMERS, PRODUCTS } from './shop-schema.ts';

const CANCEL_AFTER_MS = 300;
const CANCEL_REQUEST_CODE = 80_877_102;
/** Rows a cursor fetches at a time. */
const PAGE_ROWS = 100;

/** People and their tools: an old admin screen, reports, exports, and someone typing SQL. */
export function backOffice(shop: Shop): Actor[] {
  const random = new Random(17);
  const screen = shop.pool('backoffice', 'backoffice', 2);
  const reports = shop.pool('analyst', 'reporting', 2);
  const typing = shop.pool('backoffice', 'psql', 1);
  const notebook = shop.pool('analyst', 'notebook', 1);
  return [
    { name: 'admin screen', perSecond: 30, lanes: 2, act: () => adminScreen(screen, random) },
    { name: 'report', perSecond: 0.5, lanes: 1, act: () => slowReport(reports, random) },
    { name: 'export', perSecond: 0.25, lanes: 1, act: () => exportOrders(reports) },
    { name: 'paging', perSecond: 0.25, lanes: 1, act: () => pageThrough(reports) },
    { name: 'impatience', perSecond: 0.25, lanes: 1, act: () => cancelled(shop) },
    { name: 'curiosity', perSecond: 0.5, lanes: 1, act: () => curious(notebook) },
    { name: 'typing', perSecond: 0.8, lanes: 1, act: () => typeSql(typing, random) },
  ];
}

/** Simple queries with the literals in the text, one of them with several statements. */
async function adminScreen(pool: pg.Pool, random: Random): Promise<void> {
  const id = random.between(1, 4_000);
  if (random.chance(0.6)) await pool.query(`SELECT id, status, total_cents FROM orders WHERE id = ${id}`);
  else {
    const ids = Array.from({ length: random.between(2, 9) }, () => random.between(1, PRODUCTS));
    await pool.query(`SELECT sku, stock FROM products WHERE id IN (${ids.join(', ')})`);
  }
  if (random.chance(0.2)) {
    await pool.query(`BEGIN; UPDATE orders SET status = 'shipped' WHERE id = ${id} AND status = 'paid'; COMMIT`);
  }
}

/** The slow one: an aggregate over everything, and a wait that no index would help. */
async function slowReport(pool: pg.Pool, random: Random): Promise<void> {
  await pool.query(
    `select c.id, count(*) as orders, sum(i.quantity * i.price_cents) as spent, (select pg_sleep(0.25)) as waited
     from customers c join orders o on o.customer_id = c.id join order_items i on i.order_id = o.id
     where c.id > $1 group by c.id order by spent desc limit 20`,
    [random.between(0, 100)],
  );
  await pool.query('select sum(sqrt(n)) from generate_series(1, $1::int) n', [200_000]);
}

/** COPY … TO STDOUT of some thousand rows. */
async function exportOrders(pool: pg.Pool): Promise<void> {
  await withClient(pool, async (client) => {
    const rows = client.query(
      copyStreams.to(`copy (select * from orders where status = 'shipped') to stdout with (format csv)`),
    );
    await pipeline(rows, new Writable({ write: (_chunk, _encoding, done) => done() }));
  });
}

/** A portal that is suspended and gone on with, and closed before its end. */
async function pageThrough(pool: pg.Pool): Promise<void> {
  await withClient(pool, async (client) => {
    const cursor = client.query(
      new Cursor('select id, email, name from customers where id <= $1 order by id', [CUSTOMERS]),
    );
    for (let page = 0; page < 3; page++) await cursor.read(PAGE_ROWS);
    await cursor.close();
  });
}

/** Starts a query that takes too long and cancels it, as Ctrl-C in psql does. */
async function cancelled(shop: Shop): Promise<void> {
  const client = new pg.Client(shop.client('analyst', 'psql'));
  await client.connect();
  try {
    const query = provoke(client.query('select count(*) from orders, pg_sleep(30)'), '57014');
    await delay(CANCEL_AFTER_MS);
    await cancel(client, shop);
    await query;
  } finally {
    await client.end();
  }
}

/** CancelRequest on a connection of its own: length, code, process id, secret key. No reply but the close. */
async function cancel(client: pg.Client, shop: Shop): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const request = Buffer.alloc(16);
  for (const [i, value] of [request.length, CANCEL_REQUEST_CODE, processID, secretKey].entries()) {
    request.writeInt32BE(value, i * 4);
  }
  const socket = connect(shop.target.port, shop.target.host);
  socket.end(request);
  socket.resume();
  await once(socket, 'close');
}

/** Looks where it may not: a policy of the demo's denies it, before the server is asked. */
const curious = (pool: pg.Pool): Promise<void> =>
  provoke(pool.query('select number, expires from payment_cards where customer_id = $1', [1]), '42501');

/** Mistakes: a syntax error, a table and a column that do not exist. */
async function typeSql(pool: pg.Pool, random: Random): Promise<void> {
  const [text, code] = random.pick([
    ['selct * from orders', '42601'],
    ['select * from order where id = 1', '42601'],
    ['select * from costumers', '42P01'],
    ['select e_mail from customers limit 1', '42703'],
    ['select 100 / (total_cents - total_cents) from orders limit 1', '22012'],
  ] as const);
  await provoke(pool.query(text), code);
}
