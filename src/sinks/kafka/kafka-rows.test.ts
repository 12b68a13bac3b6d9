import { expect, test } from 'vitest';
import { BatchSource } from '../../../test/support/event-batches.ts';
import type { EventBatch } from '../../events/event-batch.ts';
import { traceIdsOf } from '../../events/trace-ids.ts';
import { Flag } from '../../exchange/exchange.ts';
import { type KafkaMessage, kafkaMessages } from './kafka-rows.ts';
import { ToldDigests } from './told-digests.ts';

const never = (): boolean => false;
const messages = (batch: EventBatch, maxBytes = 2 ** 19, isNew: () => boolean = never): KafkaMessage[] => [
  ...kafkaMessages(batch, 0, 'here', maxBytes, isNew),
];
const rowsOf = ({ value }: KafkaMessage): Record<string, unknown>[] =>
  value
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('one message a connection, its rows in order, start first and end last', () => {
  const batch = new BatchSource({ sessions: 8 }).batch(1000, { starts: true, ends: true });
  const all = messages(batch);
  expect(all).toHaveLength(8);
  expect(all.reduce((n, { rows }) => n + rows, 0)).toBe(1000);
  for (const message of all) {
    const rows = rowsOf(message);
    expect(message.bytes).toBe(Buffer.byteLength(message.value));
    expect(new Set(rows.map((row) => `${row['origin']}.${row['session_id']}`))).toEqual(new Set([message.key]));
    expect(rows[0]!['event']).toBe('session.start');
    expect(rows.at(-1)).toMatchObject({ event: 'session.end', reason: 'client_closed', exchanges: rows.length - 2 });
    const exchanges = rows.slice(1, -1);
    expect(exchanges.map((row) => row['event'])).toEqual(exchanges.map(() => 'exchange'));
    expect(exchanges.map((row) => row['seq'])).toEqual(exchanges.map((_, i) => i + 1));
  }
});

test('attributes are an object, where there are any', () => {
  const texts = ['{"sluice.name":"a\\n\\u202eb","sluice.n":5}', '', '{"no name":1}', '['];
  const batch = new BatchSource({ sessions: 1 }).batch(4, { change: (x, i) => (x.attributes = texts[i]!) });
  const [message] = messages(batch);
  expect(message!.value.split('\n')).toHaveLength(5);
  expect(message!.value).not.toContain('\u202e');
  expect(rowsOf(message!).map((row) => row['attributes'])).toEqual([
    { 'sluice.name': 'a\n\u202eb', 'sluice.n': 5 },
    undefined,
    undefined,
    undefined,
  ]);
});

test('a denied row says which policies judged, and where it stood', () => {
  const [message] = messages(new BatchSource({ sessions: 1, denied: 1, errors: 0 }).batch(3));
  let at = 0;
  for (const row of rowsOf(message!)) {
    expect(row).toMatchObject({ verdict: 'denied', policy_snapshot: '0123456789ab', request_offset: at });
    at += row['request_bytes'] as number;
  }
  expect(at).toBeGreaterThan(0);
});

test('a row says what its columns say', () => {
  const batch = new BatchSource({ sessions: 1, traceparents: 1, errors: 1, denied: 0 }).batch(1);
  const c = batch.columns;
  c.weight[0] = 12.5;
  c.rows_matched[0] = 7;
  c.batch_size[0] = 2;
  c.flags[0] = Flag.sampled | Flag.prepared;
  const s = batch.session(0);
  const d = batch.digest(1);
  const [message] = messages(batch);
  expect(rowsOf(message!)).toEqual([
    {
      event: 'exchange',
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      instance: 'here',
      worker: 0,
      incarnation: 1,
      origin: 77,
      session_id: s.session_id,
      listener: 'shop',
      protocol: 'postgres',
      cluster: 'db',
      upstream: '10.0.0.2:5432',
      client: s.client,
      database: s.database,
      user: s.user,
      application: s.application,
      seq: 1,
      turn: 1,
      index: 0,
      kind: 'execute',
      operation: d.operation,
      digest: d.digest,
      summary: d.summary,
      collection: d.collection,
      error_class: 'error',
      replies: 'one',
      status: batch.string(c.status[0]!),
      severity: 'ERROR',
      policy: '',
      verdict: '',
      shadow_policy: '',
      shadow_verdict: '',
      policy_snapshot: '',
      duration_ns: Math.round(c.duration_ns[0]!),
      ttfb_ns: Math.round(c.ttfb_ns[0]!),
      proxy_ns: Math.round(c.proxy_ns[0]!),
      request_offset: 0,
      request_bytes: c.request_bytes[0],
      response_bytes: c.response_bytes[0],
      rows_sent: 0,
      rows_affected: 0,
      rows_matched: 7,
      batch_size: 2,
      transaction: 0,
      story: 0,
      flags: Flag.sampled | Flag.prepared,
      weight: 12.5,
      trace_id: traceIdsOf(batch, 0).traceId,
      span_id: traceIdsOf(batch, 0).spanId,
      parent_span_id: traceIdsOf(batch, 0).parentSpanId,
    },
  ]);
  const micros = Date.parse(rowsOf(message!)[0]!['ts'] as string);
  expect(micros).toBe(Math.floor(c.ts_us[0]! / 1000));
});

