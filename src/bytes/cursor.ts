/**
 * Reads fields of one frame. It cannot throw: reading past `end` yields 0 and sets `short`, asked once when all fields
 * are read. One object is reused for all frames; it never reads outside [start, end), whatever the buffer holds behind.
 */
export class Cursor {
  #buf: Buffer = EMPTY;
  /** Position of the next byte to read. */
  at = 0;
  #end = 0;
  /** A field ran past the frame. */
  short = false;
  /** Range of the last cstring(), without its NUL. */
  from = 0;
  to = 0;

  /** Begins a frame. The buffer is lent: it must not change while fields are read. */
  over(buf: Buffer, start: number, end: number): this {
    this.#buf = buf;
    this.at = start;
    this.#end = end;
    this.short = false;
    return this;
  }

  get left(): number {
    return this.#end - this.at;
  }

  u8(): number {
    if (this.at >= this.#end) return this.#fail();
    return this.#buf[this.at++]!;
  }

  i16(): number {
    if (this.at + 2 > this.#end) return this.#fail();
    const value = ((this.#buf[this.at]! << 24) | (this.#buf[this.at + 1]! << 16)) >> 16;
    this.at += 2;
    return value;
  }

  i32(): number {
    if (this.at + 4 > this.#end) return this.#fail();
    const value = i32At(this.#buf, this.at);
    this.at += 4;
    return value;
  }

  skip(bytes: number): void {
    if (bytes < 0 || this.at + bytes > this.#end) this.#fail();
    else this.at += bytes;
  }

  /** A NUL-terminated string: its range stands in `from` and `to`. False, and `short`, if there is no NUL in the frame. */
  cstring(): boolean {
    const nul = zeroAt(this.#buf, this.at, this.#end);
    if (nul < 0) {
      this.from = this.to = this.at;
      this.#fail();
      return false;
    }
    this.from = this.at;
    this.to = nul;
    this.at = nul + 1;
    return true;
  }

  #fail(): 0 {
    this.short = true;
    this.at = this.#end;
    return 0;
  }
}

const EMPTY = Buffer.alloc(0);
/** Below this a loop is faster than the native call (measured: a native call costs as much as about 48 loop turns). */
const LOOP_BYTES = 48;

/** Position of the first zero byte in [start, end), or -1. */
export function zeroAt(buf: Buffer, start: number, end: number): number {
  const near = Math.min(end, start + LOOP_BYTES);
  for (let at = start; at < near; at++) if (buf[at] === 0) return at;
  if (near === end) return -1;
  const found = buf.indexOf(0, near);
  return found >= 0 && found < end ? found : -1;
}

/** Big-endian, signed. The caller has checked that four bytes are there. */
export const i32At = (buf: Uint8Array, at: number): number =>
  (buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!;

/** Big-endian, unsigned. The caller has checked that four bytes are there. */
export const u32At = (buf: Uint8Array, at: number): number => i32At(buf, at) >>> 0;
