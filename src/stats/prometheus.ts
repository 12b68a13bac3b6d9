import { type DigestRow, histogramOf } from './digest-series.ts';
import { exposedName, type Labels } from './envoy-names.ts';
import type { Exemplar } from './exemplar.ts';
import { Exposition, type Family, type MetricsWriter, type PageFormat } from './exposition.ts';
import { TEXT_FORMAT } from './exposition-text.ts';
import { Histogram } from './histogram.ts';
import { addHotKeys, type HotKeySeries } from './hot-key-series.ts';
import type { MergedStat } from './merged.ts';
import type { ProcessSample } from './process-sample.ts';
import { addProcess } from './process-series.ts';

/** Classic bounds in seconds (conventions §1.6): they hold all nine edges that OpenTelemetry advises. */
export const DURATION_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** The same, with the edges that OpenTelemetry advises for messaging. */
export const MESSAGING_BOUNDS = [...DURATION_BOUNDS, 0.075, 0.75, 7.5].sort((a, b) => a - b);

/** Envoy's default histogram buckets, in the unit of the stat. */
export const ENVOY_BOUNDS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
] as const;

/** One series of `db_client_operation_duration_seconds`, which has all protocols, and its companions. Label sets must differ; names are OpenTelemetry's with underscores. */
export interface DurationSeries {
  readonly labels: Labels;
  readonly histogram: Histogram;
  /** All that ended, those too that have no duration: lost, waiting, too many at once to be timed. */
  readonly calls?: number;
  /** What only some protocols have: families of their own, with the same labels; no series where there is none. */
  readonly hits?: number;
  readonly misses?: number;
  readonly redirected?: number;
  readonly wait?: Histogram | null;
  /** Of the histogram: a few operations that have a trace. */
  readonly exemplars?: readonly Exemplar[];
  /** Of systems that have conventions of their own (Kafka). */
  readonly messaging?: MessagingSeries;
}

/** What OpenTelemetry's conventions for messaging call a series. */
export interface MessagingSeries {
  readonly labels: Labels;
  /** Messages; null: the operation is none that sends, or consumes. */
  readonly sent: number | null;
  readonly consumed: number | null;
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
  readonly hotKeys?: readonly HotKeySeries[];
  readonly processes: readonly ProcessSample[];
}

/** Families that come from no stat group. */
export const DURATION_FAMILY: Family = {
  name: 'db_client_operation_duration_seconds',
  type: 'histogram',
  help: "Duration of database operations, from the request's first byte to the reply's last (OpenTelemetry db.client.operation.duration).",
};
/** Beside the one above, for messaging systems. */
export const MESSAGING_FAMILIES = {
  duration: {
    name: 'messaging_client_operation_duration_seconds',
    type: 'histogram',
    help: "Duration of messaging operations, from the request's first byte to the reply's last (OpenTelemetry messaging.client.operation.duration).",
  },
  sent: {
    name: 'messaging_client_sent_messages_total',
    type: 'counter',
    help: 'Messages that producers attempted to send to the broker (OpenTelemetry messaging.client.sent.messages).',
  },
  consumed: {
    name: 'messaging_client_consumed_messages_total',
    type: 'counter',
    help: 'Messages that the broker delivered (OpenTelemetry messaging.client.consumed.messages).',
  },
} as const satisfies Record<string, Family>;
export const OPERATION_FAMILIES = {
  calls: {
    name: 'sluice_operation_calls_total',
    type: 'counter',
    help: 'Operations that ended, also those without a duration: lost with their connection, asked to wait, too many at once to be timed.',
  },
  hits: {
    name: 'sluice_operation_hits_total',
    type: 'counter',
    help: 'Reads of a key that was there, by operation; of protocols that have keys.',
  },
  misses: {
    name: 'sluice_operation_misses_total',
    type: 'counter',
    help: 'Reads of a key that was not there, by operation; of protocols that have keys.',
  },
  redirected: {
    name: 'sluice_operation_redirected_total',
    type: 'counter',
    help: 'Operations that the server sent elsewhere (Redis MOVED, ASK): no errors.',
  },
} as const satisfies Record<string, Family>;
export const WAIT_FAMILY: Family = {
  name: 'sluice_operation_wait_seconds',
  type: 'histogram',
  help: 'How long operations took that asked the server to wait (Redis BLPOP): in no other duration.',
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
  [
    'rowsReturned',
    { name: 'sluice_digest_rows_returned_total', type: 'counter', help: 'Rows or documents returned, by digest.' },
  ],
  [
    'rowsAffected',
    { name: 'sluice_digest_rows_affected_total', type: 'counter', help: 'Rows or documents affected, by digest.' },
  ],
  [
    'requestBytes',
    { name: 'sluice_digest_request_bytes_total', type: 'counter', help: 'Bytes of requests, by digest.' },
  ],
  ['replyBytes', { name: 'sluice_digest_reply_bytes_total', type: 'counter', help: 'Bytes of replies, by digest.' }],
] as const satisfies readonly (readonly [keyof DigestRow, Family])[];
/** Only of digests that have any. */
export const DIGEST_KEY_FAMILIES = {
  hits: {
    name: 'sluice_digest_hits_total',
    type: 'counter',
    help: 'Reads of a key that was there, by digest; of protocols that have keys.',
  },
  misses: {
    name: 'sluice_digest_misses_total',
    type: 'counter',
    help: 'Reads of a key that was not there, by digest; of protocols that have keys.',
  },
  redirected: {
    name: 'sluice_digest_redirected_total',
    type: 'counter',
    help: 'Operations that the server sent elsewhere (Redis MOVED, ASK), by digest: no errors.',
  },
  rowsMatched: {
    name: 'sluice_digest_rows_matched_total',
    type: 'counter',
    help: 'Rows or documents that writes found, changed or not, by digest; of protocols that tell.',
  },
} as const satisfies Record<string, Family>;
export const DIGEST_DURATION: Family = {
  name: 'sluice_digest_duration_seconds',
  type: 'histogram',
  help: "Duration of operations from the request's first byte to the reply's last, by digest.",
};

