import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { BatchEncoder, type BatchPlace } from './columns.ts';
import { EventBatch } from './event-batch.ts';
import { TraceIdBytes, traceIdsOf } from './trace-ids.ts';

const PLACE: BatchPlace = { worker: 3, incarnation: 7, origin: 4503599627370495, sequence: 11, before: 1234 };
const CALLER = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';

const ZEROS = [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`];

interface Row {
  readonly session: number;
  readonly seq: number;
  readonly traceparent?: string;
}

function batchOf(rows: Iterable<Row>, place: Partial<BatchPlace> = {}): EventBatch {
  const encoder = new BatchEncoder({ maxRows: 2 ** 20 });
  const sessions = new Map<number, ReturnType<typeof sessionOf>>();
  for (const { session, seq, traceparent = '' } of rows) {
    if (!sessions.has(session)) sessions.set(session, sessionOf(session));
    encoder.append(exchangeOf(sessions.get(session)!, null, { seq, traceparent }), 0);
  }
  return EventBatch.from(encoder.finish({ ...PLACE, ...place }))!;
}

const one = (row: Partial<Row> = {}, place: Partial<BatchPlace> = {}) =>
  traceIdsOf(batchOf([{ session: 42, seq: 9, ...row }], place), 0);

test('without a caller an exchange begins a trace of its own', () => {
  const ids = one();
  expect(ids).toMatchObject({ parentSpanId: '', flags: 1 });
  expect(ids.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(ids.spanId).toMatch(/^[0-9a-f]{16}$/);
});

describe('the caller', () => {
  for (const [flags, want] of [
    ['00', 0],
    ['01', 1],
    ['03', 3],
    ['ff', 255],
  ] as const)
    test(`its trace goes on, flags ${flags}`, () => {
      const [traceId, parentSpanId] = CALLER.split('-');
      const ids = one({ traceparent: `00-${CALLER}-${flags}` });
      expect(ids).toMatchObject({ traceId, parentSpanId, flags: want, spanId: one().spanId });
    });
  for (const bad of [
    '',
    '00',
    `00-${CALLER}-0`,
    `00-${CALLER.toUpperCase()}-01`,
    `00-${CALLER}-01x`,
    `ff-${CALLER}-01`,
    ...ZEROS,
  ])
    test(`no trace context: ${JSON.stringify(bad)}`, () => expect(one({ traceparent: bad })).toEqual(one()));
});

test('the same place gives the same ids, and each part of the place other ones', () => {
  expect(one()).toEqual(one({}, { sequence: 12, before: 99 })); // sent again in another batch: still the same exchange
  const others = [
    one({ seq: 10 }),
    one({ session: 43 }),
    one({ session: 42 + 2 ** 40 }),
    one({}, { worker: 4 }),
    one({}, { incarnation: 8 }),
    one({}, { origin: PLACE.origin - 1 }),
    one({}, { origin: PLACE.origin - 2 ** 40 }),
  ];
  for (const field of ['traceId', 'spanId'] as const)
    expect(new Set([one(), ...others].map((ids) => ids[field])).size).toBe(others.length + 1);
});

test('half a million exchanges, all with ids of their own', () => {
  const bytes = new TraceIdBytes();
  const seen = new BigUint64Array(500_000);
  const view = new DataView(bytes.bytes.buffer);
  let n = 0;
  // Few long sessions, many short ones, and other lives of the same worker: numbers that differ in few bits.
  const kinds = [
    { rows: 150_000, session: () => 1 + 2 ** 40 },
    { rows: 150_000, session: (i: number) => 2 + 2 ** 40 + Math.floor(i / 2) },
  ];
  for (const { rows, session } of kinds)
    for (let from = 0; from < rows; from += 50_000) {
      const batch = batchOf(range(from, 50_000, session));
      for (let row = 0; row < batch.rows; row++) {
        bytes.read(batch, row);
        seen[n++] = view.getBigUint64(16);
      }
    }
  for (let life = 0; life < 20; life++) {
    const batch = batchOf(
      range(0, 10_000, () => 1 + 2 ** 40),
      { incarnation: 8 + life, origin: PLACE.origin - life },
    );
    for (let row = 0; row < batch.rows; row++) {
      bytes.read(batch, row);
      seen[n++] = view.getBigUint64(16);
    }
  }
  seen.sort();
  let repeated = 0;
  for (let i = 1; i < n; i++) if (seen[i] === seen[i - 1]) repeated++;
  expect({ n, repeated, zeros: seen[0] === 0n }).toEqual({ n: 500_000, repeated: 0, zeros: false });
});

function* range(from: number, rows: number, session: (i: number) => number): Generator<Row> {
  for (let i = from; i < from + rows; i++) yield { session: session(i), seq: i + 1 };
}

test('as bytes they are the same', () => {
  const number = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs));
  const parent = fc.constantFrom('', `00-${CALLER}-01`, `01-${CALLER}-00`, `00-${'f'.repeat(32)}-${'9'.repeat(16)}-a0`);
  const rows = fc.array(fc.record({ session: number, seq: fc.nat(), traceparent: parent }), {
    minLength: 1,
    maxLength: 9,
  });
  const bytes = new TraceIdBytes();
  fc.assert(
    fc.property(rows, number, fc.nat(65_535), number, (given, origin, worker, incarnation) => {
      const batch = batchOf(given, { origin, worker, incarnation: incarnation % 2 ** 30 });
      for (let row = 0; row < batch.rows; row++) {
        bytes.read(batch, row);
        const hex = Buffer.from(bytes.bytes).toString('hex');
        const { traceId, spanId, parentSpanId, flags } = traceIdsOf(batch, row);
        expect(hex).toBe(traceId + spanId + (parentSpanId || '0'.repeat(16)));
        expect([bytes.flags, bytes.hasParent]).toEqual([flags, parentSpanId !== '']);
      }
    }),
  );
});
