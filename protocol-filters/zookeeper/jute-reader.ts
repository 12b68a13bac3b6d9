import { Capture } from '../../src/bytes/capture.ts';
import { i32At } from '../../src/bytes/cursor.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { MULTI_HEADER, NOTHING, type Program, REST, Step } from './steps.ts';
import { HELD_NAME_BYTES, HELD_PATH_BYTES } from './wire.ts';

/** Who is told what a JuteReader reads. Null instead of a program: read no further, as stop() does. */
export interface JuteSink {
  /** A frame begins: its length, without itself. Says how it reads. */
  onLength(length: number): Program | null;
  /** A Step.header. `numbers`: those of the frame so far. */
  onHeader(numbers: Int32Array): Program | null;
  /** A Step.path, name, login or token: buf[start..end), lent for the call; of a longer one the beginning. */
  onText(step: number, buf: Uint8Array, start: number, end: number): void;
  /** The header of an operation within a multi, or of its end. */
  onOperation(type: number, done: boolean, error: number): Program | null;
  /** The frame is over. `extra`: bytes that stood behind its record. */
  onFrame(numbers: Int32Array, bytes: number, extra: number): void;
  /** The frame's record cannot be read. True: the rest of the frame is passed over, and onFrame() told. */
  onFault(fault: Fault): boolean;
}

const MAX_NUMBERS = 12;
/** Those of a request's header, or of a reply's: what comes after is its record's. */
export const HEADER_NUMBERS = 2;
const INT_BYTES = 4;
const COLON = 0x3a;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const USERNAME = Buffer.from('username="', 'latin1');

/**
 * Frames of one direction, in whatever pieces they come: nothing is held but a number or a short text that was cut. Steps
 * (steps.ts) say what a record holds; no count or length is believed beyond the frame it stands in. Allocates nothing.
 */
export class JuteReader {
  /** When the frame's first byte came. */
  startedAt = 0;
  /** Offset of the lent buffer's index 0, said by who wants `from`: the offset of the frame's first byte. */
  base = 0;
  from = 0;
  readonly #sink: JuteSink;
  readonly #numbers = new Int32Array(MAX_NUMBERS);
  readonly #kept = new Capture();
  #count = 0;
  #isOver = false;
  #inside = false;
  #program: Program = NOTHING;
  #pc = 0;
  #frameBytes = 0;
  /** Bytes of the frame not yet read. */
  #left = 0;
  #extra = 0;
  /** Of a number that was cut: bytes read, their value, and whether it is whole. */
  #have = 0;
  #value = 0;
  #isWhole = false;
  /** Of a text that was cut: bytes to come, and the step that wants it; 0: nobody does. */
  #textLeft = 0;
  #wanted = 0;
  /** Of a token: how much of `username="` is there, and the byte before. */
  #matched = 0;
  #before = 0;
  /** Steps of a vector's element, and how many elements are to come, this one included. */
  #loopStart = -1;
  #loopEnd = -1;
  #loopLeft = 0;
  #inMulti = false;

  constructor(sink: JuteSink) {
    this.#sink = sink;
  }

  /** Between two frames? */
  get inside(): boolean {
    return this.#inside || this.#have > 0;
  }

  /** Nothing is read any more. */
  stop(): void {
    this.#isOver = true;
    this.#kept.release();
  }

  /** Reads buf[start..end), up to where it was stopped; returns how far. */
  push(buf: Buffer, start: number, end: number, now: number): number {
    let at = start;
    while (at < end && !this.#isOver) {
      if (!this.#inside) {
        if (this.#have === 0) {
          this.startedAt = now;
          this.from = this.base + at;
        }
        at = this.#gather(buf, at, end);
        if (!this.#isWhole) return at;
        const program = this.#sink.onLength(this.#value);
        if (program === null) {
          this.stop();
          return at;
        }
        this.#begin(program, this.#value);
      }
      at = this.#run(buf, at, end);
    }
    return at;
  }

  #begin(program: Program, length: number): void {
    this.#inside = true;
    this.#program = program;
    this.#pc = this.#count = this.#extra = 0;
    this.#left = length;
    this.#frameBytes = length + INT_BYTES;
    this.#loopEnd = -1;
    this.#inMulti = false;
  }

