import { z } from 'zod';
import { addressConfig, addressOptions, checkAddressOptions } from './rewrite/options.ts';

/** `envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker`. */
export const kafkaConfig = z.strictObject({ stat_prefix: z.string().min(1), ...addressConfig });
export type KafkaConfig = z.infer<typeof kafkaConfig>;

const MAX_NAMES = 10_000;

/** `metadata.filter_metadata.sluice.kafka` of the listener. */
export const kafkaOptions = z
  .strictObject({
    ...addressOptions,
    /** Names that get series of their own, first come; what comes after is counted as `other`. */
    topics: z.number().int().min(1).max(MAX_NAMES).default(100),
    clients: z.number().int().min(1).max(MAX_NAMES).default(50),
    groups: z.number().int().min(1).max(MAX_NAMES).default(50),
    /** Partitions of which the lag is followed, and how many of them may have a series of their own. */
    partitions: z.number().int().min(1).max(1_000_000).default(10_000),
    lag_partitions: z.number().int().min(0).max(10_000).default(200),
    /**
     * Where policies are enforced: may a login be one of SaslHandshake v0, whose tokens have no headers? Of PLAIN and SCRAM,
     * as nobody could say where those of others end.
     */
    sasl_v0: z.enum(['deny', 'allow']).default('deny'),
    /** Look into compressed batches for the trace context of their first record. */
    decompress: z.boolean().default(false),
  })
  .superRefine(checkAddressOptions)
  .prefault({});
export type KafkaOptions = z.infer<typeof kafkaOptions>;
