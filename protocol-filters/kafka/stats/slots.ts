import type { StatGroup, StatIds, StatsRegistry } from '../../../src/stats/registry.ts';

/** The name of those that found no room. */
export const OTHER = 'other';
/** The name of those without one. */
const NOBODY = '_';

/**
 * Stats by a name that comes from the wire: the first `max` names have their own, all later ones share `other`. Nothing is
 * lost: own and other add up. Names are text that may be shown.
 */
export class Slots<K extends string> {
  readonly #registry: StatsRegistry;
  readonly #group: StatGroup<K>;
  readonly #part: string;
  readonly #statPrefix: string;
  readonly #max: number;
  readonly #slots = new Map<string, Slot<K>>();
  #other: Slot<K> | null = null;

  constructor(registry: StatsRegistry, group: StatGroup<K>, part: string, statPrefix: string, max: number) {
    this.#registry = registry;
    this.#group = group;
    this.#part = part;
    this.#statPrefix = statPrefix;
    this.#max = max;
  }

  /** Of all names that found no room. */
  get other(): Slot<K> {
    this.#other ??= this.#open(OTHER);
    return this.#other;
  }

  of(name: string): Slot<K> {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    if (this.#slots.size >= this.#max) return this.other;
    const slot = this.#open(name === '' ? NOBODY : name);
    this.#slots.set(name, slot);
    return slot;
  }

  #open(name: string): Slot<K> {
    const ids = this.#registry.open(this.#group, { stat_prefix: this.#statPrefix, [this.#part]: name });
    return { name, ids, more: [] };
  }
}

export interface Slot<K extends string> {
  /** As it stands in the stats' names. */
  readonly name: string;
  readonly ids: StatIds<K>;
  /** Ids of further stats of this name, once they are needed (a topic's codecs). */
  readonly more: number[];
}

/** A name as sessions hold it. It takes its slot when something is first counted, so that to ask for a name costs no series. */
export class Counts<K extends string> {
  readonly name: string;
  slot: Slot<K> | null = null;

  constructor(name: string) {
    this.name = name;
  }
}

/** A topic, a client, a group. */
export interface Named<K extends string> {
  readonly name: string;
  readonly counts: Counts<K>;
}
