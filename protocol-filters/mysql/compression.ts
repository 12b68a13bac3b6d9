import { constants, inflateSync, zstdDecompressSync } from 'node:zlib';
import { Capture } from '../../src/bytes/capture.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { u24At } from './lenenc.ts';
import { COMPRESSED_HEADER_BYTES } from './wire.ts';

export interface PlainSink {
  /** Plain bytes buf[start..end), lent for the call: a range of any length, of any cut. False: nothing more is read. */
  onPlain(buf: Buffer, start: number, end: number): boolean;
}

/**
 * One direction of a compressed connection (both compression protocols): outer frames of 3 bytes of compressed length, a
 * sequence id, 3 bytes of plain length, and the compressed bytes; a plain length of 0 means that they are not compressed.
 * Packets may straddle frames.
 *
 * Memory: a compressed frame is kept while it is cut, as received, and let go when it is whole. Its plain bytes are at
 * most what it declares, and at most 16 MiB - 1; a frame that gives more, or fewer, is a fault.
 */
export class Decompressor {
  readonly #inflate: (bytes: Buffer, options: object) => Buffer;
  readonly #params: Record<number, number>;
  readonly #sink: PlainSink;
  readonly #header = new Uint8Array(COMPRESSED_HEADER_BYTES);
  readonly #capture = new Capture();
  #headerBytes = 0;
  #frameBytes = 0;
  #left = 0;
  #declared = 0;

  /** Sequence id that the next frame must have; -1: any. Counts up by itself. */
  expected = -1;
  /** Sequence id of the frame begun last. */
  sequence = 0;
  /** Set when push() returned false because of the bytes; stays. */
  fault: Fault | null = null;
  /** Frames begun. */
  frames = 0;

  constructor(algorithm: 'zlib' | 'zstd', sink: PlainSink) {
    this.#inflate = algorithm === 'zlib' ? inflateSync : zstdDecompressSync;
    this.#params = algorithm === 'zlib' ? {} : { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
    this.#sink = sink;
  }

  /** A frame has begun and not ended. */
  get inside(): boolean {
    return this.#headerBytes > 0;
  }

  /** Reads buf[start..end). False: `fault`, or the sink wants no more; the object is not to be used again. */
  push(buf: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      if (this.#headerBytes < COMPRESSED_HEADER_BYTES) {
        while (this.#headerBytes < COMPRESSED_HEADER_BYTES && at < end) this.#header[this.#headerBytes++] = buf[at++]!;
        if (this.#headerBytes < COMPRESSED_HEADER_BYTES) return true;
        if (!this.#begin()) return false;
      }
      const take = Math.min(this.#left, end - at);
      this.#left -= take;
      const goesOn = this.#declared === 0 ? this.#stored(buf, at, at + take) : this.#compressed(buf, at, at + take);
      if (!goesOn) return false;
      at += take;
      if (this.#left === 0) this.#headerBytes = 0;
    }
    return true;
  }

  /** Lets go of a frame in progress. */
  release(): void {
    this.#capture.release();
  }

  #begin(): boolean {
    const header = this.#header;
    this.#frameBytes = this.#left = u24At(header, 0);
    this.sequence = header[3]!;
    this.#declared = u24At(header, 4);
    this.frames++;
    if (this.expected >= 0 && this.sequence !== this.expected) return this.#fail('out_of_order');
    this.expected = (this.sequence + 1) & 0xff;
    if (this.#frameBytes > 0) return true;
    if (this.#declared > 0) return this.#fail('undersized');
    this.#headerBytes = 0;
    return true;
  }

  #stored(buf: Buffer, start: number, end: number): boolean {
    return start === end || this.#sink.onPlain(buf, start, end);
  }

  #compressed(buf: Buffer, start: number, end: number): boolean {
    const capture = this.#capture;
    if (this.#left > 0) {
      capture.append(buf, start, end);
      return true;
    }
    // The common case is a frame within one read; it is not copied.
    const whole = end - start === this.#frameBytes;
    if (!whole) capture.append(buf, start, end);
    const plain = this.#plain(whole ? buf.subarray(start, end) : capture.buffer.subarray(0, capture.bytes));
    capture.release();
    return plain !== null && this.#sink.onPlain(plain, 0, plain.length);
  }

  /** Null, and `fault`, where the frame is not what it says. */
  #plain(bytes: Buffer): Buffer | null {
    const declared = this.#declared;
    let plain: Buffer;
    try {
      // Output grows in steps: what a few bytes declare is not set aside at once.
      const chunkSize = Math.max(MIN_STEP_BYTES, Math.min(declared, MAX_STEP_BYTES));
      plain = this.#inflate(bytes, { maxOutputLength: declared, chunkSize, params: this.#params });
    } catch (error) {
      this.#fail(faultOf(error));
      return null;
    }
    if (plain.length === declared) return plain;
    this.#fail('undersized');
    return null;
  }

  #fail(fault: Fault): false {
    this.fault ??= fault;
    this.#capture.release();
    return false;
  }
}

const MIN_STEP_BYTES = 64;
const MAX_STEP_BYTES = 64 * 1024;
/** A frame's plain bytes are below 16 MiB: no larger window helps, and the decoder sets the window aside. */
const MAX_WINDOW_LOG = 24;

/** More than declared; an end too early; anything else is not what it claims to be. */
function faultOf(error: unknown): Fault {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ERR_BUFFER_TOO_LARGE') return 'oversized';
  return code === 'Z_BUF_ERROR' ? 'truncated' : 'unknown_type';
}
