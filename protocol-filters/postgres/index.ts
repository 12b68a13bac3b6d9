import type { Exchange } from '../../src/exchange/exchange.ts';
import type { BoundFilter, FilterEnv, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Bound } from './bound.ts';
import { type PostgresConfig, type PostgresOptions, postgresConfig, postgresOptions } from './config.ts';
import { ENVOY_NAMESPACE, metadata } from './facts.ts';
import { PostgresSession } from './session.ts';
import { detectStartup } from './startup.ts';
import { PostgresStats } from './stats.ts';
import { vocabulary } from './vocabulary.ts';

export type { PostgresConfig, PostgresOptions } from './config.ts';
export { ENVOY_STATS, OPAQUE_STATS, OWN_STATS } from './stats.ts';

/** PostgreSQL, protocol 3.0 and 3.2. */
export const postgres: ProtocolFilter<PostgresConfig, PostgresOptions> = {
  name: 'postgres',
  typeUrl: 'type.googleapis.com/envoy.extensions.filters.network.postgres_proxy.v3alpha.PostgresProxy',
  filterName: ENVOY_NAMESPACE,
  speaksFirst: 'client',
  defaultPort: 5432,
  gates: true,
  vocabulary,
  config: postgresConfig,
  options: postgresOptions,
  detect: detectStartup,
  bind(config: PostgresConfig, options: PostgresOptions, env: FilterEnv): BoundFilter {
    const bound = new Bound(config, options, new PostgresStats(env.stats, config.stat_prefix), env.digests);
    return { open: (host) => new PostgresSession(host, bound) };
  },
  metadata: (ops: readonly Exchange[]) => metadata(ops),
};
