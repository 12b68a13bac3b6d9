import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { ENDLESS_RUN } from './at.ts';
import type { Conversation } from './conversation.ts';
import type { Packets } from './packets.ts';
import { codeOf, deniedPacket } from './refuse.ts';

/**
 * Ends replies that are above a policy's limit: in the place of the row that is too many stands an error, as a server's own
 * that fails while it sends rows, and what follows is dropped up to the reply's real end. The connection stays usable.
 */
export class ReplyCuts {
  readonly #talk: Conversation;
  /** The client has had its error: nothing more of this reply leaves. */
  #isCut = false;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** How many rows of its reply may be counted past before one must be looked at. */
  ahead(x: Exchange | null): number {
    if (x === null || this.#isCut) return ENDLESS_RUN;
    if (x.maxReplyBytes > 0) return 0;
    return x.maxRows > 0 ? Math.max(0, x.maxRows - this.#talk.rows) : ENDLESS_RUN;
  }

  /** Another row of the reply has come whole, and is counted. Returns ahead(). */
  row(x: Exchange | null, packets: Packets): number {
    const talk = this.#talk;
    if (x !== null && !this.#isCut) {
      x.rowsReturned = talk.rows;
      x.replyBytes = talk.replyBytes;
      const why =
        x.maxRows > 0 && talk.rows > x.maxRows
          ? talk.host.exceeded(x, 'rows')
          : x.maxReplyBytes > 0 && talk.replyBytes > x.maxReplyBytes
            ? talk.host.exceeded(x, 'bytes')
            : null;
      if (why !== null) this.#cut(x, why, packets);
    }
    return this.ahead(x);
  }

  /** A packet, or a run of them, [from, to): dropped where the client has had its error. */
  packet(from: number, to: number): void {
    if (this.#isCut) this.#talk.host.replace(Side.upstream, from, to, null);
  }

  replyDone(): void {
    this.#isCut = false;
  }

  /** Must a packet that has not come whole be kept? */
  holds(x: Exchange | null, isRow: boolean): boolean {
    if (this.#isCut) return true;
    if (x === null || !isRow) return false;
    return x.maxReplyBytes > 0 || (x.maxRows > 0 && this.#talk.rows >= x.maxRows);
  }

  #cut(x: Exchange, why: Denial, packets: Packets): void {
    const talk = this.#talk;
    const code = codeOf(why, false);
    x.flags |= Flag.denied;
    x.code = String(code);
    x.severity = '42000';
    talk.count('cut');
    talk.host.replace(Side.upstream, packets.beganAt, packets.endsAt, deniedPacket(why, code, packets.sequence));
    this.#isCut = true;
  }
}
