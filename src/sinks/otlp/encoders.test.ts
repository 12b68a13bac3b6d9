import { ProtobufLogsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeOtlp, itemsOf, type Tree, type TreeValue } from '../../../test/support/otlp-receiver.ts';
import type { DigestEntry, EventBatch, SessionEntry } from '../../events/event-batch.ts';
import { SessionEvent } from '../../events/layout.ts';
import { traceIdsOf } from '../../events/trace-ids.ts';
import { Flag, OUTCOME_NAMES, Outcome, Replies, VERDICT_NAMES, VerdictCode } from '../../exchange/exchange.ts';
import { LogEncoder } from './log-encoder.ts';
import { anyTalks, batchOf, encoded, RESOURCE, SCOPE } from './otlp.fixture.ts';
import { SpanEncoder } from './span-encoder.ts';

type Value = string | number | boolean | readonly string[];
type Attributes = Record<string, Value>;

const SDK = { resource: { attributes: Object.fromEntries(RESOURCE) }, instrumentationScope: SCOPE };

// The same records once more, said plainly, for the library to encode.

const said = (attributes: Record<string, Value | undefined>): Attributes => {
  const kept = Object.entries(attributes).filter(([, value]) => value !== '' && value !== undefined && value !== 0);
  return Object.fromEntries(kept) as Attributes;
};
const host = (text: string) =>
  text.startsWith('/') ? text : text.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1');
const port = (text: string) => (text.startsWith('/') ? 0 : Number(/:(\d{1,5})$/.exec(text)?.[1] ?? 0));
const SYSTEMS: Record<string, string> = { postgres: 'postgresql' };
function system({ protocol, server_version }: SessionEntry): string {
  if (protocol === 'mysql' && /mariadb/i.test(server_version)) return 'mariadb';
  if (protocol === 'redis' && /^valkey /.test(server_version)) return 'valkey';
  return SYSTEMS[protocol] ?? protocol;
}
const TOUCHED: Record<string, string> = {
  postgres: 'sluice.tables',
  mysql: 'sluice.tables',
  mongodb: 'db.collection.name',
  zookeeper: 'sluice.paths',
};
const isFailed = (outcome: number) => [1, 2, 3, 4].includes(outcome);

const isKafka = (s: SessionEntry) => s.protocol === 'kafka';
const OPERATIONS: Record<string, [name: string, type: string]> = {
  Produce: ['send', 'send'],
  Fetch: ['poll', 'receive'],
  OffsetCommit: ['commit', 'settle'],
};
const kafkaName = ({ operation }: DigestEntry) => OPERATIONS[operation]?.[0] ?? operation;
const topicOf = (d: DigestEntry) =>
  d.summary === `${d.operation} orders` && d.collection === 'orders' ? 'orders' : '';

const whoOf = (s: SessionEntry): Attributes =>
  said({
    ...(isKafka(s)
      ? { 'messaging.system': 'kafka', 'messaging.client.id': s.application }
      : { 'db.system.name': system(s), 'db.namespace': s.database }),
    'server.address': host(s.upstream),
    'server.port': port(s.upstream),
    'network.peer.address': host(s.upstream),
    'network.peer.port': port(s.upstream),
    'client.address': host(s.client),
    'client.port': port(s.client),
    'user.name': s.user,
    'sluice.application': s.application,
    'sluice.listener': s.listener,
    'sluice.cluster': s.cluster,
    'sluice.session.id': s.session_id,
  });

