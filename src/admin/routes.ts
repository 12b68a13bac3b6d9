import type { IncomingHttpHeaders } from 'node:http';
import { KEY_SORTS } from '../digest/keys/keys-query.ts';
import { FOLDS, SORTS } from '../digest/rows/merged-rows-query.ts';
import { compileFilter, FilterSyntaxError } from '../stats/name-filter.ts';
import { STAT_TYPES, type StatsSelection, selectStats, statsJson, statsText } from '../stats/stats-page.ts';
import type { ExchangeStream } from './exchange-stream.ts';
import { HistoryDesk, historyParams } from './history.ts';
import { json, type Reply, text } from './http-server.ts';
import type { MetricsPage } from './metrics-page.ts';
import { BadRequest, type Params, type ParamTable } from './params.ts';
import { RECENT_FILTERS } from './recent-verdicts.ts';
import { redacted } from './redact.ts';
import { type AdminSource, type Control, LOG_LEVELS } from './source.ts';

export interface Route {
  readonly path: string;
  /** What changes something is POST. */
  readonly method: 'GET' | 'POST';
  readonly help: string;
  readonly params: ParamTable;
  readonly handle: (params: Params, headers: IncomingHttpHeaders) => Reply | Promise<Reply>;
}

const FORMATS = ['text', 'json'] as const;
const format = { help: 'text or json', is: FORMATS };
const statParams: ParamTable = {
  format: { help: 'text, json or prometheus', is: ['text', 'json', 'prometheus'] },
  usedonly: { help: 'only what was ever counted', is: 'flag' },
  filter: { help: 'regular expression found in the name', is: 'text' },
  type: { help: 'kind of stat', is: STAT_TYPES },
};
const { format: _, ...selectionParams } = statParams;

/** `/ready` of both servers. */
export function ready(source: AdminSource): Reply {
  const state = source.state();
  return text(state, state === 'LIVE' ? 200 : 503);
}

/** Every path of the admin server but the page's own files. */
export function adminRoutes(source: AdminSource, metrics: MetricsPage, stream: ExchangeStream): Route[] {
  const scrape: Handle = (params, headers) => metrics.reply(selectionOf(params), headers);
  const history = new HistoryDesk(source);
  const routes: Route[] = [
    get('/ready', '200 when LIVE, else 503 and the state', {}, () => ready(source)),
    get('/server_info', 'version, state and uptime', {}, () => json(serverInfo(source))),
    get('/stats', "counters, gauges and histograms in Envoy's form", statParams, (params, headers) =>
      stats(source, metrics, params, headers),
    ),
    get('/stats/prometheus', 'for Prometheus', selectionParams, scrape),
    get('/metrics', 'for Prometheus', selectionParams, scrape),
    get('/clusters', 'upstream hosts', { format }, (params) => clusters(source, params)),
    get('/listeners', 'listeners and their addresses', { format }, (params) => listeners(source, params)),
    get('/config_dump', 'the running configuration, secrets redacted', {}, () => json(redacted(source.configDump()))),
    get('/api/queries', 'top queries; with by=key top keys', queryParams, (params) => queries(source, params)),
    get('/api/history', 'what a ClickHouse sink has stored', historyParams, (params) => history.answer(params)),
    get('/api/sinks', 'where exchanges go, and how each sink is', {}, () => json({ sinks: source.sinkRows?.() ?? [] })),
    get('/api/policies', 'policies, and what each has said', policyParams, (params) => policies(source, params)),
    get('/api/verdicts', 'the newest exchanges of each policy and verdict', verdictParams, (params) =>
      verdicts(source, params),
    ),
    get('/api/connections', 'open connections', {}, async () => json(await connections(source))),
    get('/api/exchanges', 'exchanges as they end (server-sent events)', {}, () => exchanges(stream)),
    post('/logging', 'sets the log level, or tells it', loggingParams, (params) => logging(source, params)),
    post('/drain_listeners', 'stops accepting and drains', { graceful: GRACEFUL }, () =>
      act({ action: 'drain_listeners' }),
    ),
    post('/reopen_logs', 'opens access logs anew', {}, () => act({ action: 'reopen_logs' })),
    post('/healthcheck/fail', 'makes /ready fail', {}, () => act({ action: 'healthcheck', ok: false })),
    post('/healthcheck/ok', 'undoes /healthcheck/fail', {}, () => act({ action: 'healthcheck', ok: true })),
    post('/quitquitquit', 'drains and exits', {}, () => act({ action: 'quit' })),
    get('/help', 'this list', {}, () => text(help(routes))),
  ];
  const act = async (control: Control): Promise<Reply> => {
    await source.control(control);
    return text('OK');
  };
  return routes;
}

