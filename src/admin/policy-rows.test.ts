import { expect, test } from 'vitest';
import { load } from '../config/load.ts';
import { openVerdicts } from '../net/verdict-counter.ts';
import { filterSchemas } from '../server/catalog.ts';
import { MergedStats } from '../stats/merged.ts';
import { StatsRegistry } from '../stats/registry.ts';
import { policyRows } from './policy-rows.ts';
import { RecentVerdicts } from './recent-verdicts.ts';

const FILE = `
proxies:
  - { name: shop, upstream: "postgres://127.0.0.1:5432" }
  - { name: cache, upstream: "redis://127.0.0.1:6379" }
policies:
  - { name: no drops, proxies: shop, action: deny, operations: drop }
  - { name: later, proxies: shop, action: deny, mode: shadow, operations: truncate }
  - { name: turns, proxies: cache, action: limit, limit: { rate: 5/s } }
`;
type Count = readonly [listener: string, policy: string, verdict: string, enforced: boolean, n: number];

async function rowsOf(...counts: readonly Count[]) {
  const loaded = await load({ file: 'sluice.yaml', text: FILE }, filterSchemas());
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const registry = new StatsRegistry();
  const stats = new MergedStats();
  stats.local(registry);
  for (const [listener, policy, verdict, enforced, n] of counts)
    registry.add(openVerdicts(registry, listener, policy, verdict, enforced), n);
  const protocolOf = (listener: string) => (listener === 'shop' ? 'postgres' : 'redis');
  return policyRows(loaded.snapshot.listeners, stats.list(), protocolOf, new RecentVerdicts());
}

test('the policies of the file stand there before they have said anything', async () => {
  const rows = await rowsOf();
  expect(rows.map(({ policy, listener, mode, action, denied }) => [policy, listener, mode, action, denied])).toEqual([
    ['no drops', 'shop', 'enforce', 'deny', 0],
    ['later', 'shop', 'shadow', 'deny', 0],
    ['turns', 'cache', 'enforce', 'limit', 0],
  ]);
  expect(rows.map(({ last_denied }) => last_denied)).toEqual([null, null, null]);
});

test('who denied most is first; what no policy of the file stands for is named for what it is', async () => {
  const rows = await rowsOf(
    ['shop', 'later', 'denied', false, 7],
    ['shop', 'no drops', 'denied', true, 3],
    ['cache', 'turns', 'denied', true, 2],
    ['cache', 'turns', 'rate', true, 2],
    ['shop', '', 'allowed', true, 100],
    ['shop', 'sluice.unresolved', 'denied', true, 1],
    ['shop', 'of yesterday', 'denied', true, 5],
    ['shop', 'never said a word', 'denied', true, 0],
  );
  expect(rows.map(({ policy, action, allowed, denied }) => [policy, action, allowed, denied])).toEqual([
    ['later', 'deny', 0, 7],
    ['of yesterday', 'removed', 0, 5],
    ['no drops', 'deny', 0, 3],
    ['turns', 'limit', 0, 2],
    ['sluice.unresolved', 'built-in', 0, 1],
    ['sluice.default', 'built-in', 100, 0],
  ]);
  expect(rows.find(({ policy }) => policy === 'turns')!.limits).toEqual({ rate: 2 });
});
