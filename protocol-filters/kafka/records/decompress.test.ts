import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import { seeded } from '../../../src/net/simulated.ts';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { decompressStart, MOST_PLAIN_BYTES } from './decompress.ts';
import { Codec } from './facts.ts';

const CODECS = Object.entries(Codec).filter(([name]) => name !== 'none');
const compress = (name: string, plain: Buffer): Buffer =>
  compressionsAlgorithms[name as 'gzip'].compressSync(plain) as Buffer;

/** Text that repeats itself, and does not. */
function text(size: number): Buffer {
  const random = seeded(size);
  const words = Array.from({ length: 50 }, () => random().toString(36).slice(2));
  let out = '';
  while (out.length < size) out += `${words[Math.floor(random() * 50)]} ${Math.floor(random() * 1000)} `;
  return Buffer.from(out.slice(0, size));
}

describe.each(CODECS)('%s', (name, codec) => {
  test.each([1, 15, 16, 17, 255, 4096, 65_536, 100_000, MOST_PLAIN_BYTES])('%i bytes come back', (size) => {
    const plain = text(size);
    const packed = compress(name, plain);
    const bytes = packed.length;
    // Less than 16 compressed bytes are nothing to Node's own.
    if (bytes < 16 && (name === 'gzip' || name === 'zstd')) return;
    expect(decompressStart(codec, packed, bytes)?.equals(plain)).toBe(true);
  });

  test('of more than the bound there comes the beginning', () => {
    const plain = text(900_000);
    const packed = compress(name, plain);
    const start = decompressStart(codec, packed, packed.length)!;
    expect(start.length).toBeGreaterThan(1000);
    expect(start.length).toBeLessThanOrEqual(MOST_PLAIN_BYTES);
    expect(start.equals(plain.subarray(0, start.length))).toBe(true);
  });

  test('what is cut gives a beginning, or nothing, and never something else', () => {
    const plain = text(20_000);
    const packed = compress(name, plain);
    for (let bytes = 0; bytes <= packed.length; bytes += 37) {
      const start = decompressStart(codec, packed, bytes);
      if (start) expect(start.equals(plain.subarray(0, start.length)), `${bytes}`).toBe(true);
    }
  });

  test('noise, and packed bytes with one that was changed, never throw', () => {
    const random = seeded(codec);
    const packed = compress(name, text(3000));
    for (let i = 0; i < 300; i++) {
      const changed = Buffer.from(packed);
      changed[Math.floor(random() * Math.min(200, changed.length))] = Math.floor(random() * 256);
      expect(decompressStart(codec, changed, changed.length)?.length ?? 0).toBeLessThanOrEqual(MOST_PLAIN_BYTES);
      const noise = Buffer.from(Array.from({ length: i }, () => Math.floor(random() * 256)));
      expect(decompressStart(codec, noise, noise.length)?.length ?? 0).toBeLessThanOrEqual(MOST_PLAIN_BYTES);
    }
  });
});

test('snappy without the stream of Java, as librdkafka writes it', () => {
  const plain = Buffer.from('one two one two one two');
  // Length 23, a literal of 8 bytes, a copy of 15 from 8 before.
  const packed = Buffer.concat([Buffer.from([23, 7 << 2]), plain.subarray(0, 8), Buffer.from([(14 << 2) | 2, 8, 0])]);
  expect(decompressStart(Codec.snappy, packed, packed.length)?.toString()).toBe(plain.toString());
});

describe('KF-18: bombs', () => {
  const big = Buffer.alloc(64 << 20);
  test.each([
    ['gzip', Codec.gzip, gzipSync(big)],
    ['zstd', Codec.zstd, zstdCompressSync(big)],
    ['lz4', Codec.lz4, compress('lz4', big.subarray(0, 16 << 20))],
    ['snappy', Codec.snappy, compress('snappy', big.subarray(0, 4 << 20))],
  ])('%s: time and memory are bounded', (_name, codec, packed) => {
    decompressStart(codec, packed, packed.length);
    const from = cpuMs();
    const plain = decompressStart(codec, packed, Math.min(packed.length, 64 * 1024));
    expect(cpuMs() - from).toBeLessThan(1000);
    expect(plain?.length ?? 0).toBeLessThanOrEqual(MOST_PLAIN_BYTES);
  });
});
