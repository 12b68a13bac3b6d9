import { Capture } from '../../../src/bytes/capture.ts';
import { decompressStart } from './decompress.ts';
import { Codec } from './facts.ts';

const NAME = Buffer.from('traceparent', 'latin1');
/** `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context). */
const TRACEPARENT_BYTES = 55;
/** More headers than that are not looked through. */
const MOST_HEADERS = 64;
/** Of a compressed batch: more than that is not gathered. */
const MOST_COMPRESSED_BYTES = 64 * 1024;

/** What the next varint is, or which bytes come next. */
const State = {
  length: 0,
  attributes: 1,
  timestamp: 2,
  offset: 3,
  keyLength: 4,
  key: 5,
  valueLength: 6,
  value: 7,
  headers: 8,
  nameLength: 9,
  name: 10,
  headerLength: 11,
  header: 12,
  over: 13,
} as const;

/** Finds the trace context among the headers of the first record of a batch, in any cut, without holding the record. */
export class FirstRecord {
  readonly #decompress: boolean;
  readonly #kept = new Capture();
  readonly #found = Buffer.alloc(TRACEPARENT_BYTES);
  #codec = 0;
  #state: number = State.over;
  /** Of a varint that is being read: its value so far, and the bits it has. */
  #value = 0;
  #bits = 0;
  #left = 0;
  #headers = 0;
  #matched = 0;
  #has = 0;

  constructor(decompress: boolean) {
    this.#decompress = decompress;
  }

  /** A batch's records begin. False: nothing to be looked at. */
  begin(codec: number): boolean {
    this.#kept.release();
    this.#codec = codec;
    this.#begin();
    if (codec === Codec.none) return true;
    return this.#decompress && codec <= Codec.zstd;
  }

  #begin(): void {
    this.#state = State.length;
    this.#value = this.#bits = this.#left = this.#headers = this.#has = this.#matched = 0;
  }

  /** False: what there is to know is known. */
  push(buf: Buffer, start: number, end: number): boolean {
    if (this.#codec === Codec.none) return this.#read(buf, start, end);
    const room = MOST_COMPRESSED_BYTES - this.#kept.bytes;
    this.#kept.append(buf, start, Math.min(end, start + room));
    return this.#kept.bytes < MOST_COMPRESSED_BYTES;
  }

  /** The trace context, or ''. */
  end(): string {
    if (this.#codec !== Codec.none) {
      const plain = decompressStart(this.#codec, this.#kept.buffer, this.#kept.bytes);
      this.#kept.release();
      if (plain) this.#read(plain, 0, plain.length);
    }
    this.#state = State.over;
    return this.#has === TRACEPARENT_BYTES ? traceparentOf(this.#found) : '';
  }

  #read(buf: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case State.attributes:
          at++;
          this.#state = State.timestamp;
          break;
        case State.key:
        case State.value:
          at = this.#pass(at, end);
          if (this.#left === 0) this.#state++;
          break;
        case State.name:
          at = this.#match(buf, at, end);
          if (this.#left === 0) this.#state++;
          break;
        case State.header:
          if (this.#matched === NAME.length) at = this.#keep(buf, at, end);
          else at = this.#pass(at, end);
          if (this.#left === 0) this.#endHeader();
          break;
        case State.over:
          return false;
        default: {
          const byte = buf[at++]!;
          // Most have one byte.
          if (byte < 0x80 && this.#bits === 0) {
            this.#number((byte >>> 1) ^ -(byte & 1));
            break;
          }
          // A varlong has 63 bits and a sign; one that is too long to be exact is only passed over.
          if (this.#bits > 63) {
            this.#state = State.over;
            return false;
          }
          this.#value += (byte & 0x7f) * 2 ** this.#bits;
          this.#bits += 7;
          if (byte >= 0x80) break;
          // Zigzag: the lowest bit is the sign.
          const value = this.#value;
          this.#value = this.#bits = 0;
          this.#number(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
        }
      }
    }
    return this.#state !== State.over;
  }

  #number(value: number): void {
    switch (this.#state) {
      case State.headers:
        this.#headers = Math.min(value, MOST_HEADERS);
        this.#state = value > 0 ? State.nameLength : State.over;
        return;
      case State.keyLength:
      case State.valueLength:
        this.#left = Math.max(0, value);
        this.#state += this.#left > 0 ? 1 : 2;
        return;
      case State.nameLength:
        this.#left = value;
        this.#matched = value === NAME.length ? 0 : -1;
        // No name: the broker takes none such either.
        this.#state = value > 0 ? State.name : State.over;
        return;
      case State.headerLength:
        this.#left = Math.max(0, value);
        if (this.#matched === NAME.length && value !== TRACEPARENT_BYTES) this.#matched = -1;
        this.#state = State.header;
        if (this.#left === 0) this.#endHeader();
        return;
      default:
        this.#state++;
    }
  }

  #endHeader(): void {
    const isDone = this.#matched === NAME.length || --this.#headers <= 0;
    this.#state = isDone ? State.over : State.nameLength;
  }

  #pass(at: number, end: number): number {
    const take = Math.min(this.#left, end - at);
    this.#left -= take;
    return at + take;
  }

  #match(buf: Buffer, from: number, end: number): number {
    const to = this.#pass(from, end);
    for (let at = from; at < to && this.#matched >= 0; at++) {
      if (buf[at] === NAME[this.#matched]) this.#matched++;
      else this.#matched = -1;
    }
    return to;
  }

  #keep(buf: Buffer, from: number, end: number): number {
    const to = this.#pass(from, end);
    for (let at = from; at < to; at++) this.#found[this.#has++] = buf[at]!;
    return to;
  }
}

const SHAPE = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What does not look like a trace context is none: it is text from the wire. */
function traceparentOf(found: Buffer): string {
  const text = found.toString('latin1');
  return SHAPE.test(text) ? text : '';
}
