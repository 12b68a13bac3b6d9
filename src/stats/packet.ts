/**
 * Bytes of a stats batch, little endian. Both ends are our own processes, yet the reader is total: what does not read
 * sets `bad` and yields zeros, and nothing is allocated by a declared length that the bytes do not bear out.
 */
export class PacketWriter {
  #buf = Buffer.allocUnsafe(4096);
  #at = 0;

  /** Bytes written since the last take(). */
  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#room(1);
    this.#buf[this.#at++] = value;
  }

  f64(value: number): void {
    this.#room(8);
    this.#at = this.#buf.writeDoubleLE(value, this.#at);
  }

  /** Seven bits a byte, low ones first; 0 … 2^53 − 1. */
  varint(value: number): void {
    this.#room(8);
    let left = value;
    while (left > 127) {
      this.#buf[this.#at++] = (left % 128) + 128;
      left = Math.floor(left / 128);
    }
    this.#buf[this.#at++] = left;
  }

  text(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.varint(bytes.length);
    this.#room(bytes.length);
    this.#at += bytes.copy(this.#buf, this.#at);
  }

  /** A copy of what was written; the writer starts afresh. */
  take(): Buffer {
    const bytes = Buffer.from(this.#buf.subarray(0, this.#at));
    this.#at = 0;
    return bytes;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buf.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buf.length * 2, this.#at + bytes));
    this.#buf.copy(grown, 0, 0, this.#at);
    this.#buf = grown;
  }
}

export class PacketReader {
  bad = false;
  readonly #buf: Buffer;
  #at = 0;

  constructor(buf: Buffer) {
    this.#buf = buf;
  }

  get left(): number {
    return this.#buf.length - this.#at;
  }

  u8(): number {
    return this.#has(1) ? this.#buf[this.#at++]! : 0;
  }

  f64(): number {
    if (!this.#has(8)) return 0;
    this.#at += 8;
    return this.#buf.readDoubleLE(this.#at - 8);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) this.bad = true;
        return this.bad ? 0 : value;
      }
      scale *= 128;
    }
    this.bad = true;
    return 0;
  }

  /** A count of things that take at least `bytesEach`: never more than the bytes that are left can hold. */
  count(bytesEach: number): number {
    const n = this.varint();
    if (n * bytesEach <= this.left) return n;
    this.bad = true;
    return 0;
  }

  text(): string {
    const bytes = this.count(1);
    this.#at += bytes;
    return this.#buf.toString('utf8', this.#at - bytes, this.#at);
  }

  #has(bytes: number): boolean {
    if (this.bad || this.#at + bytes > this.#buf.length) {
      this.bad = true;
      return false;
    }
    return true;
  }
}
