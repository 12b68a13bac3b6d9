import { Capture } from '../../../src/bytes/capture.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import { i32At } from '../bson/bson-values.ts';
import { Op } from '../message.ts';
import { COMPRESSED_HEADER_BYTES, foreignFault, HEADER_BYTES, layoutOf, MAX_MESSAGE_BYTES } from '../wire/wire.ts';

/** Before the server has said anything, a client has no reason to say more than a hello (threats R13). */
const MAX_FIRST_BYTES = 1 << 20;

export interface WholeSink {
  /** May the message at this offset be read now? Not: it is offered again when the side is resumed. */
  mayRead(): boolean;
  /** One whole message at buf[start..end), lent. False: it is held, and comes again. */
  onWhole(buf: Buffer, start: number, end: number, from: number, firstByteAt: number): boolean;
}

/**
 * Whole messages of one direction: in place where one lies in one chunk, else gathered as their bytes come. Policies judge
 * nothing less (threats R1). Headers are checked before anything is gathered.
 */
export class WholeMessages {
  fault: Fault | null = null;
  readonly #sink: WholeSink;
  readonly #enforces: boolean;
  readonly #gathered = new Capture();
  #from = 0;
  #firstByteAt = 0;
  #size = 0;
  #known = false;
  #isHalted = false;

  constructor(sink: WholeSink, enforces: boolean) {
    this.#sink = sink;
    this.#enforces = enforces;
  }

  get inside(): boolean {
    return this.#gathered.bytes > 0;
  }

  /** Where the message under way began. */
  get from(): number {
    return this.#from;
  }

  /**
   * Reads buf[start..end) at offset `at`. `isFirst`: the server has said nothing yet. Returns the offset read up to: below
   * the end where a message is held.
   */
  push(buf: Buffer, start: number, end: number, at: number, now: number, isFirst: boolean): number {
    const gathered = this.#gathered;
    let i = start;
    while (i < end && this.fault === null && !this.#isHalted) {
      const offset = at + (i - start);
      if (gathered.bytes === 0) {
        this.#from = offset;
        this.#firstByteAt = now;
        if (end - i >= HEADER_BYTES) {
          if (!this.#onHeader(buf, i, isFirst)) break;
          if (end - i >= this.#size) {
            if (!this.#sink.mayRead()) return offset;
            if (!this.#sink.onWhole(buf, i, i + this.#size, offset, now)) return offset;
            i += this.#size;
            continue;
          }
        } else this.#size = HEADER_BYTES;
      }
      const take = Math.min(this.#size - gathered.bytes, end - i);
      gathered.append(buf, i, i + take);
      i += take;
      if (gathered.bytes < this.#size) continue;
      if (this.#size === HEADER_BYTES) {
        if (!this.#onHeader(gathered.buffer, 0, isFirst)) break;
        if (this.#size > HEADER_BYTES) continue;
      }
      const { from } = this;
      if (!this.#sink.mayRead()) {
        gathered.release();
        return from;
      }
      const isRead = this.#sink.onWhole(gathered.buffer, 0, this.#size, from, this.#firstByteAt);
      gathered.release();
      if (!isRead) return from;
    }
    return at + (end - start);
  }

  /** The connection is over: nothing more is read. */
  halt(): void {
    this.#isHalted = true;
  }

  stop(): void {
    this.#gathered.release();
    this.#isHalted = true;
  }

  /** The header of a message: its size, or a fault. */
  #onHeader(buf: Buffer, at: number, isFirst: boolean): boolean {
    const bytes = i32At(buf, at);
    const opcode = i32At(buf, at + 12);
    const layout = layoutOf(opcode);
    const isKnown = layout !== undefined || opcode === Op.compressed;
    const floor = HEADER_BYTES + (layout?.floor ?? COMPRESSED_HEADER_BYTES);
    if (!isKnown) this.fault = this.#known ? 'unknown_type' : foreignFault(buf[at]!, buf[at + 1]!);
    else if (bytes < floor) this.fault = 'undersized';
    else if (bytes > MAX_MESSAGE_BYTES || (this.#enforces && isFirst && bytes > MAX_FIRST_BYTES))
      this.fault = 'oversized';
    else if (layout?.speaker === 'server') this.fault = 'out_of_order';
    // What is left of the opcodes before OP_MSG is a hello; servers took the others out with 5.1 (threats MG-06).
    else if (this.#enforces && opcode !== Op.msg && opcode !== Op.query && opcode !== Op.compressed)
      this.fault = 'unknown_type';
    this.#known = true;
    this.#size = bytes;
    return this.fault === null;
  }
}
