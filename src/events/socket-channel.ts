import { connect, type Socket } from 'node:net';
import type { Channel, ChannelEvents, Dial } from './channel.ts';
import { FrameReader, frameHeader } from './frame-reader.ts';

/** Frames over a stream socket. `malformed` is called once if the other end sends something else; the channel closes. */
export class SocketChannel implements Channel {
  readonly #socket: Socket;
  #closed = false;

  constructor(socket: Socket, events: ChannelEvents, malformed: () => void = () => {}) {
    this.#socket = socket;
    const frames = new FrameReader((kind, payload) => {
      if (!this.#closed) events.onFrame(kind, payload);
    });
    socket.on('connect', () => events.onOpen());
    socket.on('data', (chunk: Buffer) => {
      if (this.#closed || frames.push(chunk)) return;
      malformed();
      this.destroy();
    });
    socket.on('drain', () => events.onDrain());
    socket.on('error', () => {}); // 'close' follows and says enough
    socket.on('close', () => {
      this.#closed = true;
      events.onClose();
    });
  }

  get writable(): boolean {
    const socket = this.#socket;
    return !this.#closed && !socket.connecting && socket.writable && !socket.writableNeedDrain;
  }

  send(kind: number, payload: Uint8Array): void {
    const socket = this.#socket;
    if (this.#closed || !socket.writable) return;
    socket.cork();
    socket.write(frameHeader(kind, payload.length));
    if (payload.length > 0) socket.write(payload);
    socket.uncork();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Dials facts at the path of its unix socket. */
export const dialSocket =
  (path: string): Dial =>
  (events) =>
    new SocketChannel(connect({ path }), events);
