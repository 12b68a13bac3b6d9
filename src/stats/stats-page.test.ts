import { expect, test } from 'vitest';
import { MergedStats } from './merged.ts';
import { compileFilter } from './name-filter.ts';
import { StatsRegistry, statGroup } from './registry.ts';
import { selectStats, statsJson, statsText } from './stats-page.ts';

const GROUP = statGroup('tcp.<p>.', {
  total: { kind: 'counter', help: '.' },
  active: { kind: 'gauge', help: '.' },
  connect_ms: { kind: 'histogram', help: '.' },
  took: { kind: 'histogram', help: '.' },
});

function sample(p = 'a') {
  const registry = new StatsRegistry();
  const ids = registry.open(GROUP, { p });
  registry.add(ids.total, 7);
  for (let n = 0; n < 100; n++) registry.histogram(ids.connect_ms).record(0.01);
  const merged = new MergedStats();
  merged.local(registry);
  return merged.list();
}

test('text as Envoy prints it: numbers by name, then histograms', () => {
  const lines = statsText(sample()).split('\n');
  expect(lines.slice(0, 2)).toEqual(['tcp.a.active: 0', 'tcp.a.total: 7']);
  expect(lines[2]).toMatch(
    /^tcp\.a\.connect_ms: P0\(nan,(10|9\.\d+)\) P25\(nan,.*P99\.9\(nan,[\d.]+\) P100\(nan,10\)$/,
  );
  expect(lines[3]).toBe('tcp.a.took: No recorded values');
});

test('a name cannot forge a line', () => {
  expect(statsText(sample('x\nforged: 1\u2028')).split('\n')).toHaveLength(5);
});

test('JSON as Envoy prints it', () => {
  const answer = JSON.parse(JSON.stringify(statsJson(sample())));
  expect(answer.stats.slice(0, 2)).toEqual([
    { name: 'tcp.a.active', value: 0 },
    { name: 'tcp.a.total', value: 7 },
  ]);
  const { supported_quantiles, computed_quantiles } = answer.stats[2].histograms;
  expect(supported_quantiles).toEqual([0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]);
  expect(computed_quantiles[0].values[9]).toEqual({ interval: null, cumulative: 10 });
  expect(computed_quantiles[1].values[0]).toEqual({ interval: null, cumulative: null });
});

for (const [what, selection, names] of [
  ['nothing asked', {}, ['active', 'connect_ms', 'took', 'total']],
  ['used only', { usedOnly: true }, ['connect_ms', 'total']],
  ['counters', { type: 'Counters' }, ['total']],
  ['gauges', { type: 'Gauges' }, ['active']],
  ['histograms', { type: 'Histograms' }, ['connect_ms', 'took']],
  ['text readouts: there are none', { type: 'TextReadouts' }, []],
  ['by name', { filter: compileFilter('^tcp\\.a\\.t') }, ['took', 'total']],
] as const)
  test(what, () => {
    expect(selectStats(sample(), selection).map(({ name }) => name.slice('tcp.a.'.length))).toEqual(names);
  });
