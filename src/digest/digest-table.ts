import type { Digest } from '../exchange/digest.ts';
import { seededHash } from './canonical-hash.ts';

/** What an entry costs beside its canonical text, roughly: the Digest object, its strings, its targets. */
const ENTRY_BYTES = 768;

/**
 * Digests by canonical text: open addressing in typed arrays, hashed with a secret seed and compared word by word.
 * Bounded in entries and bytes; when full, the clock evicts what was not asked for since its hand last came by, so texts
 * seen once cannot push out those in use. A slot is given again only after its digest was evicted.
 */
export class DigestTable {
  /** Entries and bytes held now; evictions ever. */
  size = 0;
  bytes = 0;
  evictions = 0;
  /** Called before a slot becomes free. */
  onEvict: (digest: Digest) => void = () => {};

  readonly #capacity: number;
  readonly #maxBytes: number;
  readonly #k0: number;
  readonly #k1: number;
  readonly #mask: number;
  /** Slot + 1; 0 = empty. At most half full. */
  readonly #buckets: Int32Array;
  readonly #hashes: Int32Array;
  readonly #lengths: Int32Array;
  readonly #kinds: Uint8Array;
  readonly #used: Uint8Array;
  readonly #keys: (Int32Array | null)[] = [];
  readonly #digests: (Digest | null)[] = [];
  readonly #free: number[] = [];
  #hand = 0;
  #hash = 0;

  constructor(capacity: number, maxBytes: number, k0: number, k1: number) {
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
    let buckets = 16;
    while (buckets < capacity * 2) buckets *= 2;
    this.#mask = buckets - 1;
    this.#buckets = new Int32Array(buckets);
    this.#hashes = new Int32Array(capacity);
    this.#lengths = new Int32Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#used = new Uint8Array(capacity);
  }

  /** The digest of this kind with the text in words[0..length bytes), the last word filled up with zeros, or null. */
  find(words: Int32Array, length: number, kind: number): Digest | null {
    const hash = seededHash(words, length, this.#k0, this.#k1);
    this.#hash = hash;
    let at = hash & this.#mask;
    for (;;) {
      const slot = this.#buckets[at]! - 1;
      if (slot < 0) return null;
      if (this.#hashes[slot] === hash && this.#lengths[slot] === length && this.#kinds[slot] === kind) {
        if (sameWords(this.#keys[slot]!, words)) {
          this.#used[slot] = 1;
          return this.#digests[slot]!;
        }
      }
      at = (at + 1) & this.#mask;
    }
  }

  /** Is it still here? Counts as being asked for. */
  holds(digest: Digest): boolean {
    if (this.#digests[digest.slot] !== digest) return false;
    this.#used[digest.slot] = 1;
    return true;
  }

  /** Adds what the last find() did not find; `make` gets the slot. */
  add(words: Int32Array, length: number, kind: number, make: (slot: number) => Digest): Digest {
    const hash = this.#hash;
    const cost = length * 2 + ENTRY_BYTES;
    while (this.size > 0 && (this.size >= this.#capacity || this.bytes + cost > this.#maxBytes)) this.#evict();
    const slot = this.#free.pop() ?? this.#digests.length;
    const digest = make(slot);
    this.#keys[slot] = words.slice(0, (length + 3) >>> 2);
    this.#digests[slot] = digest;
    this.#hashes[slot] = hash;
    this.#lengths[slot] = length;
    this.#kinds[slot] = kind;
    this.#used[slot] = 0;
    let at = hash & this.#mask;
    while (this.#buckets[at] !== 0) at = (at + 1) & this.#mask;
    this.#buckets[at] = slot + 1;
    this.size++;
    this.bytes += cost;
    return digest;
  }

  #evict(): void {
    for (;;) {
      const slot = this.#hand;
      this.#hand = slot + 1 < this.#digests.length ? slot + 1 : 0;
      const digest = this.#digests[slot];
      if (!digest) continue;
      if (this.#used[slot] === 1) {
        this.#used[slot] = 0;
        continue;
      }
      this.onEvict(digest);
      this.#unlink(slot);
      this.#keys[slot] = null;
      this.#digests[slot] = null;
      this.#free.push(slot);
      this.size--;
      this.bytes -= this.#lengths[slot]! * 2 + ENTRY_BYTES;
      this.evictions++;
      return;
    }
  }

  /** Takes the slot out of its bucket and moves back what was pushed on by it. */
  #unlink(slot: number): void {
    const mask = this.#mask;
    let hole = this.#hashes[slot]! & mask;
    while (this.#buckets[hole] !== slot + 1) hole = (hole + 1) & mask;
    let at = hole;
    for (;;) {
      at = (at + 1) & mask;
      const other = this.#buckets[at]! - 1;
      if (other < 0) break;
      const home = this.#hashes[other]! & mask;
      // It may fill the hole unless its home lies behind the hole (cyclically).
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#buckets[hole] = other + 1;
      hole = at;
    }
    this.#buckets[hole] = 0;
  }
}

const sameWords = (key: Int32Array, words: Int32Array): boolean => {
  for (let i = 0; i < key.length; i++) if (key[i] !== words[i]) return false;
  return true;
};
