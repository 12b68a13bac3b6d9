import type { Exchange } from '../../src/exchange/exchange.ts';
import type { BoundFilter, FilterEnv, ProtocolFilter } from '../../src/exchange/protocol-filter.ts';
import { Bound } from './bound.ts';
import { type KafkaConfig, type KafkaOptions, kafkaConfig, kafkaOptions } from './config.ts';
import { detectKafka } from './detect.ts';
import { FILTER_NAME, metadata } from './facts.ts';
import { seen } from './gate/seen.ts';
import { vocabulary } from './gate/vocabulary.ts';
import { doorsOf } from './rewrite/options.ts';
import { KafkaSession } from './session.ts';

export type { KafkaConfig, KafkaOptions } from './config.ts';

/** Kafka, all APIs up to 4.x; its brokers' addresses are rewritten where that is asked for. */
export const kafka: ProtocolFilter<KafkaConfig, KafkaOptions> = {
  name: 'kafka',
  typeUrl: 'type.googleapis.com/envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker',
  filterName: FILTER_NAME,
  speaksFirst: 'client',
  defaultPort: 9092,
  gates: true,
  vocabulary: { ...vocabulary, seen },
  shortForm: { rewrite: 'auto' },
  config: kafkaConfig,
  options: kafkaOptions,
  detect: detectKafka,
  doors: (options: KafkaOptions) => doorsOf(options),
  bind(config: KafkaConfig, options: KafkaOptions, env: FilterEnv): BoundFilter {
    const bound = new Bound(config, options, env);
    return { open: (host) => new KafkaSession(host, bound) };
  },
  metadata: (ops: readonly Exchange[]) => metadata(ops),
};
