import { expect, test } from 'vitest';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { MergedRows } from '../digest/rows/merged-rows.ts';
import { MergedOperations } from '../digest/rows/merged-rows-operations.ts';
import { digestOf, exchangeOf, sessionOf } from '../digest/rows/rows.fixture.ts';
import { RowStore } from '../digest/rows/rows.ts';
import { Field } from '../digest/rows/rows-numbers.ts';
import { OperationStore } from '../digest/rows/rows-operations.ts';
import { ExchangePool, Flag, Outcome, Replies } from '../exchange/exchange.ts';
import { systemClock } from '../net/clock.ts';
import type { Channel, Dial } from './channel.ts';
import { FactsLink } from './link.ts';
import { Recorder } from './recorder.ts';

/** A way to facts that never opens. */
const nowhere: Dial = (): Channel => ({ writable: false, send() {}, end() {}, destroy() {} });

function recorder(pool: ExchangePool | null = null) {
  const rows = new RowStore();
  const operations = new OperationStore();
  const link = new FactsLink({ worker: 0, incarnation: 1, dial: nowhere, clock: systemClock, rows, operations });
  return { rows, operations, link, recorder: new Recorder({ rows, operations, link, clock: systemClock, pool }) };
}

test('an ended exchange is in its row, its operation and the open batch', () => {
  const r = recorder();
  const session = sessionOf(1);
  for (const change of [{}, {}, { outcome: Outcome.error, code: '42P01' }]) {
    const x = exchangeOf(session, digestOf(1), change);
    r.recorder.begin(x);
    r.recorder.end(x);
  }
  r.recorder.settle();
  expect(session.exchanges).toBe(3);
  expect(r.rows.totals().values[Field.calls]).toBe(3);
  expect(r.operations.series.map((s) => [s.labels.operation, s.labels.code, s.calls])).toEqual([
    ['', '', 0],
    ['SELECT', '', 2],
    ['SELECT', '42P01', 1],
  ]);
  expect(r.link.waiting).toBe(3);
});

test('hits, misses, redirects and waits of an operation, told to facts over two lives of a worker', () => {
  const merged = new MergedOperations();
  const session = sessionOf(1, { protocol: 'redis' });
  const get = digestOf(1, { protocol: 'redis', operation: 'GET' });
  for (const incarnation of [1, 2]) {
    const operations = new OperationStore();
    let hint = -1;
    const record = (change: object): void => {
      hint = operations.record(exchangeOf(session, get, change), hint);
      const part = operations.changes();
      expect(part && merged.apply(0, incarnation, part)).toBe(true);
    };
    record({});
    expect(operations.series[hint]!.wait).toBeNull();
    for (const flags of [Flag.hit, Flag.hit, Flag.miss, Flag.waits, Flag.waits]) record({ flags });
    record({ outcome: Outcome.redirected, code: 'MOVED' });
    operations.snapshot();
    merged.apply(0, incarnation, operations.changes()!);
    merged.retire(0, incarnation);
  }
  expect(merged.series).toHaveLength(2);
  const { labels, calls, hits, misses, redirected, time, wait } = merged.series[1]!;
  expect([labels.operation, labels.code]).toEqual(['GET', '']);
  expect({ calls, hits, misses, redirected }).toEqual({ calls: 14, hits: 4, misses: 2, redirected: 2 });
  expect([time.count, wait?.count, wait?.sum]).toEqual([10, 4, 4]);
});

test('endless exchanges show while they last, and are counted once', () => {
  const r = recorder();
  const x = exchangeOf(sessionOf(1), digestOf(1), { replies: Replies.endless, replyBytes: 10 });
  r.recorder.begin(x);
  for (const bytes of [10, 500, 900]) {
    x.replyBytes = bytes;
    r.recorder.progress(x);
    expect(r.rows.totals().values[Field.replyBytes]).toBe(bytes);
  }
  r.recorder.end(Object.assign(x, { replyBytes: 1000 }));
  r.recorder.settle();
  const { values, time } = r.rows.totals();
  expect([values[Field.calls], values[Field.replyBytes], time.count]).toEqual([1, 1000, 0]);
});

test('what has ended is recorded 32 at once, and before anything leaves or a session ends; then it is given back', () => {
  const pool = new ExchangePool();
  const r = recorder(pool);
  const calls = () => r.rows.totals().values[Field.calls];
  const end = () => r.recorder.end(Object.assign(pool.take(), exchangeOf(sessionOf(1), digestOf(1))));
  for (let i = 0; i < 31; i++) end();
  expect(calls()).toBe(0);
  end();
  expect(calls()).toBe(32);
  end();
  r.link.flush();
  expect(calls()).toBe(33);
  end();
  r.recorder.sessionEnd(sessionOf(1), 'fin');
  expect(calls()).toBe(34);
  expect(pool.take().digest).toBeNull(); // reset, so it went through the pool
});

test('operations beyond the bound are in the overflow series, in workers and in facts', () => {
  const operations = new OperationStore(10);
  for (let i = 0; i < 50; i++) {
    const x = exchangeOf(sessionOf(1), digestOf(1, { operation: `OP${i}` }));
    operations.record(x, -1);
    operations.record(x, -1);
  }
  const merged = new MergedOperations(5);
  merged.apply(0, 1, operations.changes()!);
  operations.snapshot();
  merged.apply(1, 1, operations.changes()!);
  for (const [series, size, calls] of [
    [operations.series, 11, 100],
    [merged.series, 6, 200],
  ] as const) {
    expect(series.length).toBe(size);
    expect(series[0]!.labels.overflow).toBe(true);
    expect(series.reduce((n, s) => n + s.calls, 0)).toBe(calls);
    expect(series.reduce((n, s) => n + s.time.count, 0)).toBe(calls);
  }
  expect(operations.changes()).toBeNull();
  expect(merged.apply(1, 1, Buffer.from([1, 200]))).toBe(false);
});

test('recording a known query takes about a microsecond', () => {
  const r = recorder();
  const sessions = Array.from({ length: 64 }, (_, i) => sessionOf(i, { user: `u${i % 4}` }));
  const xs = Array.from({ length: 1024 }, (_, i) =>
    exchangeOf(sessions[i % 64]!, digestOf(i % 200), {
      replyFirstByteAt: 1000.2 + (i % 7),
      replyLastByteAt: 1000.5 + (i % 9),
    }),
  );
  const run = (times: number): number => {
    const from = cpuMs();
    for (let n = 0; n < times; n++) for (let i = 0; i < 1024; i++) r.recorder.end(xs[i]!);
    return ((cpuMs() - from) * 1000) / (times * 1024);
  };
  run(100);
  const us = Math.min(run(100), run(100), run(100));
  console.log(`record in row, operation and batch: ${us.toFixed(3)} µs an exchange`);
  // Ten times the aim: a loaded machine must not fail this, an accidental allocation or scan must.
  expect(us).toBeLessThan(10);
  const facts = new MergedRows();
  for (let part = r.rows.changes(); part; part = r.rows.changes()) facts.apply(0, 1, part);
  expect(facts.totals().values[Field.calls]).toBe(400 * 1024);
});