function exchangeAttributes(batch: EventBatch, row: number): Attributes {
  const c = batch.columns;
  const session = batch.session(c.session[row]!);
  const digest = batch.digest(c.digest[row]!);
  const isSql = session.protocol === 'postgres' || session.protocol === 'mysql';
  const flags = c.flags[row]!;
  const outcome = c.error_class[row]!;
  const status = batch.string(c.status[row]!);
  return {
    ...whoOf(session),
    ...said({
      ...(isKafka(session)
        ? c.digest[row]! > 0 && {
            'messaging.operation.name': kafkaName(digest),
            'messaging.operation.type': OPERATIONS[digest.operation]?.[1],
            'messaging.destination.name': topicOf(digest),
            'sluice.operation': digest.operation,
            'sluice.summary': digest.summary,
            'sluice.targets': topicOf(digest) === digest.collection ? '' : digest.collection,
          }
        : {
            'db.query.summary': digest.summary,
            'db.query.text': digest.text,
            [isSql ? 'sluice.operation' : 'db.operation.name']: digest.operation,
            [TOUCHED[session.protocol] ?? 'sluice.keys']: digest.collection,
          }),
      'sluice.digest': digest.digest,
      'sluice.kind': batch.string(c.kind[row]!),
      'sluice.outcome': OUTCOME_NAMES[outcome],
      'db.response.status_code': isKafka(session) ? '' : status,
      'error.type': isFailed(outcome) ? status || OUTCOME_NAMES[outcome] : '',
      'sluice.severity': batch.string(c.severity[row]!),
      'sluice.rule.id': batch.string(c.policy[row]!),
      'sluice.verdict': VERDICT_NAMES[c.verdict[row]!],
      'sluice.shadow.rule.id': batch.string(c.shadow_policy[row]!),
      'sluice.shadow.verdict': VERDICT_NAMES[c.shadow_verdict[row]!],
      'sluice.policy.snapshot': batch.string(c.policy_snapshot[row]!),
    }),
    ...(flags !== 0 && { 'sluice.flags': Object.entries(Flag).flatMap(([name, bit]) => (flags & bit ? [name] : [])) }),
    ...((flags & Flag.staleTrace) !== 0 && { 'sluice.trace.stale': true }),
    ...(outcome === Outcome.redirected && { 'sluice.redirect': true }),
    'sluice.seq': c.seq[row]!,
    ...said({ 'sluice.transaction': c.transaction[row]! }),
    'sluice.rows.sent': c.rows_sent[row]!,
    'sluice.rows.affected': c.rows_affected[row]!,
    ...said({ 'sluice.rows.matched': c.rows_matched[row]! }),
    ...counted(session, digest, c.batch_size[row]!, c.rows_sent[row]!),
    ...Object.fromEntries(batch.attributes(c.attributes[row]!)),
    ...(c.policy_snapshot[row] !== 0 && { 'sluice.request.offset': c.request_offset[row]! }),
    'sluice.request.size': c.request_bytes[row]!,
    'sluice.response.size': c.response_bytes[row]!,
    ...said({ 'sluice.duration.first_byte': c.ttfb_ns[row]! / 1e9, 'sluice.duration.proxy': c.proxy_ns[row]! / 1e9 }),
  };
}

function counted(session: SessionEntry, { operation }: DigestEntry, batchSize: number, rowsSent: number): Attributes {
  if (!isKafka(session)) return batchSize > 1 ? { 'db.operation.batch.size': batchSize } : {};
  if (operation === 'Produce') return batchSize > 0 ? { 'messaging.batch.message_count': batchSize } : {};
  if (operation === 'Fetch') return { 'messaging.batch.message_count': rowsSent };
  return batchSize > 1 ? { 'sluice.batch.size': batchSize } : {};
}

