import type * as z from 'zod';
import { choice, duration, MAX_UINT32, message, name, wholeNumber } from './field-types.ts';
import type { FilterSchema } from './snapshot.ts';

export const TCP_PROXY_TYPE_URL = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/**
 * Envoy's TcpProxy, the part that Sluice supports. Parsed: durations in ms, defaults filled in.
 * `idle_timeout` 0 = off. `max_early_data_bytes` null = unset: the client is not read before the upstream is connected.
 */
export const tcpProxyConfig = message(
  {
    stat_prefix: name(),
    cluster: name(),
    idle_timeout: duration().prefault('3600s'),
    max_connect_attempts: wholeNumber(1, MAX_UINT32).default(1),
    upstream_connect_mode: choice(['IMMEDIATE', 'ON_DOWNSTREAM_DATA'], ['ON_DOWNSTREAM_TLS_HANDSHAKE']).default(
      'IMMEDIATE',
    ),
    max_early_data_bytes: wholeNumber(0, 1_048_576).optional(),
  },
  'weighted_clusters on_demand metadata_match downstream_idle_timeout upstream_idle_timeout access_log backoff_options ' +
    'hash_policy tunneling_config max_downstream_connection_duration max_downstream_connection_duration_jitter_percentage ' +
    'access_log_flush_interval flush_access_log_on_connected access_log_options proxy_protocol_tlvs',
)
  .refine((c) => c.upstream_connect_mode !== 'ON_DOWNSTREAM_DATA' || c.max_early_data_bytes !== undefined, {
    error: 'is required with upstream_connect_mode ON_DOWNSTREAM_DATA',
    path: ['max_early_data_bytes'],
  })
  .transform((c) => ({ ...c, max_early_data_bytes: c.max_early_data_bytes ?? null }));

export type TcpProxyConfig = z.output<typeof tcpProxyConfig>;

export const tcpProxySchema: FilterSchema = {
  filterName: 'envoy.filters.network.tcp_proxy',
  typeUrl: TCP_PROXY_TYPE_URL,
  terminal: true,
  protocol: null,
  config: tcpProxyConfig,
  options: null,
};
