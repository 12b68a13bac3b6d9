import { type Exchange, Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial, Refusal, Verdict } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { type Conversation, Phase } from './conversation.ts';
import { lengthFault } from './detect.ts';
import { errorName } from './error-names.ts';
import { type FrameSink, Frames } from './frames.ts';
import type { JuteReader } from './jute-reader.ts';
import { Slot } from './operations.ts';
import { ERROR_AT, errorOfDenial, int32, LENGTH_BYTES, RECORD_AT, standIn } from './refuse.ts';
import { RequestFacts } from './request-facts.ts';
import { Watch } from './stats.ts';
import { REPLY_HEADER_BYTES } from './wire.ts';
import { wordOf } from './words.ts';

/**
 * What a judged session does more than an observed one: it reads requests whole and strictly, and has each judged. Where
 * the judges may deny, it also holds what comes behind a login, and puts a stand-in in the place of what is denied.
 */
export class Gate implements FrameSink {
  readonly frames = new Frames(this);
  readonly enforces: boolean;
  readonly #talk: Conversation;
  readonly #reader: JuteReader;
  readonly #request = new RequestFacts();
  readonly #ops: Exchange[] = [];
  readonly #turn: { from: number; to: number; complete: boolean; ops: Exchange[]; facts: OperationFacts[] };
  /** xid of the request at hand. */
  #xid = 0;
  #why: Denial = NOBODY;
  /** Denials whose stand-in has not been answered yet, by place in `pending`. */
  readonly #denials = new Map<number, { readonly why: Denial; readonly at: number }>();
  /** The verdict on the request at hand is not known: it will be read again. */
  #isLater = false;

  constructor(talk: Conversation, reader: JuteReader) {
    this.#talk = talk;
    this.#reader = reader;
    this.enforces = talk.host.enforces;
    this.#turn = { from: 0, to: 0, complete: true, ops: this.#ops, facts: [] };
  }

  // ---- requests