/** What classic buckets a histogram has, by its dotted name, in its own unit; null = those it always has. */
export type BoundsOf = (name: string) => readonly number[] | null;

/** Dotted names of the histograms that come from no stat group, for BoundsOf. Their bounds are seconds. */
export const FIXED_HISTOGRAMS = {
  duration: 'db.client.operation.duration',
  messaging: 'messaging.client.operation.duration',
  wait: 'sluice.operation.wait',
  digest: 'sluice.digest.duration',
} as const;

export interface RenderOptions {
  /** Throws where two families meet under one name. */
  readonly strict?: boolean;
  readonly boundsOf?: BoundsOf;
}

/** The page in the text format 0.0.4. */
export const renderPrometheus = (input: PrometheusInput, options: RenderOptions = {}): string =>
  renderMetrics(input, TEXT_FORMAT, options);

/**
 * The page for Prometheus in any of its forms. Our buckets are exponential and the classic bounds lie between their edges:
 * a bucket that a bound cuts is shared out in proportion, so a count at a bound is exact for some value within 4.4 % of it
 * (Histogram.countAtMost); `_sum`, `_count` and native buckets are exact.
 */
export function renderMetrics<Chunk, Body extends string | Buffer>(
  input: PrometheusInput,
  format: PageFormat<Chunk, Body>,
  { strict = false, boundsOf = () => null }: RenderOptions = {},
): Body {
  const page = new Exposition(format, { strict });
  const bounds = {
    duration: boundsOf(FIXED_HISTOGRAMS.duration) ?? DURATION_BOUNDS,
    messaging: boundsOf(FIXED_HISTOGRAMS.messaging) ?? MESSAGING_BOUNDS,
    wait: boundsOf(FIXED_HISTOGRAMS.wait) ?? DURATION_BOUNDS,
    digest: boundsOf(FIXED_HISTOGRAMS.digest) ?? DURATION_BOUNDS,
  };
  for (const stat of input.stats) addStat(page, stat, boundsOf);
  for (const series of bounded(input.durations)) addOperation(page, series, bounds);
  for (const row of input.digests) addDigest(page, row, bounds.digest);
  for (const series of input.hotKeys ?? []) addHotKeys(page, series);
  for (const sample of input.processes) addProcess(page, sample);
  return page.page();
}

function addStat(page: MetricsWriter, stat: MergedStat, boundsOf: BoundsOf): void {
  const { family: name, labels, perSecond } = exposedName(stat);
  const family = { name, type: stat.kind, help: stat.help };
  const { histogram } = stat;
  if (!histogram) page.add(family, labels, stat.value);
  else if (perSecond === 1) addSeconds(page, family, labels, histogram, boundsOf(stat.name) ?? DURATION_BOUNDS);
  else {
    const { count, sum } = histogram;
    const atMost = (bound: number): number => histogram.countAtMost(bound / perSecond);
    const bounds = boundsOf(stat.name) ?? ENVOY_BOUNDS;
    page.histogram(family, labels, { count, sum: sum * perSecond, bounds, atMost });
  }
}

