import { FIXED_BYTES, type Field, within } from '../schema/field.ts';
import { type Message, UNKNOWN_TAGS, type Value } from './message.ts';

/** Reads a whole message into plain values. Cold. It cannot throw: what does not fit sets `isBroken`, and reads as nothing. */
export class ValueReader {
  isBroken = false;
  readonly #buf: Buffer;
  #at: number;
  #end: number;

  constructor(buf: Buffer, start: number, end: number) {
    this.#buf = buf;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  struct(fields: readonly Field[], version: number, flexible: boolean): Message {
    const message: Message = {};
    const present = fields.filter((field) => within(version, field.versions));
    const isTagged = (field: Field): boolean => within(version, field.tagged);
    for (const field of present) {
      if (!isTagged(field)) message[field.name] = this.#field(field, version, flexible);
      if (this.isBroken) return message;
    }
    if (flexible) this.#tags(present.filter(isTagged), version, message);
    return message;
  }

  #tags(fields: readonly Field[], version: number, message: Message): void {
    const count = this.#varint();
    const unknown: Message[] = [];
    for (let i = 0; i < count && !this.isBroken; i++) {
      const tag = this.#varint();
      const size = this.#varint();
      if (size > this.left) this.isBroken = true;
      if (this.isBroken) return;
      const field = fields.find((each) => each.tag === tag);
      const end = this.#at + size;
      if (field) {
        const outer = this.#end;
        this.#end = end;
        message[field.name] = this.#field(field, version, true);
        if (this.left !== 0) this.isBroken = true;
        this.#end = outer;
      } else {
        unknown.push({ tag, data: this.#buf.subarray(this.#at, end) });
        this.#at = end;
      }
    }
    if (unknown.length > 0) message[UNKNOWN_TAGS] = unknown;
  }

  #field(field: Field, version: number, flexible: boolean): Value {
    const isNullable = within(version, field.nullable);
    if (field.isList) {
      const count = this.#length(flexible, 4, isNullable);
      if (count < 0) return null;
      const list: Value[] = [];
      // Each element takes a byte at least, so a count that lies ends soon.
      for (let i = 0; i < count && !this.isBroken; i++) {
        if (this.left === 0) this.isBroken = true;
        else
          list.push(
            field.type === 'struct'
              ? this.struct(field.fields, version, flexible)
              : this.#value(field, flexible, false),
          );
      }
      return list;
    }
    if (field.type === 'struct') {
      if (isNullable && this.#take(1) && this.#buf[this.#at - 1]! >= 0x80) return null;
      return this.isBroken ? null : this.struct(field.fields, version, flexible);
    }
    return this.#value(field, flexible, isNullable);
  }

  #value(field: Field, flexible: boolean, isNullable: boolean): Value {
    const bytes = FIXED_BYTES[field.type];
    if (bytes === 0) {
      const length = this.#length(flexible, field.type === 'string' ? 2 : 4, isNullable);
      if (length < 0 || !this.#take(length)) return null;
      const range = this.#buf.subarray(this.#at - length, this.#at);
      return field.type === 'string' ? range.toString('utf8') : range;
    }
    if (!this.#take(bytes)) return null;
    const at = this.#at - bytes;
    switch (field.type) {
      case 'bool':
        return this.#buf[at] !== 0;
      case 'uint16':
        return this.#buf.readUInt16BE(at);
      case 'uint32':
        return this.#buf.readUInt32BE(at);
      case 'int64':
        return this.#buf.readBigInt64BE(at);
      case 'float64':
        return this.#buf.readDoubleBE(at);
      case 'uuid':
        return this.#buf.toString('hex', at, at + bytes);
      default:
        return this.#buf.readIntBE(at, bytes);
    }
  }

  /** -1: null, or broken. */
  #length(flexible: boolean, bytes: 2 | 4, isNullable: boolean): number {
    let length = -1;
    if (flexible) length = this.#varint() - 1;
    else if (this.#take(bytes)) length = this.#buf.readIntBE(this.#at - bytes, bytes);
    // Brokers take every negative length for a null.
    if (length < 0 && !isNullable) this.isBroken = true;
    return this.isBroken || length < 0 ? -1 : length;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35 && this.#take(1); shift += 7) {
      const byte = this.#buf[this.#at - 1]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    this.isBroken = true;
    return 0;
  }

  /** Goes on by so many bytes. False: there are not as many. */
  #take(bytes: number): boolean {
    if (this.isBroken || bytes > this.left) {
      this.isBroken = true;
      return false;
    }
    this.#at += bytes;
    return true;
  }
}
