import type {
  AdminSource,
  ConnectionRow,
  Control,
  ExchangeEvent,
  LogLevel,
  ServerState,
} from '../../src/admin/source.ts';
import type { MergedRow } from '../../src/digest/rows/merged-rows.ts';
import { queryRows } from '../../src/digest/rows/merged-rows-query.ts';
import { Field, RowNumbers } from '../../src/digest/rows/rows-numbers.ts';
import { MergedStats } from '../../src/stats/merged.ts';
import { BasicProcessSampler } from '../../src/stats/process-basic.ts';
import { StatsRegistry, statGroup } from '../../src/stats/registry.ts';

/** [summary, text, operation, targets, user, application, calls a second, mean ms, rows a call, error code, error share] */
const SHOP = [
  [
    'SELECT orders order_items',
    'select o.id, o.placed_at, sum(i.price * i.quantity) from orders o join order_items i on i.order_id = o.id where o.customer_id = $1 group by o.id order by o.placed_at desc limit ?',
    'SELECT',
    ['order_items', 'orders'],
    'shop',
    'web',
    180,
    4.2,
    12,
    '57014',
    0.001,
  ],
  [
    'SELECT products',
    'select * from products where id = $1',
    'SELECT',
    ['products'],
    'shop',
    'web',
    950,
    0.31,
    1,
    '',
    0,
  ],
  [
    'UPDATE stock',
    'update stock set on_hand = on_hand - $1 where product_id = $2',
    'UPDATE',
    ['stock'],
    'shop',
    'checkout',
    60,
    2.6,
    1,
    '40001',
    0.02,
  ],
  [
    'INSERT orders',
    'insert into orders (customer_id, placed_at, total) values ($1, $2, $3) returning id',
    'INSERT',
    ['orders'],
    'shop',
    'checkout',
    55,
    1.1,
    1,
    '23505',
    0.015,
  ],
  [
    'SELECT customers',
    'select id, name, email from customers where lower(email) = lower(?)',
    'SELECT',
    ['customers'],
    'shop',
    'web',
    40,
    9.8,
    1,
    '',
    0,
  ],
  ['BEGIN', 'begin', 'BEGIN', [], 'shop', 'checkout', 55, 0.08, 0, '', 0],
  ['COMMIT', 'commit', 'COMMIT', [], 'shop', 'checkout', 53, 0.9, 0, '40001', 0.005],
  [
    'SELECT orders customers',
    'select date_trunc(?, o.placed_at) as day, c.country, count(*), sum(o.total) from orders o join customers c on c.id = o.customer_id where o.placed_at > now() - interval ? group by 1, 2',
    'SELECT',
    ['customers', 'orders'],
    'reports',
    'metabase',
    0.4,
    1840,
    3100,
    '57014',
    0.05,
  ],
  [
    'COPY events',
    'copy events (at, kind, payload) from stdin',
    'COPY',
    ['events'],
    'loader',
    'nightly-import',
    0.2,
    640,
    25_000,
    '',
    0,
  ],
  [
    'SELECT sessions',
    'select data from sessions where token = ? and expires_at > now()',
    'SELECT',
    ['sessions'],
    'shop',
    'web',
    420,
    0.22,
    1,
    '',
    0,
  ],
  [
    'SELECT reviews',
    'select rating, body from reviews where product_id = $1 order by id desc limit ?',
    'SELECT',
    ['reviews'],
    'shop',
    'web',
    130,
    0.9,
    8,
    '42703',
    0.003,
  ],
  [
    'DELETE carts',
    'delete from carts where updated_at < now() - interval ?',
    'DELETE',
    ['carts'],
    'jobs',
    'janitor',
    0.1,
    95,
    410,
    '',
    0,
  ],
] as const;

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
 * A server with nothing behind it, for tests and for looking at the page: a small shop whose numbers grow by `tick`.
 * Everything that is asked of it is kept in `controls`.
 */
export class SampleSource implements AdminSource {
  readonly registry = new StatsRegistry();
  readonly controls: Control[] = [];
  readonly #merged = new MergedStats();
  readonly #process = new BasicProcessSampler('facts');
  readonly #rows: MergedRow[];
  readonly #watchers = new Set<(event: ExchangeEvent) => void>();
  readonly #startedAt = Date.now() - 754_000;
  serverState: ServerState = 'LIVE';
  level: LogLevel = 'info';
  connectionRows: readonly ConnectionRow[] = sampleConnections();
  listenerRows = [{ name: 'postgres', address: '127.0.0.1:15432' }];

