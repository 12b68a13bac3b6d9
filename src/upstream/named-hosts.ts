import { isIP } from 'node:net';
import { ipAddress, splitHostPort } from '../net/address.ts';
import type { Clock } from '../net/transport.ts';
import { type Cluster, Host } from './cluster.ts';
import type { Resolve } from './dns.ts';
import { ReachLog } from './reach-log.ts';

/** One name with its port. */
interface Name {
  readonly host: string;
  readonly port: number;
  /** Of its last good resolution, in the order of preference. */
  ips: readonly string[];
  /** Which of them is given. */
  turn: number;
  /** Monotonic ms of that resolution. */
  resolvedAt: number;
  /** Who waits for the resolution that is under way; null: none is. */
  waiting: (() => void)[] | null;
  /** Made when it could not be reached for the first time. */
  reach: ReachLog | null;
}

/** Names at most; those that nobody has asked for longest go first. */
const MAX_NAMES = 2000;

/**
 * Upstream hosts that connections are led to by name, outside a cluster's balancing: they are counted in its stats and
 * resolved by its DNS settings. A name is resolved when it is asked for and its answer is older than dns_refresh_rate;
 * stale on error. Nothing runs while nobody asks.
 */
export class NamedHosts {
  readonly #cluster: Cluster;
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  readonly #log: (level: 'info' | 'warn', message: string) => void;
  readonly #names = new Map<string, Name>();
  /** By address text; none is the cluster's own. */
  readonly #hosts = new Map<string, Host>();

  constructor(
    cluster: Cluster,
    resolve: Resolve,
    clock: Clock,
    log: (level: 'info' | 'warn', message: string) => void = () => {},
  ) {
    this.#cluster = cluster;
    this.#resolve = resolve;
    this.#clock = clock;
    this.#log = log;
  }

  /** Those that were given so far and are not the cluster's own. */
  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** Calls back at once, or when the name is resolved; never throws for what the name is. */
  find(upstream: string, call: (host: Host | null) => void): void {
    const name = this.#name(upstream);
    if (name === null) {
      call(null);
      return;
    }
    const give = (): void => call(this.#host(name));
    const fresh = name.ips.length > 0 && this.#clock.now() - name.resolvedAt < this.#cluster.config.dnsRefreshRateMs;
    if (fresh || isIP(name.host) !== 0) give();
    else if (name.waiting !== null) name.waiting.push(give);
    else {
      name.waiting = [give];
      void this.#ask(name);
    }
  }

  /** It could not be connected to: where its name has other addresses, the next one's turn has come. */
  failed(upstream: string, host: Host): void {
    const name = this.#names.get(upstream);
    if (name !== undefined && this.#addressOf(name)?.text === host.address.text) name.turn++;
  }

  /** A connection was not made, however often that was tried. `why`: Node's code. */
  givenUp(upstream: string, why: string): void {
    const name = this.#names.get(upstream);
    if (name !== undefined) this.#unreachable(name, why);
  }

  /** A connection to it stands. */
  reached(upstream: string): void {
    const reach = this.#names.get(upstream)?.reach;
    reach?.reached(() => `cluster ${this.#cluster.config.name}: ${upstream} is reached again`);
  }

  /** A server may well name itself by what only its own network knows. */
  #unreachable(name: Name, why: string): void {
    const { text } = ipAddress(name.host, name.port);
    name.reach ??= new ReachLog(this.#clock, this.#log);
    name.reach.failed(
      `cluster ${this.#cluster.config.name}: ${text}, as a server calls itself or another, cannot be reached from here (${why}): clients that are sent there are cut off`,
    );
  }

  /** The cluster has this address among its own from now on. */
  adopt(address: string): Host | undefined {
    const host = this.#hosts.get(address);
    this.#hosts.delete(address);
    return host;
  }

  #name(upstream: string): Name | null {
    const known = this.#names.get(upstream);
    this.#names.delete(upstream);
    const parts = known ?? splitHostPort(upstream);
    if (parts === null) return null;
    const { host, port } = parts;
    const ips = isIP(host) === 0 ? [] : [host];
    const name = known ?? { host, port, ips, turn: 0, resolvedAt: 0, waiting: null, reach: null };
    this.#names.set(upstream, name); // last: the one that was asked for latest
    if (this.#names.size > MAX_NAMES) this.#names.delete(this.#names.keys().next().value!);
    return name;
  }

  async #ask(name: Name): Promise<void> {
    const { stats, ids, config } = this.#cluster;
    stats.inc(ids.update_attempt);
    let why = 'no address';
    const ips = await this.#resolve(name.host, config.dnsLookupFamily).catch((error: NodeJS.ErrnoException) => {
      why = error.code ?? error.message;
      return [];
    });
    stats.inc(ips.length > 0 ? ids.update_success : ids.update_failure);
    if (ips.length > 0) {
      if (ips.join() !== name.ips.join()) name.turn = 0;
      name.ips = ips;
      name.resolvedAt = this.#clock.now();
    } else if (name.ips.length === 0) this.#unreachable(name, why);
    const waiting = name.waiting ?? [];
    name.waiting = null;
    for (const give of waiting) give();
  }

  #addressOf(name: Name) {
    const ip = name.ips[name.turn % name.ips.length];
    return ip === undefined ? null : ipAddress(ip, name.port);
  }

  #host(name: Name): Host | null {
    const address = this.#addressOf(name);
    if (address === null) return null;
    const own = this.#cluster.find(address.text) ?? this.#hosts.get(address.text);
    if (own !== undefined) return own;
    this.#tidy();
    const host = new Host(address, 1);
    this.#hosts.set(address.text, host);
    return host;
  }

  /** Addresses that names have left, and that nothing is open on. */
  #tidy(): void {
    if (this.#hosts.size < MAX_NAMES) return;
    for (const [text, { active }] of this.#hosts) if (active === 0) this.#hosts.delete(text);
  }
}
