import type { Channel, ChannelEvents } from './channel.ts';

/** Above this many bytes in one direction the channel is not writable, as a socket's would not be. */
const HIGH_WATER = 2 ** 20;

/**
 * One end of a channel within one process. Frames are handed over by reference on later turns of the event loop, so
 * neither end ever runs inside the other's call.
 */
class LocalChannel implements Channel {
  peer: LocalChannel | null = null;
  readonly #events: ChannelEvents;
  #queue: { kind: number; payload: Buffer }[] = [];
  #queued = 0;
  #scheduled = false;
  #open = true;
  #ending = false;

  constructor(events: ChannelEvents) {
    this.#events = events;
  }

  get writable(): boolean {
    return this.#open && !this.#ending && this.#queued < HIGH_WATER;
  }

  send(kind: number, payload: Uint8Array): void {
    if (!this.#open || this.#ending) return;
    this.#queue.push({ kind, payload: asBuffer(payload) });
    this.#queued += payload.length;
    this.#schedule();
  }

  end(): void {
    this.#ending = true;
    this.#schedule();
  }

  destroy(): void {
    if (!this.#open) return;
    this.#queue = [];
    this.end();
  }

  closeLater(): void {
    if (!this.#open) return;
    this.#open = false;
    setImmediate(() => this.#events.onClose());
  }

  receive(kind: number, payload: Buffer): void {
    if (this.#open) this.#events.onFrame(kind, payload);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    const wasFull = this.#queued >= HIGH_WATER;
    const frames = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    for (const { kind, payload } of frames) this.peer?.receive(kind, payload);
    if (this.#ending && this.#queue.length === 0) {
      this.peer?.closeLater();
      this.closeLater();
    } else if (wasFull && this.#open) this.#events.onDrain();
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Two ends that are each other's peer. `near` hears onOpen on a later turn. */
export function localChannel(near: ChannelEvents, far: ChannelEvents): [near: Channel, far: Channel] {
  const a = new LocalChannel(near);
  const b = new LocalChannel(far);
  a.peer = b;
  b.peer = a;
  setImmediate(() => near.onOpen());
  return [a, b];
}
