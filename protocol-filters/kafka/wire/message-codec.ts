import { hasNoClientId, hasReplyTags, isFlexible } from '../schema/api.ts';
import { type Direction, type Field, fieldsOf, within } from '../schema/field.ts';
import { ByteWriter } from './byte-writer.ts';
import { type Message, UNKNOWN_TAGS, type Value } from './message.ts';
import { ValueReader } from './value-reader.ts';

/**
 * The message behind the client id of a request, or behind the correlation id of a reply. What `value` leaves out has its
 * default. Throws on what the version cannot say: it is never asked to write what came from the wire.
 */
export function encodeMessage(key: number, version: number, direction: Direction, value: Message): Buffer {
  const writer = new ByteWriter();
  if (hasHeaderTags(key, version, direction)) writer.varint(0);
  writeStruct(writer, fieldsOf(key, direction), version, isFlexible(key, version), value);
  return writer.done();
}

/** A whole frame. */
export function encodeRequest(
  key: number,
  version: number,
  correlationId: number,
  clientId: string | null,
  value: Message,
): Buffer {
  const writer = new ByteWriter();
  writer.int16(key);
  writer.int16(version);
  writer.int32(correlationId);
  if (!hasNoClientId(key, version)) writer.text(clientId, false);
  writer.bytes(encodeMessage(key, version, 'request', value));
  return framed(writer.done());
}

/** A whole frame. */
export function encodeReply(key: number, version: number, correlationId: number, value: Message): Buffer {
  const writer = new ByteWriter();
  writer.int32(correlationId);
  writer.bytes(encodeMessage(key, version, 'response', value));
  return framed(writer.done());
}

/**
 * The message in buf[start..end), which begins as that of encodeMessage(). Null: it does not read so, or does not end
 * there. Its Buffers share memory with `buf`.
 */
export function decodeMessage(
  key: number,
  version: number,
  direction: Direction,
  buf: Buffer,
  start = 0,
  end = buf.length,
): Message | null {
  const reader = new ValueReader(buf, start, end);
  if (hasHeaderTags(key, version, direction)) reader.struct([], version, true);
  const message = reader.struct(fieldsOf(key, direction), version, isFlexible(key, version));
  return reader.isBroken || reader.left > 0 ? null : message;
}

const hasHeaderTags = (key: number, version: number, direction: Direction): boolean =>
  direction === 'request' ? isFlexible(key, version) : hasReplyTags(key, version);

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function writeStruct(
  writer: ByteWriter,
  fields: readonly Field[],
  version: number,
  flexible: boolean,
  value: Message,
): void {
  const present = fields.filter((field) => within(version, field.versions));
  const isTagged = (field: Field): boolean => within(version, field.tagged);
  for (const field of present) if (!isTagged(field)) writeField(writer, field, version, flexible, value[field.name]);
  if (!flexible) return;
  const tags: { tag: number; data: Buffer }[] = [];
  for (const field of present.filter(isTagged)) {
    const own = value[field.name];
    if (own === undefined || isDefault(field, own)) continue;
    const content = new ByteWriter();
    writeField(content, field, version, true, own);
    tags.push({ tag: field.tag, data: content.done() });
  }
  tags.push(...((value[UNKNOWN_TAGS] ?? []) as unknown as { tag: number; data: Buffer }[]));
  tags.sort((a, b) => a.tag - b.tag);
  writer.varint(tags.length);
  for (const { tag, data } of tags) {
    writer.varint(tag);
    writer.varint(data.length);
    writer.bytes(data);
  }
}

function writeField(
  writer: ByteWriter,
  field: Field,
  version: number,
  flexible: boolean,
  given: Value | undefined,
): void {
  const isNullable = within(version, field.nullable);
  let value = given === undefined ? defaultOf(field) : given;
  // Topic ids and the like: a default of null where null cannot be said is empty.
  if (value === null && !isNullable) {
    if (given === null) throw new Error(`${field.name} cannot be null in version ${version}`);
    value = emptyOf(field);
  }
  if (field.isList) {
    const list = value as Value[] | null;
    writer.length(list === null ? -1 : list.length, flexible, 4);
    for (const each of list ?? []) {
      if (field.type === 'struct') writeStruct(writer, field.fields, version, flexible, each as Message);
      else writeValue(writer, field, flexible, each);
    }
    return;
  }
  if (field.type === 'struct') {
    if (isNullable) writer.int8(value === null ? -1 : 1);
    if (value !== null) writeStruct(writer, field.fields, version, flexible, value as Message);
    return;
  }
  writeValue(writer, field, flexible, value);
}

function writeValue(writer: ByteWriter, field: Field, flexible: boolean, value: Value): void {
  switch (field.type) {
    case 'bool':
      writer.int8(value ? 1 : 0);
      return;
    case 'int8':
      writer.int8(Number(value));
      return;
    case 'int16':
    case 'uint16':
      writer.int16(Number(value));
      return;
    case 'int32':
    case 'uint32':
      writer.int32(Number(value));
      return;
    case 'int64':
      writer.int64(BigInt(value as bigint | number));
      return;
    case 'float64':
      writer.float64(Number(value));
      return;
    case 'uuid':
      writer.bytes(Buffer.from(value as string, 'hex'));
      return;
    case 'string':
      writer.text(value as string | null, flexible);
      return;
    default: {
      const bytes = value as Buffer | null;
      writer.length(bytes === null ? -1 : bytes.length, flexible, 4);
      if (bytes !== null) writer.bytes(bytes);
    }
  }
}

function isDefault(field: Field, value: Value): boolean {
  const fallback = defaultOf(field);
  if (value === fallback) return true;
  if (Buffer.isBuffer(value)) return Buffer.isBuffer(fallback) && value.length === 0 && fallback.length === 0;
  if (Array.isArray(value)) return Array.isArray(fallback) && value.length === 0;
  return false;
}

const ZERO_UUID = '0'.repeat(32);

function emptyOf(field: Field): Value {
  if (field.isList) return [];
  switch (field.type) {
    case 'struct':
      return {};
    case 'string':
      return '';
    case 'bytes':
    case 'records':
      return Buffer.alloc(0);
    case 'uuid':
      return ZERO_UUID;
    case 'bool':
      return false;
    case 'int64':
      return 0n;
    default:
      return 0;
  }
}

function defaultOf(field: Field): Value {
  const { fallback } = field;
  if (fallback === 'null') return null;
  if (fallback === '' || field.isList || field.type === 'struct') return emptyOf(field);
  if (field.type === 'string') return fallback;
  if (field.type === 'bool') return fallback === 'true';
  return field.type === 'int64' ? BigInt(fallback) : Number(fallback);
}
