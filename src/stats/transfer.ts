import { type Histogram, type HistogramData, MAX_INDEX, MIN_INDEX } from './histogram.ts';
import { PacketReader, PacketWriter } from './packet.ts';
import type { RegisteredStat, StatKind, StatsRegistry } from './registry.ts';

/**
 * A worker's numbers on their way to the facts process, once a second. Values are cumulative, so a batch that is never
 * sent costs nothing but freshness; a stat's name travels once.
 *
 *   u8 format (1)   u8 full?1:0   varint sequence   varint first new id
 *   varint n × { u8 kind, u8 merge, text name, pattern, help, varint m × { text label, value } }      new stats
 *   varint n × { varint id, f64 value }                                                                changed values
 *   varint n × { varint id, f64 sum, f64 max, varint first − MIN_INDEX, varint m × varint count }      changed histograms
 */
const FORMAT = 1;
const KINDS: readonly StatKind[] = ['counter', 'gauge', 'histogram'];

/** What one batch says. `sequence` rises by one a batch; a full one stands alone, whatever came before. */
export interface StatsUpdate {
  readonly full: boolean;
  readonly sequence: number;
  readonly firstNew: number;
  readonly stats: readonly RegisteredStat[];
  readonly values: readonly (readonly [id: number, value: number])[];
  readonly histograms: readonly (readonly [id: number, data: HistogramData])[];
}

/**
 * Encodes one registry, again and again. When a batch made by changes() is thrown away or lost, or the receiver is a new
 * one, the next batch must be full().
 */
export class StatsSender {
  readonly #registry: StatsRegistry;
  readonly #writer = new PacketWriter();
  #sequence = 0;
  #named = 0;
  #sent = new Float64Array(0);
  /** Recorded values of each histogram when it was last sent. */
  #sentCounts = new Float64Array(0);

  constructor(registry: StatsRegistry) {
    this.#registry = registry;
  }

  /** Everything: for a new receiver, and after a batch was lost. */
  full(): Buffer {
    this.#named = 0;
    this.#sent.fill(0);
    this.#sentCounts.fill(0);
    return this.#encode(true);
  }

  /** What changed since the last batch; the first one is full. */
  changes(): Buffer {
    return this.#encode(this.#sequence === 0);
  }

  #encode(full: boolean): Buffer {
    const { list, values, histograms } = this.#registry;
    const out = this.#writer;
    this.#makeRoom(list.length);
    out.u8(FORMAT);
    out.u8(full ? 1 : 0);
    out.varint(++this.#sequence);
    out.varint(this.#named);
    out.varint(list.length - this.#named);
    for (; this.#named < list.length; this.#named++) writeStat(out, list[this.#named]!);

    const changed: number[] = [];
    for (let id = 0; id < list.length; id++) if (finite(values[id]!) !== this.#sent[id]) changed.push(id);
    out.varint(changed.length);
    for (const id of changed) {
      out.varint(id);
      this.#sent[id] = finite(values[id]!);
      out.f64(this.#sent[id]!);
    }

    const moved: number[] = [];
    for (let id = 0; id < list.length; id++) {
      const histogram = histograms[id];
      if (histogram && histogram.count !== this.#sentCounts[id]) moved.push(id);
    }
    out.varint(moved.length);
    for (const id of moved) {
      const histogram = histograms[id]!;
      out.varint(id);
      writeHistogram(out, histogram);
      this.#sentCounts[id] = histogram.count;
    }
    return out.take();
  }

  #makeRoom(stats: number): void {
    if (stats <= this.#sent.length) return;
    const sent = new Float64Array(stats * 2);
    sent.set(this.#sent);
    this.#sent = sent;
    const counts = new Float64Array(stats * 2);
    counts.set(this.#sentCounts);
    this.#sentCounts = counts;
  }
}

/** One gauge set to nonsense must not cost the whole batch. */
const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

function writeStat(out: PacketWriter, stat: RegisteredStat): void {
  out.u8(KINDS.indexOf(stat.kind));
  out.u8(stat.merge === 'max' ? 1 : 0);
  out.text(stat.name);
  out.text(stat.pattern);
  out.text(stat.help);
  const labels = Object.entries(stat.labels);
  out.varint(labels.length);
  for (const [label, value] of labels) {
    out.text(label);
    out.text(value);
  }
}

function writeHistogram(out: PacketWriter, histogram: Histogram): void {
  const { counts } = histogram;
  let start = 0;
  let end = counts.length;
  while (start < end && counts[start] === 0) start++;
  while (end > start && counts[end - 1] === 0) end--;
  out.f64(histogram.sum);
  out.f64(histogram.max);
  out.varint(start < end ? histogram.first + start - MIN_INDEX : 0);
  out.varint(end - start);
  for (let i = start; i < end; i++) out.varint(counts[i]!);
}

/** Reads a batch; null for anything that is not one, to the last byte. Memory is bounded by the payload's own length. */
export function decodeStats(payload: Buffer): StatsUpdate | null {
  const from = new PacketReader(payload);
  if (from.u8() !== FORMAT) return null;
  const full = from.u8() === 1;
  const sequence = from.varint();
  const firstNew = from.varint();

  const stats: RegisteredStat[] = [];
  for (let n = from.count(6); n > 0 && !from.bad; n--) {
    const stat = readStat(from, firstNew + stats.length);
    if (stat) stats.push(stat);
  }
  const known = firstNew + stats.length;

  const values: [number, number][] = [];
  for (let n = from.count(9); n > 0 && !from.bad; n--) {
    const id = from.varint();
    const value = from.f64();
    if (id >= known || !Number.isFinite(value)) return null;
    values.push([id, value]);
  }

  const histograms: [number, HistogramData][] = [];
  for (let n = from.count(19); n > 0 && !from.bad; n--) {
    const id = from.varint();
    const data = readHistogram(from);
    if (id >= known || !data) return null;
    histograms.push([id, data]);
  }
  if (from.bad || from.left > 0 || (full && firstNew !== 0)) return null;
  return { full, sequence, firstNew, stats, values, histograms };
}

function readStat(from: PacketReader, id: number): RegisteredStat | null {
  const kind = KINDS[from.u8()];
  const merge = from.u8() === 1 ? 'max' : 'sum';
  const name = from.text();
  const pattern = from.text();
  const help = from.text();
  const labels: [string, string][] = [];
  for (let n = from.count(2); n > 0 && !from.bad; n--) labels.push([from.text(), from.text()]);
  if (!kind) from.bad = true;
  // fromEntries defines keys of its own, `__proto__` too
  return kind && !from.bad ? { id, name, pattern, help, kind, merge, labels: Object.fromEntries(labels) } : null;
}

function readHistogram(from: PacketReader): HistogramData | null {
  const sum = from.f64();
  const max = from.f64();
  const first = from.varint() + MIN_INDEX;
  const buckets = from.count(1);
  if (!(sum >= 0 && sum < Infinity && max >= 0 && max < Infinity) || first + buckets - 1 > MAX_INDEX) return null;
  const counts = new Float64Array(buckets);
  let count = 0;
  for (let i = 0; i < buckets; i++) {
    counts[i] = from.varint();
    count += counts[i]!;
  }
  return from.bad ? null : { count, sum, max, first, counts };
}
