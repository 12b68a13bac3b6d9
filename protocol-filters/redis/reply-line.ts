import type { Fault } from '../../src/exchange/fault.ts';
import { KEPT_BYTES } from './reply-numbers.ts';
import { CR, LF, MAX_BULK_BYTES } from './wire.ts';

/** The line behind the type byte of a reply: in place where it lies in one read, else its first bytes. */
export class ReplyLine {
  /** The line's text: buf[start..end), of one that is cut its first KEPT_BYTES. Valid until the next read. */
  buf: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** What is wrong with it, or null. */
  fault: Fault | null = null;
  /** Made when the first line is cut. */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  #bytes = 0;
  #cr = false;

  begin(): void {
    this.#keptBytes = this.#bytes = 0;
    this.#cr = false;
  }

  /** Reads buf[from..to). Returns the index behind the line, or -1: it goes on, or is wrong. */
  read(buf: Buffer, from: number, to: number): number {
    if (this.#bytes === 0 && !this.#cr) {
      let i = from;
      let c = 0;
      while (i < to) {
        c = buf[i]!;
        if (c === CR || c === LF) break;
        i++;
      }
      if (i + 1 < to && c === CR && buf[i + 1] === LF) {
        this.buf = buf;
        this.start = from;
        this.end = i;
        return i + 2;
      }
    }
    return this.#readSlowly(buf, from, to);
  }

  /** A line that is cut, or wrong. */
  #readSlowly(buf: Buffer, from: number, to: number): number {
    if (this.#kept === NOTHING) this.#kept = new Uint8Array(KEPT_BYTES);
    for (let i = from; i < to; i++) {
      const c = buf[i]!;
      if (this.#cr) {
        if (c !== LF) return this.#fail('ambiguous');
        this.buf = this.#kept;
        this.start = 0;
        this.end = this.#keptBytes;
        return i + 1;
      }
      if (c === CR) this.#cr = true;
      else if (c === LF) return this.#fail('ambiguous');
      else if (++this.#bytes > MAX_BULK_BYTES) return this.#fail('oversized');
      else if (this.#keptBytes < KEPT_BYTES) this.#kept[this.#keptBytes++] = c;
    }
    return -1;
  }

  #fail(fault: Fault): -1 {
    this.fault = fault;
    return -1;
  }
}

const NOTHING = new Uint8Array(0);
