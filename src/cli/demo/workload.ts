import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Actor, Shop, Target } from './actor.ts';
import { backOffice } from './back-office.ts';
import { createShop } from './shop-schema.ts';
import { storefront } from './storefront.ts';
import { warehouse } from './warehouse.ts';

export interface Workload {
  /** Errors that no actor meant to provoke. */
  readonly surprises: Error[];
  /** Lets the actions under way finish, then closes all connections. */
  stop(): Promise<void>;
}

const DATABASE = 'postgres';
/** After a surprise an actor pauses, so that a vanished server is not asked in a tight loop. */
const AFTER_SURPRISE_MS = 500;

/** Creates the shop in the empty database of a server that trusts `superuser`. */
export async function prepareShop(target: Target, superuser: string): Promise<void> {
  const client = new pg.Client({ ...target, user: superuser, database: DATABASE, application_name: 'migrate' });
  await client.connect();
  try {
    await createShop(client);
  } finally {
    await client.end();
  }
}

/** Starts all actors; they go on, at a steady rate of about 300 queries a second, until stop(). */
export function startWorkload(target: Target): Workload {
  const pools: pg.Pool[] = [];
  const surprises: Error[] = [];
  const client: Shop['client'] = (user, application) => ({
    ...target,
    user,
    database: DATABASE,
    application_name: application,
  });
  const shop: Shop = {
    target,
    database: DATABASE,
    client,
    pool(user, application, max, config = {}) {
      const pool = new pg.Pool({ ...client(user, application), max, idleTimeoutMillis: 0, ...config });
      pool.on('error', (error) => surprises.push(error));
      pools.push(pool);
      return pool;
    },
  };
  const stopped = new AbortController();
  const lanes = [...storefront(shop), ...warehouse(shop), ...backOffice(shop)].flatMap((actor) =>
    Array.from({ length: actor.lanes }, (_, lane) => repeat(actor, lane, stopped.signal, surprises)),
  );
  return {
    surprises,
    async stop() {
      stopped.abort();
      await Promise.all(lanes);
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}

/** One lane of an actor: acts on schedule; what could not be done in time is left out, never piled up. */
async function repeat(actor: Actor, lane: number, stopped: AbortSignal, surprises: Error[]): Promise<void> {
  const everyMs = (1000 / actor.perSecond) * actor.lanes;
  const pause = (ms: number) => delay(Math.max(0, ms), undefined, { signal: stopped }).catch(() => undefined);
  // Lanes and actors begin spread out, so that the rate is even from the start.
  let next = performance.now() + Math.min(2_000, everyMs) * ((lane + 0.5) / actor.lanes);
  while (!stopped.aborted) {
    await pause(next - performance.now());
    if (stopped.aborted) return;
    try {
      await actor.act();
    } catch (error) {
      surprises.push(new Error(`${actor.name}: ${(error as Error).message}`, { cause: error }));
      await pause(AFTER_SURPRISE_MS);
    }
    next = Math.max(next + everyMs, performance.now());
  }
}
