import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeavyKeys, type HeavyKeysSnapshot, KEY_DIMENSIONS, type KeyCost } from './heavy-keys.ts';
import { readKeys, writeKeys } from './keys-wire.ts';
import { topKeys } from './merge-keys.ts';
import { heaviest, MergedKeys } from './merged-keys.ts';
import { WorkerKeys } from './worker-keys.ts';

const touch = (keys: WorkerKeys, listener: string, key: string, bytes = 10, ms = 0.5): void => {
  const buf = Buffer.from(key);
  keys.of(listener).touch(buf, 0, buf.length, bytes, ms);
};
const tell = (worker: WorkerKeys, facts: MergedKeys, number: number, incarnation: number): boolean[] =>
  [...worker.changes()].map((part) => facts.apply(number, incarnation, part));
const of = (facts: MergedKeys, listener: string): HeavyKeysSnapshot => new Map(facts.listeners()).get(listener)!;

/** Every key's truth lies within its bounds, or below the floor. */
function expectBounds(snapshot: HeavyKeysSnapshot, truth: ReadonlyMap<string, KeyCost>): void {
  const listed = new Map(snapshot.keys.map((one) => [one.key, one]));
  for (const [key, cost] of truth)
    for (const by of KEY_DIMENSIONS) {
      const one = listed.get(key);
      expect(cost[by], key).toBeLessThanOrEqual((one ?? snapshot.floor)[by] + 1e-6);
      if (one) expect(cost[by], key).toBeGreaterThanOrEqual(one[by] - one.over[by] - 1e-6);
    }
}

describe('workers that die and come back, and connections that break', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 30, arbitrary: fc.tuple(fc.constant('touch' as const), fc.nat(2), fc.nat(40)) },
      { weight: 4, arbitrary: fc.tuple(fc.constant('tell' as const), fc.nat(2), fc.nat(1)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('reconnect' as const), fc.nat(2), fc.nat(1)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('kill' as const), fc.nat(2), fc.nat(1)) },
    ),
    { maxLength: 200 },
  );

  test('everything told is counted, once', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const facts = new MergedKeys();
        const life = () => ({ keys: new WorkerKeys(), heard: 0, touched: 0, incarnation: 1 });
        const live = [life(), life(), life()];
        let dead = 0;
        for (const [what, number, n] of list) {
          const one = live[number]!;
          if (what === 'touch') {
            touch(one.keys, 'cache', `key:${n}`);
            one.touched++;
          } else if (what === 'tell') {
            if (tell(one.keys, facts, number, one.incarnation).length > 0) one.heard = one.touched;
          } else if (what === 'reconnect') {
            for (const _lost of one.keys.changes());
            one.keys.snapshot();
          } else {
            facts.retire(number, one.incarnation);
            expect(tell(one.keys, facts, number, one.incarnation)).not.toContain(true);
            dead += one.heard;
            live[number] = { ...life(), incarnation: one.incarnation + 1 };
          }
        }
        const told = dead + live.reduce((sum, one) => sum + one.heard, 0);
        const snapshot = of(facts, 'cache');
        expect(snapshot?.total.calls ?? 0).toBe(told);
        // Fewer keys than the sketch ranks: nothing is estimated.
        expect(snapshot?.keys.reduce((sum, one) => sum + one.calls, 0) ?? 0).toBe(told);
        expect(snapshot?.keys.every((one) => one.over.calls === 0) ?? true).toBe(true);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  test('bounds hold over many lives, and what is kept of the dead is bounded', () => {
    const facts = new MergedKeys();
    const truth = new Map<string, { calls: number; bytes: number; ms: number }>();
    for (let incarnation = 1; incarnation <= 6; incarnation++) {
      const keys = new WorkerKeys();
      for (let i = 0; i < 6000; i++) {
        const key = i % 3 === 0 ? `hot:${i % 5}` : `cold:${incarnation}:${i}`;
        touch(keys, 'cache', key, 10 + (i % 7), 0.25);
        const cost = truth.get(key) ?? { calls: 0, bytes: 0, ms: 0 };
        truth.set(key, { calls: cost.calls + 1, bytes: cost.bytes + 10 + (i % 7), ms: cost.ms + 0.25 });
      }
      expect(tell(keys, facts, 0, incarnation)).toEqual([true]);
      facts.retire(0, incarnation);
    }
    const snapshot = of(facts, 'cache');
    expectBounds(snapshot, truth);
    expect(snapshot.keys.length).toBeLessThanOrEqual(3 * 512);
    expect(snapshot.total.calls).toBe(36_000);
    expect(new Set(topKeys(snapshot, 'calls', 5).map(({ key }) => key))).toEqual(
      new Set(['hot:0', 'hot:1', 'hot:2', 'hot:3', 'hot:4']),
    );
  });
});

