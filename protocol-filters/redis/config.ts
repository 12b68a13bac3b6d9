import { z } from 'zod';

/** `sluice.filters.network.redis.v1.Redis`. Its fields are named as those of Envoy's RedisProxy that make sense to a sniffer. */
export const redisConfig = z.strictObject({
  stat_prefix: z.string().min(1),
  /** The unit of `command.*.latency`: microseconds, not milliseconds. */
  latency_in_micros: z.boolean().default(false),
});
export type RedisConfig = z.infer<typeof redisConfig>;

/** `metadata.filter_metadata.sluice.redis` of the listener. */
export const redisOptions = z
  .strictObject({
    /** Key patterns of one command; what comes above is counted under `*`. */
    key_patterns: z.number().int().min(1).max(1024).default(64),
  })
  .default({ key_patterns: 64 });
export type RedisOptions = z.infer<typeof redisOptions>;
