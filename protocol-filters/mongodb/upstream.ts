import { type Exchange, Flag, Outcome, Replies } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import { UNKNOWN_COMMAND } from './commands/command-table.ts';
import type { Conversation } from './conversation.ts';
import { Code } from './error-names.ts';
import type { ReplyGate } from './gate/reply-gate.ts';
import { textOf } from './identity.ts';
import type { Request } from './in-flight.ts';
import { type Message, MsgFlag, Op } from './message.ts';
import { countMessage } from './message-stats.ts';
import type { Reply } from './reply.ts';
import { afterCursorReply, afterKillCursors } from './reply-cursors.ts';
import { afterHello, afterLogin, afterLogout } from './reply-identity.ts';
import { afterTransaction } from './reply-transactions.ts';
import { Special } from './special.ts';
import { type CommandCounts, MICRO, type QueryCounts } from './stats.ts';
import type { MessageSink } from './wire/message-reader.ts';

const NO_LATENCY = Flag.waits | Flag.untimed;

/** What the server says: replies end exchanges, found by the id of the request that they answer. */
export class Upstream implements MessageSink {
  readonly #talk: Conversation;
  /** Set where policies are enforced. */
  gate: ReplyGate | null = null;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  onMessage(message: Message): void {
    const talk = this.#talk;
    if (talk.over) return;
    const { stats, reply } = talk.bound;
    countMessage(stats, message);
    const request = talk.inFlight.find(message.responseTo);
    if (this.gate !== null && !this.#isOrderly(request, message)) return;
    if (request === null) {
      this.#countUnexpected(message);
      return;
    }
    if (request.denial !== null) {
      this.#answerDenied(request);
      return;
    }
    talk.passOver(request);
    reply.read(message, request.special, request.isQuery);
    const x = request.exchange ?? this.#lateExchange(request, message.firstByteAt);
    if (x.replyFirstByteAt === 0) x.replyFirstByteAt = message.firstByteAt;
    x.replyLastByteAt = message.lastByteAt;
    x.replyBytes += message.bytes;
    this.#tell(request, x, message, reply);
    if (this.gate !== null) {
      this.gate.limit(request, message);
      if (talk.over) return;
    }
    if (this.#goesOn(request, message, reply)) {
      this.#continue(request, x, message);
      return;
    }
    const { database } = request;
    talk.close(request);
    talk.end(x, database);
  }

  /** While policies are enforced replies are read as strictly as requests (threats X-07): false, and it is over. */
  #isOrderly(request: Request | null, message: Message): boolean {
    const talk = this.#talk;
    if (request === null) {
      this.#countUnexpected(message);
      talk.fault('unexpected_reply');
    } else if (request.denial !== null) {
      if (!this.gate!.answer(request, message)) talk.fault('unexpected_reply');
    } else if (message.unread !== '') talk.fault(message.malformed ?? 'ambiguous');
    return !talk.over;
  }

