import { deflateSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decompressor } from './compression.ts';
import { u8, u24 } from './testing/builders.ts';

type Algorithm = 'zlib' | 'zstd';
const ALGORITHMS: readonly Algorithm[] = ['zlib', 'zstd'];
const pack = (algorithm: Algorithm, plain: Uint8Array): Buffer =>
  algorithm === 'zlib' ? deflateSync(plain) : zstdCompressSync(plain);

/** An outer frame around these bytes; `declared` 0: they are stored. */
const outer = (bytes: Uint8Array, declared: number, sequence = 0): Buffer =>
  Buffer.concat([u24(bytes.length), u8(sequence), u24(declared), bytes]);
const stored = (plain: Uint8Array, sequence = 0): Buffer => outer(plain, 0, sequence);
const packed = (algorithm: Algorithm, plain: Uint8Array, sequence = 0, declared = plain.length): Buffer =>
  outer(pack(algorithm, plain), declared, sequence);

interface Told {
  plain: Buffer;
  fault: string | null;
  inside: boolean;
}

function decompress(algorithm: Algorithm, bytes: Buffer, cuts: (left: number) => number, expected = -1): Told {
  const parts: Buffer[] = [];
  const d = new Decompressor(algorithm, {
    onPlain: (buf, start, end) => {
      parts.push(Buffer.from(buf.subarray(start, end)));
      return true;
    },
  });
  d.expected = expected;
  const guard = Buffer.alloc(16, 0xee);
  for (let at = 0; at < bytes.length; ) {
    const take = Math.max(1, Math.min(cuts(bytes.length - at), bytes.length - at));
    // Lent: what is behind and before belongs to others, and the bytes do not outlive the call.
    const lent = Buffer.concat([guard, bytes.subarray(at, at + take), guard]);
    const goesOn = d.push(lent, guard.length, guard.length + take);
    lent.fill(0xee);
    if (!goesOn) break;
    at += take;
  }
  return { plain: Buffer.concat(parts), fault: d.fault, inside: d.inside };
}
const whole = (left: number): number => left;

const TEXT = Buffer.from('select * from goods where name = 1;'.repeat(40));