  /** One of the frame, or the rest of it, as far as there are bytes. */
  #run(buf: Buffer, from: number, end: number): number {
    const frameEnd = from + this.#left;
    const stop = Math.min(frameEnd, end);
    let at = from;
    let pc = this.#pc;
    for (;;) {
      if (this.#textLeft > 0) {
        const take = Math.min(this.#textLeft, stop - at);
        if (this.#wanted !== 0) this.#keep(buf, at, at + take);
        at += take;
        this.#textLeft -= take;
        if (this.#textLeft > 0) break;
        if (this.#wanted !== 0) this.#tellKept();
      }
      if (pc === this.#loopEnd) {
        if (--this.#loopLeft > 0) pc = this.#loopStart;
        else this.#loopEnd = -1;
      }
      const program = this.#program;
      const step = program[pc]!;
      // Who leaves the switch without a continue has found this.
      let fault: Fault = 'truncated';
      switch (step) {
        case Step.int: {
          if (this.#have === 0 && stop - at >= INT_BYTES) {
            this.#number(i32At(buf, at));
            at += INT_BYTES;
          } else {
            if (this.#have === 0 && frameEnd - at < INT_BYTES) break;
            at = this.#gather(buf, at, stop);
            if (!this.#isWhole) return this.#suspend(pc, frameEnd - at, at);
            this.#number(this.#value);
          }
          pc++;
          continue;
        }
        case Step.lateBool:
        case Step.bool: {
          if (at === frameEnd) {
            if (step === Step.bool) break;
            this.#number(0);
          } else {
            if (at === stop) return this.#suspend(pc, frameEnd - at, at);
            this.#number(buf[at++]!);
          }
          pc++;
          continue;
        }
        case Step.skip: {
          const bytes = program[pc + 1]!;
          if (frameEnd - at < bytes) break;
          pc += 2;
          if (stop - at >= bytes) at += bytes;
          else this.#beginText(0, bytes);
          continue;
        }
        case Step.buffer:
        case Step.path:
        case Step.name:
        case Step.login:
        case Step.token:
        case Step.size:
        case Step.vector: {
          let length: number;
          if (this.#have === 0 && stop - at >= INT_BYTES) {
            length = i32At(buf, at);
            at += INT_BYTES;
          } else {
            if (this.#have === 0 && frameEnd - at < INT_BYTES) break;
            at = this.#gather(buf, at, stop);
            if (!this.#isWhole) return this.#suspend(pc, frameEnd - at, at);
            length = this.#value;
          }
          // -1 is a null; an element of a vector has a length of its own, 4 bytes at least.
          if (length < -1) {
            fault = 'undersized';
            break;
          }
          if (step === Step.vector) {
            if (length * INT_BYTES > frameEnd - at) break;
            pc = this.#vector(program, pc, length);
            continue;
          }
          if (length > frameEnd - at) break;
          pc++;
          if (step === Step.size) this.#number(Math.max(0, length));
          const isWanted = step !== Step.buffer && step !== Step.size;
          // Tokens are few, and always looked through as if they were cut.
          if (length > stop - at || (step === Step.token && length > 0)) {
            this.#beginText(isWanted ? step : 0, length);
            continue;
          }
          const textEnd = length > 0 ? at + length : at;
          if (isWanted) this.#tell(step, buf, at, textEnd);
          at = textEnd;
          continue;
        }
        case Step.header: {
          const next = this.#sink.onHeader(this.#numbers);
          if (next === null) return this.#stopAt(at);
          this.#program = next;
          pc = 0;
          continue;
        }
        case Step.multi: {
          const numbers = this.#numbers;
          const isDone = numbers[HEADER_NUMBERS + 1] !== 0;
          const next = this.#sink.onOperation(numbers[HEADER_NUMBERS]!, isDone, numbers[HEADER_NUMBERS + 2]!);
          if (next === null) return this.#stopAt(at);
          this.#inMulti = !isDone;
          this.#program = next;
          pc = 0;
          continue;
        }
        case Step.rest: {
          if (at < frameEnd) {
            this.#beginText(0, frameEnd - at);
            continue;
          }
          this.#inside = false;
          this.#left = 0;
          this.#sink.onFrame(this.#numbers, this.#frameBytes, this.#extra);
          return at;
        }
        default: {
          if (this.#inMulti) {
            this.#program = MULTI_HEADER;
            this.#count = HEADER_NUMBERS;
          } else {
            this.#extra = frameEnd - at;
            this.#program = REST;
          }
          pc = 0;
          continue;
        }
      }
      if (!this.#passOver(fault)) return at;
      pc = 0;
    }
    return this.#suspend(pc, frameEnd - at, at);
  }

  #suspend(pc: number, left: number, at: number): number {
    this.#pc = pc;
    this.#left = left;
    return at;
  }

  /** The record is no good: what is left of the frame is passed over, or nothing more read. */
  #passOver(fault: Fault): boolean {
    this.#program = REST;
    this.#loopEnd = -1;
    if (this.#sink.onFault(fault)) return true;
    this.stop();
    return false;
  }

  #stopAt(at: number): number {
    this.stop();
    return at;
  }

  #number(value: number): void {
    if (this.#count < MAX_NUMBERS) this.#numbers[this.#count++] = value;
  }

  /** A number, as far as there are bytes; `#isWhole` and `#value` tell. */
  #gather(buf: Buffer, from: number, stop: number): number {
    let at = from;
    if (this.#have === 0) {
      if (stop - at >= INT_BYTES) {
        this.#value = i32At(buf, at);
        this.#isWhole = true;
        return at + INT_BYTES;
      }
      this.#value = 0;
      this.#isWhole = false;
    }
    while (this.#have < INT_BYTES && at < stop) {
      this.#value = (this.#value << 8) | buf[at++]!;
      this.#have++;
    }
    if (this.#have === INT_BYTES) {
      this.#have = 0;
      this.#isWhole = true;
    }
    return at;
  }

  #vector(program: Program, pc: number, length: number): number {
    const steps = program[pc + 1]!;
    const first = pc + 2;
    this.#number(Math.max(0, length));
    if (length > 0) {
      this.#loopStart = first;
      this.#loopEnd = first + steps;
      this.#loopLeft = length;
      return first;
    }
    return first + steps;
  }

  // ---- texts

  #beginText(wanted: number, bytes: number): void {
    this.#wanted = wanted;
    this.#textLeft = bytes;
    this.#matched = this.#before = 0;
  }

  /** More of a text that was cut. */
  #keep(buf: Buffer, from: number, to: number): void {
    if (this.#wanted === Step.token) {
      this.#findUser(buf, from, to);
      return;
    }
    const kept = this.#kept;
    const room = roomOf(this.#wanted) - kept.bytes;
    const end = Math.min(to, from + room);
    if (this.#wanted !== Step.login) {
      if (end > from) kept.append(buf, from, end);
      return;
    }
    // Of `name:secret` nothing is taken from the colon on.
    let at = from;
    while (at < end && buf[at] !== COLON) at++;
    if (at > from) kept.append(buf, from, at);
    if (at < end) {
      this.#wanted = 0;
      this.#sink.onText(Step.login, kept.buffer, 0, kept.bytes);
      kept.release();
    }
  }

  /** More of a token: what stands between the quotes of `username="…"`, at its beginning or behind a comma. */
  #findUser(buf: Buffer, from: number, to: number): void {
    const kept = this.#kept;
    for (let at = from; at < to; at++) {
      const byte = buf[at]!;
      if (this.#matched < USERNAME.length) {
        const isFirst = this.#before === 0 || this.#before === COMMA;
        if (byte === USERNAME[this.#matched] && (this.#matched > 0 || isFirst)) this.#matched++;
        else this.#matched = 0;
        this.#before = byte;
      } else if (byte === QUOTE) {
        this.#wanted = 0;
        this.#sink.onText(Step.token, kept.buffer, 0, kept.bytes);
        kept.release();
        return;
      } else if (byte === BACKSLASH || kept.bytes === HELD_NAME_BYTES) {
        this.#wanted = 0; // a name that needs a second look is none of ours
        kept.release();
        return;
      } else kept.append(buf, at, at + 1);
    }
  }

  #tellKept(): void {
    const kept = this.#kept;
    const wanted = this.#wanted;
    this.#wanted = 0;
    if (wanted !== Step.login && wanted !== Step.token) this.#sink.onText(wanted, kept.buffer, 0, kept.bytes);
    kept.release();
  }

  #tell(step: number, buf: Buffer, start: number, end: number): void {
    const stop = Math.min(end, start + roomOf(step));
    if (step === Step.token) return; // of no bytes
    if (step !== Step.login) {
      this.#sink.onText(step, buf, start, stop);
      return;
    }
    for (let at = start; at < stop; at++)
      if (buf[at] === COLON) {
        this.#sink.onText(step, buf, start, at);
        return;
      }
  }
}

const roomOf = (step: number): number => (step === Step.path ? HELD_PATH_BYTES : HELD_NAME_BYTES);
