import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '../config/snapshot.ts';
import { addressOf } from '../net/address.ts';
import type { Clock } from '../net/transport.ts';
import type { StatsRegistry } from '../stats/registry.ts';
import { Cluster } from './cluster.ts';
import { DnsRefresher, type Resolve } from './dns.ts';
import { NamedHosts } from './named-hosts.ts';
import { ReachLog } from './reach-log.ts';

export interface ClusterManagerOptions {
  readonly stats: StatsRegistry;
  readonly clock: Clock;
  readonly resolve: Resolve;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  /** What an operator should know. */
  readonly log?: (level: 'info' | 'warn', message: string) => void;
}

/** The clusters of the current snapshot. Connections keep the cluster that they began with. */
export class ClusterManager {
  readonly #options: ClusterManagerOptions;
  readonly #clusters = new Map<string, { cluster: Cluster; dns: DnsRefresher | null }>();

  constructor(options: ClusterManagerOptions) {
    this.#options = options;
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name)?.cluster;
  }

  all(): Cluster[] {
    return [...this.#clusters.values()].map(({ cluster }) => cluster);
  }

  /** Adds, changes and removes clusters to match; unchanged ones stay the same object. */
  apply(configs: readonly ClusterConfig[]): void {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [name, { cluster, dns }] of this.#clusters) {
      if (isDeepStrictEqual(wanted.get(name), cluster.config)) continue;
      dns?.stop();
      cluster.retire();
      this.#clusters.delete(name);
    }
    for (const config of configs) if (!this.#clusters.has(config.name)) this.#add(config);
  }

  stop(): void {
    for (const { dns } of this.#clusters.values()) dns?.stop();
  }

  #add(config: ClusterConfig): void {
    const { stats, random, resolve, clock, log = () => {} } = this.#options;
    const cluster = new Cluster(config, stats, random, () => new ReachLog(clock, log));
    cluster.named = new NamedHosts(cluster, resolve, clock, log);
    if (config.type === 'STATIC') {
      cluster.setHosts(config.endpoints.map(({ address, weight }) => ({ address: addressOf(address), weight })));
      this.#clusters.set(config.name, { cluster, dns: null });
      return;
    }
    const dns = new DnsRefresher(cluster, resolve, clock);
    this.#clusters.set(config.name, { cluster, dns });
    dns.start();
  }
}
