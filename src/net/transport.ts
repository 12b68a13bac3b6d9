/**
 * The bytes' way in and out, in a real form (sockets) and a simulated one (deterministic from a seed). Everything above
 * this file runs on either.
 */

export interface Address {
  /** `ip:port`, `[ipv6]:port` or the path of a unix socket, as printed everywhere. */
  readonly text: string;
  readonly kind: 'ip' | 'pipe';
  /** IP literal, or the path. */
  readonly host: string;
  readonly port: number;
}

/** How a transport ended: by both FINs, by a reset (either side's), or by another error, whose code stands beside. */
export type CloseHow = 'fin' | 'reset' | 'error';

/** What a transport tells its owner. All calls are synchronous; the owner must not throw (its boundary catches). */
export interface TransportEvents {
  /**
   * Bytes arrived: buf[start..end). `given` = false: lent, the buffer is reused when the call returns: copy what must stay.
   * `given` = true: the buffer is not touched again until every Transport.write of (parts of) it has completed; it may be
   * written by reference, and must not be kept otherwise.
   */
  onData(buf: Buffer, start: number, end: number, given: boolean): void;
  /** The peer finished sending (FIN). */
  onEnd(): void;
  /** Only upstream: connected. */
  onConnect?(): void;
  /** What write() left pending fell below the low watermark after having been above the high one. */
  onDrain(): void;
  /** All pending writes are with the kernel. Called only if asked by notifyFlushed(). */
  onFlushed?(): void;
  /** Over; exactly once, last of all calls. `code` as Node gives it: ECONNREFUSED, ETIMEDOUT … or ''. */
  onClose(how: CloseHow, code: string): void;
}

export interface Transport {
  events: TransportEvents;
  readonly remote: Address;
  readonly local: Address;
  /** Bytes accepted by write() and not yet taken by the kernel. */
  readonly pending: number;
  /**
   * Queues bytes; the transport owns them until they are with the kernel. `given`: buf is (part of) a buffer that this
   * transport's pair was given through onData. To a peer that is gone nothing is written, and nothing is pending; what it
   * had sent before is still told, then onClose. Returns `pending` after the call; the caller compares it with its high watermark.
   */
  write(bytes: Uint8Array, given?: boolean): number;
  /** Sends FIN after what is pending. */
  end(): void;
  /** Reference-counted read stop (Envoy's readDisable). While stopped neither data, FIN nor RST is seen. */
  readDisable(disable: boolean): void;
  /** Once `pending` was above this, onDrain fires when it has fallen to half of it or below. Bytes. */
  setWatermark(high: number): void;
  notifyFlushed(): void;
  /**
   * FIN after flushing, then gone: at the peer's FIN, or a little later without it. A peer that takes nothing of what is
   * left is cut at a limit. Nothing is told any more but onDrain, onFlushed and onClose.
   */
  closeAfterFlush(): void;
  /**
   * RST at once where nothing is pending, else a little after that is with the kernel; a peer that takes nothing of it is
   * cut at a limit. Told as with closeAfterFlush().
   */
  resetAfterFlush(): void;
  /** Gone now; `reset`: with RST. onClose follows (never synchronously inside the call). */
  destroy(reset?: boolean): void;
}

export interface ListenOptions {
  /** Connections that the kernel keeps until they are accepted; default: the system's. */
  readonly backlog?: number;
  /** Permissions of the unix socket. */
  readonly pipeMode?: number;
}

export interface Acceptor {
  readonly address: Address;
  /** Stops accepting; connections live on. Resolves when the port is free, whatever connections are open. */
  close(): Promise<void>;
}

export interface Network {
  /** Resolves once it listens; rejects with Node's error (EADDRINUSE …). */
  listen(at: Address, onConnection: (transport: Transport) => void, options?: ListenOptions): Promise<Acceptor>;
  /** Starts dialling; onConnect or onClose follows, never synchronously. */
  connect(to: Address, events: TransportEvents): Transport;
}

/** Timers and time. `now` is monotonic ms, `wall` ms since the epoch. Delays above 2^31-1 ms are capped. */
export interface Clock {
  now(): number;
  wall(): number;
  after(delayMs: number, call: () => void): Timer;
}
export interface Timer {
  cancel(): void;
}
