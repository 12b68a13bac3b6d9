import { lookup } from 'node:dns/promises';
import type { ClusterConfig } from '../config/snapshot.ts';
import { addressOf, ipAddress } from '../net/address.ts';
import type { Address, Clock, Timer } from '../net/transport.ts';
import type { Cluster } from './cluster.ts';

/** Host name → IP literals, in the system's order. Rejects when there is none. */
export type Resolve = (name: string, family: ClusterConfig['dnsLookupFamily']) => Promise<readonly string[]>;

/** The system's resolver, so that /etc/hosts and nsswitch count. Runs on libuv's pool, never on the loop. */
export const systemResolve: Resolve = async (name, family) => {
  const answers = await lookup(name, {
    all: true,
    verbatim: true,
    family: family === 'V4_ONLY' ? 4 : family === 'V6_ONLY' ? 6 : 0,
  });
  const of = (version: number) => answers.filter((answer) => answer.family === version).map((answer) => answer.address);
  switch (family) {
    case 'ALL':
      return answers.map((answer) => answer.address);
    case 'V4_ONLY':
      return of(4);
    case 'V6_ONLY':
      return of(6);
    // Envoy: AUTO takes v6 and falls back to v4; V4_PREFERRED the other way.
    case 'AUTO':
      return of(6).length > 0 ? of(6) : of(4);
    case 'V4_PREFERRED':
      return of(4).length > 0 ? of(4) : of(6);
  }
};

/**
 * Keeps a cluster's hosts at what its names resolve to. STRICT_DNS: every address of every name; LOGICAL_DNS: the first
 * address of the one name, for new connections only. Stale on error, name by name: one that cannot be resolved, or
 * resolves to nothing, keeps the addresses it had.
 */
export class DnsRefresher {
  readonly #cluster: Cluster;
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  /** Last good answer of each endpoint. */
  readonly #known: (readonly string[])[];
  #timer: Timer | null = null;
  #stopped = false;

  constructor(cluster: Cluster, resolve: Resolve, clock: Clock) {
    this.#cluster = cluster;
    this.#resolve = resolve;
    this.#clock = clock;
    this.#known = cluster.config.endpoints.map(() => []);
  }

  start(): void {
    this.#refresh().catch(() => {}); // #refresh counts its failures and does not reject
  }

  /** Resolves no more. A first resolution that is under way is still delivered: connections may wait for it. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #refresh(): Promise<void> {
    const { config, stats, ids } = this.#cluster;
    stats.inc(ids.update_attempt);
    const good = await Promise.all(config.endpoints.map((_, index) => this.#resolveEndpoint(index)));
    stats.inc(good.every(Boolean) ? ids.update_success : ids.update_failure);
    if (this.#stopped && this.#cluster.resolved) return;
    const found = this.#addresses();
    if (!this.#cluster.resolved || !sameAddresses(found, this.#cluster)) this.#cluster.setHosts(found);
    if (!this.#stopped) this.#timer = this.#clock.after(config.dnsRefreshRateMs, () => this.start());
  }

  async #resolveEndpoint(index: number): Promise<boolean> {
    const { config } = this.#cluster;
    const { address } = config.endpoints[index]!;
    if (address.kind === 'pipe') return true;
    try {
      const ips = await this.#resolve(address.host, config.dnsLookupFamily);
      if (ips.length === 0) return false;
      this.#known[index] = config.type === 'LOGICAL_DNS' ? ips.slice(0, 1) : ips;
      return true;
    } catch {
      return false;
    }
  }

  /** Each address once, also where several names lead to it. */
  #addresses(): { address: Address; weight: number }[] {
    const found = new Map<string, { address: Address; weight: number }>();
    this.#cluster.config.endpoints.forEach(({ address, weight }, index) => {
      const resolved =
        address.kind === 'pipe' ? [addressOf(address)] : this.#known[index]!.map((ip) => ipAddress(ip, address.port));
      for (const one of resolved) if (!found.has(one.text)) found.set(one.text, { address: one, weight });
    });
    return [...found.values()];
  }
}

const sameAddresses = (found: readonly { address: Address }[], cluster: Cluster): boolean =>
  found.length === cluster.hosts.length && found.every(({ address }) => cluster.find(address.text) !== undefined);
