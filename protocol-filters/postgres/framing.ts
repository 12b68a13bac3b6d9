import { Capture } from '../../src/bytes/capture.ts';
import { u32At } from '../../src/bytes/cursor.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { HEADER_BYTES, type LengthTable } from './wire.ts';

/** What a sink says about a frame. `hold`: it is offered again, whole. `stop`: nothing more is read on this side. */
export const Onward = { next: 0, hold: 1, stop: 2 } as const;
export type Onward = (typeof Onward)[keyof typeof Onward];

export interface FrameSink {
  /**
   * One message. Its body, or as much of it as the keep table wants, is buf[start..end): lent for the call. `from` is the
   * absolute offset of its type byte. `complete` is false where the gate judges a prefix and the rest has not arrived.
   */
  onFrame(type: number, bodyBytes: number, buf: Buffer, start: number, end: number, from: number): Onward;
  /** Early frames only: further bytes [from, to) of the message that was judged by its prefix. */
  onTail(from: number, to: number): void;
  onFault(fault: Fault): void;
}

/**
 * Streaming framer of one direction: counts past bodies nobody asked for, captures the others while they are cut, works
 * on lent buffers with any segmentation. State is a few numbers.
 */
export class Framing {
  readonly #sink: FrameSink;
  readonly #lengths: LengthTable;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #capture = new Capture();
  #headerBytes = 0;
  #type = 0;
  #bodyBytes = 0;
  /** Body bytes still to come. */
  #left = 0;
  /** Body bytes wanted. */
  #keep = 0;
  /** The present frame was handed over before its end; what follows is its tail. */
  handed = false;
  #from = 0;
  /** Types whose frame is handed over as soon as the wanted prefix is there (gate only). */
  early: Uint8Array | null = null;
  keep: Uint32Array;
  /** Body bytes above this are a fault, whatever the type allows. */
  ceiling = 0xffffffff;
  /** When the first byte of the present message arrived. Set by the owner's clock through push(). */
  startedAt = 0;

  constructor(sink: FrameSink, lengths: LengthTable, keep: Uint32Array) {
    this.#sink = sink;
    this.#lengths = lengths;
    this.keep = keep;
  }

  /** A message has begun and not ended. */
  get inside(): boolean {
    return this.#headerBytes > 0;
  }

  /** Offset of the message that has begun, while `inside`. */
  get from(): number {
    return this.#from;
  }

  /** Type of the message that has begun, or 0 while its header is incomplete. */
  get type(): number {
    return this.#headerBytes < HEADER_BYTES ? 0 : this.#type;
  }

  /** Body bytes of the present message that have not arrived yet: only meaningful in onFrame of an early frame. */
  get left(): number {
    return this.#left;
  }

  /** Forgets a message in progress. */
  reset(): void {
    this.#headerBytes = this.#left = 0;
    this.handed = false;
    this.#capture.release();
  }

  /** Reads buf[start..end), whose first byte stands at offset `at`. Returns the offset read up to. */
  push(buf: Buffer, start: number, end: number, at: number, now: number): number {
    const shift = at - start;
    let p = start;
    while (p < end) {
      if (this.#headerBytes === 0) {
        this.#from = p + shift;
        this.startedAt = now;
        if (end - p >= HEADER_BYTES) {
          const body = this.#begin(buf[p]!, u32At(buf, p + 1));
          if (body < 0) return end + shift;
          const bodyAt = p + HEADER_BYTES;
          if (end - bodyAt >= body) {
            // The common case: the whole message is in this chunk.
            p = bodyAt + body;
            const step = this.#sink.onFrame(this.#type, body, buf, bodyAt, p, this.#from);
            if (step === Onward.next) continue;
            return step === Onward.hold ? this.#from : end + shift;
          }
          p = bodyAt;
          this.#headerBytes = HEADER_BYTES;
          this.#left = body;
        }
      }
      if (this.#headerBytes < HEADER_BYTES) {
        while (this.#headerBytes < HEADER_BYTES && p < end) this.#header[this.#headerBytes++] = buf[p++]!;
        if (this.#headerBytes < HEADER_BYTES) break;
        this.#left = this.#begin(this.#header[0]!, u32At(this.#header, 1));
        if (this.#left < 0) return end + shift;
      }
      const step = this.#body(buf, p, end, shift);
      if (step === Onward.hold) return this.#from;
      if (step === Onward.stop) return end + shift;
      p = this.#at;
    }
    return end + shift;
  }

  #at = 0;

  /** Goes on with a cut message; leaves the position in #at. */
  #body(buf: Buffer, p: number, end: number, shift: number): Onward {
    const take = Math.min(this.#left, end - p);
    const wanted = Math.min(take, this.#keep - this.#capture.bytes);
    if (wanted > 0 && !this.handed) this.#capture.append(buf, p, p + wanted);
    this.#left -= take;
    this.#at = p + take;
    if (this.handed) {
      this.#sink.onTail(p + shift, p + take + shift);
      if (this.#left === 0) this.reset();
      return Onward.next;
    }
    const early = this.early !== null && this.early[this.#type] === 1 && this.#capture.bytes >= this.#keep;
    if (this.#left > 0 && !early) return Onward.next;
    this.handed = true;
    const step = this.#sink.onFrame(
      this.#type,
      this.#bodyBytes,
      this.#capture.buffer,
      0,
      this.#capture.bytes,
      this.#from,
    );
    if (step !== Onward.next || this.#left === 0) this.reset();
    return step;
  }

  /** Checks a header. Returns the body's length, or -1 after a fault. */
  #begin(type: number, length: number): number {
    const { known, min, max } = this.#lengths;
    if (known[type] === 0) return this.#fault('unknown_type');
    const body = length - 4;
    if (body < 0 || body < min[type]!) return this.#fault('undersized');
    if (body > max[type]! || body > this.ceiling) return this.#fault('oversized');
    this.#type = type;
    this.#bodyBytes = body;
    this.#keep = Math.min(body, this.keep[type]!);
    this.handed = false;
    return body;
  }

  #fault(fault: Fault): -1 {
    this.reset();
    this.#sink.onFault(fault);
    return -1;
  }
}
