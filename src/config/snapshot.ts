/**
 * A whole configuration after checking: plain JSON, immutable, the same object for every role. Durations are ms, sizes
 * bytes, addresses checked. Produced by load() from the short form or the v3 subset; consumed by server/ to build
 * listeners and clusters. Connections keep the snapshot they began with.
 */

import type { PolicyVocabulary } from '../exchange/operation-facts.ts';
import type { DoorRange } from '../exchange/protocol-filter.ts';
import type { EnvoyAccessLogConfig, LogFormat } from './access-log-config.ts';
import type { StatsConfig, StatsSinkConfig } from './stats-sinks-schema.ts';
import type { Path } from './tree.ts';

export type AddressConfig =
  | { readonly kind: 'ip'; readonly host: string; readonly port: number }
  | { readonly kind: 'pipe'; readonly path: string; readonly mode?: number };

export interface Snapshot {
  /** Hash of the effective configuration: equal text, equal version. */
  readonly version: string;
  readonly node: { readonly id: string; readonly cluster: string };
  readonly admin: { readonly address: AddressConfig } | null;
  /** The second, exposable port with /metrics and /ready only. */
  readonly metrics: { readonly address: AddressConfig } | null;
  readonly process: ProcessOptions;
  /** Where exchanges go one by one. Names are unique. */
  readonly sinks: readonly SinkConfig[];
  /** Folder of the sinks' spools; null = the user's state folder. */
  readonly spoolPath: string | null;
  /** Where numbers go at `statsFlushIntervalMs`. Names are unique. */
  readonly statsSinks: readonly StatsSinkConfig[];
  readonly statsFlushIntervalMs: number;
  readonly statsConfig: StatsConfig;
  readonly listeners: readonly ListenerConfig[];
  readonly clusters: readonly ClusterConfig[];
}

/** `node.metadata.sluice`, or the top of the short form. */
export interface ProcessOptions {
  /** Worker processes; 0 = everything in one process; null = cores − 1, at least 1. */
  readonly concurrency: number | null;
  /** How long a drain waits for quiet points before it cuts. */
  readonly drainTimeoutMs: number;
  /** Digest rows kept before the rest is folded into `other`. */
  readonly digestRows: number;
  /** Show literals (sample texts). Off by default; on means query texts with data in them reach the page and the log. */
  readonly showLiterals: boolean;
  /** Connections a worker accepts at most; above, new ones are closed and counted. */
  readonly maxConnections: number;
  readonly sampling: SamplingConfig;
}

/** Which exchanges are handed on one by one; all are counted, and those handed on carry their weight. */
export interface SamplingConfig {
  /** Over all workers; 0 = never sample. */
  readonly maxPerSecond: number;
  /** As slow or slower is always kept. */
  readonly slowMs: number;
}

/** What all sinks have. */
interface SinkQueueConfig {
  readonly name: string;
  readonly queueBytes: number;
  /** 0 = no spool. */
  readonly spoolBytes: number;
  readonly timeoutMs: number;
}

/** null = as the OTEL_EXPORTER_OTLP_* variables say, else the standard's defaults. */
export interface OtlpSinkConfig extends SinkQueueConfig {
  readonly type: 'otlp';
  readonly url: string | null;
  readonly protocol: 'http/protobuf' | 'grpc' | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'gzip' | 'none' | null;
  readonly signals: readonly ('logs' | 'traces' | 'metrics')[];
  /** Of metrics. */
  readonly intervalMs: number;
  /** False: the environment may say otherwise than `timeoutMs`. */
  readonly hasTimeout: boolean;
  /** Exchanges that took so long are warnings: as `sampling.slow`. */
  readonly slowMs: number;
}

export interface ClickhouseSinkConfig extends SinkQueueConfig {
  readonly type: 'clickhouse';
  /** null = embedded, in `path`. */
  readonly url: string | null;
  /** null = the user's state folder. */
  readonly path: string | null;
  readonly database: string;
  readonly username: string | null;
  readonly password: string | null;
  /** null = a single node. */
  readonly cluster: string | null;
  readonly ttlDays: number;
  readonly migrate: boolean;
}

export interface KafkaSinkConfig extends SinkQueueConfig {
  readonly type: 'kafka';
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly clientId: string;
  readonly acks: 'all' | 'leader' | 'none';
  readonly compression: 'gzip' | 'none';
  readonly tls: boolean;
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  } | null;
}