type Handle = Route['handle'];
const get = (path: string, help: string, params: ParamTable, handle: Handle): Route => ({
  path,
  method: 'GET',
  help,
  params,
  handle,
});
const post = (path: string, help: string, params: ParamTable, handle: Handle): Route => ({
  ...get(path, help, params, handle),
  method: 'POST',
});

const GRACEFUL = { help: "Envoy's: a drain is always graceful here", is: 'flag' } as const;
const loggingParams: ParamTable = { level: { help: 'new level', is: LOG_LEVELS } };
const name = (what: string) => ({ help: `only this ${what}`, is: 'text' }) as const;
/** Not a fold of rows: keys are counted beside them. */
const KEY = 'key';
const queryParams: ParamTable = {
  sort: { help: 'order, largest first', is: SORTS },
  limit: { help: 'rows at most, 100 if not given', is: { min: 1, max: 10_000 } },
  by: { help: 'folds rows by this', is: [...FOLDS, KEY] },
  protocol: name('protocol'),
  listener: name('listener'),
  database: name('database'),
  user: name('user'),
};

const policyParams: ParamTable = {
  limit: { help: 'rows at most, 200 if not given', is: { min: 1, max: 10_000 } },
  listener: name('listener'),
  protocol: name('protocol'),
};
const verdictParams: ParamTable = {
  verdict: { help: 'only this verdict', is: RECENT_FILTERS },
  policy: name('policy'),
  listener: name('listener'),
  protocol: name('protocol'),
  limit: { help: 'rows at most, 50 if not given', is: { min: 1, max: 1000 } },
};

function serverInfo(source: AdminSource): object {
  const { version, startedAt, concurrency, node } = source.serverInfo();
  const uptime = `${Math.max(0, Math.floor((Date.now() - startedAt) / 1000))}s`;
  return {
    version,
    state: source.state(),
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    hot_restart_version: 'disabled',
    command_line_options: { concurrency },
    node,
  };
}

/** Null when nothing was selected: then the page for Prometheus is whole. */
function selectionOf(params: Params): StatsSelection | null {
  const usedOnly = params.flag('usedonly');
  const pattern = params.text('filter');
  const type = params.choice('type', STAT_TYPES);
  if (!usedOnly && pattern === undefined && type === undefined) return null;
  try {
    return { usedOnly, type: type ?? 'All', filter: pattern === undefined ? null : compileFilter(pattern) };
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw new BadRequest(error.message);
    throw error;
  }
}

function stats(
  source: AdminSource,
  metrics: MetricsPage,
  params: Params,
  headers: IncomingHttpHeaders,
): Reply | Promise<Reply> {
  const selection = selectionOf(params);
  const form = params.text('format');
  if (form === 'prometheus') return metrics.reply(selection, headers);
  const selected = selectStats(source.stats(), selection ?? {});
  return form === 'json' ? json(statsJson(selected)) : text(statsText(selected));
}

async function clusters(source: AdminSource, params: Params): Promise<Reply> {
  const hosts = await source.hosts();
  if (params.text('format') === 'json') {
    const names = [...new Set(hosts.map((host) => host.cluster))];
    const hostsOf = (cluster: string) =>
      hosts
        .filter((host) => host.cluster === cluster)
        .map(({ address, cxActive, cxTotal, cxConnectFail }) => ({
          address,
          cx_active: cxActive,
          cx_total: cxTotal,
          cx_connect_fail: cxConnectFail,
        }));
    return json({ cluster_statuses: names.map((cluster) => ({ name: cluster, host_statuses: hostsOf(cluster) })) });
  }
  const lines = hosts.flatMap(({ cluster, address, cxActive, cxTotal, cxConnectFail }) => [
    `${cluster}::${address}::cx_active::${cxActive}`,
    `${cluster}::${address}::cx_connect_fail::${cxConnectFail}`,
    `${cluster}::${address}::cx_total::${cxTotal}`,
    `${cluster}::${address}::health_flags::healthy`,
  ]);
  return text(lines.join('\n'));
}

