import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RowStore } from '../../src/digest/rows/rows.ts';
import { Field } from '../../src/digest/rows/rows-numbers.ts';
import { traceIdsOf } from '../../src/events/trace-ids.ts';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../src/exchange/exchange.ts';
import { clickhouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import { EmbeddedDown, EmbeddedProcess } from '../../src/sinks/clickhouse/embedded-process.ts';
import { embeddedStore } from '../../src/sinks/clickhouse/store.ts';
import { clickhouseConfig, HOSTILE, parcelOf, plainBatch, sinkEnv, variety } from '../support/clickhouse-parcels.ts';
import { type ClickhouseStage, clickhouseStage, countsOf, numberOf, within } from '../support/clickhouse-stage.ts';
import { poll } from '../support/poll.ts';

let stage: ClickhouseStage;
beforeAll(async () => {
  stage = await clickhouseStage();
});
afterAll(() => stage.close());
const ROWS = 'SELECT count() AS n FROM';

test('every column of every row is what the batch says, hostile names too', async () => {
  const sink = stage.embedded('exact');
  const { batch } = variety(1);
  expect(await sink.deliver(parcelOf([batch]), within())).toEqual({ kind: 'delivered' });
  const rows = await sink.store.query<Record<string, unknown>>(
    `SELECT * REPLACE (toUnixTimestamp64Micro(ts) AS ts, lower(hex(trace_id)) AS trace_id, lower(hex(parent_span_id)) AS parent_span_id),
              trace_hex, span_hex, parent_span_hex FROM exact.exchanges ORDER BY seq`,
  );
  expect(rows.length).toBe(batch.rows);
  const c = batch.columns;
  const zero = (digits: number, hex: string) => (hex === '' ? '0'.repeat(digits) : hex);
  for (const [i, row] of rows.entries()) {
    const s = batch.session(c.session[i]!);
    const digest = batch.digest(c.digest[i]!);
    const trace = traceIdsOf(batch, i);
    const { duration_bucket, ...rest } = row;
    expect(duration_bucket).toEqual(expect.any(Number));
    expect(rest).toEqual({
      ts: c.ts_us[i],
      duration_ns: Math.round(c.duration_ns[i]!),
      ttfb_ns: Math.round(c.ttfb_ns[i]!),
      proxy_ns: Math.round(c.proxy_ns[i]!),
      request_offset: c.request_offset[i],
      request_bytes: c.request_bytes[i],
      response_bytes: c.response_bytes[i],
      rows_sent: c.rows_sent[i],
      rows_affected: c.rows_affected[i],
      rows_matched: c.rows_matched[i],
      batch_size: c.batch_size[i],
      instance: 'a1b2',
      worker: 3,
      incarnation: batch.incarnation,
      origin: batch.origin,
      session_id: s.session_id,
      seq: c.seq[i],
      turn: c.turn[i],
      index: c.index[i],
      transaction: c.transaction[i],
      story: c.story[i],
      listener: s.listener,
      protocol: s.protocol,
      cluster: s.cluster,
      upstream: s.upstream,
      database: s.database,
      user: s.user,
      application: s.application,
      client_ip: '::ffff:10.0.0.1',
      kind: 'query',
      operation: digest.operation,
      digest: digest.digest,
      status: batch.string(c.status[i]!),
      severity: '',
      policy: batch.string(c.policy[i]!),
      verdict: VERDICT_NAMES[c.verdict[i]!],
      shadow_policy: batch.string(c.shadow_policy[i]!),
      shadow_verdict: VERDICT_NAMES[c.shadow_verdict[i]!],
      policy_snapshot: batch.string(c.policy_snapshot[i]!),
      error_class: OUTCOME_NAMES[c.error_class[i]!],
      replies: ['one', 'many', 'none', 'endless'][c.replies[i]!],
      flags: c.flags[i],
      weight: c.weight[i],
      trace_id: zero(32, trace.parentSpanId === '' ? '' : trace.traceId),
      parent_span_id: zero(16, trace.parentSpanId),
      attributes: Object.fromEntries(batch.attributes(c.attributes[i]!).map(([key, value]) => [key, String(value)])),
      trace_hex: trace.traceId,
      span_hex: trace.spanId,
      parent_span_hex: trace.parentSpanId,
    });
  }
  const sessions = await sink.store.query<Record<string, unknown>>(
    'SELECT * FROM exact.sessions ORDER BY event, session_id',
  );
  expect(
    sessions.map(({ event, database, driver, reason, client, tls }) => [event, database, driver, reason, client, tls]),
  ).toEqual(
    ['start', 'end'].flatMap((event) =>
      [...HOSTILE].map((name) => {
        const kept = Buffer.from(name).toString();
        return [event, kept, kept, event === 'end' ? HOSTILE[3] : '', '10.0.0.1:5000', false];
      }),
    ),
  );
  const digests = await sink.store.query<{ text: string; summary: string }>(
    'SELECT * FROM exact.digests FINAL ORDER BY digest',
  );
  expect(digests.map(({ text, summary }) => [text, summary])).toEqual(
    [...HOSTILE].map((name) => [Buffer.from(name).toString(), Buffer.from(name).toString()]),
  );
});

test('what the rollups count is what the live rows count, bucket by bucket', async () => {
  const sink = stage.embedded('agree');
  const live = new RowStore();
  for (const seed of [2, 3, 4]) {
    const { batch, exchanges } = variety(seed, 2000);
    for (const [i, x] of exchanges.entries())
      for (let n = 0; n < batch.columns.weight[i]!; n++) live.record(x, Date.now(), null);
    expect(await sink.deliver(parcelOf([batch]), within())).toEqual({ kind: 'delivered' });
  }
  const want = live.totals();
  const v = want.values;
  for (const table of ['rollup_10s', 'rollup_1m', 'rollup_1h']) {
    const [row] = await sink.store.query<Record<string, unknown>>(`
        SELECT sum(calls) AS calls, sum(errors) AS errors, sum(denied) AS denied, sum(cancelled) AS cancelled, sum(lost) AS lost,
          sum(skipped) AS skipped, sum(redirected) AS redirected, sum(untimed) AS untimed, sum(waits) AS waits, sum(hits) AS hits,
          sum(misses) AS misses, sum(rows_sent) AS rows_sent, sum(rows_affected) AS rows_affected,
          sum(request_bytes) AS request_bytes, sum(response_bytes) AS response_bytes, sum(duration_seconds) AS seconds,
          sum(continued_seconds) AS continued, sum(wait_seconds) AS waited, max(duration_max_ns) AS longest,
          uniqMerge(sessions) AS sessions, sumMap(duration_buckets) AS buckets, sumMap(wait_buckets) AS wait_buckets,
          sumMap(codes) AS codes,
          least(exp2((arrayFirst((k, c) -> c >= 0.99 * arraySum(mapValues(buckets)), mapKeys(buckets), arrayCumSum(mapValues(buckets))) + 0.5) / 16), longest / 1e9) AS p99
        FROM agree.${table}`);
    const { seconds, continued, waited, longest, buckets, wait_buckets, codes, sessions, p99, ...sums } = row!;
    expect(sums).toEqual({
      calls: v[Field.calls],
      errors: v[Field.errors],
      denied: v[Field.denied],
      cancelled: v[Field.cancelled],
      lost: v[Field.lost],
      skipped: v[Field.skipped],
      redirected: v[Field.redirected],
      untimed: v[Field.untimed],
      waits: v[Field.waits],
      hits: v[Field.hits],
      misses: v[Field.misses],
      rows_sent: v[Field.rowsReturned],
      rows_affected: v[Field.rowsAffected],
      request_bytes: v[Field.requestBytes],
      response_bytes: v[Field.replyBytes],
    });
    expect(buckets).toEqual(bucketsOf(want.time));
    expect(wait_buckets).toEqual(bucketsOf(want.wait!));
    const kept = [...want.codes!].map(([code, n]) => [Buffer.from(code).toString(), n] as const);
    expect(foldedCodes(Object.entries(codes as Record<string, number>))).toEqual(foldedCodes(kept));
    expect(sessions).toBe(HOSTILE.length * 3);
    for (const [got, exact] of [
      [seconds, want.time.sum],
      [continued, v[Field.continuedSeconds]],
      [waited, want.wait!.sum],
    ] as const)
      expect(Number(got) / exact!).toBeCloseTo(1, 9);
    expect(Number(longest) / 1e9).toBeCloseTo(want.time.max, 8);
    expect(Number(p99)).toBeCloseTo(want.time.quantile(0.99), 8);
  }
  // Rows of other writers (Kafka) bring no bucket: the table's own expression finds the same.
  const wrong = await numberOf(
    sink,
    `${ROWS} agree.exchanges WHERE duration_bucket != if(duration_ns = 0 OR replies = 'endless' OR bitAnd(flags, 512) != 0 OR error_class = 'skipped', -32768,
         greatest(-319, least(189, toInt32(ceil(log2(greatest(duration_ns, 1000) / 1e9) * 16) - 1))))`,
  );
  expect(wrong).toBe(0);
});

test('a parcel that is sent again changes neither tables nor rollups, after a restart neither', async () => {
  const own = path.join(stage.root, 'twice');
  const config = clickhouseConfig({ path: own, database: 'twice' });
  const parcels = [1, 2, 3].map((n) => parcelOf([plainBatch(1000, n), variety(n + 10, 100).batch], `life.${n}`));
  let sink = clickhouseSink(config, sinkEnv());
  for (const parcel of [...parcels, parcels[0]!, parcels[2]!])
    expect((await sink.deliver(parcel, within())).kind).toBe('delivered');
  expect(await countsOf(sink, 'twice')).toEqual([3300, ...Array(3).fill(weighed(parcels))]);
  await sink.close();
  sink = clickhouseSink(config, sinkEnv());
  for (const parcel of parcels) expect((await sink.deliver(parcel, within())).kind).toBe('delivered');
  expect(await countsOf(sink, 'twice')).toEqual([3300, ...Array(3).fill(weighed(parcels))]);
  expect(await numberOf(sink, `${ROWS} twice.sessions`)).toBe(3 * 2 * HOSTILE.length);
  expect(await numberOf(sink, `${ROWS} twice.digests FINAL`)).toBe(3 * HOSTILE.length + 1);
  await sink.close();
});

test('kill -9 of the engine, and an engine that hangs: later, and whole when it is back', async () => {
  const own = path.join(stage.root, 'killed');
  const held = new EmbeddedProcess({ folder: own, hangMs: 300, pausesMs: [0, 0, 50] });
  const sink = clickhouseSink(clickhouseConfig({ database: 'killed' }), sinkEnv(), embeddedStore(own, held));
  const parcels = [1, 2, 3].map((n) => parcelOf([plainBatch(3000, n)]));
  expect((await sink.deliver(parcels[0]!, within())).kind).toBe('delivered');

  const under = sink.deliver(parcels[1]!, within());
  process.kill(held.pid!, 'SIGKILL');
  const answer = await under;
  expect(answer).toEqual({ kind: 'later', why: expect.stringContaining('the process of the embedded ClickHouse') });
  expect(
    await poll(
      'delivered after the kill',
      async () => (await sink.deliver(parcels[1]!, within())).kind === 'delivered',
    ),
  ).toBe(true);

  const stopped = held.pid!;
  process.kill(stopped, 'SIGSTOP');
  const hung = await sink.deliver(parcels[2]!, within(400));
  expect(hung.kind).toBe('later');
  await poll('the hanging process is killed', () => !alive(stopped));
  expect(
    await poll(
      'delivered after the hang',
      async () => (await sink.deliver(parcels[2]!, within())).kind === 'delivered',
    ),
  ).toBe(true);
  expect(await countsOf(sink, 'killed')).toEqual([9000, 9000, 9000, 9000]);
  const last = held.pid!;
  await sink.close();
  expect(alive(last)).toBe(false);
});

test('its process ends when its parent is killed', async () => {
  const parent = spawn(
    process.execPath,
    [path.join(import.meta.dirname, '../support/embedded-parent.ts'), path.join(stage.root, 'orphan')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text: Buffer) => resolve(Number(text))),
  );
  expect(alive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await poll('the engine is gone', () => !alive(pid));
});

test('a folder in use, a folder that is none, a package that is not there: one clear line each', async () => {
  const second = new EmbeddedProcess({ folder: stage.folder });
  const sink = clickhouseSink(clickhouseConfig(), sinkEnv(), embeddedStore(stage.folder, second));
  await stage.engine.ask({ kind: 'query', sql: 'SELECT 1', format: 'TabSeparated', params: {} });
  const parcel = parcelOf([plainBatch(1, 1)]);
  const inUse = { kind: 'later', why: `the folder ${stage.folder} is in use by process ${stage.engine.pid}` };
  expect(await sink.deliver(parcel, within())).toEqual(inUse);
  expect(await sink.deliver(parcel, within())).toEqual(inUse);
  await sink.close();

  const file = path.join(stage.root, 'file');
  writeFileSync(file, '');
  const none = clickhouseSink(clickhouseConfig({ path: path.join(file, 'history') }), sinkEnv());
  expect((await none.deliver(parcel, within())).why).toMatch(
    /^the embedded ClickHouse does not open .*\/file\/history: ENOTDIR/,
  );
  await none.close();

  // A copy outside of this package finds no chdb.
  const bare = path.join(stage.root, 'bare');
  for (const name of ['clickhouse/embedded-child.ts', 'clickhouse/embedded-messages.ts', 'spool/make-folder.ts']) {
    mkdirSync(path.dirname(path.join(bare, name)), { recursive: true });
    copyFileSync(path.join(import.meta.dirname, '../../src/sinks', name), path.join(bare, name));
  }
  writeFileSync(path.join(bare, 'package.json'), '{"type":"module"}');
  const missing = new EmbeddedProcess({
    folder: path.join(stage.root, 'never'),
    entry: path.join(bare, 'clickhouse/embedded-child.ts'),
  });
  await expect(missing.ask({ kind: 'query', sql: 'SELECT 1', format: 'TabSeparated', params: {} })).rejects.toThrow(
    new EmbeddedDown('the package chdb is not installed (npm install chdb): without it a clickhouse sink needs a url'),
  );
  await missing.close();
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const weighed = (
  parcels: readonly { batches: readonly { rows: number; columns: { weight: Float32Array } }[] }[],
): number =>
  parcels
    .flatMap(({ batches }) => batches)
    .reduce((sum, { columns }) => sum + columns.weight.reduce((a, b) => a + b, 0), 0);

const bucketsOf = (h: { first: number; counts: ArrayLike<number> }): Record<string, number> =>
  Object.fromEntries(Array.from(h.counts).flatMap((n, i) => (n === 0 ? [] : [[String(h.first + i), n]])));

function foldedCodes(codes: readonly (readonly [string, number])[]): Record<string, number> {
  const folded: Record<string, number> = {};
  for (const [code, n] of [...codes].sort()) folded[code] = (folded[code] ?? 0) + n;
  return folded;
}
