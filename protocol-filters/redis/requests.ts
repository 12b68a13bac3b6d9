import { Capture } from '../../src/bytes/capture.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { Args, MAX_HELD_ARGS } from './args.ts';
import { Found, InlineLine } from './inline.ts';
import { CR, LF, MAX_ARGUMENTS, MAX_BULK_BYTES, Type } from './wire.ts';

/** What is done with commands as they come. Whoever wants no more of them calls stop(). */
export interface RequestSink {
  /** Argument 0 is held: says what else to hold, by `hold`, `holdBytes`, `wantsSubcommand` and `guarded`. */
  onName(requests: Requests): void;
  /** Argument 1 is held, of a command that `wantsSubcommand`: as onName. */
  onSubcommand(requests: Requests): void;
  /** Of a `guarded` command, before an argument is read: is it one that nobody may keep? */
  isSecret(args: Args, index: number): boolean;
  /** The command is whole; its spans are valid during the call. `bytes`: all it took on the wire. */
  onCommand(requests: Requests, bytes: number): void;
  /**
   * More than `budget` bytes of a command are on their way: from here on nothing more of it is held, and onCommand says no more
   * than that it is over. `to`: offset of what follows the arguments that are held.
   */
  onPrefix?(requests: Requests, to: number): void;
  /** Without arguments there is no command, and no reply (threats RD-04). It began at `from`. */
  onEmpty?(requests: Requests, to: number): void;
}

const State = { idle: 0, count: 1, dollar: 2, length: 3, body: 4, bodyCr: 5, bodyLf: 6, inline: 7, over: 8 } as const;

/** A held argument without more said: keys are patterned by this much of them. */
export const HOLD_BYTES = 512;

/**
 * Bytes of the client to commands: arrays of bulk strings, and inline lines. A command that lies in one read is told by
 * spans into that read, without a copy; of one that is cut, what is to be held goes into a capture. All else is counted
 * past. Numbers are read as the server reads them (digits, at most a minus before them, no leading zero), line ends more
 * strictly: what may be read in two ways is a fault (threats RD-02, RD-03).
 */
export class Requests {
  /** The command being read; `args.buf` is the read itself or the capture. */
  readonly args = new Args();
  /** How many arguments to hold, and how many bytes of each. Set anew for each command. */
  hold = 1;
  holdBytes = HOLD_BYTES;
  wantsSubcommand = false;
  guarded = false;
  /** Written as a line, without lengths. Its `args.argc` is known at its end only. */
  inline = false;
  /** Bytes of one command within which arguments are held, and how many at most. */
  budget = Number.POSITIVE_INFINITY;
  mostHeld = MAX_HELD_ARGS;
  /** Reading stops before the next command. */
  paused = false;
  /** Offset of the first byte of the command that is being read, or was read last. */
  from = 0;
  /** Ms of the command's first byte. */
  startedAt = 0;
  /** Why reading ended, or null. */
  fault: Fault | null = null;

  readonly #sink: RequestSink;
  readonly #capture = new Capture();
  /** Made when the first inline command comes. */
  #line: InlineLine | null = null;
  /** Spans point into the capture. */
  #captured = false;
  #state: number = State.idle;
  /** Argument being read, its bytes to come, and whether it is held. */
  #index = 0;
  #left = 0;
  #holds = false;
  /** Offset of the lent buffer's index 0. */
  #base = 0;
  /** onPrefix was told. */
  #isPrefix = false;
  #rewound = false;
  /** The number being read. */
  #value = 0;
  #digits = 0;
  #negative = false;
  #cr = false;

  constructor(sink: RequestSink) {
    this.#sink = sink;
  }

  /** A command has begun and is not whole. */
  get inside(): boolean {
    return this.#state !== State.idle;
  }