function listeners(source: AdminSource, params: Params): Reply {
  const rows = source.listeners();
  if (params.text('format') === 'json')
    return json({
      listener_statuses: rows.map(({ name, address, protocol, upstream }) => ({
        name,
        local_address: address,
        protocol,
        ...(upstream === undefined ? {} : { upstream }),
      })),
    });
  const lines = rows.map(({ name, address, upstream }) => `${name}::${address}${upstream ? `::${upstream}` : ''}`);
  return text(lines.join('\n'));
}

function queries(source: AdminSource, params: Params): Reply {
  if (params.text('by') === KEY) return keys(source, params);
  return json(
    source.queries({
      sort: params.choice('sort', SORTS),
      limit: params.number('limit') ?? 100,
      by: params.choice('by', FOLDS),
      protocol: params.text('protocol'),
      listener: params.text('listener'),
      database: params.text('database'),
      user: params.text('user'),
    }),
  );
}

function keys(source: AdminSource, params: Params): Reply {
  const none = ['protocol', 'database', 'user'].find((name) => params.text(name) !== undefined);
  if (none) throw new BadRequest(`by=key: keys are not counted by ${none}`, ['listener']);
  const sort = params.choice('sort', KEY_SORTS);
  if (sort === undefined && params.text('sort') !== undefined)
    throw new BadRequest(`by=key: sort is none of ${KEY_SORTS.join(', ')}`, KEY_SORTS);
  return json(source.keys({ sort, limit: params.number('limit') ?? 100, listener: params.text('listener') }));
}

function policies(source: AdminSource, params: Params): Reply {
  const listener = params.text('listener');
  const protocol = params.text('protocol');
  const rows = (source.policies?.() ?? []).filter(
    (row) =>
      (listener === undefined || row.listener === listener) && (protocol === undefined || row.protocol === protocol),
  );
  const shown = rows.slice(0, params.number('limit') ?? 200);
  return json({ policies: shown, more: rows.length - shown.length });
}

function verdicts(source: AdminSource, params: Params): Reply {
  const rows = source.verdicts?.({
    kind: params.choice('verdict', RECENT_FILTERS),
    policy: params.text('policy'),
    listener: params.text('listener'),
    protocol: params.text('protocol'),
    limit: params.number('limit') ?? 50,
  });
  return json({ verdicts: rows ?? [] });
}

async function connections(source: AdminSource): Promise<object> {
  const rows = await source.connections();
  return {
    connections: rows.map(({ startedAt, idleMs, bytesReceived, bytesSent, ...same }) => ({
      ...same,
      started_at: new Date(startedAt).toISOString(),
      idle_ms: idleMs,
      bytes_received: bytesReceived,
      bytes_sent: bytesSent,
    })),
  };
}

function exchanges(stream: ExchangeStream): Reply {
  if (stream.full) return text('too many readers', 503);
  return { status: 200, type: 'text/event-stream', body: '', stream: (response) => stream.join(response) };
}

async function logging(source: AdminSource, params: Params): Promise<Reply> {
  const level = params.choice('level', LOG_LEVELS);
  if (level) await source.control({ action: 'level', level });
  return text(`active loggers:\n  sluice: ${level ?? source.logLevel()}`);
}

function help(routes: readonly Route[]): string {
  const lines = routes.flatMap(({ path, method, help, params }) => [
    `  ${path}${method === 'POST' ? ' (POST)' : ''}: ${help}`,
    ...Object.entries(params).map(([param, what]) => `      ${param}: ${what.help}${choices(what.is)}`),
  ]);
  return ['admin commands are:', '  /: live page', ...lines].join('\n');
}

function choices(is: ParamTable[string]['is']): string {
  return Array.isArray(is) ? `; One of (${is.join(', ')})` : '';
}
