import type { ClusterConfig } from '../config/snapshot.ts';
import type { Address } from '../net/transport.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import { clusterStats } from './cluster-stats.ts';
import { type LoadBalancer, makeLoadBalancer } from './load-balancer.ts';
import type { NamedHosts } from './named-hosts.ts';
import type { ReachLog } from './reach-log.ts';

/** One upstream address of a cluster, with what is open on it now. */
export class Host {
  readonly address: Address;
  readonly weight: number;
  active = 0;
  total = 0;
  connectFail = 0;
  /** Made when it could not be reached for the first time. */
  reach: ReachLog | null = null;

  constructor(address: Address, weight: number) {
    this.address = address;
    this.weight = weight;
  }
}

/** A named set of upstream hosts. Hosts come from configuration (STATIC) or from resolving names (see dns.ts). */
export class Cluster {
  readonly config: ClusterConfig;
  readonly name: string;
  readonly stats: StatsRegistry;
  readonly ids: StatIds<keyof typeof clusterStats.stats>;
  hosts: readonly Host[] = [];
  /** Hosts beside its own set, that connections are led to by name. Null: none can be. */
  named: NamedHosts | null = null;
  readonly #balancer: LoadBalancer;
  readonly #reachLog: () => ReachLog;
  /** Made when there was no host for the first time. */
  #reach: ReachLog | null = null;
  #waiting: (() => void)[] = [];
  /** True once hosts were given, be they none. */
  resolved = false;
  #retired = false;

  constructor(config: ClusterConfig, stats: StatsRegistry, random: () => number, reachLog: () => ReachLog) {
    this.config = config;
    this.#reachLog = reachLog;
    this.name = config.name;
    this.stats = stats;
    this.ids = stats.open(clusterStats, { cluster_name: config.name });
    this.#balancer = makeLoadBalancer(config, random);
  }

  /** The host for a new connection, or null when there is none. Counts nothing: the connection does, when it is dialled. */
  pick(): Host | null {
    if (this.hosts.length > 0) return this.#balancer.pick(this.hosts);
    this.stats.inc(this.ids.upstream_cx_none_healthy);
    this.#reach ??= this.#reachLog();
    this.#reach.failed(
      `cluster ${this.name} has no host${this.config.type === 'STATIC' ? '' : ': no address is known for its names'}; its clients are cut off`,
    );
    return null;
  }

  /** A host of its own could not be connected to. `why`: Node's code. */
  failed(host: Host, why: string): void {
    host.reach ??= this.#reachLog();
    host.reach.failed(`cluster ${this.name}: ${host.address.text} cannot be reached (${why})`);
  }

  /** A connection to it stands. */
  reached(host: Host): void {
    host.reach?.reached(() => `cluster ${this.name}: ${host.address.text} is reached again`);
  }

  /** Calls back with the host behind `b2.example:9092`, one of ours or not; null: its name has no address. */
  lead(upstream: string, call: (host: Host | null) => void): void {
    const counted = (host: Host | null): void => {
      if (host === null) this.stats.inc(this.ids.upstream_cx_none_healthy);
      call(host);
    };
    if (this.named === null) counted(null);
    else this.named.find(upstream, counted);
  }

  /** The host with this address, if it is still one of ours. */
  find(address: string): Host | undefined {
    return this.hosts.find((host) => host.address.text === address);
  }

  /** Replaces the hosts; those whose address stays keep their counts. */
  setHosts(addresses: readonly { address: Address; weight: number }[]): void {
    const known = new Map(this.hosts.map((host) => [host.address.text, host]));
    this.hosts = addresses.map(({ address, weight }) => {
      const host = known.get(address.text) ?? this.named?.adopt(address.text);
      return host && host.weight === weight ? host : new Host(address, weight);
    });
    this.resolved = true;
    if (addresses.length > 0) this.#reach?.reached(() => `cluster ${this.name} has hosts again`);
    if (known.size > 0 || this.hosts.length > 0) this.stats.inc(this.ids.membership_change);
    this.#gauges(this.hosts.length);
    for (const call of this.#waiting.splice(0)) call();
  }

  /** Calls back once hosts were known for the first time: at once, or when the first resolution is through. */
  whenResolved(call: () => void): void {
    if (this.resolved) call();
    else this.#waiting.push(call);
  }

  /** No new connections come here any more; its gauges are another's from now on. */
  retire(): void {
    this.#gauges(0);
    this.#retired = true;
  }

  #gauges(hosts: number): void {
    if (this.#retired) return;
    this.stats.set(this.ids.membership_total, hosts);
    this.stats.set(this.ids.membership_healthy, hosts);
  }
}