  constructor({ hostile = false } = {}) {
    this.#merged.local(this.registry);
    const ids = this.registry.open(GROUPS.cluster, { cluster_name: 'postgres' });
    this.registry.add(ids.upstream_cx_total, 23);
    this.registry.set(ids.upstream_cx_active, 14);
    for (const ms of [1, 2, 2, 3, 40]) this.registry.histogram(ids.upstream_cx_connect_ms).record(ms / 1000);
    this.#rows = SHOP.map((query, at) => rowOf(query, at));
    if (hostile)
      this.#rows.push(rowOf([HOSTILE, HOSTILE, HOSTILE, [HOSTILE], HOSTILE, HOSTILE, 5000, 9, 1, HOSTILE, 0.5], 99));
  }

  /** Lets `seconds` pass. */
  tick(seconds: number): void {
    for (const [at, row] of this.#rows.entries()) {
      const query = SHOP[at] ?? SHOP[0];
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
    return this.#rows.slice(0, 3).map(({ digest, numbers }) => ({
      labels: { db_system_name: 'postgresql', db_operation_name: `${digest.operation} ${digest.summary}` },
      histogram: numbers.time,
    }));
  }

  digests() {
    const totals = new RowNumbers();
    for (const { numbers } of this.#rows) totals.add(numbers);
    const of = ({ values, time }: RowNumbers) => ({
      calls: values[Field.calls]!,
      errors: values[Field.errors]!,
      rowsReturned: values[Field.rowsReturned]!,
      rowsAffected: values[Field.rowsAffected]!,
      requestBytes: values[Field.requestBytes]!,
      replyBytes: values[Field.replyBytes]!,
      time,
    });
    const rows = this.#rows.map(({ digest, numbers }) => ({
      digest: digest.id,
      system: 'postgresql',
      summary: digest.summary,
      ...of(numbers),
    }));
    return { rows, totals: of(totals) };
  }

  async processes() {
    return [this.#process.sample()];
  }

  queries(request: Parameters<AdminSource['queries']>[0]) {
    return queryRows(this.#rows, new RowNumbers(), request);
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
}

type Query = readonly [
  string,
  string,
  string,
  readonly string[],
  string,
  string,
  number,
  number,
  number,
  string,
  number,
];

function rowOf(query: Query, at: number): MergedRow {
  const [summary, text, operation, targets, user, application] = query;
  const id = (0x5b1c3f97a2d84e60n + BigInt(at) * 0x1234567n).toString(16);
  const row = {
    digest: { id, protocol: 'postgres', text, sample: '', summary, operation, targets },
    scope: { listener: 'postgres', database: user === 'reports' ? 'warehouse' : 'shop', user, application },
    key: `${at}`,
    numbers: new RowNumbers(),
    at,
  };
  record(row.numbers, query, Math.round(query[6] * 700));
  return row;
}

/** Latencies spread as real ones do: most near the mean, a long tail. */
function record(numbers: RowNumbers, query: Query, calls: number): void {
  const [, , operation, , , , , meanMs, rows, code, errorShare] = query;
  const v = numbers.values;
  const errors = Math.round(calls * errorShare);
  v[Field.calls]! += calls;
  v[Field.errors]! += errors;
  if (code !== '') numbers.addCode(code, errors);
  v[operation === 'SELECT' ? Field.rowsReturned : Field.rowsAffected]! += calls * rows;
  v[Field.requestBytes]! += calls * 95;
  v[Field.replyBytes]! += calls * (40 + rows * 74);
  if (v[Field.firstSeen] === 0) v[Field.firstSeen] = Date.now();
  v[Field.lastSeen] = Date.now();
  const weight = Math.max(1, Math.ceil(calls / 2000));
  for (let n = 0; n < calls; n += weight) {
    const seconds = (meanMs / 1000) * Math.exp((Math.random() + Math.random() + Math.random() - 1.7) * 1.3);
    for (let i = 0; i < Math.min(weight, calls - n); i++) numbers.time.record(seconds);
  }
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
