import type { Door } from '../../src/exchange/protocol-filter.ts';

export interface TestDoorsOptions {
  /** The local address by which the client came. */
  readonly host?: string;
  readonly firstPort?: number;
  /** Beyond these an upstream is answered with port 0. */
  readonly count?: number;
  /** True: an unknown upstream is not known before open(). */
  readonly held?: boolean;
}

/**
 * Doors without a listener, for tests of protocol filters: ports in the order of asking, answered at once, or (`held`)
 * only after open(), as a worker that has to ask its primary.
 */
export class TestDoors {
  /** Every upstream that was asked for, once each, in the order of the first asking. */
  readonly asked: string[] = [];
  readonly #known = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #host: string;
  readonly #count: number;
  readonly #held: boolean;
  #next: number;

  constructor({ host = '127.0.0.1', firstPort = 19093, count = 1000, held = false }: TestDoorsOptions = {}) {
    this.#host = host;
    this.#next = firstPort;
    this.#count = count;
    this.#held = held;
  }

  /** `known` is called once all that this caller waits for is answered. */
  ask(upstream: string, known: () => void): Door | null {
    if (!this.#known.has(upstream) && !this.#waiting.has(upstream)) this.asked.push(upstream);
    if (!this.#held && !this.#known.has(upstream)) this.#open(upstream);
    const port = this.#known.get(upstream);
    if (port !== undefined) return { host: this.#host, port };
    const callers = this.#waiting.get(upstream) ?? new Set();
    this.#waiting.set(upstream, callers.add(known));
    return null;
  }

  /** Answers what is waited for: all of it, or one upstream; `port` 0 = it gets none. */
  open(upstream?: string, port?: number): void {
    const names = upstream === undefined ? [...this.#waiting.keys()] : [upstream];
    const callers = new Set<() => void>();
    for (const name of names) {
      this.#open(name, port);
      for (const known of this.#waiting.get(name) ?? []) callers.add(known);
      this.#waiting.delete(name);
    }
    const busy = new Set([...this.#waiting.values()].flatMap((set) => [...set]));
    for (const known of callers) if (!busy.has(known)) known();
  }

  /** Upstreams that are waited for. */
  get waiting(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  #open(upstream: string, port?: number): void {
    const free = [...this.#known.values()].filter((used) => used > 0).length < this.#count;
    this.#known.set(upstream, port ?? (free ? this.#next++ : 0));
  }
}
