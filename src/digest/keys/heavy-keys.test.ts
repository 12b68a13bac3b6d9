import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heapGrowth } from '../../../test/support/heap-growth.ts';
import { HeavyKeys, type HeavyKeysOptions, type HeavyKeysSnapshot, KEY_DIMENSIONS } from './heavy-keys.ts';
import { mergeHeavyKeys, topKeys } from './merge-keys.ts';

interface Truth {
  calls: number;
  bytes: number;
  ms: number;
}

/** A sketch beside an exact count. */
class Counted {
  readonly sketch: HeavyKeys;
  readonly truth = new Map<string, Truth>();

  constructor(options: HeavyKeysOptions) {
    this.sketch = new HeavyKeys(options);
  }

  touch(key: string, bytes: number, ms: number): void {
    const buf = Buffer.from(`..${key}..`);
    this.sketch.touch(buf, 2, buf.length - 2, bytes, ms);
    const sums = this.truth.get(key) ?? { calls: 0, bytes: 0, ms: 0 };
    this.truth.set(key, { calls: sums.calls + 1, bytes: sums.bytes + bytes, ms: sums.ms + ms });
  }
}

/** Every key's truth lies within what the snapshot claims; what is not listed lies below the floor. */
function expectBounds(snapshot: HeavyKeysSnapshot, truth: ReadonlyMap<string, Truth>): void {
  const listed = new Map(snapshot.keys.map((one) => [one.key, one]));
  for (const [key, cost] of truth) {
    const one = listed.get(key);
    for (const by of KEY_DIMENSIONS) {
      if (one === undefined) expect(cost[by], `${key} ${by}`).toBeLessThanOrEqual(snapshot.floor[by] + 1e-6);
      else {
        expect(cost[by], `${key} ${by}`).toBeLessThanOrEqual(one[by] + 1e-6);
        expect(cost[by], `${key} ${by}`).toBeGreaterThanOrEqual(one[by] - one.over[by] - 1e-6);
      }
    }
  }
  for (const key of listed.keys()) expect(truth.has(key)).toBe(true);
  for (const by of KEY_DIMENSIONS) {
    const total = [...truth.values()].reduce((sum, cost) => sum + cost[by], 0);
    expect(snapshot.total[by]).toBeCloseTo(total, 3);
  }
}

const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 0) / 2 ** 32;
};

