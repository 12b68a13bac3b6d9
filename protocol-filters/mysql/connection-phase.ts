import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import { AuthDialogue, type AuthStep } from './auth.ts';
import { checkLogin, trimGreeting, trimLogin } from './capability-gate.ts';
import { readChangeUser } from './change-user.ts';
import { type Conversation, Phase } from './conversation.ts';
import { applyStatus, applyTracked, type Claim, confirmClaim } from './facts.ts';
import { type Greeting, readGreeting } from './greeting.ts';
import { type Login, readLogin } from './login.ts';
import { MAX_JOINED_BYTES, type Packets } from './packets.ts';
import { readErr, readOk } from './replies.ts';
import { Capability, Head, MAX_AUTH_BYTES, MAX_GREETING_BYTES, MAX_LOGIN_BYTES, ServerStatus } from './wire.ts';

/** From the server's greeting to its final OK, and the same dialogue again for COM_CHANGE_USER. */
export class ConnectionPhase {
  readonly #talk: Conversation;
  #greeting: Greeting | null = null;
  #login: Login | null = null;
  readonly #dialogue = new AuthDialogue();
  /** The server's last word so far was an error. */
  #isRefused = false;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** Both sides' packets exist: what may come first. */
  begin(): void {
    const { client, server } = this.#talk;
    server.expected = 0;
    server.ceiling = MAX_GREETING_BYTES;
    client.ceiling = MAX_LOGIN_BYTES;
  }

  // ---- until the login is over

  onServer(buf: Buffer, start: number, end: number, payloadBytes: number, packets: Packets): boolean {
    const talk = this.#talk;
    switch (talk.phase) {
      case Phase.greeting:
        return this.#greeted(buf, start, end, packets);
      case Phase.login:
        // A server that loses its patience says so, and hangs up.
        return payloadBytes > 0 && buf[start] === Head.err
          ? this.#refused(buf, start, end)
          : this.#fault('unexpected_reply');
      case Phase.authenticating:
        return this.#authenticating(buf, start, end, packets);
      default:
        return this.#fault('unexpected_reply');
    }
  }

  onClient(buf: Buffer, start: number, end: number, payloadBytes: number, packets: Packets): boolean {
    const talk = this.#talk;
    if (this.#isRefused) {
      // It has read the error, or not yet: it leaves. A server that has refused somebody is sent nothing more by a gate (threats X-08).
      if (talk.gate !== null) talk.host.replace(Side.downstream, packets.beganAt, packets.endsAt, null);
      packets.expected = -1;
      return true;
    }
    if (!packets.inOrder) {
      talk.faultSequence();
      return false;
    }
    if (talk.phase === Phase.login) return this.#loggedIn(buf, start, end, packets);
    if (talk.phase !== Phase.authenticating) return this.#fault('out_of_order');
    return this.#clientSaid(payloadBytes, packets);
  }

