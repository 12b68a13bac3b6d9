import type { HeavyKeysSnapshot } from '../../src/digest/keys/heavy-keys.ts';
import { Field, type RowNumbers } from '../../src/digest/rows/rows-numbers.ts';
import { Histogram } from '../../src/stats/histogram.ts';

/**
 * [summary, text, operation, targets, user, application, calls a second, mean ms, rows a call, error code, error share,
 * what a call has of a key]
 */
export type Query = readonly [
  summary: string,
  text: string,
  operation: string,
  targets: readonly string[],
  user: string,
  application: string,
  callsEachSecond: number,
  meanMs: number,
  rows: number,
  code: string,
  errorShare: number,
  keys?: { readonly hits: number; readonly misses: number; readonly waits?: true },
];

/** A shop on Postgres. */
export const SHOP: readonly Query[] = [
  [
    'SELECT orders order_items',
    'select o.id, o.placed_at, sum(i.price * i.quantity) from orders o join order_items i on i.order_id = o.id where o.customer_id = $1 group by o.id order by o.placed_at desc limit ?',
    'SELECT',
    ['order_items', 'orders'],
    'shop',
    'web',
    180,
    4.2,
    12,
    '57014',
    0.001,
  ],
  [
    'SELECT products',
    'select * from products where id = $1',
    'SELECT',
    ['products'],
    'shop',
    'web',
    950,
    0.31,
    1,
    '',
    0,
  ],
  [
    'UPDATE stock',
    'update stock set on_hand = on_hand - $1 where product_id = $2',
    'UPDATE',
    ['stock'],
    'shop',
    'checkout',
    60,
    2.6,
    1,
    '40001',
    0.02,
  ],
  [
    'INSERT orders',
    'insert into orders (customer_id, placed_at, total) values ($1, $2, $3) returning id',
    'INSERT',
    ['orders'],
    'shop',
    'checkout',
    55,
    1.1,
    1,
    '23505',
    0.015,
  ],
  [
    'SELECT customers',
    'select id, name, email from customers where lower(email) = lower(?)',
    'SELECT',
    ['customers'],
    'shop',
    'web',
    40,
    9.8,
    1,
    '',
    0,
  ],
  ['BEGIN', 'begin', 'BEGIN', [], 'shop', 'checkout', 55, 0.08, 0, '', 0],
  ['COMMIT', 'commit', 'COMMIT', [], 'shop', 'checkout', 53, 0.9, 0, '40001', 0.005],
  [
    'SELECT orders customers',
    'select date_trunc(?, o.placed_at) as day, c.country, count(*), sum(o.total) from orders o join customers c on c.id = o.customer_id where o.placed_at > now() - interval ? group by 1, 2',
    'SELECT',
    ['customers', 'orders'],
    'reports',
    'metabase',
    0.4,
    1840,
    3100,
    '57014',
    0.05,
  ],
  [
    'COPY events',
    'copy events (at, kind, payload) from stdin',
    'COPY',
    ['events'],
    'loader',
    'nightly-import',
    0.2,
    640,
    25_000,
    '',
    0,
  ],
  [
    'SELECT sessions',
    'select data from sessions where token = ? and expires_at > now()',
    'SELECT',
    ['sessions'],
    'shop',
    'web',
    420,
    0.22,
    1,
    '',
    0,
  ],
  [
    'SELECT reviews',
    'select rating, body from reviews where product_id = $1 order by id desc limit ?',
    'SELECT',
    ['reviews'],
    'shop',
    'web',
    130,
    0.9,
    8,
    '42703',
    0.003,
  ],
  [
    'DELETE carts',
    'delete from carts where updated_at < now() - interval ?',
    'DELETE',
    ['carts'],
    'jobs',
    'janitor',
    0.1,
    95,
    410,
    '',
    0,
  ],
];