/** Ranks of a Zipf law with exponent 1.1 over `keys` keys. */
function zipf(keys: number, next: () => number): () => number {
  const cumulated: number[] = [];
  let sum = 0;
  for (let i = 1; i <= keys; i++) {
    sum += i ** -1.1;
    cumulated.push(sum);
  }
  return () => {
    const x = next() * sum;
    let low = 0;
    for (let high = keys - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (cumulated[middle]! < x) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

test('finds the heavy hitters of a Zipf stream in each dimension, counts within the bound', () => {
  const next = random(7);
  const rank = zipf(50_000, next);
  const counted = new Counted({ entries: 128, seed: 1 });
  for (let i = 0; i < 120_000; i++) {
    const n = rank();
    // Rarely called keys that move much, and others that take long.
    const bytes = n % 5000 === 17 ? 1_000_000 : 100 + (n % 7);
    counted.touch(`user:${n}:profile`, bytes, n % 6000 === 19 ? 500.5 : 0.25);
  }
  const snapshot = counted.sketch.snapshot();
  expectBounds(snapshot, counted.truth);
  for (const by of KEY_DIMENSIONS) {
    const heaviest = [...counted.truth].sort((a, b) => b[1][by] - a[1][by]).slice(0, 8);
    const found = topKeys(snapshot, by, 12).map((one) => one.key);
    for (const [key] of heaviest) expect(found, by).toContain(key);
  }
  const [top] = topKeys(snapshot, 'calls', 1);
  expect(top?.key).toBe('user:0:profile');
  expect(top!.over.calls / top!.calls).toBeLessThan(0.05);
});

test('bounds hold for any stream, seed and size', () => {
  const touches = fc.array(fc.tuple(fc.nat(40), fc.nat(5000), fc.constantFrom(0, 0, 0.5, 12, 900)), { maxLength: 600 });
  fc.assert(
    fc.property(touches, fc.integer({ min: 1, max: 12 }), fc.integer(), (stream, entries, seed) => {
      const counted = new Counted({ entries, seed });
      for (const [key, bytes, ms] of stream) counted.touch(`k${key}`, bytes, ms);
      const snapshot = counted.sketch.snapshot();
      expectBounds(snapshot, counted.truth);
      expect(snapshot.keys.length).toBeLessThanOrEqual(entries * 3);
    }),
    { numRuns: 300 },
  );
});

test('merged, the bounds hold over all streams', () => {
  const stream = fc.array(fc.tuple(fc.nat(30), fc.nat(900)), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(stream, { minLength: 1, maxLength: 4 }), (streams) => {
      const all = new Map<string, Truth>();
      const snapshots = streams.map((touches, seed) => {
        const counted = new Counted({ entries: 4, seed });
        for (const [key, bytes] of touches) counted.touch(`k${key}`, bytes, bytes / 8);
        for (const [key, cost] of counted.truth) {
          const sums = all.get(key) ?? { calls: 0, bytes: 0, ms: 0 };
          all.set(key, { calls: sums.calls + cost.calls, bytes: sums.bytes + cost.bytes, ms: sums.ms + cost.ms });
        }
        return structuredClone(counted.sketch.snapshot());
      });
      expectBounds(mergeHeavyKeys(snapshots), all);
    }),
    { numRuns: 200 },
  );
});

test('exact while the keys fit', () => {
  const sketch = new HeavyKeys({ entries: 8 });
  for (let i = 0; i < 8; i++)
    for (let n = 0; n <= i; n++) sketch.touch(Buffer.from(`key:${i}`), 0, 5, 10 * i, i === 3 ? 2 : 0);
  const snapshot = sketch.snapshot();
  expect(snapshot.total).toEqual({ calls: 36, bytes: 1680, ms: 8 });
  expect(snapshot.floor).toEqual({ calls: 0, bytes: 0, ms: 0 });
  const none = { calls: 0, bytes: 0, ms: 0 };
  expect(topKeys(snapshot, 'bytes', 2)).toEqual([
    { key: 'key:7', cut: false, calls: 8, bytes: 560, ms: 0, over: none },
    { key: 'key:6', cut: false, calls: 7, bytes: 420, ms: 0, over: none },
  ]);
  expect(topKeys(snapshot, 'ms', 9)).toEqual([{ key: 'key:3', cut: false, calls: 4, bytes: 120, ms: 8, over: none }]);
});

test('empty, binary and long keys', () => {
  const sketch = new HeavyKeys();
  const long = Buffer.alloc(300, 'a');
  const longer = Buffer.concat([long, Buffer.from('b')]);
  const binary = Buffer.from([0x00, 0xff, 0x5c, 0xc3, 0xa9, 0x0a]);
  for (const [times, key] of [
    [5, long],
    [4, longer],
    [3, binary],
    [2, Buffer.alloc(0)],
  ] as const)
    for (let i = 0; i < times; i++) sketch.touch(key, 0, key.length, 1, 1);
  expect(topKeys(sketch.snapshot(), 'calls', 9).map(({ key, cut, calls }) => [key, cut, calls])).toEqual([
    ['a'.repeat(128), true, 5],
    ['a'.repeat(128), true, 4],
    ['\\x00\\xff\\\\é\\x0a', false, 3],
    ['', false, 2],
  ]);
});

test('snapshots of nothing merge to nothing', () => {
  expect(mergeHeavyKeys([])).toEqual({
    total: { calls: 0, bytes: 0, ms: 0 },
    floor: { calls: 0, bytes: 0, ms: 0 },
    keys: [],
  });
});

test('a time that is none counts as no time', () => {
  const sketch = new HeavyKeys();
  for (const ms of [Number.NaN, -1, 2]) sketch.touch(Buffer.from('k'), 0, 1, 1, ms);
  const snapshot = sketch.snapshot();
  expect(snapshot.total).toEqual({ calls: 3, bytes: 3, ms: 2 });
  expect(snapshot.keys[0]).toMatchObject({ calls: 3, bytes: 3, ms: 2 });
});

test('touching allocates nothing, for keys that come and go too', () => {
  const sketch = new HeavyKeys();
  const buf = Buffer.alloc(16);
  const run = (): void => {
    for (let i = 0; i < 50_000; i++) {
      buf.writeUInt32LE(i % 3 === 0 ? i : i % 700, 4);
      sketch.touch(buf, 0, 16, 100 + (i & 7), 0.5);
    }
  };
  // 8 bytes a call would be 400,000.
  expect(heapGrowth(run, 100_000)).toBeLessThan(100_000);
});
