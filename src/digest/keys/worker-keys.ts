import type { KeySink } from '../../exchange/key-sink.ts';
import { PacketWriter } from '../../stats/packet.ts';
import { HeavyKeys } from './heavy-keys.ts';
import { writeKeys } from './keys-wire.ts';

/** The heavy keys of one listener, from its first key on: a listener whose protocol has none costs nothing. */
class ListenerKeySink implements KeySink {
  keys: HeavyKeys | null = null;
  /** `keys.version` that facts was told last. */
  told = 0;

  touch(buf: Uint8Array, start: number, end: number, bytes: number, ms: number): void {
    this.keys ??= new HeavyKeys();
    // One time that is none must not poison the sum for ever.
    this.keys.touch(buf, start, end, bytes, ms > 0 && ms < Infinity ? ms : 0);
  }
}

/** A worker's heavy keys, by listener. They outlive their listener's configuration: counts go on where they were. */
export class WorkerKeys {
  readonly #sinks = new Map<string, ListenerKeySink>();
  readonly #writer = new PacketWriter();

  /** The one sink of a listener. */
  of(listener: string): KeySink {
    let sink = this.#sinks.get(listener);
    if (sink === undefined) {
      sink = new ListenerKeySink();
      this.#sinks.set(listener, sink);
    }
    return sink;
  }

  /** Everything with the next changes(). */
  snapshot(): void {
    for (const sink of this.#sinks.values()) sink.told = 0;
  }

  /**
   * One buffer (keys-wire.ts) a listener that had a key since it was last asked. Cumulative and whole: each replaces the
   * listener's last. About half a millisecond a listener.
   */
  *changes(): Generator<Buffer> {
    for (const [listener, sink] of this.#sinks) {
      if (sink.keys === null || sink.keys.version === sink.told) continue;
      sink.told = sink.keys.version;
      yield writeKeys({ listener, snapshot: sink.keys.snapshot() }, this.#writer);
    }
  }
}
