import type { ClusterConfig, FilterConfig, ListenerConfig, Snapshot } from '../../src/config/snapshot.ts';
import type { DigestCache } from '../../src/exchange/digest.ts';
import { type Exchange, type ExchangeObserver, ExchangePool } from '../../src/exchange/exchange.ts';
import type { ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import type { ConnectionFacts } from '../../src/exchange/session-facts.ts';
import { type TcpProxyConfig, tcpProxy } from '../../src/filters/tcp-proxy.ts';
import { ipAddress } from '../../src/net/address.ts';
import type { NetworkFilter } from '../../src/net/filter.ts';
import type { Clock, Network } from '../../src/net/transport.ts';
import type { DataPlane } from '../../src/server/data-plane.ts';
import { LocalDoors } from '../../src/server/local-doors.ts';
import { createLogger } from '../../src/server/log.ts';
import { createDataPlane, type LinkFactory } from '../../src/server/plane.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import type { Resolve } from '../../src/upstream/dns.ts';

export const LISTENER = ipAddress('10.0.0.1', 6432);
export const SERVER = ipAddress('10.0.0.2', 5432);
export const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const JUDGE = 'type.googleapis.com/test.Judge';

/** What a test wants otherwise than usual: one listener, one static cluster of one server, tcp_proxy alone. */
export interface PlaneWishes {
  readonly tcp?: Partial<TcpProxyConfig>;
  readonly cluster?: Partial<ClusterConfig>;
  readonly listener?: Partial<ListenerConfig>;
  readonly maxConnections?: number;
  /** Comes before tcp_proxy in the chain. */
  readonly protocol?: ProtocolFilter;
  /** A link that judges turns, or does what else a test wants; between the protocol filter and tcp_proxy. */
  readonly judge?: () => NetworkFilter;
  /** The same, made as the data plane makes links. */
  readonly link?: LinkFactory;
}

export function clusterConfig(wishes: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name: 'db',
    type: 'STATIC',
    lbPolicy: 'ROUND_ROBIN',
    choiceCount: 2,
    connectTimeoutMs: 5000,
    perConnectionBufferLimitBytes: 1 << 20,
    dnsRefreshRateMs: 5000,
    dnsLookupFamily: 'AUTO',
    endpoints: [{ address: { kind: 'ip', host: SERVER.host, port: SERVER.port }, weight: 1 }],
    ...wishes,
  };
}

export function filterChain(wishes: PlaneWishes): FilterConfig[] {
  const filters: FilterConfig[] = [];
  if (wishes.protocol) filters.push({ name: wishes.protocol.filterName, typeUrl: wishes.protocol.typeUrl, config: {} });
  if (wishes.judge || wishes.link) filters.push({ name: 'test.judge', typeUrl: JUDGE, config: {} });
  const tcp: TcpProxyConfig = {
    stat_prefix: 'db',
    cluster: 'db',
    idle_timeout: 0,
    max_connect_attempts: 1,
    upstream_connect_mode: 'IMMEDIATE',
    ...wishes.tcp,
  };
  filters.push({ name: 'envoy.filters.network.tcp_proxy', typeUrl: TCP_PROXY, config: { ...tcp } });
  return filters;
}

export function listenerConfig(wishes: PlaneWishes = {}): ListenerConfig {
  return {
    name: 'front',
    statPrefix: 'front',
    address: { kind: 'ip', host: LISTENER.host, port: LISTENER.port },
    autoPort: false,
    additionalAddresses: [],
    perConnectionBufferLimitBytes: 1 << 20,
    tcpBacklogSize: null,
    filterChains: [{ name: '', filters: filterChain(wishes) }],
    accessLogs: [],
    envoyAccessLogs: [],
    options: {},
    doors: null,
    ...wishes.listener,
  };
}

export function snapshotOf(wishes: PlaneWishes = {}): Snapshot {
  return {
    version: '1',
    node: { id: '', cluster: '' },
    admin: null,
    metrics: null,
    process: {
      concurrency: 0,
      drainTimeoutMs: 1000,
      digestRows: 100,
      showLiterals: false,
      maxConnections: wishes.maxConnections ?? 1000,
      sampling: { maxPerSecond: 0, slowMs: 1000 },
    },
    sinks: [],
    spoolPath: null,
    statsSinks: [],
    statsFlushIntervalMs: 5000,
    statsConfig: { matcher: null, histogramBuckets: [] },
    listeners: [listenerConfig(wishes)],
    clusters: [clusterConfig(wishes.cluster)],
  };
}

