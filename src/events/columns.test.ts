import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { Outcome, VerdictCode } from '../exchange/exchange.ts';
import { BatchEncoder } from './columns.ts';
import { EventBatch } from './event-batch.ts';
import { SessionEvent } from './layout.ts';

const EPOCH = 1_700_000_000_000;
const PLACE = { worker: 3, incarnation: 7, origin: 4503599627370495, sequence: 11, before: 1234 };
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const finish = (encoder: BatchEncoder): EventBatch => EventBatch.from(encoder.finish(PLACE))!;

/** As UTF-8 carries it. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

test('what is put in comes out', () => {
  const encoder = new BatchEncoder();
  const session = sessionOf(42, { upstreamAddress: '10.0.0.9:5432', driver: 'pg', tls: true });
  const x = exchangeOf(session, digestOf(5), {
    seq: 9,
    turn: 4,
    index: 2,
    kind: 'execute',
    flags: 5,
    transaction: 3,
    story: 8,
    requestLastByteAt: 1001,
    forwardedAt: 1001.5,
    rowsAffected: 6,
    rowsMatched: 7,
    batchSize: 2 ** 32 - 1,
    outcome: Outcome.error,
    code: '42P01',
    severity: 'ERROR',
    traceparent: TRACE,
    policy: 'no-drop',
    verdict: VerdictCode.allowed,
    shadowPolicy: 'no-delete',
    shadowVerdict: VerdictCode.denied,
    policySnapshot: '0123456789ab',
    requestOffset: 2 ** 40,
    attributes: '{"messaging.consumer.group.name":"billing"}',
    replies: 1,
  });
  encoder.append(x, EPOCH);
  session.exchanges = 1;
  encoder.appendSession(session, SessionEvent.end, session.startedAt + 5000, 'remote_close');
  const batch = finish(encoder);
  expect(batch).toMatchObject({ ...PLACE, rows: 1, sessionEvents: 1 });
  const row = Object.fromEntries(Object.entries(batch.columns).map(([name, column]) => [name, column[0]]));
  expect(row).toMatchObject({
    ts_us: (EPOCH + 1000) * 1000,
    duration_ns: 1e9,
    ttfb_ns: 125e6,
    proxy_ns: 5e5,
    request_offset: 2 ** 40,
    request_bytes: 100,
    response_bytes: 1000,
    rows_sent: 10,
    rows_affected: 6,
    rows_matched: 7,
    batch_size: 2 ** 32 - 1,
    seq: 9,
    turn: 4,
    index: 2,
    flags: 5,
    transaction: 3,
    story: 8,
    weight: 1,
    error_class: Outcome.error,
    replies: 1,
    verdict: VerdictCode.allowed,
    shadow_verdict: VerdictCode.denied,
  });
  const names = ['kind', 'status', 'severity', 'policy', 'shadow_policy', 'policy_snapshot', 'trace'] as const;
  expect(names.map((name) => batch.string(batch.columns[name][0]!))).toEqual([
    'execute',
    '42P01',
    'ERROR',
    'no-drop',
    'no-delete',
    '0123456789ab',
    TRACE,
  ]);
  expect(batch.attributes(batch.columns.attributes[0]!)).toEqual([['messaging.consumer.group.name', 'billing']]);
  expect(batch.session(batch.columns.session[0]!)).toMatchObject({
    session_id: 42,
    listener: 'shop',
    cluster: 'db',
    upstream: '10.0.0.9:5432',
    client: '10.0.0.1:5000',
    database: 'shop',
    user: 'ann',
    application: 'web',
    driver: 'pg',
    tls: 'true',
  });
  expect(batch.digest(batch.columns.digest[0]!)).toEqual({
    digest: '0000000000000005',
    operation: 'SELECT',
    summary: 'SELECT t5',
    collection: 't5',
    text: 'select * from t5 where id = ?',
    facts: '{"targets":[["","t5",["select"]]]}',
  });
  expect(batch.sessionColumns.duration_ns[0]).toBe(5e9);
  expect(batch.sessionColumns.exchanges[0]).toBe(1);
  expect(batch.string(batch.sessionColumns.reason[0]!)).toBe('remote_close');
});

test('where a message stood is told of what policies judged', () => {
  const encoder = new BatchEncoder();
  const session = sessionOf(1);
  encoder.append(exchangeOf(session, null, { requestOffset: 70 }), EPOCH);
  encoder.append(exchangeOf(session, null, { requestOffset: 70, policySnapshot: '0123456789ab' }), EPOCH);
  const batch = finish(encoder);
  const { request_offset, policy_snapshot } = batch.columns;
  expect([...request_offset]).toEqual([0, 70]);
  expect([...policy_snapshot].map((code) => batch.string(code))).toEqual(['', '0123456789ab']);
});

test('any strings and numbers round-trip, over several batches of one encoder', () => {
  const encoder = new BatchEncoder();
  const rows = fc.array(
    fc.record({
      user: fc.string({ unit: 'binary', maxLength: 20 }),
      code: fc.string({ unit: 'grapheme', maxLength: 8 }),
      digest: fc.integer({ min: -1, max: 5 }),
      bytes: fc.nat(Number.MAX_SAFE_INTEGER),
      seq: fc.nat(2 ** 32 - 1),
    }),
    { maxLength: 600 },
  );
  fc.assert(
    fc.property(rows, (list) => {
      for (const [i, r] of list.entries()) {
        const session = sessionOf(i, { user: r.user });
        const digest = r.digest < 0 ? null : digestOf(r.digest);
        encoder.append(exchangeOf(session, digest, { code: r.code, replyBytes: r.bytes, seq: r.seq }), EPOCH);
      }
      const batch = finish(encoder);
      expect(batch.rows).toBe(list.length);
      const got = list.map((_, i) => ({
        user: batch.session(batch.columns.session[i]!).user,
        code: batch.string(batch.columns.status[i]!),
        digest: Number.parseInt(batch.digest(batch.columns.digest[i]!).digest || '-1', 16),
        bytes: batch.columns.response_bytes[i],
        seq: batch.columns.seq[i],
      }));
      expect(got).toEqual(list.map((r) => ({ ...r, user: wellFormed(r.user), code: wellFormed(r.code) })));
      expect(encoder.empty).toBe(true);
    }),
    { numRuns: 50, seed: 5 },
  );
});

test('attributes: each text once, one that is too long left out, a code beyond the table has none', () => {
  const encoder = new BatchEncoder();
  const texts = ['{"a":1}', '{"a":1}', '', '{"a":2}', `{"a":"${'x'.repeat(1100)}"}`, '{"a":1}', 'no JSON'];
  for (const attributes of texts) encoder.append(exchangeOf(sessionOf(1), null, { attributes }), EPOCH);
  const batch = finish(encoder);
  const codes = [...batch.columns.attributes];
  expect(codes.map((code) => batch.attributes(code))).toEqual([
    [['a', 1]],
    [['a', 1]],
    [],
    [['a', 2]],
    [],
    [['a', 1]],
    [],
  ]);
  expect([codes[1], codes[5], codes[2], codes[4]]).toEqual([codes[0], codes[0], 0, 0]);
  expect(batch.attributes(4_000_000_000)).toEqual([]);
  // What one batch remembers is not the next one's.
  encoder.append(exchangeOf(sessionOf(1), null, { attributes: 'no JSON' }), EPOCH);
  encoder.append(exchangeOf(sessionOf(1), null, { attributes: '{"a":2}' }), EPOCH);
  const next = finish(encoder);
  expect([...next.columns.attributes].map((code) => next.attributes(code))).toEqual([[], [['a', 2]]]);
});

test('a session that changed its facts stands in the batch as it was at each exchange', () => {
  const encoder = new BatchEncoder();
  const session = sessionOf(1, { scope: 5 });
  encoder.append(exchangeOf(session, null), EPOCH);
  encoder.append(exchangeOf(session, null), EPOCH);
  Object.assign(session, { database: 'crm', scope: 6 });
  encoder.append(exchangeOf(session, null), EPOCH);
  const batch = finish(encoder);
  expect([...batch.columns.session].map((place) => batch.session(place).database)).toEqual(['shop', 'shop', 'crm']);
  expect(batch.sessionCount).toBe(2);
});

test('an exchange above the in-flight cap, which has no start, is dated by its end', () => {
  const encoder = new BatchEncoder();
  const x = exchangeOf(sessionOf(1), digestOf(1), {
    flags: 512,
    requestFirstByteAt: 0,
    requestLastByteAt: 0,
    replyLastByteAt: 2000,
  });
  encoder.append(x, EPOCH);
  const { columns } = finish(encoder);
  expect([columns.ts_us[0], columns.duration_ns[0]]).toEqual([(EPOCH + 2000) * 1000, 0]);
});

test('a call that was faster than the clock has a time, as the live rows count it: 1 ns, and none is 0', () => {
  const encoder = new BatchEncoder();
  const at = { requestFirstByteAt: 1000, requestLastByteAt: 1000, replyFirstByteAt: 1000 };
  encoder.append(exchangeOf(sessionOf(1), null, { ...at, replyLastByteAt: 1000 }), EPOCH);
  encoder.append(exchangeOf(sessionOf(1), null, { ...at, replyLastByteAt: 0 }), EPOCH);
  expect([...finish(encoder).columns.duration_ns]).toEqual([1, 0]);
});

test('untimed exchanges have no times, malformed trace contexts do not pass', () => {
  const encoder = new BatchEncoder();
  encoder.append(exchangeOf(sessionOf(1), null, { flags: 512, traceparent: `${TRACE}\n"evil` }), EPOCH);
  const { columns } = finish(encoder);
  expect([columns.duration_ns[0], columns.ttfb_ns[0], columns.trace[0]]).toEqual([0, 0, 0]);
});

test('long names and texts are cut', () => {
  const encoder = new BatchEncoder();
  const session = sessionOf(1, { user: 'u'.repeat(10_000) });
  encoder.append(exchangeOf(session, digestOf(1, { text: 't'.repeat(100_000) })), EPOCH);
  const batch = finish(encoder);
  expect(batch.session(0).user.length).toBe(256);
  expect(batch.digest(1).text.length).toBe(4096);
});

describe('a batch is full', () => {
  test('at its rows', () => {
    const encoder = new BatchEncoder({ maxRows: 300 });
    for (let i = 0; i < 299; i++) encoder.append(exchangeOf(sessionOf(1), null), EPOCH);
    expect(encoder.full).toBe(false);
    encoder.append(exchangeOf(sessionOf(1), null), EPOCH);
    expect(encoder.full).toBe(true);
  });

  test('at about its bytes', () => {
    const encoder = new BatchEncoder({ maxBytes: 100_000 });
    for (let i = 0; !encoder.full; i++) encoder.append(exchangeOf(sessionOf(i), digestOf(i)), EPOCH);
    const estimate = encoder.bytes;
    const bytes = encoder.finish(PLACE).length;
    expect(bytes).toBeGreaterThan(90_000);
    expect(Math.abs(bytes - estimate)).toBeLessThan(1000);
  });
});

test('what is no batch reads as null or as empty, never throws', () => {
  const encoder = new BatchEncoder();
  for (let i = 0; i < 9; i++) encoder.append(exchangeOf(sessionOf(i), digestOf(i)), EPOCH);
  encoder.appendSession(sessionOf(1), SessionEvent.start, EPOCH, '');
  const good = encoder.finish(PLACE);
  for (let cut = 0; cut < good.length; cut++) expect(EventBatch.from(good.subarray(0, cut))).toBeNull();
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, noise) => {
      const bytes = Buffer.from(good);
      bytes.set(noise.subarray(0, bytes.length - at), at);
      const batch = EventBatch.from(bytes);
      if (batch === null) return;
      for (let row = 0; row < batch.rows; row++) {
        batch.session(batch.columns.session[row]!);
        batch.digest(batch.columns.digest[row]!);
        expect(typeof batch.string(batch.columns.kind[row]!)).toBe('string');
      }
    }),
    { numRuns: 2000, seed: 9 },
  );
});
