import { beforeEach, describe, expect, test } from 'vitest';
import { clusterConfig } from '../../test/support/plane-parts.ts';
import type { ClusterConfig } from '../config/snapshot.ts';
import { SimulatedClock } from '../net/simulated.ts';
import { StatsRegistry } from '../stats/registry.ts';
import { ClusterManager } from './cluster-manager.ts';
import { systemResolve } from './dns.ts';

const named = (...names: string[]): ClusterConfig['endpoints'] =>
  names.map((host) => ({ address: { kind: 'ip', host, port: 5432 }, weight: 1 }));

let answers: Record<string, readonly string[] | Error>;
let clock: SimulatedClock;
let stats: StatsRegistry;
let manager: ClusterManager;
let lines: string[];
beforeEach(() => {
  answers = {};
  lines = [];
  clock = new SimulatedClock();
  stats = new StatsRegistry();
  manager = new ClusterManager({
    stats,
    clock,
    random: () => 0,
    log: (level, message) => lines.push(`${level}: ${message}`),
    resolve: async (name) => {
      const answer = answers[name] ?? new Error('ENOTFOUND');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
});

const settled = () => new Promise((resolve) => setImmediate(resolve));
/** Lets the next refresh happen. */
const refresh = async () => {
  clock.run(clock.now() + 5000);
  await settled();
};
const hosts = (name = 'db') => manager.get(name)!.hosts.map((host) => host.address.text);
const stat = (name: string) => stats.value(`cluster.db.${name}`);

describe('STATIC', () => {
  test('hosts are there at once', () => {
    manager.apply([clusterConfig({ endpoints: named('10.0.0.1', '::1') })]);
    expect(hosts()).toEqual(['10.0.0.1:5432', '[::1]:5432']);
    expect([stat('membership_total'), stat('membership_healthy'), stat('update_attempt')]).toEqual([2, 2, 0]);
  });

  test('unix sockets too', () => {
    manager.apply([clusterConfig({ endpoints: [{ address: { kind: 'pipe', path: '/run/pg' }, weight: 1 }] })]);
    expect(hosts()).toEqual(['/run/pg']);
  });

  test('none: counted when asked for', () => {
    manager.apply([clusterConfig({ endpoints: [] })]);
    expect(manager.get('db')!.pick()).toBeNull();
    expect(stat('upstream_cx_none_healthy')).toBe(1);
  });
});

describe('what the operator is told', () => {
  test('a host that cannot be reached: once, and once that it is again; at most once a minute', () => {
    manager.apply([clusterConfig({ endpoints: named('10.0.0.1', '10.0.0.2') })]);
    const cluster = manager.get('db')!;
    const [one, two] = [cluster.hosts[0]!, cluster.hosts[1]!];
    cluster.reached(one);
    for (let i = 0; i < 3; i++) cluster.failed(one, 'ECONNREFUSED');
    cluster.failed(two, 'ETIMEDOUT');
    cluster.reached(one);
    cluster.reached(one);
    const said = [
      'warn: cluster db: 10.0.0.1:5432 cannot be reached (ECONNREFUSED)',
      'warn: cluster db: 10.0.0.2:5432 cannot be reached (ETIMEDOUT)',
      'info: cluster db: 10.0.0.1:5432 is reached again',
    ];
    expect(lines).toEqual(said);
    cluster.failed(one, 'ECONNRESET');
    expect(lines).toEqual(said);
    clock.run(clock.now() + 60_000);
    cluster.failed(one, 'ECONNRESET');
    expect(lines.slice(3)).toEqual(['warn: cluster db: 10.0.0.1:5432 cannot be reached (ECONNRESET)']);
  });

  test('names without an address: once somebody wants to go there', async () => {
    manager.apply([clusterConfig({ type: 'STRICT_DNS', endpoints: named('db.example') })]);
    await settled();
    expect(lines).toEqual([]);
    for (let i = 0; i < 2; i++) manager.get('db')!.pick();
    answers['db.example'] = ['10.0.0.7'];
    await refresh();
    expect(lines).toEqual([
      'warn: cluster db has no host: no address is known for its names; its clients are cut off',
      'info: cluster db has hosts again',
    ]);
  });
});

describe('STRICT_DNS', () => {
  const strict = (...names: string[]) => clusterConfig({ type: 'STRICT_DNS', endpoints: named(...names) });

  test('all addresses of all names, each once', async () => {
    answers = { a: ['10.0.0.1', '10.0.0.2'], b: ['10.0.0.2', '10.0.0.3'] };
    manager.apply([strict('a', 'b')]);
    await settled();
    expect(hosts()).toEqual(['10.0.0.1:5432', '10.0.0.2:5432', '10.0.0.3:5432']);
    expect([stat('update_attempt'), stat('update_success'), stat('membership_change')]).toEqual([1, 1, 1]);
  });

  test('refreshed: hosts come and go; those that stay keep their counts', async () => {
    answers = { a: ['10.0.0.1', '10.0.0.2'] };
    manager.apply([strict('a')]);
    await settled();
    const [one, two] = manager.get('db')!.hosts;
    two!.active = 5;
    answers = { a: ['10.0.0.3', '10.0.0.2'] };
    await refresh();
    expect(hosts()).toEqual(['10.0.0.3:5432', '10.0.0.2:5432']);
    expect(manager.get('db')!.hosts[1]).toBe(two);
    expect(manager.get('db')!.find('10.0.0.2:5432')!.active).toBe(5);
    expect(manager.get('db')!.hosts).not.toContain(one);
    expect(stat('membership_change')).toBe(2);
  });

  test('the same addresses in another order are no change', async () => {
    answers = { a: ['10.0.0.1', '10.0.0.2'] };
    manager.apply([strict('a')]);
    await settled();
    answers = { a: ['10.0.0.2', '10.0.0.1'] };
    await refresh();
    expect([hosts(), stat('membership_change')]).toEqual([['10.0.0.1:5432', '10.0.0.2:5432'], 1]);
  });

  test('stale on error and on an empty answer', async () => {
    answers = { a: ['10.0.0.1'] };
    manager.apply([strict('a')]);
    await settled();
    answers = { a: new Error('SERVFAIL') };
    await refresh();
    answers = { a: [] };
    await refresh();
    expect(hosts()).toEqual(['10.0.0.1:5432']);
    expect([stat('update_attempt'), stat('update_success'), stat('update_failure')]).toEqual([3, 1, 2]);
    answers = { a: ['10.0.0.9'] };
    await refresh();
    expect(hosts()).toEqual(['10.0.0.9:5432']);
  });

  test('one dead name does not take the others with it', async () => {
    answers = { a: ['10.0.0.1'] };
    manager.apply([strict('a', 'b')]);
    await settled();
    expect([hosts(), stat('update_failure')]).toEqual([['10.0.0.1:5432'], 1]);
    answers = { a: new Error('SERVFAIL'), b: ['10.0.0.2'] };
    await refresh();
    expect(hosts()).toEqual(['10.0.0.1:5432', '10.0.0.2:5432']);
  });

  test('never resolved: whoever waits is told, once, and it is tried again', async () => {
    manager.apply([strict('a')]);
    let told = 0;
    manager.get('db')!.whenResolved(() => told++);
    expect(told).toBe(0);
    await settled();
    await refresh();
    await refresh();
    expect([told, hosts(), stat('update_failure'), stat('membership_change')]).toEqual([1, [], 3, 0]);
    answers = { a: ['10.0.0.1'] };
    await refresh();
    expect([told, hosts()]).toEqual([1, ['10.0.0.1:5432']]);
  });
});

describe('LOGICAL_DNS', () => {
  test('the first address, for new connections', async () => {
    answers = { a: ['10.0.0.1', '10.0.0.2'] };
    manager.apply([clusterConfig({ type: 'LOGICAL_DNS', endpoints: named('a') })]);
    await settled();
    expect(hosts()).toEqual(['10.0.0.1:5432']);
    const before = manager.get('db')!.pick();
    answers = { a: ['10.0.0.2', '10.0.0.1'] };
    await refresh();
    expect(hosts()).toEqual(['10.0.0.2:5432']);
    expect(before!.address.text).toBe('10.0.0.1:5432'); // who has it keeps it
  });
});

describe('apply', () => {
  test('unchanged clusters stay the same object, changed ones are new, removed ones go', async () => {
    answers = { a: ['10.0.0.1'] };
    const same = clusterConfig({ name: 'same' });
    manager.apply([same, clusterConfig({ type: 'STRICT_DNS', endpoints: named('a') })]);
    await settled();
    const [kept, old] = [manager.get('same'), manager.get('db')];
    manager.apply([structuredClone(same), clusterConfig({ endpoints: named('10.0.0.7', '10.0.0.8') })]);
    expect(manager.get('same')).toBe(kept);
    expect(manager.get('db')).not.toBe(old);
    await refresh();
    expect(stat('update_attempt')).toBe(1); // the old one resolves no more
    expect(stat('membership_total')).toBe(2);
    manager.apply([same]);
    expect([manager.get('db'), stat('membership_total')]).toEqual([undefined, 0]);
    expect(manager.all()).toEqual([kept]);
  });

  test('a removed cluster that still resolves tells who waits, and no gauge', async () => {
    answers = { a: ['10.0.0.1'] };
    manager.apply([clusterConfig({ type: 'STRICT_DNS', endpoints: named('a') })]);
    const cluster = manager.get('db')!;
    let told = '';
    cluster.whenResolved(() => {
      told = cluster.pick()!.address.text;
    });
    manager.apply([clusterConfig({ endpoints: named('10.0.0.7', '10.0.0.8') })]);
    await settled();
    expect([told, stat('membership_total')]).toEqual(['10.0.0.1:5432', 2]);
    await refresh();
    expect(stat('update_attempt')).toBe(1);
  });
});

describe('the system’s resolver', () => {
  test.each([
    ['V4_ONLY', ['127.0.0.1']],
    ['V4_PREFERRED', ['127.0.0.1']],
  ] as const)('localhost, %s', async (family, want) => {
    expect(await systemResolve('localhost', family)).toEqual(want);
  });

  test('an address is itself', async () => {
    expect(await systemResolve('192.0.2.1', 'AUTO')).toEqual(['192.0.2.1']);
  });

  test('of the wrong family: none', async () => {
    expect(await systemResolve('192.0.2.1', 'V6_ONLY')).toEqual([]);
    expect(await systemResolve('::1', 'V4_ONLY')).toEqual([]);
    expect(await systemResolve('::1', 'V4_PREFERRED')).toEqual(['::1']);
  });
});
