import { describe, expect, test } from 'vitest';
import { codecOf, type Fields, type Value } from './codec.ts';
import { WireFault, WireReader } from './reader.ts';
import { apiName, type Field, type Schema, schemaOf, within } from './schema.ts';
import { WireWriter } from './writer.ts';

const APIS = Array.from({ length: 100 }, (_, key) => apiName(key)).filter((name) => name !== undefined);
const KINDS = ['request', 'response'] as const;

/** A value that is not the field's default. */
function some(field: Field, version: number): Value {
  const one = (): Value => {
    switch (field.type) {
      case 'struct':
        return filled(field.fields, version);
      case 'string':
        return 'größe';
      case 'bytes':
      case 'records':
        return Buffer.from('bytes');
      case 'uuid':
        return '0123456789abcdef0123456789abcdef';
      case 'bool':
        return field.fallback !== 'true';
      case 'int64':
        return 2n ** 40n;
      case 'float64':
        return 1.5;
      default:
        return field.type === 'int8' ? 7 : 300;
    }
  };
  return field.array ? [one(), one()] : one();
}

function filled(fields: readonly Field[], version: number): Fields {
  const here = fields.filter((field) => within(version, field.versions));
  return Object.fromEntries(here.map((field) => [field.name, some(field, version)]));
}

/** What is read has the fields of other versions too, with their defaults. */
function onlyOf(fields: readonly Field[], version: number, read: Fields): Fields {
  const here = fields.filter((field) => within(version, field.versions));
  const inner = (field: Field, value: Value | undefined): Value | undefined => {
    if (field.type !== 'struct' || value === null || value === undefined) return value;
    return field.array
      ? (value as readonly Fields[]).map((item) => onlyOf(field.fields, version, item))
      : onlyOf(field.fields, version, value as Fields);
  };
  return Object.fromEntries(here.map((field) => [field.name, inner(field, read[field.name])]));
}

function written(kind: (typeof KINDS)[number], api: string, version: number, fields: Fields): Buffer {
  const writer = new WireWriter();
  codecOf(kind, api, version).write(writer, fields);
  return writer.toBuffer();
}

function versions({ versions: [from, to] }: Schema): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe('every message in every version', () => {
  for (const api of APIS) {
    test(api, () => {
      for (const kind of KINDS) {
        const schema = schemaOf(kind, api);
        for (const version of versions(schema)) {
          const fields = filled(schema.fields, version);
          const bytes = written(kind, api, version, fields);
          const reader = new WireReader(bytes);
          const read = codecOf(kind, api, version).read(reader);
          expect(onlyOf(schema.fields, version, read), `${kind} v${version}`).toEqual(fields);
          expect(reader.left).toBe(0);
          // One byte less is never a message of the same kind.
          if (bytes.length === 0) continue;
          const cut = new WireReader(bytes.subarray(0, -1));
          expect(() => codecOf(kind, api, version).read(cut), `${kind} v${version} cut`).toThrow(WireFault);
        }
      }
    });
  }
});

test('what is missing is written as its default, and tagged fields not at all', () => {
  const bytes = written('response', 'ApiVersions', 3, { apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 12 }] });
  expect(bytes.toString('hex')).toBe(['0000', '02', '0003', '0000', '000c', '00', '00000000', '00'].join(''));
});

test('bytes of the protocol guide: a Metadata request of version 1 for one topic', () => {
  const bytes = written('request', 'Metadata', 1, { topics: [{ name: 'orders' }] });
  expect(bytes.toString('hex')).toBe(`000000010006${Buffer.from('orders').toString('hex')}`);
});
