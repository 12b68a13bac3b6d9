import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import * as semconv from '@opentelemetry/semantic-conventions/incubating';
import { afterEach, describe, expect, test } from 'vitest';
import {
  attributesOf,
  decodeOtlp,
  itemsOf,
  type OtlpReceiver,
  startOtlpReceiver,
  type Tree,
} from '../../../test/support/otlp-receiver.ts';
import { Histogram } from '../../stats/histogram.ts';
import { MergedStats } from '../../stats/merged.ts';
import { type DurationSeries, MAX_DURATION_SERIES, renderPrometheus } from '../../stats/prometheus.ts';
import { StatsRegistry, statGroup } from '../../stats/registry.ts';
import type { StatsPage } from '../stats-sink.ts';
import { otlpClient } from './client.ts';
import { envoyOtlpStatsSink } from './envoy-stats-sink.ts';
import { metricsOf } from './metric-set.ts';
import { encodeMetrics } from './metrics-encoder.ts';
import { MetricsSink } from './metrics-sink.ts';
import { envOf } from './otlp.fixture.ts';
import { ExportRequest } from './request.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const NAMES = {
  db_system_name: 'postgresql',
  db_namespace: 'shop',
  db_operation_name: 'SELECT',
  sluice_listener: 'in',
};
const histogramOf = (...seconds: number[]): Histogram => {
  const histogram = new Histogram();
  for (const one of seconds) histogram.record(one);
  return histogram;
};
const CLUSTER = statGroup('cluster.<cluster_name>.', {
  upstream_cx_total: { kind: 'counter', help: 'Connections.' },
  upstream_cx_active: { kind: 'gauge', help: 'Open connections.' },
  upstream_cx_connect_ms: { kind: 'histogram', help: 'Time to connect.' },
});
const SINK = statGroup('sluice.sink.<sink>.', {
  produced: { kind: 'counter', help: 'Exchanges for it.' },
  deliver: { kind: 'histogram', help: 'Time to deliver.' },
});

function pageOf(
  durations: readonly DurationSeries[] = [],
  at = 1_700_000_060_123,
): StatsPage & { readonly registry: StatsRegistry } {
  const registry = new StatsRegistry();
  const cluster = registry.open(CLUSTER, { cluster_name: 'db.main' });
  registry.add(cluster.upstream_cx_total, 7);
  registry.set(cluster.upstream_cx_active, 2);
  for (const seconds of [0.003, 0.004, 12]) registry.histogram(cluster.upstream_cx_connect_ms).record(seconds);
  const sink = registry.open(SINK, { sink: 'out' });
  registry.add(sink.produced, 2 ** 40);
  registry.histogram(sink.deliver).record(0.25);
  const merged = new MergedStats();
  merged.local(registry);
  return { at, startedAt: 1_700_000_000_000, stats: merged.list(), durations, registry };
}

const metricsIn = (requests: readonly Buffer[]): Tree[] =>
  requests.flatMap((one) => itemsOf('metrics', decodeOtlp('metrics', one)));
const encode = (page: StatsPage): Buffer[] =>
  encodeMetrics(new ExportRequest([['service.name', 's']], { name: 'sluice', version: '1' }), metricsOf(page), page);
const named = (metrics: readonly Tree[], name: string): Tree => {
  const found = metrics.filter((metric) => metric['name'] === name);
  expect(found.map((metric) => metric['name'])).toEqual([name]);
  return found[0]!;
};
/** The data points of a metric. */
const pointsOf = (metric: Tree): Tree[] =>
  ['sum', 'gauge', 'histogram', 'exponentialHistogram'].flatMap(
    (kind) => (metric[kind] as { dataPoints?: Tree[] } | undefined)?.dataPoints ?? [],
  );

