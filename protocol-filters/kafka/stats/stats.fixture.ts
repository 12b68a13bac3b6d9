import { LagStory } from '../../../src/digest/lag/lag.fixture.ts';
import { StatsRegistry } from '../../../src/stats/registry.ts';
import type { CountedRequest, NamedClient, NamedGroup, NamedTopic } from './facts.ts';
import { KafkaStats, type StatsOptions } from './kafka-stats.ts';

export const OPTIONS: StatsOptions = { topics: 100, clients: 50, groups: 50, partitions: 10_000, lag_partitions: 200 };

/** The stats of one filter chain, with somebody who listens to its lag. */
export class StatsStory {
  readonly registry = new StatsRegistry();
  readonly lag = new LagStory();
  readonly stats: KafkaStats;

  constructor(options: Partial<StatsOptions> = {}) {
    const env = { stats: this.registry, lag: this.lag.of() };
    this.stats = new KafkaStats(env, 'p', { ...OPTIONS, ...options });
  }

  topic(name: string): NamedTopic {
    return { name, counts: this.stats.topic(name) };
  }

  client(name: string): NamedClient {
    return { name, counts: this.stats.client(name) };
  }

  group(name: string): NamedGroup {
    return { name, counts: this.stats.group(name) };
  }

  request(parts: Partial<CountedRequest> = {}): CountedRequest {
    return {
      apiKey: 0,
      status: 0,
      bytes: 100,
      replyBytes: 40,
      client: this.client('app'),
      group: null,
      generation: -1,
      error: 0,
      waits: false,
      throttleMs: 0,
      tookMs: 2,
      ...parts,
    };
  }

  /** One of ours. */
  own(name: string): number | undefined {
    return this.registry.value(`sluice.kafka.p.${name}`);
  }

  envoy(name: string): number | undefined {
    return this.registry.value(`kafka.p.${name}`);
  }

  /** Values of all of ours that end so, by what stands before. */
  all(pattern: RegExp): Record<string, number> {
    const found = this.registry.list.flatMap(({ id, name }) => {
      const [, what] = pattern.exec(name) ?? [];
      return what === undefined ? [] : [[what, this.registry.get(id)] as const];
    });
    return Object.fromEntries(found);
  }

  histogram(name: string) {
    const stat = this.registry.list.find((one) => one.name === name);
    return stat === undefined ? undefined : this.registry.histogram(stat.id);
  }
}
