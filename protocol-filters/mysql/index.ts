import type { Exchange } from '../../src/exchange/exchange.ts';
import type { BoundFilter, FilterEnv, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Bound } from './bound.ts';
import { type MysqlConfig, type MysqlOptions, mysqlConfig, mysqlOptions } from './config.ts';
import { ENVOY_NAMESPACE, metadata } from './facts.ts';
import { MysqlSession } from './session.ts';
import { MysqlStats } from './stats.ts';
import { MYSQL_VOCABULARY } from './vocabulary.ts';

export type { MysqlConfig, MysqlOptions } from './config.ts';
export { COMMAND_STATS, ENVOY_STATS, OWN_STATS } from './stats.ts';

/** MySQL and MariaDB. */
export const mysql: ProtocolFilter<MysqlConfig, MysqlOptions> = {
  name: 'mysql',
  typeUrl: 'type.googleapis.com/envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy',
  filterName: ENVOY_NAMESPACE,
  speaksFirst: 'server',
  defaultPort: 3306,
  gates: true,
  vocabulary: MYSQL_VOCABULARY,
  config: mysqlConfig,
  options: mysqlOptions,
  bind(config: MysqlConfig, options: MysqlOptions, env: FilterEnv): BoundFilter {
    const bound = new Bound(new MysqlStats(env.stats, config.stat_prefix), env.digests, options, env.warn);
    return { open: (host) => new MysqlSession(host, bound) };
  },
  metadata: (ops: readonly Exchange[]) => metadata(ops),
};
