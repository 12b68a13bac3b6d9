import { type Exchange, Flag, Outcome } from '../../exchange/exchange.ts';
import { Histogram } from '../../stats/histogram.ts';
import { PacketWriter } from '../../stats/packet.ts';
import { CodeNames, errorCode, isLatency, isWait } from './rows-numbers.ts';
import { bounded } from './rows-scopes.ts';
import { writeHistogram, writeOptional } from './rows-wire.ts';

/** What a series counts; `code` is '' for success. `overflow`: all that found no room, its labels are ''. */
export interface OperationLabels {
  readonly protocol: string;
  readonly listener: string;
  readonly database: string;
  readonly operation: string;
  readonly code: string;
  readonly overflow: boolean;
}

export class OperationSeries {
  readonly labels: OperationLabels;
  calls = 0;
  /** Reads of a key that was there, and of one that was not; calls that were sent elsewhere. */
  hits = 0;
  misses = 0;
  redirected = 0;
  /** Operations or messages asked for in one, and rows or messages that came back, added up. */
  batched = 0;
  returned = 0;
  readonly time = new Histogram();
  /** Of calls that asked the server to wait; null until there is one. */
  wait: Histogram | null = null;

  constructor(labels: OperationLabels) {
    this.labels = labels;
  }
}

export const OVERFLOW: OperationLabels = {
  protocol: '',
  listener: '',
  database: '',
  operation: '',
  code: '',
  overflow: true,
};
export const MAX_SERIES = 2000;
export const OPERATIONS_VERSION = 3;
const MARKS = Flag.hit | Flag.miss | Flag.waits;

/**
 * A worker's operations by (protocol, listener, database, operation, error code), for db.client.operation.duration: few
 * series, so that they can be metrics. Bounded; the series at place 0 takes what finds no room, so the sum stays right.
 */
export class OperationStore {
  readonly series: OperationSeries[] = [new OperationSeries(OVERFLOW)];
  readonly #max: number;
  readonly #byKey = new Map<string, number>();
  readonly #codes = new CodeNames();
  readonly #dirty: Uint8Array;
  readonly #told: Uint8Array;
  readonly #writer = new PacketWriter();

  constructor(maxSeries = MAX_SERIES) {
    this.#max = maxSeries;
    this.#dirty = new Uint8Array(maxSeries + 1);
    this.#told = new Uint8Array(maxSeries + 1);
  }

  /**
   * Counts an ended exchange, once a call: neither continuations nor what the server skipped. `hint` is the series of an
   * earlier success with the same labels, or -1; returns the series to remember as hint.
   */
  record(x: Exchange, hint: number): number {
    if ((x.flags & Flag.continuation) !== 0 || x.outcome === Outcome.skipped) return hint;
    const ok = x.outcome === Outcome.ok || x.outcome === Outcome.redirected;
    const place = ok && hint >= 0 ? hint : this.#place(x, ok ? '' : this.#codes.nameOf(errorCode(x)));
    const series = this.series[place]!;
    series.calls++;
    if (x.batchSize > 0) series.batched += x.batchSize;
    if (x.rowsReturned > 0) series.returned += x.rowsReturned;
    if (isLatency(x)) series.time.record((x.replyLastByteAt - x.requestFirstByteAt) / 1000);
    if (x.outcome === Outcome.redirected) series.redirected++;
    if ((x.flags & MARKS) !== 0) mark(series, x);
    this.#dirty[place] = 1;
    return ok ? place : hint;
  }

  /** Everything with the next changes(). */
  snapshot(): void {
    this.#dirty.fill(1);
    this.#told.fill(0);
  }

  /** What changed since it was last asked, cumulative, or null. Layout: version, then place + 1, labels or not, numbers. */
  changes(): Buffer | null {
    const w = this.#writer;
    w.u8(OPERATIONS_VERSION);
    for (let place = 0; place < this.series.length; place++) {
      if (this.#dirty[place] === 0) continue;
      this.#dirty[place] = 0;
      const series = this.series[place]!;
      w.varint(place);
      w.u8(this.#told[place] === 0 ? 1 : 0);
      if (this.#told[place] === 0) {
        const l = series.labels;
        for (const text of [l.protocol, l.listener, l.database, l.operation, l.code]) w.text(text);
        this.#told[place] = 1;
      }
      const { calls, hits, misses, redirected, batched, returned } = series;
      for (const n of [calls, hits, misses, redirected, batched, returned])
        w.varint(Math.min(n, Number.MAX_SAFE_INTEGER));
      writeHistogram(w, series.time);
      writeOptional(w, series.wait);
    }
    const bytes = w.take();
    return bytes.length === 1 ? null : bytes;
  }

  #place(x: Exchange, code: string): number {
    const { protocol, listener, database } = x.session;
    const operation = x.digest?.operation ?? '';
    const key = JSON.stringify([protocol, listener, database, operation, code]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.series.length > this.#max) return 0;
    const place = this.series.length;
    this.series.push(
      new OperationSeries({
        protocol,
        listener: bounded(listener, 256),
        database: bounded(database, 256),
        operation: bounded(operation, 64),
        code,
        overflow: false,
      }),
    );
    this.#byKey.set(key, place);
    return place;
  }
}

function mark(series: OperationSeries, x: Exchange): void {
  if ((x.flags & Flag.hit) !== 0) series.hits++;
  if ((x.flags & Flag.miss) !== 0) series.misses++;
  if (!isWait(x)) return;
  series.wait ??= new Histogram();
  series.wait.record((x.replyLastByteAt - x.requestFirstByteAt) / 1000);
}
