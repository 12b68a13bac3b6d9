import type { ClusterConfig } from '../config/snapshot.ts';
import type { Host } from './cluster.ts';

export interface LoadBalancer {
  /** `hosts` is not empty. */
  pick(hosts: readonly Host[]): Host;
}

/** Envoy's ROUND_ROBIN, LEAST_REQUEST and RANDOM; weights count in all three. `random` gives 0 ≤ x < 1. */
export function makeLoadBalancer(
  config: Pick<ClusterConfig, 'lbPolicy' | 'choiceCount'>,
  random: () => number,
): LoadBalancer {
  switch (config.lbPolicy) {
    case 'ROUND_ROBIN':
      return new RoundRobin(random);
    case 'RANDOM':
      return { pick: (hosts) => weighted(hosts, random) };
    case 'LEAST_REQUEST':
      return { pick: (hosts) => leastRequest(hosts, config.choiceCount, random) };
  }
}

function weighted(hosts: readonly Host[], random: () => number): Host {
  let total = 0;
  for (const host of hosts) total += host.weight;
  let left = random() * total;
  for (const host of hosts) {
    left -= host.weight;
    if (left < 0) return host;
  }
  return hosts[hosts.length - 1]!;
}

/** The least busy, per weight, of a few chosen at random: for TCP a request is a connection. */
function leastRequest(hosts: readonly Host[], choices: number, random: () => number): Host {
  let best = weighted(hosts, random);
  for (let i = 1; i < choices; i++) {
    const other = weighted(hosts, random);
    if (other.active / other.weight < best.active / best.weight) best = other;
  }
  return best;
}

/**
 * Smooth weighted round robin: each turn every host gains its weight, the richest is chosen and pays the total. It
 * begins at a random place, so that the workers do not all send their first connection to the first host.
 */
class RoundRobin implements LoadBalancer {
  readonly #credit = new Map<Host, number>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  pick(hosts: readonly Host[]): Host {
    if (this.#credit.size !== hosts.length || hosts.some((host) => !this.#credit.has(host))) this.#renew(hosts);
    let total = 0;
    let richest = hosts[0]!;
    for (const host of hosts) {
      total += host.weight;
      this.#credit.set(host, this.#credit.get(host)! + host.weight);
      if (this.#credit.get(host)! > this.#credit.get(richest)!) richest = host;
    }
    this.#credit.set(richest, this.#credit.get(richest)! - total);
    return richest;
  }

  #renew(hosts: readonly Host[]): void {
    this.#credit.clear();
    for (const host of hosts) this.#credit.set(host, 0);
    this.#credit.set(hosts[Math.floor(this.#random() * hosts.length)]!, 0.5);
  }
}
