import { isDeepStrictEqual } from 'node:util';
import type { FilterConfig, ListenerConfig } from '../config/snapshot.ts';
import type { FilterBuilder } from '../net/filter.ts';

/**
 * The links of one listener that take over a new configuration while their connections live on. Their builders outlive the
 * listener's own configuration: the chains of before and those of now have links of the same builder, so that a policy
 * counts, and changes, for all of them together.
 */
export class LiveLinks {
  #protocol = '';
  /** By `@type` and its how-manieth in the chain. One that the configuration has no longer stays: it may come back. */
  readonly #builders = new Map<string, FilterBuilder>();

  /** Gives the builders the new configuration; those that cannot take it are forgotten. `protocol`: the chain's `@type`. */
  update(filters: readonly FilterConfig[], protocol: string): void {
    const configs = new Map(keyed(filters));
    for (const [key, builder] of this.#builders) {
      const config = protocol === this.#protocol ? (configs.get(key)?.config ?? null) : null;
      const taken = builder.update!(config);
      if (!taken || protocol !== this.#protocol) this.#builders.delete(key);
    }
    this.#protocol = protocol;
  }

  /** The chain's builders: those that there are already, and new ones. */
  build(filters: readonly FilterConfig[], make: (filter: FilterConfig) => FilterBuilder): FilterBuilder[] {
    return keyed(filters).map(([key, filter]) => {
      const known = this.#builders.get(key);
      if (known !== undefined) return known;
      const builder = make(filter);
      if (builder.update !== undefined) this.#builders.set(key, builder);
      return builder;
    });
  }

  /** True where `after` is `before` but for configurations that these links have taken over. */
  suffices(before: ListenerConfig, after: ListenerConfig): boolean {
    const blank = ({ filterChains, ...rest }: ListenerConfig) => ({
      ...rest,
      filterChains: filterChains.map(({ filters, ...chain }) => ({
        ...chain,
        filters: keyed(filters).map(([key, filter]) => ({
          ...filter,
          config: this.#builders.has(key) || filter.config,
        })),
      })),
    });
    return isDeepStrictEqual(blank(before), blank(after));
  }
}

function keyed(filters: readonly FilterConfig[]): [key: string, filter: FilterConfig][] {
  const seen = new Map<string, number>();
  return filters.map((filter) => {
    const nth = seen.get(filter.typeUrl) ?? 0;
    seen.set(filter.typeUrl, nth + 1);
    return [`${filter.typeUrl} ${nth}`, filter];
  });
}
