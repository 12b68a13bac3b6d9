/** How fast a role that keeps dying is started again. */
export interface RestartLimits {
  /** This many restarts within `windowMs` are at once; more wait. */
  readonly burst: number;
  readonly windowMs: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

const DEFAULTS: RestartLimits = { burst: 5, windowMs: 10_000, firstDelayMs: 1000, maxDelayMs: 30_000 };

/** Answers how long to wait before the next start: 0 within the burst, then doubling until a window passes in peace. */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  #deaths: number[] = [];
  #delayMs = 0;

  constructor(limits: RestartLimits = DEFAULTS) {
    this.#limits = limits;
  }

  /** A death at `now` (monotonic ms). Returns the delay before the restart in ms. */
  died(now: number): number {
    const { burst, windowMs, firstDelayMs, maxDelayMs } = this.#limits;
    // A process that waited out its delay counts from its start: the window must be longer than the wait.
    this.#deaths = this.#deaths.filter((at) => now - at < windowMs + this.#delayMs);
    this.#deaths.push(now);
    if (this.#deaths.length <= burst) this.#delayMs = 0;
    else this.#delayMs = this.#delayMs === 0 ? firstDelayMs : Math.min(this.#delayMs * 2, maxDelayMs);
    return this.#delayMs;
  }
}
