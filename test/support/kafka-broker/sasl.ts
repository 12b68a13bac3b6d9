import { api } from './call.ts';
import { codeOf } from './errors.ts';
import type { SaslOptions } from './options.ts';
import { ScramServer } from './scram.ts';

interface Step {
  /** For the client; null: refused. */
  readonly token: Buffer | null;
  readonly done: boolean;
}

const REFUSED: Step = { token: null, done: false };
const BEFORE_LOGIN = new Set(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate']);

/** How far a connection's authentication has come. */
export class SaslState {
  readonly options: Required<SaslOptions> | null;
  /** '' until it has succeeded. */
  principal = '';
  mechanism = '';
  /** The handshake was of version 0: what follows are tokens without a header. */
  #bare = false;
  #underWay = false;
  #scram: ScramServer | null = null;
  /** When the client must have authenticated anew, ms of Date.now(). */
  #expiresAt = Number.POSITIVE_INFINITY;
  /** The connection ends behind the reply that says so. */
  failed = false;

  constructor(options: Required<SaslOptions> | null) {
    this.options = options;
  }

  get expectsToken(): boolean {
    return this.#bare && this.#underWay;
  }

  allows(name: string): boolean {
    if (this.options === null) return true;
    if (this.principal === '') return BEFORE_LOGIN.has(name);
    return Date.now() < this.#expiresAt || name === 'SaslHandshake' || name === 'SaslAuthenticate';
  }

  /** False: it is not among ours. */
  begin(mechanism: string, version: number): boolean {
    if (this.options === null || !this.options.mechanisms.includes(mechanism as 'PLAIN')) return false;
    if (this.principal !== '' && mechanism !== this.mechanism) return false;
    this.mechanism = mechanism;
    this.#bare = version === 0;
    this.#underWay = true;
    this.#scram = mechanism === 'PLAIN' ? null : new ScramServer(this.options.users);
    return true;
  }

  step(token: Buffer): Step {
    if (!this.#underWay || this.options === null) return REFUSED;
    const step = this.#scram === null ? this.#plain(token) : this.#scram.step(token);
    const user = this.#scram?.user ?? this.#user;
    if (step.token === null || (step.done && this.principal !== '' && this.principal !== user)) {
      this.#underWay = false;
      return REFUSED;
    }
    if (step.done) {
      this.#underWay = false;
      this.principal = user;
      const { sessionLifetimeMs } = this.options;
      if (sessionLifetimeMs > 0) this.#expiresAt = Date.now() + sessionLifetimeMs;
    }
    return step;
  }

  #user = '';

  /** RFC 4616: authorization id, NUL, name, NUL, password. */
  #plain(token: Buffer): Step {
    const words = token.toString('utf8').split('\0');
    const [authorizationId = '', user = '', password = ''] = words;
    const allowed = words.length === 3 && user !== '' && (authorizationId === '' || authorizationId === user);
    this.#user = user;
    const users = this.options?.users ?? {};
    return allowed && Object.hasOwn(users, user) && users[user] === password
      ? { token: Buffer.alloc(0), done: true }
      : REFUSED;
  }
}

export const saslApis = {
  SaslHandshake: api<{ mechanism: string }>([0, 1], ({ mechanism }, { connection, version }) => {
    const known = connection.sasl.begin(mechanism, version);
    if (!known) connection.sasl.failed = true;
    return {
      errorCode: known
        ? 0
        : codeOf(connection.sasl.options === null ? 'ILLEGAL_SASL_STATE' : 'UNSUPPORTED_SASL_MECHANISM'),
      mechanisms: connection.sasl.options?.mechanisms ?? [],
    };
  }),

  SaslAuthenticate: api<{ authBytes: Buffer }>([0, 2], ({ authBytes }, { connection }) => {
    const { sasl, entry } = connection;
    const { token, done } = sasl.step(authBytes);
    if (token === null) {
      sasl.failed = true;
      const errorMessage = `Authentication failed: Invalid username or password`;
      return { errorCode: codeOf('SASL_AUTHENTICATION_FAILED'), errorMessage };
    }
    if (done) entry.principal = sasl.principal;
    return { authBytes: token, sessionLifetimeMs: done ? BigInt(sasl.options?.sessionLifetimeMs ?? 0) : 0n };
  }),
};
