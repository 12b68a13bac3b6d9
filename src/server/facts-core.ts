import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { protocolFilters } from '../../protocol-filters/registry.ts';
import { AccessLog } from '../access-log/access-log.ts';
import { Exemplars } from '../admin/exemplars.ts';
import { hotKeySeries } from '../admin/key-series.ts';
import { type PolicyRow, policyRows } from '../admin/policy-rows.ts';
import { type RecentRequest, type RecentVerdict, RecentVerdicts } from '../admin/recent-verdicts.ts';
import { durationSeries, systemOf } from '../admin/rows-series.ts';
import type {
  AdminSource,
  ConnectionRow,
  Control,
  ExchangeEvent,
  HostRow,
  ListenerRow,
  LogLevel,
  ServerInfo,
  ServerState,
} from '../admin/source.ts';
import type { ListenerConfig, Snapshot } from '../config/snapshot.ts';
import { statBounds, statFilter } from '../config/stats-selection.ts';
import type { JsonMap } from '../config/tree.ts';
import { type KeyAnswer, type KeyRequest, queryKeys } from '../digest/keys/keys-query.ts';
import { MergedKeys } from '../digest/keys/merged-keys.ts';
import { lagStats } from '../digest/lag/lag-stats.ts';
import { MergedLag } from '../digest/lag/merged-lag.ts';
import { MergedRows } from '../digest/rows/merged-rows.ts';
import { MergedOperations } from '../digest/rows/merged-rows-operations.ts';
import type { QueryAnswer, QueryRequest } from '../digest/rows/merged-rows-query.ts';
import type { EventBatch } from '../events/event-batch.ts';
import { EventStats } from '../events/event-stats.ts';
import { Receiver } from '../events/receiver.ts';
import type { Clock } from '../net/transport.ts';
import type { History } from '../sinks/history.ts';
import { SinkHub, type SinkRow } from '../sinks/hub.ts';
import { OpenTelemetryLog } from '../sinks/otlp-access-log/open-telemetry-log.ts';
import { openTelemetryLogCounters } from '../sinks/otlp-access-log/open-telemetry-log-stats.ts';
import type { Identity, SinkEnv } from '../sinks/sink.ts';
import type { DigestRows } from '../stats/digest-series.ts';
import type { HotKeySeries } from '../stats/hot-key-series.ts';
import { type MergedStat, MergedStats } from '../stats/merged.ts';
import type { ProcessSample } from '../stats/process-sample.ts';
import type { BoundsOf, DurationSeries } from '../stats/prometheus.ts';
import { StatsRegistry } from '../stats/registry.ts';
import { SILENT, type Telemetry } from '../stats/telemetry.ts';
import { configDump } from './config-dump.ts';
import type { ListenerInfo } from './data-plane.ts';
import type { Question } from './data-role.ts';
import { exchangeEvents } from './live-exchanges.ts';
import type { Logger } from './log.ts';
import type { ServerNumbers } from './messages.ts';
import { readSample } from './process-view.ts';
import { AccessLogStats, ServerStats, sampleMemory } from './server-stats.ts';
import { watchedSinks } from './telemetry/watched-sinks.ts';
import { sluiceVersion } from './version.ts';

export interface FactsCoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Who wants to know of our own operation. */
  readonly telemetry?: Telemetry;
  /** Count this process's memory. */
  readonly ownMemory: boolean;
  readonly snapshot: Snapshot;
  readonly expanded: JsonMap;
  /** This process's own sample, and the primary's when it is another process. */
  ownProcesses(): Promise<readonly ProcessSample[]>;
  logLevel(): LogLevel;
  control(control: Control): Promise<void>;
}

/** How long workers may take to answer; the admin server has its own, longer limit. */
const ANSWER_MS = 2000;

/** All that is known of the server, in one place: what workers tell, merged; configuration; state. The admin reads it. */
export class FactsCore implements AdminSource {
  /** What this process counts itself. */
  readonly own = new StatsRegistry();
  readonly receiver: Receiver;
  readonly identity: Identity;
  readonly accessLog: AccessLog;
  readonly sinks: SinkHub;
  readonly #options: FactsCoreOptions;
  readonly #telemetry: Telemetry;
  readonly #stats = new MergedStats();
  readonly #rows: MergedRows;
  readonly #operations = new MergedOperations();
  readonly #exemplars = new Exemplars({ random: Math.random, now: Date.now });
  #statFilter: ((name: string) => boolean) | null = null;
  #boundsOf: BoundsOf = () => null;
  readonly #keys = new MergedKeys();
  readonly #lag: MergedLag;
  readonly #serverStats = new ServerStats(this.own);
  readonly #eventStats = new EventStats(this.own);
  readonly #accessLogStats: AccessLogStats;
  readonly #version = sluiceVersion();
  readonly #recent = new RecentVerdicts();
  readonly #watchers = new Set<(event: ExchangeEvent) => void>();
  /** Processes of workers that have ever reported. */
  readonly workerPids = new Set<number>();
  #numbers: ServerNumbers | null = null;
  #snapshot: Snapshot;
  #expanded: JsonMap;
  #updatedAt = Date.now();
  readonly #startedAt = Date.now();
  #listeners: readonly ListenerInfo[] = [];

