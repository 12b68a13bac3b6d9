import type { SessionFacts } from '../exchange/session-facts.ts';
import type { StatIds, StatsRegistry } from '../stats/registry.ts';
import type { CloseType, Drainable, FilterBuilder, StreamInfo } from './filter.ts';
import { type ChainOwner, FilterChain } from './filter-chain.ts';
import type { listenerStats } from './listener-stats.ts';
import { copyOf } from './read-buffers.ts';
import type { Clock, CloseHow, Transport, TransportEvents } from './transport.ts';

export interface ConnectionEnv {
  readonly clock: Clock;
  readonly stats: StatsRegistry;
  readonly listenerIds: StatIds<keyof typeof listenerStats.stats>;
  readonly bufferLimitBytes: number;
  /** A throw in the connection's own code: our bug. Counted and logged once; that connection alone ends. */
  onBug(connection: Connection | null, error: unknown): void;
  onClosed(connection: Connection): void;
}

/**
 * One client's connection: its transport, its filter chain, and what is known of it. Everything that happens to the
 * socket comes in here, inside one boundary: a bug ends this connection and no other.
 */
export class Connection implements ChainOwner, TransportEvents {
  readonly id: number;
  readonly facts: SessionFacts;
  readonly info: StreamInfo;
  readonly chain: FilterChain;
  readonly bufferLimitBytes: number;
  readonly downstream: Transport;
  readonly door: string | null;
  dial: ((address?: string) => void) | null = null;
  dialOnDemand = false;
  drainable: Drainable | null = null;
  onDownstreamDrain: (() => void) | null = null;
  readDisableUpstream: ((disable: boolean) => void) | null = null;
  lastActivityAt: number;
  closed = false;
  closeType: CloseType | null = null;
  draining = false;
  readonly #env: ConnectionEnv;
  readonly #flushes: (() => void)[] = [];

  constructor(
    env: ConnectionEnv,
    downstream: Transport,
    facts: SessionFacts,
    builders: readonly FilterBuilder[],
    door: string | null = null,
  ) {
    this.#env = env;
    this.door = door;
    this.id = facts.id;
    this.facts = facts;
    this.downstream = downstream;
    this.bufferLimitBytes = env.bufferLimitBytes;
    this.lastActivityAt = env.clock.now();
    this.info = new ConnectionInfoRecord(this.lastActivityAt);
    downstream.setWatermark(env.bufferLimitBytes);
    this.chain = new FilterChain(this, builders);
    downstream.events = this; // last: nothing is told to a connection that could not be built
  }

  /** Lets the filters see the connection. Separate from the constructor: filters may close it at once. */
  start(): void {
    try {
      this.chain.start();
    } catch (error) {
      this.fail(error);
    }
  }

  get pendingWrite(): number {
    return this.downstream.pending;
  }

  onData(buf: Buffer, start: number, end: number, given: boolean): void {
    this.lastActivityAt = this.#env.clock.now();
    this.info.bytesReceived += end - start;
    try {
      this.chain.read(buf, start, end, given, false);
    } catch (error) {
      this.fail(error);
    }
  }

  onEnd(): void {
    try {
      this.chain.read(NOTHING, 0, 0, true, true);
    } catch (error) {
      this.fail(error);
    }
  }

  onDrain(): void {
    try {
      this.onDownstreamDrain?.();
    } catch (error) {
      this.fail(error);
    }
  }

  onFlushed(): void {
    for (const call of this.#flushes.splice(0)) {
      try {
        call();
      } catch (error) {
        this.fail(error);
      }
    }
  }

  onClose(how: CloseHow): void {
    if (this.closed) return;
    this.closed = true;
    this.onFlushed();
    this.info.closeReason ||= how === 'fin' ? 'remote_close' : how === 'reset' ? 'remote_reset' : 'remote_error';
    try {
      this.chain.event(how === 'fin' ? 'remote_close' : 'remote_reset');
    } catch (error) {
      this.#env.onBug(this, error);
    }
    this.#env.onClosed(this);
  }

  writeOut(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    if (this.closed) return;
    if (end > start) {
      this.info.bytesSent += end - start;
      this.downstream.write(given ? sliceOf(buf, start, end) : copyOf(buf, start, end), given);
    }
    if (endStream) this.downstream.end();
  }

  /** The server's bytes enter the write filters here. */
  writeFromUpstream(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    this.lastActivityAt = this.#env.clock.now();
    try {
      this.chain.write(buf, start, end, given, endStream);
    } catch (error) {
      this.fail(error);
    }
  }

  readDisable(disable: boolean): void {
    this.downstream.readDisable(disable);
  }

  whenFlushed(call: () => void): void {
    if (this.closed || this.downstream.pending === 0) call();
    else if (this.#flushes.push(call) === 1) this.downstream.notifyFlushed();
  }

  close(type: CloseType, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.closeType = type;
    this.info.closeReason ||= reason;
    this.onFlushed();
    try {
      this.chain.event('local_close');
    } catch (error) {
      this.#env.onBug(this, error);
    }
    if (type === 'flush') this.downstream.closeAfterFlush();
    else if (type === 'reset') this.downstream.resetAfterFlush();
    else this.downstream.destroy();
    this.#env.onClosed(this);
  }

  /** Leave at the next quiet point. Without a protocol filter no point is known to be quiet: the limit decides. */
  drain(): void {
    this.draining = true;
    try {
      this.drainable?.tryLeave();
    } catch (error) {
      this.fail(error);
    }
  }

  /** An error of our own: counted, logged, and this connection alone ends. */
  fail(error: unknown): void {
    this.#env.onBug(this, error);
    this.close('no_flush', 'internal_error');
  }
}

const NOTHING = Buffer.alloc(0);

const sliceOf = (buf: Buffer, start: number, end: number): Buffer =>
  start === 0 && end === buf.length ? buf : buf.subarray(start, end);

class ConnectionInfoRecord implements StreamInfo {
  readonly startedAt: number;
  bytesReceived = 0;
  bytesSent = 0;
  upstreamBytesSent = 0;
  upstreamBytesReceived = 0;
  upstreamConnectMs = 0;
  upstreamConnectionId = 0;
  upstreamHost = '';
  upstreamLocalAddress = '';
  connectAttempts = 0;
  metadataNow: (() => Readonly<Record<string, unknown>>) | null = null;
  closeReason = '';
  terminationDetails = '';
  #flags: Set<string> | null = null;
  #metadata: Map<string, Record<string, unknown>> | null = null;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  get responseFlags(): string {
    return this.#flags === null ? '' : [...this.#flags].join(',');
  }

  get metadataJson(): string {
    if (this.metadataNow === null && this.#metadata === null) return '';
    const spaces = { ...(this.#metadata && Object.fromEntries(this.#metadata)), ...this.metadataNow?.() };
    return Object.keys(spaces).length === 0 ? '' : JSON.stringify(spaces);
  }

  get flags(): Set<string> {
    this.#flags ??= new Set();
    return this.#flags;
  }

  get metadata(): Map<string, Record<string, unknown>> {
    this.#metadata ??= new Map();
    return this.#metadata;
  }
}
