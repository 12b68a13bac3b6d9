const rotl = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/**
 * HalfSipHash-1-3 (as Linux' hsiphash) over `length` bytes that lie in 32-bit words, the last one filled up with zeros.
 * The key is secret and random per process: nobody can choose texts that fall into one bucket.
 */
export const seededHash = (words: Int32Array, length: number, k0: number, k1: number): number => {
  let v0 = k0;
  let v1 = k1;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  const count = (length + 3) >>> 2;
  // After the words: the length, then three rounds to finish.
  for (let i = 0; i < count + 4; i++) {
    const m = i < count ? words[i]! : i === count ? length : 0;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
    if (i === count) v2 ^= 0xff;
  }
  return v1 ^ v3;
};

const HEX = Array.from({ length: 256 }, (_, i) => (i < 16 ? '0' : '') + i.toString(16));
const hex = (x: number): string => HEX[x >>> 24]! + HEX[(x >>> 16) & 255]! + HEX[(x >>> 8) & 255]! + HEX[x & 255]!;

const finalMix = (x: number): number => {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
};

/**
 * The public digest id: 64 bits as 16 lower-case hex characters, equal on every machine and version. Two 32-bit lanes
 * after MurmurHash3_x86_128's, over the dialect's name, a zero byte and the canonical text. Cold path.
 */
export const digestId = (dialect: string, text: Uint8Array): string => {
  const length = text.length;
  let h1 = 0x5eed51ce;
  let h2 = 0x0d16e572;
  const step = (w: number): void => {
    h1 ^= Math.imul(rotl(Math.imul(w, 0x239b961b), 15), 0xab0e9789);
    h1 = (Math.imul((rotl(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotl(Math.imul(w, 0x38b34ae5), 16), 0xa1e38b93);
    h2 = (Math.imul((rotl(h2, 17) + h1) | 0, 5) + 0x0bcaa747) | 0;
  };
  for (let i = 0; i < dialect.length; i++) step(dialect.charCodeAt(i));
  step(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) step(text[i]! | (text[i + 1]! << 8) | (text[i + 2]! << 16) | (text[i + 3]! << 24));
  let tail = 0;
  for (let shift = 0; i < length; i++, shift += 8) tail |= text[i]! << shift;
  step(tail);
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) | 0;
  h2 = (h2 + h1) | 0;
  h1 = finalMix(h1);
  h2 = finalMix(h2);
  h1 = (h1 + h2) | 0;
  h2 = (h2 + h1) | 0;
  return hex(h1) + hex(h2);
};