export type SinkConfig = OtlpSinkConfig | ClickhouseSinkConfig | KafkaSinkConfig;

export interface ListenerConfig {
  readonly name: string;
  readonly statPrefix: string; // '' = the address
  readonly address: AddressConfig;
  /** True: nobody asked for this port; when it is taken at start, the next free one is as good (and is printed). */
  readonly autoPort: boolean;
  readonly additionalAddresses: readonly AddressConfig[];
  readonly perConnectionBufferLimitBytes: number;
  readonly tcpBacklogSize: number | null;
  readonly filterChains: readonly FilterChainConfig[];
  readonly accessLogs: readonly AccessLogConfig[];
  /** Envoy's: those of the listener and of its tcp_proxy. */
  readonly envoyAccessLogs: readonly EnvoyAccessLogConfig[];
  /** `metadata.filter_metadata.sluice`, checked against the options of the filters in its chains. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Ports that lead to single upstream hosts, where its protocol filter opens some; null = none. */
  readonly doors: DoorRange | null;
}

export interface FilterChainConfig {
  readonly name: string;
  readonly filters: readonly FilterConfig[];
}

/** `config` was checked by the filter's own schema and carries its defaults. */
export interface FilterConfig {
  readonly name: string;
  readonly typeUrl: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** File or stdout. `exchanges`: one line an exchange; `connections`: one line a connection. */
export interface AccessLogConfig {
  readonly path: string; // '-' = stdout
  readonly exchanges: boolean;
  readonly connections: boolean;
  /** null = our JSON lines. */
  readonly format: LogFormat | null;
}

export interface ClusterConfig {
  readonly name: string;
  readonly type: 'STATIC' | 'STRICT_DNS' | 'LOGICAL_DNS';
  readonly lbPolicy: 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM';
  /** LEAST_REQUEST: how many random hosts are compared. */
  readonly choiceCount: number;
  readonly connectTimeoutMs: number;
  readonly perConnectionBufferLimitBytes: number;
  readonly dnsRefreshRateMs: number;
  readonly dnsLookupFamily: 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL';
  readonly endpoints: readonly { readonly address: AddressConfig; readonly weight: number }[];
}

/** One mistake of the operator. `line` and `column` from 1; 0 = not in a file (a command line URL). */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `listeners[0].filter_chains[0].filters[1].typed_config.stat_prefix` */
  readonly path: string;
  readonly message: string;
}

/** What there is of a protocol filter beside its fields. */
export interface ProtocolSchema {
  readonly name: string;
  readonly defaultPort: number;
  readonly gates: boolean;
  /** The ports that its listeners may open to single upstream hosts, by its checked options. */
  readonly doors?: (options: unknown) => DoorRange | null;
  /** Options that the short form starts from. */
  readonly shortForm?: Readonly<Partial<Record<string, unknown>>>;
  /** What policies for it are written of. Absent: it has none. */
  readonly vocabulary?: PolicyVocabulary | null;
}

/** Where a filter stands. */
export interface ChainPlace {
  /** The protocol filter of its chain. */
  readonly protocol: ProtocolSchema | null;
  /** That one comes before this filter. */
  readonly protocolBefore: boolean;
}

/** What a filter has to say of its own configuration, though each field is right as such. */
export interface ConfigFault {
  /** Inside its `typed_config`. */
  readonly path: Path;
  readonly what: 'key' | 'value';
  readonly text: string;
  /** It means something, though hardly what was meant: told, and the file is taken all the same. */
  readonly warning?: boolean;
}

/** What configuration must know of a filter to check its part of a file; the composition root collects these. */
export interface FilterSchema {
  readonly filterName: string;
  readonly typeUrl: string;
  readonly terminal: boolean;
  /** True for protocol filters: at most one a chain, and its short name is a URL scheme. */
  readonly protocol: ProtocolSchema | null;
  /** True for links that deny turns: the chain's protocol filter must be able to refuse. */
  readonly enforces?: boolean;
  /** Asked once `config` was satisfied, with what that gave. */
  explain?(config: Readonly<Record<string, unknown>>, place: ChainPlace): readonly ConfigFault[];
  /**
   * Fields of the `@type` message: a strict object. `.meta({ unsupported: ['field', …] })` lists the fields of Envoy's
   * message that are not supported yet, so that the error can say so.
   */
  readonly config: import('zod').ZodType;
  /** Shape of `filter_metadata.sluice.<protocol name>`, where the filter has options of its own. */
  readonly options: import('zod').ZodType | null;
}
