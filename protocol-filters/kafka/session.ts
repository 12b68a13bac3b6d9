import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { Conversation } from './conversation.ts';
import { Downstream } from './downstream.ts';
import { Upstream } from './upstream.ts';

/** One connection: requests are read in Downstream, replies in Upstream; their addresses are rewritten before. */
export class KafkaSession implements Session {
  readonly #host: SessionHost;
  readonly #talk: Conversation;
  readonly #downstream: Downstream;
  readonly #upstream: Upstream;

  constructor(host: SessionHost, bound: Bound) {
    this.#host = host;
    this.#talk = new Conversation(host, bound);
    this.#downstream = new Downstream(this.#talk);
    this.#upstream = new Upstream(this.#talk, this.#downstream);
    bound.stats.sessionStart();
    if (this.#talk.judge?.holds === true) host.setGear(Side.downstream, 'gate');
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const upTo = at + (end - start);
    if (at === 0 && end > start) this.#host.connect();
    if (this.#talk.over) {
      // The broker has left. What the gate holds back from here on would only pile up.
      if (this.#talk.gate !== null || this.#talk.judge?.holds === true) this.#host.close('upstream_close');
      return upTo;
    }
    const readTo = this.#downstream.push(buf, start, end, at);
    this.#stopWhereOver();
    return readTo;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const { over, rewriter } = this.#talk;
    const upTo = at + (end - start);
    if (over) return upTo;
    const readTo = rewriter === null ? upTo : rewriter.push(buf, start, end, at);
    if (readTo > at) this.#upstream.reader.push(buf, start, start + (readTo - at), this.#host.now());
    this.#stopWhereOver();
    return readTo;
  }

  /** What ended decoding on one side ends it on both. */
  #stopWhereOver(): void {
    const { over, rewriter } = this.#talk;
    if (over || rewriter?.closed === true) this.#stop();
  }

  #stop(): void {
    this.#downstream.reader.stop();
    this.#upstream.reader.stop();
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    if (side === Side.upstream) this.#talk.rewriter?.onEnd();
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#talk.endAll();
    this.#downstream.release();
    this.#stop();
  }

  refuse(turn: Turn, why: Denial): Refusal {
    return this.#talk.judge?.refuse(turn, why) ?? { kind: 'close', last: null };
  }

  expel(why: Denial): Uint8Array | null {
    return this.#talk.judge?.expel(why) ?? null;
  }

  /** Addresses may not leave unread, nor requests that must not reach the broker. */
  get closesWhenOpaque(): boolean {
    const { rewriter, gate } = this.#talk;
    return rewriter !== null || gate !== null;
  }

  get quiet(): boolean {
    return this.#talk.pending.size === 0 && !this.#downstream.reader.inside && !this.#upstream.reader.inside;
  }

  farewell(): Uint8Array | null {
    return null;
  }
}
