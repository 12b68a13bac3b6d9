import type { Topic } from './request.ts';

/** Partitions of one connection. */
const MAX_PARTITIONS = 1024;

/** Where partitions ended when last a broker told: what lies behind has come since. */
export class FetchEnds {
  readonly #most: number;
  #ends: Map<Topic, Map<number, number>> | null = null;
  #partitions = 0;

  /** `most`: partitions that are remembered; beyond, all are forgotten. */
  constructor(most = MAX_PARTITIONS) {
    this.#most = most;
  }

  /** Where the partition ended, or -1 = nobody knows. */
  find(topic: Topic, partition: number): number {
    return this.#ends?.get(topic)?.get(partition) ?? -1;
  }

  /** Where the partition ended, or -1 = nobody knows; it ends at `end` now. */
  swap(topic: Topic, partition: number, end: number): number {
    this.#ends ??= new Map();
    let ends = this.#ends.get(topic);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(topic, ends);
    }
    const before = ends.get(partition);
    if (before === end) return end;
    ends.set(partition, end);
    if (before !== undefined) return before;
    if (++this.#partitions > this.#most) {
      this.#ends = null;
      this.#partitions = 0;
    }
    return -1;
  }
}
