import type { Digest } from '../../src/exchange/digest.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Said } from '../../src/exchange/said.ts';
import type { PushKind } from './push-kind.ts';

/** Of commands that are more than one request and one reply; others have none. */
export class Extra {
  /** Subscriptions: what confirms them, and how many confirmations are to come; -1: one for each that there is. */
  confirmedBy: PushKind = 0;
  remaining = 0;
  /** The server was asked to wait. */
  waits = false;
  /** What the client claims, true once the server agrees: '' = nothing. */
  user = '';
  application = '';
  /** Of HELLO: the version of RESP; 0 = as it is. */
  proto = 0;
  database = '';
  library = '';
  libraryVersion = '';
  /** The command's own name, like a module's, true once the server has served it. */
  module = '';
}

const FIRST_CAPACITY = 4;
const TRIM_CAPACITY = 1024;
/** Bytes of a key that are kept until its reply is there: one more than key sinks show, so that they see the cut. */
export const KEY_BYTES = 129;
/** Keys are kept of this many commands from the oldest on. */
const MAX_KEYS = 16_384;

/**
 * Commands in flight: a ring that starts small and grows. One entry a command: its slot in the command table, its exchange
 * or (of one above the cap of timed commands) what its exchange will be made from, and the first bytes of its first key.
 */
export class Pending {
  /** -1 until the first command comes: most connections never queue one. */
  #mask = -1;
  #head = 0;
  #tail = 0;
  #exchanges: (Exchange | null)[] = [];
  #extras: (Extra | null)[] = [];
  #slots: Uint16Array = NO_SLOTS;
  /** 1: its reply tells a hit from a miss. */
  #reads: Uint8Array = NO_BYTES;
  #keyLengths: Uint8Array = NO_BYTES;
  /** KEY_BYTES an entry, for MAX_KEYS at most; made when the first key comes. */
  #keys: Uint8Array = NO_BYTES;
  #keyMask = 0;
  /** Of commands without an exchange; made when the first one comes. */
  #late: Late | null = null;

  get size(): number {
    return this.#tail - this.#head;
  }

