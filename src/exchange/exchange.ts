import type { Digest } from './digest.ts';
import { type ConnectionFacts, SessionFacts } from './session-facts.ts';

/**
 * How an exchange ended. `skipped`: the server discarded it unread after an earlier error of the same batch.
 * `redirected`: the server sent the client elsewhere (Redis MOVED, ASK); `code` says how. A call, and no error.
 */
export const Outcome = { ok: 0, error: 1, denied: 2, cancelled: 3, lost: 4, skipped: 5, redirected: 6 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
export const OUTCOME_NAMES = ['ok', 'error', 'denied', 'cancelled', 'lost', 'skipped', 'redirected'] as const;

/** What policies said of an exchange; the same numbers stand in the event columns. `none`: there are none for it. */
export const VerdictCode = { none: 0, allowed: 1, denied: 2 } as const;
export type VerdictCode = (typeof VerdictCode)[keyof typeof VerdictCode];
export const VERDICT_NAMES = ['', 'allowed', 'denied'] as const;

/** How many replies an exchange can have. `endless` ones never enter latency histograms. */
export const Replies = { one: 0, many: 1, none: 2, endless: 3 } as const;
export type Replies = (typeof Replies)[keyof typeof Replies];

/** Bits of Exchange.flags; the same numbers stand in the event columns. */
export const Flag = {
  prepared: 1, // executed from a prepared statement
  inTransaction: 2, // began inside an explicit transaction
  pipelined: 4, // another exchange of the connection was open when this one began
  truncated: 8, // its text was longer than the digest cap
  staleTrace: 16, // its trace context was frozen into a prepared statement
  denied: 32,
  sampled: 64, // chosen by sampling (weight above 1)
  batch: 128, // one of several operations of its turn
  continuation: 256, // goes on with a story begun earlier (a suspended portal, a cursor): not a new call
  untimed: 512, // opened above the in-flight cap: counted, without times
  waits: 1024, // the server was asked to wait: its time is no latency
  hit: 2048, // a read of a key that was there
  miss: 4096, // a read of a key that was not
} as const;

/** No session yet: what a pooled exchange points to while it rests. */
const NOBODY = new SessionFacts(0, '', '', '', '', 0);

/**
 * One operation and its reply. Pooled and monomorphic: every field exists from birth with its type. Valid from
 * SessionHost.take until SessionHost.end is called, when it passes to the observer.
 *
 * Times are milliseconds of the host's monotonic clock; 0 = did not happen.
 */
export class Exchange {
  session: SessionFacts = NOBODY;
  /** Number of the turn and of the exchange within the connection, from 1. */
  turn = 0;
  seq = 0;
  /** Position within its turn. The message's bytes are counted once, on index 0. */
  index = 0;
  /** What the protocol calls the step: `query`, `execute`, `parse`, `function_call`, `copy` … */
  kind = '';
  digest: Digest | null = null;
  flags = 0;
  replies: Replies = 0;
  /** Number of the connection's explicit transaction, from 1; 0 = outside. */
  transaction = 0;
  /**
   * Ties the steps of one portal or cursor together; 0 = none. Below 2^32. A number of the connection's, but for cursors
   * that all connections may use (MongoDB's): theirs is made of the cursor's id, the same everywhere.
   */
  story = 0;
  requestFirstByteAt = 0;
  requestLastByteAt = 0;
  forwardedAt = 0;
  replyFirstByteAt = 0;
  replyLastByteAt = 0;
  /** When the kernel had taken the reply's last byte for the client. */
  acceptedAt = 0;
  requestBytes = 0;
  replyBytes = 0;
  rowsReturned = 0;
  /** Rows or documents that a write changed: inserted, modified, deleted, upserted. */
  rowsAffected = 0;
  /** Those that a write found, changed or not; 0 where the protocol does not tell. */
  rowsMatched = 0;
  /** Operations asked for in one: documents of an insert, statements of an update or a bulkWrite; 0 = just the one. */
  batchSize = 0;
  outcome: Outcome = 0;
  /** Native code of the error, `42P01`; '' = none. */
  code = '';
  /** The server's word beside the code: Postgres' severity, MySQL's SQLSTATE, MongoDB's codeName. */
  severity = '';
  /** W3C traceparent from the query's own comment or the session, or ''. */
  traceparent = '';
  /** What the policies that are enforced said, and the name of the one that decided; '' = none did. */
  verdict: VerdictCode = 0;
  policy = '';
  /** What the policies in shadow mode would have said. */
  shadowVerdict: VerdictCode = 0;
  shadowPolicy = '';
  /**
   * Which snapshot of the policies judged (policy/snapshot-name.ts): of the link whose verdict is told; '' = nothing judged.
   * `requestOffset`: where what was judged begins in the client's bytes; requestBytes (of index 0) says how far it goes.
   */
  policySnapshot = '';
  requestOffset = 0;
  /** Rows returned and reply bytes above which the session asks SessionHost.exceeded(); 0 = no limit. */
  maxRows = 0;
  maxReplyBytes = 0;
  /** A judging link holds something for it (a place among the concurrent ones) until it ends or is dropped; it has a verdict then. */
  leased = false;
  /**
   * What only this protocol knows of it, as the text of a JSON object of strings and numbers, its keys OpenTelemetry's names
   * where there are any (`messaging.consumer.group.name`), else `sluice.<protocol>.…`; '' = nothing. At most 1 KiB, and few
   * different texts: they share a table in each batch of events.
   */
  attributes = '';

  /** Back to birth. Called by the pool. */
  reset(): void {
    this.session = NOBODY;
    this.turn = this.seq = this.index = 0;
    this.kind = '';
    this.digest = null;
    this.flags = 0;
    this.replies = Replies.one;
    this.transaction = this.story = 0;
    this.requestFirstByteAt = this.requestLastByteAt = this.forwardedAt = 0;
    this.replyFirstByteAt = this.replyLastByteAt = this.acceptedAt = 0;
    this.requestBytes = this.replyBytes = 0;
    this.rowsReturned = this.rowsAffected = this.rowsMatched = this.batchSize = 0;
    this.outcome = Outcome.ok;
    this.code = this.severity = this.traceparent = this.policy = this.shadowPolicy = this.attributes = '';
    this.policySnapshot = '';
    this.requestOffset = 0;
    this.verdict = this.shadowVerdict = VerdictCode.none;
    this.maxRows = this.maxReplyBytes = 0;
    this.leased = false;
  }
}

/** A free list of exchanges, one a worker. Bounded: above the bound the garbage collector has them. */
export class ExchangePool {
  readonly #free: Exchange[] = [];
  readonly #cap: number;

  constructor(cap = 4096) {
    this.#cap = cap;
  }

  take(): Exchange {
    return this.#free.pop() ?? new Exchange();
  }

  give(x: Exchange): void {
    x.reset();
    if (this.#free.length < this.#cap) this.#free.push(x);
  }
}

/** `connected` to the server; `periodic`: an interval of the access log has passed. */
export type SessionState = 'connected' | 'periodic';

/** Consumes exchanges: aggregates, events, live view. Called on the data path: no await, no throw. */
export interface ExchangeObserver {
  begin(x: Exchange): void;
  /** An endless exchange reports what it has so far. */
  progress(x: Exchange): void;
  /** `x` is the observer's from here on: it gives it back to the pool when it is done with it. */
  end(x: Exchange): void;
  /** The facts of a session are about to change: what has ended so far belongs to the old ones. */
  settle?(): void;
  sessionStart(session: SessionFacts): void;
  sessionEnd(session: SessionFacts, reason: string, connection?: ConnectionFacts): void;
  /** A state in between, where an access log asks for it. */
  sessionState?(session: SessionFacts, state: SessionState, connection: ConnectionFacts): void;
}