test('exponential histograms, sums and gauges: field by field as @opentelemetry/otlp-transformer encodes them', () => {
  for (const histogram of [histogramOf(), histogramOf(0.001), histogramOf(0, 1e-9, 0.01, 0.01, 5000, 1, 0.5)]) {
    const page = pageOf([
      { labels: { ...NAMES, error_type: '42P01' }, histogram, hits: 3, misses: 0, redirected: 2, wait: histogramOf(2) },
    ]);
    const [ours] = encode(page);
    const time = { startTime: [1_700_000_000, 0], endTime: [1_700_000_060, 123_000_000] };
    const attributes = {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.operation.name': 'SELECT',
      'sluice.listener': 'in',
      'error.type': '42P01',
    };
    const exponential = (h: Histogram) => {
      const used = [...h.counts].flatMap((n, i) => (n > 0 ? [i] : []));
      const [from, to] = [used[0] ?? 0, (used.at(-1) ?? -1) + 1];
      return {
        count: h.count,
        sum: h.sum,
        scale: 4,
        zeroCount: 0,
        positive: { offset: h.counts.length > 0 ? h.first + from : 0, bucketCounts: [...h.counts].slice(from, to) },
        negative: { offset: 0, bucketCounts: [] },
        ...(h.count > 0 && { max: h.max }),
      };
    };
    const metric = (
      name: string,
      description: string,
      unit: string,
      type: number,
      value: unknown,
      tags: object,
      valueType: 0 | 1 = 0,
    ) => ({
      descriptor: { name, description, unit, valueType },
      aggregationTemporality: 1,
      dataPointType: type,
      isMonotonic: true,
      dataPoints: [{ attributes: tags, ...time, value }],
    });
    const [HISTOGRAM, EXPONENTIAL, GAUGE, SUM] = [0, 1, 2, 3];
    expect(HISTOGRAM).toBe(0);
    const stat = (name: string) => page.stats.find((one) => one.name === name)!.histogram!;
    const cluster = { 'envoy.cluster_name': 'db.main' };
    const metrics = [
      metric('envoy.cluster.upstream_cx_active', 'Open connections.', '', GAUGE!, 2, cluster, 1),
      metric(
        'envoy.cluster.upstream_cx_connect',
        'Time to connect.',
        's',
        EXPONENTIAL!,
        exponential(stat('cluster.db.main.upstream_cx_connect_ms')),
        cluster,
      ),
      metric('envoy.cluster.upstream_cx_total', 'Connections.', '', SUM!, 7, cluster),
      metric(
        'sluice.sink.deliver',
        'Time to deliver.',
        's',
        EXPONENTIAL!,
        exponential(stat('sluice.sink.out.deliver')),
        { sink: 'out' },
      ),
      metric('sluice.sink.produced', 'Exchanges for it.', '', SUM!, 2 ** 40, { sink: 'out' }),
      ...(histogram.count > 0
        ? [
            metric(
              'db.client.operation.duration',
              "Duration of database operations, from the request's first byte to the reply's last.",
              's',
              EXPONENTIAL!,
              exponential(histogram),
              attributes,
            ),
          ]
        : []),
      metric(
        'sluice.operation.wait',
        'How long operations took that asked the server to wait (Redis BLPOP): in no other duration.',
        's',
        EXPONENTIAL!,
        exponential(histogramOf(2)),
        attributes,
      ),
      metric('sluice.operation.hits', 'Reads of a key that was there.', '{operation}', SUM!, 3, attributes),
      metric('sluice.operation.misses', 'Reads of a key that was not there.', '{operation}', SUM!, 0, attributes),
      metric(
        'sluice.operation.redirected',
        'Operations that the server sent elsewhere (Redis MOVED, ASK): no errors.',
        '{operation}',
        SUM!,
        2,
        attributes,
      ),
    ];
    const theirs = ProtobufMetricsSerializer.serializeRequest({
      resource: { attributes: { 'service.name': 's' } },
      scopeMetrics: [{ scope: { name: 'sluice', version: '1' }, metrics }],
    } as unknown as Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0])!;
    expect(comparable(decodeOtlp('metrics', ours!))).toEqual(comparable(decodeOtlp('metrics', theirs)));
  }
});

test('of Kafka, what OpenTelemetry calls messaging, and no operation of a database', () => {
  const labels = { db_system_name: 'kafka', db_namespace: '', db_operation_name: 'Produce', sluice_listener: 'log' };
  const messaging = {
    labels: { messaging_system: 'kafka', messaging_operation_name: 'send', sluice_operation: 'Produce' },
    sent: 30,
    consumed: null,
  };
  const metrics = metricsIn(
    encode(
      pageOf([
        { labels, histogram: histogramOf(0.01), calls: 1, messaging },
        { labels: NAMES, histogram: histogramOf(1) },
      ]),
    ),
  );
  const [duration] = pointsOf(named(metrics, semconv.METRIC_MESSAGING_CLIENT_OPERATION_DURATION));
  const attributes = { 'messaging.system': 'kafka', 'messaging.operation.name': 'send', 'sluice.operation': 'Produce' };
  expect(attributesOf(duration!)).toEqual(attributes);
  const [sent] = pointsOf(named(metrics, semconv.METRIC_MESSAGING_CLIENT_SENT_MESSAGES));
  expect(sent).toMatchObject({ asInt: '30' });
  expect(attributesOf(sent!)).toEqual(attributes);
  expect(metrics.map((metric) => metric['name'])).not.toContain(semconv.METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES);
  const databases = pointsOf(named(metrics, 'db.client.operation.duration'));
  expect(databases.map((point) => attributesOf(point)['db.system.name'])).toEqual(['postgresql']);
  // Ours are the same for all.
  const [calls] = pointsOf(named(metrics, 'sluice.operation.calls'));
  expect(attributesOf(calls!)).toMatchObject({ 'db.system.name': 'kafka', 'db.operation.name': 'Produce' });
});

