import { zeroAt } from '../../src/bytes/cursor.ts';
import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Backend } from './backend.ts';
import { type Conversation, Phase } from './conversation.ts';
import { type FrameSink, Framing, Onward } from './framing.ts';
import type { Gate } from './gate.ts';
import { Inquiry } from './inquiry.ts';
import { Intake } from './intake.ts';
import { FUNCTION_CALL } from './judged.ts';
import { readNames } from './messages.ts';
import { nameFrom } from './names.ts';
import { Step } from './pending.ts';
import { type Portal, Statement } from './statements.ts';
import {
  Frontend as F,
  FRONTEND_LENGTHS,
  HEADER_BYTES,
  keepTable,
  MAX_GATED_BYTES,
  NAMES_BYTES,
  TEXT_CAPTURE_BYTES,
} from './wire.ts';

const KEEP_TAPPED = keepTable([
  [F.query, TEXT_CAPTURE_BYTES],
  [F.parse, TEXT_CAPTURE_BYTES],
  [F.bind, NAMES_BYTES],
  [F.execute, NAMES_BYTES],
  [F.close, NAMES_BYTES],
  [F.describe, NAMES_BYTES],
]);

/** Judged before they leave: kept whole, but Bind, whose names stand first and whose values decide nothing. */
const KEEP_GATED = keepTable([
  [F.query, MAX_GATED_BYTES],
  [F.parse, MAX_GATED_BYTES],
  [F.bind, NAMES_BYTES],
  [F.execute, 10_000],
  [F.close, 10_000],
  [F.describe, 10_000],
]);
/** Handed over by their prefix; the rest streams. */
const EARLY_GATED = new Uint8Array(256);
for (const type of [F.bind, F.copyData, F.password]) EARLY_GATED[type] = 1;

/** Messages that are discarded with their batch after an error. */
const IN_BATCH = new Uint8Array(256);
for (const type of [F.parse, F.bind, F.describe, F.execute, F.close, F.query, F.functionCall]) IN_BATCH[type] = 1;

const PREPARED_BY_STATEMENT = 0x53; // S, in Describe and Close
const NOT_JUDGED: readonly OperationFacts[] = [];

/** What the client says: requests become steps that wait for their answer, and executions become exchanges. */
export class Frontend implements FrameSink {
  readonly framing: Framing;
  readonly #talk: Conversation;
  readonly #backend: Backend;
  readonly #gate: Gate | null;
  readonly #inquiry: Inquiry;
  readonly #intake: Intake;

  constructor(talk: Conversation, backend: Backend, gate: Gate | null) {
    this.#talk = talk;
    this.#backend = backend;
    this.#gate = gate;
    this.framing = new Framing(this, FRONTEND_LENGTHS, gate === null ? KEEP_TAPPED : KEEP_GATED);
    this.#inquiry = new Inquiry(talk, gate, this.framing);
    this.#intake = new Intake(talk, backend, this.framing, this.#inquiry);
    if (gate !== null) {
      this.framing.early = EARLY_GATED;
      this.framing.ceiling = MAX_GATED_BYTES;
    }
  }

  onFault(fault: Fault): void {
    if (fault === 'unknown_type') this.#talk.bound.stats.unknownMessage();
    this.#backend.fault(fault);
  }

  onTail(from: number, to: number): void {
    this.#gate?.tail(from, to);
  }

  onFrame(type: number, bodyBytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    this.#inquiry.body = bodyBytes;
    this.#talk.pending.from = from;
    const onward = this.#read(type, bodyBytes, buf, start, end, from);
    if (onward === Onward.next) this.#talk.bound.stats.frontendMessage();
    return onward;
  }

