import { type Labels, taggedName } from '../../stats/envoy-names.ts';
import type { Exemplar } from '../../stats/exemplar.ts';
import type { Histogram } from '../../stats/histogram.ts';
import type { MergedStat } from '../../stats/merged.ts';
import { bounded, type DurationSeries, FIXED_HISTOGRAMS, type MessagingSeries } from '../../stats/prometheus.ts';
import type { StatsPage } from '../stats-sink.ts';
import type { Attributes } from './any-value.ts';

export interface MetricPoint {
  readonly attributes: Attributes;
  /** Sums and gauges. */
  readonly value: number;
  /** Exponential histograms: live, to be read at once. */
  readonly histogram: Histogram | null;
  readonly exemplars?: readonly Exemplar[];
}

/** One metric and its series. */
export interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'sum' | 'gauge' | 'histogram';
  readonly points: MetricPoint[];
}

const DURATION = {
  name: FIXED_HISTOGRAMS.duration,
  description: "Duration of database operations, from the request's first byte to the reply's last.",
  unit: 's',
  kind: 'histogram',
} as const;
/** In place of that one, where the conventions are those for messaging. */
const MESSAGING = {
  duration: {
    name: FIXED_HISTOGRAMS.messaging,
    description: "Duration of messaging operations, from the request's first byte to the reply's last.",
    unit: 's',
    kind: 'histogram',
  },
  sent: {
    name: 'messaging.client.sent.messages',
    description: 'Messages that producers attempted to send to the broker.',
    unit: '{message}',
    kind: 'sum',
  },
  consumed: {
    name: 'messaging.client.consumed.messages',
    description: 'Messages that the broker delivered.',
    unit: '{message}',
    kind: 'sum',
  },
} as const;
const WAIT = {
  name: FIXED_HISTOGRAMS.wait,
  description: 'How long operations took that asked the server to wait (Redis BLPOP): in no other duration.',
  unit: 's',
  kind: 'histogram',
} as const;
const MARKS = {
  calls: 'Operations that ended, also those without a duration: lost, asked to wait, too many at once to be timed.',
  hits: 'Reads of a key that was there.',
  misses: 'Reads of a key that was not there.',
  redirected: 'Operations that the server sent elsewhere (Redis MOVED, ASK): no errors.',
} as const;
type Mark = keyof typeof MARKS;

/**
 * A page of numbers as OpenTelemetry's metrics. Named so that the usual translation to Prometheus gives the families of
 * our own /metrics: ours by their dotted names without `_total` and unit, Envoy's with `envoy.` before them, labels as
 * they are there. All durations are seconds in exponential buckets, so Envoy's `…_ms` lose that ending.
 */
export function metricsOf({ stats, durations }: StatsPage): Metric[] {
  const metrics = new Map<string, Metric>();
  const add = (metric: Omit<Metric, 'points'>, point: MetricPoint): void => {
    let known = metrics.get(metric.name);
    if (known === undefined) {
      known = { ...metric, points: [] };
      metrics.set(metric.name, known);
    }
    // Two things by one name: the first has it.
    if (known.kind === metric.kind) known.points.push(point);
  };
  for (const stat of stats) add(metricOf(stat), { ...pointOf(stat), attributes: tagsOf(stat) });
  for (const series of bounded(durations)) addSeries(add, series);
  return [...metrics.values()];
}

function metricOf(stat: MergedStat): Omit<Metric, 'points'> {
  const { name } = taggedName(stat);
  const prefix = stat.pattern.startsWith('sluice.') ? '' : 'envoy.';
  const { help: description } = stat;
  if (stat.histogram) {
    return { name: prefix + name.replace(/_(ms|us|seconds)$/, ''), description, unit: 's', kind: 'histogram' };
  }
  if (stat.kind === 'gauge') return { name: prefix + name, description, unit: '', kind: 'gauge' };
  // Envoy's names are Envoy's; ours follow OpenTelemetry, whose counters carry no `total`.
  return { name: prefix === '' ? name.replace(/[._]total$/, '') : prefix + name, description, unit: '', kind: 'sum' };
}

const pointOf = ({ value, histogram }: MergedStat) => ({ value, histogram });
const tagsOf = (stat: MergedStat): Attributes => Object.entries(taggedName(stat).tags);

type Add = (metric: Omit<Metric, 'points'>, point: MetricPoint) => void;

const attributesOf = (labels: Labels): Attributes =>
  Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([label, value]) => [label.replaceAll('_', '.'), value]);

function addMessages(add: Add, { labels, sent, consumed }: MessagingSeries): void {
  const attributes = attributesOf(labels);
  if (sent !== null) add(MESSAGING.sent, { attributes, value: sent, histogram: null });
  if (consumed !== null) add(MESSAGING.consumed, { attributes, value: consumed, histogram: null });
}

function addSeries(add: Add, { labels, histogram, wait, exemplars = [], messaging, ...marks }: DurationSeries): void {
  const attributes = attributesOf(labels);
  const { calls = 0, hits = 0, misses = 0, redirected = 0 } = marks;
  if (histogram.count > 0 || (!wait && calls === 0)) {
    if (messaging)
      add(MESSAGING.duration, { attributes: attributesOf(messaging.labels), value: 0, histogram, exemplars });
    else add(DURATION, { attributes, value: 0, histogram, exemplars });
  }
  if (messaging) addMessages(add, messaging);
  if (wait) add(WAIT, { attributes, value: 0, histogram: wait });
  const mark = (name: Mark, value: number): void =>
    add(
      { name: `sluice.operation.${name}`, description: MARKS[name], unit: '{operation}', kind: 'sum' },
      { attributes, value, histogram: null },
    );
  if (calls > 0) mark('calls', calls);
  // Hits and misses go together: a ratio needs both.
  if (hits + misses > 0) {
    mark('hits', hits);
    mark('misses', misses);
  }
  if (redirected > 0) mark('redirected', redirected);
}
