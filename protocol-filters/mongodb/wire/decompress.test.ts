import { deflateSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { compressSync, uncompressSync } from 'snappy';
import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { Compressor } from '../message.ts';
import { decompress } from './decompress.ts';

const GUARD = Buffer.alloc(16, 0xee);

/** Decompresses what stands between guard bytes, and checks that they, and it, are as they were. */
function plainOf(compressor: number, compressed: Buffer, size: number): Buffer | null {
  const source = Buffer.concat([GUARD, compressed, GUARD]);
  const before = Buffer.from(source);
  const plain = decompress(compressor, source, GUARD.length, GUARD.length + compressed.length, size);
  expect(source.equals(before)).toBe(true);
  return plain;
}

const COMPRESSORS: [name: string, id: number, compress: (bytes: Buffer) => Buffer][] = [
  ['snappy', Compressor.snappy, (bytes) => Buffer.from(compressSync(bytes))],
  ['zlib', Compressor.zlib, (bytes) => deflateSync(bytes)],
  ['zstd', Compressor.zstd, (bytes) => zstdCompressSync(bytes)],
];

const CONTENTS: [name: string, bytes: Buffer][] = [
  ['a byte', Buffer.of(7)],
  ['a text', Buffer.from('the quick brown fox jumps over the lazy dog '.repeat(9))],
  ['one byte over and over', Buffer.alloc(100_000, 1)],
  ['noise', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 31 + (i >> 3) * 17) & 0xff))],
  ['more than a block of 64 KiB', Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i % 251) ^ (i >> 9)))],
];

describe.each(COMPRESSORS)('%s', (_name, id, compress) => {
  for (const [content, bytes] of CONTENTS) {
    const compressed = compress(bytes);
    test(`${content}: what was compressed`, () =>
      expect(plainOf(id, compressed, bytes.length)?.equals(bytes)).toBe(true));

    test(`${content}: a size that is not exact is none (MG-05)`, () => {
      for (const size of [bytes.length - 1, bytes.length + 1, bytes.length * 2, 0, 1, 47_999_984])
        if (size !== bytes.length) expect(plainOf(id, compressed, size)).toBeNull();
    });

    test(`${content}: cut short`, () => {
      const step = Math.ceil(compressed.length / 200);
      for (let end = 0; end < compressed.length; end += step)
        expect(plainOf(id, compressed.subarray(0, end), bytes.length), `${end} bytes`).toBeNull();
    });
  }

  test('any bytes survive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 6 }),
        fc.nat(9),
        (parts, times) => {
          const bytes = Buffer.concat(Array.from({ length: times + 1 }, () => Buffer.concat(parts)));
          expect(plainOf(id, compress(bytes), bytes.length)?.equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('noise and damage: never throws, never gives another size', () => {
    const bytes = Buffer.from('find orders where customer is '.repeat(20));
    const good = compress(bytes);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const compressed = Buffer.from(good);
        compressed[at % good.length] = byte;
        const plain = plainOf(id, compressed, bytes.length);
        expect(plain === null || plain.length === bytes.length).toBe(true);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 0, max: 1000 }), (noise, size) => {
        const plain = plainOf(id, Buffer.from(noise), size);
        expect(plain === null || plain.length === size).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('a bomb gives no more than was declared, in little time', () => {
    const bomb = compress(Buffer.alloc(64 * 1024 * 1024));
    const begun = cpuMs();
    for (const size of [1, 1000, 1024 * 1024]) expect(plainOf(id, bomb, size)).toBeNull();
    expect(cpuMs() - begun).toBeLessThan(2000);
  });
});

describe('snappy, element by element', () => {
  const varint = (value: number): number[] => {
    const bytes: number[] = [];
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
    return [...bytes, left];
  };
  const literal = (text: string): number[] => [(text.length - 1) << 2, ...Buffer.from(text)];

  const good: [name: string, plain: string, elements: number[]][] = [
    ['a literal', 'abc', literal('abc')],
    ['a literal with a length byte', 'a'.repeat(61), [60 << 2, 60, ...Buffer.alloc(61, 'a')]],
    ['a literal with two', 'a'.repeat(300), [61 << 2, 43, 1, ...Buffer.alloc(300, 'a')]],
    ['a literal with three', 'ab', [62 << 2, 1, 0, 0, ...Buffer.from('ab')]],
    ['a literal with four', 'ab', [63 << 2, 1, 0, 0, 0, ...Buffer.from('ab')]],
    ['a copy of one byte of offset', 'abcdabcd', [...literal('abcd'), 0x01, 4]],
    ['a copy that reads what it writes', 'ababababab', [...literal('ab'), (4 << 2) | 1, 2]],
    ['a copy of two bytes of offset', 'abcab', [...literal('abc'), (1 << 2) | 2, 3, 0]],
    ['a copy of four', 'abcab', [...literal('abc'), (1 << 2) | 3, 3, 0, 0, 0]],
  ];
  for (const [name, plain, elements] of good)
    test(name, () => {
      const bytes = Buffer.from([...varint(plain.length), ...elements]);
      expect(plainOf(Compressor.snappy, bytes, plain.length)?.toString()).toBe(plain);
      if (plain.length > 2) expect(uncompressSync(bytes, { asBuffer: false })).toBe(plain); // the library agrees
    });

  const bad: [name: string, size: number, bytes: number[]][] = [
    ['offset 0', 8, [8, ...literal('abcd'), 0x01, 0]],
    ['offset before the beginning', 8, [8, ...literal('abcd'), 0x01, 5]],
    ['offset 2^32 - 1', 5, [5, ...literal('abc'), (1 << 2) | 3, 255, 255, 255, 255]],
    ['a copy without its offset', 8, [8, ...literal('abcd'), 0x01]],
    ['a copy with half an offset', 5, [5, ...literal('abc'), (1 << 2) | 2, 3]],
    ['a literal longer than what is there', 8, [8, 7 << 2, 1, 2, 3]],
    ['a literal of 2^32 bytes', 8, [8, 63 << 2, 255, 255, 255, 255]],
    ['a literal whose length is cut', 8, [8, 63 << 2, 255]],
    ['more than declared', 3, [3, ...literal('abcd')]],
    ['a copy past what was declared', 5, [5, ...literal('abcd'), 0x01, 4]],
    ['less than declared', 5, [5, ...literal('abcd')]],
    ['another length than the message says', 4, [5, ...literal('abcd')]],
    ['a length without end', 4, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80]],
    ['a length of six bytes', 4, [0x84, 0x80, 0x80, 0x80, 0x80, 0x00, ...literal('abcd')]],
    ['nothing', 4, []],
    ['only a length', 4, [4]],
  ];
  for (const [name, size, bytes] of bad)
    test(name, () => expect(plainOf(Compressor.snappy, Buffer.from(bytes), size)).toBeNull());

  test('memory is not set aside for what a few bytes declare', () => {
    const before = process.memoryUsage().arrayBuffers;
    const bytes = Buffer.from([...varint(47_999_984), ...literal('abcd')]);
    for (let n = 0; n < 50; n++) expect(plainOf(Compressor.snappy, bytes, 47_999_984)).toBeNull();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});
