import { describe, expect, test } from 'vitest';
import { readExecute, readQueryHead } from './query-attributes.ts';
import { client, lenenc, lstr, payloadOf, u8, u16, u32, u64, zeros } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TEXT = Buffer.from('select 1');

/** The SQL and the traceparent, or the fault. */
const read = (payload: Buffer) =>
  guarded(payload, (buf, start, end) => {
    const head = readQueryHead(buf, start, end);
    if (typeof head === 'string') return head;
    return { sql: buf.toString('latin1', head.textFrom, end), traceparent: head.traceparent };
  });

interface Attribute {
  type: number;
  name?: string;
  value?: Buffer;
}
const block = (...attributes: Attribute[]): Buffer => {
  const nulls = zeros((attributes.length + 7) >> 3);
  attributes.forEach(({ value }, i) => {
    if (value === undefined) nulls[i >> 3]! |= 1 << (i & 7);
  });
  return Buffer.concat([
    nulls,
    u8(1),
    ...attributes.flatMap(({ type, name = 'a' }) => [u16(type), lstr(name)]),
    ...attributes.flatMap(({ value }) => (value === undefined ? [] : [value])),
  ]);
};
const query = (...attributes: Attribute[]): Buffer =>
  Buffer.concat([u8(3), lenenc(attributes.length), u8(1), block(...attributes), TEXT]);

const string = (name: string, value: string): Attribute => ({ type: 0xfd, name, value: lstr(value) });

describe('COM_QUERY', () => {
  const plain = { sql: 'select 1', traceparent: '' };
  const cases: [name: string, payload: Buffer, want: object | string][] = [
    ['no attributes', payloadOf(client.queryWithAttributes('select 1')), plain],
    ['a string', payloadOf(client.queryWithAttributes('select 1', { a: 'b' })), plain],
    ['values that look like SQL', query(string('drop table a; --', "'; drop table b; --")), plain],
    ['NULL', query({ type: 6 }), plain],
    ['a string that is NULL', query({ type: 0xfd }, string('b', 'c')), plain],
    ['tiny', query({ type: 1, value: u8(9) }), plain],
    ['tiny, unsigned', query({ type: 0x8001, value: u8(9) }), plain],
    ['short, year', query({ type: 2, value: u16(9) }, { type: 13, value: u16(9) }), plain],
    ['long, int24, float', query(...[3, 9, 4].map((type) => ({ type, value: u32(9) }))), plain],
    ['longlong, double', query(...[8, 5].map((type) => ({ type, value: u64(9) }))), plain],
    ['bool', query({ type: 244, value: u8(1) }), plain],
    [
      'dates and times of all lengths',
      query(
        ...[0, 4, 7, 11].flatMap((bytes) =>
          [7, 10, 12].map((type) => ({ type, value: Buffer.concat([u8(bytes), zeros(bytes)]) })),
        ),
        ...[0, 8, 12].map((bytes) => ({ type: 11, value: Buffer.concat([u8(bytes), zeros(bytes)]) })),
      ),
      plain,
    ],
    [
      'decimals, blobs, JSON, bits, sets, geometry, vectors',
      query(
        ...[0, 15, 16, 242, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255].map((type) => ({
          type,
          value: lstr('x'),
        })),
      ),
      plain,
    ],
    ['a long value', query(string('a', 'x'.repeat(70_000))), plain],
    [
      'nine attributes, the last NULL',
      query(...Array.from({ length: 8 }, () => string('a', 'b')), { type: 0xfd }),
      plain,
    ],
    ['300 attributes', query(...Array.from({ length: 300 }, () => string('a', 'b'))), plain],
    [
      'a traceparent',
      query(string('a', 'b'), string('traceparent', TRACEPARENT)),
      { sql: 'select 1', traceparent: TRACEPARENT },
    ],
    ['a traceparent that is none', query(string('traceparent', TRACEPARENT.replace('4bf', 'xyz'))), plain],
    ['a traceparent of another length', query(string('traceparent', `${TRACEPARENT}0`)), plain],
    ['a traceparent that is NULL', query({ type: 0xfd, name: 'traceparent' }), plain],
    ['a traceparent that is a number', query({ type: 8, name: 'traceparent', value: u64(1) }), plain],
    ['a name that ends like it', query(string('xtraceparent', TRACEPARENT)), plain],
    ['no text', Buffer.of(3, 0, 1), { sql: '', traceparent: '' }],

    ['cut behind the count', Buffer.of(3, 0), 'truncated'],
    ['the command byte alone', Buffer.of(3), 'truncated'],
    ['two sets of values', Buffer.from('\x03\x00\x02select 1', 'latin1'), 'unknown_type'],
    ['plain SQL where attributes are agreed', Buffer.from('\x03select 1', 'latin1'), 'unknown_type'],
    ['more attributes than bytes', Buffer.concat([u8(3), lenenc(1_000_000), u8(1), zeros(200)]), 'truncated'],
    ['2^53 - 1 attributes', Buffer.concat([u8(3), lenenc(2 ** 53 - 1), u8(1), zeros(200)]), 'truncated'],
    ['no types', Buffer.concat([Buffer.of(3, 1, 1, 0, 0), TEXT]), 'unknown_type'],
    ['a type there is not', query({ type: 0x40, value: u8(1) }), 'unknown_type'],
    ['a name past the packet', Buffer.from('\x03\x01\x01\x00\x01\xfd\x00\x20abc', 'latin1'), 'truncated'],
    ['a value past the packet', Buffer.from('\x03\x01\x01\x00\x01\xfd\x00\x01a\x20abc', 'latin1'), 'truncated'],
    ['a date past the packet', Buffer.from('\x03\x01\x01\x00\x01\x0a\x00\x01a\x20abc', 'latin1'), 'truncated'],
    ['a value of NULL that is not marked NULL', query({ type: 0xfd, value: u8(0xfb) }), 'unknown_type'],
  ];
  for (const [name, payload, want] of cases) test(name, () => expect(read(payload)).toEqual(want));
});

