import type { QueriesAnswer } from './queries-api.ts';

interface Sample {
  readonly atMs: number;
  readonly totalCalls: number;
  readonly calls: ReadonlyMap<string, number>;
}

/** Calls a second, from the counts of answers taken some time apart: over at most `windowMs`. */
export class QueryRates {
  readonly #windowMs: number;
  readonly #samples: Sample[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Takes an answer; `atMs` on any monotonic clock. */
  add(answer: QueriesAnswer, atMs: number): void {
    const calls = new Map(answer.queries.map((row) => [row.digest, row.calls]));
    const newest = this.#samples.at(-1);
    // Counts went back: Sluice was restarted, and what we remember is another life's.
    if (newest && answer.totals.calls < newest.totalCalls) this.#samples.length = 0;
    this.#samples.push({ atMs, totalCalls: answer.totals.calls, calls });
    while (this.#samples.length > 2 && atMs - this.#samples[1]!.atMs >= this.#windowMs) this.#samples.shift();
  }

  /** Of one digest; 0 until there are two answers. */
  of(digest: string): number {
    return this.#rate((sample) => sample.calls.get(digest) ?? 0);
  }

  total(): number {
    return this.#rate((sample) => sample.totalCalls);
  }

  #rate(count: (sample: Sample) => number): number {
    const oldest = this.#samples[0];
    const newest = this.#samples.at(-1);
    if (!oldest || !newest || newest.atMs <= oldest.atMs) return 0;
    return Math.max(0, count(newest) - count(oldest)) / ((newest.atMs - oldest.atMs) / 1000);
  }
}
