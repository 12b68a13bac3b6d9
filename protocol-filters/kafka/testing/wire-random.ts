import { readFileSync } from 'node:fs';
import { seeded } from '../../../src/net/simulated.ts';
import { type Field, fieldsOf } from '../schema/field.ts';
import { MOST_AUTH_BYTES } from '../schema/program.ts';
import { bareRole, fieldRole, listRole, type Place, Role } from '../schema/roles.ts';
import { type Copy, holds, rangeOf, type SourceField, type SourceMessage } from '../schema/testing/source.ts';

const copy = JSON.parse(readFileSync(new URL('../schema/fixtures/messages.json', import.meta.url), 'utf8')) as Copy;

/** All requests and responses as the schemas have them. */
export const SOURCE_MESSAGES: readonly SourceMessage[] = copy.messages;

/** A version that may be decoded: all but an unstable last one. */
export function versionsOf(message: SourceMessage): number[] {
  const request = SOURCE_MESSAGES.find((each) => each.apiKey === message.apiKey && each.type === 'request')!;
  const [since, until] = rangeOf(message.validVersions)!;
  const last = request.latestVersionUnstable ? until - 1 : until;
  return Array.from({ length: last - since + 1 }, (_, i) => since + i);
}

export interface RandomMessage {
  /** Behind the client id of a request, behind the correlation id of a reply. */
  readonly body: Buffer;
  /** What a sink must be told. */
  readonly calls: string[];
}

/** A message of random fields, written straight from its schema: nothing of the reader is used but the roles of fields. */
export function randomMessage(message: SourceMessage, version: number, seed: number): RandomMessage {
  const isFlexible = holds(rangeOf(message.flexibleVersions), version);
  const writer = new Writer(version, isFlexible, message.type, seeded(seed * 7919 + message.apiKey * 131 + version));
  const isTagged = isFlexible && !(message.type === 'response' && message.apiKey === 18);
  if (isTagged) writer.unknownTags();
  writer.struct(message.fields, fieldsOf(message.apiKey, message.type), { list: Role.none, path: [] });
  return { body: Buffer.concat(writer.parts), calls: writer.calls };
}

type Around = Pick<Place, 'list' | 'path'>;

class Writer {
  parts: Buffer[] = [];
  readonly calls: string[] = [];
  readonly #version: number;
  readonly #isFlexible: boolean;
  readonly #direction: 'request' | 'response';
  readonly #random: () => number;

  constructor(version: number, isFlexible: boolean, direction: 'request' | 'response', random: () => number) {
    this.#version = version;
    this.#isFlexible = isFlexible;
    this.#direction = direction;
    this.#random = random;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #bytes(size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, () => this.#below(256)));
  }

