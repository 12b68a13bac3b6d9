/** Numbers for narrow columns. */

/** `412 µs`, `3.25 ms`, `41.0 ms`, `1.20 s`, `2.5 min`. */
export function formatSeconds(seconds: number): string {
  if (!(seconds > 0)) return '0';
  if (seconds < 0.000_999_5) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${threeDigits(seconds * 1e3)} ms`;
  if (seconds < 120) return `${threeDigits(seconds)} s`;
  return `${(seconds / 60).toFixed(1)} min`;
}

/** `0`, `999`, `1.23k`, `45.6M`. */
export function formatCount(count: number): string {
  if (count < 999.5) return String(Math.round(count));
  if (count < 999_500) return `${threeDigits(count / 1e3)}k`;
  if (count < 999_500_000) return `${threeDigits(count / 1e6)}M`;
  return `${threeDigits(count / 1e9)}G`;
}

/** `0`, `0.25`, `7.5`, `312`, `1.2k`. */
export function formatRate(perSecond: number): string {
  if (perSecond <= 0) return '0';
  if (perSecond < 0.005) return '<0.01';
  return perSecond < 10 ? perSecond.toFixed(perSecond < 1 ? 2 : 1) : formatCount(perSecond);
}

/** `31.2%` of 0 … 1. */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)}%`;

function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}
