import type { Exchange } from '../../src/exchange/exchange.ts';
import type { BoundFilter, FilterEnv, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Bound } from './bound.ts';
import { type RedisConfig, type RedisOptions, redisConfig, redisOptions } from './config.ts';
import { detectRedis } from './detect.ts';
import { metadata, NAMESPACE } from './facts.ts';
import { RedisSession } from './session.ts';
import { vocabulary } from './vocabulary.ts';

export type { RedisConfig, RedisOptions } from './config.ts';
export { REDIS_COMMAND_STATS, REDIS_OPAQUE_STATS, REDIS_OWN_STATS, REDIS_STATS } from './stats.ts';

/** Redis and Valkey, RESP2 and RESP3: a sniffer before tcp_proxy, no splitting proxy as Envoy's redis_proxy is. */
export const redis: ProtocolFilter<RedisConfig, RedisOptions> = {
  name: 'redis',
  typeUrl: 'type.googleapis.com/sluice.filters.network.redis.v1.Redis',
  filterName: NAMESPACE,
  speaksFirst: 'client',
  defaultPort: 6379,
  gates: true,
  vocabulary,
  config: redisConfig,
  options: redisOptions,
  detect: detectRedis,
  bind(config: RedisConfig, options: RedisOptions, env: FilterEnv): BoundFilter {
    const bound = new Bound(config, options, env);
    return { open: (host) => new RedisSession(host, bound) };
  },
  metadata: (ops: readonly Exchange[]) => metadata(ops),
};
