import type { OperationFacts } from '../../../src/exchange/operation-facts.ts';

/** Facts in each of the two generations. */
const GENERATION = 2048;
/** Longer descriptions are read anew each time: requests with thousands of topics rarely come twice. */
const MOST_BYTES = 4096;

interface Entry {
  readonly hash: number;
  readonly key: Uint8Array;
  readonly facts: OperationFacts;
}

/**
 * Facts by the bytes that describe them: the same object for the same request, so that whoever judges may remember its verdict.
 * Bounded: two generations, the older one is dropped when the younger is full. The hash is seeded and the bytes are compared:
 * nobody can have another request's facts.
 */
export class FactsBook {
  readonly #seed = (Math.random() * 2 ** 32) | 0;
  readonly #most: number;
  #young = new Map<number, Entry>();
  #old = new Map<number, Entry>();

  constructor(most = GENERATION) {
    this.#most = most;
  }

  /** Facts that key[0..length) describes. */
  of(key: Uint8Array, length: number, make: (key: Uint8Array, length: number) => OperationFacts): OperationFacts {
    if (length > MOST_BYTES) return make(key, length);
    const hash = hashOf(this.#seed, key, length);
    const young = this.#young.get(hash);
    if (young !== undefined && isKey(young.key, key, length)) return young.facts;
    let entry = this.#old.get(hash);
    if (entry === undefined || !isKey(entry.key, key, length))
      entry = { hash, key: Uint8Array.from(key.subarray(0, length)), facts: make(key, length) };
    if (this.#young.size >= this.#most) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(hash, entry);
    return entry.facts;
  }
}

function isKey(known: Uint8Array, key: Uint8Array, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== key[i]) return false;
  return true;
}

function hashOf(seed: number, key: Uint8Array, length: number): number {
  let h = seed ^ length;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ key[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}
