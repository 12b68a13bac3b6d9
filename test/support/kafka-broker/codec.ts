import { WireFault, type WireReader } from './reader.ts';
import { type Field, type Schema, schemaOf, within } from './schema.ts';
import type { WireWriter } from './writer.ts';

/** A decoded field: int64 is a bigint, a uuid 32 hexadecimal digits, records and bytes are parts of the frame. */
export type Value = null | boolean | number | bigint | string | Buffer | readonly Value[] | Fields;
export interface Fields {
  readonly [name: string]: Value | undefined;
}

export interface Codec {
  /** All fields of the schema are there: those that this version has not with their defaults. */
  read(reader: WireReader): Fields;
  /** What is missing is written as its default; what this version has not is left out. */
  write(writer: WireWriter, fields: Fields): void;
}

type Read = (reader: WireReader) => Value;
type Write = (writer: WireWriter, value: Value) => void;
interface Part {
  readonly field: Field;
  readonly fallback: Value;
  readonly read: Read;
  readonly write: Write;
}

const EMPTY = Buffer.alloc(0);
const NO_UUID = '0'.repeat(32);

function fallbackOf(field: Field, version: number, flexible: boolean): Value {
  if (field.fallback === 'null') return null;
  if (field.array) return [];
  const given = field.fallback;
  switch (field.type) {
    case 'struct':
      return Object.fromEntries(field.fields.map((inner) => [inner.name, fallbackOf(inner, version, flexible)]));
    case 'string':
      return given ?? '';
    case 'bytes':
      return EMPTY;
    case 'records':
      return null;
    case 'uuid':
      return NO_UUID;
    case 'bool':
      return given === 'true';
    case 'int64':
      return BigInt(given ?? 0);
    default:
      return Number(given ?? 0);
  }
}

function scalar(field: Field, flexible: boolean): [Read, Write] {
  switch (field.type) {
    case 'int8':
      return [(r) => r.int8(), (w, v) => w.int8(v as number)];
    case 'int16':
      return [(r) => r.int16(), (w, v) => w.int16(v as number)];
    case 'uint16':
      return [(r) => r.uint16(), (w, v) => w.uint16(v as number)];
    case 'int32':
      return [(r) => r.int32(), (w, v) => w.int32(v as number)];
    case 'int64':
      return [(r) => r.int64(), (w, v) => w.int64(BigInt(v as bigint | number))];
    case 'float64':
      return [(r) => r.float64(), (w, v) => w.float64(v as number)];
    case 'bool':
      return [(r) => r.bool(), (w, v) => w.bool(v as boolean)];
    case 'uuid':
      return [(r) => r.uuid(), (w, v) => w.uuid(v as string)];
    case 'string':
      return [(r) => r.string(flexible), (w, v) => w.string(v as string | null, flexible)];
    case 'bytes':
    case 'records':
      return [(r) => r.bytes(flexible), (w, v) => w.bytes(v as Buffer | readonly Buffer[] | null, flexible)];
    default:
      throw new Error(`${field.name} has the type ${field.type}`);
  }
}

function arrayOf(field: Field, [readItem, writeItem]: [Read, Write], flexible: boolean): [Read, Write] {
  return [
    (r) => {
      const count = r.length(flexible, 32);
      if (count === null) return null;
      const items: Value[] = [];
      for (let i = 0; i < count; i++) {
        const item = readItem(r);
        if (item === null) throw new WireFault(`${field.name} holds a null`);
        items.push(item);
      }
      return items;
    },
    (w, v) => {
      if (v === null) return w.size(null, flexible, 32);
      const items = v as readonly Value[];
      w.size(items.length, flexible, 32);
      for (const item of items) writeItem(w, item);
    },
  ];
}

function struct(field: Field, version: number, flexible: boolean): [Read, Write] {
  const inner = compile(field.fields, version, flexible);
  const read: Read = (r) => inner.read(r);
  const write: Write = (w, v) => inner.write(w, v as Fields);
  // A struct alone that may be missing has a byte before it: -1 or 1.
  if (field.array || !within(version, field.nullable)) return [read, write];
  return [
    (r) => {
      const there = r.int8();
      if (there !== 1 && there !== -1) throw new WireFault(`${field.name} begins with ${there}`);
      return there === 1 ? read(r) : null;
    },
    (w, v) => {
      w.int8(v === null ? -1 : 1);
      if (v !== null) write(w, v);
    },
  ];
}

