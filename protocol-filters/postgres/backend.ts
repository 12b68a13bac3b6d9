import { Outcome, Replies } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import { isAdmitted } from './admission.ts';
import { type Conversation, Phase } from './conversation.ts';
import { Cuts } from './cuts.ts';
import { confirmParameter, confirmStartup } from './facts.ts';
import { Failures } from './failures.ts';
import { type FrameSink, Framing, Onward } from './framing.ts';
import type { Gate } from './gate.ts';
import { authenticationKind, readErrorFields, readParameterStatus, readTag, Verb } from './messages.ts';
import { endsBatch, Step } from './pending.ts';
import { codeOf } from './refuse.ts';
import { Authentication, Backend as B, BACKEND_LENGTHS, ERROR_PREFIX_BYTES, HEADER_BYTES, keepTable } from './wire.ts';

const KEEP = keepTable([
  [B.error, ERROR_PREFIX_BYTES],
  [B.notice, ERROR_PREFIX_BYTES],
  [B.commandComplete, 256],
  [B.readyForQuery, 1],
  [B.parameterStatus, 4096],
  [B.backendKeyData, 4 + 256],
  [B.negotiateProtocolVersion, 10_000],
  [B.authentication, 4],
]);

/** Results are looked at when they begin, where their reply may be cut; they are as long as they like. */
const EARLY_CUT = new Uint8Array(256);
EARLY_CUT[B.dataRow] = EARLY_CUT[B.copyData] = 1;

/** All that answers a request and is no error. */
const ANSWERS = new Uint8Array(256).fill(1);
for (const type of [B.error, B.notice, B.notification, B.parameterStatus]) ANSWERS[type] = 0;

const IN_BLOCK = 0x54; // T
const IDLE = 0x49; // I
/** An endless exchange reports no more often than this. */
const PROGRESS_MS = 1000;

/** What the server says: answers are matched with the steps that wait for them, in order. */
export class Backend implements FrameSink {
  readonly framing: Framing;
  readonly #talk: Conversation;
  readonly failures: Failures;
  readonly #gate: Gate | null;
  /** Where a policy may cut replies. */
  readonly #cuts: Cuts | null;
  #progressAt = 0;

