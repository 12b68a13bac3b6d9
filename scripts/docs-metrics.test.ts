import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statGroup } from '../src/stats/registry.ts';
import { checkNames, groupRows, METRICS_PAGE, metricsPage } from './docs-metrics.ts';
import { STAT_GROUPS } from './stat-groups.ts';

test('docs/metrics.md is current (else: node scripts/docs-metrics.ts)', async () => {
  expect(readFileSync(METRICS_PAGE, 'utf8')).toBe(await metricsPage());
});

test('every group that a module declares is listed in scripts/stat-groups.ts', () => {
  const files = globSync(['src/**/*.ts', 'protocol-filters/**/*.ts']).filter(
    (file) => !/\.test\.ts$|^src.stats.registry\.ts$/.test(file),
  );
  const declared = files.flatMap((file) => {
    const source = readFileSync(file, 'utf8');
    return [...source.matchAll(/\bstatGroup\(\s*'([^']+)',\s*\{\s*(\w+):/g)].map(
      ([, prefix, key]) => `${prefix}${key}`,
    );
  });
  const listed = STAT_GROUPS.map(({ prefix, stats }) => prefix + Object.keys(stats)[0]);
  expect(declared.length).toBeGreaterThan(10);
  expect(declared.filter((name) => !listed.includes(name))).toEqual([]);
});

test('rows name families, labels and what stays in the name', () => {
  const counter = { kind: 'counter', help: 'H.' } as const;
  const rows = groupRows([
    statGroup('cluster.<cluster_name>.', { total: counter }),
    statGroup('postgres.<stat_prefix>.', { sessions: counter }),
    statGroup('sluice.opaque.<reason>.', { sessions: counter }),
  ]);
  expect(rows.map(({ name, labels, stat }) => [name, labels, stat])).toEqual([
    ['envoy_cluster_total', ['envoy_cluster_name'], 'cluster.<cluster_name>.total'],
    ['envoy_postgres_<stat_prefix>_sessions', [], 'postgres.<stat_prefix>.sessions'],
    ['sluice_opaque_sessions_total', ['reason'], 'sluice.opaque.<reason>.sessions'],
  ]);
});

for (const [what, first, second] of [
  ['one stat declared twice', ['a.', 'x', 'counter'], ['a.', 'x', 'counter']],
  ['one family of two stats', ['sluice.a.<b>.', 'x', 'counter'], ['sluice.a.', 'x', 'counter']],
  ['two kinds', ['a.', 'x', 'counter'], ['a.', 'x', 'gauge']],
  ["a histogram's samples", ['a.', 'x', 'histogram'], ['a.', 'x_count', 'counter']],
] as const)
  test(`${what}: refused`, () => {
    const groups = [first, second].map(([prefix, key, kind]) => statGroup(prefix, { [key]: { kind, help: 'H.' } }));
    expect(() => checkNames(groupRows(groups))).toThrow('two metrics have samples named');
  });
