import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binaryCell, cell, cells, mapCell, TsvWriter } from './tsv-writer.ts';

const written = (write: (w: TsvWriter) => void): string => {
  const w = new TsvWriter(16);
  w.reserve(4096);
  write(w);
  return w.bytes().toString('latin1');
};

describe('numbers', () => {
  const cases: [n: number, text: string][] = [
    [0, '0'],
    [9, '9'],
    [10, '10'],
    [999_999_999, '999999999'],
    [1e9, '1000000000'],
    [1_000_000_007, '1000000007'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [4e18 - 512, '3999999999999999488'],
    [95_257_113_000_000_000, '95257113000000000'],
    [2 ** 62, '4611686018427387904'],
    [1e300, '4611686018427387904'],
    [Number.POSITIVE_INFINITY, '4611686018427387904'],
    [-1, '0'],
    [Number.NaN, '0'],
    [Number.NEGATIVE_INFINITY, '0'],
    [1.9, '1'],
    [12.9, '12'],
  ];
  for (const [n, text] of cases) test(String(n), () => expect(written((w) => w.number(n))).toBe(`${text}\t`));

  test('any whole number is its digits', () => {
    const any = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.double({ min: 0, max: 2 ** 62, noNaN: true }).map(Math.floor));
    fc.assert(
      fc.property(any, (n) => {
        expect(written((w) => w.number(n))).toBe(`${BigInt(n)}\t`);
      }),
    );
  });
});

describe('times are seconds with six digits', () => {
  const cases: [us: number, text: string][] = [
    [1_795_224_653_484_001, '1795224653.484001'],
    [1_795_224_653_000_000, '1795224653.000000'],
    [1_795_224_653_999_999, '1795224653.999999'],
    [0, '1000000000.000000'],
    [-5, '1000000000.000000'],
    [Number.NaN, '1000000000.000000'],
    [1e18, '4200000000.000000'],
    [Number.POSITIVE_INFINITY, '4200000000.000000'],
  ];
  for (const [us, text] of cases) test(String(us), () => expect(written((w) => w.time(us))).toBe(`${text}\t`));
});

test('whatever a text holds, it stays in its cell, and can be had back', () => {
  const restored = (text: string) =>
    text.replace(
      /\\(x7B|.)/g,
      (_, c: string) => ({ 0: '\0', b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', x7B: '{' })[c] ?? c,
    );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(cell(text)).not.toMatch(/[\0\b\t\n\f\r{]/);
      expect(restored(cell(text))).toBe(text);
    }),
  );
  expect(cells(['a\tb', 'c\\N']).toString()).toBe('a\\tb\tc\\\\N\t');
});

test('binary cells are the bytes, with what is special escaped', () => {
  expect(binaryCell('00090a5cff41').toString('latin1')).toBe('\\0\\t\\n\\\\\xffA\t');
});

test('maps are quoted texts, and whatever these hold, they stay there', () => {
  const cases: [entries: Parameters<typeof mapCell>[0], text: string][] = [
    [[], '{}\t'],
    [
      [
        ['a', 'b'],
        ['c.d', 1.5],
      ],
      "{'a':'b','c.d':'1.5'}\t",
    ],
    [[['a', "'},{'x\t\n\\"]], "{'a':'\\'},\\x7B\\'x\\t\\n\\\\'}\t"],
  ];
  for (const [entries, text] of cases) expect(mapCell(entries).toString()).toBe(text);
});

test('rows grow over the first memory, and clear() gives back what was too much', () => {
  const w = new TsvWriter(16);
  const long = Buffer.alloc(100, 'x');
  for (let i = 0; i < 100; i++) {
    w.reserve(200);
    w.raw(long);
    w.number(i);
    w.endRow();
  }
  const lines = w.bytes().toString().split('\n');
  expect(lines.length).toBe(101);
  expect(lines[42]).toBe(`${'x'.repeat(100)}42`);
  w.clear(64);
  expect(w.length).toBe(0);
  w.reserve(64);
  w.number(7);
  expect(w.bytes().toString()).toBe('7\t');
});
