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
    /** Where policies are enforced: commands written as a line, without lengths. */
    inline: z.enum(['deny', 'allow']).default('deny'),
    /**
     * Bytes of one command that are held until it is judged. What is longer is judged by the arguments within them, where these
     * hold all its keys, and is not known for certain else.
     */
    max_held_bytes: z
      .number()
      .int()
      .min(1024)
      .max(512 * 1024 * 1024)
      .default(1_048_576),
  })
  .default({ key_patterns: 64, inline: 'deny', max_held_bytes: 1_048_576 });
export type RedisOptions = z.infer<typeof redisOptions>;
