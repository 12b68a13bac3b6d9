import type { Denial, Refusal, Session, SessionHost, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { Backend } from './backend.ts';
import type { Bound } from './bound.ts';
import { Conversation, Phase } from './conversation.ts';
import { Frontend } from './frontend.ts';
import { Gate } from './gate.ts';
import { lastWords, oldProtocolResponse, REFUSED, shutdownResponse } from './refuse.ts';
import { type FirstPacket, StartupReader } from './startup.ts';
import { startupFacts } from './startup-settings.ts';
import { Backend as B } from './wire.ts';

const TLS_ACCEPTED = 0x53; // S
const GSS_ACCEPTED = 0x47; // G

/** One Postgres connection: startup and negotiation here, everything after in Frontend, Backend and Gate. */
export class PostgresSession implements Session {
  readonly #host: SessionHost;
  readonly #bound: Bound;
  readonly #talk: Conversation;
  readonly #frontend: Frontend;
  readonly #backend: Backend;
  readonly #gate: Gate | null;
  readonly #startup = new StartupReader();
  /** Encryption was asked for and refused: each kind may be asked for once. */
  #askedSsl = false;
  #askedGss = false;
  /** What the unanswered negotiation is about. */
  #negotiates: 'ssl' | 'gssenc' = 'ssl';
  #isCancel = false;

  constructor(host: SessionHost, bound: Bound) {
    this.#host = host;
    this.#bound = bound;
    this.#talk = new Conversation(host, bound);
    this.#gate = host.enforces ? new Gate(this.#talk) : null;
    this.#backend = new Backend(this.#talk, this.#gate);
    this.#frontend = new Frontend(this.#talk, this.#backend, this.#gate);
    // An answer of our own to SSLRequest takes the request's place: requests are held until the startup message.
    if (host.enforces || bound.options.refuse_ssl) host.setGear(Side.downstream, 'gate');
    if (host.enforces && host.cuts) host.setGear(Side.upstream, 'gate');
  }

  onDownstream(buf: Buffer, start: number, end: number, at: number): number {
    const isGated = this.#host.gear(Side.downstream) === 'gate';
    const upTo = at + (end - start);
    let read = at;
    while (this.#is(Phase.startup) && read < upTo) {
      read += this.#readFirstPacket(buf, start + (read - at), end, read);
      if (isGated && this.#mayClear && !this.#startup.inside) this.#host.clear(Side.downstream, read);
    }
    // Plain text behind an unanswered request for encryption: whoever reads it, reads something else than we do.
    if (this.#is(Phase.negotiating) && read < upTo) this.#talk.fault('out_of_order', false);
    if (!this.#is(Phase.authenticating) && !this.#is(Phase.ready)) return upTo;
    const { framing } = this.#frontend;
    read = framing.push(buf, start + (read - at), end, read, this.#host.now());
    if (isGated && this.#mayClear) {
      const holds = this.#gate !== null && framing.inside && !framing.handed;
      this.#host.clear(Side.downstream, holds ? framing.from : read);
    }
    return read;
  }

  onUpstream(buf: Buffer, start: number, end: number, at: number): number {
    const talk = this.#talk;
    const isGated = this.#host.gear(Side.upstream) === 'gate';
    let from = start;
    if (talk.phase === Phase.negotiating && from < end) from += this.#negotiated(buf[from]!);
    if (this.#isCancel || talk.phase === Phase.over) return at + (end - start);
    if (talk.phase === Phase.startup) {
      if (from < end) talk.fault('unexpected_reply', false);
      return at + (end - start);
    }
    const { framing } = this.#backend;
    const read = framing.push(buf, from, end, at + (from - start), this.#host.now());
    if (isGated && this.#mayClear) {
      // All but what has not come whole and may be replaced.
      const holds = this.#host.gear(Side.upstream) === 'gate' && this.#backend.holds;
      this.#host.clear(Side.upstream, holds ? framing.from : read);
    }
    talk.release();
    return read;
  }

  onEnd(side: Side, how: 'fin' | 'reset' | 'error' | 'drain'): void {
    // A client that has said all it wants still waits for its answers.
    if (side === Side.downstream && how === 'fin') return;
    this.#talk.endAll();
  }

  refuse(_turn: Turn, why: Denial): Refusal {
    return this.#gate === null ? { kind: 'close', last: null } : this.#gate.refuse(why);
  }

  expel(why: Denial): Uint8Array | null {
    const talk = this.#talk;
    if (talk.phase === Phase.over || talk.phase === Phase.negotiating || this.#isCancel) return null;
    // Behind an open request, or within a message of the server, it would be taken for another answer.
    if (this.#backend.framing.inside || talk.pending.size > 0 || talk.overflowing) return null;
    return lastWords(why, talk.transaction.inside);
  }

  get quiet(): boolean {
    const talk = this.#talk;
    if (talk.phase === Phase.startup) return !this.#startup.inside && !this.#isCancel;
    return talk.phase === Phase.ready && talk.isIdle && !this.#frontend.framing.inside && !this.#backend.framing.inside;
  }

  farewell(): Uint8Array | null {
    return this.#talk.phase === Phase.ready ? shutdownResponse() : null;
  }

  #is(phase: Phase): boolean {
    return this.#talk.phase === phase;
  }

  /** Bytes after a fault do not leave: the host closes an enforced connection. */
  get #mayClear(): boolean {
    return this.#talk.phase !== Phase.over;
  }

  // ---- before the startup message

  /** Returns how many bytes of the packet were there. */
  #readFirstPacket(buf: Buffer, start: number, end: number, at: number): number {
    const startup = this.#startup;
    if (this.#isCancel) {
      this.#talk.fault('out_of_order', false);
      return end - start;
    }
    const packet = startup.read(buf, start, end, at, this.#host.now());
    if (packet !== null) this.#begin(packet, startup.from, at + startup.consumed);
    return startup.consumed;
  }

  #begin(packet: FirstPacket, from: number, to: number): void {
    const { registry, envoy, own } = this.#bound.stats;
    switch (packet.kind) {
      case 'ssl':
      case 'gssenc':
        this.#bound.stats.frontendMessage();
        registry.inc(packet.kind === 'ssl' ? own.ssl_requests : own.gssenc_requests);
        this.#encryption(packet.kind, from, to);
        return;
      case 'cancel':
        this.#bound.stats.frontendMessage();
        registry.inc(own.cancel_requests);
        this.#isCancel = true;
        if (!this.#host.connect(packet.key)) {
          registry.inc(own.cancel_requests_unknown_key);
          // A key that no server has issued through us is a guess: nothing of it leaves.
          if (this.#gate !== null) {
            this.#talk.phase = Phase.over;
            this.#host.close('denied:unknown cancellation key');
            return;
          }
        }
        this.#tapAgain();
        return;
      case 'startup':
        if (this.#gate !== null && packet.parameters.doubtful) {
          this.#talk.fault('ambiguous', true);
          return;
        }
        this.#talk.parameters = packet.parameters;
        this.#talk.negotiation.asked(packet.minor, packet.parameters.extensions);
        if (this.#host.judges) this.#talk.startup = startupFacts(packet.parameters.all, packet.parameters.replication);
        // Until it is known whether the session may be, the client does not hear that it is.
        if (this.#gate !== null && this.#talk.startup !== null) this.#host.setGear(Side.upstream, 'gate');
        this.#talk.phase = Phase.authenticating;
        this.#host.connect();
        this.#tapAgain();
        return;
      case 'fault':
        if (packet.fault === 'encrypted') {
          registry.inc(own.direct_tls);
          if (this.#gate === null) {
            registry.inc(envoy.sessions);
            registry.inc(envoy.sessions_encrypted);
          }
        }
        // Whoever speaks another protocol, or TLS, would not understand our error.
        this.#fail(packet.fault);
        return;
    }
  }

  #fail(fault: Parameters<Conversation['fault']>[0]): void {
    const speaksPostgres = fault === 'unsupported_version' || fault === 'undersized' || fault === 'oversized';
    if (this.#gate === null) this.#host.connect();
    else if (fault === 'unsupported_version') {
      this.#host.send(Side.downstream, oldProtocolResponse());
      this.#talk.fault(fault, false);
      return;
    }
    this.#talk.fault(fault, speaksPostgres);
  }

  /** What was held for our own answer to SSLRequest is held no longer. */
  #tapAgain(): void {
    if (this.#gate === null && this.#host.gear(Side.downstream) === 'gate') this.#host.setGear(Side.downstream, 'tap');
  }

  #encryption(kind: 'ssl' | 'gssenc', from: number, to: number): void {
    const again = kind === 'ssl' ? this.#askedSsl : this.#askedGss;
    if (kind === 'ssl') this.#askedSsl = true;
    else this.#askedGss = true;
    if (again) {
      this.#fail('out_of_order');
      return;
    }
    if (this.#gate === null && !this.#bound.options.refuse_ssl) {
      this.#negotiates = kind;
      this.#talk.phase = Phase.negotiating;
      this.#host.connect();
      return;
    }
    this.#host.replace(Side.downstream, from, to, null);
    this.#host.clear(Side.downstream, to);
    this.#host.send(Side.downstream, Uint8Array.of(REFUSED));
    this.#countRefused(kind);
  }

  #countRefused(kind: 'ssl' | 'gssenc'): void {
    if (kind === 'ssl') this.#bound.stats.registry.inc(this.#bound.stats.own.ssl_refused);
  }

  /** The server's one-byte answer. Returns how many bytes of it were read. */
  #negotiated(answer: number): 0 | 1 {
    const talk = this.#talk;
    const { registry, envoy } = this.#bound.stats;
    if (answer === REFUSED) {
      this.#countRefused(this.#negotiates);
      talk.phase = Phase.startup;
      return 1;
    }
    if (answer === (this.#negotiates === 'ssl' ? TLS_ACCEPTED : GSS_ACCEPTED)) {
      registry.inc(envoy.sessions);
      registry.inc(envoy.sessions_encrypted);
      talk.fault('encrypted', false);
      return 1;
    }
    // A server that cannot take a connection says so in a message, and hangs up.
    if (answer === B.error) {
      talk.phase = Phase.authenticating;
      return 0;
    }
    talk.fault('unexpected_reply', false);
    return 0;
  }
}
