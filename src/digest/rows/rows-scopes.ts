import type { SessionFacts } from '../../exchange/session-facts.ts';

/** Who asked: the part of a row's key that a session has. */
export interface Scope {
  readonly listener: string;
  readonly database: string;
  readonly user: string;
  readonly application: string;
}

/** Low bits of SessionFacts.scope: the place in the table. What stands above counts how often the place was reused. */
const PLACE_BITS = 20;
const PLACE_MASK = 2 ** PLACE_BITS - 1;
const MAX_NAME = 256;

/**
 * Scopes as small numbers. A scope lives while a row uses it; the others are swept when the table is full, so names that
 * clients invent cannot fill it: rows are bounded, and so is what they hold. A number that a session remembers is
 * recognised as stale by its upper bits, and looked up again. (A session is counted by one table only: its worker's.)
 */
export class ScopeTable {
  readonly scopes: (Scope | null)[] = [];
  /** Rows that use the place. */
  readonly uses: Int32Array;
  readonly #stamps: Float64Array;
  readonly #byName = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #free: number[] = [];
  readonly #cap: number;

  constructor(maxRows: number) {
    this.#cap = Math.min(PLACE_MASK, Math.max(1024, maxRows * 2));
    this.uses = new Int32Array(this.#cap);
    this.#stamps = new Float64Array(this.#cap);
    for (let i = 0; i < this.#cap; i++) this.#stamps[i] = i + PLACE_MASK + 1;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Place of the session's scope; remembers it in `session.scope`. */
  of(session: SessionFacts): number {
    const known = session.scope;
    const place = known & PLACE_MASK;
    if (known > 0 && place < this.#cap && this.#stamps[place] === known) return place;
    return this.#lookup(session);
  }

  #lookup(session: SessionFacts): number {
    const scope: Scope = {
      listener: bounded(session.listener, MAX_NAME),
      database: bounded(session.database, MAX_NAME),
      user: bounded(session.user, MAX_NAME),
      application: bounded(session.application, MAX_NAME),
    };
    const name = JSON.stringify([scope.listener, scope.database, scope.user, scope.application]);
    let place = this.#byName.get(name);
    if (place === undefined) {
      place = this.#take();
      this.scopes[place] = scope;
      this.#names[place] = name;
      this.#byName.set(name, place);
    }
    session.scope = this.#stamps[place]!;
    return place;
  }

  #take(): number {
    if (this.scopes.length < this.#cap) return this.scopes.length;
    if (this.#free.length === 0) this.#sweep();
    return this.#free.pop()!;
  }

  /** Frees what no row uses: at least half of the table, as it has room for twice the rows. */
  #sweep(): void {
    for (let place = 0; place < this.#cap; place++) {
      if (this.uses[place] !== 0) continue;
      this.#byName.delete(this.#names[place]!);
      this.scopes[place] = null;
      this.#stamps[place]! += PLACE_MASK + 1;
      this.#free.push(place);
    }
  }
}

/** At most `max` characters, as a string of its own: a slice would keep the whole original alive. */
export const bounded = (text: string, max: number): string =>
  text.length <= max ? text : Buffer.from(text.slice(0, max)).toString();
