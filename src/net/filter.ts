import type { Exchange } from '../exchange/exchange.ts';
import type { Denial, Judgement, Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { ConnectionFacts, SessionFacts } from '../exchange/session-facts.ts';

/**
 * Envoy's FilterStatus, and one more. Continue: the bytes go on to the next filter. StopIteration: they stay here, the
 * chain keeps them and offers them again, with what came since, until the filter continues. Consumed: the filter has
 * taken them (Envoy's "drained the buffer"): it injects what shall go on, or is the terminal filter.
 */
export const FilterStatus = { Continue: 0, StopIteration: 1, Consumed: 2 } as const;
export type FilterStatus = (typeof FilterStatus)[keyof typeof FilterStatus];

/** Envoy's connection events. */
export type ConnectionEvent = 'connected' | 'remote_close' | 'remote_reset' | 'local_close';

/**
 * A link of a filter chain, with Envoy's network-filter lifecycle. Read filters run in config order, write filters in
 * reverse. A link with only onTurn costs nothing on the byte path. All methods are optional: the chain calls what is there.
 */
export interface NetworkFilter {
  readonly name: string;
  /**
   * Called once, in order; Stop halts the chain until continueReading(). What arrives meanwhile is offered to onData
   * (Envoy); a filter without onData has it kept.
   */
  onNewConnection?(): FilterStatus;
  /** Bytes from the client: buf[start..end), lent unless `given` (see TransportEvents.onData). `endStream`: its FIN. */
  onData?(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus;
  /** Bytes from the server on their way to the client. On Stop nothing is kept for the filter: it must have kept what it needs. */
  onWrite?(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus;
  onEvent?(event: ConnectionEvent): void;
  /**
   * Judges one turn; asked in chain order by the protocol filter's host. It writes what it said into `judgement` (that
   * starts at none, and has what links before it wrote). An op for which it holds something has `leased` set.
   */
  onTurn?(turn: Turn, facts: SessionFacts, judgement: Judgement): Verdict;
  /** An exchange with `leased` has ended, or will not be begun: what is held for it is free. */
  onRelease?(x: Exchange): void;
  /** SessionHost.marked(): what is held for one exchange is held for the other from now on. */
  onMoved?(from: Exchange, to: Exchange): void;
  /** SessionHost.exceeded(), asked of the links in order until one denies. */
  onExceeded?(x: Exchange, what: 'rows' | 'bytes'): Denial | null;
  /** True if onExceeded can deny. */
  readonly cuts?: boolean;
  /** Of what judges: grows with each configuration that onTurn goes by. */
  readonly version?: number;
  /** Why onTurn last answered `deny`. */
  readonly denial?: Denial | null;
  /** True if onTurn can deny (as opposed to shadow rules, which only count). */
  readonly enforces?: boolean;
  /** The name of what onTurn judges by now (policy/snapshot-name.ts), where it has policies. */
  readonly policySnapshot?: string;
  /**
   * True: a configuration that was taken over asks for more than this connection can give, as one that began in the tap
   * gear. It leaves at its next quiet point.
   */
  readonly stale?: boolean;
}

/** What the chain lends to one filter of one connection. */
export interface FilterCallbacks {
  readonly connection: ConnectionHandle;
  /** Goes on at the next filter with all that was stopped here (and, before the first byte, with onNewConnection). */
  continueReading(): void;
  /** Bytes to the filters after this one. The caller answers its own onData with Consumed. */
  injectRead(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void;
  /** Bytes to the filters before this one, then to the client's socket. */
  injectWrite(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void;
}

export interface FilterBuilder {
  (callbacks: FilterCallbacks): NetworkFilter;
  /**
   * Takes over a new checked configuration for the links it makes and for those it has made, between two turns; null: the
   * chain has no such filter any more, and its links decide nothing from now on. False: it cannot, and nothing has changed.
   */
  update?(config: Readonly<Record<string, unknown>> | null): boolean;
  /** True where it denies requests now: no connection of its listener may stay without a link of it. */
  enforces?(): boolean;
}

/** What a protocol filter's host adds to a connection, for draining and for /api/connections. */
export interface Drainable {
  /** Leaves with the protocol's farewell now if that is safe, else at the next quiet point. */
  tryLeave(): void;
  /** Exchanges so far. */
  readonly exchanges: number;
  /** Of these, those that have not ended. */
  readonly underWay: number;
  readonly quiet: boolean;
  /** Closes the connection for a policy's sake, with the protocol's own words where they can stand now. */
  expel(why: Denial): void;
}

/**
 * How a connection is closed: after what was written has left, at once, or with RST (Envoy's FlushWrite, NoFlush,
 * AbortReset; ours lets what was written leave first).
 */
export type CloseType = 'flush' | 'no_flush' | 'reset';

/** A downstream connection as its filters see it. */
export interface ConnectionHandle {
  readonly id: number;
  readonly facts: SessionFacts;
  readonly info: StreamInfo;
  readonly bufferLimitBytes: number;
  /** Monotonic ms of the last byte from either side. */
  readonly lastActivityAt: number;
  /** Bytes written to the client and not yet with the kernel. */
  readonly pendingWrite: number;
  /** Over: nothing is read or written any more, whatever is called. */
  readonly closed: boolean;
  /** How this side closed it; null: it is open, or the client ended it. */
  readonly closeType: CloseType | null;
  readonly chain: { readonly filters: readonly NetworkFilter[] };
  /** Reference-counted stop of reading from the client (Envoy's readDisable). */
  readDisable(disable: boolean): void;
  close(type: CloseType, reason: string): void;
  /** Calls back once everything written to the client so far is with the kernel, or the connection is over. */
  whenFlushed(call: () => void): void;
  /** The boundary of the connection: an error of our own, caught in a callback that did not come through the chain. */
  fail(error: unknown): void;
  /** Set by the protocol filter's host. */
  drainable: Drainable | null;
  /** Set by tcp_proxy: dials now, to the host with this address if it is one of the cluster's. Later calls do nothing. */
  dial: ((address?: string) => void) | null;
  /** Set by tcp_proxy: reference-counted stop of reading from the server. */
  readDisableUpstream: ((disable: boolean) => void) | null;
  /** Set by tcp_proxy: the client takes bytes again. */
  onDownstreamDrain: (() => void) | null;
  /** The server's bytes enter the write filters here. */
  writeFromUpstream(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void;
  /** The upstream host, `b2.example:9092`, that the door leads to by which the client came; null: the cluster chooses. */
  readonly door: string | null;
  /** Set by a protocol filter that wants to see the client's first message before the upstream is dialled. */
  dialOnDemand: boolean;
}

/** What is known of one connection, for access logs and metadata matchers (Envoy's StreamInfo). */
export interface StreamInfo extends ConnectionFacts {
  readonly startedAt: number;
  bytesReceived: number;
  bytesSent: number;
  upstreamBytesSent: number;
  upstreamBytesReceived: number;
  upstreamConnectMs: number;
  upstreamConnectionId: number;
  upstreamHost: string;
  upstreamLocalAddress: string;
  connectAttempts: number;
  /** Envoy's response flags: UF, URX, UH, NC, DT … */
  readonly flags: Set<string>;
  closeReason: string;
  terminationDetails: string;
  /** Namespaces of dynamic metadata set by filters. Made when first asked for. */
  readonly metadata: Map<string, Record<string, unknown>>;
  /** What a protocol filter would add to it now; set where an access log asks. */
  metadataNow: (() => Readonly<Record<string, unknown>>) | null;
}
