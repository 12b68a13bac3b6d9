import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { SessionHost } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { type Marks, markDenied, UNMARKED } from './marks.ts';
import { Negotiation } from './negotiation.ts';
import { endsBatch, Pending } from './pending.ts';
import { Reading } from './reading.ts';
import { codeOf, protocolViolation } from './refuse.ts';
import type { StartupParameters } from './startup.ts';
import { StatementBook } from './statements.ts';
import { Transaction } from './transaction.ts';

export const Phase = {
  /** The next packet of the client has no type byte. */
  startup: 0,
  /** SSLRequest or GSSENCRequest was sent on: the server's next byte is its answer. */
  negotiating: 1,
  /** From the startup message to the first ReadyForQuery. */
  authenticating: 2,
  ready: 3,
  /** Decoding is over: opaque, closed or dead. */
  over: 4,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Executions open at once; above, observing goes on untimed, enforcing closes. */
const MAX_OPEN = 10_000;
const MAX_STEPS = 65_536;
const MAX_STATEMENTS = 10_000;

/** An error of the extended protocol, until the Sync that ends its batch is there and the batch can be told. */
export interface Failure {
  code: string;
  severity: string;
  denied: boolean;
  firstAt: number;
  lastAt: number;
  bytes: number;
}

/** What both directions of one session know together. */
export class Conversation {
  readonly host: SessionHost;
  readonly bound: Bound;
  readonly pending = new Pending();
  readonly book = new StatementBook(MAX_STATEMENTS);
  readonly reading = new Reading();
  readonly transaction: Transaction;
  phase: Phase = Phase.startup;
  /** What the startup message asks for besides a plain session, until it is judged. */
  startup: OperationFacts | null = null;
  readonly negotiation = new Negotiation();
  /** Of the startup message, until the server confirms them. */
  parameters: StartupParameters | null = null;
  authenticated = false;
  /** The server has asked for a `p` message and not got it. */
  awaitsPassword = false;
  /** The server has said FATAL. */
  fatal = false;

  /** The server takes COPY data: Sync and Flush are ignored. */
  copyIn = false;
  copyBoth = false;
  copyOut = false;
  /** A walsender's command has said CommandComplete, perhaps not for the last time: its ReadyForQuery ends it. */
  commandDone = false;
  /** Syncs that a COPY swallowed: should one have been read after all, its ReadyForQuery is no surprise. */
  spareSyncs = 0;

  /** Batches so far: messages up to a Sync. */
  batch = 0;
  failure: Failure | null = null;
  /** Tells of it though its Sync will not come. Set by who knows how. */
  tellFailure: () => void = () => {};
  /** The gate's denials whose stand-in has not been answered yet, by place; `at`: offset of the server's bytes when it was sent. */
  readonly denials = new Map<number, { readonly marks: Marks; readonly at: number }>();
  /** Of an open denial. */
  marks: Marks = UNMARKED;

  /** Requests above the cap whose ReadyForQuery is still to come, and whether more of them wait for a Sync. */
  overflowReady = 0;
  overflowTail = false;

  open = 0;
  turns = 0;
  stories = 0;

  /** Request bytes and first byte of the steps since the last Execute: Parse, Bind and Describe count to it. */
  stepBytes = 0;
  stepAt = 0;
  /** Where the first of them begins in the client's bytes; while stepBytes > 0. */
  stepFrom = 0;
  /** Place of the last Execute of the present batch: its Sync's bytes count to it. */
  lastExecute = -1;

  /** Reply bytes, rows and first byte since the last exchange ended. */
  replyBytes = 0;
  replyFirstAt = 0;
  rows = 0;

  /** The gate waits for an answer before it reads on. */
  held = false;

  constructor(host: SessionHost, bound: Bound) {
    this.host = host;
    this.bound = bound;
    this.transaction = new Transaction(host.facts, bound.stats);
  }

  /** Nothing is open and no transaction runs. */
  get isIdle(): boolean {
    return this.pending.size === 0 && !this.transaction.inside && !this.overflowing;
  }

  get overflowing(): boolean {
    return this.overflowReady > 0 || this.overflowTail;
  }

  /** Is there room for this many more executions? */
  hasRoom(executions: number): boolean {
    return !this.overflowing && this.open + executions <= MAX_OPEN && this.pending.size + executions < MAX_STEPS;
  }

  /** A fresh exchange; begin() follows, or host.drop(). */
  take(kind: string, digest: Digest, firstByteAt: number, bytes: number): Exchange {
    const x = this.host.take();
    x.kind = kind;
    x.digest = digest;
    x.requestFirstByteAt = firstByteAt;
    x.requestBytes = bytes;
    return x;
  }

  /** `pipelined`: other exchanges were open when its message came. */
  begin(x: Exchange, turn: number, forwarded: boolean, pipelined = this.open > 0): void {
    if (pipelined) x.flags |= Flag.pipelined;
    if (forwarded) x.forwardedAt = this.host.now();
    this.beginAlone(x, turn);
  }

  /** Begins an exchange that is made only now, for a request of before. */
  beginAlone(x: Exchange, turn: number): void {
    x.turn = turn;
    this.open++;
    this.host.begin(x);
  }

  /** The reply of an exchange is complete: it takes all that came since the last one ended. */
  finish(x: Exchange, outcome: Outcome): void {
    x.replyFirstByteAt = this.replyFirstAt;
    x.replyLastByteAt = this.host.now();
    x.replyBytes = this.replyBytes;
    x.rowsReturned = this.rows;
    this.close(x, outcome);
    this.forgetReply();
  }

  /** Ends the oldest open step and its exchange. */
  finishHead(outcome: Outcome): void {
    const x = this.pending.exchangeAt(this.pending.head);
    this.pending.shift();
    if (x === null) {
      this.forgetReply();
      return;
    }
    this.transaction.mark(x);
    this.finish(x, outcome);
  }

  /** Ends an exchange that has its reply already, or none. */
  close(x: Exchange, outcome: Outcome): void {
    x.outcome = outcome;
    this.open--;
    const { registry, own } = this.bound.stats;
    if (outcome === Outcome.skipped) registry.inc(own.skipped);
    else if (outcome === Outcome.lost) registry.inc(own.lost);
    this.host.end(x);
  }

  forgetReply(): void {
    this.replyBytes = this.replyFirstAt = this.rows = 0;
  }

  forgetSteps(): void {
    this.stepBytes = this.stepAt = 0;
  }

  /** What came from either side cannot be read. Said once; nothing is read after it. */
  fault(fault: Fault, mayAnswer: boolean): void {
    if (this.phase === Phase.over) return;
    const answer = this.host.enforces && mayAnswer && this.phase !== Phase.negotiating;
    this.bound.stats.opaque(fault);
    this.endAll();
    if (answer) this.host.send(Side.downstream, protocolViolation(fault));
    this.host.opaque(fault);
  }

  /** The session is over: what is open was lost. */
  endAll(): void {
    if (this.phase === Phase.over) return;
    this.tellFailure();
    this.phase = Phase.over;
    const { pending } = this;
    while (pending.size > 0) {
      const x = pending.exchangeAt(pending.head) ?? this.#deniedAt(pending.head);
      pending.shift();
      // What was denied stays so, though its answer will not come.
      if (x !== null) this.finish(x, (x.flags & Flag.denied) === 0 ? Outcome.lost : Outcome.denied);
    }
  }

  /** The session was let in with what its startup message has asked for: one exchange says so (threats R15). */
  tellStartup(x: Exchange): void {
    this.begin(x, ++this.turns, false, false);
    this.close(x, Outcome.ok);
  }

  /** Its message was denied, and never left. */
  denied(x: Exchange, marks: Marks): void {
    markDenied(x, marks);
    x.code = codeOf(marks.why);
    x.severity = 'ERROR';
    x.forwardedAt = 0;
  }

  /** A step that was denied and has no exchange gets one, as its stand-in will not be answered; null: it was not. */
  #deniedAt(place: number): Exchange | null {
    const denial = this.denials.get(place);
    if (denial === undefined) return null;
    const { pending, bound } = this;
    const isText = endsBatch(pending.stepAt(place));
    const digest = isText ? bound.nothing : (pending.statementAt(place)?.digest ?? bound.unknown);
    const x = this.take(isText ? 'query' : 'parse', digest, pending.atOf(place), pending.bytesOf(place));
    this.denied(x, denial.marks);
    this.beginAlone(x, ++this.turns);
    return x;
  }

  /** Something that the gate may wait for has happened. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.host.resume(Side.downstream);
  }
}