function addSeconds(
  page: MetricsWriter,
  family: Family,
  labels: Labels,
  histogram: Histogram,
  bounds: readonly number[],
  exemplars: readonly Exemplar[] = [],
): void {
  const { count, sum } = histogram;
  const atMost = (bound: number): number => histogram.countAtMost(bound);
  page.histogram(family, labels, { count, sum, bounds, atMost, native: histogram, exemplars });
}

function addOperation(
  page: MetricsWriter,
  series: DurationSeries,
  bounds: Readonly<Record<'duration' | 'messaging' | 'wait', readonly number[]>>,
): void {
  const { labels, histogram, wait, exemplars, calls = 0 } = series;
  if (calls > 0) page.add(OPERATION_FAMILIES.calls, labels, calls);
  if (histogram.count > 0 || (!wait && calls === 0))
    addSeconds(page, DURATION_FAMILY, labels, histogram, bounds.duration, exemplars);
  if (wait) addSeconds(page, WAIT_FAMILY, labels, wait, bounds.wait);
  addMarks(page, OPERATION_FAMILIES, labels, series);
  if (series.messaging) addMessaging(page, series.messaging, histogram, bounds.messaging, exemplars);
}

function addMessaging(
  page: MetricsWriter,
  { labels, sent, consumed }: MessagingSeries,
  histogram: Histogram,
  bounds: readonly number[],
  exemplars: readonly Exemplar[] = [],
): void {
  if (histogram.count > 0) addSeconds(page, MESSAGING_FAMILIES.duration, labels, histogram, bounds, exemplars);
  if (sent !== null) page.add(MESSAGING_FAMILIES.sent, labels, sent);
  if (consumed !== null) page.add(MESSAGING_FAMILIES.consumed, labels, consumed);
}

/** Hits and misses go together: a ratio needs both. */
function addMarks(
  page: MetricsWriter,
  families: Readonly<Record<'hits' | 'misses' | 'redirected', Family>>,
  labels: Labels,
  { hits = 0, misses = 0, redirected = 0 }: Pick<DurationSeries, 'hits' | 'misses' | 'redirected'>,
): void {
  if (hits + misses > 0) {
    page.add(families.hits, labels, hits);
    page.add(families.misses, labels, misses);
  }
  if (redirected > 0) page.add(families.redirected, labels, redirected);
}

function addDigest(page: MetricsWriter, row: DigestRow, bounds: readonly number[]): void {
  const labels = { digest: row.digest };
  for (const [key, family] of DIGEST_FAMILIES) page.add(family, labels, row[key]);
  addMarks(page, DIGEST_KEY_FAMILIES, labels, row);
  if (row.rowsMatched > 0) page.add(DIGEST_KEY_FAMILIES.rowsMatched, labels, row.rowsMatched);
  addSeconds(page, DIGEST_DURATION, labels, histogramOf(row.time), bounds);
  if (row.summary === '' && row.system === '') return;
  page.add(DIGEST_INFO, { ...labels, db_system_name: row.system, db_query_summary: row.summary }, 1);
}

/** The busiest series, and one for all the rest, as OpenTelemetry's SDKs mark it. */
export function bounded(series: readonly DurationSeries[]): readonly DurationSeries[] {
  const named = series.filter(({ labels }) => labels[OVERFLOW_LABEL] === undefined);
  const rest = series.filter(({ labels }) => labels[OVERFLOW_LABEL] !== undefined);
  if (named.length > MAX_DURATION_SERIES) {
    named.sort((a, b) => busy(b) - busy(a));
    rest.push(...named.splice(MAX_DURATION_SERIES));
  }
  return rest.length === 0 ? named : [...named, folded(rest)];
}

const busy = ({ histogram, wait, calls = 0 }: DurationSeries): number =>
  Math.max(calls, histogram.count + (wait?.count ?? 0));

function folded(series: readonly DurationSeries[]): DurationSeries {
  const histogram = new Histogram();
  const sums = { calls: 0, hits: 0, misses: 0, redirected: 0 };
  let wait: Histogram | null = null;
  for (const one of series) {
    histogram.add(one.histogram);
    sums.calls += one.calls ?? 0;
    sums.hits += one.hits ?? 0;
    sums.misses += one.misses ?? 0;
    sums.redirected += one.redirected ?? 0;
    if (!one.wait) continue;
    wait ??= new Histogram();
    wait.add(one.wait);
  }
  return { labels: { [OVERFLOW_LABEL]: 'true' }, histogram, wait, ...sums };
}
