import { hotKeySeries } from '../../src/admin/key-series.ts';
import { systemOf } from '../../src/admin/rows-series.ts';
import type {
  AdminSource,
  ConnectionRow,
  Control,
  ExchangeEvent,
  ListenerRow,
  LogLevel,
  ServerState,
} from '../../src/admin/source.ts';
import { type KeyRequest, queryKeys } from '../../src/digest/keys/keys-query.ts';
import { digestNumbers, type MergedRow } from '../../src/digest/rows/merged-rows.ts';
import { queryRows } from '../../src/digest/rows/merged-rows-query.ts';
import { RowNumbers } from '../../src/digest/rows/rows-numbers.ts';
import { MergedStats } from '../../src/stats/merged.ts';
import { BasicProcessSampler } from '../../src/stats/process-basic.ts';
import { StatsRegistry, statGroup } from '../../src/stats/registry.ts';
import { SampleHistory, sampleSinks } from './sample-history.ts';
import { CACHE, cacheKeys, PAGES, type Query, record, SHOP } from './sample-queries.ts';

/** Names that strangers choose: the page must show them, and nothing else. */
export const HOSTILE = '<img src=x onerror="window.pwned=1">';

const GROUPS = {
  cluster: statGroup('cluster.<cluster_name>.', {
    upstream_cx_total: { kind: 'counter', help: 'Connections to upstream hosts.' },
    upstream_cx_active: { kind: 'gauge', help: 'Connections to upstream hosts open now.' },
    upstream_cx_connect_ms: { kind: 'histogram', help: 'Time to connect.' },
  }),
};

/**
 * A server with nothing behind it, for tests and for looking at the page: a small shop whose numbers grow by `tick`, on
 * Postgres, or on three databases. Everything that is asked of it is kept in `controls`.
 */
export class SampleSource implements AdminSource {
  readonly registry = new StatsRegistry();
  readonly controls: Control[] = [];
  readonly #merged = new MergedStats();
  readonly #process = new BasicProcessSampler('facts');
  readonly #rows: { row: MergedRow; query: Query }[] = [];
  readonly #watchers = new Set<(event: ExchangeEvent) => void>();
  readonly #startedAt = Date.now() - 754_000;
  serverState: ServerState = 'LIVE';
  level: LogLevel = 'info';
  connectionRows: readonly ConnectionRow[] = sampleConnections();
  listenerRows: ListenerRow[] = [{ name: 'postgres', address: '127.0.0.1:15432', protocol: 'postgres' }];

  /** Only where there are three databases. */
  readonly past = new SampleHistory(HOSTILE);
  readonly #three: boolean;
  #seconds = 700;

  constructor({ hostile = false, three = false } = {}) {
    this.#three = three;
    this.#merged.local(this.registry);
    const ids = this.registry.open(GROUPS.cluster, { cluster_name: 'postgres' });
    this.registry.add(ids.upstream_cx_total, 23);
    this.registry.set(ids.upstream_cx_active, 14);
    for (const ms of [1, 2, 2, 3, 40]) this.registry.histogram(ids.upstream_cx_connect_ms).record(ms / 1000);
    this.#add('postgres', SHOP);
    if (three) {
      this.#add('mysql', PAGES);
      this.#add('redis', CACHE);
      this.connectionRows = [...sampleConnections(), ...otherConnections()];
      this.listenerRows.push({ name: 'mysql', address: '127.0.0.1:13306', protocol: 'mysql' });
      this.listenerRows.push({ name: 'redis', address: '127.0.0.1:16379', protocol: 'redis' });
    }
    if (hostile)
      this.#add('postgres', [[HOSTILE, HOSTILE, HOSTILE, [HOSTILE], HOSTILE, HOSTILE, 5000, 9, 1, HOSTILE, 0.5]]);
  }

  /** Lets `seconds` pass. */
  tick(seconds: number): void {
    this.#seconds += seconds;
    for (const { row, query } of this.#rows) {
      const calls = Math.round(query[6] * seconds * (0.85 + 0.3 * Math.random()));
      record(row.numbers, query, calls);
    }
  }

