import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Said } from '../../src/exchange/said.ts';
import type { Effect } from './effects.ts';

/** MariaDB: the statement prepared last, whatever its id. */
export const LAST_PREPARED = 0xff_ff_ff_ff;

/** A prepared statement, from the COM_STMT_PREPARE on. Its id is the server's word: known with the reply. */
export class Statement {
  readonly digest: Digest;
  /** Trace context frozen into its text, or ''. */
  readonly traceparent: string;
  /** Its text was longer than the digest cap. */
  readonly truncated: boolean;
  /** Number of the turn that prepared it. */
  readonly turn: number;
  /** What running it does to the session, or null. */
  effect: Effect | null = null;
  /** Executions begun: from the second on, its trace context is stale. */
  runs = 0;
  /** Ties the fetches of its open cursor to the execution that opened it; 0 = no cursor was ever open. */
  story = 0;
  /** COM_STMT_SEND_LONG_DATA since the last execution: bytes on the wire, when the first came, and where it began. */
  longBytes = 0;
  longAt = 0;
  longFrom = 0;
  /** What policies judge of running it, in the database that it was prepared in; null where nobody judges. */
  facts: OperationFacts | null = null;
  /** What policies said of preparing it, should that fail; null where nobody judges. */
  said: Said | null = null;
  /** The server has said that it is prepared. */
  confirmed = false;

  constructor(digest: Digest, traceparent: string, truncated: boolean, turn: number) {
    this.digest = digest;
    this.traceparent = traceparent;
    this.truncated = truncated;
    this.turn = turn;
  }
}

/** The prepared statements of one session, by the server's ids. Bounded: what is above is counted, and unknown. */
export class StatementBook {
  readonly #byId = new Map<number, Statement>();
  readonly #cap: number;
  /** Prepared last, also while its reply is still to come. */
  last: Statement | null = null;

  constructor(cap: number) {
    this.#cap = cap;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The server has given it this id. False above the cap: it is not kept. */
  add(id: number, statement: Statement): boolean {
    if (this.#byId.size >= this.#cap && !this.#byId.has(id)) return false;
    this.#byId.set(id, statement);
    return true;
  }

  find(id: number): Statement | null {
    return id === LAST_PREPARED ? this.last : (this.#byId.get(id) ?? null);
  }

  remove(id: number): void {
    const statement = this.#byId.get(id);
    if (statement !== undefined && statement === this.last) this.last = null;
    this.#byId.delete(id);
  }

  /** The server has forgotten all statements that were prepared before this turn. */
  forget(turn: number): void {
    // What is known by its id was confirmed before the reply that says so.
    this.#byId.clear();
    if (this.last !== null && this.last.turn < turn) this.last = null;
  }
}

/** Fills an execution with what its statement says; `traced`: its trace context is that of the statement. */
export function describe(x: Exchange, statement: Statement, traced: boolean): void {
  x.digest = statement.digest;
  if (statement.truncated) x.flags |= Flag.truncated;
  if (statement.traceparent !== '' && traced) {
    x.traceparent = statement.traceparent;
    if (statement.runs > 0) x.flags |= Flag.staleTrace;
  }
  statement.runs++;
  if (statement.longBytes > 0) {
    x.requestBytes += statement.longBytes;
    x.requestFirstByteAt = statement.longAt;
    x.requestOffset = statement.longFrom;
    statement.longBytes = statement.longAt = 0;
  }
}
