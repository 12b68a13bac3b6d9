/** Median of several runs with the lowest and the highest of them: the spread. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** NaN all over for no values. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
}

/** Value below which `share` (0 … 1) of the sorted values lie, interpolated; NaN for none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** Ratios of runs that belong together (same round), so that what the machine did at that time cancels out. */
export const ratios = (values: readonly number[], against: readonly number[]): Spread =>
  spread(values.map((value, round) => value / (against[round] ?? Number.NaN)));

/** `1.42 (1.30–1.55)`, with `=` behind it when 1 lies inside the spread: no difference. */
export function showRatio(ratio: Spread): string {
  if (!Number.isFinite(ratio.median)) return '–';
  if (ratio.low === ratio.high) return ratio.median.toFixed(2);
  const same = ratio.low <= 1 && ratio.high >= 1 ? ' =' : '';
  return `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})${same}`;
}

export type Judgement = 'met' | 'met within the spread' | 'missed' | 'not measured';

/** A target holds if the median does; a median beyond it with the target inside the spread counts as met, and is said. */
export function judge(value: Spread, target: number, better: 'lower' | 'higher'): Judgement {
  if (!Number.isFinite(value.median)) return 'not measured';
  const [best, isMet] = better === 'lower' ? [value.low, value.median <= target] : [value.high, value.median >= target];
  if (isMet) return 'met';
  const inside = better === 'lower' ? best <= target : best >= target;
  return inside ? 'met within the spread' : 'missed';
}