  constructor(options: FactsCoreOptions) {
    const beganAt = performance.now();
    this.#options = options;
    this.#snapshot = options.snapshot;
    this.#expanded = options.expanded;
    this.#rows = new MergedRows({ maxRows: options.snapshot.process.digestRows });
    this.#lag = new MergedLag(options.clock);
    this.#stats.local(this.own);
    this.#takeStatsConfig(options.snapshot);
    const env = this.#sinkEnv();
    this.identity = env.identity;
    this.#telemetry = options.telemetry ?? SILENT;
    this.accessLog = new AccessLog({
      clock: options.clock,
      tell: (level, message) => env.log(level, message),
      openTelemetry: (config) => {
        const counters = openTelemetryLogCounters(this.own, config.statPrefix);
        return new OpenTelemetryLog(config, { env, clock: options.clock, ...counters });
      },
    });
    this.accessLog.apply(options.snapshot.listeners);
    this.#accessLogStats = new AccessLogStats(this.own, this.accessLog);
    this.sinks = new SinkHub({
      env,
      stats: this.own,
      create: watchedSinks(this.#telemetry),
      page: () => ({ at: Date.now(), startedAt: this.#startedAt, stats: this.stats(), durations: this.durations() }),
    });
    this.sinks.apply(options.snapshot);
    this.receiver = new Receiver({
      clock: options.clock,
      rows: this.#rows,
      operations: this.#operations,
      keys: this.#keys,
      lag: this.#lag,
      onStats: (worker, incarnation, payload) => this.#stats.apply(worker, incarnation, payload),
      onBatch: (batch) => this.#batch(batch),
      onWorker: (_worker, _incarnation, pid) => this.workerPids.add(pid),
      onGone: (worker, incarnation) => this.#stats.workerGone(worker, incarnation),
      maxPerSecond: () => this.#snapshot.process.sampling.maxPerSecond,
      slow: (frame, beganAt) => this.#telemetry.merged(frame, beganAt),
    });
    this.#applied(beganAt);
  }

  takeConfig(snapshot: Snapshot, expanded: JsonMap): void {
    const beganAt = performance.now();
    this.#snapshot = snapshot;
    this.#expanded = expanded;
    this.#updatedAt = Date.now();
    this.#takeStatsConfig(snapshot);
    this.accessLog.apply(snapshot.listeners);
    this.sinks.apply(snapshot);
    this.#applied(beganAt);
  }

  #applied(beganAt: number): void {
    const { version, listeners, clusters, sinks } = this.#snapshot;
    const counts = { listeners: listeners.length, clusters: clusters.length, sinks: sinks.length };
    this.#telemetry.applied({ version, ...counts }, beganAt);
  }

  takeListeners(listeners: readonly ListenerInfo[]): void {
    this.#listeners = listeners;
  }

  takeServer(numbers: ServerNumbers): void {
    this.#numbers = numbers;
  }

  state(): ServerState {
    return this.#numbers?.state ?? 'PRE_INITIALIZING';
  }

  serverInfo(): ServerInfo {
    const { startedAt = Date.now(), concurrency = 0 } = this.#numbers ?? {};
    return { version: this.#version, startedAt, concurrency, node: this.#snapshot.node };
  }

  stats(): readonly MergedStat[] {
    if (this.#options.ownMemory) sampleMemory(this.own, this.#numbers?.memory);
    if (this.#numbers) this.#serverStats.take(this.#numbers, Date.now());
    this.#eventStats.take(this.receiver, this.#rows, this.#keys, this.#lag);
    this.#accessLogStats.take();
    this.sinks.takeStats();
    const stats = [...this.#stats.list(), ...lagStats(this.#lag.listeners())];
    const filter = this.#statFilter;
    return filter === null ? stats : stats.filter(({ name }) => filter(name));
  }

  boundsOf(): BoundsOf {
    return this.#boundsOf;
  }

  durations(): readonly DurationSeries[] {
    return durationSeries(this.#operations.series, (labels) => this.#exemplars.of(labels));
  }

  digests(): DigestRows {
    return this.#rows.digestRows(systemOf);
  }

  /** Keys are data: named only where the configuration shows literals. */
  hotKeySeries(): readonly HotKeySeries[] {
    return hotKeySeries(this.#keys.listeners(), this.#snapshot.process.showLiterals);
  }

  async processes(): Promise<readonly ProcessSample[]> {
    const own = this.#options.ownProcesses();
    await this.#askAll('sample');
    const told = await this.#askAll('process');
    return [...(await own), ...told.map(readSample).filter((sample) => sample !== null)];
  }

  queries(request: QueryRequest): QueryAnswer {
    return this.#rows.query(request);
  }

  keys(request: KeyRequest): KeyAnswer {
    return queryKeys(this.#keys.listeners(), request);
  }

  history(): History | null {
    return this.sinks.history;
  }

  sinkRows(): readonly SinkRow[] {
    return this.sinks.rows();
  }

  /** Whatever numbers the configuration leaves out: these are for the page. */
  policies(): readonly PolicyRow[] {
    const protocols = this.#protocols();
    const { listeners } = this.#snapshot;
    return policyRows(listeners, this.#stats.list(), (name) => protocols.get(name) ?? '', this.#recent);
  }

  verdicts(request: RecentRequest): readonly RecentVerdict[] {
    return this.#recent.rows(request);
  }

  async connections(): Promise<readonly ConnectionRow[]> {
    return (await this.#askAll('connections')).flat() as ConnectionRow[];
  }

  /** Each worker has its own connections to a host: they add up. */
  async hosts(): Promise<readonly HostRow[]> {
    const hosts = new Map<string, HostRow>();
    for (const host of (await this.#askAll('hosts')).flat() as HostRow[]) {
      const key = `${host.cluster} ${host.address}`;
      const known = hosts.get(key);
      hosts.set(
        key,
        known === undefined
          ? host
          : {
              ...host,
              cxActive: known.cxActive + host.cxActive,
              cxTotal: known.cxTotal + host.cxTotal,
              cxConnectFail: known.cxConnectFail + host.cxConnectFail,
            },
      );
    }
    return [...hosts.values()];
  }

  listeners(): readonly ListenerRow[] {
    const protocols = this.#protocols();
    return this.#listeners.map((one) => ({ ...one, protocol: protocols.get(one.name) ?? 'tcp' }));
  }

  #protocols(): Map<string, string> {
    return new Map(this.#snapshot.listeners.map((listener) => [listener.name, protocolOf(listener)]));
  }

  configDump(): object {
    return configDump(this.#expanded, this.#snapshot.version, this.#updatedAt, this.#listeners);
  }

  logLevel(): LogLevel {
    return this.#options.logLevel();
  }

  control(control: Control): Promise<void> {
    return this.#options.control(control);
  }

  watchExchanges(take: (event: ExchangeEvent) => void): () => void {
    this.#watchers.add(take);
    return () => this.#watchers.delete(take);
  }

  #sinkEnv(): SinkEnv {
    const { log, snapshot } = this.#options;
    return {
      identity: { instance: randomUUID(), version: this.#version, host: hostname(), node: snapshot.node },
      log: (level, message, fields) => log[level === 'warning' ? 'warn' : level](message, fields),
      random: Math.random,
      environment: process.env,
    };
  }

  async #askAll(question: Question): Promise<unknown[]> {
    return (await this.receiver.askAll(question, ANSWER_MS)).map(({ answer }) => answer);
  }

  #takeStatsConfig({ statsConfig, sinks }: Snapshot): void {
    this.#statFilter = statFilter(statsConfig);
    this.#boundsOf = statBounds(statsConfig);
    this.#exemplars.spans = sinks.some((sink) => sink.type === 'otlp' && sink.signals.includes('traces'));
  }

  #batch(batch: EventBatch): void {
    this.#exemplars.take(batch);
    this.#recent.take(batch);
    this.accessLog.batch(batch);
    this.sinks.take(batch);
    if (this.#watchers.size === 0) return;
    for (const event of exchangeEvents(batch)) for (const take of this.#watchers) take(event);
  }
}

const protocolOf = ({ filterChains }: ListenerConfig): string => {
  const types = filterChains.flatMap(({ filters }) => filters.map(({ typeUrl }) => typeUrl));
  return protocolFilters.find(({ typeUrl }) => types.includes(typeUrl))?.name ?? 'tcp';
};
