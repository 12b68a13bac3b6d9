import { type Exchange, Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial, Refusal, Verdict } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Conversation } from './conversation.ts';
import { Parked } from './parked.ts';
import { codeOfDenial, deniedReply, discard, standIn } from './refuse.ts';
import type { Requests } from './requests.ts';
import { Special, UNKNOWN } from './special.ts';

/** What becomes of a command that was judged by its first bytes: its rest goes on, or is dropped, as it comes. */
const Rest = { none: 0, passes: 1, dropped: 2 } as const;

/**
 * What a judged session does more than an observed one: it has each command judged. Where the judges may deny, it also holds
 * commands whose meaning an answer may still change, and puts a stand-in in the place of those that are denied. Bytes leave
 * in RedisSession, which clears what was read and not held.
 */
export class Gate {
  readonly #talk: Conversation;
  readonly #requests: Requests;
  readonly #enforces: boolean;
  readonly #ops: Exchange[] = [];
  readonly #facts: OperationFacts[] = [];
  readonly #turn = { from: 0, to: 0, complete: true, ops: this.#ops, facts: this.#facts, parked: 0 };
  readonly #parked = new Parked();
  /** Asks for nothing but limits of replies. */
  #isBounding = false;
  /** Denials whose stand-in has not been answered yet, by place. */
  readonly #denials = new Map<number, { readonly why: Denial; readonly at: number; readonly isExec: boolean }>();
  /** The command at hand is the EXEC of a transaction. */
  isExec = false;
  #why: Denial = NOBODY;
  /** The stand-in went to the server: it will answer it. */
  #hasStandIn = false;
  #rest: number = Rest.none;
  /** Offset up to which the rest has been dropped. */
  #restFrom = 0;
  /** Place of the command whose answer everything behind it waits for; -1 = none. */
  #awaited = -1;
  /** The database before a SELECT that EXEC is still to run; null: there is none. */
  #databaseBefore: string | null = null;

  constructor(talk: Conversation, requests: Requests) {
    this.#talk = talk;
    this.#requests = requests;
    this.#enforces = talk.host.enforces;
  }

  get enforces(): boolean {
    return this.#enforces;
  }

  // ---- verdicts

  /** Asks about the command at hand, up to offset `to`. Whether it is to be begun as denied, read again, or begun. */
  ask(x: Exchange, facts: OperationFacts, to: number, complete: boolean): Verdict {
    this.#set(x, facts, to, complete);
    const isStale = this.isExec && this.#isStale;
    if (isStale) this.#addParked();
    this.#why = NOBODY;
    this.#hasStandIn = false;
    const verdict = this.#talk.host.ask(this.#turn);
    this.#unset();
    if (isStale && verdict === 'allow' && this.#talk.host.cuts) this.#boundAnew();
    if (!this.#enforces) return 'allow';
    if (verdict === 'deny') this.#dropRest(complete, to);
    else if (verdict === 'allow' && !complete) this.#rest = Rest.passes;
    return verdict;
  }

  /** Denied by the protocol filter itself, whatever the policies say: where it leads cannot be followed. */
  denySelf(x: Exchange, facts: OperationFacts, to: number, complete: boolean, message: string): void {
    const { host } = this.#talk;
    this.#set(x, facts, to, complete);
    const refusal = this.refuse({ policy: 'sluice.unreadable', message, kind: 'unreadable', closes: false });
    this.#unset();
    if (refusal.kind === 'close') return; // never
    host.replace(Side.downstream, this.#turn.from, to, refusal.kind === 'standIn' ? refusal.bytes : null);
    if (refusal.kind === 'answer') host.send(Side.downstream, refusal.bytes);
    x.verdict = VerdictCode.denied;
    x.policy = this.#why.policy;
    x.policySnapshot = host.policySnapshot;
    x.requestOffset = this.#turn.from;
    this.#dropRest(complete, to);
  }

  #set(x: Exchange, facts: OperationFacts, to: number, complete: boolean): void {
    const turn = this.#turn;
    turn.from = this.#requests.from;
    turn.to = to;
    turn.complete = complete;
    turn.parked = 0;
    this.#ops.push(x);
    this.#facts.push(facts);
  }

  /** Only the first was to be begun: the others carried facts. */
  #unset(): void {
    while (this.#ops.length > 1) {
      this.#talk.host.drop(this.#ops.pop()!);
      this.#facts.pop();
    }
    this.#ops.pop();
    this.#facts.pop();
  }

  // ---- what waits for EXEC

  /** The command at hand was allowed: within MULTI it runs when EXEC does. */
  passes(x: Exchange, facts: OperationFacts, special: number, argc: number): void {
    const { transaction, host } = this.#talk;
    const leaves = argc === 1 && (special === Special.discard || special === Special.reset);
    // A MULTI within MULTI is refused, and the queue stays.
    if (this.isExec || leaves || (special === Special.multi && !transaction.asked)) this.#parked.clear();
    else if (transaction.asked) this.#parked.add(x, facts, host.snapshot);
  }

  get #isStale(): boolean {
    return this.#parked.isStale(this.#talk.host.snapshot);
  }

