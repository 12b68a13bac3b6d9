import type { HeavyKey, HeavyKeysSnapshot, KeyCost, KeyDimension } from '../digest/keys/heavy-keys.ts';
import { topKeys } from '../digest/keys/merge-keys.ts';
import type { HotKeySeries, KeyNumbers } from '../stats/hot-key-series.ts';

const RANKED: readonly (readonly [by: string, dimension: KeyDimension])[] = [
  ['calls', 'calls'],
  ['bytes', 'bytes'],
  ['time', 'ms'],
];
const TOPS = [1, 10, 100] as const;
/** Characters of a key in a label. */
const MAX_NAME = 200;
/** Keys of a listener that have series of their own, a ranking. */
export const NAMED_KEYS = 20;

/** The heavy keys of listeners for metrics. Keys are data: they are named only where `named`. */
export function hotKeySeries(
  all: Iterable<readonly [listener: string, keys: HeavyKeysSnapshot]>,
  named: boolean,
): HotKeySeries[] {
  return Array.from(all, ([listener, snapshot]) => ({
    listener,
    totals: numbers(snapshot.total),
    shares: RANKED.flatMap(([by, dimension]) => shares(snapshot, dimension).map((one) => ({ by, ...one }))),
    keys: named ? heavy(snapshot).map(([key, one]) => ({ key, ...numbers(one) })) : [],
  }));
}

/** By what the keys have for certain: a sketch under a flood of keys seen once must not cry wolf. */
function shares({ total, keys }: HeavyKeysSnapshot, by: KeyDimension): { top: number; share: number }[] {
  const sure = keys.map((one) => one[by] - one.over[by]).sort((a, b) => b - a);
  const sum = (top: number): number => sure.slice(0, top).reduce((a, b) => a + b, 0);
  return TOPS.map((top) => ({ top, share: total[by] > 0 ? Math.min(1, sum(top) / total[by]) : 0 }));
}

/** The heaviest of each ranking, each once: two long keys may look the same, and are one series then. */
function heavy(snapshot: HeavyKeysSnapshot): [name: string, key: HeavyKey][] {
  const found = RANKED.flatMap(([, dimension]) => topKeys(snapshot, dimension, NAMED_KEYS));
  return [...new Map(found.map((one) => [nameOf(one), one]))];
}

const nameOf = ({ key, cut }: HeavyKey): string => (cut || key.length > MAX_NAME ? `${key.slice(0, MAX_NAME)}…` : key);

const numbers = ({ calls, bytes, ms }: KeyCost): KeyNumbers => ({ calls, bytes, seconds: ms / 1000 });