  constructor(talk: Conversation, gate: Gate | null) {
    this.#talk = talk;
    this.#gate = gate;
    this.failures = new Failures(talk, gate);
    talk.tellFailure = () => this.failures.resolve(true);
    this.framing = new Framing(this, BACKEND_LENGTHS, KEEP);
    this.#cuts = gate !== null && talk.host.cuts ? new Cuts(talk, gate, this.failures) : null;
    if (this.#cuts !== null) this.framing.early = EARLY_CUT;
  }

  onTail(from: number, to: number): void {
    if (this.#cuts?.dropping) this.#cuts.drop(from, to);
  }

  /** The message that has begun may still be one that does not leave as it is. */
  get holds(): boolean {
    const { framing } = this;
    if (!framing.inside || framing.handed) return false;
    if (framing.type === 0 || framing.type === B.error || this.#cuts?.dropping) return true;
    return this.#cuts !== null && EARLY_CUT[framing.type] === 1;
  }

  onFault(fault: Fault): void {
    if (fault === 'unknown_type') this.#talk.bound.stats.unknownMessage();
    this.fault(fault);
  }

  /** Decoding is over. An enforced client is told, unless it is in the middle of a message of the server. */
  fault(fault: Fault): void {
    this.#talk.fault(fault, !this.framing.inside);
  }

  onFrame(type: number, bodyBytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    talk.bound.stats.backendMessage();
    const bytes = bodyBytes + HEADER_BYTES;
    if (type === B.dataRow) {
      if (talk.phase !== Phase.ready) return this.#unexpected();
      if (this.#cuts?.takes(bytes, from, from + bytes - this.framing.left)) return this.#afterCut();
      this.#reply(bytes);
      talk.rows++;
      return talk.pending.size > 0 || talk.overflowing ? Onward.next : this.#unexpected();
    }
    if (talk.phase === Phase.ready) return this.#ready(type, bytes, buf, start, end, from);
    if (talk.phase === Phase.authenticating) return this.#authenticating(type, bytes, buf, start, end, from);
    return this.#unexpected();
  }

  // ---- until the first ReadyForQuery

  #authenticating(type: number, bytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    const { registry, envoy, own } = talk.bound.stats;
    switch (type) {
      case B.authentication: {
        if (talk.authenticated) return this.#unexpected();
        const kind = authenticationKind(buf, start);
        talk.awaitsPassword = kind !== Authentication.ok && kind !== Authentication.saslFinal;
        if (kind !== Authentication.ok) return Onward.next;
        talk.authenticated = true;
        if (this.#gate !== null && !talk.negotiation.isKnown) {
          this.fault('unsupported_version');
          return Onward.stop;
        }
        registry.inc(envoy.sessions);
        registry.inc(envoy.sessions_unencrypted);
        registry.inc(own.logins);
        confirmStartup(talk);
        return isAdmitted(talk, this.#gate) ? Onward.next : Onward.stop;
      }
      case B.readyForQuery:
        if (!talk.authenticated) return this.#unexpected();
        talk.phase = Phase.ready;
        talk.transaction.ready(buf[start]!);
        return Onward.next;
      case B.error: {
        const { severity } = readErrorFields(buf, start, end);
        talk.bound.stats.error(severity);
        if (!talk.authenticated) registry.inc(own.login_failures);
        talk.fatal = true;
        return Onward.next;
      }
      case B.negotiateProtocolVersion:
        talk.negotiation.answered(buf, start, end);
        return Onward.next;
      default:
        return this.#async(type, bytes, buf, start, end, from) ? Onward.next : this.#unexpected();
    }
  }

  /** What may come at any time, and is no answer. */
  #async(type: number, bytes: number, buf: Buffer, start: number, end: number, _from: number): boolean {
    const talk = this.#talk;
    const { stats } = talk.bound;
    switch (type) {
      case B.notice:
        stats.notice(readErrorFields(buf, start, end).severity);
        talk.host.aside(Side.upstream, 'notice', bytes);
        return true;
      case B.notification:
        stats.registry.inc(stats.own.notifications);
        talk.host.aside(Side.upstream, 'notification', bytes);
        return true;
      case B.parameterStatus: {
        const setting = readParameterStatus(buf, start, end);
        if (setting !== null) confirmParameter(talk, setting.name, setting.value);
        talk.host.aside(Side.upstream, 'parameter_status', bytes);
        return true;
      }
      case B.backendKeyData:
        talk.host.learn(Uint8Array.prototype.slice.call(buf, start, end));
        return true;
      default:
        return false;
    }
  }

  // ---- a session at work

  #ready(type: number, bytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    const { pending } = talk;
    if (this.#cuts !== null && (this.#cuts.dropping || this.#cuts.failing)) {
      if (this.#cuts.dropping ? this.#drops(this.#cuts, type, bytes, buf, start, end, from) : type === B.error) {
        if (this.#cuts.failing && type === B.error) this.#cuts.failed(from, from + bytes);
        return this.#afterCut();
      }
    }
    pending.dropUnanswered();
    if (pending.size === 0 && talk.overflowing) return this.#untimed(type, bytes, buf, start, end, from);
    const step = pending.size > 0 ? pending.stepAt(pending.head) : 0;
    // A stand-in is sure to fail: whoever says that it has not would make a denied statement look run.
    if (this.#gate !== null && step !== 0 && pending.isStandIn(pending.head) && ANSWERS[type] === 1)
      return this.#unexpected();
    switch (type) {
      case B.commandComplete:
        if (step !== Step.statement && step !== Step.execute) return this.#unexpected();
        this.#reply(bytes);
        this.#complete(buf, start, end);
        return Onward.next;
      case B.readyForQuery:
        return this.#readyForQuery(buf[start]!);
      case B.parseComplete: {
        if (step !== Step.parse) return this.#unexpected();
        this.#reply(bytes);
        pending.statementAt(pending.head)!.confirmed = true;
        pending.shift();
        return Onward.next;
      }
      case B.bindComplete:
        return this.#stepDone(step === Step.bind, bytes);
      case B.closeComplete:
        return this.#stepDone(step === Step.closeStatement || step === Step.closePortal, bytes);
      case B.noData:
        return this.#stepDone(step === Step.describe, bytes);
      case B.rowDescription:
        if (step === Step.describe) return this.#stepDone(true, bytes);
        this.#reply(bytes);
        return step === Step.statement || step === Step.execute ? Onward.next : this.#unexpected();
      case B.parameterDescription:
        this.#reply(bytes);
        return step === Step.describe ? Onward.next : this.#unexpected();
      case B.error:
        return this.#error(step, bytes, buf, start, end, from);
      case B.emptyQuery:
        if (step === Step.queryEnd) return Onward.next;
        if (step !== Step.execute && step !== Step.statement) return this.#unexpected();
        this.#reply(bytes);
        this.#talk.finishHead(Outcome.ok);
        return Onward.next;
      case B.portalSuspended:
        if (step !== Step.execute) return this.#unexpected();
        this.#reply(bytes);
        this.#suspended();
        return Onward.next;
      case B.copyInResponse:
      case B.copyOutResponse:
      case B.copyBothResponse:
        if (step !== Step.execute && step !== Step.statement) return this.#unexpected();
        this.#reply(bytes);
        return this.#copyBegins(type);
      case B.copyData:
        return this.#copyData(step, bytes, from);
      case B.copyDone:
        this.#reply(bytes);
        return talk.copyOut || talk.copyBoth ? Onward.next : this.#unexpected();
      case B.functionCallResponse:
        if (step !== Step.call) return this.#unexpected();
        this.#reply(bytes);
        this.#talk.finishHead(Outcome.ok);
        return Onward.next;
      default:
        return this.#async(type, bytes, buf, start, end, from) ? Onward.next : this.#unexpected();
    }
  }

  /** Behind a cut reply all is dropped that answers; true: this was. */
  #drops(cuts: Cuts, type: number, bytes: number, buf: Buffer, start: number, end: number, from: number): boolean {
    if (type === B.readyForQuery) return cuts.ready(buf[start] === IN_BLOCK, from, from + bytes);
    if (type === B.notice || type === B.notification || type === B.parameterStatus) return false;
    if (type === B.error && readErrorFields(buf, start, end).severity !== 'ERROR') return false;
    cuts.drop(from, from + bytes - this.framing.left);
    return true;
  }

  #afterCut(): Onward {
    return this.#talk.phase === Phase.over ? Onward.stop : Onward.next;
  }

  #reply(bytes: number): void {
    const talk = this.#talk;
    talk.replyBytes += bytes;
    if (talk.replyFirstAt === 0) talk.replyFirstAt = this.framing.startedAt;
  }

  #stepDone(fits: boolean, bytes: number): Onward {
    if (!fits) return this.#unexpected();
    this.#reply(bytes);
    this.#talk.pending.shift();
    return Onward.next;
  }

