import type { HeavyKeysSnapshot, KeyCost, KeyDimension } from './heavy-keys.ts';
import { topKeys } from './merge-keys.ts';

/** What /api/queries?by=key sorts by, largest first. */
export const KEY_SORTS = ['calls', 'bytes', 'time'] as const;
export type KeySort = (typeof KEY_SORTS)[number];
const DIMENSIONS: Readonly<Record<KeySort, KeyDimension>> = { calls: 'calls', bytes: 'bytes', time: 'ms' };

export interface KeyRequest {
  readonly sort?: KeySort | undefined;
  readonly limit?: number | undefined;
  readonly listener?: string | undefined;
}

/** What keys cost since counting began: exchanges, bytes of request and reply, seconds of latency. */
export interface KeyFigures {
  readonly calls: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface KeyRow extends KeyFigures {
  /** UTF-8; what is not printable as `\xHH`, a backslash as `\\`. */
  readonly key: string;
  /** The key is longer than the 128 bytes that stand in `key`. */
  readonly cut: boolean;
  readonly listener: string;
  /** The most that the figures can be too high by. They are never too low. */
  readonly over: KeyFigures;
}

/** All keys of one listener together, exactly; and the most that one which is not listed can have cost. */
export interface KeyListener extends KeyFigures {
  readonly listener: string;
  readonly unlisted: KeyFigures;
}

export interface KeyAnswer {
  readonly keys: readonly KeyRow[];
  readonly listeners: readonly KeyListener[];
}

/** Answers /api/queries?by=key from the heavy keys of each listener. */
export function queryKeys(
  all: Iterable<readonly [listener: string, keys: HeavyKeysSnapshot]>,
  request: KeyRequest,
): KeyAnswer {
  const by = DIMENSIONS[request.sort ?? 'calls'];
  const limit = request.limit ?? 100;
  const wanted = [...all].filter(([listener]) => request.listener === undefined || listener === request.listener);
  const keys = wanted
    .flatMap(([listener, snapshot]) => topKeys(snapshot, by, limit).map((one) => ({ listener, one })))
    .sort((a, b) => b.one[by] - a.one[by])
    .slice(0, limit)
    .map(({ listener, one }) => {
      const { key, cut, over } = one;
      return { key, cut, listener, ...figures(one), over: figures(over) };
    });
  const listeners = wanted.map(([listener, { total, floor }]) => ({
    listener,
    ...figures(total),
    unlisted: figures(floor),
  }));
  return { keys, listeners };
}

const figures = ({ calls, bytes, ms }: KeyCost): KeyFigures => ({ calls, bytes, seconds: ms / 1000 });
