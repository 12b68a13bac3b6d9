import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { Conversation } from './conversation.ts';
import { firstByteFault } from './detect.ts';
import { Downstream } from './downstream.ts';
import { deniedReply } from './refuse.ts';
import { Upstream } from './upstream.ts';

/** One connection: commands are read in Downstream, replies in Upstream; the link of a replica is only counted. */
export class RedisSession implements Session {
  readonly #host: SessionHost;
  readonly #talk: Conversation;
  readonly #downstream: Downstream;
  readonly #upstream: Upstream;
  #dialled = false;
  #received = 0;

  constructor(host: SessionHost, bound: Bound) {
    this.#host = host;
    this.#talk = new Conversation(host, bound);
    this.#downstream = new Downstream(this.#talk);
    this.#upstream = new Upstream(this.#talk, this.#downstream);
    const { registry, envoy } = bound.stats;
    registry.inc(envoy.downstream_cx_total);
    registry.inc(envoy.downstream_cx_active);
    host.confirm(host.judges ? { database: '0', user: this.#talk.nobody } : { database: '0' });
    if (host.enforces) host.setGear(Side.downstream, 'gate');
    if (host.cuts) host.setGear(Side.upstream, 'gate');
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    this.#countReceived(upTo);
    if (!this.#dialled && end > start) {
      this.#dialled = true;
      const fault = firstByteFault(buf[start]!);
      if (fault !== null) this.#downstream.fault(fault);
      if (fault === null || talk.gate?.enforces !== true) this.#host.connect();
    }
    if (talk.over) return upTo;
    const isGated = talk.gate?.enforces === true;
    if (talk.replication !== null) {
      talk.advance(talk.replication, end - start, 0, 0);
      if (isGated) this.#host.clear(Side.downstream, upTo);
      return upTo;
    }
    const { requests } = this.#downstream;
    const read = at + (requests.push(buf, start, end, at, this.#host.now()) - start);
    if (requests.fault !== null)
      this.#downstream.fault(requests.inline && talk.turns === 0 ? 'foreign_protocol' : requests.fault);
    if (!isGated || talk.over) return upTo;
    const gate = talk.gate!;
    if (gate.inRest) gate.passRest(read, false);
    this.#host.clear(Side.downstream, requests.inside && !gate.inRest ? requests.from : read);
    return read;
  }

  /** Held bytes are lent more than once. */
  #countReceived(upTo: number): void {
    if (upTo <= this.#received) return;
    const { registry, envoy } = this.#talk.bound.stats;
    registry.add(envoy.downstream_cx_rx_bytes_total, upTo - this.#received);
    this.#received = upTo;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const { registry, envoy } = talk.bound.stats;
    registry.add(envoy.downstream_cx_tx_bytes_total, end - start);
    const upTo = at + (end - start);
    if (talk.over) return upTo;
    const isGated = this.#host.gear(Side.upstream) === 'gate';
    let from = start;
    if (talk.replication === null) {
      const { replies } = this.#upstream;
      from = replies.push(buf, start, end, at, this.#host.now());
      if (replies.fault !== null) talk.fault(replies.fault);
    }
    if (talk.replication !== null) talk.advance(talk.replication, 0, end - from, 0);
    if (talk.over) return upTo;
    if (isGated) this.#host.clear(Side.upstream, talk.replication === null ? this.#upstream.mayLeave(upTo) : upTo);
    talk.gate?.release();
    return upTo;
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#talk.endAll();
    this.#downstream.requests.stop();
  }

  refuse(_turn: Turn, why: Denial): Refusal {
    return this.#talk.gate?.refuse(why) ?? { kind: 'close', last: null };
  }

  /** A server, too, says why before it hangs up. */
  expel(why: Denial): Uint8Array | null {
    return !this.#talk.over && this.#talk.maySpeak ? deniedReply(why) : null;
  }

  get quiet(): boolean {
    return this.#talk.isIdle && !this.#downstream.requests.inside && !this.#upstream.replies.inside;
  }

  farewell(): Uint8Array | null {
    return null;
  }
}
