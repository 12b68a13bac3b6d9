import { zeroAt } from '../../src/bytes/cursor.ts';
import type { Fault } from '../../src/exchange/fault.ts';

/**
 * Reads the fields of one packet: little-endian integers, length-encoded integers and strings. It cannot throw: a read
 * past `end` yields 0, moves to the end and sets `fault`, asked once when all fields are read; the first fault stays. One
 * object is reused for many packets, and it never reads outside [start, end), whatever the buffer holds behind.
 *
 * A length-encoded integer is one byte below 0xfb, or 0xfc, 0xfd, 0xfe and 2, 3, 8 bytes. 0xfb (NULL) and 0xff are
 * legal only where the caller says so. Values above 2^53 - 1 are a fault: no length or count of this protocol needs them.
 */
export class PacketCursor {
  #buf: Buffer = EMPTY;
  /** Position of the next byte to read. */
  at = 0;
  end = 0;
  fault: Fault | null = null;
  /** Range of the last string read. Empty after a fault. */
  from = 0;
  to = 0;

  /** Begins a packet. The buffer is lent: it must not change while fields are read. */
  over(buf: Buffer, start: number, end: number): this {
    this.#buf = buf;
    this.at = this.from = this.to = start;
    this.end = end;
    this.fault = null;
    return this;
  }

  /** Lets go of the buffer, so that a cursor at rest keeps none alive. */
  release(): void {
    this.#buf = EMPTY;
    this.at = this.end = this.from = this.to = 0;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    if (this.at >= this.end) return this.fail('truncated');
    return this.#buf[this.at++]!;
  }

  u16(): number {
    if (this.at + 2 > this.end) return this.fail('truncated');
    const value = this.#buf[this.at]! | (this.#buf[this.at + 1]! << 8);
    this.at += 2;
    return value;
  }

  u24(): number {
    if (this.at + 3 > this.end) return this.fail('truncated');
    const value = u24At(this.#buf, this.at);
    this.at += 3;
    return value;
  }

  /** Unsigned: for capability flags use `| 0` or bit tests, which do not care. */
  u32(): number {
    if (this.at + 4 > this.end) return this.fail('truncated');
    const value = u32leAt(this.#buf, this.at);
    this.at += 4;
    return value;
  }

  u64(): number {
    if (this.at + 8 > this.end) return this.fail('truncated');
    const high = u32leAt(this.#buf, this.at + 4);
    if (high >= 0x20_0000) return this.fail('oversized');
    const value = high * 0x1_0000_0000 + u32leAt(this.#buf, this.at);
    this.at += 8;
    return value;
  }

  /** A length-encoded integer where NULL is not legal. */
  lenenc(): number {
    const first = this.u8();
    if (first < LENENC_NULL) return first;
    switch (first) {
      case LENENC_2:
        return this.u16();
      case LENENC_3:
        return this.u24();
      case LENENC_8:
        return this.u64();
      default:
        return this.fail('unknown_type');
    }
  }

  /** Steps over a length-encoded integer of any size. */
  skipLenenc(): void {
    const first = this.u8();
    if (first < LENENC_NULL) return;
    if (first === LENENC_2) this.skip(2);
    else if (first === LENENC_3) this.skip(3);
    else if (first === LENENC_8) this.skip(8);
    else this.fail('unknown_type');
  }

  /** A length-encoded integer, or -1 for NULL. */
  lenencOrNull(): number {
    if (this.at < this.end && this.#buf[this.at] === LENENC_NULL) {
      this.at++;
      return -1;
    }
    return this.lenenc();
  }

  skip(bytes: number): void {
    if (bytes < 0 || bytes > this.end - this.at) this.fail('truncated');
    else this.at += bytes;
  }

  /** The next `bytes` bytes: their range stands in `from` and `to`. */
  bytes(bytes: number): boolean {
    this.from = this.to = this.at;
    this.skip(bytes);
    if (this.fault !== null) return false;
    this.to = this.at;
    return true;
  }

  /** A length-encoded string: its range stands in `from` and `to`. False, and `fault`, if it does not fit. */
  lenencString(): boolean {
    return this.bytes(this.lenenc());
  }

  /** A NUL-terminated string: its range, without the NUL, stands in `from` and `to`. */
  cstring(): boolean {
    this.from = this.to = this.at;
    const nul = zeroAt(this.#buf, this.at, this.end);
    if (nul < 0) {
      this.fail('truncated');
      return false;
    }
    this.to = nul;
    this.at = nul + 1;
    return true;
  }

  /** Like cstring(), but the packet's end ends it too, as it does for old clients and the last field of a packet. */
  cstringOrRest(): void {
    const nul = zeroAt(this.#buf, this.at, this.end);
    this.from = this.at;
    this.to = nul < 0 ? this.end : nul;
    this.at = nul < 0 ? this.end : nul + 1;
  }

  /** The last string as text. Only for names the caller has bounded; `maxBytes` bounds it again. */
  text(maxBytes: number, encoding: 'utf8' | 'latin1' = 'utf8'): string {
    return this.#buf.toString(encoding, this.from, Math.min(this.to, this.from + maxBytes));
  }

  /** Begins `other` on the range of the last string. */
  lend(other: PacketCursor): void {
    other.over(this.#buf, this.from, this.to);
  }

  /** Ends reading. The first fault is the one that stays. Returns 0, what the failed read yields. */
  fail(fault: Fault): 0 {
    this.fault ??= fault;
    this.at = this.end;
    return 0;
  }
}

const EMPTY = Buffer.alloc(0);
const LENENC_NULL = 0xfb;
const LENENC_2 = 0xfc;
const LENENC_3 = 0xfd;
const LENENC_8 = 0xfe;

/** Little-endian, unsigned. The caller has checked that three bytes are there. */
export const u24At = (buf: Uint8Array, at: number): number => buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16);

/** Little-endian, unsigned. The caller has checked that four bytes are there. */
export const u32leAt = (buf: Uint8Array, at: number): number =>
  (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
