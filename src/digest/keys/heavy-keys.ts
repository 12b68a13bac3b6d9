import type { KeySink } from '../../exchange/key-sink.ts';
import { keyText } from './key-text.ts';
import { Ranking } from './ranking.ts';

/** What keys are ranked by, and the order of it everywhere below. */
export const KEY_DIMENSIONS = ['calls', 'bytes', 'ms'] as const;
export type KeyDimension = (typeof KEY_DIMENSIONS)[number];

/** What keys cost: exchanges, bytes of request and reply, milliseconds of latency. */
export type KeyCost = { readonly [dimension in KeyDimension]: number };

/** One key that may be heavy. What it truly cost lies in [x - over.x, x] for every dimension x. */
export interface HeavyKey extends KeyCost {
  /** As keyText() shows it, of its first 128 bytes. */
  readonly key: string;
  /** The key is longer than that. */
  readonly cut: boolean;
  readonly over: KeyCost;
}

/** The heavy keys of one listener since counting began. Plain data: it survives JSON and structured clone. */
export interface HeavyKeysSnapshot {
  /** Of all keys together, exactly. */
  readonly total: KeyCost;
  /** The most that a key which is not listed can have cost. */
  readonly floor: KeyCost;
  /** In no order. */
  readonly keys: readonly HeavyKey[];
}

export interface HeavyKeysOptions {
  /** Keys ranked in each dimension, 1 to 8192. Default 512. */
  readonly entries?: number;
  /** 32 random bits for the hash. */
  readonly seed?: number;
}

/** Bytes of a key that are kept. */
export const HEAVY_KEY_BYTES = 128;
/** Cells per ranked key for what the others cost. */
const CELLS_PER_ENTRY = 8;

/**
 * Heavy hitters among keys by calls, by bytes and by time, in fixed memory (about 400 KB at 512 entries): three rankings
 * over one table of keys. A key is in the table while one of them has it.
 *
 * Cumulative, no decay. Databases are not told apart.
 */
export class HeavyKeys implements KeySink {
  /** Grows with every touch: nothing to ship while it stands still. */
  version = 0;
  readonly #seed: number;
  readonly #byCalls: Ranking;
  readonly #byBytes: Ranking;
  readonly #byMs: Ranking;
  /** By slot; the first bits of its hash. */
  readonly #cells: Uint16Array;
  readonly #cellShift: number;
  /** Slot + 1 by hash, open addressing; 0 = empty. At most half full. */
  readonly #buckets: Uint16Array;
  readonly #mask: number;
  readonly #hashes: Int32Array;
  /** Whole bytes of the key; -1 = the slot is free. */
  readonly #sizes: Float64Array;
  readonly #slab: Uint8Array;
  readonly #free: Uint16Array;
  #freeCount: number;
  #bytes = 0;
  #ms = 0;

  constructor(options: HeavyKeysOptions = {}) {
    const entries = Math.max(1, Math.min(8192, options.entries ?? 512));
    // One more than the rankings hold: the newcomer has its slot before the one it replaces gives up its own.
    const slots = entries * 3 + 1;
    this.#seed = (options.seed ?? Math.random() * 2 ** 32) | 0;
    const cellBits = Math.ceil(Math.log2(entries * CELLS_PER_ENTRY));
    this.#cellShift = 32 - cellBits;
    this.#cells = new Uint16Array(slots);
    this.#byCalls = new Ranking(entries, this.#cells, 2 ** cellBits);
    this.#byBytes = new Ranking(entries, this.#cells, 2 ** cellBits);
    this.#byMs = new Ranking(entries, this.#cells, 2 ** cellBits);
    const buckets = 2 ** Math.ceil(Math.log2(slots * 2));
    this.#buckets = new Uint16Array(buckets);
    this.#mask = buckets - 1;
    this.#hashes = new Int32Array(slots);
    this.#sizes = new Float64Array(slots).fill(-1);
    this.#slab = new Uint8Array(slots * HEAVY_KEY_BYTES);
    this.#free = new Uint16Array(slots);
    for (let i = 0; i < slots; i++) this.#free[i] = slots - 1 - i;
    this.#freeCount = slots;
  }

