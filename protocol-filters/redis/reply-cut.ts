import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { type Conversation, rowsIn } from './conversation.ts';
import { codeOfDenial, deniedReply } from './refuse.ts';
import type { Replies } from './replies.ts';
import type { Told } from './told.ts';
import { Type } from './wire.ts';

/** An aggregate whose bytes are limited is held up to here; of a longer one the beginning has left when it is found too long. */
const HELD_BYTES = 1_048_576;

/**
 * Ends replies that are longer than a policy allows. The first line of a reply says how many bytes or elements will come: an
 * error takes its place before any of it has left. Bytes of aggregates are known only as they come: those are held up to the
 * limit. What has begun to leave cannot be taken back, and in the middle of it nothing can be said: the connection closes.
 */
export class ReplyCut {
  readonly #talk: Conversation;
  readonly #replies: Replies;
  /** Its first line was read: what it declares is no more than may be. */
  #isSized = false;
  /** The most bytes that the aggregate being read may have; 0 = no limit, or no aggregate. */
  #mostBytes = 0;
  /** Why the reply being read is cut; null: it is not. */
  #why: Denial | null = null;
  /** Its error, until the first of its bytes has become that; and the offset up to which they have been dropped. */
  #error: Buffer | null = null;
  #dropped = 0;

  constructor(talk: Conversation, replies: Replies) {
    this.#talk = talk;
    this.#replies = replies;
  }

  /** The first line of a reply to the oldest command is read: bytes of a string, or elements of an aggregate; -1 = the other. */
  size(bytes: number, count: number): void {
    const x = this.#talk.pending.exchange;
    this.#isSized = true;
    if (x === null || this.#talk.gate?.answersStandIn) return;
    if (x.maxRows > 0 && count > x.maxRows) {
      x.rowsReturned = count;
      this.#exceeded(x, 'rows');
    }
    if (this.#why !== null) return;
    if (x.maxReplyBytes > 0 && bytes > x.maxReplyBytes) {
      x.replyBytes = bytes;
      this.#exceeded(x, 'bytes');
    }
    if (count >= 0) this.#mostBytes = x.maxReplyBytes;
  }

  /** The offset below which bytes may leave, of those read up to `upTo`. */
  mayLeave(upTo: number, type: number): number {
    const { from, inside } = this.#replies;
    if (!inside) return upTo;
    if (this.#why === null && this.#mostBytes > 0 && upTo - from > this.#mostBytes) this.#tooLong(upTo - from);
    if (this.#why !== null) {
      this.#drop(upTo);
      return upTo;
    }
    if (type === 0 || type === Type.error || this.#talk.gate?.answersDiscard) return from;
    const isHeld = this.#mostBytes > 0 && this.#mostBytes <= HELD_BYTES;
    return isHeld || (!this.#isSized && SIZED.has(type)) ? from : upTo;
  }

  /** A reply to the oldest command is whole. True: it was cut, and its exchange has ended. */
  onReply(bytes: number): boolean {
    if (this.#why === null && this.#mostBytes > 0 && bytes > this.#mostBytes) this.#tooLong(bytes);
    this.#isSized = false;
    this.#mostBytes = 0;
    const why = this.#why;
    if (why === null) return false;
    this.#why = null;
    const talk = this.#talk;
    const { pending, host } = talk;
    const { to, startedAt } = this.#replies;
    this.#drop(to);
    const x = pending.exchange!;
    x.outcome = Outcome.denied;
    x.flags |= Flag.denied;
    x.code = codeOfDenial(why);
    x.replyBytes = deniedReply(why).length;
    x.replyFirstByteAt = startedAt;
    x.replyLastByteAt = host.now();
    talk.shift(pending);
    talk.end(x);
    return true;
  }

  /** An element of EXEC's reply is whole, and part of it has left. True: it is too long, and the connection ends. */
  endsConnection(x: Exchange, element: Told, bytes: number): boolean {
    x.rowsReturned = element.isError ? 0 : rowsIn(element);
    x.replyBytes += bytes;
    const isTooLong =
      (x.maxRows > 0 && x.rowsReturned > x.maxRows && this.#close(x, 'rows')) ||
      (x.maxReplyBytes > 0 && x.replyBytes > x.maxReplyBytes && this.#close(x, 'bytes'));
    x.replyBytes -= bytes;
    return isTooLong;
  }

  #tooLong(bytes: number): void {
    const x = this.#talk.pending.exchange;
    if (x === null) return;
    const mayCut = this.#mostBytes <= HELD_BYTES;
    x.replyBytes = bytes;
    if (mayCut) this.#exceeded(x, 'bytes');
    else this.#close(x, 'bytes');
    this.#mostBytes = 0;
  }

  #exceeded(x: Exchange, what: 'rows' | 'bytes'): void {
    this.#why = this.#talk.host.exceeded(x, what);
    x.replyBytes = 0;
    if (this.#why === null) return;
    x.rowsReturned = 0;
    this.#count();
    this.#dropped = this.#replies.from;
    this.#error = deniedReply(this.#why);
  }

  #close(x: Exchange, what: 'rows' | 'bytes'): boolean {
    const talk = this.#talk;
    const why = talk.host.exceeded(x, what);
    if (why === null) return false;
    this.#count();
    x.flags |= Flag.denied;
    this.#replies.stop();
    talk.endAll();
    talk.host.close(`denied:${why.policy}`);
    return true;
  }

  #count(): void {
    const { registry, own } = this.#talk.bound.stats;
    registry.inc(own.cut);
  }

  #drop(upTo: number): void {
    if (upTo <= this.#dropped) return;
    this.#talk.host.replace(Side.upstream, this.#dropped, upTo, this.#error);
    this.#error = null;
    this.#dropped = upTo;
  }
}

/** Replies whose first line says how long they will be. */
const SIZED: ReadonlySet<number> = new Set([Type.bulk, Type.verbatim, Type.bulkError, Type.array, Type.map, Type.set]);
