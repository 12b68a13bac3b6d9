import { unitsPerSecond } from './envoy-names.ts';
import type { Histogram } from './histogram.ts';
import type { MergedStat } from './merged.ts';
import type { NameFilter } from './name-filter.ts';

/** `?type=` of `/stats`. */
export const STAT_TYPES = ['All', 'Counters', 'Gauges', 'Histograms', 'TextReadouts'] as const;
export type StatType = (typeof STAT_TYPES)[number];

export interface StatsSelection {
  /** Only what was ever counted: not zero, or with a recorded value. */
  readonly usedOnly?: boolean;
  readonly filter?: NameFilter | null;
  readonly type?: StatType;
}

/** Quantiles that Envoy prints. */
const QUANTILES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1] as const;
const KIND_OF = { Counters: 'counter', Gauges: 'gauge', Histograms: 'histogram' } as const;

export function selectStats(stats: readonly MergedStat[], selection: StatsSelection): readonly MergedStat[] {
  const { usedOnly = false, filter = null, type = 'All' } = selection;
  if (type === 'TextReadouts') return []; // we have none
  const kind = type === 'All' ? null : KIND_OF[type];
  return stats.filter(
    (stat) =>
      (kind === null || stat.kind === kind) &&
      (!usedOnly || (stat.histogram ? stat.histogram.count > 0 : stat.value !== 0)) &&
      (filter === null || filter(stat.name)),
  );
}

/**
 * Envoy's text form: counters and gauges, then histograms as `name: P0(interval,cumulative) …`. We keep no interval view:
 * its place holds `nan`, which is what Envoy prints for an interval without values. Histograms whose name says `_ms` are
 * printed in milliseconds, ours in seconds.
 */
export function statsText(stats: readonly MergedStat[]): string {
  const plain = stats.filter((stat) => !stat.histogram).map((stat) => `${oneLine(stat.name)}: ${stat.value}\n`);
  const histograms = stats
    .filter((stat) => stat.histogram)
    .map((stat) => `${oneLine(stat.name)}: ${quantileText(stat)}\n`);
  return plain.join('') + histograms.join('');
}

/** Envoy's JSON form. */
export function statsJson(stats: readonly MergedStat[]): object {
  const plain = stats.filter((stat) => !stat.histogram).map(({ name, value }) => ({ name, value }));
  const computed = stats
    .filter((stat) => stat.histogram)
    .map((stat) => ({
      name: stat.name,
      values: QUANTILES.map((share) => ({ interval: null, cumulative: quantile(stat, share) })),
    }));
  if (computed.length === 0) return { stats: plain };
  const supported = QUANTILES.map((share) => share * 100);
  return { stats: [...plain, { histograms: { supported_quantiles: supported, computed_quantiles: computed } }] };
}

/** A name from the configuration may hold anything; a line is one stat (threats TE-05). */
const oneLine = (name: string): string => name.replace(/[\p{Cc}\u2028\u2029]/gu, '_');

function quantileText(stat: MergedStat): string {
  if (stat.histogram?.count === 0) return 'No recorded values';
  return QUANTILES.map((share) => `P${share * 100}(nan,${quantile(stat, share)})`).join(' ');
}

/** Four digits: more would claim more than the buckets know. Null without values. */
function quantile({ name, labels, histogram }: MergedStat, share: number): number | null {
  if (!histogram || histogram.count === 0) return null;
  return Number((atShare(histogram, share) * unitsPerSecond(name, labels)).toPrecision(4));
}

const atShare = (histogram: Histogram, share: number): number =>
  share === 1 ? histogram.max : histogram.quantile(share);
