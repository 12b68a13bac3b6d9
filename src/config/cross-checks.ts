import { isIP } from 'node:net';
import { addressText, type Complain, checkAddresses } from './address-checks.ts';
import { EXT_AUTHZ_TYPE_URL } from './ext-authz-schema.ts';
import { chainsOf } from './filter-schemas.ts';
import { nearest, type PlaceOf, problemAt, show } from './problem.ts';
import type { FilterSchema, Problem } from './snapshot.ts';
import { TCP_PROXY_TYPE_URL } from './tcp-proxy-schema.ts';
import { isMap, type Json, type JsonMap, mapsAt, type Path, valueAt } from './tree.ts';

const LISTENERS: Path = ['static_resources', 'listeners'];
const CLUSTERS: Path = ['static_resources', 'clusters'];
const SINKS: Path = ['node', 'metadata', 'sluice', 'sinks'];

/**
 * What only the whole file can show: names that must differ, names that must exist, the order of filters. Works on the
 * unchecked tree and takes nothing for granted, so that these problems are told together with all others.
 */
export function crossCheck(tree: Json, filters: readonly FilterSchema[], placeOf: PlaceOf): Problem[] {
  const problems: Problem[] = [];
  const complain: Complain = (path, text, what = 'value') => problems.push(problemAt(placeOf(path), what, text));
  uniqueNames(tree, LISTENERS, placeOf, complain);
  uniqueNames(tree, CLUSTERS, placeOf, complain);
  uniqueNames(tree, SINKS, placeOf, complain);
  checkSinks(tree, complain);
  checkAddresses(tree, filters, complain);
  checkStatsSinks(tree, complain);
  for (const { map, path } of mapsAt(tree, LISTENERS)) checkListener(tree, map, path, filters, complain);
  for (const { map, path } of mapsAt(tree, CLUSTERS)) checkCluster(tree, map, path, complain);
  return problems;
}

/** Fields that belong together, of sinks. */
function checkSinks(tree: Json, complain: Complain): void {
  checkSignalNames(tree, complain);
  for (const { map, path } of mapsAt(tree, SINKS)) {
    if (map['type'] !== 'clickhouse') continue;
    const remote = map['url'] !== undefined;
    if (remote && map['path'] !== undefined)
      complain([...path, 'path'], 'is of the embedded ClickHouse, and url is given');
    for (const field of ['username', 'password', 'cluster'])
      if (!remote && map[field] !== undefined) complain([...path, field], 'is of a server, and no url is given');
  }
}

/** An otlp sink is counted, and has its spools, under names of its signals. */
function checkSignalNames(tree: Json, complain: Complain): void {
  const sinks = mapsAt(tree, SINKS);
  const taken = sinks
    .filter(({ map }) => map['type'] === 'otlp')
    .flatMap(({ map }) => ['logs', 'traces', 'metrics'].map((signal) => `${String(map['name'] ?? 'otlp')}-${signal}`));
  for (const { map, path } of sinks)
    if (typeof map['name'] === 'string' && taken.includes(map['name']))
      complain([...path, 'name'], `${show(map['name'])} is what a signal of an otlp sink is called`);
}

/** Clusters that stats sinks name: there they are, with an address that can be used. */
function checkStatsSinks(tree: Json, complain: Complain): void {
  const clusters = clusterNames(tree);
  for (const { path } of mapsAt(tree, ['stats_sinks'])) {
    const typed = [...path, 'typed_config'];
    checkClusterName(tree, [...typed, 'tcp_cluster_name'], clusters, complain);
    checkGrpcCluster(tree, [...typed, 'grpc_service', 'envoy_grpc', 'cluster_name'], complain);
  }
}

/** That a gRPC service's cluster is there, and is reached by more than unix sockets where its client cannot do with these. */
function checkGrpcCluster(tree: Json, path: Path, complain: Complain, sockets: 'any' | 'ip' = 'ip'): void {
  checkClusterName(tree, path, clusterNames(tree), complain);
  if (sockets === 'any') return;
  const name = valueAt(tree, path);
  const cluster = mapsAt(tree, CLUSTERS).find(({ map }) => map['name'] === name);
  if (cluster === undefined) return;
  const endpoints = mapsAt(tree, [...cluster.path, 'load_assignment', 'endpoints']).flatMap(({ path: at }) =>
    mapsAt(tree, [...at, 'lb_endpoints']),
  );
  const pipe = (at: Path) => valueAt(tree, [...at, 'endpoint', 'address', 'pipe']) !== undefined;
  if (endpoints.length > 0 && endpoints.every(({ path: at }) => pipe(at)))
    complain(path, `${show(name)} has unix sockets only, which gRPC is not spoken over`);
}

const clusterNames = (tree: Json): string[] =>
  mapsAt(tree, CLUSTERS).flatMap(({ map }) => (typeof map['name'] === 'string' ? [map['name']] : []));

function uniqueNames(tree: Json, at: Path, placeOf: PlaceOf, complain: Complain): void {
  const seen = new Map<string, Path>();
  for (const { map, path } of mapsAt(tree, at)) {
    const name = map['name'] ?? (at === LISTENERS ? addressText(map['address']) : undefined);
    if (typeof name !== 'string') continue;
    const first = seen.get(name);
    if (first) {
      // The place of the map, not of its name: a proxy stands behind a listener and a cluster, and is told of once.
      const { source, path: where } = placeOf(first);
      complain([...path, 'name'], `${show(name)} is already the name of ${source.label(where)}`);
    } else seen.set(name, path);
  }
}

