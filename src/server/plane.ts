import { isDeepStrictEqual } from 'node:util';
import type { FilterConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import type { DigestCache } from '../exchange/digest.ts';
import type { ExchangeObserver, ExchangePool } from '../exchange/exchange.ts';
import { type KeySink, NO_KEYS } from '../exchange/key-sink.ts';
import { type LagSink, NO_LAG } from '../exchange/lag-sink.ts';
import type { ProtocolFilter } from '../exchange/protocol-filter.ts';
import { NO_SHARED, type SharedNames } from '../exchange/shared-names.ts';
import { addressOf, splitHostPort } from '../net/address.ts';
import type { Connection } from '../net/connection.ts';
import type { DoorBook, OpenDoor } from '../net/door-book.ts';
import type { FilterBuilder } from '../net/filter.ts';
import { Listener, type ListenerEnv } from '../net/listener.ts';
import { type DoorConfig, doorKey, ListenerDoors } from '../net/listener-doors.ts';
import { asideStats, opaqueStats } from '../net/listener-stats.ts';
import { protocolLink } from '../net/protocol-link.ts';
import type { Clock, Network } from '../net/transport.ts';
import { VerdictCounter } from '../net/verdict-counter.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import { ClusterManager } from '../upstream/cluster-manager.ts';
import type { Resolve } from '../upstream/dns.ts';
import { connectionInfo } from './connection-info.ts';
import type { ConnectionInfo, DataPlane, HostInfo, KeyDirectory, ListenerInfo, ListenFailure } from './data-plane.ts';
import { connectionDescriptors } from './descriptors.ts';
import { Leaving, type Served } from './leaving.ts';
import { placesOf, placesOfDoor } from './listen-places.ts';
import { LiveLinks } from './live-links.ts';

/** Makes a chain link from its checked configuration; by `@type`. */
export type LinkFactory = (config: Readonly<Record<string, unknown>>, env: PlaneEnv) => FilterBuilder;

/** What links may use of the worker. */
export interface PlaneEnv {
  readonly clock: Clock;
  readonly network: Network;
  readonly stats: StatsRegistry;
  readonly clusters: ClusterManager;
  readonly observer: ExchangeObserver;
  readonly listener: string;
  /** Worker processes: what is limited for all is divided by them. */
  readonly workers: number;
  /** The protocol filter of the chain. */
  readonly protocol: ProtocolFilter | null;
  /** For connections to servers: unique, as those of clients. */
  connectionId(): number;
}

export interface PlaneOptions {
  readonly worker: number;
  /** How many there are; absent: one. */
  readonly workers?: number;
  readonly network: Network;
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  readonly digests: DigestCache;
  /** The heavy hitters of a listener; without, keys are forgotten. */
  hotKeys?(listener: string): KeySink;
  /** Who reads a listener's logs, and how far; without, nobody keeps it. */
  lag?(listener: string): LagSink;
  readonly observer: ExchangeObserver;
  /** Where exchanges come from; the observer gives them back. */
  readonly pool: ExchangePool;
  readonly keys: KeyDirectory;
  /** Where sessions look up, and ask for, doors to other upstream hosts; without, there are none. */
  readonly doors?: DoorBook;
  /** What its listener's connections have learned in all workers; without, each chain knows its own. */
  names?(listener: string): SharedNames;
  readonly resolve: Resolve;
  readonly random: () => number;
  readonly protocols: readonly ProtocolFilter[];
  readonly links: ReadonlyMap<string, LinkFactory>;
  log(level: 'info' | 'warn' | 'error', message: string, error?: unknown): void;
}

export const createDataPlane = (options: PlaneOptions): DataPlane => new Plane(options);

interface Running {
  readonly config: ListenerConfig;
  readonly listener: Listener;
  /** Where it is listened for it: its own addresses, and those that lead to one upstream host each. */
  readonly places: readonly DoorConfig[];
}

/** The data path of one process: the listeners and clusters of the current snapshot, and all open connections. */
class Plane implements DataPlane {
  readonly #options: PlaneOptions;
  readonly #clusters: ClusterManager;
  readonly #doors: ListenerDoors;
  readonly #running = new Map<string, Running>();
  /** By listener. */
  readonly #liveLinks = new Map<string, LiveLinks>();
  readonly #leaving: Leaving;
  #wantedDoors: readonly OpenDoor[] = [];
  /** By listener and port: the upstream of each door there is. */
  #leads: ReadonlyMap<string, string> = new Map();
  readonly #connections = new Map<number, Served>();
  /** Connection ids are unique over workers and restarts: worker × 2^40 + a start that moves with time + a counter. */
  #nextId: number;
  #limit = Number.POSITIVE_INFINITY;
  #draining = false;
  #whenEmpty: (() => void)[] = [];
  /** One apply() at a time. */
  #applying: Promise<unknown> = Promise.resolve();

  constructor(options: PlaneOptions) {
    this.#options = options;
    this.#nextId = options.worker * 2 ** 40 + (Math.floor(options.clock.wall() / 1000) % 2 ** 20) * 2 ** 20;
    const { stats, clock, resolve, random, log } = options;
    this.#clusters = new ClusterManager({ stats, clock, resolve, random, log });
    this.#doors = new ListenerDoors(options.network);
    this.#leaving = new Leaving(stats, (message) => log('info', message));
  }

  get active(): number {
    return this.#connections.size;
  }

  apply(snapshot: Snapshot, doors: readonly OpenDoor[] = this.#wantedDoors): Promise<readonly ListenFailure[]> {
    return this.#inTurn(() => this.#apply(snapshot, doors));
  }

  setDoors(doors: readonly OpenDoor[]): Promise<readonly (OpenDoor & { readonly code: string })[]> {
    return this.#inTurn(() => this.#setDoors(doors));
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#applying.then(step);
    this.#applying = done.catch(() => {});
    return done;
  }

  async #apply(snapshot: Snapshot, doors: readonly OpenDoor[]): Promise<readonly ListenFailure[]> {
    if (this.#draining) return [];
    this.#wantedDoors = doors;
    this.#limit = Math.min(snapshot.process.maxConnections, descriptorLimit());
    this.#clusters.apply(snapshot.clusters);
    const wanted = this.#keysOf(snapshot.listeners);
    const failures: ListenFailure[] = [];
    for (const config of snapshot.listeners) {
      const running = this.#running.get(config.name);
      if (isDeepStrictEqual(running?.config, config)) continue;
      const links = this.#updateLinks(config);
      if (running !== undefined && links.suffices(running.config, config)) {
        this.#running.set(config.name, { ...running, config });
        this.#leaving.look(running.listener, this.#connections.values());
        continue;
      }
      const listener = this.#build(config, links);
      const places = placesOf(config);
      try {
        await this.#doors.take(listener, places, wanted);
        this.#running.set(config.name, { config, listener, places });
        this.#leaving.look(listener, this.#connections.values());
      } catch (error) {
        failures.push({ listener: config.name, address: config.address, code: codeOf(error) });
      }
    }
    const names = new Set(snapshot.listeners.map(({ name }) => name));
    for (const name of [...this.#running.keys()]) if (!names.has(name)) this.#running.delete(name);
    for (const name of [...this.#liveLinks.keys()]) if (!names.has(name)) this.#liveLinks.delete(name);
    await this.#setDoors(doors);
    return failures;
  }

  /** Live connections judge by the new configuration from here on, whatever else becomes of their listener. */
  #updateLinks(config: ListenerConfig): LiveLinks {
    const links = this.#liveLinks.get(config.name) ?? new LiveLinks();
    this.#liveLinks.set(config.name, links);
    links.update(filtersOf(config), this.#protocolOf(config)?.typeUrl ?? '');
    return links;
  }

  /** What cannot be listened on is left out; what nobody wants any more is closed. */
  async #setDoors(doors: readonly OpenDoor[]): Promise<readonly (OpenDoor & { readonly code: string })[]> {
    if (this.#draining) return [];
    this.#wantedDoors = doors;
    const wanted = this.#keysOf([...this.#running.values()].map(({ config }) => config));
    const failures: (OpenDoor & { readonly code: string })[] = [];
    for (const running of [...this.#running.values()]) {
      const { config, listener } = running;
      const places = placesOf(config);
      for (const door of doors.filter((one) => one.listener === config.name)) {
        const ofDoor = placesOfDoor(config, door);
        try {
          await this.#doors.take(listener, ofDoor, wanted);
          places.push(...ofDoor);
        } catch (error) {
          failures.push({ ...door, code: codeOf(error) });
        }
      }
      this.#running.set(config.name, { ...running, places });
    }
    await this.#doors.keep(new Map([...this.#running.values()].map(({ listener, places }) => [listener, places])));
    this.#leadElsewhere(doors);
    return failures;
  }

  /**
   * Who came by a port that leads to another host from now on leaves at its next quiet point: its client takes it for that
   * host's.
   */
  #leadElsewhere(doors: readonly OpenDoor[]): void {
    const leads = new Map(doors.map(({ listener, port, upstream }) => [`${listener} ${port}`, upstream]));
    const changed = [...leads].filter(([at, upstream]) => upstream !== '' && this.#leads.get(at) !== upstream);
    this.#leads = leads;
    if (changed.length === 0) return;
    const now = new Map(changed);
    for (const { connection } of [...this.#connections.values()]) {
      const { listener, localAddress } = connection.facts;
      const upstream = now.get(`${listener} ${splitHostPort(localAddress)?.port}`);
      if (upstream !== undefined && connection.door !== upstream) connection.drain();
    }
  }

  /** Of all places that these listeners, and their doors, are listened on. */
  #keysOf(listeners: readonly ListenerConfig[]): ReadonlySet<string> {
    const keys = listeners.flatMap((config) => {
      const doors = this.#wantedDoors.filter(({ listener }) => listener === config.name);
      const places = [...placesOf(config), ...doors.flatMap((door) => placesOfDoor(config, door))];
      return places.map((place) => doorKey(config.name, place));
    });
    return new Set(keys);
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    await this.#stopAccepting();
    const { clock } = this.#options;
    for (const { connection } of [...this.#connections.values()]) connection.drain();
    await new Promise<void>((resolve) => {
      if (this.active === 0) {
        resolve();
        return;
      }
      const limit = clock.after(timeoutMs, () => {
        for (const { connection } of [...this.#connections.values()]) connection.close('no_flush', 'drain_limit');
      });
      this.#whenEmpty.push(() => {
        limit.cancel();
        resolve();
      });
    });
    this.#clusters.stop();
  }

  async close(): Promise<void> {
    this.#draining = true;
    const stopped = this.#stopAccepting();
    for (const { connection } of [...this.#connections.values()]) connection.close('no_flush', 'shutdown');
    this.#clusters.stop();
    await stopped;
  }

  connections(): ConnectionInfo[] {
    const now = this.#options.clock.now();
    const { worker } = this.#options;
    return [...this.#connections.values()].map(({ connection }) => connectionInfo(connection, worker, now));
  }

  listeners(): ListenerInfo[] {
    return [...this.#running.values()].flatMap(({ config, listener }) =>
      this.#doors.of(listener).map((address) => ({ name: config.name, address: address.text })),
    );
  }

  hosts(): HostInfo[] {
    return this.#clusters.all().flatMap((cluster) =>
      [...cluster.hosts, ...(cluster.named?.hosts ?? [])].map((host) => ({
        cluster: cluster.name,
        address: host.address.text,
        cxActive: host.active,
        cxTotal: host.total,
        cxConnectFail: host.connectFail,
      })),
    );
  }

  async #stopAccepting(): Promise<void> {
    await this.#applying;
    this.#running.clear();
    await this.#doors.close();
  }

  #protocolOf(config: ListenerConfig): ProtocolFilter | undefined {
    return this.#options.protocols.find((known) => filtersOf(config).some(({ typeUrl }) => typeUrl === known.typeUrl));
  }

  #build(config: ListenerConfig, links: LiveLinks): Listener {
    const { clock, stats } = this.#options;
    const protocol = this.#protocolOf(config);
    const env: ListenerEnv = {
      clock,
      stats,
      pool: this.#options.pool,
      nextConnectionId: () => ++this.#nextId,
      mayAccept: () => !this.#draining && this.#connections.size < this.#limit,
      onOpened: (connection) => this.#connections.set(connection.id, { connection, listener }),
      onClosed: (connection) => this.#closed(connection),
      onBug: (where, error) =>
        this.#options.log('error', `listener ${where}: a connection ended by an internal error`, error),
    };
    const listener: Listener = new Listener(
      {
        name: config.name,
        statPrefix: config.statPrefix,
        addresses: [config.address, ...config.additionalAddresses].map(addressOf),
        bufferLimitBytes: config.perConnectionBufferLimitBytes,
        protocol: protocol?.name ?? 'tcp',
        builders: links.build(filtersOf(config), (filter) => this.#link(filter, config, protocol ?? null)),
        sessions: protocol === undefined && logsConnections(config) ? this.#options.observer : null,
      },
      env,
    );
    return listener;
  }

  #link(filter: FilterConfig, listener: ListenerConfig, protocol: ProtocolFilter | null): FilterBuilder {
    const { clock, network, stats, digests, observer, keys, log } = this.#options;
    if (protocol === null || protocol.typeUrl !== filter.typeUrl) {
      const factory = this.#options.links.get(filter.typeUrl);
      if (factory === undefined) throw new Error(`no filter for ${filter.typeUrl}`); // configuration has checked it
      const connectionId = (): number => ++this.#nextId;
      return factory(filter.config, {
        clock,
        network,
        stats,
        clusters: this.#clusters,
        observer,
        listener: listener.name,
        workers: this.#options.workers ?? 1,
        protocol,
        connectionId,
      });
    }
    const said = new Set<string>();
    const bound = protocol.bind(filter.config, protocol.options.parse(listener.options[protocol.name] ?? {}), {
      stats,
      digests,
      keys: this.#options.hotKeys?.(listener.name) ?? NO_KEYS,
      lag: this.#options.lag?.(listener.name) ?? NO_LAG,
      shared: this.#options.names?.(listener.name) ?? NO_SHARED,
      warn: (text) => {
        if (said.has(text)) return;
        said.add(text);
        log('warn', `listener ${listener.name}: ${text}`);
      },
    });
    const asides = new Map<string, StatIds<keyof typeof asideStats.stats>>();
    return protocolLink(filter.name, protocol.speaksFirst, bound, {
      clock,
      observer,
      keys,
      doors: listener.doors === null ? null : (this.#options.doors?.of(listener.name) ?? null),
      pool: this.#options.pool,
      verdicts: new VerdictCounter(stats, listener.name),
      onOpaque: (facts, reason) => stats.inc(stats.open(opaqueStats, { protocol: facts.protocol, reason }).connections),
      onAside: (_facts, _side, kind, bytes) => {
        let ids = asides.get(kind);
        if (ids === undefined) {
          ids = stats.open(asideStats, { protocol: protocol.name, kind });
          asides.set(kind, ids);
        }
        stats.inc(ids.messages);
        stats.add(ids.bytes, bytes);
      },
      metadata: logsMetadata(listener) ? (ops) => protocol.metadata(ops) : null,
      onBug: (facts, error) => log('error', `connection ${facts.id}: the ${facts.protocol} decoder failed`, error),
    });
  }

  #closed(connection: Connection): void {
    const entry = this.#connections.get(connection.id);
    if (entry === undefined) return;
    this.#connections.delete(connection.id);
    const { stats } = this.#options;
    const { ownIds } = entry.listener;
    this.#leaving.closed(entry);
    if (connection.info.closeReason === 'drain') stats.inc(ownIds.drained_quiet);
    else if (connection.info.closeReason === 'drain_limit') stats.inc(ownIds.drained_cut);
    if (this.#connections.size === 0) for (const call of this.#whenEmpty.splice(0)) call();
  }
}

const filtersOf = ({ filterChains }: ListenerConfig): readonly FilterConfig[] => filterChains[0]?.filters ?? [];

const logsConnections = ({ accessLogs, envoyAccessLogs }: ListenerConfig): boolean =>
  accessLogs.some(({ connections }) => connections) || envoyAccessLogs.length > 0;

const logsMetadata = ({ envoyAccessLogs }: ListenerConfig): boolean =>
  envoyAccessLogs.some(({ readsMetadata }) => readsMetadata);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';

/** Two descriptors a connection: above that new connections are refused instead of failing. */
const descriptorLimit = (): number => Math.max(1, Math.floor(connectionDescriptors() / 2));
