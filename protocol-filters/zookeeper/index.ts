import type { Exchange } from '../../src/exchange/exchange.ts';
import type { BoundFilter, FilterEnv, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Bound } from './bound.ts';
import { type ZookeeperConfig, type ZookeeperOptions, zookeeperConfig, zookeeperOptions } from './config.ts';
import { detectZookeeper } from './detect.ts';
import { metadata, NAMESPACE } from './facts.ts';
import { ZookeeperSession } from './session.ts';
import { vocabulary } from './vocabulary.ts';

export type { ZookeeperConfig, ZookeeperOptions } from './config.ts';

/** ZooKeeper 3.4 to 3.9: all opcodes, watches, multi, auth and SASL, four-letter words. */
export const zookeeper: ProtocolFilter<ZookeeperConfig, ZookeeperOptions> = {
  name: 'zookeeper',
  typeUrl: 'type.googleapis.com/envoy.extensions.filters.network.zookeeper_proxy.v3.ZooKeeperProxy',
  filterName: NAMESPACE,
  speaksFirst: 'client',
  defaultPort: 2181,
  gates: true,
  vocabulary,
  config: zookeeperConfig,
  options: zookeeperOptions,
  detect: detectZookeeper,
  bind(config: ZookeeperConfig, options: ZookeeperOptions, env: FilterEnv): BoundFilter {
    const bound = new Bound(config, options, env);
    return { open: (host) => new ZookeeperSession(host, bound) };
  },
  metadata: (ops: readonly Exchange[]) => metadata(ops),
};