/** Without what the library writes beyond need, and what it says of gauges that we do not: where they began. */
function comparable(value: unknown, isGauge = false): unknown {
  if (Array.isArray(value)) return value.map((one) => comparable(one, isGauge));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .filter(
      ([key, inner]) =>
        !['droppedAttributesCount', 'negative'].includes(key) && !(key === 'zeroCount' && inner === '0'),
    )
    .filter(([key]) => !(isGauge && key === 'startTimeUnixNano'))
    .map(([key, inner]) => [key, comparable(inner, isGauge || key === 'gauge')] as const)
    .filter(([key, inner]) => !(key === 'positive' && Object.keys(inner as object).length === 0));
  return Object.fromEntries(kept);
}

test('the usual translation to Prometheus gives the families and labels of /metrics', () => {
  const page = pageOf([
    { labels: NAMES, histogram: histogramOf(0.1), hits: 1, misses: 1, redirected: 1, wait: histogramOf(1) },
  ]);
  const text = renderPrometheus({ stats: page.stats, durations: page.durations, digests: [], processes: [] });
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name!);
  const translated = metricsOf(page).map(({ name, unit, kind }) => {
    const base = name.replaceAll('.', '_') + (unit === 's' ? '_seconds' : '');
    return kind === 'sum' ? `${base.replace(/_total$/, '')}_total` : base;
  });
  // Envoy's `…_ms` become seconds.
  const own = families.map((name) => name.replace(/_ms$/, '_seconds'));
  expect(translated.sort()).toEqual(own.filter((name) => name !== 'sluice_exposition_dropped_series').sort());
  const labels = metricsOf(page).flatMap(({ points }) =>
    points.flatMap(({ attributes }) => attributes.map(([key]) => key.replaceAll('.', '_'))),
  );
  for (const label of labels) expect(text).toContain(`${label}="`);
});

test('series above the bound are folded, as /metrics folds them', () => {
  const durations = Array.from({ length: MAX_DURATION_SERIES + 5 }, (_, i) => ({
    labels: { ...NAMES, db_namespace: `n${i}` },
    histogram: histogramOf(0.1),
  }));
  const points = pointsOf(named(metricsIn(encode(pageOf(durations))), 'db.client.operation.duration'));
  expect(points.length).toBe(MAX_DURATION_SERIES + 1);
  expect(points.reduce((sum, point) => sum + Number(point['count']), 0)).toBe(durations.length);
  expect(attributesOf(points.at(-1)!)).toEqual({ 'otel.metric.overflow': 'true' });
});

test('many numbers go in several requests, none above 2 MiB', () => {
  const wide = new Histogram();
  for (let i = -300; i < 180; i++) wide.record(2 ** (i / 16));
  const durations = Array.from({ length: 500 }, (_, i) => ({
    labels: { ...NAMES, db_namespace: `${i}-${'x'.repeat(6000)}` },
    histogram: wide,
  }));
  const requests = encode(pageOf(durations));
  expect(requests.length).toBeGreaterThan(2);
  for (const request of requests) expect(request.length).toBeLessThan(2 ** 21);
  const all = metricsIn(requests).filter((metric) => metric['name'] === 'db.client.operation.duration');
  expect(all.flatMap(pointsOf).length).toBe(500);
});

async function receiver(protocol: 'http' | 'grpc'): Promise<OtlpReceiver> {
  const far = await startOtlpReceiver({ protocol });
  open.push(far);
  return far;
}
const never = new AbortController().signal;

test('exemplars are said once, with their trace', async () => {
  const far = await receiver('http');
  const client = otlpClient('metrics', {
    protocol: 'http/protobuf',
    url: `${far.url}/v1/metrics`,
    headers: {},
    compression: 'none',
  });
  const sink = new MetricsSink({ name: 'm', client, request: new ExportRequest([], null), env: envOf() });
  open.push(sink);
  const exemplars = [{ value: 0.1, at: 1_700_000_060_000, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }];
  const durations = [{ labels: NAMES, histogram: histogramOf(0.1), exemplars }];
  await sink.flush(pageOf(durations), never);
  await sink.flush(pageOf(durations, 1_700_000_070_000), never);
  const points = far
    .metrics()
    .filter((metric) => metric['name'] === 'db.client.operation.duration')
    .flatMap(pointsOf);
  expect(points.map((point) => point['exemplars'])).toEqual([
    [{ timeUnixNano: '1700000060000000000', asDouble: 0.1, spanId: 'b'.repeat(16), traceId: 'a'.repeat(32) }],
    undefined,
  ]);
});