function partOf(field: Field, version: number, flexible: boolean): Part {
  const one = field.type === 'struct' ? struct(field, version, flexible) : scalar(field, flexible);
  const [read, write] = field.array ? arrayOf(field, one, flexible) : one;
  const mayBeNull = within(version, field.nullable);
  return {
    field,
    fallback: fallbackOf(field, version, flexible),
    read: mayBeNull
      ? read
      : (r) => {
          const value = read(r);
          if (value === null) throw new WireFault(`${field.name} is null in version ${version}`);
          return value;
        },
    write: mayBeNull
      ? write
      : (w, v) => {
          if (v === null) throw new Error(`${field.name} must not be null in version ${version}`);
          write(w, v);
        },
  };
}

const sameAsDefault = (value: Value, { fallback }: Part): boolean =>
  value === fallback || JSON.stringify(value, bigints) === JSON.stringify(fallback, bigints);
const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

function compile(fields: readonly Field[], version: number, flexible: boolean): Codec {
  const here = fields.filter((field) => within(version, field.versions));
  const plain = here.filter(({ tag }) => tag < 0).map((field) => partOf(field, version, flexible));
  const tagged = here.filter(({ tag }) => tag >= 0).map((field) => partOf(field, version, flexible));
  tagged.sort((a, b) => a.field.tag - b.field.tag);
  const absent = fields
    .filter((field) => !here.includes(field) || field.tag >= 0)
    .map((field) => [field.name, fallbackOf(field, version, flexible)] as const);
  return {
    read(reader) {
      const out: Record<string, Value> = {};
      for (const { field, read } of plain) out[field.name] = read(reader);
      for (const [name, fallback] of absent) out[name] = fallback;
      if (!flexible) return out;
      reader.tags((tag, inner) => {
        const part = tagged.find(({ field }) => field.tag === tag);
        if (part === undefined) {
          if (inner.lenient) return false;
          throw new WireFault(`tagged field ${tag} is not in the schema`);
        }
        out[part.field.name] = part.read(inner);
        return true;
      });
      return out;
    },
    write(writer, given) {
      for (const { field, fallback, write } of plain) {
        const value = given[field.name];
        write(writer, value === undefined ? fallback : value);
      }
      if (!flexible) return;
      const set = tagged.filter((part) => {
        const value = given[part.field.name];
        return value !== undefined && !sameAsDefault(value, part);
      });
      writer.uvarint(set.length);
      for (const part of set) writeTagged(writer, part, given[part.field.name]!);
    },
  };
}

function writeTagged(writer: WireWriter, { field, write }: Part, value: Value): void {
  const body = writer.fresh();
  write(body, value);
  writer.uvarint(field.tag);
  writer.uvarint(body.length);
  for (const part of body.parts()) writer.raw(part);
}

const compiled = new Map<string, Codec>();

/** Throws for a version that the schema has not. */
export function codecOf(kind: 'request' | 'response', api: string, version: number): Codec {
  const key = `${kind} ${api} ${version}`;
  let codec = compiled.get(key);
  if (codec === undefined) {
    const schema = schemaOf(kind, api);
    if (!within(version, schema.versions)) throw new Error(`${api} has no version ${version}`);
    codec = compile(schema.fields, version, within(version, schema.flexible));
    compiled.set(key, codec);
  }
  return codec;
}

/** Throws for a name that the schema has not: a test's slip of the pen. */
export function checkNames(schema: Pick<Schema, 'fields' | 'name'>, fields: Fields): void {
  for (const [name, value] of Object.entries(fields)) {
    const field = schema.fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw new Error(`${schema.name} has no field ${name}`);
    if (field.type !== 'struct' || value === null || value === undefined) continue;
    for (const item of field.array ? (value as readonly Fields[]) : [value as Fields]) checkNames(field, item);
  }
}
