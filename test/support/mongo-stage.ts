import { MongoClient, type MongoClientOptions } from 'mongodb';
import { afterAll, beforeAll } from 'vitest';
import { type Ledger, openLedger } from './mongo-ledger.ts';
import { type MongoServer, type MongoServerOptions, startMongoServer } from './mongo-server/server.ts';
import { type RunningSluice, runSluice, type SluiceOptions } from './run-sluice.ts';

export interface MongoStage {
  readonly server: MongoServer;
  readonly sluice: RunningSluice;
  /** Opened before the first test. */
  readonly ledger: Ledger;
  /** The driver through Sluice; closed after the last test where the test did not. */
  driver(query?: string, options?: MongoClientOptions): Promise<MongoClient>;
}

/** The stand-in with Sluice before it, for the tests of one describe block. It is in this process: its journal can be read. */
export function mongoStage(server: MongoServerOptions = {}, options: SluiceOptions = {}): MongoStage {
  let started: Omit<MongoStage, 'driver'> | undefined;
  const clients: MongoClient[] = [];
  beforeAll(async () => {
    const own = await startMongoServer(server);
    const sluice = await runSluice({ upstreams: [own.url], concurrency: 1, ...options });
    started = { server: own, sluice, ledger: await openLedger(own.journal, sluice) };
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await started?.sluice.stop();
    await started?.server.stop();
  });
  const part = <K extends keyof NonNullable<typeof started>>(name: K): NonNullable<typeof started>[K] => {
    if (started === undefined) throw new Error('the stage begins with the first test');
    return started[name];
  };
  return {
    get server() {
      return part('server');
    },
    get sluice() {
      return part('sluice');
    },
    get ledger() {
      return part('ledger');
    },
    driver: async (query = '', more = {}) => {
      const client = await driverTo(part('sluice').port, query, more);
      clients.push(client);
      return client;
    },
  };
}

/**
 * The official driver, connected. Its monitor asks and does not listen on (`poll`), so that all it says is counted once it is
 * closed.
 */
export async function driverTo(port: number, query = '', options: MongoClientOptions = {}): Promise<MongoClient> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true${query}`, {
    serverMonitoringMode: 'poll',
    serverSelectionTimeoutMS: 30_000,
    ...options,
  });
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

/** What it was refused with; throws when it was not. */
export async function refusalOf(asked: Promise<unknown>): Promise<Error & { code?: number }> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('this was to fail');
  return error;
}
