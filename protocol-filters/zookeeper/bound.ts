import { type KeySink, NO_KEYS } from '../../src/exchange/key-sink.ts';
import type { FilterEnv } from '../../src/exchange/protocol-filter.ts';
import { thresholdsOf, type ZookeeperConfig, type ZookeeperOptions } from './config.ts';
import { ZookeeperDigests } from './digests.ts';
import { ZookeeperStats } from './stats.ts';

/** What all sessions of one filter chain share. */
export class Bound {
  readonly config: ZookeeperConfig;
  readonly options: ZookeeperOptions;
  readonly stats: ZookeeperStats;
  readonly digests: ZookeeperDigests;
  /** Null: nobody wants to know of paths. */
  readonly keys: KeySink | null;
  /** Milliseconds up to which a response is fast, by slot; null: nobody wants to know. */
  readonly thresholds: Float64Array | null;

  constructor(config: ZookeeperConfig, options: ZookeeperOptions, env: FilterEnv) {
    this.config = config;
    this.options = options;
    this.stats = new ZookeeperStats(env.stats, config.stat_prefix);
    this.digests = new ZookeeperDigests(env.digests, options.path_patterns);
    this.keys = env.keys === NO_KEYS ? null : env.keys;
    this.thresholds = config.enable_latency_threshold_metrics ? thresholdsOf(config) : null;
  }
}
