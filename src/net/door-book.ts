import { splitHostPort } from './address.ts';
import type { Clock } from './transport.ts';

/** An upstream host of a listener that somebody wants a door to. */
export interface WantedDoor {
  readonly listener: string;
  /** `b2.example:9092` */
  readonly upstream: string;
  /** It is known, and was named again: whoever opened it must not take it away. */
  readonly still?: true;
}

/** A port on a listener's own hosts that leads to one upstream host; '' = to none yet: the cluster chooses. */
export interface OpenDoor extends WantedDoor {
  readonly port: number;
}

/** The doors of one listener, as its sessions ask for them. */
export interface ListenerDoorBook {
  /**
   * The port; 0: there is none to be had. Null: it is asked for, and `known` is called once, when all that it was given
   * for is known.
   */
  port(upstream: string, known: () => void): number | null;
  /** `known` is not wanted any more. */
  forget(known: () => void): void;
}

/** How long what was refused is not asked for again. Milliseconds. */
const REFUSED_MS = 10_000;
/** How often it is said of a door that it is still named. Milliseconds. */
const STILL_MS = 300_000;
/** Beyond this many at a time nothing is asked for: no server has so many hosts, and one may lie. */
const MAX_ASKED = 1000;
/** A listener with so many refused in that time asks for nothing more before the first of them is forgotten. */
const MAX_REFUSED = 200;

/**
 * The doors that the clients of one process may be told of, for every listener. Who opens them hears of those that are
 * missing through `ask`, at most once a turn of the loop, and answers with know().
 */
export class DoorBook {
  readonly #ask: (wanted: readonly WantedDoor[]) => void;
  readonly #clock: Pick<Clock, 'now'>;
  #ports = new Map<string, number>();
  /** When it was said last of a door that it is still named. */
  readonly #stillAt = new Map<string, number>();
  /** By listener: until when an upstream is refused, the first to be forgotten first. */
  readonly #refused = new Map<string, Map<string, number>>();
  #over = false;
  /** Asked for, and who waits for each. */
  readonly #asked = new Map<string, Set<() => void>>();
  /** What each of these still waits for. */
  readonly #waiting = new Map<() => void, Set<string>>();
  #unsaid: WantedDoor[] = [];

  constructor(ask: (wanted: readonly WantedDoor[]) => void, clock: Pick<Clock, 'now'>) {
    this.#ask = ask;
    this.#clock = clock;
  }

  of(listener: string): ListenerDoorBook {
    return {
      port: (upstream, known) => this.#port(listener, upstream, known),
      forget: (known) => this.#forget(known),
    };
  }

  /** These are all the doors there are now, served by every process; what was refused may be asked for again later. */
  know(doors: readonly OpenDoor[], refused: readonly WantedDoor[] = []): void {
    this.#ports = new Map(doors.map((door) => [keyOf(door), door.port]));
    for (const key of this.#stillAt.keys()) if (!this.#ports.has(key)) this.#stillAt.delete(key);
    const until = this.#clock.now() + REFUSED_MS;
    for (const { listener, upstream } of refused) {
      const names = this.#refused.get(listener) ?? new Map();
      this.#refused.set(listener, names);
      names.delete(upstream);
      names.set(upstream, until);
    }
    const inVain = new Set(refused.map(keyOf));
    this.#answer([...this.#asked.keys()].filter((key) => this.#ports.has(key) || inVain.has(key)));
  }

  /** Nobody answers any more: who waits has no door. */
  giveUp(): void {
    this.#over = true;
    this.#unsaid = [];
    this.#answer([...this.#asked.keys()]);
  }

  #port(listener: string, upstream: string, known: () => void): number | null {
    const key = keyOf({ listener, upstream });
    const port = this.#ports.get(key);
    if (port !== undefined) {
      this.#still(key, listener, upstream);
      return port;
    }
    if (this.#over || splitHostPort(upstream) === null || this.#isRefused(listener, upstream)) return 0;
    let callers = this.#asked.get(key);
    if (callers === undefined) {
      if (this.#asked.size >= MAX_ASKED) return 0;
      callers = new Set();
      this.#asked.set(key, callers);
      this.#sayOf({ listener, upstream });
    }
    callers.add(known);
    const waits = this.#waiting.get(known) ?? new Set();
    this.#waiting.set(known, waits.add(key));
    return null;
  }

  #isRefused(listener: string, upstream: string): boolean {
    const names = this.#refused.get(listener);
    if (names === undefined) return false;
    const now = this.#clock.now();
    for (const [name, until] of names) {
      if (until > now) break;
      names.delete(name);
    }
    return names.size >= MAX_REFUSED || names.has(upstream);
  }

  #still(key: string, listener: string, upstream: string): void {
    const now = this.#clock.now();
    if (this.#over || now - (this.#stillAt.get(key) ?? -Infinity) < STILL_MS) return;
    this.#stillAt.set(key, now);
    this.#sayOf({ listener, upstream, still: true });
  }

  #sayOf(wanted: WantedDoor): void {
    if (this.#unsaid.push(wanted) === 1) queueMicrotask(() => this.#say());
  }

  #say(): void {
    const wanted = this.#unsaid;
    this.#unsaid = [];
    if (wanted.length > 0) this.#ask(wanted);
  }

  #answer(keys: readonly string[]): void {
    const done: (() => void)[] = [];
    for (const key of keys) {
      for (const known of this.#asked.get(key) ?? []) {
        const waits = this.#waiting.get(known)!;
        waits.delete(key);
        if (waits.size === 0 && this.#waiting.delete(known)) done.push(known);
      }
      this.#asked.delete(key);
    }
    for (const known of done) known();
  }

  #forget(known: () => void): void {
    for (const key of this.#waiting.get(known) ?? []) this.#asked.get(key)?.delete(known);
    this.#waiting.delete(known);
  }
}

/** No upstream that is asked for holds a space. */
const keyOf = ({ listener, upstream }: WantedDoor): string => `${upstream} ${listener}`;
