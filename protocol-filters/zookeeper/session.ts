import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Bound } from './bound.ts';
import { Conversation, Phase } from './conversation.ts';
import { Downstream } from './downstream.ts';
import { Gate } from './gate.ts';
import { Upstream } from './upstream.ts';

/** One connection: requests are read in Downstream, replies in Upstream; the answer to a four-letter word is only counted. */
export class ZookeeperSession implements Session {
  readonly #host: SessionHost;
  readonly #talk: Conversation;
  readonly #downstream: Downstream;
  readonly #upstream: Upstream;
  #dialled = false;

  constructor(host: SessionHost, bound: Bound) {
    this.#host = host;
    this.#talk = new Conversation(host, bound);
    this.#downstream = new Downstream(this.#talk);
    this.#upstream = new Upstream(this.#talk);
    bound.stats.registry.inc(bound.stats.own.connections);
    if (host.judges) this.#talk.gate = new Gate(this.#talk, this.#downstream.reader);
    if (host.enforces) host.setGear(Side.downstream, 'gate');
    if (host.cuts) host.setGear(Side.upstream, 'gate');
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (!this.#dialled && end > start) {
      this.#dialled = true;
      this.#host.connect();
    }
    if (talk.over) return upTo;
    if (talk.gate !== null) return this.#readJudged(talk.gate, buf, start, end, at);
    if (talk.phase !== Phase.word) this.#downstream.reader.push(buf, start, end, this.#host.now());
    // All that such a client sends belongs to its word: a line end, the mask of stmk.
    if (talk.word !== null) talk.word.requestBytes = upTo;
    return upTo;
  }

  #readJudged(gate: Gate, buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    const read = talk.phase === Phase.word ? upTo : gate.read(buf, start, end, at);
    if (talk.word !== null) talk.word.requestBytes = upTo;
    if (!gate.enforces || talk.over) return upTo;
    if (talk.phase === Phase.word) {
      // The word has left; nobody judges what is said behind it.
      const from = Math.max(at, WORD_BYTES);
      if (upTo > from) this.#host.replace(Side.downstream, from, upTo, null);
      this.#host.clear(Side.downstream, upTo);
      return upTo;
    }
    this.#host.clear(Side.downstream, gate.frames.inside ? gate.frames.from : read);
    return read;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (talk.over) return upTo;
    const isGated = this.#host.gear(Side.upstream) === 'gate';
    const { reader } = this.#upstream;
    if (talk.phase === Phase.word) talk.onWordReply(buf, start, end);
    else {
      reader.base = at - start;
      reader.push(buf, start, end, this.#host.now());
    }
    if (talk.gate === null || talk.over) return upTo;
    if (isGated) this.#host.clear(Side.upstream, this.#upstream.mayLeave(upTo));
    talk.gate.release();
    return upTo;
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#talk.endAll();
    this.#downstream.reader.stop();
    this.#talk.gate?.frames.stop();
    this.#upstream.reader.stop();
  }

  refuse(_turn: Turn, why: Denial): Refusal {
    return this.#talk.gate?.refuse(why) ?? { kind: 'close', last: null };
  }

  /** The protocol has no words that nobody asked for. */
  expel(): null {
    return null;
  }

  get quiet(): boolean {
    const talk = this.#talk;
    return (
      talk.open === 0 &&
      talk.inFlight === 0 &&
      !this.#downstream.reader.inside &&
      !this.#talk.gate?.frames.inside &&
      !this.#upstream.reader.inside
    );
  }

  farewell(): Uint8Array | null {
    return null;
  }
}

const WORD_BYTES = 4;
