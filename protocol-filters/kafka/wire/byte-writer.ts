/** Writes Kafka's types into a buffer that grows. Cold: replies of our own, and tests. */
export class ByteWriter {
  #buf = Buffer.alloc(256);
  #at = 0;

  /** What was written. */
  done(): Buffer {
    return this.#buf.subarray(0, this.#at);
  }

  int8(value: number): void {
    this.#room(1);
    this.#buf[this.#at++] = value & 0xff;
  }

  /** Signed or unsigned. */
  int16(value: number): void {
    this.#room(2);
    this.#at = this.#buf.writeUInt16BE(value & 0xffff, this.#at);
  }

  int32(value: number): void {
    this.#room(4);
    this.#at = this.#buf.writeInt32BE(value | 0, this.#at);
  }

  int64(value: bigint): void {
    this.#room(8);
    this.#at = this.#buf.writeBigInt64BE(value, this.#at);
  }

  float64(value: number): void {
    this.#room(8);
    this.#at = this.#buf.writeDoubleBE(value, this.#at);
  }

  varint(value: number): void {
    this.#room(5);
    let left = value;
    while (left >= 0x80) {
      this.#buf[this.#at++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#buf[this.#at++] = left;
  }

  /** A length or a count in 2 or 4 bytes, or a compact one: plus one, as a varint. -1: null. */
  length(value: number, isCompact: boolean, bytes: 2 | 4): void {
    if (isCompact) this.varint(value + 1);
    else if (bytes === 2) this.int16(value);
    else this.int32(value);
  }

  text(value: string | null, isCompact: boolean): void {
    const bytes = value === null ? null : Buffer.from(value);
    this.length(bytes === null ? -1 : bytes.length, isCompact, 2);
    if (bytes !== null) this.bytes(bytes);
  }

  bytes(value: Buffer): void {
    this.#room(value.length);
    this.#at += value.copy(this.#buf, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buf.length) return;
    const grown = Buffer.alloc(Math.max(this.#buf.length * 2, this.#at + bytes));
    this.#buf.copy(grown, 0, 0, this.#at);
    this.#buf = grown;
  }
}
