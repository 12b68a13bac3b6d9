import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { Conversation } from './conversation.ts';
import { firstByteFault } from './detect.ts';
import { Downstream } from './downstream.ts';
import { Upstream } from './upstream.ts';

/** One connection: commands are read in Downstream, replies in Upstream; the link of a replica is only counted. */
export class RedisSession implements Session {
  readonly #host: SessionHost;
  readonly #talk: Conversation;
  readonly #downstream: Downstream;
  readonly #upstream: Upstream;

  constructor(host: SessionHost, bound: Bound) {
    this.#host = host;
    this.#talk = new Conversation(host, bound);
    this.#downstream = new Downstream(this.#talk);
    this.#upstream = new Upstream(this.#talk, this.#downstream);
    const { registry, envoy } = bound.stats;
    registry.inc(envoy.downstream_cx_total);
    registry.inc(envoy.downstream_cx_active);
    host.confirm({ database: '0' });
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const { registry, envoy } = talk.bound.stats;
    registry.add(envoy.downstream_cx_rx_bytes_total, end - start);
    const upTo = at + (end - start);
    if (at === 0 && end > start) {
      const fault = firstByteFault(buf[start]!);
      if (fault !== null) this.#downstream.fault(fault);
      this.#host.connect();
    }
    if (talk.over) return upTo;
    if (talk.replication !== null) {
      talk.advance(talk.replication, end - start, 0, 0);
      return upTo;
    }
    const { requests } = this.#downstream;
    requests.push(buf, start, end, at, this.#host.now());
    if (requests.fault !== null)
      this.#downstream.fault(requests.inline && talk.turns === 0 ? 'foreign_protocol' : requests.fault);
    return upTo;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const { registry, envoy } = talk.bound.stats;
    registry.add(envoy.downstream_cx_tx_bytes_total, end - start);
    const upTo = at + (end - start);
    if (talk.over) return upTo;
    let from = start;
    if (talk.replication === null) {
      const { replies } = this.#upstream;
      from = replies.push(buf, start, end, at, this.#host.now());
      if (replies.fault !== null) talk.fault(replies.fault);
    }
    if (talk.replication !== null) talk.advance(talk.replication, 0, end - from, 0);
    return upTo;
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#talk.endAll();
    this.#downstream.requests.stop();
  }

  /** Never asked: this filter only observes. */
  refuse(_turn: Turn, _why: Denial): Refusal {
    return { kind: 'close', last: null };
  }

  get quiet(): boolean {
    return this.#talk.isIdle && !this.#downstream.requests.inside && !this.#upstream.replies.inside;
  }

  farewell(): Uint8Array | null {
    return null;
  }
}
