import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { SessionHost } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import type { Effect } from './effects.ts';
import type { Gate } from './gate.ts';
import type { Inquiry } from './inquiry.ts';
import type { Packets } from './packets.ts';
import { Pending } from './pending.ts';
import { Reading } from './reading.ts';
import { violationPacket } from './refuse.ts';
import type { ReplyCuts } from './reply-cuts.ts';
import { type Statement, StatementBook } from './statements.ts';
import type { Named } from './text-facts.ts';
import { Transaction } from './transaction.ts';
import { Capability, MariadbCapability } from './wire.ts';

export const Phase = {
  /** The server has not greeted yet. */
  greeting: 0,
  /** The client's next packet is its login. */
  login: 1,
  /** From the login to the server's final OK. */
  authenticating: 2,
  ready: 3,
  /** The server has refused the connection or the login: what comes now is its end. */
  refused: 4,
  /** Decoding is over: opaque or dead. */
  over: 5,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Operations open at once; above, observing goes on untimed. */
const MAX_OPEN = 10_000;
/** Answers awaited at once; above, decoding ends. */
const MAX_AWAITED = 65_536;
const MAX_STATEMENTS = 10_000;
/** Names of text-prepared CALLs that are kept. */
const MAX_CALLS = 1000;

/** What both directions of one session know together. */
export class Conversation {
  readonly host: SessionHost;
  readonly bound: Bound;
  readonly pending = new Pending();
  readonly book = new StatementBook(MAX_STATEMENTS);
  readonly reading = new Reading();
  readonly transaction: Transaction;
  /** Names that SQL's PREPARE gave to CALLs, in lower case: each run of one has results of its own number. */
  readonly calls = new Set<string>();
  /** Each side's packets, set by those who read them. */
  client!: Packets;
  server!: Packets;
  phase: Phase = Phase.greeting;
  /** Not null where policies judge; the gate where they are enforced besides. */
  inquiry: Inquiry | null = null;
  gate: Gate | null = null;
  /** Not null where policies may cut replies. */
  cuts: ReplyCuts | null = null;
  /** The client's message at hand waits: it is offered again by release(). */
  held = false;
  /** COM_STMT_PREPAREs that are under way. Counted where there is a gate. */
  preparing = 0;
  /** The server has ended the connection by an error that nobody asked for: nothing more is sent to it. */
  fatal = false;

  /** What both sides said they can do: Capability bits, and MariadbCapability bits. */
  capabilities = 0;
  extended = 0;
  protocol41 = true;
  deprecateEof = false;
  sessionTrack = false;
  queryAttributes = false;
  /** The packet of a column count says whether definitions follow. */
  optionalMetadata = false;

  /** The server tells ANSI_QUOTES in its status (MariaDB). */
  tellsQuotes = false;
  /** ANSI_QUOTES as it was after the login: what a reset goes back to. */
  firstQuotes = false;
  /** The client's character set as it was after the login. */
  firstCharset: string | number = 0;
  /** What names stand for that SQL's PREPARE gave; and what they will, once the server has said OK. Where policies judge. */
  readonly names = new Map<string, Named>();
  readonly offered = new Map<string, Named | null>();
  /** The command at hand is to be answered before the next one is read. */
  raisesBarrier = false;
  /** The server has asked for a file: the client's packets are data up to an empty one. */
  infile = false;
  /** COM_CHANGE_USER: the server may wait for a packet of its authentication dialogue. */
  awaitsAuth = false;
  /** Sequence id of the client's next packet of an authentication dialogue. */
  authSequence = 0;
  /** What both sides agreed to compress with, from the final OK on; '' = not. */
  compression: '' | 'zlib' | 'zstd' = '';
  /** Requests that are answered by an endless stream: what the client sends meanwhile is no command. */
  streaming = false;
  open = 0;
  turns = 0;
  stories = 0;

  /** Reply bytes, rows and first byte since the last exchange ended. */
  replyBytes = 0;
  replyFirstAt = 0;
  rows = 0;

  constructor(host: SessionHost, bound: Bound) {
    this.host = host;
    this.bound = bound;
    this.transaction = new Transaction(host.facts, bound.stats);
  }

  /** Takes in what both sides can do. */
  negotiated(capabilities: number, extended: number): void {
    this.capabilities = capabilities;
    this.extended = extended;
    this.protocol41 = (capabilities & Capability.protocol41) !== 0;
    this.deprecateEof = (capabilities & Capability.deprecateEof) !== 0;
    this.sessionTrack = (capabilities & Capability.sessionTrack) !== 0;
    this.queryAttributes = (capabilities & Capability.queryAttributes) !== 0;
    this.optionalMetadata =
      (capabilities & Capability.optionalResultsetMetadata) !== 0 || (extended & MariadbCapability.cacheMetadata) !== 0;
  }

  /** Nothing is open and no transaction runs. */
  get isIdle(): boolean {
    return this.pending.size === 0 && !this.transaction.inside && !this.infile;
  }

  /** Is there room for so many more answers? */
  hasRoom(answers: number): boolean {
    return this.pending.size + answers <= MAX_AWAITED;
  }

  /** A fresh exchange; begin() follows. */
  take(kind: string, digest: Digest, firstByteAt: number, bytes: number): Exchange {
    const x = this.host.take();
    x.kind = kind;
    x.digest = digest;
    x.requestFirstByteAt = firstByteAt;
    x.requestBytes = bytes;
    x.traceparent = this.host.facts.traceparent;
    return x;
  }

  /**
   * Begins an exchange. False: too many are open, and it has ended already, counted and untimed. `pipelined`: others were
   * open when its message came.
   */
  begin(x: Exchange, turn: number, pipelined: boolean): boolean {
    x.turn = turn;
    if (pipelined) x.flags |= Flag.pipelined;
    this.open++;
    if (this.inquiry !== null) this.inquiry.begins(x);
    if (this.open <= MAX_OPEN) {
      this.host.begin(x);
      return true;
    }
    const { registry, own } = this.bound.stats;
    x.flags |= Flag.untimed;
    this.host.begin(x);
    registry.inc(own.untimed);
    this.close(x, Outcome.ok);
    return false;
  }

  /** An enforced client has begun to say something that the server's word of just now gives another meaning. */
  get sentAhead(): boolean {
    return this.gate !== null && (this.held || this.client.inside);
  }

  /** A command waits for its answer, whose first packet has this sequence id. Returns its place. */
  await(
    command: number,
    sequence: number,
    turn: number,
    x: Exchange | null,
    statement: Statement | null,
    at: number,
    bytes: number,
    does: Effect | null = null,
  ): number {
    const { pending } = this;
    if (pending.size === 0) this.server.expected = sequence;
    return pending.push(command, sequence, turn, x, statement, does, at, bytes);
  }

  /** Something has changed that a held message waits for. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.host.resume(Side.downstream);
  }

  /** The reply of an exchange is complete: it takes all that came since the last one ended. */
  finish(x: Exchange | null, outcome: Outcome): void {
    if (this.rows > 0) this.bound.stats.registry.add(this.bound.stats.own.rows, this.rows);
    if (x !== null) {
      x.replyFirstByteAt = this.replyFirstAt;
      x.replyLastByteAt = this.host.now();
      x.replyBytes = this.replyBytes;
      x.rowsReturned = this.rows;
      this.close(x, outcome);
    }
    this.replyBytes = this.replyFirstAt = this.rows = 0;
  }

  /** Ends an exchange that has its reply already, or none. */
  close(x: Exchange, outcome: Outcome): void {
    // One whose reply was cut runs to its end all the same; and what was denied stays so, though its answer will not come.
    const mayBeDenied = outcome === Outcome.ok || outcome === Outcome.lost;
    x.outcome = mayBeDenied && (x.flags & Flag.denied) !== 0 ? Outcome.denied : outcome;
    this.open--;
    const { registry, own } = this.bound.stats;
    if (x.outcome === Outcome.skipped) registry.inc(own.skipped);
    else if (x.outcome === Outcome.lost) registry.inc(own.lost);
    this.host.end(x);
  }

  count(name: keyof Bound['stats']['own']): void {
    const { registry, own } = this.bound.stats;
    registry.inc(own[name]);
  }

  /** SQL's PREPARE gave this name to a CALL, or to something else. */
  named(name: string, isCall: boolean): void {
    if (!isCall) this.calls.delete(name);
    else if (this.calls.size < MAX_CALLS) this.calls.add(name);
  }

  /** SQL's PREPARE has succeeded, or the name means nothing any more. */
  renamed(name: string, succeeded: boolean): void {
    const named = this.offered.get(name) ?? null;
    this.offered.delete(name);
    if (!succeeded || named === null) this.names.delete(name);
    else if (this.names.size < MAX_CALLS || this.names.has(name)) this.names.set(name, named);
  }

  /** The server has forgotten what belonged to the session before this turn: statements, names, settings. */
  forget(turn: number): void {
    this.book.forget(turn);
    this.calls.clear();
    this.names.clear();
    this.reading.setAnsiQuotes(this.firstQuotes);
    this.reading.quotesUnsure = !this.tellsQuotes;
    this.transaction.rolledBack();
  }

  /** What came from either side cannot be read. Said once; nothing is read after it. */
  fault(fault: Fault): void {
    if (this.phase === Phase.over) return;
    const { registry, envoy } = this.bound.stats;
    if (fault !== 'encrypted') registry.inc(envoy.decoder_errors);
    this.#lastWords(fault);
    this.endAll();
    this.host.opaque(fault);
  }

  /** A packet does not have the sequence id it must have. */
  faultSequence(): void {
    if (this.phase === Phase.over) return;
    const { registry, envoy } = this.bound.stats;
    registry.inc(envoy.protocol_errors);
    this.#lastWords('out_of_order');
    this.endAll();
    this.host.opaque('out_of_order');
  }

  /** An enforced connection is closed for what came: its client is told, where it waits for no other answer. */
  #lastWords(fault: Fault): void {
    if (this.gate === null || this.phase !== Phase.ready || this.pending.size > 0) return;
    if (fault === 'unexpected_reply' || this.server.inside) return;
    this.host.send(Side.downstream, violationPacket(fault, (this.client.sequence + 1) & 0xff));
  }

  /** The session is over: what is open was lost. */
  endAll(): void {
    if (this.phase === Phase.over) return;
    this.phase = Phase.over;
    const { pending } = this;
    while (pending.size > 0) {
      const x = pending.exchangeAt(pending.head);
      const others = this.gate?.lost(pending.head) ?? [];
      pending.shift();
      if (x !== null) this.finish(x, Outcome.lost);
      for (const other of others) this.close(other, Outcome.lost);
    }
  }
}