  /** Bytes of the client, buf[start..end) from offset `at` on. Returns the offset read up to. */
  read(buf: Buffer, start: number, end: number, at: number): number {
    return at + (this.frames.push(buf, start, end, at, this.#talk.host.now()) - start);
  }

  onLength(length: number, from: number): 'take' | 'stop' {
    const talk = this.#talk;
    if (talk.phase === Phase.start) {
      const word = wordOf(length);
      if (word !== null) {
        this.#onWord(word, from);
        return 'stop';
      }
    }
    const foreign = talk.phase === Phase.start ? lengthFault(length) : null;
    if (foreign !== null) {
      talk.fault(foreign, Slot.connect);
      return 'stop';
    }
    if (length >= 0 && length <= talk.bound.options.max_held_bytes) return 'take';
    talk.fault(length < 0 ? 'undersized' : 'oversized', Slot.connect);
    return 'stop';
  }

  onFrame(buf: Buffer, start: number, end: number, from: number, firstByteAt: number): boolean {
    const talk = this.#talk;
    const request = this.#request;
    const turn = this.#turn;
    turn.from = from;
    turn.to = from + (end - start);
    this.#xid = end - start >= 8 ? buf.readInt32BE(start + 4) : 0;
    if (talk.phase === Phase.start) request.connect(buf, start + LENGTH_BYTES, end);
    else request.read(buf, start + LENGTH_BYTES, end);
    turn.facts = request.fault === null ? request.facts : [UNREAD];
    this.#isLater = false;
    // Whom another protocol speaks, the reader tells by the first bytes.
    if (request.fault !== null && this.enforces && talk.phase !== Phase.start) talk.fault(request.fault);
    else this.#reader.push(buf, start, end, firstByteAt);
    if (request.fault !== null && this.enforces) talk.fault(request.fault, Slot.connect);
    if (talk.over) this.frames.stop();
    return !this.#isLater;
  }

  // ---- verdicts

  /** Asks about the request at hand. `later`: it will be read again. */
  ask(x: Exchange): Verdict {
    const { host } = this.#talk;
    const { doubt } = this.#request;
    const turn = this.#turn;
    this.#ops.push(x);
    this.#why = NOBODY;
    let verdict: Verdict = 'deny';
    if (doubt !== '' && this.enforces) this.#denySelf(x, doubt);
    else verdict = host.ask(turn);
    this.#ops.pop();
    if (!this.enforces) return 'allow';
    this.#isLater = verdict === 'later';
    return verdict;
  }

  #denySelf(x: Exchange, message: string): void {
    this.#why = { policy: 'sluice.unreadable', message, kind: 'unreadable', closes: false };
    if (this.#talk.phase === Phase.session)
      this.#talk.host.replace(Side.downstream, this.#turn.from, this.#turn.to, standIn(this.#xid));
    x.verdict = VerdictCode.denied;
    x.policy = this.#why.policy;
    x.policySnapshot = this.#talk.host.policySnapshot;
    x.requestOffset = this.#turn.from;
  }

  /** The host calls it from within ask(). A session that may not begin, and a word, have no words to be refused in. */
  refuse(why: Denial): Refusal {
    this.#why = why;
    return this.#talk.phase === Phase.session
      ? { kind: 'standIn', bytes: standIn(this.#xid) }
      : { kind: 'close', last: null };
  }

  /** The denied request becomes an exchange, and its stand-in is in flight. */
  begin(x: Exchange): void {
    const talk = this.#talk;
    const { host, bound, pending } = talk;
    const { registry, own } = bound.stats;
    registry.inc(own.denied);
    x.flags |= Flag.denied;
    x.outcome = Outcome.denied;
    x.code = errorName(errorOfDenial(this.#why));
    talk.open++;
    host.begin(x);
    if (talk.phase !== Phase.session || this.#why === NOBODY) {
      talk.endDenied(x);
      talk.endAll();
      return;
    }
    registry.inc(own.stand_ins);
    pending.push(x, Slot.exists, this.#xid, Watch.none, null);
    this.#denials.set(pending.tail - 1, { why: this.#why, at: host.facts.received[Side.upstream] });
    host.setGear(Side.upstream, 'gate');
    if (this.#denials.size > MAX_DENIALS) talk.fault('too_many_in_flight');
  }

  /** A four-letter word, and nothing of what is said behind it. */
  #onWord(word: string, from: number): void {
    const talk = this.#talk;
    const { host, bound } = talk;
    this.#request.word(word);
    const turn = this.#turn;
    turn.from = from;
    turn.to = from + LENGTH_BYTES;
    turn.facts = this.#request.facts;
    const x = talk.wordExchange(word);
    this.#ops.push(x);
    const isKnown = !this.enforces || bound.options.words.includes(word);
    const verdict = isKnown ? host.ask(turn) : 'deny';
    this.#ops.pop();
    if (verdict === 'deny' && this.enforces) {
      if (!isKnown) {
        x.verdict = VerdictCode.denied;
        x.policy = 'sluice.unreadable';
        x.policySnapshot = host.policySnapshot;
        x.requestOffset = turn.from;
      }
      this.#why = { ...NOBODY, policy: x.policy };
      this.begin(x);
      if (!isKnown) host.close('denied:sluice.unreadable');
      return;
    }
    talk.beginWord(word, x);
    if (this.enforces) host.clear(Side.downstream, turn.to);
  }

  // ---- stand-ins

  get hasStandIns(): boolean {
    return this.#denials.size > 0;
  }

  isStandIn(place: number): boolean {
    return this.#denials.has(place);
  }

  /** The reply to a stand-in stood at [from, to). Its error takes its place. False: it came before the stand-in was sent. */
  answer(place: number, from: number, to: number, firstByteAt: number): boolean {
    const talk = this.#talk;
    const { host, pending } = talk;
    const { why, at } = this.#denials.get(place)!;
    if (from < at) return false;
    this.#denials.delete(place);
    this.replaceReply(from, to, errorOfDenial(why));
    if (this.#denials.size === 0 && !host.cuts) host.setGear(Side.upstream, 'tap');
    const x = pending.exchange(place)!;
    x.replyFirstByteAt = firstByteAt;
    x.replyLastByteAt = host.now();
    x.replyBytes = RECORD_AT;
    pending.remove(place);
    talk.endDenied(x);
    return true;
  }

  /** A reply becomes an error without a record; its number and zxid stay. */
  replaceReply(from: number, to: number, error: number): void {
    const { host } = this.#talk;
    host.replace(Side.upstream, from, from + LENGTH_BYTES, int32(REPLY_HEADER_BYTES));
    host.replace(Side.upstream, from + ERROR_AT, from + RECORD_AT, int32(error));
    // `to` below that: the rest is dropped as it comes.
    if (to > from + RECORD_AT) host.replace(Side.upstream, from + RECORD_AT, to, null);
  }

  // ---- what waits for an answer

  /** The session's beginning or a login was sent: what comes behind it waits (threats R8, X-06). */
  await(): void {
    if (!this.enforces) return;
    this.frames.paused = true;
    const { registry, own } = this.#talk.bound.stats;
    registry.inc(own.held);
  }

  /** Replies were read. */
  release(): void {
    const talk = this.#talk;
    if (!this.frames.paused || talk.phase !== Phase.session || talk.logins.size > 0) return;
    this.frames.paused = false;
    talk.host.resume(Side.downstream);
  }
}

/** Denials whose place among the replies has not come. */
const MAX_DENIALS = 10_000;

const NOBODY: Denial = { policy: '', message: 'denied', kind: 'policy', closes: true };
const UNREAD: OperationFacts = {
  operation: 'unknown',
  accesses: [],
  unresolved: 'the record cannot be read',
  hasWhere: true,
  limit: -1,
  stages: [],
  categories: [],
};
