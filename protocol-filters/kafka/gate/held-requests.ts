import { Side } from '../../../src/exchange/side.ts';
import type { Conversation } from '../conversation.ts';
import type { RequestReader } from '../wire/request-reader.ts';
import type { Judge } from './judge.ts';

/** All sessions of a filter chain together hold no more of requests that are not whole; small ones are always let in. */
const MAX_HELD_BYTES = 256 << 20;
const MAX_SMALL_REQUEST = 1 << 20;

/** Whoever reads the requests that are held. */
export interface Held {
  readonly reader: RequestReader;
  /** Offset at which the frame under way began. */
  readonly frameFrom: number;
  readonly isClosed: boolean;
  overflow(): void;
}

/** The client's bytes where policies are enforced: nothing leaves but whole requests that were judged. */
export class HeldRequests {
  readonly #talk: Conversation;
  readonly #judge: Judge;
  readonly #held: Held;
  /** Bytes of a request that is not whole. */
  #bytes = 0;

  constructor(talk: Conversation, judge: Judge, held: Held) {
    this.#talk = talk;
    this.#judge = judge;
    this.#held = held;
  }

  /** Returns the offset read up to: what is behind is offered again. */
  push(buf: Buffer, start: number, end: number, at: number): number {
    const { host, pending } = this.#talk;
    const judge = this.#judge;
    const { reader } = this.#held;
    const upTo = at + (end - start);
    if (judge.waitsForReplies) {
      if (pending.size > 0) return at;
      judge.waitsForReplies = reader.paused = false;
    }
    let i = start;
    for (;;) {
      const { parsed } = judge;
      if (parsed !== null) {
        host.clear(Side.downstream, parsed.from); // what came before it is none of its business
        // It came in pieces: from its beginning on it is lent in one.
        if (parsed.from < at) {
          host.resume(Side.downstream);
          return parsed.from;
        }
        const from = start + (parsed.from - at);
        const to = from + (parsed.to - parsed.from);
        const ruling = judge.rule(buf.subarray(from, to));
        if (ruling === 'waits') return parsed.from;
        if (ruling === 'over') {
          reader.stop();
          return upTo;
        }
        i = to;
        reader.paused = false;
      }
      if (judge.waitsForReplies) {
        reader.paused = true;
        break;
      }
      if (i >= end) break;
      i = reader.push(buf, i, end, host.now());
      if (this.#held.isClosed) return upTo;
      if (judge.parsed === null && !judge.waitsForReplies) break;
    }
    const readTo = at + (i - start);
    const whole = Math.min(this.#held.frameFrom, readTo);
    host.clear(Side.downstream, whole);
    this.#hold(readTo - whole);
    return readTo;
  }

  #hold(bytes: number): void {
    const { bound } = this.#talk;
    bound.heldBytes += bytes - this.#bytes;
    this.#bytes = bytes;
    if (bytes > MAX_SMALL_REQUEST && bound.heldBytes > MAX_HELD_BYTES) this.#held.overflow();
  }

  /** The connection is over. */
  release(): void {
    this.#talk.bound.heldBytes -= this.#bytes;
    this.#bytes = 0;
  }
}