  emit(event: ExchangeEvent): void {
    for (const take of this.#watchers) take(event);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  state(): ServerState {
    return this.serverState;
  }

  serverInfo() {
    return { version: '0.1.0', startedAt: this.#startedAt, concurrency: 2, node: { id: 'sample', cluster: '' } };
  }

  stats() {
    return this.#merged.list();
  }

  durations() {
    return this.#rows.slice(0, 3).map(({ row: { digest, numbers } }) => ({
      labels: { db_system_name: 'postgresql', db_operation_name: `${digest.operation} ${digest.summary}` },
      histogram: numbers.time,
    }));
  }

  digests() {
    const totals = new RowNumbers();
    for (const { row } of this.#rows) totals.add(row.numbers);
    const rows = this.#rows.map(({ row: { digest, numbers } }) => ({
      digest: digest.id,
      system: systemOf(digest.protocol),
      summary: digest.summary,
      ...digestNumbers(numbers),
    }));
    return { rows, totals: digestNumbers(totals) };
  }

  hotKeySeries() {
    return hotKeySeries(this.#keys(), true);
  }

  async processes() {
    return [this.#process.sample()];
  }

  queries(request: Parameters<AdminSource['queries']>[0]) {
    return queryRows(
      this.#rows.map(({ row }) => row),
      new RowNumbers(),
      request,
    );
  }

  keys(request: KeyRequest) {
    return queryKeys(this.#keys(), request);
  }

  history() {
    return this.#three ? this.past : null;
  }

  sinkRows() {
    return this.#three ? sampleSinks() : [];
  }

  async connections() {
    return this.connectionRows;
  }

  async hosts() {
    return [{ cluster: 'postgres', address: '10.0.0.5:5432', cxActive: 14, cxTotal: 23, cxConnectFail: 1 }];
  }

  listeners() {
    return this.listenerRows;
  }

  configDump() {
    return {
      configs: [{ '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', password: 'canary-secret' }],
    };
  }

  logLevel() {
    return this.level;
  }

  async control(control: Control) {
    this.controls.push(control);
    if (control.action === 'level') this.level = control.level;
  }

  watchExchanges(take: (event: ExchangeEvent) => void) {
    this.#watchers.add(take);
    return () => this.#watchers.delete(take);
  }

  #add(protocol: string, queries: readonly Query[]): void {
    for (const query of queries) this.#rows.push({ query, row: rowOf(query, this.#rows.length, protocol) });
  }

  #keys(): [string, ReturnType<typeof cacheKeys>][] {
    return this.#three ? [['redis', cacheKeys(this.#seconds)]] : [];
  }
}

function rowOf(query: Query, at: number, protocol: string): MergedRow {
  const [summary, text, operation, targets, user, application] = query;
  const id = (0x5b1c3f97a2d84e60n + BigInt(at) * 0x1234567n).toString(16);
  const row = {
    digest: { id, protocol, text, sample: '', summary, operation, targets, facts: '' },
    scope: { listener: protocol, database: databaseOf(protocol, user), user, application },
    key: `${at}`,
    numbers: new RowNumbers(),
    at,
  };
  record(row.numbers, query, Math.round(query[6] * 700));
  return row;
}

function databaseOf(protocol: string, user: string): string {
  if (protocol === 'redis') return '0';
  if (protocol === 'mysql') return 'pages';
  return user === 'reports' ? 'warehouse' : 'shop';
}

function otherConnections(): ConnectionRow[] {
  const [first] = sampleConnections();
  const common = { ...first!, idleMs: 0, state: 'active', client: '10.0.3.40:50100' };
  const mysql = { protocol: 'mysql', listener: 'mysql', upstream: '10.0.0.6:3306', user: 'cms', database: 'pages' };
  const redis = { protocol: 'redis', listener: 'redis', upstream: '10.0.0.7:6379', user: 'default', database: '0' };
  return [
    { ...common, ...mysql, id: 21, application: 'php' },
    { ...common, ...redis, id: 31, application: 'web' },
    { ...common, ...redis, id: 32, application: 'mailer', user: 'worker', state: 'idle', idleMs: 4200 },
  ];
}

function sampleConnections(): ConnectionRow[] {
  const states = ['active', 'idle', 'idle', 'in_transaction', 'idle', 'active', 'idle', 'opaque:encrypted'];
  return states.map((state, i) => ({
    id: i + 1,
    worker: i % 2,
    listener: 'postgres',
    protocol: 'postgres',
    client: `10.0.3.${17 + (i % 3)}:${41_200 + i * 37}`,
    upstream: '10.0.0.5:5432',
    user: state.startsWith('opaque') ? '' : i === 5 ? 'reports' : 'shop',
    database: state.startsWith('opaque') ? '' : i === 5 ? 'warehouse' : 'shop',
    application: state.startsWith('opaque') ? '' : i === 5 ? 'metabase' : i % 3 === 0 ? 'checkout' : 'web',
    state,
    startedAt: Date.now() - (i + 1) * 83_000,
    idleMs: state === 'idle' ? i * 2600 : 0,
    bytesReceived: 18_000 * (i + 1) ** 2,
    bytesSent: 950_000 * (i + 1) ** 2,
    exchanges: 1900 * (i + 1),
  }));
}
