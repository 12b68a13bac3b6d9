/**
 * How much time parsing may take on the loop: a token bucket of milliseconds. A flood of new digests empties it, and then
 * their parsing goes elsewhere; what was measured is paid, so a long parse delays the next one.
 */
export class ParseBudget {
  readonly #now: () => number;
  readonly #perSecondMs: number;
  readonly #burstMs: number;
  #leftMs: number;
  #at: number;

  /** @param now monotonic milliseconds. */
  constructor(now: () => number, perSecondMs: number, burstMs: number) {
    this.#now = now;
    this.#perSecondMs = perSecondMs;
    this.#burstMs = burstMs;
    this.#leftMs = burstMs;
    this.#at = now();
  }

  get open(): boolean {
    const now = this.#now();
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + ((now - this.#at) / 1000) * this.#perSecondMs);
    this.#at = now;
    return this.#leftMs > 0;
  }

  spend(ms: number): void {
    this.#leftMs -= ms;
  }
}
