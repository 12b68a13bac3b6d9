import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { Conversation } from './conversation.ts';
import { Downstream } from './downstream.ts';
import { ReplyGate } from './gate/reply-gate.ts';
import { WholeMessages, type WholeSink } from './gate/whole-messages.ts';
import { HelloRewriter } from './hello-rewriter.ts';
import { Upstream } from './upstream.ts';
import { MessageReader } from './wire/message-reader.ts';

/** One connection: commands are read in Downstream, replies in Upstream. */
export class MongodbSession implements Session, WholeSink {
  readonly #host: SessionHost;
  readonly #talk: Conversation;
  readonly #requests: MessageReader;
  readonly #replies: MessageReader;
  /** Null: replies to hello go as they are. */
  readonly #rewriter: HelloRewriter | null;
  readonly #downstream: Downstream;
  /** Null: no policy judges, and messages are read as they come. */
  readonly #whole: WholeMessages | null;
  /** Null: no policy is enforced. */
  readonly #replyGate: ReplyGate | null;
  #clientHasLeft = false;

  constructor(host: SessionHost, bound: Bound) {
    const { registry, own } = bound.stats;
    this.#host = host;
    this.#talk = new Conversation(host, bound);
    const downstream = new Downstream(this.#talk);
    const upstream = new Upstream(this.#talk);
    const { gate } = this.#talk;
    const enforces = gate?.enforces === true;
    this.#downstream = downstream;
    this.#requests = new MessageReader(downstream, 'client');
    this.#replies = new MessageReader(upstream, 'server');
    const rewrite = bound.options.rewrite_hello;
    this.#rewriter =
      rewrite === undefined
        ? null
        : new HelloRewriter(host, rewrite.address, () => registry.inc(own.hellos_rewritten), enforces);
    this.#whole = gate === null ? null : new WholeMessages(this, enforces);
    this.#replyGate = enforces ? new ReplyGate(this.#talk, this.#replies, this.#rewriter) : null;
    upstream.gate = this.#replyGate;
    if (enforces) host.setGear(Side.downstream, 'gate');
    this.#replyGate?.update();
    if (this.#rewriter !== null) downstream.onHello = (id) => this.#rewriter?.expect(id);
    registry.inc(own.sessions);
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (at === 0 && end > start) this.#host.connect();
    if (talk.over) return upTo;
    if (this.#whole !== null) return this.#readWhole(this.#whole, buf, start, end, at);
    this.#requests.push(buf, start, end, at, this.#host.now());
    this.#stopAt(this.#requests);
    return upTo;
  }

  // ---- where policies judge

  #readWhole(whole: WholeMessages, buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const host = this.#host;
    const read = whole.push(buf, start, end, at, host.now(), host.facts.received[Side.upstream] === 0);
    if (whole.fault !== null) talk.fault(whole.fault);
    if (talk.over) {
      this.#stop();
      return at + (end - start);
    }
    if (this.#replyGate !== null) host.clear(Side.downstream, whole.inside ? Math.min(whole.from, read) : read);
    return read;
  }

  mayRead(): boolean {
    return this.#talk.gate?.mustWait !== true;
  }

  onWhole(buf: Buffer, start: number, end: number, from: number, firstByteAt: number): boolean {
    const talk = this.#talk;
    const downstream = this.#downstream;
    downstream.isHeld = false;
    downstream.firstByteAt = firstByteAt;
    talk.gate?.over(buf, start);
    this.#requests.push(buf, start, end, from, this.#host.now());
    if (this.#requests.fault !== null) talk.fault(this.#requests.fault);
    if (talk.over) this.#whole?.halt();
    else this.#replyGate?.update();
    return !downstream.isHeld;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (talk.over) return upTo;
    this.#replyGate?.before(at, upTo);
    this.#rewriter?.push(buf, start, end, at);
    this.#replies.push(buf, start, end, at, this.#host.now());
    this.#stopAt(this.#replies);
    this.#replyGate?.after(upTo);
    return upTo;
  }

  /** What a reader could not read ends the session's decoding; what ended it otherwise ends the readers. */
  #stopAt(reader: MessageReader): void {
    const talk = this.#talk;
    if (reader.fault !== null) talk.fault(reader.fault);
    if (talk.over) this.#stop();
  }

  #stop(): void {
    this.#whole?.stop();
    this.#requests.stop();
    this.#replies.stop();
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    if (side === Side.downstream && (how === 'fin' || how === 'reset')) this.#clientHasLeft = true;
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#countEnd(how);
    this.#talk.endAll();
    this.#stop();
  }

  #countEnd(how: 'fin' | 'reset' | 'error' | 'drain'): void {
    const talk = this.#talk;
    if (talk.over) return;
    const { registry, envoy } = talk.bound.stats;
    if (how === 'drain') registry.inc(envoy.cx_drain_close);
    if (talk.inFlight.size === (talk.endless === null ? 0 : 1)) return; // nobody waits for what never ends
    const hasClientLeft = this.#clientHasLeft;
    registry.inc(hasClientLeft ? envoy.cx_destroy_remote_with_active_rq : envoy.cx_destroy_local_with_active_rq);
  }

  refuse(turn: Turn, why: Denial): Refusal {
    return this.#talk.gate?.refuse(turn, why) ?? { kind: 'close', last: null };
  }

  expel(why: Denial): Uint8Array | null {
    return this.#talk.gate?.expel(why) ?? null;
  }

  get quiet(): boolean {
    return this.#talk.isIdle && this.#whole?.inside !== true && !this.#requests.inside && !this.#replies.inside;
  }

  farewell(): Uint8Array | null {
    return null;
  }
}
