import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import type { Conversation } from './conversation.ts';
import type { Gate } from './gate.ts';
import { markDenied } from './marks.ts';
import type { ErrorFields } from './messages.ts';
import { Step } from './pending.ts';
import type { Statement } from './statements.ts';

const QUERY_CANCELED = '57014';

/** Whose error it was, what the server therefore never read, and what that undoes. */
export class Failures {
  readonly #talk: Conversation;
  readonly #gate: Gate | null;

  constructor(talk: Conversation, gate: Gate | null) {
    this.#talk = talk;
    this.#gate = gate;
  }

  /** The oldest open step has failed; `denied`: its error is a stand-in's. */
  fail(step: number, fields: ErrorFields, denied: boolean): void {
    if (step === Step.statement || step === Step.call) this.#failSimple(fields, denied);
    // No statement to blame: a text without one, or a commit that failed at Sync.
    else if (step >= Step.sync) this.#failNothing(step === Step.sync ? 'sync' : 'query', fields, denied);
    else this.#failBatch(fields, denied);
  }

  /** A step of the extended protocol: what comes behind it, up to Sync, is discarded. */
  #failBatch(fields: ErrorFields, denied: boolean): void {
    const talk = this.#talk;
    talk.failure = {
      code: fields.code,
      severity: fields.severity,
      denied,
      firstAt: talk.replyFirstAt,
      lastAt: talk.host.now(),
      bytes: talk.replyBytes,
    };
    talk.forgetReply();
    this.resolve();
  }

  /** The first statement of a query text that is open has failed: the server runs none of those behind it. */
  #failSimple(fields: ErrorFields, denied: boolean): void {
    const talk = this.#talk;
    const { pending } = talk;
    const x = pending.exchangeAt(pending.head)!;
    x.code = fields.code;
    x.severity = fields.severity;
    if (denied) markDenied(x, talk.marks);
    this.#talk.finishHead(outcomeOf(fields.code, denied));
    while (pending.size > 0 && pending.stepAt(pending.head) === Step.statement) {
      const rest = pending.exchangeAt(pending.head)!;
      if (denied) {
        rest.code = fields.code;
        rest.severity = fields.severity;
      }
      this.#talk.finishHead(denied ? Outcome.denied : Outcome.skipped);
    }
  }

  #failNothing(kind: string, fields: ErrorFields, denied: boolean): void {
    const talk = this.#talk;
    const x = this.#own(kind, talk.pending.head, talk.bound.nothing);
    x.code = fields.code;
    x.severity = fields.severity;
    if (denied) {
      markDenied(x, talk.marks);
      x.forwardedAt = 0;
    }
    talk.transaction.mark(x);
    talk.finish(x, outcomeOf(fields.code, denied));
  }

  /** An exchange for the error of a step that had none. */
  #own(kind: string, place: number, digest: Digest): Exchange {
    const talk = this.#talk;
    const at = talk.pending.atOf(place);
    const x = talk.take(kind, digest, at, talk.pending.bytesOf(place));
    x.requestLastByteAt = x.forwardedAt = at;
    talk.pending.markSaid(place, x);
    talk.beginAlone(x, ++talk.turns);
    return x;
  }

  /** Place of the step that ends the batch of the oldest one; the tail where it stands above the cap; -1: not sent yet. */
  #batchEnd(): number {
    const { pending, overflowReady } = this.#talk;
    for (let place = pending.head; place < pending.tail; place++) if (pending.stepAt(place) === Step.sync) return place;
    return overflowReady > 0 ? pending.tail : -1;
  }

  /**
   * A step of the extended protocol has failed, and the Sync that ends its batch has been sent: the server discards all
   * between. The error belongs to the Execute of the statement that failed, if it was sent, else to an exchange of its own.
   * `over`: the connection is, and no Sync will come.
   */
  resolve(over = false): void {
    const talk = this.#talk;
    const { pending, failure } = talk;
    if (failure === null) return;
    const sync = this.#batchEnd();
    const end = sync < 0 && over ? pending.tail : sync;
    if (end < 0) return;
    const head = pending.head;
    const taker = this.#takerOf(head, end);
    this.#undo(head);
    if (taker < 0) {
      this.#fail(this.#own('parse', head, pending.statementAt(head)?.digest ?? talk.bound.unknown));
    }
    for (let place = head; place < end; place++) {
      if (place !== head && pending.isStandIn(place)) this.#tellDenied(place, end);
      const x = pending.exchangeAt(place);
      pending.shift();
      if (x === null) continue;
      talk.transaction.mark(x);
      if (place === taker) this.#fail(x);
      else talk.close(x, (x.flags & Flag.denied) === 0 ? Outcome.skipped : Outcome.denied);
    }
    talk.failure = null;
    this.#redo();
  }

  /** A denied step is discarded with its stand-in, as an earlier one has failed: it was denied all the same (threats R15). */
  #tellDenied(place: number, end: number): void {
    const talk = this.#talk;
    const { pending } = talk;
    const marks = this.#gate!.closed(place);
    if (pending.exchangeAt(place) !== null) return; // it says so already
    const taker = this.#takerOf(place, end);
    const x = taker < 0 ? this.#own('parse', place, pending.statementAt(place)?.digest ?? talk.bound.unknown) : null;
    talk.denied(x ?? pending.exchangeAt(taker)!, marks);
    if (x !== null) talk.close(x, Outcome.denied);
  }

  #fail(x: Exchange): void {
    const talk = this.#talk;
    const failure = talk.failure!;
    x.code = failure.code;
    x.severity = failure.severity;
    // A client that sends ahead may have sent this Execute after the error that it now gets.
    x.requestLastByteAt = Math.min(x.requestLastByteAt, failure.firstAt);
    x.forwardedAt = Math.min(x.forwardedAt, failure.firstAt);
    x.replyFirstByteAt = failure.firstAt;
    x.replyLastByteAt = failure.lastAt;
    x.replyBytes = failure.bytes;
    if (failure.denied) {
      markDenied(x, talk.marks);
      x.forwardedAt = 0;
    }
    talk.close(x, outcomeOf(failure.code, failure.denied || (x.flags & Flag.denied) !== 0));
  }

  #takerOf(head: number, end: number): number {
    const { pending } = this.#talk;
    if (pending.stepAt(head) === Step.execute) return pending.exchangeAt(head) === null ? -1 : head;
    const statement = pending.statementAt(head);
    const portal = pending.portalAt(head);
    for (let place = head + 1; place < end; place++) {
      if (pending.stepAt(place) !== Step.execute || pending.exchangeAt(place) === null) continue;
      if (statement !== null && pending.statementAt(place) === statement) return place;
      if (portal !== null && pending.portalAt(place) === portal) return place;
    }
    return -1;
  }

  /** Takes back what requests from this place on have done to names: the server has not read them, or will again. */
  #undo(head: number): void {
    const { pending, book } = this.#talk;
    for (let place = pending.tail - 1; place >= head; place--) {
      const step = pending.stepAt(place);
      const statement = pending.statementAt(place);
      const previous = pending.previousAt(place);
      if (step === Step.parse && statement !== null) {
        if (book.current(statement.name) === statement) book.restore(statement.name, previous);
      } else if (step === Step.bind) {
        // A named portal that an open transaction had before may live on: what it runs is not known any more.
        const portal = pending.portalAt(place);
        if (portal !== null && portal.name !== '') book.portals.remove(portal.name);
      } else if ((step === Step.closeStatement || step === Step.queryEnd) && previous !== null) book.put(previous);
    }
    // The server drops the unnamed statement before it reads the text that fails.
    if (pending.stepAt(head) === Step.parse && pending.statementAt(head)?.name === '') book.unnamed = null;
  }

  /** Does again what the requests behind a discarded batch do to names, on what the names mean now. */
  #redo(): void {
    const { pending, book } = this.#talk;
    for (let place = pending.head; place < pending.tail; place++) {
      const statement = pending.statementAt(place);
      switch (pending.stepAt(place)) {
        case Step.parse:
          if (statement !== null) pending.setPrevious(place, book.put(statement));
          break;
        case Step.closeStatement:
          if (statement !== null) pending.setPrevious(place, book.remove(statement.name));
          break;
        case Step.queryEnd:
          pending.setPrevious(place, book.remove(''));
          break;
        case Step.bind: {
          const portal = pending.portalAt(place);
          if (portal !== null && portal.name !== '') book.portals.put(portal);
          if (statement !== null) this.#rebind(place, statement);
          break;
        }
        case Step.execute:
          this.#rerun(place);
          break;
      }
    }
  }

  #rebind(place: number, statement: Statement): void {
    const { pending, book } = this.#talk;
    const current = book.current(statement.name);
    if (current === statement || current === null) return; // gone: Bind will fail, for the statement the client meant
    pending.setStatement(place, current);
    const portal = pending.portalAt(place);
    if (portal !== null) portal.statement = current;
  }

  #rerun(place: number): void {
    const { pending } = this.#talk;
    const statement = pending.portalAt(place)?.statement ?? null;
    const x = pending.exchangeAt(place);
    if (statement === null || x === null || statement === pending.statementAt(place)) return;
    pending.setStatement(place, statement);
    x.digest = statement.digest;
  }
}

const outcomeOf = (code: string, denied: boolean): Outcome =>
  denied ? Outcome.denied : code === QUERY_CANCELED ? Outcome.cancelled : Outcome.error;
