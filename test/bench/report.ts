import { type Judgement, judge, ratios, type Spread, showRatio, spread } from './figures.ts';
import type { Run } from './measure.ts';

export type Runs = ReadonlyMap<string, readonly Run[]>;

/** One load's runs as a table: a line a setup, ratios of CPU a query against HAProxy and against our own tcp_proxy. */
export function loadTable(title: string, runs: Runs, bytesPerQuery: number): string {
  const header = ['', bytesPerQuery ? 'MB/s' : 'queries/s', 'p50', 'p99', 'CPU µs/query', 'others', 'RSS MiB'];
  const rows = [[...header, 'CPU × HAProxy', 'CPU × tcp_proxy', 'speed × HAProxy']];
  for (const [name, list] of runs) {
    const of = (pick: (run: Run) => number) => spread(list.map(pick));
    const speed = of((run) => (bytesPerQuery ? (run.queriesPerS * bytesPerQuery) / 1e6 : run.queriesPerS));
    const cpu = of((run) => run.dataPathCpuUs);
    rows.push([
      name,
      speed.median.toFixed(0),
      showUs(of((run) => run.p50Us).median),
      showUs(of((run) => run.p99Us).median),
      showSpread(cpu, 1),
      othersCpu(list),
      memory(list),
      showRatio(cpuRatio(runs, name, 'haproxy')),
      showRatio(cpuRatio(runs, name, 'tcp_proxy')),
      showRatio(speedRatio(runs, name, 'haproxy')),
    ]);
  }
  return `${title}\n${table(rows)}`;
}

const values = (runs: Runs, name: string, pick: (run: Run) => number) => (runs.get(name) ?? []).map(pick);

export const cpuRatio = (runs: Runs, name: string, against: string): Spread =>
  name === against ? NONE : ratios(values(runs, name, CPU), values(runs, against, CPU));
export const speedRatio = (runs: Runs, name: string, against: string): Spread =>
  name === against ? NONE : ratios(values(runs, name, SPEED), values(runs, against, SPEED));

/** CPU of the data path that one setup takes more than another, µs a query, round by round. */
export function addedCpuUs(runs: Runs, name: string, against: string): Spread {
  const [more, less] = [values(runs, name, CPU), values(runs, against, CPU)];
  return spread(more.map((us, round) => us - (less[round] ?? Number.NaN)));
}

export const latencyRatio = (runs: Runs, name: string, against: string, pick: (run: Run) => number): Spread =>
  ratios(values(runs, name, pick), values(runs, against, pick));

/** What a setup adds to `direct`, divided by what HAProxy adds, round by round. */
export function addedLatencyRatio(runs: Runs, name: string, pick: (run: Run) => number): Spread {
  const direct = values(runs, 'direct', pick);
  const added = (of: string) => values(runs, of, pick).map((us, round) => us - direct[round]!);
  return ratios(added(name), added('haproxy'));
}

export const P50 = (run: Run): number => run.p50Us;
export const P99 = (run: Run): number => run.p99Us;
const CPU = (run: Run): number => run.dataPathCpuUs;
const SPEED = (run: Run): number => run.queriesPerS;
const NONE: Spread = { median: Number.NaN, low: Number.NaN, high: Number.NaN };

/** A row of the cost table: what was wanted, what came out. */
export interface TargetRow {
  readonly what: string;
  readonly value: Spread;
  readonly target: number;
  readonly better: 'lower' | 'higher';
  readonly unit: string;
}

export const judgeRow = (row: TargetRow): Judgement => judge(row.value, row.target, row.better);

export function targetTable(rows: readonly TargetRow[]): string {
  const lines = rows.map((row) => {
    const value = showSpread(row.value, row.unit === '×' ? 2 : 1);
    return [
      row.what,
      value === '–' ? value : `${value} ${row.unit}`,
      `${row.better === 'lower' ? '≤' : '≥'} ${row.target} ${row.unit}`,
      judgeRow(row),
    ];
  });
  return table([['', 'measured', 'target', ''], ...lines]);
}

/** `6.9 (6.1–7.4)`; without brackets for a single run. */
function showSpread({ median, low, high }: Spread, digits: number): string {
  if (!Number.isFinite(median)) return '–';
  return low === high
    ? median.toFixed(digits)
    : `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

const showUs = (us: number): string =>
  !Number.isFinite(us) ? '–' : us < 10_000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`;

/** CPU a query of the roles beside the data path: `facts 1.2, primary 0.0`. */
function othersCpu(list: readonly Run[]): string {
  const names = Object.keys(list[0]?.cpuUs ?? {}).filter((name) => name === 'facts' || name === 'primary');
  return names.map((name) => `${name} ${spread(list.map((run) => run.cpuUs[name] ?? 0)).median.toFixed(1)}`).join(', ');
}

/** Resident memory by role after the last run. */
function memory(list: readonly Run[]): string {
  const last = list.at(-1)?.rssBytes ?? {};
  const entries = Object.entries(last);
  const text = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  return entries.length === 1
    ? text(entries[0]![1])
    : entries.map(([name, bytes]) => `${name} ${text(bytes)}`).join(', ');
}

/** Columns padded: the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join('\n');
}
