import { keyText } from '../../src/digest/keys/key-text.ts';
import type { Digest } from '../../src/exchange/digest.ts';

/** Names longer than Kafka allows for topics are cut when they are shown. */
const MAX_CHARS = 249;
/** Bytes of a name that tell it from others; longer ones are none that a broker takes. */
const MAX_BYTES = 512;
/** Names in each of the two generations. */
const GENERATION = 16_384;

/** A name that came over the wire, once for all who meet it. */
export interface Name<C> {
  /** Safe to show: what is no character stands as `\xHH`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly counts: C;
  /** Of a topic: its digests of Produce and Fetch, by their API keys. */
  readonly digests: [Digest | null, Digest | null];
}

interface Entry<C> {
  readonly hash: number;
  readonly name: Name<C>;
}

/**
 * Names by their bytes, bounded: two generations, of which the older is dropped when the younger is full, and what is asked
 * for again moves to the younger. A known name costs a hash and a comparison.
 */
export class NameTable<C> {
  readonly #countsOf: (name: string) => C;
  readonly #most: number;
  readonly #seed = (Math.random() * 2 ** 32) | 0;
  #young: (Entry<C> | null)[];
  #old: (Entry<C> | null)[] = [];
  #size = 0;

  constructor(countsOf: (name: string) => C, most = GENERATION) {
    this.#countsOf = countsOf;
    this.#most = most;
    this.#young = emptyTable(FIRST_BUCKETS);
  }

  /** The name buf[start..end), the same object each time while it is remembered. */
  of(buf: Uint8Array, start: number, end: number): Name<C> {
    const to = end - start > MAX_BYTES ? start + MAX_BYTES : end;
    const hash = hashOf(this.#seed, buf, start, to);
    const young = find(this.#young, hash, buf, start, to);
    if (young !== null) return young.name;
    const old = find(this.#old, hash, buf, start, to);
    const entry = old ?? { hash, name: this.#make(buf, start, to) };
    this.#add(entry);
    return entry.name;
  }

  #make(buf: Uint8Array, start: number, end: number): Name<C> {
    const name = shownName(buf, start, end);
    const bytes = Uint8Array.from(buf.subarray(start, end));
    return { name, bytes, counts: this.#countsOf(name), digests: [null, null] };
  }

  #add(entry: Entry<C>): void {
    if (this.#size >= this.#most) {
      this.#old = this.#young;
      this.#young = emptyTable(FIRST_BUCKETS);
      this.#size = 0;
    } else if ((this.#size + 1) * 2 > this.#young.length) {
      const smaller = this.#young;
      this.#young = emptyTable(smaller.length * 2);
      for (const each of smaller) if (each !== null) link(this.#young, each);
    }
    link(this.#young, entry);
    this.#size++;
  }
}

/** A name as it is shown, at most 250 characters. */
export function shownName(buf: Uint8Array, start: number, end: number): string {
  const text = keyText(buf, start, Math.min(end, start + MAX_BYTES));
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
}

/** One name that rarely changes (a member id), as a string: made anew only when other bytes come. */
export class LastName {
  #bytes = NOTHING;
  #text = '';

  textOf(buf: Uint8Array, start: number, end: number): string {
    const to = Math.min(end, start + MAX_BYTES);
    if (isSame(this.#bytes, buf, start, to)) return this.#text;
    this.#bytes = Uint8Array.from(buf.subarray(start, to));
    this.#text = shownName(buf, start, to);
    return this.#text;
  }
}

const FIRST_BUCKETS = 64;
const NOTHING: Uint8Array = new Uint8Array(0);
const emptyTable = <C>(buckets: number): (Entry<C> | null)[] => new Array<Entry<C> | null>(buckets).fill(null);

function find<C>(
  table: (Entry<C> | null)[],
  hash: number,
  buf: Uint8Array,
  start: number,
  end: number,
): Entry<C> | null {
  if (table.length === 0) return null;
  const mask = table.length - 1;
  for (let at = hash & mask; ; at = (at + 1) & mask) {
    const entry = table[at]!;
    if (entry === null) return null;
    if (entry.hash === hash && isSame(entry.name.bytes, buf, start, end)) return entry;
  }
}

function link<C>(table: (Entry<C> | null)[], entry: Entry<C>): void {
  const mask = table.length - 1;
  let at = entry.hash & mask;
  while (table[at] !== null) at = (at + 1) & mask;
  table[at] = entry;
}

function hashOf(seed: number, buf: Uint8Array, start: number, end: number): number {
  let h = seed ^ (end - start);
  for (let i = start; i < end; i++) h = Math.imul(h ^ buf[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** Are the bytes buf[start..end) these? */
export function isSame(bytes: Uint8Array, buf: Uint8Array, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[start + i]) return false;
  return true;
}