test('one line while they do not arrive, and one when they do again', async () => {
  const far = await receiver('http');
  const env = envOf();
  const client = otlpClient('metrics', {
    protocol: 'http/protobuf',
    url: `${far.url}/v1/metrics`,
    headers: {},
    compression: 'gzip',
  });
  const sink = new MetricsSink({ name: 'm', client, request: new ExportRequest([], null), env });
  open.push(sink);
  far.answer({ kind: 'status', code: 503 });
  for (let i = 0; i < 3; i++) await sink.flush(pageOf(), never);
  far.answer({ kind: 'ok' });
  for (let i = 0; i < 3; i++) await sink.flush(pageOf(), never);
  expect(env.told.map(({ level, message, fields }) => [level, message, fields['why']])).toEqual([
    ['warning', 'metrics are not exported', `${far.url} answered 503`],
    ['info', 'metrics are exported again', undefined],
  ]);
  expect(far.metrics().length).toBe(15);
});

describe("Envoy's sink", () => {
  const OPTIONS = {
    name: 'envoy',
    timeoutMs: 5000,
    reportCountersAsDeltas: false,
    reportHistogramsAsDeltas: false,
    emitTagsAsAttributes: true,
    useTagExtractedName: true,
    prefix: '',
  };

  async function flushed(change: Partial<typeof OPTIONS>, pages: number, failing = -1) {
    const far = await receiver('grpc');
    const sink = envoyOtlpStatsSink({ ...OPTIONS, ...change, url: far.url }, envOf());
    open.push(sink);
    const { registry, startedAt } = pageOf();
    const merged = new MergedStats();
    merged.local(registry);
    far.answer((_, n) => (n === failing ? { kind: 'status', code: 13 } : { kind: 'ok' }));
    for (let n = 1; n <= pages; n++) {
      await sink.flush({ at: startedAt + n * 1000, startedAt, stats: merged.list(), durations: [] }, never);
      const ids = registry.open(CLUSTER, { cluster_name: 'db.main' });
      registry.add(ids.upstream_cx_total, 5);
      registry.histogram(ids.upstream_cx_connect_ms).record(0.003);
    }
    return far.metrics();
  }
  const values = (metrics: readonly Tree[], name: string, field: string) =>
    metrics
      .filter((metric) => metric['name'] === name)
      .flatMap(pointsOf)
      .map((point) => point[field]);

  test('cumulative, by names without tags', async () => {
    const metrics = await flushed({}, 2);
    expect(values(metrics, 'cluster.upstream_cx_total', 'asInt')).toEqual(['7', '12']);
    expect(values(metrics, 'cluster.upstream_cx_active', 'asInt')).toEqual(['2', '2']);
    expect(values(metrics, 'cluster.upstream_cx_connect_ms', 'count')).toEqual(['3', '4']);
    const [counter] = metrics.filter((metric) => metric['name'] === 'cluster.upstream_cx_total');
    expect(counter!['sum']).toMatchObject({ aggregationTemporality: 2, isMonotonic: true });
    const [point] = pointsOf(counter!);
    expect(attributesOf(point!)).toEqual({ 'envoy.cluster_name': 'db.main' });
    const [histogram] = metrics
      .filter((metric) => metric['name'] === 'cluster.upstream_cx_connect_ms')
      .flatMap(pointsOf);
    const counts = histogram!['bucketCounts'] as string[];
    expect(counts.length).toBe((histogram!['explicitBounds'] as number[]).length + 1);
    expect(counts.reduce((sum, n) => sum + Number(n), 0)).toBe(3);
    expect(histogram!['sum']).toBeCloseTo(12_007);
  });

  test('as gains, and a lost page is in the next one', async () => {
    const metrics = await flushed({ reportCountersAsDeltas: true, reportHistogramsAsDeltas: true }, 4, 1);
    expect(values(metrics, 'cluster.upstream_cx_total', 'asInt')).toEqual(['7', '10', '5']);
    expect(values(metrics, 'cluster.upstream_cx_connect_ms', 'count')).toEqual(['3', '2', '1']);
    expect(values(metrics, 'cluster.upstream_cx_total', 'startTimeUnixNano')).toEqual(
      [0, 1, 3].map((s) => `${1_700_000_000 + s}000000000`),
    );
    const [counter] = metrics.filter((metric) => metric['name'] === 'cluster.upstream_cx_total');
    expect(counter!['sum']).toMatchObject({ aggregationTemporality: 1 });
  });

  test('by whole names, without attributes, with a prefix', async () => {
    const metrics = await flushed({ useTagExtractedName: false, emitTagsAsAttributes: false, prefix: 'edge' }, 1);
    const [point] = pointsOf(named(metrics, 'edge.cluster.db.main.upstream_cx_total'));
    expect(point).not.toHaveProperty('attributes');
    expect(metrics.every((metric) => String(metric['name']).startsWith('edge.'))).toBe(true);
  });
});
