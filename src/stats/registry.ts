import { Histogram } from './histogram.ts';

export type StatKind = 'counter' | 'gauge' | 'histogram';

/** One stat of a group. Counters and gauges are numbers; histograms are durations in seconds inside, whatever Envoy prints. */
export interface StatDeclaration {
  readonly kind: StatKind;
  readonly help: string;
  /**
   * Gauges: how the values of several workers become one. `sum` (the default) for what each holds a part of, `max` for
   * what all of them know alike (hosts of a cluster, a state, a version).
   */
  readonly merge?: 'sum' | 'max';
}

/**
 * Stats that live and die together, declared once where they are counted: `{ prefix: 'postgres.<stat_prefix>.', stats }`.
 * Envoy's groups carry Envoy's dotted names; ours begin with `sluice.`. `<word>` parts are filled in when the group is
 * opened and become Prometheus labels. docs/metrics.md is generated from the groups.
 */
export interface StatGroup<K extends string = string> {
  readonly prefix: string;
  readonly stats: Readonly<Record<K, StatDeclaration>>;
}

export const statGroup = <K extends string>(prefix: string, stats: Record<K, StatDeclaration>): StatGroup<K> => ({
  prefix,
  stats,
});

/** What opening a group gives: an index a stat, for add() and set(), or for histogram(). Resolve once, count for ever. */
export type StatIds<K extends string> = Readonly<Record<K, number>>;

/** A registered stat, with its group's pattern, so that exposition can tell labels from names. */
export interface RegisteredStat {
  readonly id: number;
  readonly name: string;
  /** `postgres.<stat_prefix>.sessions` */
  readonly pattern: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kind: StatKind;
  readonly help: string;
  readonly merge: 'sum' | 'max';
}

/**
 * All numbers of one process: a typed array that counting code indexes (26 ns against 1 µs for a labelled metric object)
 * and an append-only list of what each index means.
 */
export class StatsRegistry {
  readonly list: RegisteredStat[] = [];
  readonly histograms: (Histogram | null)[] = [];
  values = new Float64Array(256);
  readonly #byName = new Map<string, number>();

  add(id: number, n: number): void {
    this.values[id]! += n;
  }

  inc(id: number): void {
    this.values[id]!++;
  }

  set(id: number, value: number): void {
    this.values[id] = value;
  }

  get(id: number): number {
    return this.values[id]!;
  }

  histogram(id: number): Histogram {
    const histogram = this.histograms[id];
    if (!histogram) throw new Error(`stat ${id} is not a histogram`);
    return histogram;
  }

  /** Registers a group under the given parts. Opening the same group with the same parts again gives the same ids. */
  open<K extends string>(group: StatGroup<K>, parts: Readonly<Record<string, string>> = {}): StatIds<K> {
    const ids = {} as Record<K, number>;
    for (const key of Object.keys(group.stats) as K[]) ids[key] = this.#register(group, key, parts);
    return ids;
  }

  /** Current value of a stat by its full dotted name; undefined if there is none. For tests and /stats. */
  value(name: string): number | undefined {
    const id = this.#byName.get(name);
    return id === undefined ? undefined : this.values[id];
  }

  #register(group: StatGroup, key: string, parts: Readonly<Record<string, string>>): number {
    // Colons in stat names become underscores (Envoy).
    const prefix = group.prefix.replace(/<(\w+)>/g, (_, part: string) => (parts[part] ?? '').replaceAll(':', '_'));
    const name = prefix + key;
    const declaration = group.stats[key]!;
    const known = this.#byName.get(name);
    if (known !== undefined) {
      const kind = this.list[known]!.kind;
      if (kind !== declaration.kind)
        throw new Error(`stat ${name} is a ${kind}, and was opened as a ${declaration.kind}`);
      return known;
    }
    const id = this.list.length;
    if (id === this.values.length) {
      const grown = new Float64Array(id * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.list.push({
      id,
      name,
      pattern: group.prefix + key,
      labels: parts,
      kind: declaration.kind,
      help: declaration.help,
      merge: declaration.merge ?? 'sum',
    });
    this.histograms.push(declaration.kind === 'histogram' ? new Histogram() : null);
    this.#byName.set(name, id);
    return id;
  }
}
