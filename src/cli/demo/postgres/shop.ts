import type pg from 'pg';
import type { Target } from '../house.ts';
import type { User } from './shop-schema.ts';

/** What actors get to build on. */
export interface Shop {
  readonly target: Target;
  readonly database: string;
  /** A connection pool of one application, closed with the workload. */
  pool(user: User, application: string, max: number, config?: pg.PoolConfig): pg.Pool;
  /** Configuration of a client of its own. */
  client(user: User, application: string): pg.ClientConfig;
}

/** Awaits a query that is meant to fail with one of these SQLSTATEs; any other error is passed on. */
export async function provoke(query: Promise<unknown>, ...codes: string[]): Promise<void> {
  try {
    await query;
  } catch (error) {
    if (!codes.includes((error as { code?: string }).code ?? '')) throw error;
  }
}

/** Runs `work` on one connection of the pool; the connection goes back, or away if the work failed on it. */
export async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
