import type { SqlDigestCache } from '../digest/cache.ts';
import { type StatIds, type StatsRegistry, statGroup } from '../stats/registry.ts';

/** What the digest caches of the workers do. */
export const digestCacheStats = statGroup('sluice.digest_cache.', {
  size: { kind: 'gauge', help: 'Digests held now, over all workers.' },
  hits: { kind: 'counter', help: 'Statements whose digest was known.' },
  misses: { kind: 'counter', help: 'Statements whose digest was new to their worker.' },
  evictions: { kind: 'counter', help: 'Digests let go to make room.' },
  truncated: { kind: 'counter', help: 'Texts longer than the digest cap: a prefix was read.' },
  parsed_inline: { kind: 'counter', help: 'New statements parsed on the data path’s loop.' },
  parsed_off_thread: { kind: 'counter', help: 'New statements parsed on the parser thread.' },
  unparsed: { kind: 'counter', help: 'New statements that the parser could not read: facts come from their tokens.' },
  parse_dropped: { kind: 'counter', help: 'New statements not parsed because too many waited: facts from tokens.' },
  parse_waiting: { kind: 'gauge', help: 'Statements that wait for the parser thread.' },
});

/** Writes a cache's own numbers into its worker's registry. */
export class DigestCacheStats {
  readonly #stats: StatsRegistry;
  readonly #cache: SqlDigestCache;
  readonly #ids: StatIds<keyof typeof digestCacheStats.stats>;

  constructor(stats: StatsRegistry, cache: SqlDigestCache) {
    this.#stats = stats;
    this.#cache = cache;
    this.#ids = stats.open(digestCacheStats);
  }

  take(): void {
    const stats = this.#stats;
    const ids = this.#ids;
    const { counts, size, evictions, waiting } = this.#cache;
    stats.set(ids.size, size);
    stats.set(ids.hits, counts.hits);
    stats.set(ids.misses, counts.misses);
    stats.set(ids.evictions, evictions);
    stats.set(ids.truncated, counts.truncated);
    stats.set(ids.parsed_inline, counts.parsedInline);
    stats.set(ids.parsed_off_thread, counts.parsedOffThread);
    stats.set(ids.unparsed, counts.unparsed);
    stats.set(ids.parse_dropped, counts.parseDropped);
    stats.set(ids.parse_waiting, waiting);
  }
}