  /**
   * Reads buf[start..end), whose first byte stands at offset `at`. Returns the index read up to: below `end` where it was
   * stopped, below `start` even where it was rewound.
   */
  push(buf: Buffer, start: number, end: number, at: number, now: number): number {
    const { args } = this;
    this.#base = at - start;
    let i = start;
    while (i < end) {
      switch (this.#state) {
        case State.idle:
          if (this.paused) return i;
          this.#begin(at + (i - start), now, buf[i] !== Type.array);
          if (!this.inline) i++;
          break;
        case State.count:
          i = this.#number(buf, i, end);
          if (i < 0) return end;
          if (this.#value > MAX_ARGUMENTS) return this.#fail('oversized', end);
          args.argc = Math.max(0, this.#value);
          this.#state = args.argc > 0 ? State.dollar : State.idle;
          if (args.argc === 0) this.#sink.onEmpty?.(this, at + (i - start));
          break;
        case State.dollar:
          if (buf[i] !== Type.bulk) return this.#fail('unknown_type', end);
          i++;
          this.#state = State.length;
          break;
        case State.length:
          i = this.#number(buf, i, end);
          if (i < 0) return end;
          if (this.#value < 0) return this.#fail('undersized', end);
          if (this.#value > MAX_BULK_BYTES) return this.#fail('oversized', end);
          this.#beginArgument(buf, i, end);
          if (this.#rewound) return this.#rewindTo();
          break;
        case State.body: {
          const take = Math.min(this.#left, end - i);
          if (this.#holds && this.#captured) this.#keep(buf, i, take);
          i += take;
          this.#left -= take;
          if (this.#left === 0) this.#state = State.bodyCr;
          break;
        }
        case State.bodyCr:
          if (buf[i++] !== CR) return this.#fail('ambiguous', end);
          this.#state = State.bodyLf;
          break;
        case State.bodyLf:
          if (buf[i++] !== LF) return this.#fail('ambiguous', end);
          this.#state = State.dollar;
          this.#index++;
          if (this.#index <= 2) this.#named(buf);
          if (this.#index === args.argc && this.#state !== State.over) {
            this.#end(buf, at + (i - start));
            if (this.#rewound) return this.#rewindTo();
          }
          break;
        case State.inline:
          i = this.#readLine(buf, i, end, at - start);
          if (this.#rewound) return this.#rewindTo();
          break;
        default:
          return i;
      }
    }
    if (this.#state !== State.idle && !this.#captured && this.#state !== State.over) this.#rescue(buf);
    return end;
  }

  /** Reading is over: forgets everything that was captured. */
  stop(): void {
    this.#state = State.over;
    this.#capture.release();
    this.#line?.begin();
    this.args.held = 0;
  }

  /** For a sink, while it is told of a command: it will be read again, from its first byte on. */
  rewind(): void {
    this.#rewound = true;
  }

  #rewindTo(): number {
    this.#rewound = false;
    this.#state = State.idle;
    this.#capture.release();
    return this.from - this.#base;
  }

  #begin(from: number, now: number, inline: boolean): void {
    const { args } = this;
    args.argc = args.held = this.#index = 0;
    this.from = from;
    this.startedAt = now;
    this.hold = 1;
    this.holdBytes = HOLD_BYTES;
    this.wantsSubcommand = this.guarded = this.#isPrefix = false;
    this.inline = this.#captured = inline; // an inline command's words are unescaped on the way
    if (inline) {
      this.#line ??= new InlineLine();
      this.#line.begin();
    }
    this.#state = inline ? State.inline : State.count;
  }

  /** The length of an argument is known. In place, if it is all there; else into the capture. */
  #beginArgument(buf: Buffer, i: number, end: number): void {
    const { args } = this;
    const index = this.#index;
    const size = this.#value;
    this.#left = size;
    this.#state = size > 0 ? State.body : State.bodyCr;
    this.#holds = index < this.hold;
    if (!this.#holds) return;
    if (this.#base + i + size - this.from > this.budget) {
      this.#holds = false;
      this.#overBudget(buf, i);
      return;
    }
    if (index === args.start.length) args.grow();
    args.size[index] = size;
    args.held = index + 1;
    if (this.guarded) {
      args.buf = this.#captured ? this.#capture.buffer : buf;
      if (this.#sink.isSecret(args, index)) {
        this.#holds = false;
        args.start[index] = args.length[index] = 0;
        return;
      }
    }
    if (!this.#captured && size <= end - i) {
      args.start[index] = i;
      args.length[index] = Math.min(size, this.holdBytes);
      return;
    }
    if (!this.#captured) {
      args.held = index;
      this.#rescue(buf);
      args.held = index + 1;
    }
    args.start[index] = this.#capture.bytes;
    args.length[index] = 0;
  }

  #overBudget(buf: Buffer, i: number): void {
    this.hold = 0;
    this.#isPrefix = true;
    this.args.buf = this.#captured ? this.#capture.buffer : buf;
    this.#sink.onPrefix?.(this, this.#base + i);
  }

  #keep(buf: Buffer, from: number, bytes: number): void {
    const { args } = this;
    const index = this.#index;
    const take = Math.min(bytes, this.holdBytes - args.length[index]!);
    if (take <= 0) return;
    this.#capture.append(buf, from, from + take);
    args.length[index]! += take;
  }

  /** The read ends within a command: what is held goes into the capture. */
  #rescue(buf: Buffer): void {
    const { args } = this;
    for (let index = 0; index < args.held; index++) {
      const start = args.start[index]!;
      args.start[index] = this.#capture.bytes;
      if (args.length[index]! > 0) this.#capture.append(buf, start, start + args.length[index]!);
    }
    this.#captured = true;
  }

  /** One of the first two arguments is whole. */
  #named(buf: Buffer): void {
    if (this.#isPrefix) return;
    this.args.buf = this.#captured ? this.#capture.buffer : buf;
    if (this.#index === 1) this.#sink.onName(this);
    else if (this.wantsSubcommand) this.#sink.onSubcommand(this);
    if (this.hold > this.mostHeld) this.hold = this.mostHeld;
  }

  /** The command is whole, up to offset `to`. */
  #end(buf: Buffer, to: number): void {
    const { args } = this;
    args.buf = this.#captured ? this.#capture.buffer : buf;
    this.#state = State.idle;
    this.#sink.onCommand(this, to - this.from);
    if (this.#rewound) return;
    if (this.#captured) this.#capture.release();
    args.buf = NOTHING;
    if (this.mostHeld > MAX_HELD_ARGS) args.shrink();
  }

  /** Reads a number and its CRLF into #value. Returns the index behind it; -1: the read ended first, or it is none. */
  #number(buf: Buffer, from: number, end: number): number {
    let value = this.#value;
    let digits = this.#digits;
    let i = from;
    if (!this.#cr) {
      if (digits === 0) value = 0;
      while (i < end) {
        const c = buf[i++]! - 0x30;
        if (c >= 0 && c <= 9) {
          if (digits > 0 && value === 0) return this.#failNumber('ambiguous');
          value = value * 10 + c;
          if (++digits > 10) return this.#failNumber('oversized');
        } else if (c === CR - 0x30) {
          if (digits === 0 || (this.#negative && value === 0)) return this.#failNumber('ambiguous');
          this.#cr = true;
          break;
        } else if (c === MINUS && digits === 0 && !this.#negative) this.#negative = true;
        else return this.#failNumber('ambiguous');
      }
      this.#value = value;
      this.#digits = digits;
    }
    if (i === end) {
      if (!this.#captured) this.#rescue(buf);
      return -1;
    }
    if (buf[i] !== LF) return this.#failNumber('ambiguous');
    this.#value = this.#negative ? -value : value;
    this.#digits = 0;
    this.#negative = this.#cr = false;
    return i + 1;
  }

  /** Reads on in an inline command. `base`: offset of the buffer's index 0. */
  #readLine(buf: Buffer, start: number, end: number, base: number): number {
    const line = this.#line!;
    switch (line.read(buf, start, end)) {
      case Found.nothing:
        return end;
      case Found.word:
        this.#takeWord(line);
        this.#index++;
        if (this.#index <= 2) this.#named(buf);
        return line.at;
      case Found.end:
        this.args.argc = this.#index;
        this.#state = State.idle;
        if (this.#index > 0) this.#end(buf, base + line.at);
        else this.#sink.onEmpty?.(this, base + line.at);
        return line.at;
      case Found.unbalanced:
        return this.#fail('truncated', end);
      case Found.oversized:
        return this.#fail('oversized', end);
      default:
        return this.#fail('ambiguous', end);
    }
  }

  #takeWord(line: InlineLine): void {
    const { args } = this;
    const { word } = line;
    const index = this.#index;
    if (index < this.hold) {
      if (index === args.start.length) args.grow();
      args.buf = this.#capture.buffer;
      const secret = this.guarded && this.#sink.isSecret(args, index);
      const take = secret ? 0 : Math.min(word.bytes, this.holdBytes);
      args.size[index] = word.bytes;
      args.start[index] = this.#capture.bytes;
      args.length[index] = take;
      args.held = index + 1;
      if (take > 0) this.#capture.append(word.buffer, 0, take);
    }
    line.next();
  }

  #fail(fault: Fault, end: number): number {
    this.fault = fault;
    this.stop();
    return end;
  }

  #failNumber(fault: Fault): -1 {
    this.fault = fault;
    this.stop();
    return -1;
  }
}

const MINUS = 0x2d - 0x30;
const NOTHING = new Uint8Array(0);