test('listeners are told apart, and only what changed is told', () => {
  const keys = new WorkerKeys();
  const facts = new MergedKeys();
  keys.of('silent');
  touch(keys, 'a', 'x');
  touch(keys, 'b', 'x');
  expect(tell(keys, facts, 0, 1)).toEqual([true, true]);
  expect(tell(keys, facts, 0, 1)).toEqual([]);
  touch(keys, 'b', 'y');
  expect(tell(keys, facts, 0, 1)).toEqual([true]);
  expect([...facts.listeners()].map(([name, { total }]) => [name, total.calls])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(keys.of('a')).toBe(keys.of('a'));
});

test('a time that is none does no harm', () => {
  const keys = new WorkerKeys();
  const facts = new MergedKeys();
  for (const ms of [Number.NaN, -3, Infinity, 2]) touch(keys, 'a', 'x', 1, ms);
  expect(tell(keys, facts, 0, 1)).toEqual([true]);
  expect(of(facts, 'a').total).toEqual({ calls: 4, bytes: 4, ms: 2 });
});

test('heaviest() keeps the top of each dimension, and raises the floor over what goes', () => {
  const key = (name: string, calls: number, bytes: number, ms: number) => ({
    key: name,
    cut: false,
    calls,
    bytes,
    ms,
    over: { calls: 0, bytes: 0, ms: 0 },
  });
  const keys = [key('a', 9, 1, 1), key('b', 1, 9, 1), key('c', 1, 1, 9), key('d', 3, 2, 4)];
  const cut = heaviest({ total: { calls: 14, bytes: 13, ms: 15 }, floor: { calls: 1, bytes: 3, ms: 0 }, keys }, 1);
  expect(cut.keys.map((one) => one.key).sort()).toEqual(['a', 'b', 'c']);
  expect(cut.floor).toEqual({ calls: 3, bytes: 3, ms: 4 });
});

describe('the wire', () => {
  const sketch = new HeavyKeys({ entries: 20, seed: 1 });
  for (let i = 0; i < 500; i++) {
    const key = Buffer.from(i % 9 === 0 ? `\xff\x00${i % 27}` : `k${i}${'x'.repeat(i)}`, 'latin1');
    sketch.touch(key, 0, key.length, i * 1000, i / 7);
  }
  const told = { listener: 'cäche', snapshot: sketch.snapshot() };
  const good = writeKeys(told);

  test('what goes in comes out', () => expect(readKeys(good)).toEqual(told));

  test('garbage is counted, never thrown, and changes nothing', () => {
    const facts = new MergedKeys();
    facts.apply(0, 1, good);
    for (let cut = 0; cut < good.length; cut++) expect(facts.apply(0, 1, good.subarray(0, cut))).toBe(false);
    expect(facts.malformed).toBe(good.length);
    expect(facts.apply(0, 1, Buffer.concat([good, Buffer.from([0])]))).toBe(false);
    expect(of(facts, 'cäche').total).toEqual(told.snapshot.total);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(good.length - 1), (noise, at) => {
        const bytes = Buffer.from(good);
        bytes.set(noise.subarray(0, bytes.length - at), at);
        new MergedKeys().apply(0, 1, bytes);
        new MergedKeys().apply(0, 1, Buffer.concat([good.subarray(0, 1), noise]));
      }),
      { numRuns: 300, seed: 3 },
    );
  });
});
