import type { Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { SessionFacts } from '../exchange/session-facts.ts';

/** Envoy's FilterStatus: go on to the next filter, or stop (the bytes stay with this filter until it continues). */
export const Continue = 0;
export const StopIteration = 1;
export type FilterStatus = typeof Continue | typeof StopIteration;

/** Envoy's connection events. */
export type ConnectionEvent = 'connected' | 'remote_close' | 'local_close';

/**
 * A link of a filter chain, with Envoy's network-filter lifecycle. Read filters run in config order, write filters in
 * reverse. A link with only onTurn costs nothing on the byte path. All methods are optional: the chain calls what is there.
 */
export interface NetworkFilter {
  readonly name: string;
  /** Called once, in order; Stop halts the chain until continueReading(). */
  onNewConnection?(): FilterStatus;
  /** Bytes from the client: buf[start..end), lent unless `given` (see TransportEvents.onData). `endStream`: its FIN. */
  onData?(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus;
  /** Bytes from the server on their way to the client. On Stop nothing is kept for the filter: it must have kept what it needs. */
  onWrite?(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): FilterStatus;
  onEvent?(event: ConnectionEvent): void;
  /** Judges one turn; asked in chain order by the protocol filter's host. `denial` must be set when it denies. */
  onTurn?(turn: Turn, facts: SessionFacts): Verdict;
  /** True if onTurn can deny (as opposed to shadow rules, which only count). */
  readonly enforces?: boolean;
}
