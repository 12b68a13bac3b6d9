import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cursor, i32At, u32At, zeroAt } from './cursor.ts';

/** The frame stands between guard bytes that no read may ever see. */
const guarded = (frame: number[]): [Buffer, number, number] => [
  Buffer.from([0xee, 0xee, ...frame, 0xee, 0xee, 0xee, 0xee]),
  2,
  2 + frame.length,
];

test('reads fields in order', () => {
  const r = new Cursor().over(...guarded([7, 0xff, 0xfe, 0x80, 0, 0, 1, 97, 98, 0, 99, 0]));
  expect([r.u8(), r.i16(), r.i32()]).toEqual([7, -2, -0x7fffffff]);
  expect(r.cstring()).toBe(true);
  expect([r.from - 2, r.to - 2]).toEqual([7, 9]);
  r.skip(1);
  expect([r.left, r.short]).toEqual([1, false]);
});

const short: [string, number[], (r: Cursor) => unknown][] = [
  ['u8', [], (r) => r.u8()],
  ['i16', [1], (r) => r.i16()],
  ['i32', [1, 2, 3], (r) => r.i32()],
  ['cstring without NUL', [97, 98], (r) => r.cstring()],
  ['skip', [1], (r) => r.skip(2)],
  ['skip backwards', [1], (r) => r.skip(-1)],
];
for (const [name, frame, read] of short)
  test(`${name} past the frame is short, not a throw and not a guard byte`, () => {
    const r = new Cursor().over(...guarded(frame));
    expect([0, false, undefined]).toContain(read(r));
    expect(r.short).toBe(true);
    expect(r.left).toBe(0);
  });

test('zeroAt agrees with the plain search, at any distance', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), fc.nat(200), (nul, start, size) => {
      const buf = Buffer.alloc(420, 1);
      buf[nul] = 0;
      const end = Math.min(start + size, buf.length);
      expect(zeroAt(buf, start, end)).toBe(nul >= start && nul < end ? nul : -1);
    }),
  );
});

test('integers are big-endian', () => {
  const buf = Buffer.from([0xff, 0xff, 0xff, 0xfe]);
  expect([i32At(buf, 0), u32At(buf, 0)]).toEqual([-2, 0xfffffffe]);
});
