import { beforeEach, describe, expect, test } from 'vitest';
import { clusterConfig } from '../../test/support/plane-parts.ts';
import type { ClusterConfig } from '../config/snapshot.ts';
import { SimulatedClock } from '../net/simulated.ts';
import { StatsRegistry } from '../stats/registry.ts';
import type { Cluster, Host } from './cluster.ts';
import { ClusterManager } from './cluster-manager.ts';

let answers: Record<string, readonly string[]>;
let asked: string[];
let clock: SimulatedClock;
let stats: StatsRegistry;
let log: string[];

const clusterOf = (wishes: Partial<ClusterConfig> = {}): Cluster => {
  const manager = new ClusterManager({
    stats,
    clock,
    log: (level, message) => log.push(`${level} ${message}`),
    random: () => 0,
    resolve: async (name, family) => {
      asked.push(`${name} ${family}`);
      if (answers[name] === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return answers[name];
    },
  });
  manager.apply([clusterConfig({ dnsLookupFamily: 'V4_PREFERRED', ...wishes })]);
  return manager.get('db')!;
};
const lead = (cluster: Cluster, to: string): Promise<Host | null> =>
  new Promise((resolve) => cluster.lead(to, resolve));
const stat = (name: string) => stats.value(`cluster.db.${name}`);
const later = (ms: number) => clock.run(clock.now() + ms);

beforeEach(() => {
  answers = { 'b2.example': ['10.0.0.5', '10.0.0.6'] };
  asked = [];
  clock = new SimulatedClock();
  stats = new StatsRegistry();
  log = [];
});

describe('a host that connections are led to', () => {
  test('is resolved by the settings of the cluster, and counted as its', async () => {
    const cluster = clusterOf();
    const host = await lead(cluster, 'b2.example:9092');
    expect(host?.address.text).toBe('10.0.0.5:9092');
    expect(asked).toEqual(['b2.example V4_PREFERRED']);
    expect([stat('update_attempt'), stat('update_success'), stat('membership_total')]).toEqual([1, 1, 1]);
    expect(cluster.named!.hosts).toEqual([host]);
    expect(await lead(cluster, 'b2.example:9092')).toBe(host);
    expect(asked).toHaveLength(1);
  });

  test('an address needs no resolving', async () => {
    const cluster = clusterOf();
    expect((await lead(cluster, '10.0.0.9:9092'))?.address.text).toBe('10.0.0.9:9092');
    expect((await lead(cluster, '[::1]:9092'))?.address.text).toBe('[::1]:9092');
    expect(asked).toEqual([]);
  });

  test("the cluster's own host is itself, so that its counts are one host's", async () => {
    const cluster = clusterOf({
      endpoints: [{ address: { kind: 'ip', host: '10.0.0.5', port: 9092 }, weight: 1 }],
    });
    expect(await lead(cluster, 'b2.example:9092')).toBe(cluster.hosts[0]);
    expect(cluster.named!.hosts).toEqual([]);
  });

  test('keeps its counts when it becomes one of the cluster’s own', async () => {
    const cluster = clusterOf();
    const host = (await lead(cluster, '10.0.0.5:9092'))!;
    host.active = 2;
    cluster.setHosts([{ address: host.address, weight: 1 }]);
    expect(cluster.hosts).toEqual([host]);
    expect(cluster.named!.hosts).toEqual([]);
  });

  test('one resolution at a time for all who wait', async () => {
    const cluster = clusterOf();
    const hosts = await Promise.all([1, 2, 3].map(() => lead(cluster, 'b2.example:9092')));
    expect(new Set(hosts).size).toBe(1);
    expect(asked).toHaveLength(1);
  });

  test('is resolved again when its answer is older than dns_refresh_rate, and kept when that fails', async () => {
    const cluster = clusterOf();
    await lead(cluster, 'b2.example:9092');
    later(5001);
    answers['b2.example'] = ['10.0.0.7'];
    expect((await lead(cluster, 'b2.example:9092'))?.address.text).toBe('10.0.0.7:9092');
    later(5001);
    delete answers['b2.example'];
    expect((await lead(cluster, 'b2.example:9092'))?.address.text).toBe('10.0.0.7:9092');
    expect([stat('update_attempt'), stat('update_success'), stat('update_failure')]).toEqual([3, 2, 1]);
  });

  test('a name without an address: none, counted', async () => {
    const cluster = clusterOf();
    expect(await lead(cluster, 'nowhere.example:9092')).toBeNull();
    expect([stat('upstream_cx_none_healthy'), stat('update_failure')]).toEqual([1, 1]);
    answers['nowhere.example'] = ['10.0.0.8'];
    expect((await lead(cluster, 'nowhere.example:9092'))?.address.text).toBe('10.0.0.8:9092');
  });

  test('text that is no host: none', async () => {
    expect(await lead(clusterOf(), 'nonsense')).toBeNull();
  });

  test('an address that cannot be connected to: the next of its name has its turn', async () => {
    const cluster = clusterOf();
    const first = (await lead(cluster, 'b2.example:9092'))!;
    cluster.named!.failed('b2.example:9092', first);
    cluster.named!.failed('b2.example:9092', first); // a second connection to it, which changes nothing
    const second = (await lead(cluster, 'b2.example:9092'))!;
    expect(second.address.text).toBe('10.0.0.6:9092');
    cluster.named!.failed('b2.example:9092', second);
    expect(await lead(cluster, 'b2.example:9092')).toBe(first);
  });

  const cannot = (name: string, why: string) =>
    `warn cluster db: ${name}, as a server calls itself or another, cannot be reached from here (${why}): clients that are sent there are cut off`;

  test('a name that only the servers know: the operator is told once, and when it is reached', async () => {
    const cluster = clusterOf();
    for (let i = 0; i < 3; i++) await lead(cluster, 'nowhere.example:9092');
    expect(log).toEqual([cannot('nowhere.example:9092', 'ENOTFOUND')]);
    answers['nowhere.example'] = ['10.0.0.8'];
    await lead(cluster, 'nowhere.example:9092');
    for (let i = 0; i < 2; i++) cluster.named!.reached('nowhere.example:9092');
    expect(log.slice(1)).toEqual(['info cluster db: nowhere.example:9092 is reached again']);
  });

  test('a server that refuses, again and again: one line a minute at most', async () => {
    const cluster = clusterOf();
    await lead(cluster, '[::1]:9092');
    const fail = () => cluster.named!.givenUp('[::1]:9092', 'ECONNREFUSED');
    for (let i = 0; i < 3; i++) fail();
    cluster.named!.reached('[::1]:9092');
    fail();
    expect(log).toEqual([cannot('[::1]:9092', 'ECONNREFUSED'), 'info cluster db: [::1]:9092 is reached again']);
    later(60_000);
    fail();
    expect(log).toHaveLength(3);
  });
});

test('50,000 names: bounded', async () => {
  const cluster = clusterOf();
  for (let i = 0; i < 50_000; i++) await lead(cluster, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:9092`);
  expect(cluster.named!.hosts.length).toBeLessThanOrEqual(2000);
});
