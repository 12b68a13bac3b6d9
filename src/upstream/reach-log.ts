import type { Clock } from '../net/transport.ts';

/** A host that comes and goes is told of at most so often. Milliseconds. */
const TELL_AGAIN_MS = 60_000;

/** Says once that something cannot be reached, and once that it can be again. One an endpoint; costs nothing while all is well. */
export class ReachLog {
  readonly #clock: Clock;
  readonly #log: (level: 'info' | 'warn', message: string) => void;
  #isTold = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: (level: 'info' | 'warn', message: string) => void) {
    this.#clock = clock;
    this.#log = log;
  }

  failed(message: string): void {
    const now = this.#clock.now();
    if (this.#isTold || now - this.#toldAt < TELL_AGAIN_MS) return;
    this.#isTold = true;
    this.#toldAt = now;
    this.#log('warn', message);
  }

  /** `message` is made only where something was told before. */
  reached(message: () => string): void {
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#log('info', message());
  }
}
