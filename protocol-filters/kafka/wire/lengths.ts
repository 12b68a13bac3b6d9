import { i32At } from '../../../src/bytes/cursor.ts';
import { Form } from '../schema/program.ts';

const MOST_VARINT_BYTES = 5;
const CANNOT_BE = -1;

/** Reads lengths and counts, which may be cut, or lie. */
export class Lengths {
  /** What was read; of a length -1 is a null. */
  value = 0;
  /** Bytes that one takes which was cut, as far as can be said. */
  need = 0;

  /**
   * A length or a count at buf[at..), of `bytes` bytes or compact; the chunk ends at `end`, what it belongs to at `limit`.
   * Returns the bytes it takes; 0: it is cut; negative: it cannot be.
   */
  read(buf: Buffer, at: number, end: number, limit: number, form: number, bytes: 2 | 4): number {
    if ((form & Form.compact) !== 0) {
      const taken = this.varint(buf, at, end, limit);
      this.value--;
      return taken;
    }
    if (bytes > limit - at) return CANNOT_BE;
    if (bytes > end - at) {
      this.need = bytes;
      return 0;
    }
    const value = bytes === 4 ? i32At(buf, at) : (((buf[at]! << 8) | buf[at + 1]!) << 16) >> 16;
    // Brokers take every negative length for a null.
    this.value = value < 0 ? -1 : value;
    return bytes;
  }

  /** An unsigned varint of 32 bits, as read(). One that is longer than it must be cannot be. */
  varint(buf: Buffer, at: number, end: number, limit: number): number {
    const stop = Math.min(end, limit);
    // Most have one byte.
    if (at < stop && buf[at]! < 0x80) {
      this.value = buf[at]!;
      return 1;
    }
    let value = 0;
    for (let i = 0; i < MOST_VARINT_BYTES; i++) {
      if (at + i >= stop) {
        if (at + i >= limit) return CANNOT_BE;
        this.need = i + 1;
        return 0;
      }
      const byte = buf[at + i]!;
      if (byte < 0x80) {
        if ((i === 4 && byte > 0x0f) || (i > 0 && byte === 0)) return CANNOT_BE;
        this.value = value + byte * 2 ** (7 * i);
        return i + 1;
      }
      value += (byte & 0x7f) * 2 ** (7 * i);
    }
    return CANNOT_BE;
  }
}
