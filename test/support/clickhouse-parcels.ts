import type { ClickhouseSinkConfig } from '../../src/config/snapshot.ts';
import { digestOf, exchangeOf, sessionOf } from '../../src/digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../../src/events/columns.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { SessionEvent } from '../../src/events/layout.ts';
import { type Exchange, Flag, Outcome, Replies } from '../../src/exchange/exchange.ts';
import type { Parcel, SinkEnv } from '../../src/sinks/sink.ts';

export const clickhouseConfig = (change: Partial<ClickhouseSinkConfig> = {}): ClickhouseSinkConfig => ({
  type: 'clickhouse',
  name: 'history',
  queueBytes: 2 ** 20,
  spoolBytes: 0,
  timeoutMs: 10_000,
  url: null,
  path: null,
  database: 'sluice',
  username: null,
  password: null,
  cluster: null,
  ttlDays: 30,
  migrate: true,
  ...change,
});

export const sinkEnv = (log: SinkEnv['log'] = () => {}): SinkEnv => ({
  identity: { instance: 'a1b2', version: '0.0.0', host: 'here', node: { id: '', cluster: '' } },
  log,
  random: Math.random,
  environment: {},
});

let parcels = 0;
export function parcelOf(batches: readonly EventBatch[], id = `parcel.${process.pid}.${++parcels}`): Parcel {
  const sum = (of: (batch: EventBatch) => number) => batches.reduce((total, batch) => total + of(batch), 0);
  return { id, batches, rows: sum((b) => b.rows), sessionEvents: sum((b) => b.sessionEvents), bytes: 0 };
}

/** Whatever may be wrong with a name: what moves a terminal, ends a line, a cell, a string or a statement. */
export const HOSTILE = [
  'tab\there',
  'line\nfeed',
  'carriage\rreturn\r\n',
  'back\\slash \\N \\t \\',
  'quote\' "double" `back`',
  "'); DROP DATABASE sluice; --",
  '\n;\nDROP TABLE sluice.exchanges;\nINSERT INTO sluice.exchanges FORMAT TSV\n',
  'nul\0byte',
  '\x01\x02\x07\b\f\v\x1b[2J\x7f',
  '\u0085\u2028\u2029\u202e\ufeff',
  '\ud800 lone \udfff',
  'ünïcödé 漢字 🚰',
  '{database:String} {{database}} %s $1 ?',
  "-- { error 60 } # { serverError x } '",
  '# {echoOn}',
  ' leading and trailing ',
];

export interface Built {
  readonly batch: EventBatch;
  /** As they were before they became a batch. */
  readonly exchanges: readonly Exchange[];
}

/** Rows of every kind: each outcome, each flag, waits, endless, untimed, weights, traces, hostile names in every place. */
export function variety(seed: number, rows = 400, origin = 4_711_000_000_000_000 + seed): Built {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const encoder = new BatchEncoder();
  const exchanges: Exchange[] = [];
  const weights: number[] = [];
  const epoch = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  const sessions = HOSTILE.map((name, i) =>
    sessionOf(2 ** 41 + i, {
      database: name,
      user: HOSTILE[(i + 1) % HOSTILE.length]!,
      application: HOSTILE[(i + 2) % HOSTILE.length]!,
      cluster: i % 2 === 0 ? 'db' : name,
      upstreamAddress: '10.0.0.9:5432',
      driver: name,
      serverVersion: name,
    }),
  );
  const digests = HOSTILE.map((name, i) =>
    digestOf(i + 1 + seed * 100, {
      text: name,
      summary: name,
      operation: name.slice(0, 20),
      targets: [{ schema: name, name, operations: [] }],
    }),
  );
  const outcomes = Object.values(Outcome);
  const flags = [0, 0, 0, ...Object.values(Flag), Flag.waits | Flag.miss, Flag.continuation | Flag.waits];
  for (const session of sessions) encoder.appendSession(session, SessionEvent.start, epoch + 1000, '');
  for (let i = 0; i < rows; i++) {
    const start = 1000 + i * 90 + Math.floor(random() * 1e6) / 1e6;
    // From below the lowest bucket to above the highest, in whole nanoseconds as the clock has them.
    // Some are faster than the clock.
    const took = i % 41 === 0 ? 0 : Math.round(10 ** (random() * 11 - 4) * 1e6) / 1e6;
    const x = exchangeOf(sessions[i % sessions.length]!, random() < 0.1 ? null : digests[i % digests.length]!, {
      seq: i + 1,
      turn: i + 1,
      index: i % 3,
      transaction: i % 5,
      story: i % 7,
      flags: flags[i % flags.length]!,
      outcome: random() < 0.5 ? Outcome.ok : outcomes[i % outcomes.length]!,
      replies: random() < 0.9 ? Replies.one : (Object.values(Replies)[i % 4] ?? 0),
      code: random() < 0.3 ? '42P01' : random() < 0.1 ? HOSTILE[i % HOSTILE.length]! : '',
      policy: random() < 0.1 ? HOSTILE[i % HOSTILE.length]! : '',
      traceparent:
        random() < 0.3
          ? `00-0af7651916cd43dd8448eb211c80${(4096 + i).toString(16)}-b7ad6b716920${(4096 + i).toString(16)}-01`
          : '',
      requestFirstByteAt: start,
      requestLastByteAt: start,
      forwardedAt: start + 0.01,
      replyFirstByteAt: start + took / 2,
      replyLastByteAt: random() < 0.05 ? 0 : start + took,
      requestBytes: Math.floor(random() * 2 ** 34),
      replyBytes: Math.floor(random() * 2 ** 34),
      rowsReturned: Math.floor(random() * 1000),
      rowsAffected: Math.floor(random() * 10),
      rowsMatched: i % 6,
      batchSize: i % 9 === 0 ? 2 ** 32 - 1 : 0,
      attributes: i % 4 === 0 ? JSON.stringify({ 'sluice.name': HOSTILE[i % HOSTILE.length]!, 'sluice.n': i % 3 }) : '',
    });
    exchanges.push(x);
    weights.push(i % 50 === 49 ? 3 : 1);
    encoder.append(x, epoch);
  }
  for (const session of sessions) encoder.appendSession(session, SessionEvent.end, epoch + 5000, HOSTILE[3]!);
  const batch = EventBatch.from(
    encoder.finish({ worker: 3, incarnation: 1_700_000_000_000, origin, sequence: seed, before: 0 }),
  )!;
  for (const [i, weight] of weights.entries()) batch.columns.weight[i] = weight;
  return { batch, exchanges };
}

/** A plain batch: what pgbench -S sends. */
export function plainBatch(rows: number, origin: number): EventBatch {
  const encoder = new BatchEncoder({ maxRows: rows });
  const session = sessionOf(5);
  const epoch = Date.now() - 60_000;
  for (let i = 0; i < rows; i++) {
    const start = 1000 + i;
    const times = { requestFirstByteAt: start, requestLastByteAt: start, forwardedAt: start + 0.02 };
    const replies = { replyFirstByteAt: start + 0.4, replyLastByteAt: start + 0.5 };
    encoder.append(Object.assign(exchangeOf(session, digestOf(7)), times, replies, { seq: i + 1, turn: i + 1 }), epoch);
  }
  return EventBatch.from(encoder.finish({ worker: 1, incarnation: 1, origin, sequence: 1, before: 0 }))!;
}
