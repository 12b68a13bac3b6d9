import type { Pool } from 'pg';
import type { Actor } from '../lanes.ts';
import { Random } from '../random.ts';
import { provoke, type Shop, withClient } from './shop.ts';
import { CATEGORIES, CUSTOMERS, emailOf, PRODUCTS } from './shop-schema.ts';

/** What the shop's visitors cause: browsing, carts, sign-ups, orders. */
export function storefront(shop: Shop): Actor[] {
  const random = new Random(11);
  const pages = shop.pool('storefront', 'storefront', 4);
  const carts = shop.pool('storefront', 'cart-service', 2);
  const accounts = shop.pool('storefront', 'accounts', 1);
  const orders = shop.pool('checkout', 'checkout', 4);
  return [
    { name: 'browse', perSecond: 40, lanes: 2, act: () => browse(pages, random) },
    { name: 'order history', perSecond: 4, lanes: 2, act: () => orderHistory(pages, random) },
    { name: 'cart', perSecond: 16, lanes: 2, act: () => changeCart(carts, random) },
    { name: 'sign up', perSecond: 3, lanes: 1, act: () => signUp(accounts, random) },
    { name: 'checkout', perSecond: 8, lanes: 3, act: () => checkout(orders, random) },
  ];
}

/** Parameters, unnamed statements: what most drivers send. */
async function browse(pool: Pool, random: Random): Promise<void> {
  await pool.query('select id, name, category, price_cents, stock from products where id = $1', [
    random.between(1, PRODUCTS),
  ]);
  if (random.chance(0.5)) {
    await pool.query(
      'select id, name, price_cents from products where category = $1 order by price_cents limit 20 offset $2',
      [random.pick(CATEGORIES), random.pick([0, 20])],
    );
  }
  if (random.chance(0.2)) {
    await pool.query('select id, name from products where name ilike $1 order by name limit 10', [
      `%${random.pick(['dark', 'blue', 'morning', 'mug'])}%`,
    ]);
  }
}

/** An N+1 loop: one query for the orders, then one for each of them, where a join would do. */
async function orderHistory(pool: Pool, random: Random): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(
    'select id, status, total_cents, created_at from orders where customer_id between $1 and $1 + 4 order by created_at desc limit 10',
    [random.between(1, CUSTOMERS)],
  );
  for (const order of rows) {
    await pool.query(
      `select i.quantity, i.price_cents, p.name from order_items i join products p on p.id = i.product_id where i.order_id = $1`,
      [order.id],
    );
  }
}

/** Named prepared statements. */
async function changeCart(pool: Pool, random: Random): Promise<void> {
  const customer = random.between(1, CUSTOMERS);
  await pool.query({
    name: 'cart-put',
    text: `insert into carts (customer_id, product_id, quantity) values ($1, $2, $3)
      on conflict (customer_id, product_id) do update set quantity = excluded.quantity, updated_at = now()`,
    values: [customer, random.between(1, PRODUCTS), random.between(1, 5)],
  });
  if (random.chance(0.4)) {
    await pool.query({
      name: 'cart-show',
      text: `select c.quantity, p.name, p.price_cents from carts c join products p on p.id = c.product_id where c.customer_id = $1`,
      values: [customer],
    });
  }
  if (random.chance(0.2)) {
    await pool.query({ name: 'cart-empty', text: 'delete from carts where customer_id = $1', values: [customer] });
  }
}

/** One in five uses an address that is taken: a unique violation. */
async function signUp(pool: Pool, random: Random): Promise<void> {
  const isTaken = random.chance(0.2);
  const email = isTaken ? emailOf(random.between(1, CUSTOMERS)) : `new-${Date.now()}-${random.next()}@shop.example`;
  const insert = pool.query('insert into customers (email, name) values ($1, $2) returning id', [
    email,
    'New customer',
  ]);
  await (isTaken ? provoke(insert, '23505') : insert);
}

/** A transaction of prepared statements; one in eight is rolled back, as a card would be refused. */
async function checkout(pool: Pool, random: Random): Promise<void> {
  const first = random.between(1, PRODUCTS - 3);
  const items = Array.from({ length: random.between(1, 3) }, (_, i) => ({
    product: first + i,
    quantity: random.between(1, 2),
  }));
  await withClient(pool, async (client) => {
    await client.query('begin');
    const { rows } = await client.query<{ id: string; price_cents: number }>({
      name: 'checkout-prices',
      text: 'select id, price_cents from products where id = any($1) order by id',
      values: [items.map((item) => item.product)],
    });
    const total = rows.reduce((sum, row, i) => sum + row.price_cents * items[i]!.quantity, 0);
    const order = await client.query<{ id: string }>({
      name: 'checkout-order',
      text: 'insert into orders (customer_id, total_cents) values ($1, $2) returning id',
      values: [random.between(1, CUSTOMERS), total],
    });
    for (const [i, item] of items.entries()) {
      await client.query({
        name: 'checkout-item',
        text: 'insert into order_items (order_id, product_id, quantity, price_cents) values ($1, $2, $3, $4)',
        values: [order.rows[0]!.id, item.product, item.quantity, rows[i]!.price_cents],
      });
    }
    if (random.chance(0.125)) {
      await client.query('rollback');
      return;
    }
    await client.query({
      name: 'checkout-stock',
      text: 'update products set stock = stock - 1 where id = $1',
      values: [first],
    });
    await client.query('commit');
  });
}
