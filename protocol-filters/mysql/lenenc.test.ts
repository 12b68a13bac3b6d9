import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PacketCursor } from './lenenc.ts';
import { cstr, lenenc, lstr, u8, u16, u24, u32, u64 } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';

const cursor = new PacketCursor();
const told = (read: (c: PacketCursor) => unknown) => (buf: Buffer, start: number, end: number) => {
  cursor.over(buf, start, end);
  const value = read(cursor);
  return { value, fault: cursor.fault, left: cursor.left };
};

describe('length-encoded integers', () => {
  const cases: [name: string, bytes: Buffer, value: number, fault: string | null][] = [
    ['0', u8(0), 0, null],
    ['250', u8(0xfa), 250, null],
    ['251', Buffer.concat([u8(0xfc), u16(251)]), 251, null],
    ['65535', Buffer.concat([u8(0xfc), u16(65535)]), 65535, null],
    ['a small number in a long form', Buffer.concat([u8(0xfe), u64(3)]), 3, null],
    ['16777215', Buffer.concat([u8(0xfd), u24(0xffffff)]), 0xffffff, null],
    ['2^31', Buffer.concat([u8(0xfe), u64(2 ** 31)]), 2 ** 31, null],
    ['2^53 - 1', Buffer.concat([u8(0xfe), u64(2n ** 53n - 1n)]), 2 ** 53 - 1, null],
    ['2^53', Buffer.concat([u8(0xfe), u64(2n ** 53n)]), 0, 'oversized'],
    ['2^64 - 1', Buffer.concat([u8(0xfe), u64(2n ** 64n - 1n)]), 0, 'oversized'],
    ['NULL, where it is not legal', u8(0xfb), 0, 'unknown_type'],
    ['0xff', u8(0xff), 0, 'unknown_type'],
    ['nothing', Buffer.alloc(0), 0, 'truncated'],
    ['0xfc cut', Buffer.of(0xfc, 1), 0, 'truncated'],
    ['0xfd cut', Buffer.of(0xfd, 1, 1), 0, 'truncated'],
    ['0xfe cut', Buffer.of(0xfe, 1, 1, 1, 1, 1, 1, 0), 0, 'truncated'],
  ];
  for (const [name, bytes, value, fault] of cases)
    test(name, () =>
      expect(
        guarded(
          bytes,
          told((c) => c.lenenc()),
        ),
      ).toEqual({ value, fault, left: 0 }),
    );

  test('stepped over at any size', () => {
    for (const bytes of [u8(7), lenenc(300), lenenc(70_000), Buffer.concat([u8(0xfe), u64(2n ** 64n - 1n)])])
      expect(
        guarded(
          bytes,
          told((c) => c.skipLenenc()),
        ),
      ).toMatchObject({ fault: null, left: 0 });
    for (const bytes of [Buffer.of(0xfc, 1), u8(0xfb), u8(0xff)])
      expect(
        guarded(
          bytes,
          told((c) => c.skipLenenc()),
        ).fault,
      ).not.toBeNull();
  });

  test('NULL where it is legal', () => {
    expect(
      guarded(
        u8(0xfb),
        told((c) => c.lenencOrNull()),
      ),
    ).toMatchObject({ value: -1, fault: null });
    expect(
      guarded(
        u8(5),
        told((c) => c.lenencOrNull()),
      ),
    ).toMatchObject({ value: 5, fault: null });
    expect(
      guarded(
        Buffer.alloc(0),
        told((c) => c.lenencOrNull()),
      ),
    ).toMatchObject({ value: 0, fault: 'truncated' });
  });

  test('what is written is read', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        (n) =>
          guarded(
            lenenc(n),
            told((c) => c.lenenc()),
          ).value === n,
      ),
      { numRuns: 300 },
    );
  });
});

describe('other fields', () => {
  test('integers are little-endian and unsigned', () => {
    const bytes = Buffer.concat([u8(0xff), u16(0xfffe), u24(0xfffffd), u32(0xfffffffc), u64(2 ** 40)]);
    const read = told((c) => [c.u8(), c.u16(), c.u24(), c.u32(), c.u64()]);
    expect(guarded(bytes, read)).toEqual({
      value: [0xff, 0xfffe, 0xfffffd, 0xfffffffc, 2 ** 40],
      fault: null,
      left: 0,
    });
    for (let cut = 0; cut < bytes.length; cut++)
      expect(guarded(bytes.subarray(0, cut), read)).toMatchObject({ fault: 'truncated', left: 0 });
  });

  const strings: [
    name: string,
    bytes: Buffer,
    read: (c: PacketCursor) => unknown,
    text: string,
    fault: string | null,
  ][] = [
    ['a length-encoded string', lstr('abc'), (c) => c.lenencString(), 'abc', null],
    ['an empty one', lstr(''), (c) => c.lenencString(), '', null],
    ['one byte too long', Buffer.of(4, 97, 98, 99), (c) => c.lenencString(), '', 'truncated'],
    ['2^53 - 1 bytes', lenenc(2 ** 53 - 1), (c) => c.lenencString(), '', 'truncated'],
    ['a NUL-terminated string', cstr('abc'), (c) => c.cstring(), 'abc', null],
    ['without its NUL', Buffer.from('abc'), (c) => c.cstring(), '', 'truncated'],
    ['without its NUL, where the end will do', Buffer.from('abc'), (c) => c.cstringOrRest(), 'abc', null],
    ['so many bytes', Buffer.from('abc'), (c) => c.bytes(3), 'abc', null],
    ['one more than there are', Buffer.from('abc'), (c) => c.bytes(4), '', 'truncated'],
  ];
  for (const [name, bytes, read, text, fault] of strings)
    test(name, () => {
      const seen = guarded(
        bytes,
        told((c) => {
          read(c);
          return c.text(100);
        }),
      );
      expect(seen).toEqual({ value: text, fault, left: 0 });
    });

  test('the first fault stays, and nothing is read after it', () => {
    const seen = guarded(
      Buffer.of(0xff, 1, 2, 3),
      told((c) => [c.lenenc(), c.u8(), c.u16(), c.skip(1)]),
    );
    expect(seen).toMatchObject({ value: [0, 0, 0, undefined], fault: 'unknown_type', left: 0 });
  });

  test('a negative length is a fault', () =>
    expect(
      guarded(
        Buffer.of(1, 2),
        told((c) => c.skip(-1)),
      ).fault,
    ).toBe('truncated'));

  test('texts are bounded', () => {
    const read = told((c) => {
      c.cstring();
      return c.text(10);
    });
    expect(guarded(cstr('x'.repeat(50)), read).value).toBe('x'.repeat(10));
  });
});
