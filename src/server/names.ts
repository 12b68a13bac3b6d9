import type { SharedNames } from '../exchange/shared-names.ts';

/** What was learned: the name of an id, by the listener that it passed. */
export type NameLearned = readonly [listener: string, id: string, name: string];

/** Kept of one listener; above, the oldest are forgotten. */
const MAX_NAMES = 50_000;
/** Of id and name together, in characters. */
const MAX_TEXT = 512;
/** A message holds so many at most: what a message costs both ends, other connections wait for. */
const MAX_MESSAGE = 1000;

/** Names by listener and id, bounded. */
export class NameStore {
  readonly #max: number;
  readonly #listeners = new Map<string, Map<string, string>>();

  constructor(max = MAX_NAMES) {
    this.#max = max;
  }

  /** False: it was known. */
  keep([listener, id, name]: NameLearned): boolean {
    const names = this.#listeners.get(listener) ?? new Map<string, string>();
    if (names.get(id) === name) return false;
    this.#listeners.set(listener, names);
    names.delete(id);
    if (names.size >= this.#max) names.delete(names.keys().next().value!);
    names.set(id, name);
    return true;
  }

  of(listener: string): ReadonlyMap<string, string> {
    return this.#listeners.get(listener) ?? new Map();
  }

  /** Forgets listeners that are none of these. */
  keepOnly(listeners: readonly { readonly name: string }[]): void {
    for (const known of this.#listeners.keys())
      if (!listeners.some(({ name }) => name === known)) this.#listeners.delete(known);
  }

  /** Everything, in messages. */
  *messages(): Generator<NameLearned[]> {
    let message: NameLearned[] = [];
    for (const [listener, names] of this.#listeners)
      for (const [id, name] of names) {
        message.push([listener, id, name]);
        if (message.length < MAX_MESSAGE) continue;
        yield message;
        message = [];
      }
    if (message.length > 0) yield message;
  }
}

/** The names that one process knows: what its own connections learn and, by apply(), what others do. */
export class Names {
  readonly #store: NameStore;
  readonly #tell: ((learned: readonly NameLearned[]) => void) | null;
  /** The chain of each listener that new connections get; what older ones know they keep. */
  readonly #followers = new Map<string, (id: string, name: string) => void>();
  #unsaid: NameLearned[] = [];
  #telling = false;

  /** `tell` gets what this process learned, at most one call a loop turn. */
  constructor(tell: ((learned: readonly NameLearned[]) => void) | null = null, store = new NameStore()) {
    this.#tell = tell;
    this.#store = store;
  }

  /** For a new chain of this listener. */
  of(listener: string): SharedNames {
    let own: ((id: string, name: string) => void) | null = null;
    return {
      follow: (take) => {
        own = take;
        this.#followers.set(listener, take);
        for (const [id, name] of this.#store.of(listener)) take(id, name);
      },
      learn: (id, name) => {
        if (id.length + name.length > MAX_TEXT || !this.#store.keep([listener, id, name])) return;
        const follower = this.#followers.get(listener);
        if (follower !== undefined && follower !== own) follower(id, name);
        if (this.#tell === null) return;
        this.#unsaid.push([listener, id, name]);
        this.#schedule();
      },
    };
  }

  /** What others have learned: taken, not passed on. */
  apply(learned: readonly NameLearned[]): void {
    for (const one of learned) if (this.#store.keep(one)) this.#followers.get(one[0])?.(one[1], one[2]);
  }

  /** These are all the listeners there are now. */
  keepOnly(listeners: readonly { readonly name: string }[]): void {
    this.#store.keepOnly(listeners);
    for (const known of this.#followers.keys())
      if (!listeners.some(({ name }) => name === known)) this.#followers.delete(known);
  }

  #schedule(): void {
    if (this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      this.#tell?.(this.#unsaid.splice(0, MAX_MESSAGE));
      if (this.#unsaid.length > 0) this.#schedule();
    });
  }
}
