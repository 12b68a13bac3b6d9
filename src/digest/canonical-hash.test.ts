import { describe, expect, test } from 'vitest';
import { digestId, seededHash } from './canonical-hash.ts';

describe('digestId', () => {
  // These are printed, stored and joined on: they may never change.
  const golden: readonly (readonly [dialect: string, text: string, id: string])[] = [
    ['postgres', '', '7a9b793f69a31a28'],
    ['postgres', 'select ?', 'cc056a30e73ccdc4'],
    ['postgres', 'select * from t where a = ?', '91ff6f6c28f561ee'],
    ['mysql', 'select ?', 'f9d376fc1ba10605'],
    ['postgres', 'select "täglich"', '742048e0129b2a4f'],
  ];
  for (const [dialect, text, id] of golden)
    test(`${dialect} ${text}`, () => expect(digestId(dialect, Buffer.from(text))).toBe(id));

  test('the place of the bytes in memory does not matter', () => {
    const text = Buffer.from('select a from b');
    for (let i = 0; i < 8; i++) {
      const moved = Buffer.concat([Buffer.alloc(i, 'x'), text]).subarray(i);
      expect(digestId('postgres', moved)).toBe(digestId('postgres', text));
    }
  });

  test('200,000 texts: no two ids are equal, and every bit is set half of the time', () => {
    const ids = new Set<string>();
    const set = new Uint32Array(64);
    const shapes = [
      (i: number) => `select a from t${i} where b = ?`,
      (i: number) => `select c${i % 1000}, d${(i / 1000) | 0} from t`,
      (i: number) => 'x'.repeat(i % 500) + i,
      (i: number) => `${i}`,
    ];
    const total = 200_000;
    for (let i = 0; i < total; i++) {
      const id = digestId('postgres', Buffer.from(shapes[i % 4]!(i)));
      ids.add(id);
      for (let half = 0; half < 2; half++) {
        const word = Number.parseInt(id.slice(half * 8, half * 8 + 8), 16);
        for (let bit = 0; bit < 32; bit++) set[half * 32 + bit]! += (word >>> bit) & 1;
      }
    }
    expect(ids.size).toBe(total);
    // Five standard deviations of a fair coin are 0.0056.
    for (const count of set) expect(Math.abs(count / total - 0.5)).toBeLessThan(0.0056);
  });
});

describe('seededHash', () => {
  const words = new Int32Array(16);
  const bytes = Buffer.from(words.buffer);
  const hash = (text: string, k0: number, k1: number): number => {
    words.fill(0);
    return seededHash(words, bytes.write(text), k0, k1);
  };

  test('depends on text, length and both halves of the key', () => {
    const base = hash('select', 1, 2);
    for (const [text, k0, k1] of [
      ['selecu', 1, 2],
      ['select\0', 1, 2],
      ['select', 3, 2],
      ['select', 1, 3],
    ] as const)
      expect(hash(text, k0, k1)).not.toBe(base);
    expect(hash('select', 1, 2)).toBe(base);
  });

  test('spreads over buckets: no bucket of 1,024 holds more than four times its share of 65,536', () => {
    for (const k of [0, 77]) {
      const buckets = new Uint32Array(1024);
      for (let i = 0; i < 65_536; i++) buckets[hash(`select ${i}`, k, k * 3) & 1023]!++;
      expect(Math.max(...buckets)).toBeLessThan(64 * 4);
      expect(Math.min(...buckets)).toBeGreaterThan(16);
    }
  });
});
