import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Exchange } from '../../src/exchange/exchange.ts';
import { digests } from '../../test/support/filter-env.ts';
import { KEY_BYTES, Pending } from './pending.ts';
import { raw } from './testing/builders.ts';

const keyOf = (ring: Pending): string =>
  Buffer.from(ring.keys.subarray(ring.keyStart, ring.keyStart + ring.keyLength)).toString();

test('what goes in comes out, in order, whatever it grows and shrinks to', () => {
  const digest = digests.named('redis', 'GET', 'GET');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -60, max: 60 }), { maxLength: 60 }), (moves) => {
      const ring = new Pending();
      const other = new Pending();
      let [next, oldest] = [0, 0];
      for (const move of moves) {
        for (let i = 0; i < move; i++, next++) {
          const late = next % 5 === 0;
          ring.push(late ? null : new Exchange(), next & 0xff, next % 2 === 0, null);
          if (late) ring.keepLate(digest, next * 3, next, null);
          if (next % 3 > 0) ring.keepKey(raw(`key:${next}`), 0, `key:${next}`.length);
        }
        for (let i = 0; i > move && ring.size > 0; i--, oldest++) {
          if (oldest % 7 === 0) {
            ring.moveTo(other);
            check(other, oldest);
            other.shift();
            continue;
          }
          check(ring, oldest);
          ring.shift();
        }
        expect(ring.size).toBe(next - oldest);
      }
    }),
    { numRuns: 60 },
  );

  function check(ring: Pending, n: number): void {
    expect([ring.slot, ring.reads, keyOf(ring)]).toEqual([n & 0xff, n % 2 === 0, n % 3 > 0 ? `key:${n}` : '']);
    expect(ring.exchange === null).toBe(n % 5 === 0);
    if (ring.exchange !== null) return;
    const x = new Exchange();
    ring.fill(x);
    expect([x.digest, x.requestBytes, x.turn]).toEqual([digest, n * 3, n]);
  }
});

test('keys are kept of the first commands alone, and only so much of each', () => {
  const ring = new Pending();
  const key = raw('k'.repeat(300));
  for (let i = 0; i < 20_000; i++) {
    ring.push(null, 1, false, null);
    ring.keepKey(key, 0, key.length);
  }
  expect(ring.keys.length).toBe(16_384 * KEY_BYTES);
  expect(ring.keyLength).toBe(KEY_BYTES);
  for (let i = 0; i < 16_384; i++) ring.shift();
  expect(ring.keyLength).toBe(0);
  while (ring.size > 0) ring.shift();
  expect(ring.keys.length).toBe(0);
});
