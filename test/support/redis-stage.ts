import { Redis, type RedisOptions } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeEach } from 'vitest';
import { needs } from './needs.ts';
import { type RealRedis, type RedisSettings, startRealRedis } from './real-redis.ts';
import { type Ledger, openLedger } from './redis-ledger.ts';
import { type RunningSluice, runSluice, type SluiceOptions } from './run-sluice.ts';

export interface RedisStage {
  readonly server: RealRedis;
  readonly sluice: RunningSluice;
  /** Opened before the first test. */
  readonly ledger: Ledger;
}

/**
 * A Redis with Sluice before it, for the tests of one describe block: started with its first test, stopped after its last.
 * Where Redis is not installed those tests are skipped.
 */
export function redisStage(settings: RedisSettings = {}, options: SluiceOptions = {}): RedisStage {
  let server: RealRedis | undefined;
  let sluice: RunningSluice | undefined;
  let ledger: Ledger | undefined;
  beforeEach(async (ctx) => {
    needs(ctx, 'redis');
    server ??= await startRealRedis(settings);
    sluice ??= await runSluice({ upstreams: [server.url], concurrency: 1, ...options });
    ledger ??= await openLedger(server, sluice);
  });
  afterAll(async () => {
    await sluice?.stop();
    await server?.stop();
  });
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the stage begins with the first test');
    return part;
  };
  return {
    get server() {
      return started(server);
    },
    get sluice() {
      return started(sluice);
    },
    get ledger() {
      return started(ledger);
    },
  };
}

type Options = Pick<RedisOptions, 'username' | 'password' | 'db' | 'connectionName' | 'protocol' | 'enableReadyCheck'>;

/** ioredis, connected; it does not come back when its connection ends. */
export async function ioredis(port: number, options: Options = {}): Promise<Redis> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null, ...options });
  client.on('error', () => {}); // those of commands are the caller's
  await client.connect();
  return client;
}

/** The npm package `redis`, connected, in RESP3. */
export async function nodeRedis(
  port: number,
  more: { name?: string; username?: string; password?: string; database?: number } = {},
) {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false }, RESP: 3, ...more });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** A stat's value in /stats, NaN when it is not there. */
export async function statOf(sluice: RunningSluice, name: string): Promise<number> {
  const text = await sluice.getText('/stats');
  const line = text.split('\n').find((each) => each.startsWith(`${name}: `));
  return line === undefined ? Number.NaN : Number(line.slice(name.length + 2));
}

/** Runs `use` so many times, numbered, at once. */
export const atOnce = <T>(count: number, use: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => use(n)));

/** The error that a command is answered with; throws when there is none. */
export async function errorOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('this was to fail');
  return error.message;
}