function checkListener(
  tree: Json,
  map: JsonMap,
  path: Path,
  filters: readonly FilterSchema[],
  complain: Complain,
): void {
  const clusters = clusterNames(tree);
  const chains = chainsOf(tree, path, filters);
  for (const chain of chains.slice(1))
    complain(chain.path, 'is a second filter chain: filter_chain_match is not supported by Sluice yet');
  for (const chain of chains) {
    const filtersPath = [...chain.path, 'filters'];
    const list = valueAt(tree, filtersPath);
    if (Array.isArray(list) && list.length === 0)
      complain(filtersPath, 'is empty: the last filter must be a terminal one');
    let protocolBefore: string | null = null;
    const observer = chain.filters.find(({ schema }) => schema?.protocol?.gates === false)?.schema?.protocol?.name;
    for (const filter of chain.filters) {
      const last = Array.isArray(list) && filter.path.at(-1) === list.length - 1;
      if (filter.schema === null) continue;
      const { terminal, protocol, filterName } = filter.schema;
      if (terminal && !last) complain(filter.path, `${filterName} is terminal and must be the last of its chain`);
      if (!terminal && last)
        complain(
          filter.path,
          `${filterName} is not terminal, and the last filter must be, such as envoy.filters.network.tcp_proxy`,
        );
      if (protocol && protocolBefore !== null)
        complain(
          filter.path,
          `${protocol.name} comes after ${protocolBefore}: a chain holds at most one protocol filter`,
        );
      if (protocol) protocolBefore = protocol.name;
      if (filter.schema.enforces === true && observer !== undefined)
        complain(filter.path, `${filterName} denies, and ${observer} cannot refuse yet: it only observes`);
      if (filter.typeUrl === TCP_PROXY_TYPE_URL) {
        checkClusterName(tree, [...filter.path, 'typed_config', 'cluster'], clusters, complain);
        checkAccessLogs(tree, [...filter.path, 'typed_config', 'access_log'], complain);
      }
      if (filter.typeUrl === EXT_AUTHZ_TYPE_URL)
        checkGrpcCluster(
          tree,
          [...filter.path, 'typed_config', 'grpc_service', 'envoy_grpc', 'cluster_name'],
          complain,
          'any',
        );
    }
  }
  checkAccessLogs(tree, [...path, 'access_log'], complain);
  const optionsPath = [...path, 'metadata', 'filter_metadata', 'sluice'];
  const options = valueAt(tree, optionsPath);
  const spoken = chains.flatMap((chain) => chain.filters.map((filter) => filter.schema?.protocol?.name));
  for (const { protocol } of filters) {
    if (protocol && isMap(options) && Object.hasOwn(options, protocol.name) && !spoken.includes(protocol.name))
      complain([...optionsPath, protocol.name], `no filter chain of this listener speaks ${protocol.name}`, 'key');
  }
  if (isMap(options) && options['auto_port'] === true && valueAt(map, ['address', 'pipe']) !== undefined)
    complain([...optionsPath, 'auto_port'], 'a unix socket has no port');
}

/** Clusters that Envoy's access logs name. */
function checkAccessLogs(tree: Json, at: Path, complain: Complain): void {
  for (const { path } of mapsAt(tree, at)) {
    const typed = [...path, 'typed_config'];
    checkGrpcCluster(tree, [...typed, 'common_config', 'grpc_service', 'envoy_grpc', 'cluster_name'], complain);
    checkGrpcCluster(tree, [...typed, 'grpc_service', 'envoy_grpc', 'cluster_name'], complain);
    checkGrpcCluster(tree, [...typed, 'http_service', 'http_uri', 'cluster'], complain);
  }
}

function checkClusterName(tree: Json, path: Path, clusters: readonly string[], complain: Complain): void {
  const name = valueAt(tree, path);
  if (typeof name !== 'string' || name === '' || clusters.includes(name)) return;
  const meant = nearest(name, clusters);
  if (clusters.length === 0) complain(path, `${show(name)} is not a cluster: there are none`);
  else if (meant !== null) complain(path, `${show(name)} is not a cluster, did you mean ${show(meant)}?`);
  else complain(path, `${show(name)} is none of the clusters ${clusters.map(show).join(', ')}`);
}

function checkCluster(tree: Json, map: JsonMap, path: Path, complain: Complain): void {
  const type = map['type'] ?? 'STATIC';
  if (map['least_request_lb_config'] !== undefined && map['lb_policy'] !== 'LEAST_REQUEST')
    complain([...path, 'least_request_lb_config'], 'is only read with lb_policy LEAST_REQUEST', 'key');
  const endpoints = mapsAt(tree, [...path, 'load_assignment', 'endpoints']).flatMap(({ path: at }) =>
    mapsAt(tree, [...at, 'lb_endpoints']),
  );
  for (const { path: at } of endpoints) {
    const address = [...at, 'endpoint', 'address'];
    const host = valueAt(tree, [...address, 'socket_address', 'address']);
    if (type === 'STATIC' && typeof host === 'string' && isIP(host) === 0)
      complain(
        [...address, 'socket_address', 'address'],
        `${show(host)} is not an IP address: a STATIC cluster resolves no names, STRICT_DNS does`,
      );
    if ((type === 'STRICT_DNS' || type === 'LOGICAL_DNS') && valueAt(tree, [...address, 'pipe']) !== undefined)
      complain([...address, 'pipe'], `a unix socket cannot be in a ${type} cluster`, 'key');
  }
  if (type === 'LOGICAL_DNS' && endpoints.length > 1)
    complain(endpoints[1]!.path, 'a LOGICAL_DNS cluster has exactly one endpoint');
}
