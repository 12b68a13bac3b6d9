import { lagStats } from './lag-stats.ts';
import { MergedLag } from './merged-lag.ts';
import { WorkerLag } from './worker-lag.ts';

/** Some workers and the facts that hear them, with a clock that stands until it is moved. */
export class LagStory {
  at = 1_000_000;
  readonly workers: readonly WorkerLag[];
  readonly #clock = { now: () => this.at, wall: () => this.at };
  readonly facts = new MergedLag(this.#clock);

  constructor(workers = 1) {
    this.workers = Array.from({ length: workers }, () => new WorkerLag(this.#clock));
  }

  of(worker = 0, listener = 'kafka') {
    return this.workers[worker]!.of(listener);
  }

  pass(ms: number): void {
    this.at += ms;
  }

  /** All workers tell what is new, until nothing is. How often they said something. */
  tell(): number {
    let buffers = 0;
    for (const worker of this.workers)
      for (let before = -1; before !== buffers; ) {
        before = buffers;
        for (const buffer of worker.changes()) {
          this.facts.apply(buffer);
          buffers++;
        }
      }
    return buffers;
  }

  /** Gauges by name, told or not before. */
  gauges(prefix = 'sluice.consumer_group.kafka.'): Record<string, number> {
    this.tell();
    return Object.fromEntries(
      lagStats(this.facts.listeners())
        .filter(({ name }) => name.startsWith(prefix))
        .map(({ name, value }) => [name.slice(prefix.length), value]),
    );
  }
}