  #answerDenied(request: Request): void {
    const talk = this.#talk;
    const { database, transaction } = request;
    const x = request.exchange!;
    // Its stand-in was the end of the transaction.
    if (transaction !== null) talk.bound.transactions.end(transaction);
    talk.close(request);
    talk.end(x, database);
  }

  /** A reply to nobody: some servers answer what said that it wants no reply. It changes nothing for the others. */
  #countUnexpected(message: Message): void {
    const { host, bound } = this.#talk;
    bound.stats.registry.inc(bound.stats.own.unexpected_replies);
    host.aside(Side.upstream, 'unexpected_reply', message.bytes);
  }

  #lateExchange(request: Request, at: number): Exchange {
    const x = this.#talk.lateExchange(request, at);
    request.exchange = x;
    return x;
  }

  /** What the reply says goes into the exchange and the stats. */
  #tell(request: Request, x: Exchange, message: Message, reply: Reply): void {
    const talk = this.#talk;
    const { stats } = talk.bound;
    const { registry, own } = stats;
    const isRead = message.unread === '';
    if (reply.returned > 0 && !request.holdsResults) {
      x.rowsReturned += reply.returned;
      registry.add(own.documents_returned, reply.returned);
    }
    if (reply.changed > 0 || reply.matched > 0) this.#countEffects(x, reply);
    if (reply.failed) this.#countError(x, reply);
    this.#countTimes(request, x, message, reply);
    if (request.transaction !== null) afterTransaction(talk, request, reply);
    if (reply.hasCursor || request.special === Special.getMore) afterCursorReply(talk, request, message, reply, x);
    if (!isRead) return;
    switch (request.special) {
      case Special.none:
        if (request.info === UNKNOWN_COMMAND && request.extra !== null && reply.code !== Code.commandNotFound)
          talk.bound.reader.learn(request.extra.unknownName);
        return;
      case Special.hello:
        afterHello(talk, request, message, reply);
        return;
      case Special.saslStart:
      case Special.saslContinue:
      case Special.authenticate:
        afterLogin(talk, request, message, reply);
        return;
      case Special.logout:
        if (!reply.failed) afterLogout(talk);
        return;
      case Special.buildInfo: {
        const version = reply.failed ? '' : textOf(message.body, 'version');
        if (version !== '' && version !== talk.host.facts.serverVersion) talk.host.confirm({ serverVersion: version });
        return;
      }
      case Special.killCursors:
        afterKillCursors(talk, request, reply);
        return;
    }
  }

  #countEffects(x: Exchange, reply: Reply): void {
    const { registry, own } = this.#talk.bound.stats;
    x.rowsMatched += reply.matched;
    x.rowsAffected += reply.changed;
    registry.add(own.documents_matched, reply.matched);
    registry.add(own.documents_modified, reply.modified);
    registry.add(own.documents_inserted, reply.inserted);
    registry.add(own.documents_deleted, reply.deleted);
    registry.add(own.documents_upserted, reply.upserted);
  }

  #countError(x: Exchange, reply: Reply): void {
    const { stats } = this.#talk.bound;
    const { registry, own } = stats;
    x.outcome = Outcome.error;
    x.code = reply.code === 0 ? '' : String(reply.code);
    x.severity = reply.name;
    registry.inc(own.errors);
    stats.error(reply.name !== '' ? reply.name : x.code !== '' ? x.code : 'unknown');
    registry.add(own.write_errors, reply.writeErrors);
    registry.add(own.write_concern_errors, reply.writeConcernErrors);
    if (reply.isTransient) registry.inc(own.transient_transaction_errors);
    if (reply.isRetryable) registry.inc(own.retryable_write_errors);
  }

  /** By command, and of queries by collection: with each reply its documents and bytes, with the first one the time. */
  #countTimes(request: Request, x: Exchange, message: Message, reply: Reply): void {
    const { stats } = this.#talk.bound;
    const { registry, envoy } = stats;
    const counts = stats.command(request.info.slot);
    if (!this.#wasAnswered(request)) registry.inc(reply.failed ? counts.error : counts.success);
    const isTimed = (x.flags & NO_LATENCY) === 0 && !this.#wasAnswered(request);
    const documents = reply.returned * MICRO;
    const size = message.bytes * MICRO;
    const seconds = isTimed ? (message.lastByteAt - x.requestFirstByteAt) / 1000 : -1;
    record(counts, documents, size, seconds);
    if (request.query !== null) {
      record(request.query, documents, size, seconds);
      if (request.callsite !== null) record(request.callsite, documents, size, seconds);
      request.query = request.callsite = null;
    }
    if (reply.hasCursor && (reply.cursorLow !== 0 || reply.cursorHigh !== 0)) registry.inc(envoy.op_reply_valid_cursor);
    if (!reply.failed) return;
    if (reply.code === Code.cursorNotFound) registry.inc(envoy.op_reply_cursor_not_found);
    else if (request.special === Special.find || request.special === Special.getMore)
      registry.inc(envoy.op_reply_query_failure);
  }

  /** Had a reply before this one. */
  #wasAnswered(request: Request): boolean {
    return request.replies > 0;
  }

  // ---- exhaust

  /** Do more replies follow this one unasked? */
  #goesOn(request: Request, message: Message, reply: Reply): boolean {
    if (message.opcode === Op.msg) return (message.flags & MsgFlag.moreToCome) !== 0;
    return request.exhausts && !reply.failed && (reply.cursorLow !== 0 || reply.cursorHigh !== 0);
  }

  /** The next reply answers this one: the request is known by its id from here on. */
  #continue(request: Request, x: Exchange, message: Message): void {
    const talk = this.#talk;
    talk.gate?.settled(request);
    const { registry, own } = talk.bound.stats;
    registry.inc(own.exhaust_replies);
    if (request.replies === 0) registry.inc(own.exhaust);
    request.replies++;
    if (x.replies === Replies.one) {
      const isHello = request.special === Special.hello;
      x.replies = isHello ? Replies.endless : Replies.many;
      if (isHello) talk.endless = request;
    }
    talk.inFlight.rename(request, message.requestId);
    if (x.replies === Replies.endless) talk.progress(x);
  }
}

/** One reply; `seconds` below 0: its time is no latency. */
function record(counts: CommandCounts | QueryCounts, documents: number, size: number, seconds: number): void {
  counts.documents.record(documents);
  counts.size.record(size);
  if (seconds >= 0) counts.time.record(seconds);
}
