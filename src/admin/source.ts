import type { KeyAnswer, KeyRequest } from '../digest/keys/keys-query.ts';
import type { QueryAnswer, QueryRequest } from '../digest/rows/merged-rows-query.ts';
import type { History } from '../sinks/history.ts';
import type { SinkRow } from '../sinks/hub.ts';
import type { DigestRows } from '../stats/digest-series.ts';
import type { HotKeySeries } from '../stats/hot-key-series.ts';
import type { MergedStat } from '../stats/merged.ts';
import type { ProcessSample } from '../stats/process-sample.ts';
import type { BoundsOf, DurationSeries } from '../stats/prometheus.ts';
import type { PolicyRow } from './policy-rows.ts';
import type { RecentRequest, RecentVerdict } from './recent-verdicts.ts';

/** Envoy's server states; `/ready` answers 200 only when LIVE. */
export type ServerState = 'LIVE' | 'DRAINING' | 'PRE_INITIALIZING' | 'INITIALIZING';

/** Envoy's level names. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ServerInfo {
  readonly version: string;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly concurrency: number;
  readonly node: { readonly id: string; readonly cluster: string };
}

/** One connection of `/api/connections`. Times are ms since the epoch, sizes bytes. */
export interface ConnectionRow {
  readonly id: number;
  readonly worker: number;
  readonly listener: string;
  readonly protocol: string;
  readonly client: string;
  readonly upstream: string;
  readonly user: string;
  readonly database: string;
  readonly application: string;
  /** `connecting`, `idle`, `active`, `in_transaction`, `draining`, `opaque:<fault>`. */
  readonly state: string;
  readonly startedAt: number;
  readonly idleMs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly exchanges: number;
}

export interface ListenerRow {
  readonly name: string;
  /** Of its protocol filter, or `tcp`. */
  readonly protocol: string;
  readonly address: string;
  /** The one upstream host that this address leads to, where the cluster does not choose. */
  readonly upstream?: string;
}

export interface HostRow {
  readonly cluster: string;
  readonly address: string;
  readonly cxActive: number;
  readonly cxTotal: number;
  readonly cxConnectFail: number;
}

/** One ended exchange for `/api/exchanges`: plain JSON, without literals unless the configuration shows them. */
export interface ExchangeEvent {
  /** ISO 8601. */
  readonly at: string;
  readonly listener: string;
  readonly protocol: string;
  readonly database: string;
  readonly user: string;
  readonly application: string;
  readonly client: string;
  readonly digest: string;
  readonly summary: string;
  readonly operation: string;
  /** `ok`, `error`, `denied`, `cancelled`, `lost`, `skipped`, `redirected`. */
  readonly outcome: string;
  readonly code: string;
  readonly duration_ms: number;
  /** True: the server was asked to wait, and the duration says how long it did. */
  readonly waits: boolean;
  /** Whether a read of a key found it; null where no key was read. */
  readonly hit: boolean | null;
  readonly rows_returned: number;
  readonly rows_affected: number;
  /** What a write found, changed or not; 0 of protocols that do not tell. */
  readonly rows_matched: number;
  /** Operations asked for in one; 0 = just the one. */
  readonly batch_size: number;
  readonly request_bytes: number;
  readonly reply_bytes: number;
  /** What the enforced policies said: `allowed`, `denied`, '' = there are none; and the one that decided, '' = none had to. */
  readonly verdict: string;
  readonly policy: string;
  /** The same of the policies in shadow mode. */
  readonly shadow_verdict: string;
  readonly shadow_policy: string;
  /** Which snapshot of the policies judged; '' = none. Where that message begins in its connection's client bytes. */
  readonly policy_snapshot: string;
  readonly request_offset: number;
  /** What only its protocol knows, by OpenTelemetry's names or `sluice.…`. */
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** What a POST asks for. */
export type Control =
  | { readonly action: 'drain_listeners' }
  | { readonly action: 'reopen_logs' }
  | { readonly action: 'healthcheck'; readonly ok: boolean }
  | { readonly action: 'level'; readonly level: LogLevel }
  | { readonly action: 'quit' };

/**
 * All that the admin page knows of the server. Implemented where facts are merged; a test implements it with sample data.
 * What must ask the workers is a promise, and may reject: the answer is then 503.
 */
export interface AdminSource {
  state(): ServerState;
  serverInfo(): ServerInfo;
  stats(): readonly MergedStat[];
  durations(): readonly DurationSeries[];
  digests(): DigestRows;
  hotKeySeries(): readonly HotKeySeries[];
  processes(): Promise<readonly ProcessSample[]>;
  /** Classic buckets that the configuration gives to some histograms. */
  boundsOf?(): BoundsOf;
  /** `/api/queries`; the parameters are checked. */
  queries(request: QueryRequest): QueryAnswer;
  /** `/api/queries?by=key`; the parameters are checked. */
  keys(request: KeyRequest): KeyAnswer;
  /** Of the first sink that can be asked; null when none is configured. */
  history?(): History | null;
  /** Where exchanges go, and how each is. */
  sinkRows?(): readonly SinkRow[];
  /** `/api/policies`. */
  policies?(): readonly PolicyRow[];
  /** `/api/verdicts`: the newest exchanges that policies judged; the parameters are checked. */
  verdicts?(request: RecentRequest): readonly RecentVerdict[];
  connections(): Promise<readonly ConnectionRow[]>;
  hosts(): Promise<readonly HostRow[]>;
  listeners(): readonly ListenerRow[];
  /** Envoy's form, `{configs: […]}`, without secrets. */
  configDump(): object;
  logLevel(): LogLevel;
  control(control: Control): Promise<void>;
  /** Calls `take` for each ended exchange until the returned function is called. Must not call it synchronously from here. */
  watchExchanges(take: (event: ExchangeEvent) => void): () => void;
}
