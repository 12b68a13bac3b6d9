import type { Exchange } from '../../src/exchange/exchange.ts';
import type { BoundFilter, FilterEnv, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Bound } from './bound.ts';
import { type MongodbConfig, type MongodbOptions, mongodbConfig, mongodbOptions } from './config.ts';
import { detectMongodb } from './detect.ts';
import { ENVOY_NAMESPACE, metadata } from './facts.ts';
import { seen } from './gate/seen.ts';
import { MONGODB_VOCABULARY } from './gate/verbs.ts';
import { MongodbSession } from './session.ts';

export type { MongodbConfig, MongodbOptions } from './config.ts';
export { MONGO_STAT_GROUPS } from './stat-groups.ts';

/** MongoDB's wire protocol of today: OP_MSG, OP_COMPRESSED, and what is left of the opcodes before them. */
export const mongodb: ProtocolFilter<MongodbConfig, MongodbOptions> = {
  name: 'mongodb',
  typeUrl: 'type.googleapis.com/envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy',
  filterName: ENVOY_NAMESPACE,
  speaksFirst: 'client',
  defaultPort: 27017,
  gates: true,
  vocabulary: { ...MONGODB_VOCABULARY, seen },
  config: mongodbConfig,
  options: mongodbOptions,
  detect: detectMongodb,
  bind(config: MongodbConfig, options: MongodbOptions, env: FilterEnv): BoundFilter {
    const bound = new Bound(config, options, env);
    return { open: (host) => new MongodbSession(host, bound) };
  },
  metadata: (ops: readonly Exchange[]) => metadata(ops),
};
