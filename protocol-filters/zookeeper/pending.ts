import type { Digest } from '../../src/exchange/digest.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Said } from '../../src/exchange/said.ts';

/** What is known of a request beside its number, for those that are more than one path. */
export class Extra {
  /** Operations of a multi, and of the first MAX_SLOTS of them what they are: slots in OPERATIONS. */
  operations = 0;
  slots: Uint8Array = NO_BYTES;
  /** Scheme of an auth, by its place in AUTH_SCHEMES; and who logs in: '' = the wire does not say. */
  scheme = 0;
  user = '';
  /** Watches that setWatches sets again. */
  watches = 0;
  /** ConnectRequest goes on with an old session. */
  reattach = false;
  /** Its record could not be read: of its reply nothing is expected. */
  malformed = false;
}

/** Errors of operations behind these are counted, and not by operation. */
export const MAX_SLOTS = 256;
const FIRST_CAPACITY = 4;
/** Room that an empty ring keeps: a burst's goes back, for most connections idle after it. */
const KEPT_CAPACITY = 64;
/** Requests that are looked through for one out of turn: the oldest, and those around its place by its number. */
const LOOKED_OLDEST = 256;
const LOOKED_AROUND = 64;
/** Bytes of a path that are kept until its reply is there: one more than key sinks show, so that they see the cut. */
export const KEY_BYTES = 129;
/** Paths are kept of this many requests from the oldest on. */
const MAX_KEYS = 16_384;
/** Stands for the slot of a request that was answered before its turn. */
export const GONE = 255;

/**
 * Requests in flight, in the order of their replies: a ring that starts small and grows. One entry a request: its xid, its
 * slot in OPERATIONS, its exchange or (of one above the cap of timed ones) what that will be made from, and its path.
 */
export class Pending {
  /** -1 until the first request comes. */
  #mask = -1;
  #head = 0;
  #tail = 0;
  #gone = 0;
  #exchanges: (Exchange | null)[] = [];
  #extras: (Extra | null)[] = [];
  #xids: Int32Array = NO_INTS;
  #slots: Uint8Array = NO_BYTES;
  /** The kind of watch it asks for; 0: none. */
  #watches: Uint8Array = NO_BYTES;
  #keyLengths: Uint8Array = NO_BYTES;
  /** KEY_BYTES an entry, for MAX_KEYS at most; made when the first path comes. */
  #keys: Uint8Array = NO_BYTES;
  #keyMask = 0;
  /** Of requests without an exchange; made when the first one comes. */
  #late: Late | null = null;

  get size(): number {
    return this.#tail - this.#head - this.#gone;
  }

  /** Entries from the oldest on, those among them that were answered before their turn. */
  get span(): number {
    return this.#tail - this.#head;
  }

