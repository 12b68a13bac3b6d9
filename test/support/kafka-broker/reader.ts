/** What a frame did wrong: the connection is closed for it. */
export class WireFault extends Error {}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the protocol's primitive types. Strict: whatever is not exactly as the protocol says it is a WireFault. */
export class WireReader {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
  /** Tagged fields that the schema has not are passed over. */
  readonly lenient: boolean;

  constructor(buffer: Buffer, at = 0, end = buffer.length, lenient = false) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
    this.lenient = lenient;
  }

  get left(): number {
    return this.end - this.at;
  }

  #take(bytes: number): number {
    if (bytes < 0 || bytes > this.left) throw new WireFault(`${bytes} bytes wanted, ${this.left} left`);
    const at = this.at;
    this.at += bytes;
    return at;
  }

  int8(): number {
    return this.buffer.readInt8(this.#take(1));
  }

  int16(): number {
    return this.buffer.readInt16BE(this.#take(2));
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.#take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.#take(4));
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.#take(8));
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.#take(8));
  }

  bool(): boolean {
    const value = this.int8();
    if (value !== 0 && value !== 1) throw new WireFault(`a boolean that is ${value}`);
    return value === 1;
  }

  /** 32 hexadecimal digits. */
  uuid(): string {
    const at = this.#take(16);
    return this.buffer.toString('hex', at, at + 16);
  }

  /** At most 5 bytes, and not more of them than it takes. */
  uvarint(): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.buffer[this.#take(1)]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) throw new WireFault('a varint with bytes it does not need');
      if (value > 0xffffffff) break;
      return value;
    }
    throw new WireFault('a varint of more than 32 bits');
  }

  /** Zigzag, up to 64 bits: as in records. */
  varlong(): bigint {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      const byte = this.buffer[this.#take(1)]!;
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw new WireFault('a varlong of more than 10 bytes');
  }

  varint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A length or count that stands before what it counts; null: it says there is nothing. */
  length(flexible: boolean, bits: 16 | 32): number | null {
    const value = flexible ? this.uvarint() - 1 : bits === 16 ? this.int16() : this.int32();
    if (value === -1) return null;
    if (value < 0 || value > this.left) throw new WireFault(`a length of ${value} with ${this.left} bytes left`);
    return value;
  }

  string(flexible: boolean): string | null {
    const bytes = this.length(flexible, 16);
    if (bytes === null) return null;
    const at = this.#take(bytes);
    const raw = this.buffer.subarray(at, at + bytes);
    try {
      return UTF8.decode(raw);
    } catch {
      throw new WireFault('a string that is not UTF-8');
    }
  }

  /** Part of the frame, not a copy. */
  bytes(flexible: boolean): Buffer | null {
    const bytes = this.length(flexible, 32);
    return bytes === null ? null : this.raw(bytes);
  }

  raw(bytes: number): Buffer {
    const at = this.#take(bytes);
    return this.buffer.subarray(at, at + bytes);
  }

  /** Tagged fields: in ascending order, each exactly as long as it says. `known` reads one, or says that it knows it not. */
  tags(known: (tag: number, reader: WireReader) => boolean): void {
    let last = -1;
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint();
      if (tag <= last) throw new WireFault(`tagged field ${tag} after ${last}`);
      last = tag;
      const bytes = this.uvarint();
      const at = this.#take(bytes);
      const inner = new WireReader(this.buffer, at, at + bytes, this.lenient);
      if (known(tag, inner) && inner.left > 0)
        throw new WireFault(`tagged field ${tag} has ${inner.left} bytes too many`);
    }
  }

  done(what: string): void {
    if (this.left > 0) throw new WireFault(`${this.left} bytes behind the end of ${what}`);
  }
}
