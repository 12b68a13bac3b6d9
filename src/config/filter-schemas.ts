import type { ProtocolFilter } from '../exchange/protocol-filter.ts';
import { nearest, type PlaceOf, problemAt, show } from './problem.ts';
import type { FilterSchema, Problem } from './snapshot.ts';
import { isMap, type Json, mapsAt, newMap, type Path, valueAt } from './tree.ts';
import { check, fieldNames, sayUnknownField } from './zod-problems.ts';

/** What configuration must know of a protocol filter. */
export const protocolFilterSchema = <C, O>(filter: ProtocolFilter<C, O>): FilterSchema => ({
  filterName: filter.filterName,
  typeUrl: filter.typeUrl,
  terminal: false,
  protocol: {
    name: filter.name,
    defaultPort: filter.defaultPort,
    gates: filter.gates,
    ...(filter.doors && { doors: (options: unknown) => filter.doors!(options as O) }),
    ...(filter.shortForm && { shortForm: filter.shortForm }),
    vocabulary: filter.vocabulary,
  },
  config: filter.config,
  options: fieldNames(filter.options).length > 0 ? filter.options : null,
});

/** Envoy's other network filters, to tell a filter that is not there yet from a mistyped one. */
const ENVOY_FILTERS =
  'client_ssl_auth.v3.ClientSSLAuth connection_limit.v3.ConnectionLimit direct_response.v3.Config ' +
  'dubbo_proxy.v3.DubboProxy dynamic_modules.v3.DynamicModuleNetworkFilter echo.v3.Echo ext_authz.v3.ExtAuthz ' +
  'ext_proc.v3.NetworkExternalProcessor generic_proxy.v3.GenericProxy geoip.v3.Geoip golang.v3alpha.Config ' +
  'http_connection_manager.v3.HttpConnectionManager kafka_broker.v3.KafkaBroker kafka_mesh.v3alpha.KafkaMesh ' +
  'local_ratelimit.v3.LocalRateLimit metadata_exchange.v3.MetadataExchange mongo_proxy.v3.MongoProxy ' +
  'mysql_proxy.v3.MySQLProxy postgres_proxy.v3alpha.PostgresProxy ratelimit.v3.RateLimit rbac.v3.RBAC ' +
  'redis_proxy.v3.RedisProxy reverse_tunnel.v3.ReverseTunnel rocketmq_proxy.v3.RocketmqProxy set_filter_state.v3.Config ' +
  'sip_proxy.v3alpha.SipProxy sni_cluster.v3.SniCluster sni_dynamic_forward_proxy.v3.FilterConfig ' +
  'tcp_proxy.v3.TcpProxy thrift_proxy.v3.ThriftProxy wasm.v3.Wasm zookeeper_proxy.v3.ZooKeeperProxy';
const ENVOY_FILTER_TYPES = new Set(
  ENVOY_FILTERS.split(' ').map((name) => `type.googleapis.com/envoy.extensions.filters.network.${name}`),
);

/** A filter of a chain, as far as it can be read. */
export interface FilterUse {
  readonly path: Path;
  readonly typeUrl: Json | undefined;
  readonly schema: FilterSchema | null;
}

export interface ChainUse {
  readonly path: Path;
  readonly filters: readonly FilterUse[];
}

/** The chains of the listener at a path, whatever else is wrong with it. */
export function chainsOf(tree: Json, listener: Path, filters: readonly FilterSchema[]): ChainUse[] {
  return mapsAt(tree, [...listener, 'filter_chains']).map((chain) => ({
    path: chain.path,
    filters: mapsAt(tree, [...chain.path, 'filters']).map(({ path }) => {
      const typeUrl = valueAt(tree, [...path, 'typed_config', '@type']);
      return { path, typeUrl, schema: filters.find((filter) => filter.typeUrl === typeUrl) ?? null };
    }),
  }));
}

/** Checks each typed_config by its own schema. `parsed` holds the results by formatted position: `listener.chain.filter`. */
export function checkTypedConfigs(
  tree: Json,
  filters: readonly FilterSchema[],
  placeOf: PlaceOf,
): { parsed: Map<string, Readonly<Record<string, unknown>>>; problems: Problem[]; warnings: Problem[] } {
  const parsed = new Map<string, Readonly<Record<string, unknown>>>();
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const listener of mapsAt(tree, ['static_resources', 'listeners'])) {
    const optionsAt = [...listener.path, 'metadata', 'filter_metadata', 'sluice'];
    for (const chain of chainsOf(tree, listener.path, filters)) {
      const protocolAt = chain.filters.findIndex((filter) => filter.schema?.protocol);
      const protocol = chain.filters[protocolAt]?.schema?.protocol ?? null;
      for (const [position, { path, typeUrl, schema }] of chain.filters.entries()) {
        const at = [...path, 'typed_config'];
        if (schema === null) {
          if (typeof typeUrl === 'string')
            problems.push(problemAt(placeOf([...at, '@type']), 'value', sayUnknownType(typeUrl, filters)));
          // Which fields there may be is not known without @type, but that it is missing may be a slip.
          const fields = valueAt(tree, at);
          for (const key of typeUrl === undefined && isMap(fields) ? Object.keys(fields) : [])
            if (nearest(key, ['@type']) !== null)
              problems.push(problemAt(placeOf([...at, key]), 'key', sayUnknownField(key, ['@type'])));
          continue;
        }
        const { '@type': _, ...fields } = valueAt(tree, at) as Record<string, Json>;
        const checked = check(schema.config, newMap(fields), at, placeOf);
        if (checked.ok) {
          const config = checked.data as Readonly<Record<string, unknown>>;
          parsed.set(path.join('.'), config);
          const place = { protocol, protocolBefore: protocol !== null && protocolAt < position };
          for (const fault of schema.explain?.(config, place) ?? [])
            (fault.warning ? warnings : problems).push(
              problemAt(placeOf([...at, ...fault.path]), fault.what, fault.text),
            );
        } else problems.push(...checked.problems);
        if (!schema.protocol || !schema.options) continue;
        // Options that are given are checked in their place; these are not, and some may be required.
        const own = [...optionsAt, schema.protocol.name];
        if (valueAt(tree, own) !== undefined) continue;
        const options = check(schema.options, newMap(), own, placeOf);
        if (!options.ok) problems.push(...options.problems);
      }
    }
  }
  return { parsed, problems, warnings };
}

function sayUnknownType(typeUrl: string, filters: readonly FilterSchema[]): string {
  const known = filters.map((filter) => filter.typeUrl);
  if (ENVOY_FILTER_TYPES.has(typeUrl)) return `${show(typeUrl)} is known to Envoy, not supported by Sluice yet`;
  const meant = nearest(
    typeUrl.split('.').at(-1) ?? '',
    known.map((one) => one.split('.').at(-1) ?? ''),
  );
  const whole = known.find((one) => one.split('.').at(-1) === meant);
  return whole
    ? `${show(typeUrl)} is no known type, did you mean ${whole}?`
    : `${show(typeUrl)} is none of ${known.join(', ')}`;
}