  /** Why EXEC cannot be judged, '' = it can. */
  get doubtOfExec(): string {
    return this.isExec && this.#parked.isTooLong && this.#isStale ? TOO_LONG : '';
  }

  /** EXEC is asked about with all that it would run: what judged that is not what judges now. */
  #addParked(): void {
    const { facts } = this.#parked;
    for (let i = 0; i < facts.length; i++) this.#carry(i);
    this.#turn.parked = facts.length;
  }

  #carry(i: number): Exchange {
    const x = this.#talk.host.take();
    this.#parked.fill(i, x);
    this.#ops.push(x);
    this.#facts.push(this.#parked.facts[i]!);
    return x;
  }

  /** What EXEC runs returns no more than is allowed by now. */
  #boundAnew(): void {
    const { host } = this.#talk;
    this.#isBounding = true;
    this.#turn.parked = 1;
    for (let i = 0; i < this.#parked.facts.length; i++) {
      const x = this.#carry(i);
      host.ask(this.#turn);
      this.#parked.bound(i, x);
      this.#ops.pop();
      this.#facts.pop();
      host.drop(x);
    }
    this.#isBounding = false;
  }

  /** The host calls it from within ask(). Where nothing is in flight the server need not be asked for its place. */
  refuse(why: Denial): Refusal {
    if (this.#isBounding) return { kind: 'again' }; // never: it was allowed just now
    this.#why = why;
    this.#hasStandIn = !this.#talk.mayAnswer;
    return this.#hasStandIn
      ? { kind: 'standIn', bytes: this.isExec ? discard() : standIn() }
      : { kind: 'answer', bytes: deniedReply(why) };
  }

  /** The denied command becomes an exchange. `hasReply`: it has a place among the replies. */
  begin(x: Exchange, hasReply: boolean): void {
    const talk = this.#talk;
    const { host, bound, pending } = talk;
    const { registry, own } = bound.stats;
    registry.inc(own.denied);
    x.flags |= Flag.denied;
    x.outcome = Outcome.denied;
    x.code = codeOfDenial(this.#why);
    talk.open++;
    host.begin(x);
    if (this.#hasStandIn) registry.inc(own.stand_ins);
    if (!this.#hasStandIn || !hasReply) {
      x.replyFirstByteAt = x.replyLastByteAt = host.now();
      if (hasReply && this.#why !== NOBODY) x.replyBytes = deniedReply(this.#why).length;
      talk.end(x);
      if (this.#why === NOBODY) talk.endAll(); // the connection ends with it: it was not asked for words
      return;
    }
    pending.push(x, UNKNOWN, false, null);
    this.#denials.set(pending.tail - 1, {
      why: this.#why,
      at: host.facts.received[Side.upstream],
      isExec: this.isExec,
    });
    if (this.isExec) {
      this.#parked.clear();
      talk.transaction.asked = false;
      if (this.doubtsDatabase) this.await();
    }
    host.setGear(Side.upstream, 'gate');
  }

  // ---- stand-ins

  /** Denials whose place among the replies has not come. */
  get waiting(): number {
    return this.#denials.size;
  }

  /** Is the oldest command in flight a stand-in? */
  get answersStandIn(): boolean {
    return this.#denials.size > 0 && this.#denials.has(this.#talk.pending.head);
  }

  /** Is it the DISCARD that stands for an EXEC? Then any reply is its answer. */
  get answersDiscard(): boolean {
    return this.#denials.size > 0 && this.#denials.get(this.#talk.pending.head)?.isExec === true;
  }

  /** The stand-in's error stood at [from, to) of the server's bytes. False: it came before the stand-in was sent. */
  answer(from: number, to: number, firstByteAt: number): boolean {
    const talk = this.#talk;
    const { host, pending, transaction } = talk;
    const { why, at, isExec } = this.#denials.get(pending.head)!;
    if (from < at) return false;
    this.#denials.delete(pending.head);
    const bytes = deniedReply(why);
    host.replace(Side.upstream, from, to, bytes);
    if (this.#denials.size === 0 && !host.cuts) host.setGear(Side.upstream, 'tap');
    const x = pending.exchange!;
    transaction.mark(x);
    if (transaction.inside) transaction.spoil();
    if (transaction.inside && isExec) talk.leaveTransaction();
    x.replyFirstByteAt = firstByteAt;
    x.replyLastByteAt = host.now();
    x.replyBytes = bytes.length;
    talk.shift(pending);
    talk.end(x);
    return true;
  }

  // ---- commands that were judged by their first bytes

  #dropRest(complete: boolean, to: number): void {
    if (complete) return;
    this.#rest = Rest.dropped;
    this.#restFrom = to;
  }

  /** Is the rest of a command on its way that is judged already? */
  get inRest(): boolean {
    return this.#rest !== Rest.none;
  }

  /** Bytes up to this offset have been read. `isOver`: the command ends there. */
  passRest(to: number, isOver: boolean): void {
    if (this.#rest === Rest.dropped && to > this.#restFrom) {
      this.#talk.host.replace(Side.downstream, this.#restFrom, to, null);
      this.#restFrom = to;
    }
    if (isOver) this.#rest = Rest.none;
  }

  // ---- what waits for an answer

  /** What comes behind the command that was begun last waits for its answer (threats R8, X-06). */
  await(): void {
    if (!this.#enforces) return;
    this.#awaited = this.#talk.pending.tail - 1;
    this.#requests.paused = true;
    const { registry, own } = this.#talk.bound.stats;
    registry.inc(own.held);
  }

  /** Replies were read. */
  release(): void {
    if (this.#awaited < 0 || this.#talk.pending.head <= this.#awaited) return;
    this.#awaited = -1;
    this.#requests.paused = false;
    this.#talk.host.resume(Side.downstream);
  }

  /** SELECT was said within MULTI: until EXEC nobody knows in which database the rest will run. */
  doubtDatabase(): void {
    const { host } = this.#talk;
    this.#databaseBefore ??= host.facts.database;
    if (host.facts.database !== '') host.confirm({ database: '' });
  }

  /** Is EXEC's answer to tell the database? */
  get doubtsDatabase(): boolean {
    return this.#databaseBefore !== null;
  }

  /** The transaction is over, or its elements begin to be told: it was this one before them. */
  restoreDatabase(): void {
    if (this.#databaseBefore === null) return;
    this.#talk.host.confirm({ database: this.#databaseBefore });
    this.#databaseBefore = null;
  }
}

const TOO_LONG = 'policies have changed since MULTI, and the transaction is too long to be judged again';
const NOBODY: Denial = { policy: '', message: 'denied', kind: 'policy', closes: false };
