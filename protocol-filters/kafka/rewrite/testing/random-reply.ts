import { type Field, fieldsOf, within } from '../../schema/field.ts';
import type { Message, Value } from '../../wire/message.ts';

/** Numbers in 0…below, the same for the same seed. */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A broker's address wherever a schema has one, in values that the codec writes. */
export type Rename = (nodeId: number, host: string, port: number) => { readonly host: string; readonly port: number };

/** A reply with something in every field; brokers 1 to 4 are `b<id>.example:<9090 + id>`, and one is nobody. */
export const randomReply = (key: number, version: number, seed: number): Message =>
  new Maker(version, numbers(seed)).struct(fieldsOf(key, 'response'));

class Maker {
  readonly #version: number;
  readonly #next: (below: number) => number;

  constructor(version: number, next: (below: number) => number) {
    this.#version = version;
    this.#next = next;
  }

  struct(fields: readonly Field[]): Message {
    const message: Message = {};
    const present = fields.filter((field) => within(this.#version, field.versions));
    for (const field of present) message[field.name] = this.#value(field);
    if (isAddress(present)) this.#address(message, present);
    return message;
  }

  #address(message: Message, present: readonly Field[]): void {
    const id = this.#next(5);
    const port = present.find(({ name }) => name === 'port')!;
    for (const name of ['nodeId', 'brokerId', 'leaderId']) if (name in message) message[name] = id === 0 ? -1 : id;
    message['host'] = id === 0 ? '' : `b${id}.example`;
    message['port'] = id > 0 ? 9090 + id : port.type === 'uint16' ? 0 : -1;
  }

  #value(field: Field): Value {
    if (field.isList) {
      if (within(this.#version, field.nullable) && this.#next(4) === 0) return null;
      return Array.from({ length: this.#next(4) }, () => this.#one(field));
    }
    if (within(this.#version, field.nullable) && this.#next(3) === 0) return null;
    return this.#one(field);
  }

  #one(field: Field): Value {
    switch (field.type) {
      case 'struct':
        return this.struct(field.fields);
      case 'string':
        return 'name'.repeat(this.#next(50)).slice(this.#next(4));
      case 'bytes':
      case 'records':
        return Buffer.alloc(this.#next(200), this.#next(256));
      case 'uuid':
        return this.#next(0x7fff_ffff).toString(16).padStart(32, '0');
      case 'bool':
        return this.#next(2) === 1;
      case 'int64':
        return BigInt(this.#next(0x7fff_ffff));
      case 'float64':
        return this.#next(1000) / 8;
      case 'int8':
        return this.#next(127);
      case 'int16':
      case 'uint16':
        return this.#next(32_000);
      default:
        return this.#next(0x7fff_ffff);
    }
  }
}

const isAddress = (present: readonly Field[]): boolean =>
  present.some(({ name, type }) => name === 'host' && type === 'string') && present.some(({ name }) => name === 'port');

/** The same message with other addresses: what a reader that builds objects would make of it. */
export function renamed(message: Message, rename: Rename, nodeId = -1): Message {
  const id = (message['nodeId'] ?? message['brokerId'] ?? message['leaderId'] ?? nodeId) as number;
  const out: Message = {};
  for (const [name, value] of Object.entries(message)) {
    if (Array.isArray(value)) out[name] = value.map((each) => (isMessage(each) ? renamed(each, rename, id) : each));
    else out[name] = isMessage(value) ? renamed(value, rename, id) : value;
  }
  if (typeof message['host'] === 'string' && typeof message['port'] === 'number') {
    if (message['host'] !== '') Object.assign(out, rename(id, message['host'], message['port']));
  }
  return out;
}

const isMessage = (value: Value | undefined): value is Message =>
  typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && !Array.isArray(value);
