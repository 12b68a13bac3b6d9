import { Histogram } from '../../stats/histogram.ts';
import { PacketReader } from '../../stats/packet.ts';
import { difference } from './rows-numbers.ts';
import { MAX_SERIES, OPERATIONS_VERSION, type OperationLabels, OperationSeries, OVERFLOW } from './rows-operations.ts';
import { readHistogram, readOptional } from './rows-wire.ts';

/** What a worker said of a series last: cumulative. */
interface Numbers {
  calls: number;
  hits: number;
  misses: number;
  redirected: number;
  batched: number;
  returned: number;
  time: Histogram;
  wait: Histogram | null;
}

interface Source {
  series: OperationSeries;
  last: Numbers;
}

interface Told {
  place: number;
  labels: OperationLabels | null;
  numbers: Numbers;
}

/** The operation series of all workers, added up; as MergedRows: what a dead worker had counted stays. */
export class MergedOperations {
  /** The first one is the overflow. */
  readonly series: OperationSeries[] = [new OperationSeries(OVERFLOW)];
  malformed = 0;
  stale = 0;
  readonly #max: number;
  readonly #byKey = new Map<string, OperationSeries>();
  readonly #workers = new Map<string, Map<number, Source>>();
  readonly #retired = new Map<number, number>();

  constructor(maxSeries = MAX_SERIES) {
    this.#max = maxSeries;
  }

  /** Applies an OperationStore.changes() buffer, whole or not at all. False: it was malformed or stale, and counted. */
  apply(worker: number, incarnation: number, buf: Buffer): boolean {
    if (incarnation <= (this.#retired.get(worker) ?? -1)) {
      this.stale++;
      return false;
    }
    const told = decode(buf);
    if (told === null) {
      this.malformed++;
      return false;
    }
    const life = `${worker}.${incarnation}`;
    let sources = this.#workers.get(life);
    if (sources === undefined) {
      sources = new Map();
      this.#workers.set(life, sources);
    }
    for (const part of told) this.#part(sources, part);
    return true;
  }

  retire(worker: number, incarnation: number): void {
    this.#retired.set(worker, Math.max(incarnation, this.#retired.get(worker) ?? -1));
    this.#workers.delete(`${worker}.${incarnation}`);
  }

  #part(sources: Map<number, Source>, part: Told): void {
    let source = sources.get(part.place);
    if (source === undefined) {
      if (part.labels === null) return;
      const series = part.place === 0 ? this.series[0]! : this.#seriesOf(part.labels);
      source = { series, last: NOTHING };
      sources.set(part.place, source);
    }
    const { series, last } = source;
    const { numbers } = part;
    series.calls += numbers.calls - last.calls;
    series.hits += numbers.hits - last.hits;
    series.misses += numbers.misses - last.misses;
    series.redirected += numbers.redirected - last.redirected;
    series.batched += numbers.batched - last.batched;
    series.returned += numbers.returned - last.returned;
    series.time.add(difference(numbers.time, last.time));
    if (numbers.wait !== null) {
      series.wait ??= new Histogram();
      series.wait.add(last.wait === null ? numbers.wait : difference(numbers.wait, last.wait));
    }
    source.last = numbers;
  }

  #seriesOf(l: OperationLabels): OperationSeries {
    const key = JSON.stringify([l.protocol, l.listener, l.database, l.operation, l.code]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.series.length > this.#max) return this.series[0]!;
    const series = new OperationSeries(l);
    this.series.push(series);
    this.#byKey.set(key, series);
    return series;
  }
}

const NOTHING: Numbers = {
  calls: 0,
  hits: 0,
  misses: 0,
  redirected: 0,
  batched: 0,
  returned: 0,
  time: new Histogram(),
  wait: null,
};

function decode(buf: Buffer): Told[] | null {
  const r = new PacketReader(buf);
  const told: Told[] = [];
  if (r.u8() !== OPERATIONS_VERSION) return null;
  while (r.left > 0 && !r.bad) {
    const place = r.varint();
    let labels: OperationLabels | null = null;
    if (r.u8() === 1) {
      labels = {
        protocol: r.text(),
        listener: r.text(),
        database: r.text(),
        operation: r.text(),
        code: r.text(),
        overflow: false,
      };
    }
    const calls = r.varint();
    const hits = r.varint();
    const misses = r.varint();
    const redirected = r.varint();
    const batched = r.varint();
    const returned = r.varint();
    const time = new Histogram();
    readHistogram(r, time);
    const wait = readOptional(r);
    told.push({ place, labels, numbers: { calls, hits, misses, redirected, batched, returned, time, wait } });
  }
  return r.bad ? null : told;
}
