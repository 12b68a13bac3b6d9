/**
 * Writes docs/metrics.md: one table of every metric there is. `--check` writes nothing and exits 1 when the file is not
 * what would be written. Fails when two metrics would meet under one name.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exposedName } from '../src/stats/envoy-names.ts';
import { EXPOSITION_DROPPED, type Family, sampleNames } from '../src/stats/exposition.ts';
import { HOT_KEY_FAMILIES, HOT_KEY_SHARE, KEY_TOTAL_FAMILIES } from '../src/stats/hot-key-series.ts';
import { BasicProcessSampler } from '../src/stats/process-basic.ts';
import { ProcessSampler } from '../src/stats/process-metrics.ts';
import {
  DIGEST_DURATION,
  DIGEST_FAMILIES,
  DIGEST_INFO,
  DIGEST_KEY_FAMILIES,
  DURATION_FAMILY,
  MESSAGING_FAMILIES,
  OPERATION_FAMILIES,
  WAIT_FAMILY,
} from '../src/stats/prometheus.ts';
import type { StatGroup } from '../src/stats/registry.ts';
import { STAT_GROUPS } from './stat-groups.ts';

export const METRICS_PAGE = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));

interface Row extends Family {
  readonly labels: readonly string[];
  /** Its name at `/stats`; '' for what is only at `/metrics`. */
  readonly stat: string;
}

const DURATION_LABELS = ['db_system_name', 'db_namespace', 'db_operation_name', 'sluice_listener', 'error_type'];
const MESSAGING_LABELS = [
  'messaging_system',
  'messaging_operation_name',
  'messaging_operation_type',
  'sluice_operation',
  'sluice_listener',
  'error_type',
];
const FIXED: readonly Row[] = [
  ...[DURATION_FAMILY, WAIT_FAMILY, ...Object.values(OPERATION_FAMILIES)].map((family) => ({
    ...family,
    labels: DURATION_LABELS,
    stat: '',
  })),
  ...Object.values(MESSAGING_FAMILIES).map((family) => ({ ...family, labels: MESSAGING_LABELS, stat: '' })),
  ...[...DIGEST_FAMILIES.map(([, family]) => family), ...Object.values(DIGEST_KEY_FAMILIES), DIGEST_DURATION].map(
    (family) => ({
      ...family,
      labels: ['digest'],
      stat: '',
    }),
  ),
  { ...DIGEST_INFO, labels: ['digest', 'db_system_name', 'db_query_summary'], stat: '' },
  ...KEY_TOTAL_FAMILIES.map(([, family]) => ({ ...family, labels: ['sluice_listener'], stat: '' })),
  { ...HOT_KEY_SHARE, labels: ['sluice_listener', 'by', 'top'], stat: '' },
  ...HOT_KEY_FAMILIES.map(([, family]) => ({ ...family, labels: ['sluice_listener', 'key'], stat: '' })),
  { ...EXPOSITION_DROPPED, labels: ['reason'], stat: '' },
];

/** Rows of the groups' stats. A part that is not a label stays in the name: `envoy_postgres_<stat_prefix>_sessions`. */
export function groupRows(groups: readonly StatGroup[]): Row[] {
  return groups.flatMap(({ prefix, stats }) =>
    Object.entries(stats).map(([key, { kind, help }]) => {
      const pattern = prefix + key;
      const parts = [...pattern.matchAll(/<(\w+)>/g)].map(([, part]) => part!);
      // letters survive the clean-up of names, angle brackets do not
      const labels = Object.fromEntries(parts.map((part) => [part, `ZZ${part}ZZ`]));
      const exposed = exposedName({ pattern, labels, kind });
      const name = exposed.family.replace(/ZZ(\w+?)ZZ/g, '<$1>');
      return { name, type: kind, help, labels: Object.keys(exposed.labels), stat: pattern };
    }),
  );
}

/** Throws when two rows would have samples of one name. */
export function checkNames(rows: readonly Row[]): void {
  const taken = new Map<string, Row>();
  for (const row of rows)
    for (const name of sampleNames(row)) {
      const other = taken.get(name);
      if (other) throw new Error(`two metrics have samples named ${name}: ${describe(other)} and ${describe(row)}`);
      taken.set(name, row);
    }
}

const describe = ({ stat, name, type }: Row): string => `${stat === '' ? name : stat} (${type})`;

/** The whole page. */
export async function metricsPage(): Promise<string> {
  const rows = [...groupRows(STAT_GROUPS), ...FIXED, ...(await processRows())];
  checkNames(rows);
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  const lines = rows.map(
    ({ name, type, labels, stat, help }) =>
      `| \`${name}\` | ${type} | ${code(labels)} | ${code(stat === '' ? [] : [stat])} | ${help.replaceAll('|', '\\|')} |`,
  );
  return `${HEAD}${lines.join('\n')}\n`;
}

async function processRows(): Promise<Row[]> {
  const basic = new BasicProcessSampler('primary');
  const samples = [await new ProcessSampler('facts').sample(), basic.sample()];
  basic.stop();
  const families = new Map(samples.flatMap((sample) => sample.families).map((family) => [family.name, family]));
  return [...families.values()].map(({ name, type, help, samples: values }) => {
    const own = values.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== 'le');
    return { name, type, help, labels: [...new Set([...own, ...(EXTRA.get(name) ?? [])]), 'role'], stat: '' };
  });
}

/** Labels of families that have no sample yet when a process has just begun. */
const EXTRA = new Map([['nodejs_gc_duration_seconds', ['kind']]]);

const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ');

const HEAD = `# Metrics

Every metric of Sluice, with its name for Prometheus (\`/metrics\`) and, where it has one, its name at \`/stats\`.
Written by \`node scripts/docs-metrics.ts\`: change the declarations, not this page.

Names that begin with \`envoy_\` are Envoy's, as Envoy's own exposition makes them: without \`_total\` where Envoy has none,
histograms named \`_ms\` in milliseconds. A part in angle brackets is filled in from the configuration. Ours are in seconds
and bytes. Histograms are kept in exponential buckets 4.4 % wide: the counts at the classic bounds are exact for some value
that near to the bound; sums and counts are exact. Those named \`_seconds\`, but for \`process_*\` and \`nodejs_*\`, are native
histograms as well (schema 4, the very buckets) for a Prometheus that asks for protobuf; names are the same in every form
([sinks/prometheus.md](sinks/prometheus.md)). \`sluice_digest_*\` has the 200 digests of the most total time and the rest
as \`digest="other"\`; together they add up. \`role\` is \`primary\`, \`facts\` or \`worker-N\`.

| Prometheus name | type | labels | name at \`/stats\` | what it counts |
| --- | --- | --- | --- | --- |
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = await metricsPage();
  if (!process.argv.includes('--check')) writeFileSync(METRICS_PAGE, page);
  else if (page !== readFileSync(METRICS_PAGE, 'utf8')) {
    console.error('docs/metrics.md is not current: run node scripts/docs-metrics.ts');
    process.exitCode = 1;
  }
}
