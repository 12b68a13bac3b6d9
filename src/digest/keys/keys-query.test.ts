import { describe, expect, test } from 'vitest';
import type { HeavyKey, HeavyKeysSnapshot } from './heavy-keys.ts';
import { type KeyRequest, queryKeys } from './keys-query.ts';

const key = (name: string, calls: number, bytes: number, ms: number, over = 0): HeavyKey => ({
  key: name,
  cut: name.length > 4,
  calls,
  bytes,
  ms,
  over: { calls: over, bytes: over, ms: over },
});
const snapshot = (keys: HeavyKey[]): HeavyKeysSnapshot => ({
  total: { calls: 100, bytes: 1000, ms: 5000 },
  floor: { calls: 1, bytes: 20, ms: 30 },
  keys,
});
const ALL: [string, HeavyKeysSnapshot][] = [
  ['cache', snapshot([key('a', 9, 100, 3000), key('b', 5, 400, 10, 1), key('long-one', 1, 20, 500)])],
  ['other', snapshot([key('a', 7, 300, 200)])],
];

const CASES: readonly [name: string, request: KeyRequest, want: readonly string[]][] = [
  ['by calls when nothing is said', {}, ['cache a', 'other a', 'cache b', 'cache long-one']],
  ['by bytes', { sort: 'bytes' }, ['cache b', 'other a', 'cache a', 'cache long-one']],
  ['by time', { sort: 'time' }, ['cache a', 'cache long-one', 'other a', 'cache b']],
  ['at most so many, over all listeners', { limit: 2 }, ['cache a', 'other a']],
  ['of one listener', { listener: 'other' }, ['other a']],
  ['of one that is not there', { listener: 'nothing' }, []],
];

describe('keys', () => {
  test.each(CASES)('%s', (_, request, want) => {
    const { keys, listeners } = queryKeys(ALL, request);
    expect(keys.map((one) => `${one.listener} ${one.key}`)).toEqual(want);
    const names = request.listener === undefined ? ['cache', 'other'] : want.length > 0 ? [request.listener] : [];
    expect(listeners.map(({ listener }) => listener)).toEqual(names);
  });

  test('the fields of the contract', () => {
    expect(queryKeys(ALL, { listener: 'cache', sort: 'bytes', limit: 1 })).toEqual({
      keys: [
        {
          key: 'b',
          cut: false,
          listener: 'cache',
          calls: 5,
          bytes: 400,
          seconds: 0.01,
          over: { calls: 1, bytes: 1, seconds: 0.001 },
        },
      ],
      listeners: [
        {
          listener: 'cache',
          calls: 100,
          bytes: 1000,
          seconds: 5,
          unlisted: { calls: 1, bytes: 20, seconds: 0.03 },
        },
      ],
    });
    expect(queryKeys([], {})).toEqual({ keys: [], listeners: [] });
  });
});