describe('COM_STMT_EXECUTE', () => {
  const execute = (payload: Buffer, attributes = true, longData = false) =>
    guarded(payload, (buf, start, end) => readExecute(buf, start, end, attributes, longData));
  const head = (flags: number): Buffer => Buffer.concat([u8(0x17), u32(0xffffffff), u8(flags), u32(1)]);
  const traced = Buffer.concat([
    head(9),
    lenenc(3),
    block({ type: 3, name: '', value: u32(7) }, { type: 0xfd, name: '' }, string('traceparent', TRACEPARENT)),
  ]);
  const cases: [name: string, payload: Buffer, want: object | string, attributes?: boolean, longData?: boolean][] = [
    ['without parameters', payloadOf(client.execute(7, 1)), { statementId: 7, flags: 1, traceparent: '' }],
    ['id -1', head(0), { statementId: 0xffffffff }],
    ['a traceparent behind the parameters', traced, { flags: 9, traceparent: TRACEPARENT }],
    ['attributes are not agreed', traced, { traceparent: '' }, false],
    ['a parameter was sent before: values cannot be told apart', traced, { traceparent: '' }, true, true],
    [
      'the count is not there',
      Buffer.concat([head(1), block(string('traceparent', TRACEPARENT))]),
      { traceparent: '' },
    ],
    ['no types this time', Buffer.concat([head(8), lenenc(1), zeros(1), u8(0), lstr('x')]), { traceparent: '' }],
    ['no attribute', Buffer.concat([head(8), lenenc(0)]), { traceparent: '' }],
    ['none of that name', Buffer.concat([head(8), lenenc(1), block(string('x', TRACEPARENT))]), { traceparent: '' }],
    [
      'a type there is not, before it',
      Buffer.concat([head(8), lenenc(2), block({ type: 0x40, value: u8(1) }, string('traceparent', TRACEPARENT))]),
      { traceparent: '' },
    ],
    [
      'cut behind the traceparent, as a prefix is',
      Buffer.concat([head(8), lenenc(2), block(string('traceparent', TRACEPARENT), string('a', 'b'))]).subarray(0, -1),
      { traceparent: TRACEPARENT },
    ],
    ['cut in the traceparent: the rest holds', traced.subarray(0, -1), { flags: 9, traceparent: '' }],
    ['cut in its head', head(0).subarray(0, 8), 'truncated'],
  ];
  for (const [name, payload, want, attributes, longData] of cases)
    test(name, () => {
      const seen = execute(payload, attributes, longData);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });
});
