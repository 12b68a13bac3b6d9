import type { Refusal, Session, SessionHost } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { Backend } from './backend.ts';
import type { Bound } from './bound.ts';
import { CompressedSide } from './compressed-side.ts';
import { ConnectionPhase } from './connection-phase.ts';
import { Conversation, Phase } from './conversation.ts';
import { shutdownPacket } from './farewell.ts';
import { Frontend } from './frontend.ts';

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
    this.#talk = new Conversation(host, bound);
    const connection = new ConnectionPhase(this.#talk);
    this.#backend = new Backend(this.#talk, connection);
    this.#frontend = new Frontend(this.#talk, this.#backend, connection);
    this.#backend.refusedCommand = () => this.#frontend.refused();
    connection.begin();
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
    if (this.#client !== null) this.#client.push(buf, start, end);
    else this.#frontend.packets.push(buf, start, end, this.#host.now());
    return upTo;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const upTo = at + (end - start);
    if (talk.phase === Phase.over) return upTo;
    if (this.#server !== null) {
      this.#server.push(buf, start, end);
      return upTo;
    }
    const read = this.#backend.packets.push(buf, start, end, this.#host.now());
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

  /** This filter judges nothing. */
  refuse(): Refusal {
    return { kind: 'close', last: null };
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
