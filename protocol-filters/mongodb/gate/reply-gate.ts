import { VerdictCode } from '../../../src/exchange/exchange.ts';
import type { Denial } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';
import type { Conversation } from '../conversation.ts';
import type { HelloRewriter } from '../hello-rewriter.ts';
import type { Request } from '../in-flight.ts';
import { type Message, MsgFlag, Op } from '../message.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import { errorReply, markDenied } from './refusals.ts';

/**
 * Replies while policies are enforced. They leave as they come, but while something in them may have to leave in another form:
 * the answer to a stand-in, replies that may be too long for a policy, replies to hello that are rewritten.
 */
export class ReplyGate {
  readonly #talk: Conversation;
  readonly #replies: MessageReader;
  readonly #rewriter: HelloRewriter | null;
  /** Of the reply under way, which was too long by its header: what comes of it is dropped up to this offset. */
  #dropTo = 0;

  constructor(talk: Conversation, replies: MessageReader, rewriter: HelloRewriter | null) {
    this.#talk = talk;
    this.#replies = replies;
    this.#rewriter = rewriter;
  }

  /** Something that is to come may not leave as it is. Called when the client's side was read. */
  update(): void {
    const { host, gate } = this.#talk;
    if (host.gear(Side.upstream) === 'gate') return;
    if (!host.cuts && gate!.standIns === 0 && this.#rewriter?.isAwaiting !== true) return;
    host.setGear(Side.upstream, 'gate');
  }

  /** Before bytes of the server are read, [at, upTo) of its direction: the rest of a reply that is dropped. */
  before(at: number, upTo: number): void {
    if (this.#dropTo <= at) return;
    this.#talk.host.replace(Side.upstream, at, Math.min(this.#dropTo, upTo), null);
  }

  /** They are read: lets go what may leave. */
  after(upTo: number): void {
    const { host, gate } = this.#talk;
    if (host.gear(Side.upstream) === 'tap' || this.#talk.over) return;
    const replies = this.#replies;
    const isWhole = !replies.inside;
    if (!isWhole) this.#checkSize(upTo);
    const isHeld = !isWhole && this.#dropTo <= upTo && this.#mayChange();
    host.clear(Side.upstream, isHeld ? replies.from : upTo);
    const isNeeded = host.cuts || gate!.standIns > 0 || this.#rewriter?.isAwaiting === true;
    if (!isNeeded && isWhole) host.setGear(Side.upstream, 'tap');
  }

  /** May the reply under way leave in another form? */
  #mayChange(): boolean {
    const message = this.#replies.underway;
    if (message === null) return true; // its header is cut
    if (this.#rewriter?.isHolding === true) return true;
    const request = this.#talk.inFlight.find(message.responseTo);
    if (request === null || request.denial !== null) return true;
    const x = request.exchange;
    return x !== null && (x.maxRows > 0 || x.maxReplyBytes > 0);
  }

  /** Its header says how long the reply is: nothing of one that is too long is kept. */
  #checkSize(upTo: number): void {
    const message = this.#replies.underway;
    if (message === null || this.#dropTo > upTo) return;
    const request = this.#talk.inFlight.find(message.responseTo);
    const x = request?.exchange ?? null;
    if (request === null || x === null || request.denial !== null || x.maxReplyBytes === 0) return;
    if (x.replyBytes + message.bytes <= x.maxReplyBytes || request.isCut) return;
    const why = this.#talk.host.exceeded(x, 'bytes');
    if (why === null) {
      x.maxReplyBytes = 0;
      return;
    }
    request.isCut = true;
    this.#mark(request, why);
    const from = message.from;
    this.#dropTo = from + message.bytes;
    this.#talk.host.replace(Side.upstream, from, upTo, errorReply(why, askedOf(request, message), message.requestId));
  }

  // ---- whole replies

  /** The server has answered a stand-in: the client gets the denial in that place. False: it is no answer to it. */
  answer(request: Request, message: Message): boolean {
    const { host, gate } = this.#talk;
    if (message.from < request.deniedAt || hasMore(message)) return false;
    const why = request.denial!;
    const bytes = errorReply(why, request.asked!, message.requestId);
    host.replace(Side.upstream, message.from, message.from + message.bytes, bytes);
    gate!.standIns--;
    const x = request.exchange!;
    x.replyFirstByteAt = message.firstByteAt;
    x.replyLastByteAt = message.lastByteAt;
    x.replyBytes = bytes.length;
    markDenied(x, why);
    return true;
  }

  /** A whole reply is read and counted: is it more than its policy allows? Then the client gets the error in its place. */
  limit(request: Request, message: Message): void {
    const x = request.exchange!;
    const { host } = this.#talk;
    if (request.isCut) {
      this.#end(message);
      return;
    }
    const what =
      x.maxRows > 0 && x.rowsReturned > x.maxRows
        ? 'rows'
        : x.maxReplyBytes > 0 && x.replyBytes > x.maxReplyBytes
          ? 'bytes'
          : null;
    if (what === null) return;
    const why = host.exceeded(x, what);
    if (why === null) {
      if (what === 'rows') x.maxRows = 0;
      else x.maxReplyBytes = 0;
      return;
    }
    request.isCut = true;
    this.#mark(request, why);
    const bytes = errorReply(why, askedOf(request, message), message.requestId);
    host.replace(Side.upstream, message.from, message.from + message.bytes, bytes);
    this.#end(message);
  }

  #mark(request: Request, why: Denial): void {
    const { registry, own } = this.#talk.bound.stats;
    registry.inc(own.replies_cut);
    const x = request.exchange!;
    markDenied(x, why);
    x.verdict = VerdictCode.denied;
    x.policy = why.policy;
  }

  /** More replies were to follow unasked: the client does not await them, so nothing can follow at all. */
  #end(message: Message): void {
    if (!hasMore(message)) return;
    const { host } = this.#talk;
    host.clear(Side.upstream, message.from + message.bytes);
    this.#talk.endAll();
    host.close('denied:limit');
  }
}

const hasMore = ({ opcode, flags }: Message): boolean => opcode === Op.msg && (flags & MsgFlag.moreToCome) !== 0;

/** To what the client awaits an answer: of many replies to the one before. */
const askedOf = (request: Request, { responseTo }: Message) => ({
  requestId: responseTo,
  isQuery: request.isQuery || request.isFromQuery,
  isSigned: false,
});