  touch(buf: Uint8Array, start: number, end: number, bytes: number, tookMs: number): void {
    const ms = tookMs >= 0 && tookMs < Infinity ? tookMs : 0; // one bad subtraction must not poison the sums
    this.version++;
    this.#bytes += bytes;
    this.#ms += ms;
    const hash = keyHash(buf, start, end, this.#seed);
    let slot = this.#find(hash, buf, start, end);
    if (slot < 0) {
      const cell = hash >>> this.#cellShift;
      if (!this.#byCalls.admits(cell, 1) && !this.#byBytes.admits(cell, bytes) && !this.#byMs.admits(cell, ms)) {
        this.#byCalls.refuse(cell, 1);
        this.#byBytes.refuse(cell, bytes);
        this.#byMs.refuse(cell, ms);
        return;
      }
      slot = this.#insert(hash, buf, start, end);
    }
    const leftCalls = this.#byCalls.add(slot, 1);
    if (leftCalls >= 0) this.#release(leftCalls);
    const leftBytes = this.#byBytes.add(slot, bytes);
    if (leftBytes >= 0) this.#release(leftBytes);
    const leftMs = this.#byMs.add(slot, ms);
    if (leftMs >= 0) this.#release(leftMs);
  }

  /** What is known now. Makes strings: for shipping once in a while, not for the data path. */
  snapshot(): HeavyKeysSnapshot {
    const keys: HeavyKey[] = [];
    for (let slot = 0; slot < this.#sizes.length; slot++) if (this.#sizes[slot]! >= 0) keys.push(this.#heavyKey(slot));
    return {
      total: { calls: this.version, bytes: this.#bytes, ms: this.#ms },
      floor: { calls: this.#byCalls.floor, bytes: this.#byBytes.floor, ms: this.#byMs.floor },
      keys,
    };
  }

  #heavyKey(slot: number): HeavyKey {
    const from = slot * HEAVY_KEY_BYTES;
    const size = this.#sizes[slot]!;
    const calls = this.#byCalls.atMost(slot);
    const bytes = this.#byBytes.atMost(slot);
    const ms = this.#byMs.atMost(slot);
    return {
      key: keyText(this.#slab, from, from + Math.min(size, HEAVY_KEY_BYTES)),
      cut: size > HEAVY_KEY_BYTES,
      calls,
      bytes,
      ms,
      over: {
        calls: calls - this.#byCalls.seen[slot]!,
        bytes: bytes - this.#byBytes.seen[slot]!,
        ms: ms - this.#byMs.seen[slot]!,
      },
    };
  }

  /** A ranking let it go: so does the table, unless another has it. */
  #release(slot: number): void {
    if (!this.#byCalls.has(slot) && !this.#byBytes.has(slot) && !this.#byMs.has(slot)) this.#remove(slot);
  }

  #find(hash: number, buf: Uint8Array, start: number, end: number): number {
    const mask = this.#mask;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = this.#buckets[at]! - 1;
      if (slot < 0) return -1;
      if (this.#hashes[slot] === hash && this.#sizes[slot] === end - start && this.#same(slot, buf, start)) return slot;
    }
  }

  #same(slot: number, buf: Uint8Array, start: number): boolean {
    const slab = this.#slab;
    const from = slot * HEAVY_KEY_BYTES;
    const length = Math.min(this.#sizes[slot]!, HEAVY_KEY_BYTES);
    for (let i = 0; i < length; i++) if (slab[from + i] !== buf[start + i]) return false;
    return true;
  }

  #insert(hash: number, buf: Uint8Array, start: number, end: number): number {
    const slot = this.#free[--this.#freeCount]!;
    this.#hashes[slot] = hash;
    this.#sizes[slot] = end - start;
    const from = slot * HEAVY_KEY_BYTES;
    const length = Math.min(end - start, HEAVY_KEY_BYTES);
    for (let i = 0; i < length; i++) this.#slab[from + i] = buf[start + i]!;
    this.#cells[slot] = hash >>> this.#cellShift;
    this.#byCalls.seen[slot] = this.#byBytes.seen[slot] = this.#byMs.seen[slot] = 0;
    let at = hash & this.#mask;
    while (this.#buckets[at] !== 0) at = (at + 1) & this.#mask;
    this.#buckets[at] = slot + 1;
    return slot;
  }

  /** Takes the slot out of its bucket and moves back what was pushed on by it. */
  #remove(slot: number): void {
    const mask = this.#mask;
    let hole = this.#hashes[slot]! & mask;
    while (this.#buckets[hole] !== slot + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const other = this.#buckets[at]! - 1;
      if (other < 0) break;
      const home = this.#hashes[other]! & mask;
      // It may fill the hole unless its home lies behind the hole (cyclically).
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#buckets[hole] = other + 1;
      hole = at;
    }
    this.#buckets[hole] = 0;
    this.#sizes[slot] = -1;
    this.#free[this.#freeCount++] = slot;
  }
}

/** Four bytes a step, mixed as MurmurHash3 does. Seeded; the table it leads to is small, so a flood of equals stays cheap. */
function keyHash(buf: Uint8Array, start: number, end: number, seed: number): number {
  let h = seed ^ (end - start);
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    const k = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
    h = mix(h, k);
  }
  let tail = 0;
  for (; at < end; at++) tail = (tail << 8) | buf[at]!;
  h = mix(h, tail);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const mix = (h: number, word: number): number => {
  const k = Math.imul(word, 0xcc9e2d51);
  const x = h ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
};