  #read(type: number, bodyBytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    const bytes = bodyBytes + HEADER_BYTES;
    if (this.#gate !== null) {
      const onward = this.#gate.before(type);
      if (onward !== Onward.next) return onward;
      if (!this.#isWellFormed(type, bodyBytes, buf, start, end)) return this.#fault('truncated');
    }
    if (talk.phase === Phase.authenticating && !talk.authenticated)
      return this.#authenticate(type, buf, start, end, from);
    if (talk.copyIn && type < 0x60 && type !== F.sync && type !== F.flush && type !== F.terminate)
      return this.#fault('out_of_order');
    return this.#dispatch(type, bytes, buf, start, end, from);
  }

  #authenticate(type: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    if (type === F.password) {
      talk.awaitsPassword = false;
      return Onward.next;
    }
    // A client may send ahead, hoping that nothing will be asked of it.
    if (talk.awaitsPassword && type !== F.terminate) return this.#fault('out_of_order');
    return this.#dispatch(type, this.#inquiry.body + HEADER_BYTES, buf, start, end, from);
  }

  #dispatch(type: number, bytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    switch (type) {
      case F.query:
        return this.#query(buf, start, end, from, bytes);
      case F.parse:
        return this.#parse(buf, start, end, from, bytes);
      case F.bind:
        return this.#bind(buf, start, end, from, bytes);
      case F.execute:
        return this.#execute(buf, start, end, from, bytes);
      case F.describe:
        if (this.#drops(type, from, bytes)) return Onward.next;
        this.#intake.step(Step.describe, null, this.#described(buf, start, end), null, null, bytes);
        return Onward.next;
      case F.close:
        this.#drops(type, from, bytes);
        return this.#close(buf, start, end, bytes);
      case F.sync:
        return this.#sync(bytes);
      case F.functionCall:
        return this.#functionCall(from, bytes);
      case F.copyData:
        this.#copyData(bytes);
        return Onward.next;
      case F.copyDone:
      case F.copyFail:
        if (talk.copyIn) talk.copyIn = false;
        else if (talk.pending.size > 0 && !talk.copyBoth && !talk.overflowing)
          talk.pending.push(Step.copyEnd, null, null, null, null, 0, bytes);
        return Onward.next;
      case F.terminate:
        talk.transaction.abandon();
        return Onward.next;
      case F.flush:
        return Onward.next;
      default:
        return this.#fault('out_of_order'); // a password after authentication
    }
  }

  // ---- simple query

  #query(buf: Buffer, start: number, end: number, from: number, bytes: number): Onward {
    const talk = this.#talk;
    const { book, pending } = talk;
    const inquiry = this.#inquiry;
    const textEnd = buf[end - 1] === 0 ? end - 1 : end;
    const drops = this.#drops(F.query, from, bytes);
    const doubt = inquiry.read(buf, start, textEnd, drops);
    if (doubt === null) return Onward.hold;
    const count = inquiry.digests.length;
    const { ops } = inquiry;
    const at = this.framing.startedAt;
    const effects = inquiry.effects(buf);
    for (let i = 0; i < count; i++) {
      const x = talk.take('query', inquiry.digests[i]!, at, i === 0 ? bytes : 0);
      x.index = i;
      if (count > 1) x.flags |= Flag.batch;
      if (inquiry.truncated) x.flags |= Flag.truncated;
      x.traceparent = inquiry.traceparent || talk.host.facts.traceparent;
      const effect = effects?.[i];
      if (effect?.kind === 'execute') this.#runsNamed(x, book.current(effect.name));
      ops.push(x);
    }
    const verdict =
      drops || (count === 0 && doubt === '') ? 'allow' : inquiry.askText(F.query, buf, from, effects, doubt, false);
    if (verdict === 'later') return this.#hold();
    talk.bound.countParsed(inquiry.digests);
    if (count === 0) talk.bound.stats.registry.inc(talk.bound.stats.own.empty_queries);
    const denied = verdict === 'deny';
    if (this.#intake.isFull(count + 1)) return this.#intake.untimed(true);
    const turn = ++talk.turns;
    const pipelined = talk.open > 0;
    for (let i = 0; i < count; i++) {
      const x = ops[i]!;
      const effect = effects?.[i] ?? null;
      if (denied) this.#gate!.mark(x);
      talk.begin(x, turn, !denied && !drops, pipelined);
      const statement = effect === null ? null : new Statement('', x.digest!, '', effect);
      const place = pending.push(Step.statement, x, statement, null, null, at, bytes);
      if (inquiry.digests[i]!.operation === 'COPY') this.#copyPlace = place;
      if (denied) {
        if (i === 0) this.#gate!.opened(place);
        // What is dropped with its batch changes nothing, and no answer of its own will come.
      } else if (!drops) this.#gate?.noteExecution(place, inquiry.digests[i]!, false);
    }
    inquiry.forget();
    const last = pending.push(Step.queryEnd, null, null, null, book.remove(''), at, bytes);
    if (denied && count === 0) this.#gate!.opened(last);
    this.#gate?.noteBatchEnd(last);
    return Onward.next;
  }

  // ---- extended query

  #parse(buf: Buffer, start: number, end: number, from: number, bytes: number): Onward {
    const talk = this.#talk;
    const names = readNames(buf, start, end, 1);
    const nameFromAt = names.from;
    const nameTo = names.ok ? names.to : end;
    const textStart = Math.min(nameTo + 1, end);
    const nul = zeroAt(buf, textStart, end);
    const textEnd = nul < 0 ? end : nul;
    const drops = this.#drops(F.parse, from, bytes);
    const inquiry = this.#inquiry;
    let doubt = inquiry.read(buf, textStart, textEnd, drops);
    if (doubt === '' && this.#gate !== null && nameTo > nameFromAt && talk.book.full)
      doubt = 'the session has too many prepared statements';
    if (doubt === null) return Onward.hold;
    const digest = inquiry.digests[0] ?? talk.bound.nothing;
    const effects = inquiry.effects(buf);
    let verdict = 'allow';
    let judged = NOT_JUDGED;
    let bare = NOT_JUDGED;
    if (talk.host.judges && !drops && (inquiry.digests.length > 0 || doubt !== '')) {
      for (let i = 0; i < inquiry.digests.length; i++)
        inquiry.ops.push(talk.take('parse', inquiry.digests[i]!, this.framing.startedAt, bytes));
      this.#gate?.named(buf, nameFromAt, nameTo);
      verdict = inquiry.askText(F.parse, buf, from, effects, doubt, true);
      judged = inquiry.keptFacts();
      bare = inquiry.bareFacts();
      if (verdict === 'later') {
        inquiry.drop();
        return Onward.hold;
      }
    }
    talk.bound.countParsed(inquiry.digests);
    const statement = this.#intake.statementFor(buf, nameFromAt, nameTo, digest);
    statement.judged = judged;
    statement.bare = bare;
    statement.effect = effects?.[0] ?? null;
    statement.traceparent = inquiry.traceparent;
    statement.truncated = inquiry.truncated;
    statement.batch = talk.batch;
    const previous = this.#intake.store(statement);
    const place = this.#intake.step(Step.parse, null, statement, null, previous, bytes);
    statement.place = place;
    this.#intake.keepSaid(place);
    if (verdict === 'deny') this.#gate!.opened(place);
    return Onward.next;
  }

  #bind(buf: Buffer, start: number, end: number, from: number, bytes: number): Onward {
    const talk = this.#talk;
    const names = readNames(buf, start, end, 2);
    if (!names.ok) {
      if (this.#gate !== null) return this.#fault('truncated');
      names.secondFrom = names.secondTo = names.from = names.to = end;
    }
    const { from: portalFrom, to: portalTo, secondFrom, secondTo } = names;
    const statement = talk.book.find(buf, secondFrom, secondTo);
    const drops = this.#drops(F.bind, from, bytes);
    let denied = false;
    // One that was not seen prepared is refused when it runs; that it does not exist is the server's to say.
    if (talk.host.judges && !drops && statement !== null) {
      const verdict = this.#inquiry.askRun('bind', F.bind, statement, from, bytes, true);
      if (verdict === 'later') return this.#hold();
      denied = verdict === 'deny';
    }
    const place = talk.pending.tail;
    const portal = talk.book.bind(buf, portalFrom, portalTo, statement, place);
    this.#intake.step(Step.bind, null, statement, portal, null, bytes);
    this.#intake.keepSaid(place);
    if (denied) this.#gate!.opened(place);
    return Onward.next;
  }

  #execute(buf: Buffer, start: number, end: number, from: number, bytes: number): Onward {
    const talk = this.#talk;
    const names = readNames(buf, start, end, 1);
    const portal = names.ok ? talk.book.findPortal(buf, names.from, names.to) : null;
    const statement = portal === null ? null : portal.statement;
    const drops = this.#drops(F.execute, from, bytes);
    let denied = false;
    if (talk.host.judges && !drops) {
      const verdict = this.#inquiry.askRun('execute', F.execute, statement, from, bytes, false);
      if (verdict === 'later') return this.#hold();
      denied = verdict === 'deny';
    }
    if (statement !== null && statement.digest === talk.bound.nothing) {
      this.#intake.step(Step.execute, null, statement, portal, null, bytes);
      return Onward.next;
    }
    const at = talk.stepAt || this.framing.startedAt;
    // The one that was asked about has the policies' marks.
    const x = this.#inquiry.ops[0] ?? talk.take('execute', talk.bound.unknown, at, 0);
    this.#inquiry.forget();
    x.requestFirstByteAt = at;
    x.requestBytes = talk.stepBytes + bytes;
    if (talk.stepBytes > 0) x.requestOffset = talk.stepFrom;
    this.#describeRun(x, statement, portal);
    talk.forgetSteps();
    if (this.#intake.isFull(1)) {
      this.#inquiry.ops.push(x);
      return this.#intake.untimed(false);
    }
    if (denied) this.#gate!.mark(x);
    talk.begin(x, ++talk.turns, !denied && !drops);
    const place = talk.pending.push(Step.execute, x, statement, portal, null, at, bytes);
    talk.lastExecute = place;
    if (x.digest!.operation === 'COPY') this.#copyPlace = place;
    if (denied) this.#gate!.opened(place);
    else if (statement !== null) this.#gate?.noteExecution(place, statement.digest, true);
    return Onward.next;
  }

  /** Fills an exchange with what its statement and portal say. */
  #describeRun(x: Exchange, statement: Statement | null, portal: Portal | null): void {
    const talk = this.#talk;
    x.traceparent = talk.host.facts.traceparent;
    if (portal !== null && portal.runs++ > 0) {
      x.flags |= Flag.continuation;
      x.story = portal.story;
    }
    if (statement === null) {
      const { registry, own } = talk.bound.stats;
      registry.inc(own.unknown_statements);
      return;
    }
    x.digest = statement.digest;
    if (statement.truncated) x.flags |= Flag.truncated;
    const isNew = (x.flags & Flag.continuation) === 0;
    if (statement.name !== '' || (isNew && statement.runs > 0)) x.flags |= Flag.prepared;
    if (statement.traceparent !== '') {
      x.traceparent = statement.traceparent;
      if (statement.runs > 0) x.flags |= Flag.staleTrace;
    }
    if (isNew) statement.runs++;
    if (statement.effect?.kind === 'execute') this.#runsNamed(x, talk.book.current(statement.effect.name));
  }

  /** SQL EXECUTE: counted as an execution of what PREPARE named. */
  #runsNamed(x: Exchange, statement: Statement | null): void {
    if (statement === null) return;
    x.digest = statement.digest;
    x.flags |= Flag.prepared;
  }

  #close(buf: Buffer, start: number, end: number, bytes: number): Onward {
    const talk = this.#talk;
    const names = readNames(buf, start + 1, end, 1);
    const isStatement = buf[start] === PREPARED_BY_STATEMENT;
    if (!names.ok) this.#intake.step(Step.closePortal, null, null, null, null, bytes);
    else if (isStatement) {
      const previous = talk.book.remove(nameFrom(buf, names.from, names.to));
      this.#intake.step(Step.closeStatement, null, previous, null, previous, bytes);
    } else {
      talk.book.closePortal(buf, names.from, names.to);
      this.#intake.step(Step.closePortal, null, null, null, null, bytes);
    }
    return Onward.next;
  }

  /** The statement that a Describe is about, so that its error finds the right Execute. */
  #described(buf: Buffer, start: number, end: number): Statement | null {
    const names = readNames(buf, start + 1, end, 1);
    if (!names.ok) return null;
    if (buf[start] === PREPARED_BY_STATEMENT) return this.#talk.book.find(buf, names.from, names.to);
    return this.#talk.book.findPortal(buf, names.from, names.to)?.statement ?? null;
  }

  #sync(bytes: number): Onward {
    const talk = this.#talk;
    const { pending } = talk;
    talk.forgetSteps();
    talk.batch++;
    if (talk.copyIn) {
      talk.spareSyncs++; // the server ignores it, unless an error has ended the COPY meanwhile
      return Onward.next;
    }
    if (talk.lastExecute >= pending.head) {
      const x = pending.exchangeAt(talk.lastExecute);
      if (x !== null) x.requestBytes += bytes;
    }
    talk.lastExecute = -1;
    if (talk.overflowing || !talk.hasRoom(1)) {
      talk.overflowReady++;
      talk.overflowTail = false;
    } else {
      pending.push(Step.sync, null, null, null, null, this.framing.startedAt, bytes);
      this.#gate?.noteBatchEnd(pending.tail - 1);
    }
    if (talk.failure !== null) this.#backend.failures.resolve();
    return Onward.next;
  }

  // ---- the rest

  #functionCall(from: number, bytes: number): Onward {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    const drops = this.#drops(F.functionCall, from, bytes);
    const at = this.framing.startedAt;
    const x = talk.take('function_call', talk.bound.functionCall, at, bytes);
    this.#inquiry.ops.push(x);
    let denied = false;
    if (talk.host.judges && !drops) {
      const verdict = this.#inquiry.askOne(F.functionCall, FUNCTION_CALL, from);
      if (verdict === 'later') return this.#hold();
      denied = verdict === 'deny';
    }
    registry.inc(own.function_calls);
    if (this.#intake.isFull(2)) return this.#intake.untimed(true);
    this.#inquiry.forget();
    if (denied) this.#gate!.mark(x);
    talk.begin(x, ++talk.turns, !denied && !drops);
    const place = talk.pending.push(Step.call, x, null, null, null, at, bytes);
    talk.pending.push(Step.callEnd, null, null, null, null, at, bytes);
    if (denied) this.#gate!.opened(place);
    return Onward.next;
  }

  #copyPlace = -1;

  #copyData(bytes: number): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    registry.add(own.copy_in_bytes, bytes - HEADER_BYTES);
    const place = talk.copyBoth ? talk.pending.head : this.#copyPlace;
    if (place < talk.pending.head || place >= talk.pending.tail) return;
    const x = talk.pending.exchangeAt(place);
    if (x === null) return;
    x.requestBytes += bytes;
    x.requestLastByteAt = talk.host.now();
  }

  // ---- shared

  /** Not yet: the message is offered again, whole. */
  #hold(): Onward {
    this.#inquiry.drop();
    return Onward.hold;
  }

  /** True where this message stands behind a denied one of its batch: the server would discard it, so it does not leave. */
  #drops(type: number, from: number, bytes: number): boolean {
    return this.#gate?.drops(IN_BATCH[type] === 1, from, from + bytes - this.framing.left) ?? false;
  }

  #isWellFormed(type: number, bodyBytes: number, buf: Buffer, start: number, end: number): boolean {
    return this.#gate!.isWellFormed(type, bodyBytes, buf, start, end, this.framing.left === 0);
  }

  #fault(fault: Fault): Onward {
    this.#backend.fault(fault);
    return Onward.stop;
  }
}
