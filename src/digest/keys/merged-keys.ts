import { type HeavyKeysSnapshot, KEY_DIMENSIONS, type KeyDimension } from './heavy-keys.ts';
import { readKeys } from './keys-wire.ts';
import { mergeHeavyKeys, topKeys } from './merge-keys.ts';

/** Keys of dead workers kept a listener and dimension. */
const PAST_KEYS = 512;

interface Listener {
  /** What each life of a worker said last; it is cumulative, so it replaces what that life said before. */
  readonly lives: Map<string, HeavyKeysSnapshot>;
  /** What lives that are over had said, in one. */
  past: HeavyKeysSnapshot | null;
  /** All of it merged; null: to be made. */
  merged: HeavyKeysSnapshot | null;
}

/** The heavy keys of all workers together. As MergedRows: what a dead worker had counted stays, and is counted once. */
export class MergedKeys {
  /** Buffers that could not be read: a dying worker's. */
  malformed = 0;
  /** Buffers from a worker that is known to be gone. */
  stale = 0;
  readonly #listeners = new Map<string, Listener>();
  readonly #retired = new Map<number, number>();

  /** Applies a WorkerKeys.changes() buffer. False: it was malformed or stale, and counted. */
  apply(worker: number, incarnation: number, buf: Buffer): boolean {
    if (incarnation <= (this.#retired.get(worker) ?? -1)) {
      this.stale++;
      return false;
    }
    const told = readKeys(buf);
    if (told === null) {
      this.malformed++;
      return false;
    }
    let listener = this.#listeners.get(told.listener);
    if (listener === undefined) {
      listener = { lives: new Map(), past: null, merged: null };
      this.#listeners.set(told.listener, listener);
    }
    listener.lives.set(`${worker}.${incarnation}`, told.snapshot);
    listener.merged = null;
    return true;
  }

  /** That life of the worker is over: what it had counted stays, what it (or an earlier one) still says is ignored. */
  retire(worker: number, incarnation: number): void {
    this.#retired.set(worker, Math.max(incarnation, this.#retired.get(worker) ?? -1));
    const life = `${worker}.${incarnation}`;
    for (const listener of this.#listeners.values()) {
      const last = listener.lives.get(life);
      if (last === undefined) continue;
      listener.lives.delete(life);
      listener.past = heaviest(listener.past === null ? last : mergeHeavyKeys([listener.past, last]), PAST_KEYS);
      listener.merged = null;
    }
  }

  /** Listeners that had a key, each with its heavy keys over all workers. */
  *listeners(): Generator<[listener: string, keys: HeavyKeysSnapshot]> {
    for (const [name, listener] of this.#listeners) {
      const { lives, past } = listener;
      listener.merged ??= mergeHeavyKeys(past === null ? [...lives.values()] : [past, ...lives.values()]);
      yield [name, listener.merged];
    }
  }
}

/**
 * The heaviest `limit` keys of each dimension. What goes raises the floor, so the bounds still hold.
 */
export function heaviest(snapshot: HeavyKeysSnapshot, limit: number): HeavyKeysSnapshot {
  if (snapshot.keys.length <= limit) return snapshot;
  const keys = new Set(KEY_DIMENSIONS.flatMap((by) => topKeys(snapshot, by, limit)));
  const gone = snapshot.keys.filter((one) => !keys.has(one));
  const most = (by: KeyDimension): number => gone.reduce((top, one) => Math.max(top, one[by]), snapshot.floor[by]);
  return {
    total: snapshot.total,
    floor: { calls: most('calls'), bytes: most('bytes'), ms: most('ms') },
    keys: [...keys],
  };
}
