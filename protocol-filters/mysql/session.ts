import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { Backend } from './backend.ts';
import type { Bound } from './bound.ts';
import { CompressedSide } from './compressed-side.ts';
import { ConnectionPhase } from './connection-phase.ts';
import { Conversation, Phase } from './conversation.ts';
import { shutdownPacket } from './farewell.ts';
import { Frontend } from './frontend.ts';
import { Gate, mustKeep } from './gate.ts';
import { expelledPacket, refusedPacket } from './refuse.ts';
import { ReplyCuts } from './reply-cuts.ts';

/** One MySQL or MariaDB connection. */
export class MysqlSession implements Session {
  readonly #host: SessionHost;
  readonly #talk: Conversation;
  readonly #frontend: Frontend;
  readonly #backend: Backend;
  /** Both sides are compressed from the final OK on, where that was agreed on. */
  #client: CompressedSide | null = null;
  #server: CompressedSide | null = null;

  constructor(host: SessionHost, bound: Bound) {
    this.#host = host;
    const talk = new Conversation(host, bound);
    this.#talk = talk;
    if (host.enforces) {
      talk.gate = new Gate(talk);
      host.setGear(Side.downstream, 'gate');
    }
    if (host.cuts) talk.cuts = new ReplyCuts(talk);
    const connection = new ConnectionPhase(this.#talk);
    this.#backend = new Backend(this.#talk, connection);
    this.#frontend = new Frontend(this.#talk, this.#backend, connection);
    this.#backend.refusedCommand = () => this.#frontend.refused();
    connection.begin();
    // The greeting may have to leave with fewer capabilities.
    if (talk.gate !== null || talk.cuts !== null) host.setGear(Side.upstream, 'gate');
    bound.stats.registry.inc(bound.stats.envoy.sessions);
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (talk.phase === Phase.over) return upTo;
    // The server speaks first: whoever does not wait for it speaks something else.
    if (talk.phase === Phase.greeting) {
      if (end > start) talk.fault('foreign_protocol');
      return upTo;
    }
    if (talk.gate !== null) return this.#gated(buf, start, end, at);
    if (this.#client !== null) this.#client.push(buf, start, end);
    else {
      const { packets } = this.#frontend;
      packets.base = at - start;
      packets.push(buf, start, end, this.#host.now());
    }
    return upTo;
  }

  /** Reads up to a message that has to wait, and lets go what is whole and was not refused. */
  #gated(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const { packets } = this.#frontend;
    const upTo = at + (end - start);
    packets.base = at - start;
    packets.push(buf, start, end, this.#host.now());
    if (this.#is(Phase.over)) return upTo;
    if (talk.held) packets.rewind();
    const boundary = talk.held ? packets.beganAt : packets.boundary(upTo);
    this.#host.clear(Side.downstream, boundary);
    return talk.held ? boundary : upTo;
  }

  #is(phase: Phase): boolean {
    return this.#talk.phase === phase;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (talk.phase === Phase.over) return upTo;
    if (this.#server !== null) {
      this.#server.push(buf, start, end);
      return upTo;
    }
    const { packets } = this.#backend;
    packets.base = at - start;
    const isGated = talk.gate !== null || talk.cuts !== null;
    const isHeld = isGated && this.#host.gear(Side.upstream) === 'gate';
    const read = packets.push(buf, start, end, this.#host.now());
    if (isGated) {
      if (this.#is(Phase.over)) return upTo;
      if (isHeld)
        this.#host.clear(
          Side.upstream,
          packets.inside && mustKeep(talk, this.#backend.isAtRows) ? packets.beganAt : upTo,
        );
      talk.release();
    }
    if (talk.compression === '') return upTo;
    // The final OK was the last packet in clear, of either side.
    this.#client = new CompressedSide(talk, talk.compression, this.#frontend.packets);
    this.#server = new CompressedSide(talk, talk.compression, this.#backend.packets);
    this.#server.push(buf, read, end);
    return upTo;
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#talk.endAll();
    this.#frontend.packets.reset();
    this.#backend.packets.reset();
    this.#client?.release();
    this.#server?.release();
  }

  refuse(_turn: Turn, why: Denial): Refusal {
    return this.#talk.gate === null ? { kind: 'close', last: null } : this.#talk.gate.refuse(why);
  }

  expel(why: Denial): Uint8Array | null {
    const talk = this.#talk;
    if (talk.phase === Phase.greeting) return refusedPacket(why);
    if (talk.phase !== Phase.ready || !talk.protocol41 || talk.compression !== '') return null;
    // An error between the packets of a reply would be taken for a part of it.
    if (talk.pending.size > 0 || this.#backend.packets.inside) return null;
    return expelledPacket(why, talk.inquiry?.isAsking === true ? (this.#frontend.packets.sequence + 1) & 0xff : 1);
  }

  get quiet(): boolean {
    const talk = this.#talk;
    if (this.#frontend.packets.inside || this.#backend.packets.inside) return false;
    if (this.#client?.inside || this.#server?.inside) return false;
    if (talk.phase === Phase.ready) return talk.isIdle;
    return talk.phase === Phase.greeting || talk.phase === Phase.login || talk.phase === Phase.refused;
  }

  farewell(): Uint8Array | null {
    const talk = this.#talk;
    return talk.phase === Phase.ready && talk.protocol41 && talk.compression === '' ? shutdownPacket() : null;
  }
}