const factsOf = (connection: ConnectionFacts): ConnectionFacts => ({
  bytesReceived: connection.bytesReceived,
  bytesSent: connection.bytesSent,
  upstreamBytesSent: connection.upstreamBytesSent,
  upstreamBytesReceived: connection.upstreamBytesReceived,
  upstreamConnectMs: connection.upstreamConnectMs,
  upstreamConnectionId: connection.upstreamConnectionId,
  connectAttempts: connection.connectAttempts,
  responseFlags: connection.responseFlags,
  terminationDetails: connection.terminationDetails,
  upstreamHost: connection.upstreamHost,
  upstreamLocalAddress: connection.upstreamLocalAddress,
  metadataJson: connection.metadataJson,
});

/** Remembers what it was told, and that everything that began has ended. */
export class RecordingObserver implements ExchangeObserver {
  readonly log: string[] = [];
  readonly ended: { seq: number; acceptedAt: number; outcome: number; database: string }[] = [];
  /** What was told of connections, as it was then. */
  readonly connections: ({ state: string } & ConnectionFacts)[] = [];
  open = 0;
  sessions = 0;

  begin(x: Exchange): void {
    this.open++;
    this.log.push(`begin ${x.seq}`);
  }
  progress(x: Exchange): void {
    this.log.push(`progress ${x.seq}`);
  }
  end(x: Exchange): void {
    this.open--;
    const { database } = x.session;
    this.ended.push({ seq: x.seq, acceptedAt: x.acceptedAt, outcome: x.outcome, database });
    this.log.push(`end ${x.seq}`);
  }
  sessionStart(): void {
    this.sessions++;
    this.log.push('session start');
  }
  sessionEnd(_session: unknown, reason: string, connection?: ConnectionFacts): void {
    this.sessions--;
    this.log.push(`session end ${reason}`);
    if (connection) this.connections.push({ state: 'end', ...factsOf(connection) });
  }
  sessionState(_session: unknown, state: string, connection: ConnectionFacts): void {
    this.log.push(`session ${state}`);
    this.connections.push({ state, ...factsOf(connection) });
  }
}

const unused = (): never => {
  throw new Error('no digests here');
};
const NO_DIGESTS: DigestCache = {
  read: unused,
  settle: unused,
  factsOf: unused,
  judgedOf: unused,
  named: unused,
  holds: unused,
  shapes: unused,
};

export interface PlaneParts {
  readonly plane: DataPlane;
  readonly stats: StatsRegistry;
  readonly observer: RecordingObserver;
  readonly keys: Map<string, string>;
  /** Opens what sessions ask for, of the snapshot that it applied to the plane. */
  readonly doors: LocalDoors;
  /** Lines of the doors' log, and of the plane's but for errors. */
  readonly log: string[];
  readonly errors: unknown[];
}

/** A data plane on any network, with tcp_proxy and what the wishes bring. Nothing is applied yet. */
export function planeOn(
  network: Network,
  clock: Clock,
  wishes: PlaneWishes = {},
  random: () => number = Math.random,
  resolve: Resolve = () => Promise.reject(new Error('no names here')),
): PlaneParts {
  const stats = new StatsRegistry();
  const observer = new RecordingObserver();
  const keys = new Map<string, string>();
  const errors: unknown[] = [];
  const links = new Map<string, LinkFactory>([
    [TCP_PROXY, (config, env) => tcpProxy(config as never, { ...env, cluster: (name) => env.clusters.get(name) })],
  ]);
  const log: string[] = [];
  const output = { writableLength: 0, write: (line: string) => log.push(line.trimEnd().slice(25)) > 0 };
  const doors = new LocalDoors({ log: createLogger({ role: 'doors', output }), clock, onChange: () => {} });
  const { judge, link } = wishes;
  if (judge) links.set(JUDGE, () => () => judge());
  if (link) links.set(JUDGE, link);
  const plane = createDataPlane({
    worker: 0,
    network,
    clock,
    stats,
    digests: NO_DIGESTS,
    observer,
    pool: new ExchangePool(),
    keys: {
      learn: (key, upstream) => void keys.set(key, upstream),
      forget: (key) => void keys.delete(key),
      lookup: (key) => keys.get(key),
    },
    doors: doors.book,
    resolve,
    random,
    protocols: wishes.protocol ? [wishes.protocol] : [],
    links,
    log: (level, message, error) => void (level === 'error' ? errors.push(error) : log.push(`${level} ${message}`)),
  });
  doors.attach(plane);
  return { plane, stats, observer, keys, doors, log, errors };
}
