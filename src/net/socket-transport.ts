import type { Socket } from 'node:net';
import { ipAddress, pipeAddress, UNNAMED } from './address.ts';
import { adopt } from './onread.ts';
import { giveLarge, LARGE_READ, lending, mayShare, sharedBuffer, takeLarge } from './read-buffers.ts';
import type { Address, CloseHow, Transport, TransportEvents } from './transport.ts';

/** How long closeAfterFlush() waits for the peer's FIN (Envoy's delayed close). */
const LINGER_MS = 1000;
const EMPTY = new Uint8Array(0);

/**
 * A Transport over a real socket.
 *
 * Life: reading starts with the first readDisable(false)-balanced tick after creation; 'end' → onEnd, 'close' → onClose,
 * once. Errors only set the reason that onClose gives: no 'error' is ever unhandled.
 */
export class SocketTransport implements Transport {
  events: TransportEvents;
  remote: Address;
  local: Address = UNNAMED;
  readonly #socket: Socket;
  #disabled = 0;
  #high = 1 << 20;
  #above = false;
  #own: Buffer | null = null;
  #large = false;
  /** Large buffers whose slices wait in the socket, in write order; null = nothing to give back. */
  readonly #lent: (Buffer | null)[] = [];
  #code = '';
  #discarding = false;
  #reset = false;
  #closed = false;

  /** For accepted sockets; reading starts at once (on the next tick). */
  static accepted(socket: Socket, events: TransportEvents, highWaterMark: number): SocketTransport {
    return new SocketTransport(events, (transport) => adopt(socket, transport.onread, highWaterMark), UNNAMED);
  }

  /** For dialled sockets: `dial` makes the socket with this transport's `onread`. */
  static dialled(
    dial: (onread: SocketTransport['onread']) => Socket,
    remote: Address,
    events: TransportEvents,
  ): SocketTransport {
    return new SocketTransport(events, (transport) => dial(transport.onread), remote);
  }

  readonly onread: { buffer: () => Buffer; callback: (bytes: number, buffer: Buffer) => boolean };
  readonly #written: () => void;

  private constructor(events: TransportEvents, make: (transport: SocketTransport) => Socket, remote: Address) {
    this.events = events;
    this.remote = remote;
    this.onread = { buffer: () => this.#readBuffer(), callback: (bytes, buffer) => this.#onRead(bytes, buffer) };
    this.#written = () => {
      const buffer = this.#lent.shift();
      if (buffer) giveLarge(buffer);
    };
    const socket = make(this);
    this.#socket = socket;
    this.#readAddresses();
    socket.on('connect', () => {
      this.#readAddresses();
      this.events.onConnect?.();
    });
    socket.on('end', () => {
      if (this.#discarding) socket.destroy();
      else this.events.onEnd();
    });
    socket.on('drain', () => {
      if (!this.#above) return;
      this.#above = false;
      this.events.onDrain();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#code ||= error.code ?? 'UNKNOWN';
    });
    socket.on('close', () => this.#onClose());
    if (!socket.connecting) queueMicrotask(() => this.#start());
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array, given = false): number {
    const socket = this.#socket;
    if (this.#closed || socket.writableEnded) return 0;
    if (given && lending.buffer !== null && bytes.buffer === lending.buffer.buffer) {
      const buffer = lending.buffer;
      socket.write(bytes, this.#written);
      const held = socket.writableLength > 0;
      this.#lent.push(held ? buffer : null); // one entry a callback, also where the kernel took all at once
      if (held) lending.held = true;
    } else {
      socket.write(bytes);
    }
    const pending = socket.writableLength;
    if (pending > this.#high) this.#above = true;
    return pending;
  }

  end(): void {
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  readDisable(disable: boolean): void {
    this.#disabled += disable ? 1 : -1;
    if (this.#closed) return;
    if (disable && this.#disabled === 1) this.#socket.pause();
    else if (!disable && this.#disabled === 0) this.#socket.resume();
  }

  setWatermark(high: number): void {
    this.#high = Math.max(high, this.#socket.writableHighWaterMark);
  }

  notifyFlushed(): void {
    if (this.#closed || this.#socket.writableEnded) return;
    this.#socket.write(EMPTY, () => this.events.onFlushed?.());
  }

  closeAfterFlush(): void {
    if (this.#closed) return;
    this.#discarding = true;
    this.#disabled = 0;
    this.end();
    this.#socket.resume(); // what still arrives is read and dropped: unread bytes would turn our FIN into a RST
    if (this.#socket.readableEnded) this.#socket.once('finish', () => this.#socket.destroy());
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  destroy(reset = false): void {
    if (this.#closed) return;
    this.#discarding = true;
    if (reset && !this.#socket.connecting) {
      this.#reset = true;
      this.#socket.resetAndDestroy();
    } else {
      this.#socket.destroy();
    }
  }

  #start(): void {
    if (this.#disabled === 0 && !this.#closed) this.#socket.resume();
  }

  #readBuffer(): Buffer {
    if (this.#large || !mayShare) {
      this.#own ??= takeLarge();
      return this.#own;
    }
    if (this.#own) {
      giveLarge(this.#own);
      this.#own = null;
    }
    return sharedBuffer;
  }

  #onRead(bytes: number, buffer: Buffer): boolean {
    if (this.#discarding) return true;
    this.#large = bytes >= LARGE_READ;
    if (buffer !== this.#own) {
      this.events.onData(buffer, 0, bytes, false);
    } else {
      lending.buffer = buffer;
      lending.held = false;
      this.events.onData(buffer, 0, bytes, true);
      if (lending.held) this.#own = null; // a write still points into it; it comes back through giveLarge
      lending.buffer = null;
    }
    return this.#disabled === 0;
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#own) giveLarge(this.#own);
    this.#own = null;
    this.#lent.length = 0; // with the socket's queue; the collector has them
    const code = this.#code;
    const how: CloseHow =
      code === '' && !this.#reset
        ? 'fin'
        : code === '' || code === 'ECONNRESET' || code === 'EPIPE'
          ? 'reset'
          : 'error';
    this.events.onClose(how, code);
  }

  #readAddresses(): void {
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    if (remoteAddress !== undefined && remotePort !== undefined) this.remote = ipAddress(remoteAddress, remotePort);
    if (localAddress !== undefined && localPort !== undefined) this.local = ipAddress(localAddress, localPort);
    else if (this.remote.kind === 'pipe') this.local = pipeAddress('unix');
  }
}
