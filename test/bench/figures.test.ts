import { expect, test } from 'vitest';
import { judge, quantile, ratios, showRatio, spread } from './figures.ts';
import type { Run } from './measure.ts';
import { addedLatencyRatio, cpuRatio, judgeRow, loadTable, P50, targetTable } from './report.ts';

test('quantiles interpolate, and nothing has none', () => {
  expect(quantile([1, 2, 3, 4, 5], 0.5)).toBe(3);
  expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9);
  expect(quantile([], 0.5)).toBeNaN();
  expect(spread([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
});

test('ratios are taken round by round', () => {
  expect(ratios([2, 20, 6], [1, 10, 2])).toEqual({ median: 2, low: 2, high: 3 });
  expect(ratios([2], []).median).toBeNaN();
});

test.each([
  [{ median: 1.42, low: 1.3, high: 1.55 }, '1.42 (1.30–1.55)'],
  [{ median: 1.02, low: 0.97, high: 1.1 }, '1.02 (0.97–1.10) ='],
  [{ median: 1, low: 1, high: 1 }, '1.00'],
  [spread([]), '–'],
])('%j is shown as %s', (ratio, text) => expect(showRatio(ratio)).toBe(text));

test.each([
  [{ median: 1.1, low: 1, high: 1.3 }, 1.15, 'lower', 'met'],
  [{ median: 1.2, low: 1.1, high: 1.3 }, 1.15, 'lower', 'met within the spread'],
  [{ median: 1.3, low: 1.2, high: 1.4 }, 1.15, 'lower', 'missed'],
  [{ median: 0.9, low: 0.7, high: 1 }, 0.8, 'higher', 'met'],
  [{ median: 0.75, low: 0.7, high: 0.85 }, 0.8, 'higher', 'met within the spread'],
  [{ median: 0.7, low: 0.6, high: 0.75 }, 0.8, 'higher', 'missed'],
  [spread([]), 1, 'lower', 'not measured'],
] as const)('%j against %f, %s is better: %s', (value, target, better, verdict) => {
  expect(judge(value, target, better)).toBe(verdict);
});

const run = (queriesPerS: number, p50Us: number, cpu: number): Run => ({
  queriesPerS,
  p50Us,
  p99Us: p50Us * 3,
  cpuUs: { worker: cpu, facts: 0.5 },
  dataPathCpuUs: cpu,
  rssBytes: { worker: 80 * 2 ** 20 },
});
const runs = new Map([
  ['direct', [run(100, 50, Number.NaN), run(100, 60, Number.NaN)]],
  ['haproxy', [run(80, 70, 10), run(80, 90, 12)]],
  ['postgres', [run(60, 80, 15), run(60, 120, 24)]],
]);

test('added latency is what a setup adds to no proxy, against what HAProxy adds', () => {
  expect(addedLatencyRatio(runs, 'postgres', P50)).toEqual({ median: 1.75, low: 1.5, high: 2 });
});

test('tables hold every setup, and a dash where there is nothing to compare', () => {
  const text = loadTable('simple', runs, 0);
  const line = (name: string) => text.split('\n').find((row) => row.trimStart().startsWith(name)) ?? '';
  expect(line('postgres')).toContain('1.75 (1.50–2.00)');
  expect(line('postgres')).toContain('facts 0.5');
  expect(line('direct')).toMatch(/100 +55 µs +165 µs +–/);
  expect(cpuRatio(runs, 'haproxy', 'haproxy').median).toBeNaN();
  const row = {
    what: 'CPU',
    value: cpuRatio(runs, 'postgres', 'haproxy'),
    target: 1.8,
    better: 'lower',
    unit: '×',
  } as const;
  expect(judgeRow(row)).toBe('met');
  expect(targetTable([row])).toMatch(/CPU +1\.75 \(1\.50–2\.00\) × +≤ 1\.8 × +met/);
});