  push(exchange: Exchange | null, slot: number, reads: boolean, extra: Extra | null): void {
    if (this.size > this.#mask) this.#resize(Math.max(FIRST_CAPACITY, (this.#mask + 1) * 2));
    const i = this.#tail++ & this.#mask;
    this.#exchanges[i] = exchange;
    this.#extras[i] = extra;
    this.#slots[i] = slot;
    this.#reads[i] = reads ? 1 : 0;
    this.#keyLengths[i] = 0;
  }

  /** The first key of the command that was pushed last. */
  keepKey(buf: Uint8Array, start: number, end: number): void {
    if (this.size > MAX_KEYS) return;
    if (this.#keys.length === 0) this.#makeKeys();
    const place = this.#tail - 1;
    const length = Math.min(end - start, KEY_BYTES);
    const keys = this.#keys;
    const to = (place & this.#keyMask) * KEY_BYTES;
    // A loop, not set(): keys are short, and a native call costs more.
    for (let k = 0; k < length; k++) keys[to + k] = buf[start + k]!;
    this.#keyLengths[place & this.#mask] = length;
  }

  /** What the exchange of the command that was pushed last will be made from. */
  keepLate(digest: Digest, bytes: number, turn: number, said: Said | null): void {
    this.#late ??= new Late(this.#mask + 1);
    this.#late.set((this.#tail - 1) & this.#mask, digest, bytes, turn, said);
  }

  /** Places: the oldest one's, and the one that comes next. They only grow. */
  get head(): number {
    return this.#head;
  }
  get tail(): number {
    return this.#tail;
  }

  /** The exchange that was pushed last and not forgotten; null: it was, or has none. */
  get newest(): Exchange | null {
    return this.size === 0 ? null : this.#exchanges[(this.#tail - 1) & this.#mask]!;
  }

  // ---- the oldest one

  get exchange(): Exchange | null {
    return this.#exchanges[this.#head & this.#mask]!;
  }
  get extra(): Extra | null {
    return this.#extras[this.#head & this.#mask]!;
  }
  get slot(): number {
    return this.#slots[this.#head & this.#mask]!;
  }
  get reads(): boolean {
    return this.#reads[this.#head & this.#mask] === 1;
  }
  get keyLength(): number {
    return this.#keyLengths[this.#head & this.#mask]!;
  }
  get keyStart(): number {
    return (this.#head & this.#keyMask) * KEY_BYTES;
  }
  get keys(): Uint8Array {
    return this.#keys;
  }

  /** Gives a late exchange what was kept for it. */
  fill(x: Exchange): void {
    this.#late?.fill(this.#head & this.#mask, x);
  }

  /** Forgets the oldest one. */
  shift(): void {
    const i = this.#head++ & this.#mask;
    this.#exchanges[i] = null;
    this.#extras[i] = null;
    if (this.#mask >= TRIM_CAPACITY && this.#head === this.#tail) this.#resize(FIRST_CAPACITY);
  }

  /** Moves the oldest one to the end of another ring. */
  moveTo(other: Pending): void {
    other.push(this.exchange, this.slot, this.reads, this.extra);
    const { keyStart, keyLength } = this;
    if (keyLength > 0) other.keepKey(this.#keys, keyStart, keyStart + keyLength);
    const i = this.#head & this.#mask;
    const digest = this.#late?.digests[i];
    if (this.exchange === null && this.#late && digest)
      other.keepLate(digest, this.#late.bytes[i]!, this.#late.turns[i]!, this.#late.said[i]!);
    this.shift();
  }

  #makeKeys(): void {
    const capacity = Math.min(this.#mask + 1, MAX_KEYS);
    this.#keyMask = capacity - 1;
    this.#keys = new Uint8Array(capacity * KEY_BYTES);
  }

  #resize(capacity: number): void {
    const exchanges = this.#exchanges;
    const extras = this.#extras;
    const slots = this.#slots;
    const reads = this.#reads;
    const lengths = this.#keyLengths;
    const keys = this.#keys;
    const late = this.#late;
    const oldMask = this.#mask;
    const oldKeyMask = this.#keyMask;
    const mask = capacity - 1;
    this.#mask = mask;
    this.#exchanges = nulls(capacity);
    this.#extras = nulls(capacity);
    this.#slots = new Uint16Array(capacity);
    this.#reads = new Uint8Array(capacity);
    this.#keyLengths = new Uint8Array(capacity);
    this.#late = late === null || this.size === 0 ? null : new Late(capacity);
    this.#keys = NO_BYTES;
    this.#keyMask = 0;
    if (keys.length > 0 && this.size > 0) this.#makeKeys();
    for (let place = this.#head; place < this.#tail; place++) {
      const from = place & oldMask;
      const to = place & mask;
      this.#exchanges[to] = exchanges[from]!;
      this.#extras[to] = extras[from]!;
      this.#slots[to] = slots[from]!;
      this.#reads[to] = reads[from]!;
      this.#keyLengths[to] = lengths[from]!;
      if (late !== null) this.#late?.copy(to, late, from);
      if (lengths[from] === 0) continue;
      const key = (place & oldKeyMask) * KEY_BYTES;
      this.#keys.set(keys.subarray(key, key + lengths[from]!), (place & this.#keyMask) * KEY_BYTES);
    }
  }
}

/** Columns for commands above the cap of timed ones. */
class Late {
  readonly digests: (Digest | null)[];
  readonly bytes: Float64Array;
  readonly turns: Float64Array;
  /** What policies said of it; null where nobody judges. */
  readonly said: (Said | null)[];

  constructor(capacity: number) {
    this.digests = nulls(capacity);
    this.bytes = new Float64Array(capacity);
    this.turns = new Float64Array(capacity);
    this.said = nulls(capacity);
  }

  set(i: number, digest: Digest | null, bytes: number, turn: number, said: Said | null): void {
    this.digests[i] = digest;
    this.bytes[i] = bytes;
    this.turns[i] = turn;
    this.said[i] = said;
  }

  copy(i: number, other: Late, from: number): void {
    this.set(i, other.digests[from]!, other.bytes[from]!, other.turns[from]!, other.said[from]!);
  }

  fill(i: number, x: Exchange): void {
    x.digest = this.digests[i]!;
    x.requestBytes = this.bytes[i]!;
    x.turn = this.turns[i]!;
    this.said[i]?.mark(x);
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
const NO_SLOTS: Uint16Array = new Uint16Array(0);
const nulls = <T>(length: number): (T | null)[] => new Array<T | null>(length).fill(null);
