import { type DigestRow, histogramOf } from './digest-series.ts';
import { exposedName, type Labels } from './envoy-names.ts';
import { Exposition, type Family } from './exposition.ts';
import { Histogram } from './histogram.ts';
import type { MergedStat } from './merged.ts';
import type { ProcessSample } from './process-sample.ts';

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Classic bounds in seconds (conventions §1.6): they hold all nine edges that OpenTelemetry advises. */
export const DURATION_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** Envoy's default histogram buckets, in the unit of the stat. */
export const ENVOY_BOUNDS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
] as const;

/** One series of `db_client_operation_duration_seconds`. Label sets must differ; names are OpenTelemetry's with underscores. */
export interface DurationSeries {
  readonly labels: Labels;
  readonly histogram: Histogram;
}

/** Marks the series that stands for all that found no room; sources may bring one of their own. */
export const OVERFLOW_LABEL = 'otel_metric_overflow';

/** Series of the duration metric (18 lines each) before the smallest are folded into that one. */
export const MAX_DURATION_SERIES = 500;

export interface PrometheusInput {
  readonly stats: readonly MergedStat[];
  readonly durations: readonly DurationSeries[];
  /** From DigestTop.update: `other` is one of them. */
  readonly digests: readonly DigestRow[];
  readonly processes: readonly ProcessSample[];
}

/** Families that come from no stat group. */
export const DURATION_FAMILY: Family = {
  name: 'db_client_operation_duration_seconds',
  type: 'histogram',
  help: "Duration of database operations, from the request's first byte to the reply's last (OpenTelemetry db.client.operation.duration).",
};
export const DIGEST_INFO: Family = {
  name: 'sluice_digest_info',
  type: 'gauge',
  help: 'What a digest stands for: always 1, to be joined on the label digest.',
};
export const DIGEST_FAMILIES = [
  ['calls', { name: 'sluice_digest_calls_total', type: 'counter', help: 'Operations, by digest.' }],
  [
    'errors',
    { name: 'sluice_digest_errors_total', type: 'counter', help: 'Operations that did not end well, by digest.' },
  ],
  ['rowsReturned', { name: 'sluice_digest_rows_returned_total', type: 'counter', help: 'Rows returned, by digest.' }],
  ['rowsAffected', { name: 'sluice_digest_rows_affected_total', type: 'counter', help: 'Rows affected, by digest.' }],
  [
    'requestBytes',
    { name: 'sluice_digest_request_bytes_total', type: 'counter', help: 'Bytes of requests, by digest.' },
  ],
  ['replyBytes', { name: 'sluice_digest_reply_bytes_total', type: 'counter', help: 'Bytes of replies, by digest.' }],
] as const satisfies readonly (readonly [keyof DigestRow, Family])[];
export const DIGEST_DURATION: Family = {
  name: 'sluice_digest_duration_seconds',
  type: 'histogram',
  help: "Duration of operations from the request's first byte to the reply's last, by digest.",
};

/**
 * The page for Prometheus, text format 0.0.4. Our buckets are exponential and the classic bounds lie between their edges:
 * a bucket that a bound cuts is shared out in proportion, so a count at a bound is exact for some value within 4.4 % of it
 * (Histogram.countAtMost); `_sum` and `_count` are exact. `strict` throws where two families meet under one name.
 */
export function renderPrometheus(input: PrometheusInput, { strict = false }: { strict?: boolean } = {}): string {
  const page = new Exposition({ strict });
  for (const stat of input.stats) addStat(page, stat);
  for (const { labels, histogram } of bounded(input.durations)) addSeconds(page, DURATION_FAMILY, labels, histogram);
  for (const row of input.digests) addDigest(page, row);
  for (const sample of input.processes) addProcess(page, sample);
  return page.text();
}

function addStat(page: Exposition, stat: MergedStat): void {
  const { family: name, labels, perSecond } = exposedName(stat);
  const family = { name, type: stat.kind, help: stat.help };
  const { histogram } = stat;
  if (!histogram) page.add(family, labels, stat.value);
  else if (perSecond === 1) addSeconds(page, family, labels, histogram);
  else {
    const { count, sum } = histogram;
    const atMost = (bound: number): number => histogram.countAtMost(bound / perSecond);
    page.histogram(family, labels, { count, sum: sum * perSecond, atMost }, ENVOY_BOUNDS);
  }
}

function addSeconds(page: Exposition, family: Family, labels: Labels, histogram: Histogram): void {
  const { count, sum } = histogram;
  page.histogram(family, labels, { count, sum, atMost: (bound) => histogram.countAtMost(bound) }, DURATION_BOUNDS);
}

function addDigest(page: Exposition, row: DigestRow): void {
  const labels = { digest: row.digest };
  for (const [key, family] of DIGEST_FAMILIES) page.add(family, labels, row[key]);
  addSeconds(page, DIGEST_DURATION, labels, histogramOf(row.time));
  if (row.summary === '' && row.system === '') return;
  page.add(DIGEST_INFO, { ...labels, db_system_name: row.system, db_query_summary: row.summary }, 1);
}

function addProcess(page: Exposition, { role, families }: ProcessSample): void {
  for (const family of families)
    for (const { suffix, labels, value } of family.samples) page.add(family, { ...labels, role }, value, suffix);
}

/** The busiest series, and one for all the rest, as OpenTelemetry's SDKs mark it. */
function bounded(series: readonly DurationSeries[]): readonly DurationSeries[] {
  const named = series.filter(({ labels }) => labels[OVERFLOW_LABEL] === undefined);
  const rest = new Histogram();
  for (const { labels, histogram } of series) if (labels[OVERFLOW_LABEL] !== undefined) rest.add(histogram);
  if (named.length > MAX_DURATION_SERIES) {
    named.sort((a, b) => b.histogram.count - a.histogram.count);
    for (const { histogram } of named.splice(MAX_DURATION_SERIES)) rest.add(histogram);
  }
  return rest.count === 0 ? named : [...named, { labels: { [OVERFLOW_LABEL]: 'true' }, histogram: rest }];
}