  #complete(buf: Buffer, start: number, end: number): void {
    const talk = this.#talk;
    const { pending } = talk;
    const { registry, envoy, own } = talk.bound.stats;
    const tag = readTag(buf, start, end);
    const place = pending.head;
    const x = pending.exchangeAt(place);
    registry.inc(envoy.statements);
    registry.inc(
      tag.verb === Verb.select
        ? envoy.statements_select
        : tag.verb === Verb.insert
          ? envoy.statements_insert
          : tag.verb === Verb.update
            ? envoy.statements_update
            : tag.verb === Verb.delete
              ? envoy.statements_delete
              : envoy.statements_other,
    );
    talk.transaction.complete(tag, x);
    if (tag.verb === Verb.copy) registry.add(talk.copyOut ? own.copy_out_rows : own.copy_in_rows, tag.rows);
    if (x !== null) {
      if (tag.verb === Verb.copy && talk.copyOut) talk.rows = tag.rows;
      // SELECT INTO and CREATE TABLE AS have SELECT's tag and return no row; what SELECT and FETCH return was counted.
      else if (tag.verb !== Verb.fetch && (tag.verb !== Verb.select || talk.rows === 0)) x.rowsAffected = tag.rows;
    }
    const effect = pending.statementAt(place)?.effect ?? null;
    if (effect !== null) talk.book.settle(effect, place);
    talk.copyIn = talk.copyOut = talk.copyBoth = false;
    // Replication commands answer with several results and completions, and with one ReadyForQuery.
    if (talk.host.facts.kind === 'replication' && pending.stepAt(place) === Step.statement) {
      talk.commandDone = true;
      return;
    }
    pending.shift();
    if (x !== null) talk.finish(x, Outcome.ok);
    else talk.forgetReply();
  }

  #suspended(): void {
    const talk = this.#talk;
    const place = talk.pending.head;
    const portal = talk.pending.portalAt(place);
    const x = talk.pending.exchangeAt(place);
    if (portal !== null && x !== null) {
      if (portal.story === 0) portal.story = ++talk.stories;
      x.story = portal.story;
    }
    this.#talk.finishHead(Outcome.ok);
  }

  #readyForQuery(status: number): Onward {
    const talk = this.#talk;
    const { pending } = talk;
    // The server has run fewer statements than we counted: the rest was not run.
    while (pending.size > 0 && pending.stepAt(pending.head) === Step.statement) {
      this.#talk.finishHead(talk.commandDone ? Outcome.ok : Outcome.skipped);
      talk.commandDone = false;
    }
    if (pending.size === 0 || !endsBatch(pending.stepAt(pending.head))) {
      if (talk.spareSyncs === 0 || pending.size > 0) return this.#unexpected();
      talk.spareSyncs--;
      talk.transaction.ready(status);
      return Onward.next;
    }
    const place = pending.head;
    pending.shift();
    talk.transaction.ready(status);
    talk.forgetReply();
    talk.copyIn = talk.copyOut = talk.copyBoth = false;
    if (status === IDLE) talk.book.dropPortals(place);
    pending.dropUnanswered();
    if (pending.size === 0) pending.trim();
    this.#gate?.ready(status === IDLE);
    return Onward.next;
  }

  // ---- COPY

  #copyBegins(type: number): Onward {
    const talk = this.#talk;
    const { pending } = talk;
    if (type === B.copyOutResponse) {
      talk.copyOut = true;
      return Onward.next;
    }
    const x = pending.exchangeAt(pending.head);
    if (type === B.copyBothResponse) {
      talk.copyBoth = true;
      if (x !== null) x.replies = Replies.endless;
      return Onward.next;
    }
    talk.copyIn = true;
    return this.#swallowSyncs();
  }

  /** While the server takes data it ignores Sync. Anything else that was sent ahead is an error of its own. */
  #swallowSyncs(): Onward {
    const talk = this.#talk;
    const { pending } = talk;
    const copy = pending.head;
    const isSimple = pending.stepAt(copy) === Step.statement;
    let place = copy + 1;
    // A simple query's own statements and its ReadyForQuery come behind the data.
    while (isSimple && place < pending.tail && pending.stepAt(place) !== Step.queryEnd) place++;
    if (isSimple) place++;
    for (; place < pending.tail; place++) {
      const step = pending.stepAt(place);
      if (step === Step.sync) {
        pending.ignore(place);
        talk.spareSyncs++;
      } else if (step === Step.copyEnd) {
        talk.copyIn = false;
        return Onward.next;
      } else {
        this.fault('out_of_order');
        return Onward.stop;
      }
    }
    return Onward.next;
  }

  #copyData(step: number, bytes: number, from: number): Onward {
    const talk = this.#talk;
    if ((!talk.copyOut && !talk.copyBoth) || (step !== Step.execute && step !== Step.statement))
      return this.#unexpected();
    if (this.#cuts !== null && talk.copyOut) {
      if (this.#cuts.takes(bytes, from, from + bytes - this.framing.left)) return this.#afterCut();
      talk.rows++; // a message is a row, but in the binary format's head and end
    }
    this.#reply(bytes);
    const { registry, own } = talk.bound.stats;
    registry.add(own.copy_out_bytes, bytes - HEADER_BYTES);
    if (talk.copyBoth) this.#progress();
    return Onward.next;
  }

  #progress(): void {
    const talk = this.#talk;
    const x = talk.pending.exchangeAt(talk.pending.head);
    const now = talk.host.now();
    if (x === null || now - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = now;
    x.replyFirstByteAt = talk.replyFirstAt;
    x.replyLastByteAt = now;
    x.replyBytes = talk.replyBytes;
    talk.host.progress(x);
  }

  // ---- errors

  #error(step: number, bytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    const { pending } = talk;
    const fields = readErrorFields(buf, start, end);
    talk.bound.stats.error(fields.severity);
    if (fields.severity === 'FATAL' || fields.severity === 'PANIC') talk.fatal = true;
    if (step === 0) {
      talk.host.aside(Side.upstream, 'error', bytes);
      return talk.fatal || this.#gate === null ? Onward.next : this.#unexpected();
    }
    if (this.#gate?.precedes(pending.head, from)) return this.#unexpected();
    // Its batch has failed already: until its Sync a server has no more to say than that the session ends.
    if (talk.failure !== null && this.#gate !== null) {
      if (!talk.fatal) return this.#unexpected();
      talk.host.aside(Side.upstream, 'error', bytes);
      return Onward.next;
    }
    this.#reply(bytes);
    talk.copyIn = talk.copyOut = talk.copyBoth = false;
    const marks = pending.isStandIn(pending.head) ? this.#gate!.closed(pending.head) : null;
    if (marks !== null) {
      talk.marks = marks;
      if (!talk.fatal) {
        this.#gate!.answer(marks.why, from, from + bytes);
        fields.severity = 'ERROR';
        fields.code = codeOf(marks.why);
      }
    }
    this.failures.fail(step, fields, marks !== null);
    return Onward.next;
  }

  // ---- above the cap

  /** Answers to requests that were not kept: only ReadyForQuery is counted. */
  #untimed(type: number, bytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    const talk = this.#talk;
    if (type === B.readyForQuery) {
      if (talk.overflowReady > 0) talk.overflowReady--;
      talk.transaction.ready(buf[start]!);
      talk.forgetReply();
      talk.copyIn = talk.copyOut = talk.copyBoth = false;
    } else if (type === B.error) talk.bound.stats.error(readErrorFields(buf, start, end).severity);
    else if (type === B.copyInResponse) talk.copyIn = true;
    else this.#async(type, bytes, buf, start, end, from);
    return Onward.next;
  }

  #unexpected(): Onward {
    this.fault('unexpected_reply');
    return Onward.stop;
  }
}
