import { protocolFilters } from '../../protocol-filters/registry.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { loadSqlParser, SqlDigestCache } from '../digest/cache.ts';
import { WorkerKeys } from '../digest/keys/worker-keys.ts';
import { WorkerLag } from '../digest/lag/worker-lag.ts';
import { RowStore } from '../digest/rows/rows.ts';
import { OperationStore } from '../digest/rows/rows-operations.ts';
import type { Dial } from '../events/channel.ts';
import { FactsLink } from '../events/link.ts';
import { Recorder } from '../events/recorder.ts';
import { Sampler } from '../events/sampling.ts';
import { ExchangePool } from '../exchange/exchange.ts';
import { systemClock } from '../net/clock.ts';
import type { DoorBook } from '../net/door-book.ts';
import { SocketNetwork } from '../net/socket-network.ts';
import type { Clock, Network } from '../net/transport.ts';
import { StatsRegistry } from '../stats/registry.ts';
import { StatsSender } from '../stats/transfer.ts';
import { type Resolve, systemResolve } from '../upstream/dns.ts';
import { links } from './catalog.ts';
import type { DataPlane, KeyDirectory } from './data-plane.ts';
import { DigestCacheStats } from './digest-cache-stats.ts';
import type { Logger } from './log.ts';
import type { Names } from './names.ts';
import { createDataPlane } from './plane.ts';
import { connectionStats, sampleMemory } from './server-stats.ts';

/** What facts may ask a worker. */
export const QUESTIONS = ['connections', 'hosts', 'sample', 'process'] as const;
export type Question = (typeof QUESTIONS)[number];

/** What can be exchanged for a test's own. */
export interface World {
  readonly network: Network;
  readonly clock: Clock;
  readonly resolve: Resolve;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

export const realWorld = (): World => ({
  network: new SocketNetwork(),
  clock: systemClock,
  resolve: systemResolve,
  random: Math.random,
});

export interface DataRoleOptions {
  readonly worker: number;
  /** How many there are; they share what is handed on a second. */
  readonly workers: number;
  readonly incarnation: number;
  readonly dial: Dial;
  readonly snapshot: Snapshot;
  readonly keys: KeyDirectory;
  readonly doors: DoorBook;
  readonly names: Names;
  readonly log: Logger;
  readonly world: World;
  /** What this process tells of itself besides; asked for by `sample`, taken by `process`. */
  readonly process?: { sample(): void; last(): unknown };
}

/** The data path of one process with what counts and reports it. */
export interface DataRole {
  readonly plane: DataPlane;
  /** Takes over what a new configuration says of the recording; the plane is told apart. */
  apply(snapshot: Snapshot): void;
  /** Sends what was not sent yet and ends the reporting. The plane must be drained or closed before. */
  close(): Promise<void>;
}

/** How long facts may take to confirm what a worker that ends has left. */
const LAST_WORDS_MS = 1000;

/** An equal part of what all workers may hand on a second; facts corrects it by what each has to say. */
const firstShare = ({ process: { sampling } }: Snapshot, workers: number): number =>
  sampling.maxPerSecond === 0 ? Number.POSITIVE_INFINITY : sampling.maxPerSecond / workers;

export async function createDataRole(options: DataRoleOptions): Promise<DataRole> {
  const { worker, workers, incarnation, dial, snapshot, keys, doors, names, log, world } = options;
  const { clock } = world;
  const stats = new StatsRegistry();
  const samples = snapshot.process.showLiterals;
  const digests = new SqlDigestCache({ parser: await loadSqlParser(), now: clock.now, samples });
  const digestStats = new DigestCacheStats(stats, digests);
  const rows = new RowStore({ maxRows: snapshot.process.digestRows });
  const operations = new OperationStore();
  const hotKeys = new WorkerKeys();
  const lag = new WorkerLag(clock);
  const sender = new StatsSender(stats);
  const connections = stats.open(connectionStats).total_connections;

  const sample = (full: boolean): Buffer => {
    sampleMemory(stats);
    digestStats.take();
    stats.set(connections, plane.active);
    return full ? sender.full() : sender.changes();
  };
  const answer = (question: unknown): unknown => {
    switch (question as Question) {
      case 'connections':
        return plane.connections();
      case 'hosts':
        return plane.hosts();
      case 'sample':
        return options.process?.sample();
      case 'process':
        return options.process?.last();
    }
    throw new Error('no such question');
  };
  const pool = new ExchangePool();
  const sampler = new Sampler({
    perSecond: firstShare(snapshot, workers),
    slowMs: snapshot.process.sampling.slowMs,
    seed: Math.floor(world.random() * 2 ** 32),
  });
  const link = new FactsLink({
    worker,
    incarnation,
    dial,
    clock,
    rows,
    operations,
    keys: hotKeys,
    lag,
    stats: sample,
    answer,
    sampler,
  });
  const plane = createDataPlane({
    ...world,
    worker,
    workers: Math.max(1, workers),
    stats,
    digests,
    hotKeys: (listener) => hotKeys.of(listener),
    lag: (listener) => lag.of(listener),
    pool,
    observer: new Recorder({ rows, operations, link, clock, pool }),
    keys,
    doors,
    names: (listener) => names.of(listener),
    protocols: protocolFilters,
    links,
    log: (level, message, error) => log[level](message, error === undefined ? {} : { error }),
  });
  link.start();
  return {
    plane,
    apply: (latest) => {
      names.keepOnly(latest.listeners);
      sampler.slowMs = latest.process.sampling.slowMs;
      sampler.share(firstShare(latest, workers));
    },
    close: async () => {
      await link.close(LAST_WORDS_MS);
      digests.close();
    },
  };
}
