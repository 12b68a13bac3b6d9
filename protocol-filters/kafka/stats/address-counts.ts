import type { Histogram } from '../../../src/stats/histogram.ts';
import type { StatIds, StatsRegistry } from '../../../src/stats/registry.ts';
import type { KAFKA_OWN_STATS } from '../stat-groups.ts';
import type { ApiTable } from './api-counts.ts';

/** What is counted of addresses in responses, and of APIs that are not allowed. */
export class AddressCounts {
  readonly #registry: StatsRegistry;
  readonly #own: StatIds<keyof typeof KAFKA_OWN_STATS.stats>;
  readonly #apis: ApiTable;
  readonly #rewriteTime: Histogram;

  constructor(registry: StatsRegistry, own: StatIds<keyof typeof KAFKA_OWN_STATS.stats>, apis: ApiTable) {
    this.#registry = registry;
    this.#own = own;
    this.#apis = apis;
    this.#rewriteTime = registry.histogram(own.rewrite_time);
  }

  /** A response whose addresses were rewritten. */
  rewritten(apiKey: number): void {
    this.#registry.inc(this.#own.rewritten_replies);
    this.#registry.inc(this.#apis.of(apiKey).own.rewritten);
  }

  /** What that took, and how large it was. */
  rewrite(ms: number, bytes: number): void {
    this.#rewriteTime.record(ms / 1000);
    this.#registry.add(this.#own.rewritten_bytes, bytes);
  }

  /** An ApiVersions response from which something was taken. */
  clamped(): void {
    this.#registry.inc(this.#own.clamped_api_versions);
  }

  unmapped(brokers = 1): void {
    this.#registry.add(this.#own.unmapped_brokers, brokers);
  }

  bypassHint(): void {
    this.#registry.inc(this.#own.bypass_hint);
  }

  noDoor(): void {
    this.#registry.inc(this.#own.closed_no_door);
  }

  undecodable(apiKey: number): void {
    this.#registry.inc(this.#own.closed_undecodable);
    this.#registry.inc(this.#apis.of(apiKey).own.undecodable);
  }

  deniedKey(apiKey: number): void {
    this.#registry.inc(this.#own.closed_denied_key);
    this.#registry.inc(this.#apis.of(apiKey).own.denied);
  }
}
