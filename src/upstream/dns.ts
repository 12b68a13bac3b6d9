import { lookup } from 'node:dns/promises';
import type { ClusterConfig } from '../config/snapshot.ts';
import { ipAddress } from '../net/address.ts';
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
  if (family === 'ALL') return answers.map((answer) => answer.address);
  // Envoy: AUTO asks for v6 and takes v4 when there is none; V4_PREFERRED the other way.
  const [first, second] = family === 'AUTO' || family === 'V6_ONLY' ? [of(6), of(4)] : [of(4), of(6)];
  return first.length > 0 ? first : second;
};

/**
 * Keeps a cluster's hosts at what its names resolve to. STRICT_DNS: every address of every name; LOGICAL_DNS: the first
 * address of the one name, for new connections only. Stale on error: a failed resolution changes nothing.
 */
export class DnsRefresher {
  readonly #cluster: Cluster;
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(cluster: Cluster, resolve: Resolve, clock: Clock) {
    this.#cluster = cluster;
    this.#resolve = resolve;
    this.#clock = clock;
  }

  start(): void {
    this.#refresh().catch(() => {}); // #refresh counts its failures and does not reject
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #refresh(): Promise<void> {
    const { config, stats, ids } = this.#cluster;
    stats.inc(ids.update_attempt);
    try {
      const found: { address: Address; weight: number }[] = [];
      for (const { address, weight } of config.endpoints) {
        if (address.kind === 'pipe') continue;
        const ips = await this.#resolve(address.host, config.dnsLookupFamily);
        const taken = config.type === 'LOGICAL_DNS' ? ips.slice(0, 1) : ips;
        for (const ip of taken) found.push({ address: ipAddress(ip, address.port), weight });
      }
      if (this.#stopped) return;
      if (found.length === 0) throw new Error('no address');
      stats.inc(ids.update_success);
      if (!sameAddresses(found, this.#cluster)) this.#cluster.setHosts(found);
    } catch {
      stats.inc(ids.update_failure);
      if (this.#cluster.hosts.length === 0) this.#cluster.setHosts([]); // clients that wait learn that there is none
    }
    if (!this.#stopped) this.#timer = this.#clock.after(config.dnsRefreshRateMs, () => this.start());
  }
}

const sameAddresses = (found: readonly { address: Address }[], cluster: Cluster): boolean =>
  found.length === cluster.hosts.length && found.every(({ address }) => cluster.find(address.text) !== undefined);
