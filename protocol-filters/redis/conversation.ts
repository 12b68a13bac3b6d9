import { type Exchange, Flag, Outcome, Replies } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { SessionHost } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { COMMANDS, CommandFlag } from './commands.ts';
import { codeOf, isPastLogin, isRedirect } from './error-code.ts';
import type { Gate } from './gate.ts';
import { DEFAULT_USER } from './identity.ts';
import { Pending } from './pending.ts';
import { countRead } from './reads.ts';
import { protocolError } from './refuse.ts';
import type { Replies as ReplyReader } from './replies.ts';
import { nameOf, UNKNOWN } from './special.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Told } from './told.ts';
import { Transaction } from './transaction.ts';
import { Type } from './wire.ts';

/** Endless exchanges say at most this often how far they are. */
const PROGRESS_MS = 1000;

/** What both directions of one session know together; exchanges end here. */
export class Conversation {
  readonly host: SessionHost;
  readonly bound: Bound;
  /** Commands without their reply. */
  readonly pending = new Pending();
  /** Commands that MULTI queued. */
  readonly queued = new Pending();
  readonly subscriptions = new Subscriptions();
  readonly transaction: Transaction;
  over = false;
  /** Version of RESP that the server speaks: in 2 messages are arrays, in 3 pushes. */
  resp: 2 | 3 = 2;
  turns = 0;
  /** Exchanges begun and not ended. */
  open = 0;
  /** Commands open that the server was asked to wait for: what is behind them waits too. */
  waiting = 0;
  /** Endless ones: MONITOR, and the link of a replica. */
  monitor: Exchange | null = null;
  replication: Exchange | null = null;
  /** Nobody has said who this is: a command that gets past the server's question for a login proves the default user. */
  isAnonymous = true;
  /** What a judged session does more; null: nobody judges. */
  gate: Gate | null = null;
  /** Who reads the replies. */
  replies: ReplyReader | null = null;
  /** Commands have no replies now, as CLIENT REPLY says. */
  isMuted = false;
  library = '';
  libraryVersion = '';
  #progressedAt = 0;

  constructor(host: SessionHost, bound: Bound) {
    this.host = host;
    this.bound = bound;
    this.transaction = new Transaction(host.facts);
  }

  /** Nothing is open. */
  get isIdle(): boolean {
    return this.pending.size === 0 && !this.transaction.inside && this.monitor === null && this.replication === null;
  }

  /** The user before a login. Where policies judge it is who the command would run as, if it runs at all. */
  get nobody(): string {
    return this.gate === null ? '' : DEFAULT_USER;
  }

  /** No reply is on its way to the client: words of our own would not be taken for one. */
  get maySpeak(): boolean {
    return this.pending.size === 0 && !this.isMuted && this.replication === null && this.replies?.inside !== true;
  }

  /** An answer of our own would stand in its right place, and the server need not know of the command. */
  get mayAnswer(): boolean {
    const { transaction } = this;
    const isPlain = !transaction.asked && !transaction.inside && !this.subscriptions.any && this.monitor === null;
    return isPlain && this.maySpeak;
  }

  /** The oldest command of a ring has its reply, the last one if it has several. */
  answer(ring: Pending, told: Told, bytes: number, firstByteAt: number): void {
    const { stats } = this.bound;
    const { registry } = stats;
    const { slot } = ring;
    const x = this.#exchangeOf(ring);
    const now = this.host.now();
    if (x.replyFirstByteAt === 0) x.replyFirstByteAt = firstByteAt;
    x.replyLastByteAt = now;
    x.replyBytes += bytes;
    const counts = stats.command(slot);
    if (told.isError) {
      x.code = codeOf(told);
      if (isRedirect(x.code)) {
        x.outcome = Outcome.redirected;
        registry.inc(stats.own.redirects);
        this.bound.bypassHint();
      } else {
        x.outcome = Outcome.error;
        registry.inc(counts.error);
      }
    } else {
      if (slot === UNKNOWN && ring.extra !== null) x.digest = this.bound.digests.learn(ring.extra.module);
      registry.inc(counts.success);
      x.rowsReturned = rowsIn(told);
      if (ring.reads) countRead(stats, x, slot, told);
    }
    if (this.isAnonymous && isPastLogin(x.code)) this.#proveUser(slot);
    let ms = 0;
    if ((x.flags & NO_LATENCY) === 0) {
      ms = now - x.requestFirstByteAt;
      counts.latency.record(ms / 1000);
    }
    const { keys } = this.bound;
    const { keyLength } = ring;
    if (keys !== null && keyLength > 0) {
      const { keyStart } = ring;
      keys.touch(ring.keys, keyStart, keyStart + keyLength, x.requestBytes + x.replyBytes, ms);
    }
    this.shift(ring);
    this.end(x);
  }

