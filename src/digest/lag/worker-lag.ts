import type { LagSink } from '../../exchange/lag-sink.ts';
import { PacketWriter } from '../../stats/packet.ts';
import { LagTable } from './lag-table.ts';
import { type LagClock, writeLag } from './lag-wire.ts';

/** What a worker has heard of logs and their readers, by listener. It outlives the listener's configuration. */
export class WorkerLag {
  readonly #tables = new Map<string, LagTable>();
  readonly #writer = new PacketWriter();
  readonly #clock: LagClock;

  constructor(clock: LagClock) {
    this.#clock = clock;
  }

  /** The one sink of a listener. One whose protocol has no logs costs nothing. */
  of(listener: string): LagSink {
    let table = this.#tables.get(listener);
    if (table === undefined) {
      table = new LagTable(() => this.#clock.now());
      this.#tables.set(listener, table);
    }
    return table;
  }

  /** Everything with the next changes(). */
  snapshot(): void {
    for (const table of this.#tables.values()) table.snapshot();
  }

  /** A buffer (lag-wire.ts) a listener of which there is something new. */
  *changes(): Generator<Buffer> {
    for (const [listener, table] of this.#tables) {
      const told = table.changes();
      if (told !== null) yield writeLag(listener, told, this.#clock.wall(), this.#writer);
    }
  }
}