/** Latencies spread as real ones do: most near the mean, a long tail. */
export function record(numbers: RowNumbers, query: Query, calls: number): void {
  const [, , operation, , , , , meanMs, rows, code, errorShare, keys] = query;
  const v = numbers.values;
  const errors = Math.round(calls * errorShare);
  v[Field.calls]! += calls;
  v[Field.errors]! += errors;
  if (code !== '') numbers.addCode(code, errors);
  v[operation === 'SELECT' ? Field.rowsReturned : Field.rowsAffected]! += calls * rows;
  v[Field.requestBytes]! += calls * 95;
  v[Field.replyBytes]! += calls * (40 + rows * 74);
  if (v[Field.firstSeen] === 0) v[Field.firstSeen] = Date.now();
  v[Field.lastSeen] = Date.now();
  if (keys) {
    v[Field.hits]! += Math.round(calls * keys.hits);
    v[Field.misses]! += Math.round(calls * keys.misses);
  }
  const weight = Math.max(1, Math.ceil(calls / 2000));
  for (let n = 0; n < calls; n += weight) {
    const seconds = (meanMs / 1000) * Math.exp((Math.random() + Math.random() + Math.random() - 1.7) * 1.3);
    let time = numbers.time;
    if (keys?.waits) {
      numbers.wait ??= new Histogram();
      time = numbers.wait;
    }
    for (let i = 0; i < Math.min(weight, calls - n); i++) time.record(seconds);
  }
  if (keys?.waits) v[Field.waits]! += calls;
}

const key = (hits: number, misses: number) => ({ hits, misses });

/** Its content management on MariaDB. */
export const PAGES: readonly Query[] = [
  [
    'SELECT wp_posts',
    'select * from `wp_posts` where `post_name` = ?',
    'SELECT',
    ['wp_posts'],
    'cms',
    'php',
    90,
    1.4,
    1,
    '',
    0,
  ],
  [
    'SELECT wp_options',
    'select option_value from wp_options where option_name = ? limit ?',
    'SELECT',
    ['wp_options'],
    'cms',
    'php',
    310,
    0.24,
    1,
    '',
    0,
  ],
  [
    'UPDATE wp_postmeta',
    'update wp_postmeta set meta_value = ? where post_id = ?',
    'UPDATE',
    ['wp_postmeta'],
    'cms',
    'php',
    4,
    3.1,
    1,
    '1205',
    0.03,
  ],
];

/** Its cache on Redis. */
export const CACHE: readonly Query[] = [
  ['GET session:*', 'GET session:*', 'GET', ['session:*'], 'default', 'web', 2400, 0.11, 0, '', 0, key(0.93, 0.07)],
  ['GET product:*', 'GET product:*', 'GET', ['product:*'], 'default', 'web', 1800, 0.12, 0, '', 0, key(0.62, 0.38)],
  ['SET product:*', 'SET product:*', 'SET', ['product:*'], 'default', 'web', 680, 0.13, 0, '', 0],
  ['HGETALL cart:*', 'HGETALL cart:*', 'HGETALL', ['cart:*'], 'default', 'checkout', 120, 0.2, 0, '', 0, key(1, 0)],
  ['INCRBY stock:*', 'INCRBY stock:*', 'INCRBY', ['stock:*'], 'default', 'checkout', 55, 0.1, 0, 'WRONGTYPE', 0.01],
  [
    'BLPOP jobs',
    'BLPOP jobs',
    'BLPOP',
    ['jobs'],
    'worker',
    'mailer',
    3,
    900,
    0,
    '',
    0,
    { hits: 0.9, misses: 0.1, waits: true },
  ],
];

/** The heavy keys of the cache after so many seconds. */
export function cacheKeys(seconds: number): HeavyKeysSnapshot {
  const calls = (share: number): number => Math.round(5000 * share * seconds);
  const one = (name: string, share: number, bytesEach: number, over = 0, cut = false) => ({
    key: name,
    cut,
    calls: calls(share),
    bytes: calls(share) * bytesEach,
    ms: calls(share) * 0.11,
    over: { calls: calls(over), bytes: calls(over) * bytesEach, ms: 0 },
  });
  return {
    total: { calls: calls(1), bytes: calls(1) * 480, ms: calls(1) * 0.12 },
    floor: { calls: calls(0.0004), bytes: calls(0.0004) * 2000, ms: calls(0.0004) * 0.2 },
    keys: [
      one('product:17', 0.23, 610),
      one('session:9f31c2aa', 0.06, 140, 0.001),
      one('stock:17', 0.02, 38, 0.001),
      one('page:/\\xff\\x00home', 0.012, 52_000),
      one(`thumbnail:${'x'.repeat(118)}`, 0.004, 900, 0.001, true),
      one('<img src=x onerror="window.pwned=1">', 0.002, 80),
    ],
  };
}
