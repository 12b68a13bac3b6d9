import { Histogram } from '../../stats/histogram.ts';
import { PacketReader } from '../../stats/packet.ts';
import { difference } from './rows-numbers.ts';
import { MAX_SERIES, OPERATIONS_VERSION, type OperationLabels, OperationSeries, OVERFLOW } from './rows-operations.ts';
import { readHistogram } from './rows-wire.ts';

interface Source {
  series: OperationSeries;
  calls: number;
  time: Histogram;
}

interface Told {
  place: number;
  labels: OperationLabels | null;
  calls: number;
  time: Histogram;
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
      source = { series, calls: 0, time: new Histogram() };
      sources.set(part.place, source);
    }
    source.series.calls += part.calls - source.calls;
    source.series.time.add(difference(part.time, source.time));
    source.calls = part.calls;
    source.time = part.time;
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
    const time = new Histogram();
    readHistogram(r, time);
    told.push({ place, labels, calls, time });
  }
  return r.bad ? null : told;
}
