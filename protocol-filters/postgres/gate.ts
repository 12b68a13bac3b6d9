import { isUtf8 } from 'node:buffer';
import { zeroAt } from '../../src/bytes/cursor.ts';
import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial, Refusal, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { type Conversation, Phase } from './conversation.ts';
import { Onward } from './framing.ts';
import { type Marks, markDenied, UNMARKED } from './marks.ts';
import { isWholeBind, isWholeName, isWholeParse } from './messages.ts';
import { mayChangeReading } from './reading.ts';
import { codeOf, deniedResponse, failingCall, failingParse, failingQuery, failingStep, lastWords } from './refuse.ts';
import type { Statement } from './statements.ts';
import { Frontend as F } from './wire.ts';

/**
 * What an enforced session does more than an observed one: it holds requests whose meaning an answer may still change,
 * has the others judged, and puts a stand-in in the place of those that are denied. Bytes leave in Session, which clears
 * what was read and not held.
 */
export class Gate {
  readonly #talk: Conversation;
  readonly #denials: Conversation['denials'];
  /** Name of the statement in the Parse at hand. */
  #name: Uint8Array = NO_NAME;
  #type = 0;
  /** Of the message at hand, where it begins. */
  #from = 0;
  #marks: Marks = UNMARKED;
  #refused = false;
  /** The batch that holds a denied step: the server will discard the rest of it, so the rest does not leave. */
  #doomed = -1;
  #dropsTail = false;
  /** Place of the ReadyForQuery after which text reads in a known way again; Infinity while its Sync was not sent. */
  #unsureUntil = -1;
  /** Text of this batch comes behind a step that may change how it reads, with no ReadyForQuery between. */
  #unsureBatch = -1;
  /** A setting that changes reading was made in the open transaction: any error or end of it gives it back. */
  #touched = false;
  /** The same of search_path. */
  #touchedPath = false;
  readonly #resume: () => void;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#denials = talk.denials;
    this.#resume = () => talk.release();
  }

  // ---- before a message is read

  /** May the message be read now? */
  before(type: number): Onward {
    const talk = this.#talk;
    if (talk.fatal) return this.#hold();
    if (talk.phase === Phase.authenticating) return this.#beforeReady(type);
    this.#dropsTail = false;
    if (type !== F.query && type !== F.parse) return Onward.next;
    // Within its own batch there is no waiting: the server would not answer before the Sync that comes behind.
    return this.isUnsure && this.#unsureBatch !== talk.batch ? this.#hold() : Onward.next;
  }

  /** A change of reading is under way. */
  get isUnsure(): boolean {
    return this.#unsureUntil >= this.#talk.pending.head;
  }

  #beforeReady(type: number): Onward {
    const talk = this.#talk;
    if (type === F.terminate) return Onward.next;
    if (type === F.password) return talk.awaitsPassword ? Onward.next : this.#hold();
    // What is not an answer to the server's question waits until the server is ready, and may not come in its place.
    return talk.awaitsPassword ? Onward.next : this.#hold();
  }

  /** A prepared statement may be judged: its text is known to be the one that the server will run. */
  mayRun(statement: Statement | null): boolean {
    if (statement === null) return true;
    // From an earlier batch, which may have failed: then the name means what it meant before.
    if (statement.confirmed || statement.batch === this.#talk.batch) return true;
    // Answered and not confirmed: its Parse has failed, and what runs it fails at the server.
    if (statement.place >= 0 && statement.place < this.#talk.pending.head) return true;
    this.#talk.held = true;
    return false;
  }

  #hold(): Onward {
    this.#talk.held = true;
    return Onward.hold;
  }

  /** Fields fill their frame exactly: else the server may read something else than we do. */
  isWellFormed(type: number, bodyBytes: number, buf: Buffer, start: number, end: number, complete: boolean): boolean {
    switch (type) {
      case F.query:
        return end - start === bodyBytes && zeroAt(buf, start, end) === end - 1;
      case F.parse:
        return end - start === bodyBytes && isWholeParse(buf, start, end);
      case F.bind:
        // Cut ones are judged by their names; what their values are decides nothing.
        return !complete || end - start !== bodyBytes || isWholeBind(buf, start, end);
      case F.execute:
        return isWholeName(buf, start, end, 0, 4);
      case F.describe:
      case F.close:
        return (buf[start] === 0x53 || buf[start] === 0x50) && isWholeName(buf, start, end, 1, 0);
      default:
        return true;
    }
  }

  // ---- verdicts

  /** Why text cannot be judged, '' = it can; null: not yet. */
  doubtOf(buf: Buffer, start: number, end: number, digests: readonly Digest[]): string | null {
    const { reading, bound } = this.#talk;
    if (reading.doubt !== '') return reading.doubt;
    if (reading.isUtf8 && !isUtf8(buf.subarray(start, end))) return 'the text is not valid UTF-8';
    let settled = true;
    for (const digest of digests) if (!bound.digests.settle(digest, this.#resume)) settled = false;
    if (settled) return '';
    this.#talk.held = true;
    return null;
  }

  /** The text at hand stands behind a change of reading that the server will not confirm before it reads on. */
  get isUnsureHere(): boolean {
    return this.isUnsure && this.#unsureBatch === this.#talk.batch;
  }

  /** Not only names without a schema may read otherwise there. */
  get isTextUnsure(): boolean {
    return this.#touched;
  }

  named(buf: Buffer, from: number, to: number): void {
    this.#name = from === to ? NO_NAME : Uint8Array.prototype.slice.call(buf, from, to);
  }

  ask(type: number, turn: Turn): 'allow' | 'deny' | 'later' {
    const talk = this.#talk;
    this.#type = type;
    this.#from = turn.from;
    this.#refused = false;
    const verdict = talk.host.ask(turn);
    if (verdict === 'allow') return verdict;
    if (verdict === 'later') talk.held = true;
    else if (this.#refused) this.#denied(turn);
    else this.#closes(turn);
    return verdict;
  }

  /** The denial ends the connection, without a stand-in: its exchanges end here. */
  #closes(turn: Turn): void {
    const talk = this.#talk;
    const { policy } = talk.host.judgement;
    this.#marks = this.#marksOf({ ...UNMARKED.why, policy, closes: true });
    talk.bound.stats.registry.inc(talk.bound.stats.own.denied);
    talk.turns++;
    for (const x of turn.ops) {
      markDenied(x, this.#marks);
      x.code = codeOf(this.#marks.why);
      x.severity = 'FATAL';
      talk.begin(x, talk.turns, false);
      talk.close(x, Outcome.denied);
    }
    talk.endAll();
  }

  /** The last denial has closed the connection. */
  get hasClosed(): boolean {
    return this.#marks.why.closes;
  }

  /** Is a startup message allowed that asks for more than a plain session? The server has accepted its user. */
  admits(facts: OperationFacts): boolean {
    const talk = this.#talk;
    const { received } = talk.host.facts;
    const x = talk.take('startup', talk.bound.startup, talk.host.now(), 0);
    const at = received[Side.downstream];
    const turn: Turn = { from: at, to: at, complete: true, ops: [x], facts: [facts], prepares: false };
    this.#type = STARTUP;
    this.#from = at;
    this.#refused = false;
    if (talk.host.ask(turn) === 'allow') {
      talk.tellStartup(x);
      return true;
    }
    this.#closes(turn);
    return false;
  }

  /** Denied by the protocol filter itself, whatever the policies say: the text cannot be read reliably. */
  denySelf(type: number, turn: Turn, message: string): 'deny' {
    this.#type = type;
    const why: Denial = { policy: 'sluice.unreadable', message, kind: 'unreadable', closes: false };
    const snapshot = this.#talk.host.policySnapshot;
    this.#marks = { why, shadowVerdict: VerdictCode.none, shadowPolicy: '', snapshot, from: turn.from };
    this.#talk.host.replace(Side.downstream, turn.from, turn.to, this.#standIn());
    this.#denied(turn);
    return 'deny';
  }

  /** The stand-in for the message at hand. The host calls it from within ask(). */
  refuse(why: Denial): Refusal {
    if (this.#type === STARTUP) return { kind: 'close', last: lastWords(why, false) };
    this.#refused = true;
    this.#marks = this.#marksOf(why);
    return { kind: 'standIn', bytes: this.#standIn() };
  }

  /** A denial of the message that was asked about last. */
  #marksOf(why: Denial): Marks {
    const { shadowVerdict, shadowPolicy, policySnapshot: snapshot } = this.#talk.host.judgement;
    return { why, shadowVerdict, shadowPolicy, snapshot, from: this.#from };
  }

  #standIn(): Uint8Array {
    switch (this.#type) {
      case F.query:
        return failingQuery();
      case F.parse:
        return failingParse(this.#name);
      case F.functionCall:
        return failingCall();
      default:
        return failingStep();
    }
  }

  #denied(turn: Turn): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    registry.inc(own.denied);
    registry.inc(own.stand_ins);
    if (this.#type !== F.query && this.#type !== F.functionCall) this.#doomed = talk.batch;
    if (!turn.complete) this.#dropsTail = true;
  }

  /** Marks an exchange that will not be run, for the denial at hand. */
  mark(x: Exchange): void {
    markDenied(x, this.#marks);
    x.code = codeOf(this.#marks.why);
    x.severity = 'ERROR';
  }

  /** The stand-in of the last denial waits for its answer at this place. */
  opened(place: number): void {
    const talk = this.#talk;
    talk.pending.markStandIn(place);
    this.#denials.set(place, { marks: this.#marks, at: talk.host.facts.received[Side.upstream] });
    talk.host.setGear(Side.upstream, 'gate');
  }

  /** Did the server's message at this offset begin before the stand-in at this place was sent? Then it is no answer to it. */
  precedes(place: number, from: number): boolean {
    return from < (this.#denials.get(place)?.at ?? 0);
  }

  /** The server has answered, or discarded, the stand-in at this place. Returns what it stood for. */
  closed(place: number): Marks {
    const marks = this.#denials.get(place)?.marks ?? UNMARKED;
    this.#denials.delete(place);
    if (this.#denials.size === 0 && !this.#talk.host.cuts) this.#talk.host.setGear(Side.upstream, 'tap');
    return marks;
  }

  /** What the client gets in the place of the stand-in's error, which stood at [from, to) of the server's bytes. */
  answer(why: Denial, from: number, to: number): void {
    this.#talk.host.replace(Side.upstream, from, to, deniedResponse(why));
  }

  /** The rest of the present batch, up to its Sync, does not leave. */
  doom(): void {
    this.#doomed = this.#talk.batch;
  }

  // ---- what does not leave

  /** Is [from, to) of the client's bytes part of a batch that a denial has doomed? Then it is dropped. */
  drops(inBatch: boolean, from: number, to: number): boolean {
    if (!inBatch || this.#doomed !== this.#talk.batch) return false;
    this.#talk.host.replace(Side.downstream, from, to, null);
    this.#dropsTail = true;
    return true;
  }

  /** The rest of a message that was judged by its prefix. */
  tail(from: number, to: number): void {
    if (this.#dropsTail) this.#talk.host.replace(Side.downstream, from, to, null);
  }

  // ---- what changes how text reads

  /** An execution goes to the server. `inBatch`: of the extended protocol, its ReadyForQuery comes with a Sync. */
  noteExecution(place: number, digest: Digest, inBatch: boolean): void {
    if (mayChangeReading(digest, false)) this.#touched = true;
    else if (this.#talk.reading.schema !== '' && mayChangeReading(digest, true)) this.#touchedPath = true;
    // A transaction that has touched the settings gives them back at its end, and at any error.
    if (!this.#touched && !this.#touchedPath) return;
    // The server may say CommandComplete at once; the settings it tells no earlier than with ReadyForQuery.
    this.#unsureUntil = inBatch ? Number.POSITIVE_INFINITY : place;
    if (inBatch) this.#unsureBatch = this.#talk.batch;
  }

  /** The ReadyForQuery at this place will tell the settings that everything before it has made. */
  noteBatchEnd(place: number): void {
    if (this.isUnsure && (this.#unsureUntil < place || this.#unsureUntil === Number.POSITIVE_INFINITY))
      this.#unsureUntil = place;
  }

  /** ReadyForQuery: all settings have been reported. */
  ready(idle: boolean): void {
    const { reading } = this.#talk;
    // Made in a transaction that is still open, by whatever means: its end gives it back.
    if (reading.movedText && !idle) this.#touched = true;
    if (reading.movedPath && !idle) this.#touchedPath = true;
    reading.movedText = reading.movedPath = false;
    if (idle && !this.isUnsure) this.#touched = this.#touchedPath = false;
  }
}

const NO_NAME = new Uint8Array(0);
/** In the place of a message's type: the startup message has none. */
const STARTUP = 0;
