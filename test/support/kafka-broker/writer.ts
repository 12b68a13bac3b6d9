/** From this size on bytes are passed on as they are instead of being copied together. */
const PART_BYTES = 4096;

/** Writes the protocol's primitive types; what it made comes out as a list of buffers. */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(256);
  #at = 0;
  /** Where in #buffer the part that is not yet in #parts begins. */
  #from = 0;
  readonly #parts: Buffer[] = [];
  #partBytes = 0;

  get length(): number {
    return this.#partBytes + this.#at - this.#from;
  }

  #room(bytes: number): number {
    if (this.#at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * (this.#at - this.#from), 256, bytes + this.#at - this.#from));
      this.#buffer.copy(grown, 0, this.#from, this.#at);
      this.#buffer = grown;
      this.#at -= this.#from;
      this.#from = 0;
    }
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  int8(value: number): void {
    const at = this.#room(1);
    this.#buffer.writeInt8(value, at);
  }

  int16(value: number): void {
    const at = this.#room(2);
    this.#buffer.writeInt16BE(value, at);
  }

  uint16(value: number): void {
    const at = this.#room(2);
    this.#buffer.writeUInt16BE(value, at);
  }

  int32(value: number): void {
    const at = this.#room(4);
    this.#buffer.writeInt32BE(value, at);
  }

  int64(value: bigint): void {
    const at = this.#room(8);
    this.#buffer.writeBigInt64BE(value, at);
  }

  float64(value: number): void {
    const at = this.#room(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  uuid(hex: string): void {
    this.raw(Buffer.from(hex, 'hex'));
  }

  uvarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(rest);
  }

  #byte(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }

  varlong(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.#byte(Number(rest & 0x7fn) + 0x80);
      rest >>= 7n;
    }
    this.#byte(Number(rest));
  }

  varint(value: number): void {
    this.uvarint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /** null: there is nothing. */
  size(value: number | null, flexible: boolean, bits: 16 | 32): void {
    const written = value ?? -1;
    if (flexible) this.uvarint(written + 1);
    else if (bits === 16) this.int16(written);
    else this.int32(written);
  }

  string(value: string | null, flexible: boolean): void {
    if (value === null) {
      this.size(null, flexible, 16);
      return;
    }
    const bytes = Buffer.byteLength(value);
    this.size(bytes, flexible, 16);
    const at = this.#room(bytes);
    this.#buffer.write(value, at, bytes, 'utf8');
  }

  bytes(value: Buffer | readonly Buffer[] | null, flexible: boolean): void {
    const parts = value === null ? [] : Buffer.isBuffer(value) ? [value] : value;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.size(value === null ? null : bytes, flexible, 32);
    for (const part of parts) this.raw(part);
  }

  /** Kept as it is where it is large: it must not be written to afterwards. */
  raw(value: Buffer): void {
    if (value.length < PART_BYTES) {
      const at = this.#room(value.length);
      value.copy(this.#buffer, at);
      return;
    }
    this.#cut();
    this.#parts.push(value);
    this.#partBytes += value.length;
  }

  #cut(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.#buffer.subarray(this.#from, this.#at));
    this.#partBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  parts(): readonly Buffer[] {
    this.#cut();
    return this.#parts;
  }

  /** For a part whose length must be known before it is written. */
  fresh(): WireWriter {
    return new WireWriter();
  }

  toBuffer(): Buffer {
    const parts = this.parts();
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}
