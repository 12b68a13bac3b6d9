import type { StatIds, StatsRegistry } from '../../../src/stats/registry.ts';
import { codecName } from '../records/facts.ts';
import { KAFKA_CODEC_STATS, KAFKA_TOPIC_CODEC_STATS } from '../stat-groups.ts';
import type { TopicKey } from './facts.ts';
import type { Slot } from './slots.ts';

/** All codecs without a name. */
const UNKNOWN = 5;

/** How what was produced was compressed, all together and by topic. Resolved when first seen. */
export class CodecCounts {
  readonly #registry: StatsRegistry;
  readonly #statPrefix: string;
  readonly #all: (StatIds<keyof typeof KAFKA_CODEC_STATS.stats> | null)[] = new Array(UNKNOWN + 1).fill(null);

  constructor(registry: StatsRegistry, statPrefix: string) {
    this.#registry = registry;
    this.#statPrefix = statPrefix;
  }

  produced(topic: Slot<TopicKey>, codec: number, batches: number, records: number, bytes: number): void {
    const registry = this.#registry;
    const number = codec >= 0 && codec < UNKNOWN ? codec : UNKNOWN;
    const known = topic.more[number] ?? -1;
    registry.add(known >= 0 ? known : this.#openTopic(topic, number), batches);
    const all = this.#all[number] ?? this.#open(number);
    registry.add(all.produced_batches, batches);
    registry.add(all.produced_records, records);
    registry.add(all.produced_bytes, bytes);
  }

  #openTopic(topic: Slot<TopicKey>, number: number): number {
    const parts = { stat_prefix: this.#statPrefix, topic: topic.name, codec: codecName(number) };
    const id = this.#registry.open(KAFKA_TOPIC_CODEC_STATS, parts).batches;
    while (topic.more.length <= number) topic.more.push(-1);
    topic.more[number] = id;
    return id;
  }

  #open(number: number): StatIds<keyof typeof KAFKA_CODEC_STATS.stats> {
    const parts = { stat_prefix: this.#statPrefix, codec: codecName(number) };
    const ids = this.#registry.open(KAFKA_CODEC_STATS, parts);
    this.#all[number] = ids;
    return ids;
  }
}
