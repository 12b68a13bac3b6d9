import type { MergedKeys } from '../digest/keys/merged-keys.ts';
import type { MergedLag } from '../digest/lag/merged-lag.ts';
import type { MergedRows } from '../digest/rows/merged-rows.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../stats/registry.ts';
import type { Receiver } from './receiver.ts';

/**
 * The first leg of exchanges, from the worker to the facts process, where nothing is spooled. At any moment
 * `produced = waiting + delivered + dropped`. The second leg, to each sink, is `sluice.sink.<sink>.`.
 */
export const eventStats = statGroup('sluice.events.', {
  produced: { kind: 'counter', help: 'Exchanges that workers put into batches: waiting + delivered + dropped.' },
  waiting: { kind: 'gauge', help: 'Exchanges in a worker or on their way from it.' },
  delivered: {
    kind: 'counter',
    help: 'Exchanges that the facts process took. What became of them there, each sink tells.',
  },
  dropped: { kind: 'counter', help: 'Exchanges that no sink will see: batches nobody took in time, and worker_lost.' },
  sampled_out: {
    kind: 'counter',
    help: 'Exchanges that were counted but not handed on one by one: sampling chose others to stand for them.',
  },
  worker_lost: { kind: 'counter', help: 'Exchanges that a worker had in memory when it died: a part of dropped.' },
  sessions_dropped: { kind: 'counter', help: 'Session starts and ends that went with a dropped batch.' },
  batches: { kind: 'counter', help: 'Batches that were handed to the sinks.' },
  malformed: { kind: 'counter', help: 'Frames from workers that could not be read.' },
  failures: { kind: 'counter', help: 'Faults of our own while handing on what a worker told.' },
});

/** Rows of the digest table, as the facts process has them. */
export const digestStats = statGroup('sluice.digest.', {
  rows: { kind: 'gauge', help: 'Digest rows kept now.' },
  evicted: { kind: 'counter', help: 'Digest rows that were folded into the rest to make room.' },
});

/** Writes the facts end's numbers into the registry of the facts process. Call before reading the registry. */
export class EventStats {
  readonly #stats: StatsRegistry;
  readonly #ids: StatIds<keyof typeof eventStats.stats>;
  readonly #digest: StatIds<keyof typeof digestStats.stats>;

  constructor(stats: StatsRegistry) {
    this.#stats = stats;
    this.#ids = stats.open(eventStats);
    this.#digest = stats.open(digestStats);
  }

  take(receiver: Receiver, rows: MergedRows, keys?: MergedKeys, lag?: MergedLag): void {
    const stats = this.#stats;
    const ids = this.#ids;
    const balance = receiver.balance();
    stats.set(ids.produced, balance.produced);
    stats.set(ids.waiting, balance.waiting);
    stats.set(ids.delivered, balance.delivered);
    stats.set(ids.dropped, balance.dropped);
    stats.set(ids.worker_lost, balance.workerLost);
    stats.set(ids.sampled_out, balance.sampledOut);
    stats.set(ids.sessions_dropped, balance.sessionsDropped);
    stats.set(ids.batches, receiver.batches);
    stats.set(ids.malformed, receiver.malformed + rows.malformed + (keys?.malformed ?? 0) + (lag?.malformed ?? 0));
    stats.set(ids.failures, receiver.failures);
    stats.set(this.#digest.rows, rows.rows.length);
    stats.set(this.#digest.evicted, rows.evicted);
  }
}
