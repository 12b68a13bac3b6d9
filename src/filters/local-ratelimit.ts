import type { LocalRateLimitConfig } from '../config/local-ratelimit-schema.ts';
import { type ConnectionHandle, type FilterBuilder, FilterStatus, type NetworkFilter } from '../net/filter.ts';
import type { Clock } from '../net/transport.ts';
import { type StatsRegistry, statGroup } from '../stats/registry.ts';

/** Envoy's network local_ratelimit. */
export const localRateLimitStats = statGroup('local_rate_limit.<stat_prefix>.', {
  rate_limited: { kind: 'counter', help: 'Connections closed because they came too fast.' },
});

export interface LocalRateLimitEnv {
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  readonly workers: number;
}

type BucketConfig = LocalRateLimitConfig['token_bucket'];

/** Tokens of one worker: its share of them, refilled evenly between the fills (as Envoy's is). */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #perMs: number;
  #tokens: number;
  #at: number;

  constructor({ max_tokens, tokens_per_fill, fill_interval }: BucketConfig, { clock, workers }: LocalRateLimitEnv) {
    this.#clock = clock;
    this.#max = max_tokens === 0 ? 0 : Math.max(1, max_tokens / workers);
    this.#perMs = tokens_per_fill / fill_interval / workers;
    this.#tokens = this.#max;
    this.#at = clock.now();
  }

  take(): boolean {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#max, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** Buckets with a share_key, of one worker: filters with the same key and the same bucket draw from one. */
const SHARED = new WeakMap<StatsRegistry, Map<string, TokenBucket>>();

function bucketOf({ share_key, token_bucket }: LocalRateLimitConfig, env: LocalRateLimitEnv): TokenBucket {
  if (share_key === '') return new TokenBucket(token_bucket, env);
  const known = SHARED.get(env.stats) ?? new Map<string, TokenBucket>();
  SHARED.set(env.stats, known);
  const key = JSON.stringify([share_key, token_bucket]);
  const bucket = known.get(key) ?? new TokenBucket(token_bucket, env);
  known.set(key, bucket);
  return bucket;
}

/** Takes a token for each new connection, and closes those that find none. */
export function localRateLimit(config: LocalRateLimitConfig, env: LocalRateLimitEnv): FilterBuilder {
  let current = config;
  let bucket = bucketOf(config, env);
  let ids = env.stats.open(localRateLimitStats, { stat_prefix: config.stat_prefix });
  const refuses = (): boolean => {
    if (!current.runtime_enabled || bucket.take()) return false;
    env.stats.inc(ids.rate_limited);
    return true;
  };
  return Object.assign(({ connection }: { connection: ConnectionHandle }) => localRateLimitLink(connection, refuses), {
    update: (next: Readonly<Record<string, unknown>> | null) => {
      const wanted = (next as LocalRateLimitConfig | null) ?? { ...current, runtime_enabled: false };
      const same = JSON.stringify([wanted.share_key, wanted.token_bucket]);
      if (same !== JSON.stringify([current.share_key, current.token_bucket])) bucket = bucketOf(wanted, env);
      current = wanted;
      ids = env.stats.open(localRateLimitStats, { stat_prefix: wanted.stat_prefix });
      return true;
    },
  });
}

const localRateLimitLink = (connection: ConnectionHandle, refuses: () => boolean): NetworkFilter => ({
  name: 'envoy.filters.network.local_ratelimit',
  onNewConnection() {
    if (!refuses()) return FilterStatus.Continue;
    connection.info.flags.add('URX'); // Envoy's own flag for it
    connection.close('no_flush', 'local_ratelimit_close_over_limit');
    return FilterStatus.StopIteration;
  },
});
