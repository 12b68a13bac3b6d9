import { describe, expect, test } from 'vitest';
import { ipAddress } from '../net/address.ts';
import { seeded } from '../net/simulated.ts';
import { Host } from './cluster.ts';
import { makeLoadBalancer } from './load-balancer.ts';

const hostsOf = (...weights: number[]) => weights.map((weight, i) => new Host(ipAddress(`10.0.0.${i}`, 1), weight));

/** How often each host is picked. */
function count(hosts: readonly Host[], picks: number, pick: () => Host): number[] {
  const counts = new Map<Host, number>(hosts.map((host) => [host, 0]));
  for (let i = 0; i < picks; i++) {
    const host = pick();
    counts.set(host, counts.get(host)! + 1);
  }
  return [...counts.values()];
}

describe('ROUND_ROBIN', () => {
  const balancer = (seed = 1) => makeLoadBalancer({ lbPolicy: 'ROUND_ROBIN', choiceCount: 2 }, seeded(seed));

  test('equal weights: every host once in every round', () => {
    const hosts = hostsOf(1, 1, 1, 1);
    const lb = balancer();
    for (let round = 0; round < 10; round++) expect(count(hosts, 4, () => lb.pick(hosts))).toEqual([1, 1, 1, 1]);
  });

  test('weights: exact over a round, and spread within it', () => {
    const hosts = hostsOf(5, 1, 1);
    const lb = balancer();
    const picked = Array.from({ length: 70 }, () => hosts.indexOf(lb.pick(hosts)));
    for (let at = 0; at < 70; at += 7) {
      const round = picked.slice(at, at + 7);
      expect([0, 1, 2].map((i) => round.filter((host) => host === i).length)).toEqual([5, 1, 1]);
      expect(round.join('')).not.toContain('00000'); // not all of the heavy one in a row
    }
  });

  test('begins anywhere, so that workers do not all begin at the first host', () => {
    const hosts = hostsOf(1, 1, 1);
    const firsts = Array.from({ length: 60 }, (_, seed) => hosts.indexOf(balancer(seed).pick(hosts)));
    for (const host of [0, 1, 2]) expect(firsts.filter((first) => first === host).length).toBeGreaterThan(8);
  });

  test('a change of hosts is taken in', () => {
    const lb = balancer();
    const hosts = hostsOf(1, 1);
    lb.pick(hosts);
    const more = [hosts[0]!, ...hostsOf(1, 1)];
    expect(count(more, 9, () => lb.pick(more))).toEqual([3, 3, 3]);
  });
});

test('RANDOM: by weight', () => {
  const hosts = hostsOf(1, 2, 7);
  const lb = makeLoadBalancer({ lbPolicy: 'RANDOM', choiceCount: 2 }, seeded(7));
  const counts = count(hosts, 10_000, () => lb.pick(hosts));
  [1000, 2000, 7000].forEach((want, i) => {
    expect(Math.abs(counts[i]! - want)).toBeLessThan(200);
  });
});

describe('LEAST_REQUEST', () => {
  const balancer = (choiceCount: number) => makeLoadBalancer({ lbPolicy: 'LEAST_REQUEST', choiceCount }, seeded(3));

  test('of two chosen at random, the less busy', () => {
    const hosts = hostsOf(1, 1);
    hosts[0]!.active = 10;
    const lb = balancer(2);
    const [busy] = count(hosts, 4000, () => lb.pick(hosts));
    expect(Math.abs(busy! - 1000)).toBeLessThan(120); // only when both choices fall on it
  });

  test('more choices find the idle one more surely', () => {
    const hosts = hostsOf(1, 1);
    hosts[0]!.active = 10;
    const lb = balancer(8);
    expect(count(hosts, 4000, () => lb.pick(hosts))[0]!).toBeLessThan(60);
  });

  test('connections even out, per weight', () => {
    const hosts = hostsOf(1, 1, 2);
    const lb = balancer(2);
    for (let i = 0; i < 4000; i++) lb.pick(hosts).active++;
    const share = hosts.map((host) => host.active / 4000);
    [0.25, 0.25, 0.5].forEach((want, i) => {
      expect(Math.abs(share[i]! - want)).toBeLessThan(0.05);
    });
  });
});