  struct(fields: readonly SourceField[], known: readonly Field[], around: Around): void {
    const present = fields.filter((field) => holds(rangeOf(field.versions), this.#version));
    const isTagged = (field: SourceField): boolean => holds(rangeOf(field.taggedVersions), this.#version);
    const place: Place = { ...around, direction: this.#direction, siblings: known };
    for (const field of present) if (!isTagged(field)) this.#field(field, known, place);
    if (!this.#isFlexible) return;
    const tagged = present.filter(isTagged).filter(() => this.#below(4) > 0);
    // Unknown ones have high numbers: tags rise.
    const unknown = this.#below(3) === 0 ? 1 + this.#below(2) : 0;
    this.parts.push(varint(tagged.length + unknown));
    for (const field of tagged.sort((a, b) => a.tag! - b.tag!)) {
      const outer = this.parts;
      this.parts = [];
      this.#field(field, known, place);
      const content = Buffer.concat(this.parts);
      this.parts = [...outer, varint(field.tag!), varint(content.length), content];
    }
    this.#unknown(unknown);
  }

  unknownTags(): void {
    const count = this.#below(2);
    this.parts.push(varint(count));
    this.#unknown(count);
  }

  #unknown(count: number): void {
    for (let i = 0; i < count; i++) {
      const content = this.#bytes(this.#below(200));
      this.parts.push(varint(1000 + i), varint(content.length), content);
    }
  }

  #field(field: SourceField, known: readonly Field[], place: Place): void {
    const own = known.find((each) => each.name.toLowerCase() === field.name.toLowerCase())!;
    const isNullable = holds(rangeOf(field.nullableVersions), this.#version);
    const isNull = isNullable && this.#below(4) === 0;
    const path = [...place.path, own.name];
    if (field.type.startsWith('[]')) {
      const role = listRole(own, place);
      const count = isNull ? -1 : this.#below(4);
      this.parts.push(this.#isFlexible ? varint(count + 1) : int32(count));
      if (role !== Role.none) this.calls.push(`list ${role} ${count}`);
      for (let i = 0; i < count; i++) {
        if (role !== Role.none) this.calls.push(`item ${role}`);
        if (field.fields) {
          this.struct(field.fields, own.fields, { list: role === Role.none ? place.list : role, path });
        } else this.#value(field.type.slice(2), false, false, bareRole(own, role));
        if (role !== Role.none) this.calls.push(`itemEnd ${role}`);
      }
      return;
    }
    if (field.fields) {
      if (isNullable) this.parts.push(Buffer.from([isNull ? 0xff : 1]));
      if (!isNull) this.struct(field.fields, own.fields, { list: place.list, path });
      return;
    }
    this.#value(field.type, isNullable, isNull, fieldRole(own, place));
  }

  #value(type: string, isNullable: boolean, isNull: boolean, role: Role): void {
    const tell = (call: string): void => {
      if (role !== Role.none) this.calls.push(call);
    };
    switch (type) {
      case 'bool':
      case 'int8': {
        const value = type === 'bool' ? this.#below(2) : this.#below(256) - 128;
        this.parts.push(Buffer.from([value & 0xff]));
        tell(`number ${role} ${value}`);
        return;
      }
      case 'int16':
      case 'uint16': {
        const bytes = this.#bytes(2);
        this.parts.push(bytes);
        // 35 would make an ApiVersions reply one of version 0.
        if (bytes.readInt16BE() === 35) bytes.writeInt16BE(36);
        tell(`number ${role} ${type === 'int16' ? bytes.readInt16BE() : bytes.readUInt16BE()}`);
        return;
      }
      case 'int32':
      case 'uint32': {
        const bytes = this.#bytes(4);
        this.parts.push(bytes);
        tell(`number ${role} ${bytes.readInt32BE()}`);
        return;
      }
      case 'int64':
      case 'float64': {
        const bytes = this.#bytes(8);
        this.parts.push(bytes);
        tell(`number ${role} ${Number(bytes.readBigInt64BE())}`);
        return;
      }
      case 'uuid': {
        const bytes = this.#bytes(16);
        this.parts.push(bytes);
        tell(`uuid ${role} ${bytes.toString('hex')}`);
        return;
      }
      case 'string': {
        const size = [0, 3, 20, 130, 300][this.#below(5)]!;
        // Of ASCII, so that it is text to everybody.
        const bytes = this.#bytes(size).map((byte) => byte & 0x7f) as Buffer;
        const head = this.#isFlexible ? varint(isNull ? 0 : size + 1) : int16(isNull ? -1 : size);
        this.parts.push(head, ...(isNull ? [] : [bytes]));
        tell(`text ${role} ${isNull ? 'null' : bytes.toString('hex')}`);
        return;
      }
      case 'bytes': {
        const size = [0, 5, 40, 1500][this.#below(4)]!;
        const bytes = this.#bytes(size);
        this.#sized(isNull, bytes);
        tell(`text ${role} ${isNull ? 'null' : bytes.subarray(0, MOST_AUTH_BYTES).toString('hex')}`);
        return;
      }
      case 'records': {
        const count = this.#below(4);
        const batches = Buffer.concat(Array.from({ length: count }, () => randomBatch((bound) => this.#below(bound))));
        if (isNullable || !isNull) this.#sized(isNull, batches);
        tell(`records ${isNull ? -1 : batches.length} ${isNull ? 0 : count}`);
        return;
      }
      default:
        throw new Error(`no such type: ${type}`);
    }
  }

  #sized(isNull: boolean, bytes: Buffer): void {
    const size = isNull ? -1 : bytes.length;
    this.parts.push(this.#isFlexible ? varint(size + 1) : int32(size), ...(isNull ? [] : [bytes]));
  }
}

/** A batch of format 2 whose header is sound; its records are noise under a codec. */
function randomBatch(below: (bound: number) => number): Buffer {
  const batch = Buffer.alloc(61 + 40 + below(400));
  for (let i = 61; i < batch.length; i++) batch[i] = below(256);
  batch.writeBigInt64BE(BigInt(below(1000)), 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch[16] = 2;
  batch.writeInt16BE(1 + below(4), 21);
  const count = 1 + below(9);
  batch.writeInt32BE(count - 1, 23);
  batch.writeInt32BE(count, 57);
  return batch;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) + 0x80);
    left = Math.floor(left / 0x80);
  }
  return Buffer.from([...bytes, left]);
}