  /** Without a login, servers listen to the default user alone (but for what anybody may say: HELLO, QUIT, RESET …). */
  #proveUser(slot: number): void {
    if (slot !== UNKNOWN && (COMMANDS[slot]!.flags & CommandFlag.no_auth) !== 0) return;
    this.isAnonymous = false;
    this.host.confirm({ user: DEFAULT_USER });
  }

  /** Forgets the oldest command of a ring. */
  shift(ring: Pending): void {
    if (ring.extra?.waits) this.waiting--;
    ring.shift();
  }

  /** The oldest command of a ring will never be answered. */
  #giveUp(ring: Pending, outcome: Outcome): void {
    const x = this.#exchangeOf(ring);
    const { registry, own } = this.bound.stats;
    // What was denied stays denied, though its stand-in was not answered.
    if (x.outcome !== Outcome.denied) {
      registry.inc(outcome === Outcome.skipped ? own.skipped : own.lost);
      x.outcome = outcome;
    }
    this.shift(ring);
    this.end(x);
  }

  /** What MULTI queued is never run. */
  skipQueued(): void {
    while (this.queued.size > 0) this.#giveUp(this.queued, Outcome.skipped);
  }

  /** DISCARD was obeyed, or RESET. */
  leaveTransaction(): void {
    if (!this.transaction.inside) return;
    this.gate?.restoreDatabase();
    this.bound.stats.registry.inc(this.bound.stats.own.transactions_discarded);
    this.skipQueued();
    this.transaction.leave();
  }

  /** The exchange of the oldest command, made now if it came above the cap of timed ones. */
  #exchangeOf(ring: Pending): Exchange {
    if (ring.exchange !== null) return ring.exchange;
    const x = this.host.take();
    ring.fill(x);
    x.kind = nameOf(ring.slot);
    x.flags = Flag.untimed;
    this.transaction.mark(x);
    this.open++;
    this.host.begin(x);
    return x;
  }

  end(x: Exchange): void {
    this.open--;
    const { registry, envoy } = this.bound.stats;
    registry.add(envoy.downstream_rq_active, -1);
    this.host.end(x);
  }

  // ---- what never ends

  /** The oldest command goes on for ever. */
  beginEndless(bytes: number, firstByteAt: number): Exchange | null {
    const { stats } = this.bound;
    stats.registry.inc(stats.command(this.pending.slot).success);
    if (this.isAnonymous) this.#proveUser(this.pending.slot);
    const x = this.pending.exchange;
    this.shift(this.pending);
    if (x === null) return null; // never: what has no end is no late command
    x.replies = Replies.endless;
    x.replyFirstByteAt = firstByteAt;
    x.replyBytes = bytes;
    return x;
  }

  /** The server passes over the oldest command without a word. */
  passOver(): void {
    const { registry, own } = this.bound.stats;
    const x = this.#exchangeOf(this.pending);
    x.replies = Replies.none;
    registry.inc(own.no_reply);
    this.shift(this.pending);
    this.end(x);
  }

  /** More bytes of an endless exchange. */
  advance(x: Exchange, requestBytes: number, replyBytes: number, rows: number): void {
    x.requestBytes += requestBytes;
    x.replyBytes += replyBytes;
    x.rowsReturned += rows;
    const now = this.host.now();
    if (now - this.#progressedAt < PROGRESS_MS) return;
    this.#progressedAt = now;
    this.host.progress(x);
  }

  /** An endless exchange ends as it is meant to: somebody hangs up, or RESET. */
  endEndless(x: Exchange): void {
    x.replyLastByteAt = this.host.now();
    this.end(x);
  }

  // ---- the end

  /** What came from either side cannot be read. Said once; nothing is read after it. */
  fault(fault: Fault): void {
    if (this.over) return;
    this.bound.stats.opaque(fault);
    if (this.gate?.enforces && this.maySpeak && SPEAKS_REDIS.has(fault))
      this.host.send(Side.downstream, protocolError(fault));
    this.endAll();
    this.host.opaque(fault);
  }

  /** The session is over: what is open was lost, what was only queued was never run. */
  endAll(): void {
    if (this.over) return;
    this.over = true;
    this.skipQueued();
    while (this.pending.size > 0) this.#giveUp(this.pending, Outcome.lost);
    if (this.monitor !== null) this.endEndless(this.monitor);
    if (this.replication !== null) this.endEndless(this.replication);
    this.monitor = this.replication = null;
    const { registry, envoy } = this.bound.stats;
    registry.add(envoy.downstream_cx_active, -1);
  }
}

/** Whoever speaks another protocol, or TLS, would not understand an error of ours. */
const SPEAKS_REDIS: ReadonlySet<Fault> = new Set(['ambiguous', 'truncated', 'undersized', 'oversized', 'unknown_type']);

const NO_LATENCY = Flag.waits | Flag.untimed;

/** Elements of an aggregate; 1 for a value, 0 for a status and for null. */
export function rowsIn(told: Told): number {
  if (told.isNull || told.type === Type.simple) return 0;
  return told.isAggregate ? told.count : 1;
}
