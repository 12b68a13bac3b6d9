import type { HeavyKey, HeavyKeysSnapshot, KeyCost, KeyDimension } from './heavy-keys.ts';

type Sums = { -readonly [dimension in KeyDimension]: number };

interface Merged {
  readonly key: string;
  readonly cut: boolean;
  readonly upper: Sums;
  readonly over: Sums;
  /** Floors of the snapshots that list it. */
  readonly floors: Sums;
  /** The last snapshot that listed it: two cut keys of one snapshot may share their text. */
  listedBy: HeavyKeysSnapshot;
}

const zero = (): Sums => ({ calls: 0, bytes: 0, ms: 0 });

const add = (to: Sums, by: KeyCost): void => {
  to.calls += by.calls;
  to.bytes += by.bytes;
  to.ms += by.ms;
};

/**
 * One snapshot of several that counted different exchanges of one listener. Its bounds hold as theirs do: where a snapshot
 * does not list a key, the most it can have there, its floor, is added to the key and to its error.
 */
export function mergeHeavyKeys(snapshots: readonly HeavyKeysSnapshot[]): HeavyKeysSnapshot {
  const total = zero();
  const floor = zero();
  const byKey = new Map<string, Merged>();
  for (const snapshot of snapshots) {
    add(total, snapshot.total);
    add(floor, snapshot.floor);
    for (const one of snapshot.keys) {
      const name = one.cut ? `${one.key}\u0000` : one.key;
      const known = byKey.get(name);
      const merged = known ?? {
        key: one.key,
        cut: one.cut,
        upper: zero(),
        over: zero(),
        floors: zero(),
        listedBy: snapshot,
      };
      if (known === undefined) byKey.set(name, merged);
      if (known === undefined || merged.listedBy !== snapshot) add(merged.floors, snapshot.floor);
      merged.listedBy = snapshot;
      add(merged.upper, one);
      add(merged.over, one.over);
    }
  }
  const keys = Array.from(byKey.values(), ({ key, cut, upper, over, floors }): HeavyKey => {
    const missing = { calls: floor.calls - floors.calls, bytes: floor.bytes - floors.bytes, ms: floor.ms - floors.ms };
    add(upper, missing);
    add(over, missing);
    return { key, cut, ...upper, over };
  });
  return { total, floor, keys };
}

/** The heaviest `limit` keys, largest first; equal ones by their text. */
export const topKeys = (snapshot: HeavyKeysSnapshot, by: KeyDimension, limit: number): HeavyKey[] =>
  snapshot.keys
    .filter((one) => one[by] > 0)
    .sort((a, b) => b[by] - a[by] || (a.key < b.key ? -1 : 1))
    .slice(0, limit);