  #greeted(buf: Buffer, start: number, end: number, packets: Packets): boolean {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    if (!packets.inOrder) return this.#fault('foreign_protocol');
    const greeting = readGreeting(buf, start, end);
    if (typeof greeting === 'string') return this.#fault(greeting);
    if (talk.gate !== null && talk.cuts === null) talk.host.setGear(Side.upstream, 'tap');
    if (greeting.kind === 'error') {
      registry.inc(own.connections_refused);
      talk.phase = Phase.refused;
      this.#isRefused = true;
      talk.host.aside(Side.upstream, 'error', packets.wireBytes);
      return true;
    }
    this.#greeting = greeting;
    if (talk.gate !== null) {
      const wrong = trimGreeting(talk, greeting, buf, start, end);
      if (wrong !== null) return this.#fault(wrong);
    }
    talk.reading.server(greeting.flavour, greeting.version, greeting.collation);
    talk.phase = Phase.login;
    talk.client.expected = (packets.sequence + 1) & 0xff;
    packets.ceiling = MAX_AUTH_BYTES;
    return true;
  }

  #loggedIn(buf: Buffer, start: number, end: number, packets: Packets): boolean {
    const talk = this.#talk;
    const { registry, envoy } = talk.bound.stats;
    const { capabilities, mariadbCapabilities } = this.#greeting!;
    const login = readLogin(buf, start, end, capabilities, mariadbCapabilities);
    if (typeof login === 'string') return this.#fault(login);
    registry.inc(envoy.login_attempts);
    const wrong = talk.gate === null ? null : checkLogin(talk, this.#greeting!, login);
    if (wrong !== null) return this.#fault(wrong);
    if (login.kind === 'ssl') {
      registry.inc(envoy.upgraded_to_ssl);
      return this.#fault('encrypted');
    }
    if (talk.gate !== null) trimLogin(talk, login, buf, start);
    this.#login = login;
    talk.negotiated(login.capabilities & capabilities, login.mariadbCapabilities);
    talk.phase = Phase.authenticating;
    this.#dialogue.begin(login.authPlugin, talk.capabilities);
    talk.server.expected = (packets.sequence + 1) & 0xff;
    return true;
  }

  #authenticating(buf: Buffer, start: number, end: number, packets: Packets): boolean {
    const talk = this.#talk;
    const step = this.#serverSaid(buf, start, end);
    this.#isRefused = false;
    if (step === 'error') return this.#refused(buf, start, end);
    if (!packets.inOrder) {
      talk.faultSequence();
      return false;
    }
    if (step === 'continue') {
      if (talk.sentAhead) return this.#fault('out_of_order');
      talk.client.expected = (packets.sequence + 1) & 0xff;
      return true;
    }
    if (step !== 'ok') return this.#fault(step);
    const { registry, own } = talk.bound.stats;
    registry.inc(own.logins_ok);
    talk.phase = Phase.ready;
    confirmClaim(talk, this.#login!, this.#greeting!.serverVersion);
    this.#settle(buf, start, end);
    talk.firstQuotes = talk.reading.ansiQuotes;
    talk.firstCharset = talk.reading.charsetId;
    const compresses = this.#beginCompression();
    this.#login = null;
    talk.client.expected = 0;
    packets.expected = -1;
    packets.ceiling = MAX_JOINED_BYTES;
    talk.client.ceiling = talk.gate === null ? MAX_JOINED_BYTES : talk.bound.options.max_held_bytes;
    return !compresses;
  }

  /** The login is refused. A server that goes on all the same is listened to. */
  #refused(buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    const err = readErr(buf, start, end);
    if (typeof err === 'string') return this.#fault(err);
    const { registry, envoy, own } = talk.bound.stats;
    registry.inc(envoy.login_failures);
    registry.inc(own.login_failures);
    this.#isRefused = true;
    // Should the server not mean it, its next packet goes on with the dialogue.
    this.#dialogue.serverMay = true;
    talk.host.aside(Side.upstream, 'error', talk.server.wireBytes);
    return true;
  }

  /** zstd where both can, zlib where both can that: from the next byte of either side on. */
  #beginCompression(): boolean {
    const talk = this.#talk;
    const { capabilities } = talk;
    const zlib = (capabilities & Capability.compress) !== 0;
    const zstd = !zlib && (capabilities & Capability.zstdCompressionAlgorithm) !== 0;
    if (!zlib && !zstd) return false;
    talk.count(zlib ? 'compressed_zlib' : 'compressed_zstd');
    talk.compression = zlib ? 'zlib' : 'zstd';
    return true;
  }

  // ---- COM_CHANGE_USER

  /** Who a COM_CHANGE_USER wants to be. */
  readChange(buf: Buffer, start: number, end: number): Claim | Fault {
    const change = readChangeUser(buf, start, end, this.#talk.capabilities);
    return typeof change !== 'string' && !change.isCertain && this.#talk.gate !== null ? 'ambiguous' : change;
  }

  /** A packet of the client that is no command. */
  onClientAuth(payloadBytes: number, packets: Packets): boolean {
    const talk = this.#talk;
    if (packets.sequence !== talk.authSequence && !packets.unchecked) {
      talk.faultSequence();
      return false;
    }
    talk.awaitsAuth = false;
    return this.#clientSaid(payloadBytes, packets);
  }

  /** The server begins to answer a COM_CHANGE_USER. */
  changeBegins(claim: Claim | null): void {
    this.#dialogue.begin(claim?.authPlugin ?? '', this.#talk.capabilities);
  }

  /** A packet of the server in the dialogue. True: its final OK; null after a fault. */
  onServerAuth(buf: Buffer, start: number, end: number, packets: Packets): boolean | null {
    const talk = this.#talk;
    const step = this.#serverSaid(buf, start, end);
    if (step === 'ok') return true;
    if (step !== 'continue') {
      this.#fault(step === 'error' ? 'unexpected_reply' : step);
      return null;
    }
    if (talk.sentAhead) {
      this.#fault('out_of_order');
      return null;
    }
    talk.awaitsAuth = this.#dialogue.clientMay;
    talk.authSequence = (packets.sequence + 1) & 0xff;
    talk.client.expected = talk.awaitsAuth ? -1 : 0;
    return false;
  }

  /** The server has accepted the change, by the OK packet buf[start..end). */
  confirmed(claim: Claim | null, buf: Buffer, start: number, end: number): void {
    if (claim !== null) confirmClaim(this.#talk, claim, this.#greeting!.serverVersion);
    this.#settle(buf, start, end);
    this.dialogueEnded();
  }

  dialogueEnded(): void {
    const talk = this.#talk;
    if (!talk.awaitsAuth) return;
    talk.awaitsAuth = false;
    talk.client.expected = 0;
  }

  // ---- shared

  #serverSaid(buf: Buffer, start: number, end: number): AuthStep {
    const { registry, envoy } = this.#talk.bound.stats;
    const { switches } = this.#dialogue;
    const step = this.#dialogue.onServer(buf, start, end);
    if (this.#dialogue.switches > switches) registry.inc(envoy.auth_switch_request);
    return step;
  }

  /** A secret: counted past. */
  #clientSaid(payloadBytes: number, packets: Packets): boolean {
    const talk = this.#talk;
    const step = this.#dialogue.onClient(payloadBytes);
    if (step !== 'continue') return this.#fault(step === 'ok' || step === 'error' ? 'out_of_order' : step);
    talk.server.expected = (packets.sequence + 1) & 0xff;
    packets.expected = talk.phase === Phase.ready ? 0 : -1;
    return true;
  }

  /** The final OK's status and session state. */
  #settle(buf: Buffer, start: number, end: number): void {
    const talk = this.#talk;
    const ok = readOk(buf, start, end, talk.capabilities);
    if (typeof ok === 'string') return;
    talk.transaction.ended(null, (ok.status & ServerStatus.inTransaction) !== 0);
    applyStatus(talk, ok.status);
    if (ok.trackTo > ok.trackFrom) applyTracked(talk, buf, ok.trackFrom, ok.trackTo);
  }

  #fault(fault: Fault): false {
    this.#talk.fault(fault);
    return false;
  }
}
