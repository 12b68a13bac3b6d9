import type { Fault } from '../../src/exchange/fault.ts';
import { Capability, Head, has, MAX_AUTH_BYTES } from './wire.ts';

/** `continue`: the dialogue goes on. `ok`, `error`: the server's last word. Else: it cannot be followed any more. */
export type AuthStep = 'continue' | 'ok' | 'error' | Fault;

/** Packets of one dialogue; PAM with many questions and GSSAPI have a dozen. */
const MAX_PACKETS = 128;
/** MySQL knows three factors. */
const MAX_FACTORS = 3;
const MAX_PLUGIN_BYTES = 64;
/** Second byte of caching_sha2_password's AuthMoreData. */
const FAST_AUTH_OK = 3;
const FULL_AUTH = 4;

/**
 * The authentication dialogue after a login or a COM_CHANGE_USER, up to the server's OK or ERR: fed each side's whole
 * payloads. Answers of clients and challenges of servers are never looked into: what a packet is follows from its first
 * byte, its length and whose turn it is.
 *
 * - AuthSwitchRequest: 0xfe, plugin and its data; 0xfe alone asks for the password hash of before 4.1.
 * - AuthMoreData: 0x01 and the plugin's bytes. caching_sha2_password: 3 fast authentication succeeded, the server goes on
 *   by itself; 4 the full one is asked for; else the RSA key. MariaDB leaves out the 0x01 where the plugin's first byte
 *   cannot be mistaken (the questions of `dialog`, the tokens of GSSAPI).
 * - AuthNextFactor: 0x02 and the next factor's plugin, under multiFactorAuthentication.
 */
export class AuthDialogue {
  /** The plugin that is at work, or '' where nobody said. */
  plugin = '';
  /** AuthSwitchRequests, the old form too. */
  switches = 0;
  /** Factors begun: 1 from the start. */
  factors = 1;
  /** Packets of both sides. */
  packets = 0;
  /** Was the cached hash enough (caching_sha2_password), or was the password itself asked for? */
  fast = false;
  full = false;
  /** Who may speak next. Both may after a plugin's data: some last words of a plugin want no answer. */
  clientMay = false;
  serverMay = false;
  #multiFactor = false;

  /** A login or COM_CHANGE_USER was sent, for this plugin: the server speaks next. `capabilities`: those both sides have. */
  begin(plugin: string, capabilities: number): void {
    this.plugin = plugin;
    this.switches = this.packets = 0;
    this.factors = 1;
    this.fast = this.full = false;
    this.clientMay = false;
    this.serverMay = true;
    this.#multiFactor = has(capabilities, Capability.multiFactorAuthentication);
  }

  /** The server's payload buf[start..end). */
  onServer(buf: Buffer, start: number, end: number): AuthStep {
    const bytes = end - start;
    // Servers may give up at any time: an idle client is told so.
    if (bytes > 0 && buf[start] === Head.err) return this.#over('error');
    const wrong = this.#count(bytes);
    if (wrong !== null) return wrong;
    if (!this.serverMay) return 'unexpected_reply';
    // GSSAPI and the like may have nothing to say in a round.
    if (bytes === 0) return this.#either();
    switch (buf[start]) {
      case Head.ok:
        return this.#over('ok');
      case Head.authSwitch:
        this.switches++;
        return this.#plugin(buf, start, end, 'mysql_old_password');
      case Head.authNextFactor:
        if (!this.#multiFactor) return this.#either();
        if (++this.factors > MAX_FACTORS) return 'oversized';
        return this.#plugin(buf, start, end, null);
      case Head.authMoreData:
        return this.#more(buf, start, end);
      default:
        return this.#either();
    }
  }

  /** The client's payload: a secret, of which only the length is seen. */
  onClient(payloadBytes: number): AuthStep {
    const wrong = this.#count(payloadBytes);
    if (wrong !== null) return wrong;
    if (!this.clientMay) return 'out_of_order';
    this.clientMay = false;
    this.serverMay = true;
    return 'continue';
  }

  /** A plugin's name, NUL, and its data. `alone`: the plugin meant where the packet is one byte; null: not legal. */
  #plugin(buf: Buffer, start: number, end: number, alone: string | null): AuthStep {
    if (end - start === 1) {
      if (alone === null) return 'truncated';
      this.plugin = alone;
    } else {
      // Some servers leave out the NUL of a name without data.
      let to = start + 1;
      while (to < end && buf[to] !== 0) to++;
      this.plugin = buf.toString('latin1', start + 1, Math.min(to, start + 1 + MAX_PLUGIN_BYTES));
    }
    this.fast = this.full = false;
    this.clientMay = true;
    this.serverMay = false;
    return 'continue';
  }

  #more(buf: Buffer, start: number, end: number): AuthStep {
    if (this.plugin !== 'caching_sha2_password' || end - start !== 2) return this.#either();
    const word = buf[start + 1];
    if (word === FAST_AUTH_OK) {
      this.fast = true;
      this.clientMay = false;
      this.serverMay = true;
      return 'continue';
    }
    if (word === FULL_AUTH) this.full = true;
    return this.#either();
  }

  #either(): AuthStep {
    this.clientMay = this.serverMay = true;
    return 'continue';
  }

  #over(how: 'ok' | 'error'): AuthStep {
    this.clientMay = this.serverMay = false;
    return how;
  }

  #count(bytes: number): Fault | null {
    return ++this.packets > MAX_PACKETS || bytes > MAX_AUTH_BYTES ? 'oversized' : null;
  }
}
