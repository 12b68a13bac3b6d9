import type { Pool } from 'pg';
import type { Actor } from '../lanes.ts';
import { Random } from '../random.ts';
import { type Shop, withClient } from './shop.ts';
import { copyIn, PRODUCTS, skuOf } from './shop-schema.ts';

/** Pipelined statements of one batch. */
const BATCH = 8;

/** Machines that talk to the shop: bulk stock updates, and a dispatcher that pipelines. */
export function warehouse(shop: Shop): Actor[] {
  const random = new Random(13);
  const sync = shop.pool('warehouse', 'stock-sync', 1);
  const dispatcher = shop.pool('warehouse', 'dispatcher', 1, { pipeline: true } as object);
  return [
    { name: 'stock import', perSecond: 0.5, lanes: 1, act: () => importStock(sync, random) },
    { name: 'dispatch', perSecond: 6, lanes: 1, act: () => dispatch(dispatcher, random) },
  ];
}

/** COPY in, then a set-based update, all in one transaction. */
async function importStock(pool: Pool, random: Random): Promise<void> {
  await withClient(pool, async (client) => {
    await client.query('begin');
    await client.query('truncate stock_import');
    const lines = Array.from({ length: PRODUCTS }, (_, i) => `${skuOf(i + 1)}\t${random.between(50, 5_000)}\n`);
    await copyIn(client, 'stock_import (sku, stock)', lines);
    await client.query(
      'update products p set stock = s.stock from stock_import s where s.sku = p.sku and p.stock < 500',
    );
    await client.query('commit');
  });
}

/** Sends a whole batch before it reads the first reply. */
async function dispatch(pool: Pool, random: Random): Promise<void> {
  const text = `select o.id, o.status, c.name from orders o join customers c on c.id = o.customer_id where o.id = $1`;
  await withClient(pool, async (client) => {
    await Promise.all(
      Array.from({ length: BATCH }, () =>
        client.query({ name: 'dispatch-order', text, values: [random.between(1, 4_000)] }),
      ),
    );
  });
}
