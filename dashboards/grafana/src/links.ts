import { placeholder as v } from './placeholder.ts';
import { CLICKHOUSE } from './targets.ts';

/** A data link, as panels have it in `fieldConfig`. */
export interface DataLink {
  readonly title: string;
  readonly url: string;
  readonly targetBlank: boolean;
}

export const UIDS = {
  overview: 'sluice-overview',
  topQueries: 'sluice-top-queries',
  queryDetail: 'sluice-query',
  postgresql: 'sluice-postgresql',
  mysql: 'sluice-mysql',
  redis: 'sluice-redis',
  mongodb: 'sluice-mongodb',
  zookeeper: 'sluice-zookeeper',
  kafka: 'sluice-kafka',
  policy: 'sluice-policy',
  itself: 'sluice-itself',
} as const;

const SOURCES = `${v('ds_prom:queryparam')}&${v('ds_ch:queryparam')}`;

/** Another of our dashboards, over the same time and data sources, with variables set: `{ digest: '<field>' }`. */
function dashboard(title: string, uid: string, set: Readonly<Record<string, string>>): DataLink {
  const wanted = Object.entries(set).map(([name, value]) => `var-${name}=${value}`);
  return { title, url: `/d/${uid}?${[SOURCES, v('__url_time_range'), ...wanted].join('&')}`, targetBlank: false };
}

/** From a table with a column `digest`. */
export const ROW_TO_QUERY = dashboard('This query', UIDS.queryDetail, { digest: v('__data.fields.digest') });
/** From a series with a label `digest`. */
export const SERIES_TO_QUERY = dashboard('This query', UIDS.queryDetail, { digest: v('__field.labels.digest') });

/** From a table with columns of these names: the queries of that user, database … Names come from the wire: encoded. */
export const rowToTopQueries = (...columns: readonly string[]): DataLink =>
  dashboard(
    'Their queries',
    UIDS.topQueries,
    Object.fromEntries(columns.map((name) => [name, v(`__data.fields.${name}:percentencode`)])),
  );

/** The trace of an id, as the OpenTelemetry Collector's ClickHouse exporter keeps it. `id` is hexadecimal. */
function traceInClickHouse(datasource: string, id: string): DataLink {
  return explore('Trace in ClickHouse', datasource, {
    datasource: { ...CLICKHOUSE, uid: datasource },
    editorType: 'sql',
    queryType: 'traces',
    format: 3,
    pluginVersion: '4.20.0',
    rawSql: [
      'SELECT TraceId AS traceID, SpanId AS spanID, ParentSpanId AS parentSpanID, ServiceName AS serviceName,',
      'SpanName AS operationName, toUnixTimestamp64Milli(Timestamp) AS startTime, Duration / 1e6 AS duration,',
      "arrayMap(k -> map('key', k, 'value', SpanAttributes[k]), mapKeys(SpanAttributes)) AS tags,",
      "arrayMap(k -> map('key', k, 'value', ResourceAttributes[k]), mapKeys(ResourceAttributes)) AS serviceTags",
      `FROM otel.otel_traces WHERE TraceId = '${id}' ORDER BY startTime`,
    ].join(' '),
  });
}

/** From a table with a column `trace_id`: Explore with its trace, in ClickHouse and in Tempo. */
export const ROW_TO_TRACE: readonly DataLink[] = [
  traceInClickHouse(v('ds_ch'), v('__data.fields.trace_id')),
  explore('Trace in Tempo', v('ds_trace'), {
    datasource: { type: 'tempo', uid: v('ds_trace') },
    queryType: 'traceql',
    query: v('__data.fields.trace_id'),
  }),
];

/** From an exemplar: what the provisioned Prometheus data source has as destination of `trace_id`. */
export const EXEMPLAR_TO_TRACE = traceInClickHouse('clickhouse', v('__value.raw'));

function explore(title: string, datasource: string, query: Readonly<Record<string, unknown>>): DataLink {
  const pane = {
    datasource,
    queries: [{ refId: 'A', ...query }],
    range: { from: v('__from'), to: v('__to') },
  };
  const panes = encodeURIComponent(JSON.stringify({ trace: pane }));
  // Grafana fills in what stands between ${ and } before anyone decodes the address.
  const readable = panes.replace(/%24%7B([\w.%]+?)%7D/g, (_, name: string) => v(decodeURIComponent(name)));
  return { title, url: `/explore?schemaVersion=1&orgId=1&panes=${readable}`, targetBlank: true };
}
