import { Capture } from '../../../src/bytes/capture.ts';
import { i32At } from '../../../src/bytes/cursor.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import { MOST_AUTH_BYTES, type Program } from '../schema/program.ts';
import { BodyReader } from './body-reader.ts';
import { End, type FieldSink, type FrameState } from './sinks.ts';

/** Every frame: its length as int32, then that many bytes. */
export const LENGTH_BYTES = 4;

/** API, version and correlation id. */
const LEAST_REQUEST_BYTES = 8;

const Phase = { length: 0, header: 1, body: 2, pass: 3, raw: 4 } as const;

/** What a subclass made of a header: go on with a body, or with none. */
export const Header = { cut: 0, body: 1, pass: 2 } as const;
export type Header = (typeof Header)[keyof typeof Header];

export interface ReaderOptions {
  /** Decompress the beginning of a record batch to find its trace context. */
  decompress?: boolean;
  /** Requests are told as those need it who judge them. */
  isJudged?: boolean;
}

/**
 * Frames of one direction of a connection, in whatever pieces they come. Bodies are read by a program, or passed over;
 * nothing is held but a small field that was cut. A frame whose body cannot be read ends nothing: its length leads to
 * the next one. Allocates nothing for a frame.
 */
export abstract class FrameReader implements FrameState {
  frameBytes = 0;
  startedAt = 0;
  fault: Fault | null = null;
  raw = false;
  rawEndsAtZero = false;
  paused = false;

  readonly #most: number;
  readonly #body: BodyReader;
  /** A field that was cut, and how many bytes it takes. */
  readonly #held = new Capture();
  #need = 0;
  #phase: number = Phase.length;
  /** Bytes of the frame not yet read. */
  #left = 0;
  #end: End = End.whole;
  #isRaw = false;
  #isOver = false;
  /** What is held is being read. */
  #isJoining = false;

  /** `most`: bytes of the longest frame that somebody may mean. */
  constructor(sink: FieldSink, isReply: boolean, most: number, options: ReaderOptions) {
    this.#most = most;
    this.#body = new BodyReader(sink, isReply, options.decompress ?? false);
  }

  /** Within a frame? */
  get inside(): boolean {
    return this.#phase !== Phase.length || this.#held.bytes > 0;
  }

  stop(): void {
    this.#isOver = true;
    if (!this.#isJoining) this.#held.release();
  }

  /** Reads buf[start..end), lent for the call; returns how far: to `end`, or to where it was stopped or paused. */
  push(buf: Buffer, start: number, end: number, now: number): number {
    let at = start;
    while (at < end && !this.#isOver && !this.paused) {
      if (this.#held.bytes > 0) at = this.#join(buf, at, end);
      else {
        if (this.#phase === Phase.length) this.startedAt = now;
        at = this.#read(buf, at, end);
        if (this.#need > 0 && at < end && !this.#isOver) {
          this.#held.append(buf, at, end);
          at = end;
        }
      }
    }
    return at;
  }

  /**
   * Reads a header at buf[at..end), of a frame of which `left` bytes are to come. Header.cut: `wants()` was told how many
   * bytes it takes; else `begin()` or `pass()` was called.
   */
  protected abstract header(buf: Buffer, at: number, end: number, left: number): Header;
  protected abstract ended(end: End): void;
  protected abstract rawToken(bytes: number, buf: Buffer, start: number, end: number): void;
  protected abstract lost(fault: Fault): void;

  protected wants(bytes: number): Header {
    this.#need = bytes;
    return Header.cut;
  }

  /** The header took `bytes`; the body reads so. */
  protected body(bytes: number, program: Program): Header {
    this.#left -= bytes;
    this.#body.begin(program, this.#left);
    return Header.body;
  }

  /** The header took `bytes`; the rest of the frame is passed over. */
  protected pass(bytes: number, end: End, fault: Fault | null = null): Header {
    this.#left -= bytes;
    this.#end = end;
    this.fault = fault;
    return Header.pass;
  }

  /** The frame cannot be one. */
  protected fail(fault: Fault): void {
    this.fault = fault;
    this.stop();
    this.lost(fault);
  }

  /** What is held, made longer until it is what was asked for. */
  #join(buf: Buffer, from: number, end: number): number {
    const held = this.#held;
    const at = Math.min(end, from + this.#need - held.bytes);
    held.append(buf, from, at);
    if (held.bytes < this.#need) return at;
    const bytes = held.bytes;
    this.#isJoining = true;
    const used = this.#read(held.buffer, 0, bytes);
    this.#isJoining = false;
    // Either it asks for more bytes of the same field, or it has taken them all: it never asks for more than it takes.
    if (used > 0 || this.#isOver) held.release();
    return at;
  }

  /** As far as the present frame goes. */
  #read(buf: Buffer, from: number, end: number): number {
    let at = from;
    this.#need = 0;
    if (this.#phase === Phase.length) {
      if (end - at < LENGTH_BYTES) {
        this.#need = LENGTH_BYTES;
        return at;
      }
      const size = i32At(buf, at);
      if (size < 0 || size > this.#most) {
        this.fail(size < 0 ? 'undersized' : 'oversized');
        return at;
      }
      at += LENGTH_BYTES;
      this.frameBytes = size + LENGTH_BYTES;
      this.#left = size;
      this.fault = null;
      this.#end = End.whole;
      this.#isRaw = this.raw;
      this.#phase = this.#isRaw ? Phase.raw : Phase.header;
    }
    if (this.#phase === Phase.raw && this.rawEndsAtZero && this.#left >= LEAST_REQUEST_BYTES) {
      if (at === end) {
        this.#need = 1;
        return at;
      }
      if (buf[at] === 0) {
        this.raw = this.#isRaw = false;
        this.#phase = Phase.header;
      }
    }
    if (this.#phase === Phase.header) {
      const before = this.#left;
      const header = this.header(buf, at, end, before);
      if (this.#isOver || header === Header.cut) return at;
      at += before - this.#left;
      this.#phase = header === Header.body ? Phase.body : Phase.pass;
    } else if (this.#phase === Phase.raw) {
      const told = Math.min(this.#left, MOST_AUTH_BYTES);
      if (told > end - at) {
        this.#need = told;
        return at;
      }
      this.rawToken(this.#left, buf, at, at + told);
      if (this.#isOver) return at;
      this.#phase = Phase.pass;
    }
    if (this.#phase === Phase.body) {
      const body = this.#body;
      const to = body.run(buf, at, Math.min(end, at + this.#left));
      this.#left -= to - at;
      at = to;
      if (this.#isOver) return at;
      if (body.fault !== null) {
        this.fault = body.fault;
        this.#end = End.malformed;
        this.#phase = Phase.pass;
      } else if (body.done) {
        if (this.#left > 0) this.#end = End.trailing;
        this.#phase = Phase.pass;
      } else {
        this.#need = body.need;
        return at;
      }
    }
    const take = Math.min(this.#left, end - at);
    this.#left -= take;
    at += take;
    if (this.#left > 0) return at;
    this.#phase = Phase.length;
    if (!this.#isRaw) this.ended(this.#end);
    return at;
  }
}