  push(exchange: Exchange | null, slot: number, xid: number, watch: number, extra: Extra | null): void {
    if (this.#tail - this.#head > this.#mask) this.#resize(Math.max(FIRST_CAPACITY, (this.#mask + 1) * 2));
    const i = this.#tail++ & this.#mask;
    this.#exchanges[i] = exchange;
    this.#extras[i] = extra;
    this.#xids[i] = xid;
    this.#slots[i] = slot;
    this.#watches[i] = watch;
    this.#keyLengths[i] = 0;
  }

  /** The path of the request that was pushed last. */
  keepKey(buf: Uint8Array, length: number): void {
    if (this.#tail - this.#head > MAX_KEYS) return;
    if (this.#keys.length === 0) this.#makeKeys();
    const place = this.#tail - 1;
    const keys = this.#keys;
    const to = (place & this.#keyMask) * KEY_BYTES;
    // A loop, not set(): paths are short, and a native call costs more.
    for (let k = 0; k < length; k++) keys[to + k] = buf[k]!;
    this.#keyLengths[place & this.#mask] = length;
  }

  /** What the exchange of the request that was pushed last will be made from. */
  keepLate(digest: Digest, bytes: number, turn: number, batchSize: number, said: Said | null): void {
    this.#late ??= new Late(this.#mask + 1);
    this.#late.set((this.#tail - 1) & this.#mask, digest, bytes, turn, batchSize, said);
  }

  /**
   * Place of one that has this xid and was not answered, or -1: the first among the oldest, or where it has to be as
   * clients count their xids up. A server that answers in any order must not cost a walk over all for each of its answers.
   */
  find(xid: number): number {
    const near = this.#look(xid, this.#head, this.#head + LOOKED_OLDEST);
    if (near >= 0 || this.span <= LOOKED_OLDEST) return near;
    const place = this.#head + xid - this.#xids[this.#head & this.#mask]!;
    return this.#look(xid, place - LOOKED_AROUND, place + LOOKED_AROUND);
  }

  /** Has one of the newest `most` requests this xid? */
  has(xid: number, most: number): boolean {
    return this.#look(xid, this.#tail - most, this.#tail) >= 0;
  }

  #look(xid: number, from: number, to: number): number {
    const end = Math.min(to, this.#tail);
    for (let place = Math.max(from, this.#head); place < end; place++) {
      const i = place & this.#mask;
      if (this.#xids[i] === xid && this.#slots[i] !== GONE) return place;
    }
    return -1;
  }

  // ---- by place; the oldest one's is `head`

  get head(): number {
    return this.#head;
  }
  get tail(): number {
    return this.#tail;
  }
  exchange(place: number): Exchange | null {
    return this.#exchanges[place & this.#mask]!;
  }
  extra(place: number): Extra | null {
    return this.#extras[place & this.#mask]!;
  }
  xid(place: number): number {
    return this.#xids[place & this.#mask]!;
  }
  slot(place: number): number {
    return this.#slots[place & this.#mask]!;
  }
  watch(place: number): number {
    return this.#watches[place & this.#mask]!;
  }
  keyLength(place: number): number {
    return this.#keyLengths[place & this.#mask]!;
  }
  keyStart(place: number): number {
    return (place & this.#keyMask) * KEY_BYTES;
  }
  get keys(): Uint8Array {
    return this.#keys;
  }

  /** Gives a late exchange what was kept for it. */
  fill(place: number, x: Exchange): void {
    this.#late?.fill(place & this.#mask, x);
  }

  /** Forgets one: the oldest, or one that was answered before its turn. */
  remove(place: number): void {
    const i = place & this.#mask;
    this.#exchanges[i] = null;
    this.#extras[i] = null;
    if (place === this.#head) {
      this.#head++;
      while (this.#gone > 0 && this.#slots[this.#head & this.#mask] === GONE) {
        this.#head++;
        this.#gone--;
      }
    } else {
      this.#slots[i] = GONE;
      this.#gone++;
    }
    if (this.#mask >= KEPT_CAPACITY && this.#head === this.#tail) this.#resize(KEPT_CAPACITY);
  }

  #makeKeys(): void {
    const capacity = Math.min(this.#mask + 1, MAX_KEYS);
    this.#keyMask = capacity - 1;
    this.#keys = new Uint8Array(capacity * KEY_BYTES);
  }

  #resize(capacity: number): void {
    const exchanges = this.#exchanges;
    const extras = this.#extras;
    const xids = this.#xids;
    const slots = this.#slots;
    const watches = this.#watches;
    const lengths = this.#keyLengths;
    const keys = this.#keys;
    const late = this.#late;
    const oldMask = this.#mask;
    const oldKeyMask = this.#keyMask;
    const mask = capacity - 1;
    const isEmpty = this.#head === this.#tail;
    this.#mask = mask;
    this.#exchanges = nulls(capacity);
    this.#extras = nulls(capacity);
    this.#xids = new Int32Array(capacity);
    this.#slots = new Uint8Array(capacity);
    this.#watches = new Uint8Array(capacity);
    this.#keyLengths = new Uint8Array(capacity);
    this.#late = late === null || isEmpty ? null : new Late(capacity);
    this.#keys = NO_BYTES;
    this.#keyMask = 0;
    if (keys.length > 0 && !isEmpty) this.#makeKeys();
    for (let place = this.#head; place < this.#tail; place++) {
      const from = place & oldMask;
      const to = place & mask;
      this.#exchanges[to] = exchanges[from]!;
      this.#extras[to] = extras[from]!;
      this.#xids[to] = xids[from]!;
      this.#slots[to] = slots[from]!;
      this.#watches[to] = watches[from]!;
      this.#keyLengths[to] = lengths[from]!;
      if (late !== null) this.#late?.copy(to, late, from);
      if (lengths[from] === 0) continue;
      const key = (place & oldKeyMask) * KEY_BYTES;
      this.#keys.set(keys.subarray(key, key + lengths[from]!), (place & this.#keyMask) * KEY_BYTES);
    }
  }
}

/** Columns for requests above the cap of timed ones. */
class Late {
  readonly digests: (Digest | null)[];
  readonly numbers: Float64Array;
  /** What policies said of it; null where nobody judges. */
  readonly said: (Said | null)[];

  constructor(capacity: number) {
    this.digests = nulls(capacity);
    this.numbers = new Float64Array(capacity * 3);
    this.said = nulls(capacity);
  }

  set(i: number, digest: Digest | null, bytes: number, turn: number, batchSize: number, said: Said | null): void {
    this.digests[i] = digest;
    this.numbers[i * 3] = bytes;
    this.numbers[i * 3 + 1] = turn;
    this.numbers[i * 3 + 2] = batchSize;
    this.said[i] = said;
  }

  copy(i: number, other: Late, from: number): void {
    const { numbers, digests, said } = other;
    this.set(i, digests[from]!, numbers[from * 3]!, numbers[from * 3 + 1]!, numbers[from * 3 + 2]!, said[from]!);
  }

  fill(i: number, x: Exchange): void {
    x.digest = this.digests[i]!;
    x.requestBytes = this.numbers[i * 3]!;
    x.turn = this.numbers[i * 3 + 1]!;
    x.batchSize = this.numbers[i * 3 + 2]!;
    this.said[i]?.mark(x);
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
const NO_INTS: Int32Array = new Int32Array(0);
const nulls = <T>(length: number): (T | null)[] => new Array<T | null>(length).fill(null);
