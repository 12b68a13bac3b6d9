import { protocolFilters } from '../../protocol-filters/registry.ts';
import { protocolFilterSchema } from '../config/filter-schemas.ts';
import { POLICY_TYPE_URL } from '../config/policies-schema.ts';
import { policyFilterSchema } from '../config/policy-filter.ts';
import type { FilterSchema } from '../config/snapshot.ts';
import { TCP_PROXY_TYPE_URL, type TcpProxyConfig, tcpProxySchema } from '../config/tcp-proxy-schema.ts';
import type { ProtocolFilter } from '../exchange/protocol-filter.ts';
import { policyLink } from '../filters/policy.ts';
import { tcpProxy } from '../filters/tcp-proxy.ts';
import type { PolicySetConfig } from '../policy/policy-config.ts';
import { envoyFilterSchemas, envoyLinks } from './envoy-filters.ts';
import type { LinkFactory } from './plane.ts';

/** For commands that judge without a server. */
export const protocols: readonly ProtocolFilter[] = protocolFilters;

/** Every filter there is, as configuration must know it: protocol filters come from the registry, the others stand here. */
export const filterSchemas = (): FilterSchema[] => [
  tcpProxySchema,
  policyFilterSchema,
  ...envoyFilterSchemas,
  ...protocolFilters.map(protocolFilterSchema),
];

/** By `@type`. A snapshot's configuration was checked by the schema above: here it only gets its type back. */
export const links: ReadonlyMap<string, LinkFactory> = new Map<string, LinkFactory>([
  [
    TCP_PROXY_TYPE_URL,
    (checked, { clock, network, stats, clusters, observer, connectionId }) => {
      const config = checked as unknown as TcpProxyConfig;
      const early = config.max_early_data_bytes ?? undefined;
      const env = { clock, network, stats, cluster: (name: string) => clusters.get(name), observer, connectionId };
      return tcpProxy({ ...config, max_early_data_bytes: early }, env);
    },
  ],
  [POLICY_TYPE_URL, (checked, env) => policyLink(checked as unknown as PolicySetConfig, env)],
  ...envoyLinks,
]);