test('a long connection is cut at whole rows, and the parts say where they begin', () => {
  const batch = new BatchSource({ sessions: 1 }).batch(500);
  const all = messages(batch, 20_000);
  expect(all.length).toBeGreaterThan(10);
  for (const { bytes } of all) expect(bytes).toBeLessThanOrEqual(20_000);
  expect(all.flatMap(rowsOf).map((row) => row['seq'])).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  let at = 0;
  for (const { part, rows } of all) {
    expect(part).toBe(`0.${at}`);
    at += rows;
  }
});

test('whatever stands in names and texts, a row is one line of valid JSON', () => {
  const HOSTILE = [
    'a"b\\',
    'line\nbreak\r\n',
    '\u2028\u2029\u0085',
    '{"event":"exchange"}\n{',
    '\ud800',
    '\0\u001b[2J',
    '😀',
  ];
  const source = new BatchSource({ sessions: HOSTILE.length });
  source.traffic.sessions.forEach((session, i) => {
    session.user = session.database = session.application = HOSTILE[i]!;
  });
  const batch = source.batch(300, {
    starts: true,
    change: (x, i) => {
      x.kind = x.code = x.policy = x.severity = HOSTILE[i % HOSTILE.length]!;
      x.traceparent = HOSTILE[i % HOSTILE.length]!;
    },
  });
  const all = messages(batch);
  expect(all.reduce((n, message) => n + rowsOf(message).length, 0)).toBe(300 + HOSTILE.length);
  for (const { value } of all) {
    const breaks = [...value].filter((char) => char !== '\n' && /[\p{Cc}\p{Zl}\p{Zp}]/u.test(char));
    expect(breaks).toEqual([]);
    expect(Buffer.from(value).toString()).toBe(value);
  }
  const users = new Set(all.flatMap(rowsOf).map((row) => row['user']));
  expect(users).toEqual(new Set(HOSTILE.map((text) => Buffer.from(text).toString())));
});

test('texts of digests come first, each once; the same for a parcel that is sent again, and not for the next', () => {
  const source = new BatchSource({ digests: 10 });
  const [first, second] = [source.batch(2000), source.batch(2000)];
  const told = new ToldDigests();
  const digests = (id: string, ...batches: EventBatch[]): KafkaMessage[] => {
    const isNew = told.asOf(id);
    return batches.flatMap((batch, n) => [...kafkaMessages(batch, n, 'here', 2 ** 19, isNew)]).filter((m) => m.digest);
  };
  const once = digests('p1', first, second);
  expect(once).toHaveLength(10);
  expect(rowsOf(once[0]!)[0]).toEqual({
    event: 'digest',
    ts: expect.any(String),
    protocol: 'postgres',
    digest: once[0]!.key,
    operation: expect.any(String),
    summary: expect.stringMatching(/^(SELECT|UPDATE|INSERT) \w+$/),
    collection: expect.stringContaining('public.'),
    text: expect.stringMatching(/^(SELECT|UPDATE|INSERT) /),
  });
  told.confirm(once.slice(0, 4));
  expect(digests('p1', first, second)).toEqual(once);
  told.confirm(once.slice(4, 7));
  expect(digests('p2', first, second)).toHaveLength(3);
  second.columns.ts_us.fill(second.columns.ts_us[0]! + 3601e6);
  expect(digests('p3', second)).toHaveLength(second.digestCount);
});

test('what is known of digests stays bounded', () => {
  const told = new ToldDigests();
  for (let n = 0; n < 30_000; n += 1000) {
    const isNew = told.asOf(`p${n}`);
    const some = Array.from({ length: 1000 }, (_, i) => `d${n + i}`).filter((digest) => isNew(digest, 1));
    expect(some).toHaveLength(1000);
    told.confirm(some.map((digest) => ({ key: '', value: '', bytes: 0, lines: 1, rows: 0, part: '', digest })));
  }
  const isNew = told.asOf('last');
  expect(isNew('d29999', 1)).toBe(false);
  expect(isNew('d0', 1)).toBe(true);
});
