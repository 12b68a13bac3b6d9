import fc from 'fast-check';
import type { OtlpSinkConfig } from '../../config/snapshot.ts';
import { digestOf, exchangeOf, sessionOf } from '../../digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../../events/columns.ts';
import { EventBatch } from '../../events/event-batch.ts';
import { SessionEvent } from '../../events/layout.ts';
import type { Digest } from '../../exchange/digest.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { SessionFacts } from '../../exchange/session-facts.ts';
import type { Parcel, SinkEnv } from '../sink.ts';
import type { RecordEncoder } from './record-encoder.ts';
import { ExportRequest } from './request.ts';
import { resourceOf } from './resource.ts';

export const WALL = 1_700_000_000_000;
export const CALLER = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
export const PLACE = { worker: 3, incarnation: 7, origin: 4503599627370495, sequence: 11, before: 1234 };

export interface Told {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function envOf(environment: SinkEnv['environment'] = {}): SinkEnv & { readonly told: Told[] } {
  const told: Told[] = [];
  return {
    identity: { instance: 'i-1', version: '0.1.0', host: 'box', node: { id: '', cluster: '' } },
    log: (level, message, fields = {}) => void told.push({ level, message, fields }),
    random: () => 0.5,
    environment,
    told,
  };
}

export const configOf = (change: Partial<OtlpSinkConfig>): OtlpSinkConfig => ({
  type: 'otlp',
  name: 'out',
  queueBytes: 2 ** 20,
  spoolBytes: 0,
  timeoutMs: 10_000,
  url: null,
  protocol: null,
  headers: {},
  compression: null,
  signals: ['logs'],
  intervalMs: 10_000,
  hasTimeout: false,
  slowMs: 1000,
  ...change,
});

/** What a batch is made of: a session and its exchanges, in one go. */
export interface Talk {
  readonly session?: Partial<SessionFacts>;
  readonly exchanges?: readonly (Partial<Exchange> & { readonly digest?: Digest | null })[];
  /** The session ends for this reason. */
  readonly reason?: string;
}

export function batchOf(talks: readonly Talk[], sequence = 1): EventBatch {
  const encoder = new BatchEncoder({ maxRows: 2 ** 20, maxBytes: 2 ** 30 });
  for (const [n, { session: change, exchanges = [], reason }] of talks.entries()) {
    const session = sessionOf(100 + n, { upstreamAddress: '10.0.0.9:5432', ...change });
    if (reason !== undefined) encoder.appendSession(session, SessionEvent.start, session.startedAt, '');
    for (const [i, x] of exchanges.entries()) {
      encoder.append(exchangeOf(session, x.digest === undefined ? digestOf(i) : x.digest, { seq: i + 1, ...x }), WALL);
      session.exchanges++;
    }
    if (reason !== undefined) encoder.appendSession(session, SessionEvent.end, session.startedAt + 5000.5, reason);
  }
  return EventBatch.from(encoder.finish({ ...PLACE, sequence }))!;
}

export const RESOURCE = resourceOf(envOf(), () => {});
export const SCOPE = { name: 'sluice', version: '0.1.0' };

/** One request with all records of a batch. */
export function encoded(encoder: RecordEncoder, batch: EventBatch): Buffer {
  const request = new ExportRequest(RESOURCE, SCOPE);
  encoder.begin(batch);
  for (let row = 0; row < batch.rows; row++) encoder.exchange(request.items, row);
  for (let at = 0; at < batch.sessionEvents; at++) encoder.sessionEvent(request.items, at);
  return Buffer.from(request.finish());
}

export const parcelOf = (batches: readonly EventBatch[], id = 'p-1'): Parcel => ({
  id,
  batches,
  rows: batches.reduce((sum, { rows }) => sum + rows, 0),
  sessionEvents: batches.reduce((sum, { sessionEvents }) => sum + sessionEvents, 0),
  bytes: 1,
});

/** Any text: control characters, half surrogates, long. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '\ud800', 'a\u0000b\r\nc\u001b[31m', 'ж'.repeat(200), '"\'<script>\\'),
);
const bytes = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs));
const ms = fc.nat(1e9).map((us) => us / 1000);
const address = fc.constantFrom('', '10.0.0.1:5432', '[::1]:6379', '/run/db.sock', 'db:70000', ':5', 'x');

const digest = fc.oneof(
  fc
    .record({ text, summary: text, operation: text, id: fc.constantFrom('', '00000000000000ff') })
    .map((change) => digestOf(1, change)),
  // As Kafka's are.
  fc
    .record({
      operation: fc.constantFrom('Produce', 'Fetch', 'OffsetCommit', 'Metadata', 'JoinGroup'),
      topic: fc.boolean(),
    })
    .map(({ operation, topic }) => {
      const summary = `${operation} ${topic ? 'orders' : '*'}`;
      const targets = topic ? [{ schema: '', name: 'orders', operations: ['write'] }] : [];
      return digestOf(1, { operation, summary, text: summary, targets });
    }),
);

const exchange = fc
  .record({
    digest: fc.option(digest),
    seq: fc.nat(),
    transaction: fc.nat(3),
    kind: text,
    code: text,
    severity: text,
    policy: text,
    flags: fc.nat(8191),
    outcome: fc.constantFrom(0, 1, 2, 3, 4, 5, 6),
    replies: fc.constantFrom(0, 1, 2, 3),
    rowsReturned: bytes,
    rowsAffected: bytes,
    rowsMatched: fc.oneof(fc.constant(0), bytes),
    batchSize: fc.constantFrom(0, 1, 2, 1000, 2 ** 32 - 1),
    attributes: fc.oneof(
      fc.constantFrom('', '', '{"messaging.consumer.group.name":"billing","sluice.kafka.throttle_ms":2.5}', '{', '[1]'),
      text.map((value) => JSON.stringify({ 'sluice.name': value, 'not a name': 1 })),
    ),
    requestBytes: bytes,
    replyBytes: bytes,
    requestFirstByteAt: ms,
    requestLastByteAt: ms,
    forwardedAt: ms,
    replyFirstByteAt: ms,
    replyLastByteAt: ms,
    traceparent: fc.constantFrom('', `00-${CALLER}-01`, `00-${CALLER}-00`, `00-${CALLER}-03`),
  })
  .map((x) => x as NonNullable<Talk['exchanges']>[number]);

const session = fc.record({
  protocol: fc.constantFrom('postgres', 'mysql', 'redis', 'mongodb', 'zookeeper', 'kafka', 'tcp'),
  serverVersion: fc.oneof(text, fc.constantFrom('10.11.6-MariaDB-0+deb12u1', 'valkey 8.0.1', '16.2')),
  database: text,
  user: text,
  application: text,
  driver: text,
  listener: text,
  cluster: text,
  kind: text,
  opaque: text,
  tls: fc.boolean(),
  upstreamAddress: address,
  clientAddress: address,
  localAddress: address,
});

/** Sessions and exchanges with anything in them. */
export const anyTalks = fc.array(
  fc.record({
    session,
    exchanges: fc.array(exchange, { maxLength: 4 }),
    reason: fc.option(text, { nil: undefined }),
  }) as fc.Arbitrary<Talk>,
  { minLength: 1, maxLength: 4 },
);
