import { MongoClient, type MongoClientOptions } from 'mongodb';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type MongoServer, type MongoServerOptions, startMongoServer } from './server.ts';

export interface Person {
  _id: number;
  n?: number;
  name?: string;
  tags?: string[];
  even?: boolean;
  fresh?: boolean;
  twice?: number;
}

export const numbers = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ _id: n, n, even: n % 2 === 0, tags: ['a', `t${n % 3}`] }));

/** Servers for the tests of one file, by name. */
export function servers<N extends string>(
  options: Readonly<Record<N, MongoServerOptions>>,
): Readonly<Record<N, MongoServer>> {
  const started = {} as Record<N, MongoServer>;
  beforeAll(async () => {
    for (const name of Object.keys(options) as N[]) started[name] = await startMongoServer(options[name]);
  });
  afterAll(() => Promise.all((Object.keys(started) as N[]).map((name) => started[name].stop())));
  return started;
}

/** Connects the official driver; closed after the test. */
export function drivers(): (at: MongoServer, query?: string, options?: MongoClientOptions) => Promise<MongoClient> {
  const open: MongoClient[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()));
  });
  return async (at, query = '', options = {}) => {
    const client = new MongoClient(`mongodb://127.0.0.1:${at.port}/?directConnection=true${query}`, {
      serverSelectionTimeoutMS: 30_000,
      ...options,
    });
    open.push(client);
    await client.connect();
    return client;
  };
}
