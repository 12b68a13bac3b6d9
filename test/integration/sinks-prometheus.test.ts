import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { DURATION_BOUNDS } from '../../src/stats/prometheus.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RealPrometheus, startPrometheus } from '../support/real-prometheus.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const DURATION = 'db_client_operation_duration_seconds';
/** One bucket of ours, and of Prometheus' schema 4. */
const BUCKET = 2 ** (1 / 16);
const QUERIES = 300;
const traceOf = (n: number) => `${'ab'.repeat(12)}${n.toString(16).padStart(8, '0')}`;

let postgres: RealPostgres;
let sluice: RunningSluice;
/** One asks for protobuf and keeps native histograms, the other for OpenMetrics and has classic ones. */
let native: RealPrometheus;
let classic: RealPrometheus;
let calls: number;

beforeAll(async () => {
  if (which('prometheus') === null) return; // each test is skipped then, and says why
  postgres = await startRealPostgres('debian');
  sluice = await runSluice({ upstreams: [`postgres://127.0.0.1:${postgres.port}`], concurrency: 1 });
  calls = await traffic();
  const targets = { sluice: sluice.adminUrl };
  [native, classic] = await Promise.all([
    startPrometheus({ targets, nativeHistograms: true }),
    startPrometheus({ targets }),
  ]);
  await Promise.all([native.scraped(2), classic.scraped(2)]);
});
beforeEach((context) => void needs(context, 'prometheus'));
afterAll(() => Promise.all([native?.stop(), classic?.stop(), sluice?.stop(), postgres?.stop()]));

/** Statements of some milliseconds and of next to none, each fourth with a trace; resolves when Sluice has counted all. */
async function traffic(): Promise<number> {
  const client = await postgres.connect({ port: sluice.port });
  for (let n = 0; n < QUERIES; n++) {
    const trace = n % 4 === 0 ? `/*traceparent='00-${traceOf(n)}-00f067aa0ba902b7-01'*/` : '';
    await client.query(n % 10 === 0 ? `select pg_sleep(${(n % 50) / 1000}) ${trace}` : `select ${n} ${trace}`);
  }
  await client.query('select from nowhere').catch(() => {});
  await client.end();
  let seen = 0;
  await poll('all is counted', async () => {
    const page = await sluice.getText('/metrics');
    seen = 0;
    for (const [, count] of page.matchAll(new RegExp(`^${DURATION}_count\\{.*\\} (\\d+)$`, 'gm')))
      seen += Number(count);
    return seen >= QUERIES + 1;
  });
  return seen;
}

test('the native histogram has our buckets, and all that was counted', async () => {
  const [one] = await native.query(`sum(${DURATION})`);
  const { count, sum, buckets } = one!.histogram!;
  expect(count).toBe(calls);
  const [seconds] = await classic.query(`sum(${DURATION}_sum)`);
  expect(sum).toBeCloseTo(seconds!.value, 9);
  expect(buckets.reduce((total, [, , , n]) => total + n, 0)).toBe(calls);
  expect(buckets.length).toBeGreaterThan(5);
  for (const [, lower, upper] of buckets) {
    expect(upper / lower).toBeCloseTo(BUCKET, 9);
    expect((Math.log2(upper) * 16) % 1).toBeCloseTo(0, 6);
  }
});

test('histogram_quantile agrees with /api/queries within a bucket, by native and by classic buckets', async () => {
  const { queries } = await sluice.getJson<{ queries: { time: Record<string, number> }[] }>('/api/queries?by=listener');
  for (const [q, field] of [
    [0.5, 'p50_s'],
    [0.95, 'p95_s'],
    [0.99, 'p99_s'],
  ] as const) {
    const ours = queries[0]!.time[field]!;
    const [exact] = await native.query(`histogram_quantile(${q}, sum(${DURATION}))`);
    expect(exact!.value / ours, `native ${q}`).toBeGreaterThan(1 / BUCKET);
    expect(exact!.value / ours, `native ${q}`).toBeLessThan(BUCKET);
    const [rough] = await classic.query(`histogram_quantile(${q}, sum by (le) (${DURATION}_bucket))`);
    const upper = DURATION_BOUNDS.find((bound) => bound >= ours)!;
    const lower = DURATION_BOUNDS[DURATION_BOUNDS.indexOf(upper as 1) - 1] ?? 0;
    expect(rough!.value, `classic ${q}`).toBeGreaterThan(lower / BUCKET);
    expect(rough!.value, `classic ${q}`).toBeLessThan(upper * BUCKET);
  }
});

