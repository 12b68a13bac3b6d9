import type { Labels } from './envoy-names.ts';

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';

export interface Family {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
}

/** A histogram as classic buckets: `atMost` counts what is at most a bound, in the family's own unit. */
export interface ClassicHistogram {
  readonly count: number;
  readonly sum: number;
  atMost(bound: number): number;
}

export const EXPOSITION_DROPPED: Family = {
  name: 'sluice_exposition_dropped_series',
  type: 'gauge',
  help: 'Series left out of this very page: their names met another family, or the family was full.',
};

/** Series of one family before the rest is left out (and counted). */
const MAX_SERIES = 2000;
/** Longest label value in code units: names come from users, and one must not fill the page (threats TE-06). */
const MAX_LABEL = 256;

/**
 * Writes Prometheus' text format 0.0.4. One family is one name with one type; a second type, a second series of equal
 * labels or a name that another family's samples use would make Prometheus refuse the page: strict, that throws
 * (docs and tests), else the later one is left out and counted in `sluice_exposition_dropped_series`.
 */
export class Exposition {
  readonly #families = new Map<string, { family: Family; lines: string[]; seen: Set<string> }>();
  /** Sample name → family that owns it. */
  readonly #names = new Map<string, string>();
  readonly #strict: boolean;
  readonly #dropped = { conflict: 0, limit: 0 };

  constructor({ strict = false }: { strict?: boolean } = {}) {
    this.#strict = strict;
  }

  /** One sample. `suffix` is for summaries and histograms that someone else has laid out: `_bucket`, `_sum`, `_count`. */
  add(family: Family, labels: Labels, value: number, suffix = ''): void {
    const text = labelText(labels);
    const lines = this.#series(family, suffix + text, text);
    if (lines) lines.push(`${family.name}${suffix}${braced(text)} ${number(value)}`);
  }

  histogram(family: Family, labels: Labels, histogram: ClassicHistogram, bounds: readonly number[]): void {
    const text = labelText(labels);
    const lines = this.#series(family, text, text);
    if (!lines) return;
    const before = text === '' ? '' : `${text},`;
    for (const bound of bounds)
      lines.push(`${family.name}_bucket{${before}le="${number(bound)}"} ${number(histogram.atMost(bound))}`);
    lines.push(`${family.name}_bucket{${before}le="+Inf"} ${number(histogram.count)}`);
    lines.push(`${family.name}_sum${braced(text)} ${number(histogram.sum)}`);
    lines.push(`${family.name}_count${braced(text)} ${number(histogram.count)}`);
  }

  /** The whole page, families in order of name. */
  text(): string {
    for (const [reason, n] of Object.entries(this.#dropped)) this.add(EXPOSITION_DROPPED, { reason }, n);
    const names = [...this.#families.keys()].sort();
    return names.map((name) => this.#page(name)).join('');
  }

  #page(name: string): string {
    const { family, lines } = this.#families.get(name)!;
    const help = family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    return `# HELP ${name} ${help}\n# TYPE ${name} ${family.type}\n${lines.join('\n')}\n`;
  }

  #series(family: Family, key: string, labels: string): string[] | null {
    let known = this.#families.get(family.name);
    if (!known) {
      const names = sampleNames(family);
      const taken = names.find((name) => this.#names.has(name));
      if (taken) return this.#drop('conflict', `${family.name}: ${this.#names.get(taken)} has samples named ${taken}`);
      for (const name of names) this.#names.set(name, family.name);
      known = { family, lines: [], seen: new Set() };
      this.#families.set(family.name, known);
    }
    if (known.family.type !== family.type)
      return this.#drop('conflict', `${family.name} is a ${known.family.type} and a ${family.type}`);
    if (known.seen.has(key)) return this.#drop('conflict', `${family.name}{${labels}} stands twice`);
    if (known.seen.size >= MAX_SERIES) return this.#drop('limit', `${family.name} has more than ${MAX_SERIES} series`);
    known.seen.add(key);
    return known.lines;
  }

  #drop(reason: 'conflict' | 'limit', why: string): null {
    if (this.#strict) throw new Error(`metric ${why}`);
    this.#dropped[reason]++;
    return null;
  }
}

/** All names that samples of a family may have. */
export function sampleNames({ name, type }: Pick<Family, 'name' | 'type'>): string[] {
  if (type === 'histogram') return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  return type === 'summary' ? [name, `${name}_sum`, `${name}_count`] : [name];
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([label, value]) => `${label}="${labelValue(value)}"`)
    .join(',');

/** Well-formed, without control characters (a NUL ends the page for Prometheus' lexer), cut, and escaped. */
export function labelValue(value: string): string {
  const cut = value.length > MAX_LABEL ? value.slice(0, MAX_LABEL) : value;
  if (!/[\\"\p{Cc}\p{Cs}]/u.test(cut)) return cut;
  return cut
    .replace(/(?!\n)[\p{Cc}\p{Cs}]/gu, '\ufffd')
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n');
}

const number = (value: number): string => (value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value));
