import type { SessionHost } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';

/** Envoy's words. */
const REASON = 'denied (API key)';

/** Envoy's `api_keys_allowed` and `api_keys_denied`: by the key of a request's header, whatever its version. */
export class ApiKeyRules {
  readonly #allowed: ReadonlySet<number>;
  readonly #denied: ReadonlySet<number>;

  constructor(allowed: readonly number[], denied: readonly number[]) {
    this.#allowed = new Set(allowed);
    this.#denied = new Set(denied);
  }

  get allowsAll(): boolean {
    return this.#allowed.size === 0 && this.#denied.size === 0;
  }

  allows(apiKey: number): boolean {
    return (this.#allowed.size === 0 || this.#allowed.has(apiKey)) && !this.#denied.has(apiKey);
  }
}

/** Keeps requests from the broker until their API key is known, and those of a denied key for ever. */
export class RequestGate {
  readonly #host: SessionHost;
  readonly #rules: ApiKeyRules;
  readonly #onDenied: (apiKey: number) => void;
  closed = false;

  /** Requests go through the gate from here on. */
  constructor(host: SessionHost, rules: ApiKeyRules, onDenied: (apiKey: number) => void) {
    this.#host = host;
    this.#rules = rules;
    this.#onDenied = onDenied;
    host.setGear(Side.downstream, 'gate');
  }

  /** The header of a request whose frame begins at offset `from`; false: the connection has closed. */
  admit(apiKey: number, from: number): boolean {
    if (this.closed) return false;
    if (this.#rules.allows(apiKey)) return true;
    this.closed = true;
    this.#onDenied(apiKey);
    this.#host.clear(Side.downstream, from); // what came before it is none of its business
    this.#host.close(REASON);
    return false;
  }

  /** All below may leave: what was read, or the beginning of a frame whose key has not come yet. */
  release(upTo: number): void {
    if (!this.closed) this.#host.clear(Side.downstream, upTo);
  }
}