test('each classic count lies where the native buckets say', async () => {
  const { buckets } = (await native.query(`sum(${DURATION})`))[0]!.histogram!;
  const counted = await classic.query(`sum by (le) (${DURATION}_bucket)`);
  expect(counted).toHaveLength(DURATION_BOUNDS.length + 1);
  for (const { labels, value } of counted) {
    const bound = Number(labels['le'] === '+Inf' ? Infinity : labels['le']);
    const sum = (belongs: (lower: number, upper: number) => boolean) =>
      buckets.reduce((total, [, lower, upper, n]) => total + (belongs(lower, upper) ? n : 0), 0);
    expect(value, `le ${bound}`).toBeGreaterThanOrEqual(sum((_, upper) => upper <= bound * (1 + 1e-9)));
    expect(value, `le ${bound}`).toBeLessThanOrEqual(sum((lower) => lower < bound));
  }
});

test('exemplars name traces that clients brought, in their buckets', async () => {
  const sent = new Set(Array.from({ length: QUERIES / 4 }, (_, n) => traceOf(n * 4)));
  for (const [prometheus, metric] of [
    [native, DURATION],
    [classic, `${DURATION}_bucket`],
  ] as const) {
    const found = await prometheus.exemplars(metric);
    expect(found.length, metric).toBeGreaterThan(0);
    for (const { labels, series, value, at } of found) {
      expect(sent).toContain(labels['trace_id']);
      expect(labels['span_id']).toBe('00f067aa0ba902b7');
      expect(series).toMatchObject({ db_system_name: 'postgresql', db_operation_name: 'SELECT' });
      expect(Math.abs(at - Date.now() / 1000)).toBeLessThan(600);
      if (series['le'] !== undefined) expect(value).toBeLessThanOrEqual(Number(series['le'].replace('+', '')));
    }
  }
});

test('an error has a series of its own, and types are as they should be', async () => {
  const failed = await classic.query(`${DURATION}_count{error_type="42P01"}`);
  expect(failed.map(({ value }) => value)).toEqual([1]);
  const names = [
    DURATION,
    'envoy_tcp_downstream_cx_total',
    'envoy_cluster_upstream_cx_destroy', // a counter that Envoy gives no _total
    'process_cpu_seconds_total',
    'envoy_cluster_membership_total',
  ];
  const types = async (prometheus: RealPrometheus) => {
    const told = await prometheus.api<Record<string, { type: string }[]>>('/api/v1/metadata');
    // OpenMetrics names a counter without its `_total`.
    return names.map((name) => (told[name] ?? told[name.replace(/_total$/, '')])?.[0]?.type);
  };
  expect(await types(native)).toEqual(['histogram', 'counter', 'counter', 'counter', 'gauge']);
  expect(await types(classic)).toEqual(['histogram', 'counter', 'unknown', 'counter', 'gauge']);
  for (const prometheus of [native, classic]) {
    const [total] = await prometheus.query('envoy_cluster_upstream_cx_total');
    expect(total!.value).toBeGreaterThan(0);
    expect(await prometheus.log()).not.toMatch(/level=error|append failed|Error on ingesting samples/);
  }
});

test('promtool finds nothing in names of ours', async (context) => {
  const promtool = needs(context, 'promtool');
  const page = await sluice.getText('/metrics');
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input: page, encoding: 'utf8' });
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  expect(complaints.filter((line) => !/^envoy_/.test(line))).toEqual([]);
  expect([0, 3]).toContain(status);
});
