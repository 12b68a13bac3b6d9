import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUCKETS, bucketBound, bucketIndex, Histogram, MAX_INDEX, MIN_INDEX } from './histogram.ts';

const WIDTH = 2 ** (1 / 16);
const seconds = fc.double({ min: 1e-6, max: 3600, noNaN: true });
const many = fc.array(seconds, { minLength: 1, maxLength: 300 });
const of = (values: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
};
const total = (histogram: Histogram): number => Array.from(histogram.counts).reduce((sum, n) => sum + n, 0);
const asMap = (histogram: Histogram): Map<number, number> => {
  const entries = Array.from(histogram.counts, (n, i): [number, number] => [histogram.first + i, n]);
  return new Map(entries.filter(([, n]) => n > 0));
};

describe('bucketIndex', () => {
  for (const [what, value, want] of [
    ['zero', 0, MIN_INDEX],
    ['negative', -1, MIN_INDEX],
    ['not a number', Number.NaN, MIN_INDEX],
    ['1 µs', 1e-6, MIN_INDEX],
    ['a power of two is the upper bound of its bucket', 1, -1],
    ['just above it', 1.0001, 0],
    ['two seconds', 2, 15],
    ['an hour', 3600, MAX_INDEX],
    ['more than an hour', 1e9, MAX_INDEX],
    ['infinity', Infinity, MAX_INDEX],
  ] as const)
    test(what, () => expect(bucketIndex(value)).toBe(want));

  test('every value lies within its bucket (up to rounding of the logarithm)', () => {
    fc.assert(
      fc.property(seconds, (value) => {
        const index = bucketIndex(value);
        expect(index).toBeGreaterThanOrEqual(MIN_INDEX);
        expect(index).toBeLessThanOrEqual(MAX_INDEX);
        expect(value).toBeLessThanOrEqual(bucketBound(index) * (1 + 1e-12));
        if (value > 1e-6) expect(value).toBeGreaterThan(bucketBound(index - 1) * (1 - 1e-12));
      }),
    );
  });

  test('the range is 1 µs to 1 h', () => {
    expect(bucketBound(MIN_INDEX)).toBeGreaterThanOrEqual(1e-6);
    expect(bucketBound(MAX_INDEX)).toBeGreaterThanOrEqual(3600);
    expect(bucketBound(MAX_INDEX - 1)).toBeLessThan(3600);
    expect(BUCKETS).toBe(MAX_INDEX - MIN_INDEX + 1);
  });
});

describe('Histogram', () => {
  test('count, sum and max are exact, and the buckets add up', () => {
    fc.assert(
      fc.property(many, (values) => {
        const histogram = of(values);
        expect(histogram.count).toBe(values.length);
        expect(total(histogram)).toBe(values.length);
        expect(histogram.max).toBe(Math.max(...values));
        expect(histogram.sum).toBeCloseTo(
          values.reduce((a, b) => a + b, 0),
          6,
        );
      }),
    );
  });

  test('a quantile is within one bucket of the true one', () => {
    fc.assert(
      fc.property(many, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const sorted = Float64Array.from(values).sort();
        const truth = sorted[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        const got = of(values).quantile(share);
        expect(got).toBeLessThanOrEqual(truth * WIDTH);
        expect(got).toBeGreaterThanOrEqual(truth / WIDTH);
      }),
    );
  });

  test('adding two equals recording both', () => {
    fc.assert(
      fc.property(many, many, (left, right) => {
        const added = of(left);
        const other = of(right);
        const before = [...other.counts];
        added.add(other);
        const both = of([...left, ...right]);
        expect(added.count).toBe(both.count);
        expect(added.max).toBe(both.max);
        expect(added.sum).toBeCloseTo(both.sum, 6);
        expect(asMap(added)).toEqual(asMap(both));
        expect([...other.counts]).toEqual(before);
      }),
    );
  });

  test('the window covers what was seen, whatever the order, and not much more', () => {
    fc.assert(
      fc.property(many, (values) => {
        const histogram = of(values);
        const seen = values.map(bucketIndex);
        expect(asMap(histogram)).toEqual(asMap(of(values.toReversed())));
        expect(histogram.first).toBeGreaterThanOrEqual(MIN_INDEX);
        expect(histogram.first + histogram.counts.length - 1).toBeLessThanOrEqual(MAX_INDEX);
        expect(histogram.first).toBeGreaterThanOrEqual(Math.min(...seen) - 8);
        expect(histogram.first + histogram.counts.length - 1).toBeLessThanOrEqual(Math.max(...seen) + 8);
      }),
    );
  });

  test('countAtMost is exact on bucket bounds', () => {
    fc.assert(
      fc.property(many, fc.integer({ min: MIN_INDEX, max: MAX_INDEX }), (values, index) => {
        expect(of(values).countAtMost(bucketBound(index))).toBe(values.filter((v) => bucketIndex(v) <= index).length);
      }),
    );
  });

  test('elsewhere countAtMost is right for some value within one bucket, and never falls', () => {
    fc.assert(
      fc.property(many, seconds, seconds, (values, a, b) => {
        const histogram = of(values);
        const count = histogram.countAtMost(a);
        expect(count).toBeGreaterThanOrEqual(values.filter((v) => v <= a / WIDTH).length);
        expect(count).toBeLessThanOrEqual(values.filter((v) => v <= a * WIDTH).length);
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(histogram.countAtMost(low)).toBeLessThanOrEqual(histogram.countAtMost(high));
      }),
    );
  });

  test('an empty one answers zero', () => {
    const histogram = new Histogram();
    expect([histogram.quantile(0.5), histogram.countAtMost(1), histogram.count]).toEqual([0, 0, 0]);
  });

  for (const bad of [Number.NaN, -1, Infinity, -Infinity])
    test(`${bad} counts as zero and leaves the sum alone`, () => {
      const histogram = of([bad, 2]);
      expect([histogram.count, histogram.sum, histogram.max]).toEqual([2, 2, 2]);
      expect(total(histogram)).toBe(2);
    });

  test('clear forgets everything', () => {
    const histogram = of([1, 2, 3]);
    histogram.clear();
    histogram.record(4);
    expect([histogram.count, histogram.sum, histogram.max, total(histogram)]).toEqual([1, 4, 4, 1]);
  });

  test('a bucket does not wrap at 2^32', () => {
    const histogram = of([1]);
    histogram.add({ count: 2 ** 32 - 2, sum: 0, max: 1, first: -1, counts: [2 ** 32 - 2] });
    expect(histogram.counts).toBeInstanceOf(Uint32Array);
    histogram.record(1);
    histogram.record(1);
    histogram.record(8);
    expect(asMap(histogram).get(-1)).toBe(2 ** 32 + 1);
    expect(total(histogram)).toBe(histogram.count);
    const sum = of([1]);
    sum.add(histogram);
    sum.add(histogram);
    expect(asMap(sum).get(-1)).toBe(2 ** 33 + 3);
    expect(sum.countAtMost(1)).toBe(2 ** 33 + 3);
  });
});
