import { Histogram, type HistogramData } from './histogram.ts';
import type { RegisteredStat, StatKind, StatsRegistry } from './registry.ts';
import { decodeStats, type StatsUpdate } from './transfer.ts';

/** One stat of the whole server: summed over its processes. Valid until the next list(). */
export interface MergedStat {
  readonly name: string;
  /** Its name before the parts were filled in, `cluster.<cluster_name>.upstream_cx_total`, and the parts. */
  readonly pattern: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kind: StatKind;
  readonly help: string;
  /** Counters and gauges. */
  readonly value: number;
  /** Histograms; null for the others. */
  readonly histogram: Histogram | null;
}

/**
 * What became of a batch. `need_full`: one before it is missing (or this receiver is new): ask the worker for a full one.
 * `stale`: from an incarnation that is gone. `bad`: it does not decode.
 */
export type ApplyResult = 'applied' | 'need_full' | 'stale' | 'bad';

class Entry implements MergedStat {
  readonly name: string;
  readonly pattern: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kind: StatKind;
  readonly help: string;
  readonly merge: 'sum' | 'max';
  readonly histogram: Histogram | null;
  value = 0;
  /** What the dead left behind: counters go on, gauges do not. */
  retired = 0;
  readonly retiredHistogram: Histogram | null;
  /** Someone alive has it, or someone dead counted it. */
  live = false;

  constructor(stat: RegisteredStat) {
    this.name = stat.name;
    this.pattern = stat.pattern;
    this.labels = stat.labels;
    this.kind = stat.kind;
    this.help = stat.help;
    this.merge = stat.merge;
    this.histogram = stat.kind === 'histogram' ? new Histogram() : null;
    this.retiredHistogram = stat.kind === 'histogram' ? new Histogram() : null;
  }

  restart(): void {
    this.live = this.kind !== 'gauge';
    this.value = this.retired;
    if (!this.histogram || !this.retiredHistogram) return;
    this.histogram.clear();
    this.histogram.add(this.retiredHistogram);
  }

  take(value: number, data: HistogramData | null | undefined): void {
    if (this.kind !== 'gauge' || this.merge === 'sum') this.value += value;
    else this.value = this.live ? Math.max(this.value, value) : value;
    if (data) this.histogram?.add(data);
    this.live = true;
  }

  retire(value: number, data: HistogramData | null | undefined): void {
    if (this.kind === 'counter') this.retired += value;
    if (data) this.retiredHistogram?.add(data);
  }
}

/** What one worker has told, by its own ids. `null`: another process registered the same name as another kind. */
interface Reporter {
  readonly incarnation: number;
  sequence: number;
  readonly entries: (Entry | null)[];
  readonly values: number[];
  readonly histograms: (HistogramData | null)[];
}

/**
 * The numbers of all processes as one. Sums by name; what a dead worker counted stays counted, what its gauges said is
 * gone with it. Lives in the facts process; when that one restarts, counts of workers that died before are forgotten
 * (to Prometheus: a counter reset).
 */
export class MergedStats {
  readonly #entries = new Map<string, Entry>();
  #sorted: Entry[] | null = null;
  readonly #workers = new Map<number, Reporter>();
  readonly #gone = new Map<number, number>();
  readonly #locals: { readonly registry: StatsRegistry; readonly entries: (Entry | null)[] }[] = [];

  /**
   * Takes a worker's batch. `incarnation` rises each time the worker's process is replaced: the first batch of a newer
   * one retires the older. Never throws, whatever the payload holds.
   */
  apply(worker: number, incarnation: number, payload: Buffer): ApplyResult {
    if (incarnation <= (this.#gone.get(worker) ?? -1)) return 'stale';
    const update = decodeStats(payload);
    if (!update) return 'bad';
    const current = this.#workers.get(worker);
    if (current && incarnation < current.incarnation) return 'stale';
    const same = current?.incarnation === incarnation;
    if (update.full) {
      if (current && !same) this.#retire(worker, current);
      this.#workers.set(
        worker,
        this.#take({ incarnation, sequence: 0, entries: [], values: [], histograms: [] }, update),
      );
      return 'applied';
    }
    if (!current || !same || update.sequence !== current.sequence + 1) return 'need_full';
    if (update.firstNew !== current.entries.length) return 'need_full';
    this.#take(current, update);
    return 'applied';
  }

  /** The process is dead: its counters are kept, its gauges dropped, and late batches of it refused. */
  workerGone(worker: number, incarnation: number): void {
    const current = this.#workers.get(worker);
    if (current && current.incarnation <= incarnation) this.#retire(worker, current);
    this.#gone.set(worker, Math.max(incarnation, this.#gone.get(worker) ?? -1));
  }

  /** Adds a registry of this very process; it is read, live, at each list(). */
  local(registry: StatsRegistry): void {
    this.#locals.push({ registry, entries: [] });
  }

  /** Every stat by name, in order. The array and its objects are reused: read them before the next call. */
  list(): readonly MergedStat[] {
    for (const { registry, entries } of this.#locals)
      for (const stat of registry.list.slice(entries.length)) entries.push(this.#entry(stat));
    for (const entry of this.#entries.values()) entry.restart();
    for (const { entries, values, histograms } of this.#workers.values())
      for (const [id, entry] of entries.entries()) entry?.take(values[id]!, histograms[id]);
    for (const { registry, entries } of this.#locals)
      for (const [id, entry] of entries.entries()) entry?.take(registry.get(id), registry.histograms[id]);
    // by code unit, not by locale: the order is part of the output
    this.#sorted ??= [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted.filter((entry) => entry.live);
  }

  #entry(stat: RegisteredStat): Entry | null {
    const known = this.#entries.get(stat.name);
    if (known) return known.kind === stat.kind ? known : null;
    const entry = new Entry(stat);
    this.#entries.set(stat.name, entry);
    this.#sorted = null;
    return entry;
  }

  #take(reporter: Reporter, update: StatsUpdate): Reporter {
    for (const stat of update.stats) {
      reporter.entries.push(this.#entry(stat));
      reporter.values.push(0);
      reporter.histograms.push(null);
    }
    for (const [id, value] of update.values) reporter.values[id] = value;
    for (const [id, data] of update.histograms) reporter.histograms[id] = data;
    reporter.sequence = update.sequence;
    return reporter;
  }

  #retire(worker: number, { entries, values, histograms }: Reporter): void {
    for (const [id, entry] of entries.entries()) entry?.retire(values[id]!, histograms[id]);
    this.#workers.delete(worker);
  }
}