type HrTime = [seconds: number, nanos: number];
function hrTime(us: number, ns = 0): HrTime {
  const nanos = BigInt(us) * 1000n + BigInt(Math.round(ns));
  return [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
}

function sdkLogs(batch: EventBatch): object[] {
  const c = batch.columns;
  const records: object[] = [];
  for (let row = 0; row < batch.rows; row++) {
    const ids = traceIdsOf(batch, row);
    const outcome = c.error_class[row]!;
    const duration = c.duration_ns[row]!;
    const isSlow = duration >= 1e9 && (c.flags[row]! & Flag.waits) === 0 && c.replies[row] !== Replies.endless;
    const [eventName, severity] =
      outcome === Outcome.denied
        ? (['sluice.policy.denied', 'WARN'] as const)
        : isFailed(outcome)
          ? (['sluice.query', 'ERROR'] as const)
          : c.shadow_verdict[row] === VerdictCode.denied
            ? (['sluice.policy.would_deny', 'INFO2'] as const)
            : (['sluice.query', isSlow ? 'WARN' : 'INFO'] as const);
    records.push({
      ...SDK,
      hrTime: hrTime(c.ts_us[row]!),
      hrTimeObserved: hrTime(c.ts_us[row]!, duration),
      severityNumber: { INFO: 9, INFO2: 10, WARN: 13, ERROR: 17 }[severity],
      severityText: severity,
      eventName,
      spanContext: { traceId: ids.traceId, spanId: ids.spanId, traceFlags: ids.flags },
      attributes: { ...exchangeAttributes(batch, row), ...said({ 'sluice.duration.total': duration / 1e9 }) },
      droppedAttributesCount: 0,
    });
  }
  const e = batch.sessionColumns;
  for (let at = 0; at < batch.sessionEvents; at++) {
    const s = batch.session(e.session[at]!);
    const isEnd = e.event[at] === SessionEvent.end;
    const isUnix = s.client === '' ? s.local.startsWith('/') : s.client.startsWith('/');
    records.push({
      ...SDK,
      hrTime: hrTime(e.ts_us[at]!),
      hrTimeObserved: hrTime(e.ts_us[at]!),
      severityNumber: 9,
      severityText: 'INFO',
      eventName: isEnd ? 'sluice.session.end' : 'sluice.session.start',
      attributes: {
        ...whoOf(s),
        ...said({
          'network.transport': isUnix ? 'unix' : 'tcp',
          'network.type': isUnix ? '' : s.client.includes('[') ? 'ipv6' : 'ipv4',
          'network.local.address': host(s.local),
          'network.local.port': port(s.local),
          'sluice.driver': s.driver,
          'sluice.server.version': s.server_version,
          'sluice.session.kind': s.session_kind,
          'sluice.opaque': s.opaque,
        }),
        ...(s.tls === 'true' && { 'sluice.tls': true }),
        ...(isEnd && {
          'sluice.session.end_reason': batch.string(e.reason[at]!),
          'sluice.session.exchanges': e.exchanges[at]!,
          'sluice.request.size': e.received_bytes[at]!,
          'sluice.response.size': e.sent_bytes[at]!,
          'sluice.duration.total': e.duration_ns[at]! / 1e9,
        }),
      },
      droppedAttributesCount: 0,
    });
  }
  return records;
}

function sdkSpans(batch: EventBatch): object[] {
  const c = batch.columns;
  const spans: object[] = [];
  for (let row = 0; row < batch.rows; row++) {
    const ids = traceIdsOf(batch, row);
    const duration = c.duration_ns[row]!;
    if ((ids.flags & 1) === 0 || (c.replies[row] === Replies.endless && duration === 0)) continue;
    const s = batch.session(c.session[row]!);
    const digest = batch.digest(c.digest[row]!);
    const target = (s.protocol === 'redis' ? '' : s.database) || s.upstream;
    const attributes = exchangeAttributes(batch, row);
    const context = { traceId: ids.traceId, spanId: ids.spanId, traceFlags: ids.flags };
    spans.push({
      ...SDK,
      name: isKafka(s)
        ? [kafkaName(digest), topicOf(digest) || s.upstream].filter((part) => part !== '').join(' ') || 'kafka'
        : digest.summary || [digest.operation, target].filter((part) => part !== '').join(' ') || system(s),
      kind: isKafka(s) && digest.operation === 'Produce' ? 3 : 2, // of the API: one more on the wire
      spanContext: () => context,
      ...(ids.parentSpanId !== '' && { parentSpanContext: { ...context, spanId: ids.parentSpanId, isRemote: true } }),
      startTime: hrTime(c.ts_us[row]!),
      endTime: hrTime(c.ts_us[row]!, duration),
      status: 'error.type' in attributes ? { code: 2, message: attributes['error.type'] } : { code: 0 },
      attributes,
      links: [],
      events: [],
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    });
  }
  return spans;
}

/** What the library writes beyond need (zeros), and what order means nothing in, put aside; 1 and 1.0 are the same. */
function comparable(value: TreeValue): TreeValue {
  if (Array.isArray(value)) {
    const items = value.map(comparable);
    const isAttributes = items.length > 0 && items.every((item) => typeof item === 'object' && item && 'key' in item);
    return isAttributes ? items.sort((a, b) => ((a as Tree)['key']! < (b as Tree)['key']! ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const tree = value as Tree;
  if ('intValue' in tree || 'doubleValue' in tree) return { number: Number(tree['intValue'] ?? tree['doubleValue']) };
  const kept = Object.entries(tree)
    .map(([key, inner]) => [key, comparable(inner)] as const)
    .filter(([key, inner]) => !(key.startsWith('dropped') && inner === 0))
    .filter(([, inner]) => !(typeof inner === 'object' && inner && Object.keys(inner).length === 0))
    .filter(([key, inner]) => !(key === 'code' && inner === 0))
    .map(([key, inner]) => [key, key === 'status' && Object.keys(inner as object).length === 0 ? undefined : inner]);
  return Object.fromEntries(kept.filter(([, inner]) => inner !== undefined)) as Tree;
}

describe('field by field as @opentelemetry/otlp-transformer encodes the same records', () => {
  test('logs', () => {
    fc.assert(
      fc.property(anyTalks, (talks) => {
        const batch = batchOf(talks);
        const ours = decodeOtlp('logs', encoded(new LogEncoder(1000), batch));
        const records = sdkLogs(batch) as Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0];
        if (records.length === 0) return;
        expect(comparable(ours)).toEqual(
          comparable(decodeOtlp('logs', ProtobufLogsSerializer.serializeRequest(records)!)),
        );
      }),
    );
  });

  test('spans', () => {
    fc.assert(
      fc.property(anyTalks, (talks) => {
        const batch = batchOf(talks);
        const ours = decodeOtlp('traces', encoded(new SpanEncoder(), batch));
        const spans = sdkSpans(batch) as Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0];
        expect(itemsOf('traces', ours).length).toBe(spans.length);
        if (spans.length === 0) return;
        expect(comparable(ours)).toEqual(
          comparable(decodeOtlp('traces', ProtobufTraceSerializer.serializeRequest(spans)!)),
        );
      }),
    );
  });
});
