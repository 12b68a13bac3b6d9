import type { ServerResponse } from 'node:http';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import { adminStats } from './admin-stats.ts';
import type { AdminSource, ExchangeEvent } from './source.ts';

/** Readers at once; the next one is told 503. */
export const MAX_READERS = 16;
/** Events a second and reader: the stream is for eyes. */
export const MAX_EVENTS_PER_SECOND = 500;
/** What one reader may leave unread in our memory. */
const MAX_PENDING_BYTES = 256 * 1024;
const HEARTBEAT_MS = 15_000;
/** A reader that takes nothing for this long is let go. */
const STALLED_MS = 30_000;

interface Reader {
  readonly response: ServerResponse;
  dropped: number;
  /** When it last took everything, monotonic ms. */
  tookAt: number;
}

/**
 * `/api/exchanges`: server-sent events, one `exchange` each, and `dropped` {"dropped": n} in the place of those that the
 * reader or the rate had no room for. Watches the source only while someone reads.
 */
export class ExchangeStream {
  readonly #source: AdminSource;
  readonly #stats: StatsRegistry;
  readonly #ids: StatIds<keyof typeof adminStats.stats>;
  readonly #readers = new Set<Reader>();
  #unwatch: (() => void) | null = null;
  #heart: ReturnType<typeof setInterval> | null = null;
  #second = 0;
  #sentThisSecond = 0;

  constructor(source: AdminSource, stats: StatsRegistry) {
    this.#source = source;
    this.#stats = stats;
    this.#ids = stats.open(adminStats);
  }

  get full(): boolean {
    return this.#readers.size >= MAX_READERS;
  }

  /** Takes over a response whose head is written. */
  join(response: ServerResponse): void {
    const reader: Reader = { response, dropped: 0, tookAt: performance.now() };
    response.write(': exchanges as they end\n\n');
    this.#readers.add(reader);
    this.#unwatch ??= this.#source.watchExchanges((event) => this.#take(event));
    this.#heart ??= setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#stats.set(this.#ids.stream_readers, this.#readers.size);
    response.on('drain', () => {
      reader.tookAt = performance.now();
    });
    response.on('close', () => this.#leave(reader));
  }

  /** Ends every stream. */
  close(): void {
    for (const reader of [...this.#readers]) {
      reader.response.end();
      this.#leave(reader);
    }
  }

  #take(event: ExchangeEvent): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sentThisSecond = 0;
    }
    const inTime = ++this.#sentThisSecond <= MAX_EVENTS_PER_SECOND;
    const line = inTime ? `event: exchange\ndata: ${JSON.stringify(event)}\n\n` : '';
    for (const reader of this.#readers) {
      if (!inTime || reader.response.writableLength > MAX_PENDING_BYTES) {
        reader.dropped++;
        this.#stats.inc(this.#ids.stream_dropped);
        continue;
      }
      this.#tellDropped(reader);
      this.#write(reader, line);
      this.#stats.inc(this.#ids.stream_events);
    }
  }

  #tellDropped(reader: Reader): void {
    if (reader.dropped === 0 || reader.response.writableLength > MAX_PENDING_BYTES) return;
    this.#write(reader, `event: dropped\ndata: {"dropped":${reader.dropped}}\n\n`);
    reader.dropped = 0;
  }

  #write(reader: Reader, line: string): void {
    if (reader.response.write(line)) reader.tookAt = performance.now();
  }

  #beat(): void {
    for (const reader of [...this.#readers]) {
      this.#tellDropped(reader);
      if (!reader.response.writableNeedDrain) this.#write(reader, ': still here\n\n');
      else if (performance.now() - reader.tookAt > STALLED_MS) reader.response.destroy();
    }
  }

  #leave(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.#stats.set(this.#ids.stream_readers, this.#readers.size);
    if (this.#readers.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = null;
    if (this.#heart) clearInterval(this.#heart);
    this.#heart = null;
  }
}
