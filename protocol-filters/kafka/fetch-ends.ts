import type { Topic } from './request.ts';

/** Partitions of one connection; beyond, all are forgotten. */
const MAX_PARTITIONS = 1024;

/** Where partitions ended when a connection last fetched of them: what lies behind has come since. */
export class FetchEnds {
  #ends: Map<Topic, Map<number, number>> | null = null;
  #partitions = 0;

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
    if (++this.#partitions > MAX_PARTITIONS) {
      this.#ends = null;
      this.#partitions = 0;
    }
    return -1;
  }
}