for (const algorithm of ALGORITHMS)
  describe(algorithm, () => {
    const stream = Buffer.concat([
      stored(Buffer.from('abc'), 0),
      packed(algorithm, TEXT, 1),
      stored(Buffer.alloc(0), 2),
      packed(algorithm, Buffer.alloc(100_000, 7), 3),
      stored(Buffer.alloc(60, 0x61), 4),
    ]);
    const plain = Buffer.concat([Buffer.from('abc'), TEXT, Buffer.alloc(100_000, 7), Buffer.alloc(60, 0x61)]);

    test('whole', () => expect(decompress(algorithm, stream, whole, 0)).toEqual({ plain, fault: null, inside: false }));
    test('byte by byte', () =>
      expect(decompress(algorithm, stream, () => 1, 0)).toEqual({ plain, fault: null, inside: false }));
    test('cut anywhere', () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (cuts) => {
          let i = 0;
          const told = decompress(algorithm, stream, () => cuts[i++ % cuts.length]!, 0);
          return told.fault === null && told.plain.equals(plain);
        }),
        { numRuns: 100 },
      );
    });
    test('any bytes go through', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.boolean())), (frames) => {
          const bytes = frames.map(([part, isPacked], i) => (isPacked ? packed(algorithm, part, i) : stored(part, i)));
          const told = decompress(algorithm, Buffer.concat(bytes), whole);
          return told.fault === null && told.plain.equals(Buffer.concat(frames.map(([part]) => part)));
        }),
        { numRuns: 50 },
      );
    });
    test('the largest frame', () => {
      const large = Buffer.alloc(0xff_ffff, 1);
      const told = decompress(algorithm, packed(algorithm, large), () => 4096);
      expect(told.fault).toBeNull();
      expect(told.plain.equals(large)).toBe(true);
    });
    test('a frame that has begun', () => {
      const frame = packed(algorithm, TEXT);
      for (const bytes of [1, 6, 7, 8, frame.length - 1])
        expect(decompress(algorithm, frame.subarray(0, bytes), whole)).toMatchObject({ inside: true, fault: null });
    });

    const good = pack(algorithm, TEXT);
    const lies: [name: string, bytes: Buffer, fault: string][] = [
      ['declares less than it holds', packed(algorithm, TEXT, 0, TEXT.length - 1), 'oversized'],
      ['declares more than it holds', packed(algorithm, TEXT, 0, TEXT.length + 1), 'undersized'],
      ['a bomb: 1000 : 1, and declares 100', packed(algorithm, Buffer.alloc(8_000_000), 0, 100), 'oversized'],
      ['a bomb above 16 MiB', packed(algorithm, Buffer.alloc(40_000_000), 0, 0xff_ffff), 'oversized'],
      ['its end is missing', outer(good.subarray(0, -8), TEXT.length), 'truncated'],
      ['nothing at all, declared as something', outer(Buffer.alloc(0), 5), 'undersized'],
      ['noise', outer(Buffer.alloc(50, 0x5a), 100), 'unknown_type'],
      ['SQL in clear, declared as compressed', outer(TEXT, 200), 'unknown_type'],
      ['a sequence id that is not the next', Buffer.concat([stored(TEXT, 0), stored(TEXT, 2)]), 'out_of_order'],
    ];
    for (const [name, bytes, fault] of lies)
      test(name, () => {
        expect(decompress(algorithm, bytes, whole, 0).fault).toBe(fault);
        expect(decompress(algorithm, bytes, () => 1000, 0).fault).toBe(fault);
      });

    test('noise never throws', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
          decompress(algorithm, Buffer.concat([u24(noise.length), u8(0), u24(100), noise]), whole);
          decompress(algorithm, Buffer.from(noise), () => 3);
        }),
        { numRuns: 200 },
      );
    });
  });

test('sequence ids wrap, and any will do where none is expected', () => {
  const frames = Array.from({ length: 600 }, (_, i) => stored(Buffer.from('x'), i & 0xff));
  expect(decompress('zlib', Buffer.concat(frames), whole, 0)).toMatchObject({ fault: null });
  expect(decompress('zlib', Buffer.concat([stored(TEXT, 9), stored(TEXT, 10)]), whole)).toMatchObject({ fault: null });
});

test('stored bytes are handed on as they come, uncopied', () => {
  const seen: [Buffer, number, number][] = [];
  const d = new Decompressor('zlib', { onPlain: (buf, start, end) => seen.push([buf, start, end]) > 0 });
  const frame = stored(TEXT);
  expect(d.push(frame, 0, 100)).toBe(true);
  expect(d.push(frame, 100, frame.length)).toBe(true);
  expect(seen).toEqual([
    [frame, 7, 100],
    [frame, 100, frame.length],
  ]);
  expect(seen[0]![0]).toBe(frame);
});

test('a sink that wants no more is asked no more', () => {
  let calls = 0;
  const d = new Decompressor('zlib', {
    onPlain: () => {
      calls++;
      return false;
    },
  });
  const bytes = Buffer.concat([stored(TEXT), stored(TEXT)]);
  expect(d.push(bytes, 0, bytes.length)).toBe(false);
  expect([calls, d.fault]).toEqual([1, null]);
});

test('memory follows what was received, not what was declared', () => {
  const d = new Decompressor('zstd', { onPlain: () => true });
  const before = process.memoryUsage().arrayBuffers;
  const head = Buffer.concat([u24(0xff_ffff), u8(0), u24(0xff_ffff), Buffer.alloc(100)]);
  for (let i = 0; i < 50; i++) new Decompressor('zstd', { onPlain: () => true }).push(head, 0, head.length);
  d.push(head, 0, head.length);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  d.release();
});
