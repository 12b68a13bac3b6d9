import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { DoorRange } from '../exchange/protocol-filter.ts';
import type { EnvoyAccessLogConfig } from './access-log-config.ts';
import { accessLogConfig, type ParsedAccessLog } from './access-log-schema.ts';
import type { Bootstrap, EndpointAddress, ListenAddress } from './bootstrap-schema.ts';
import { bootstrapSchema } from './bootstrap-schema.ts';
import { sinkConfigs } from './build-sinks.ts';
import type { AddressConfig, ClusterConfig, FilterSchema, ListenerConfig, Snapshot } from './snapshot.ts';
import { statsConfig, statsSinkConfigs } from './stats-sinks-schema.ts';
import { TCP_PROXY_TYPE_URL } from './tcp-proxy-schema.ts';
import { canonicalJson, deepFreeze } from './tree.ts';

type ParsedListener = Bootstrap['static_resources']['listeners'][number];
type ParsedCluster = Bootstrap['static_resources']['clusters'][number];
type Parsed = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** From what the schemas gave to the snapshot all roles share. Deeply frozen. */
export function buildSnapshot(bootstrap: Bootstrap, typedConfigs: Parsed, filters: readonly FilterSchema[]): Snapshot {
  const own = bootstrap.node?.metadata?.sluice ?? ownDefaults();
  const clusters = bootstrap.static_resources.clusters.map(clusterConfig);
  const content: Omit<Snapshot, 'version'> = {
    node: { id: bootstrap.node?.id ?? '', cluster: bootstrap.node?.cluster ?? '' },
    admin: bootstrap.admin ? { address: addressConfig(bootstrap.admin.address) } : null,
    metrics: own.metrics ? { address: addressConfig(own.metrics.address) } : null,
    process: {
      concurrency: own.concurrency ?? null,
      drainTimeoutMs: own.drain_timeout,
      digestRows: own.digest_rows,
      showLiterals: own.show_literals,
      maxConnections: own.max_connections,
      sampling: { maxPerSecond: own.sampling.max_per_second, slowMs: own.sampling.slow },
    },
    sinks: sinkConfigs(own.sinks, own.sampling.slow),
    spoolPath: own.spool?.path ?? null,
    statsSinks: statsSinkConfigs(bootstrap.stats_sinks, clusters),
    statsFlushIntervalMs: bootstrap.stats_flush_interval,
    statsConfig: statsConfig(bootstrap.stats_config),
    listeners: bootstrap.static_resources.listeners.map((one, i) =>
      listenerConfig(one, i, typedConfigs, filters, clusters),
    ),
    clusters,
  };
  const version = createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 16);
  return deepFreeze({ version, ...content });
}

function ownDefaults(): NonNullable<NonNullable<NonNullable<Bootstrap['node']>['metadata']>['sluice']> {
  return bootstrapSchema([]).shape.node.unwrap().shape.metadata.unwrap().shape.sluice.unwrap().parse({});
}

function listenerConfig(
  one: ParsedListener,
  index: number,
  typedConfigs: Parsed,
  filters: readonly FilterSchema[],
  clusters: readonly ClusterConfig[],
): ListenerConfig {
  const address = addressConfig(one.address);
  const own: Record<string, unknown> = { ...one.metadata?.filter_metadata.sluice };
  const options: Record<string, unknown> = {};
  let doors: DoorRange | null = null;
  const envoyAccessLogs: EnvoyAccessLogConfig[] = one.access_log.map((log) =>
    accessLogConfig(log, 'listener', clusters),
  );
  const filterChains = one.filter_chains.map((chain, c) => ({
    name: chain.name ?? '',
    filters: chain.filters.map((filter, f) => {
      const typeUrl = filter.typed_config['@type'];
      const schema = filters.find((known) => known.typeUrl === typeUrl);
      if (schema?.protocol && schema.options)
        options[schema.protocol.name] = own[schema.protocol.name] ?? schema.options.parse({});
      doors ??= schema?.protocol?.doors?.(options[schema.protocol.name]) ?? null;
      const {
        access_log: logs,
        flush_access_log_on_start: onStart,
        ...config
      } = typedConfigs.get(['static_resources', 'listeners', index, 'filter_chains', c, 'filters', f].join('.')) ?? {};
      if (typeUrl === TCP_PROXY_TYPE_URL)
        for (const log of (logs ?? []) as ParsedAccessLog[])
          envoyAccessLogs.push(accessLogConfig(log, 'tcp_proxy', clusters, onStart === true));
      return { name: filter.name, typeUrl, config };
    }),
  }));
  return {
    name: one.name ?? textOf(address),
    statPrefix: one.stat_prefix ?? '',
    address,
    autoPort: one.metadata?.filter_metadata.sluice?.auto_port ?? false,
    additionalAddresses: one.additional_addresses.map((more) => addressConfig(more.address)),
    perConnectionBufferLimitBytes: one.per_connection_buffer_limit_bytes,
    tcpBacklogSize: one.tcp_backlog_size ?? null,
    filterChains,
    accessLogs: (one.metadata?.filter_metadata.sluice?.access_log ?? []).map(({ log_format, ...log }) => ({
      ...log,
      format: log_format ?? null,
    })),
    envoyAccessLogs,
    options,
    doors,
  };
}

function clusterConfig(one: ParsedCluster): ClusterConfig {
  return {
    name: one.name,
    type: one.type,
    lbPolicy: one.lb_policy,
    choiceCount: one.least_request_lb_config?.choice_count ?? 2,
    connectTimeoutMs: one.connect_timeout,
    perConnectionBufferLimitBytes: one.per_connection_buffer_limit_bytes,
    dnsRefreshRateMs: one.dns_refresh_rate,
    dnsLookupFamily: one.dns_lookup_family,
    endpoints: one.load_assignment.endpoints.flatMap((locality) =>
      locality.lb_endpoints.map((endpoint) => ({
        address: addressConfig(endpoint.endpoint.address),
        weight: endpoint.load_balancing_weight,
      })),
    ),
  };
}

function addressConfig(address: ListenAddress | EndpointAddress): AddressConfig {
  if (address.pipe) {
    const { path, mode } = address.pipe;
    return mode === undefined ? { kind: 'pipe', path } : { kind: 'pipe', path, mode };
  }
  // The schema let through exactly one of the two.
  return { kind: 'ip', host: address.socket_address!.address, port: address.socket_address!.port_value };
}

const textOf = (address: AddressConfig): string =>
  address.kind === 'pipe'
    ? address.path
    : isIP(address.host) === 6
      ? `[${address.host}]:${address.port}`
      : `${address.host}:${address.port}`;
