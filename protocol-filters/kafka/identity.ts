import { shownName } from './names.ts';

/** How a login of one mechanism goes. */
interface Mechanism {
  /** Tokens of the client until the broker's last word; 0: nobody can count them. */
  readonly rounds: number;
  /** Says as whom the client logs in, in its first token. */
  readonly userOf: ((buf: Uint8Array, start: number, end: number) => string) | null;
  /** Does the broker's last token say yes? */
  readonly isYes: (buf: Uint8Array, start: number, end: number) => boolean;
}

const COMMA = 0x2c;
const EQUALS = 0x3d;
const always = (): boolean => true;
const SCRAM: Mechanism = {
  rounds: 2,
  userOf: scramUser,
  // server-final-message (RFC 5802 §7): v=verifier, or e=error.
  isYes: (buf, start, end) => end - start > 2 && buf[start] === 0x76 && buf[start + 1] === EQUALS,
};
/** Bearer tokens and tickets name somebody too, but nobody here could check it (threats KF-12). */
const MECHANISMS: Readonly<Record<string, Mechanism>> = {
  PLAIN: { rounds: 1, userOf: plainUser, isYes: always },
  'SCRAM-SHA-256': SCRAM,
  'SCRAM-SHA-512': SCRAM,
  // An error comes as JSON in the token (RFC 7628 §3.2.2).
  OAUTHBEARER: { rounds: 1, userOf: null, isYes: (_buf, start, end) => start >= end },
  GSSAPI: { rounds: 0, userOf: null, isYes: always },
};
const UNKNOWN: Mechanism = { rounds: 0, userOf: null, isYes: always };

const mechanismOf = (name: string): Mechanism => (Object.hasOwn(MECHANISMS, name) ? MECHANISMS[name]! : UNKNOWN);

/** Is it known how many tokens a login of this mechanism takes? */
export const countsTokens = (mechanism: string): boolean => mechanismOf(mechanism).rounds > 0;

/** The first byte of no token of GSS-API (RFC 4121 §4.1, RFC 2743 §3.1), and of every request. */
const GSSAPI = 'GSSAPI';

/** What a step of a login came to. */
export type Step = 'more' | 'accepted' | 'refused';

/**
 * The login of one connection: who the client says it is, and whether the broker has taken it. Nothing of a token is kept but
 * the user's name. Logins may come again on the same connection (KIP-368).
 */
export class Login {
  /** Of the login under way or done; '' = none. */
  mechanism = '';
  /** A login is under way: the broker has agreed to the mechanism, and not said its last word. */
  isUnderWay = false;
  /** A login has been accepted before the one under way. */
  isAgain = false;
  /** As whom, where the mechanism says; `token:id` for a delegation token, whose owner only the broker knows. */
  user = '';
  #wasAccepted = false;
  #tokens = 0;
  #answers = 0;
  /** Asked for, and not agreed to yet: who does not wait for that sends its first token behind. */
  #asked = '';
  #early = { user: '', tokens: 0 };

  /** The client means to be somebody else than whose password it knows: which of both the broker takes is its own affair. */
  actsForAnother = false;

  /** Is it known how many tokens it takes, each with its answer? */
  get isCounted(): boolean {
    return mechanismOf(this.mechanism).rounds > 0;
  }

  /** Its name where there are few of them. */
  get shownMechanism(): string {
    return Object.hasOwn(MECHANISMS, this.mechanism) ? this.mechanism : 'other';
  }

  /** Where its tokens have no header: does none of them begin as a request does? */
  get endsAtZero(): boolean {
    return this.mechanism === GSSAPI;
  }

  /** The client asks for this mechanism; '': the broker has refused what it asked for. */
  ask(mechanism: string): void {
    this.#asked = mechanism;
    this.#early = { user: '', tokens: 0 };
  }

  /** The broker has agreed to this mechanism. */
  begin(mechanism: string): void {
    this.mechanism = mechanism;
    this.isUnderWay = true;
    this.isAgain = this.#wasAccepted;
    this.user = this.#early.user;
    this.#tokens = this.#early.tokens;
    this.#answers = 0;
    this.ask('');
  }

  /** A token of the client; it is lent, and a secret. */
  onClientToken(buf: Uint8Array, start: number, end: number): void {
    if (this.isUnderWay) {
      if (this.#tokens++ > 0) return;
      this.user = userIn(this.mechanism, buf, start, end);
      this.actsForAnother = namesAnother(this.mechanism, buf, start, end);
    } else if (this.#asked !== '' && this.#early.tokens++ === 0)
      this.#early.user = userIn(this.#asked, buf, start, end);
  }

  /** The broker's answer to it. */
  onServerToken(buf: Uint8Array, start: number, end: number, hasFailed: boolean): Step {
    if (!this.isUnderWay) return 'more';
    const { rounds, isYes } = mechanismOf(this.mechanism);
    this.#answers++;
    if (hasFailed) return this.#end('refused');
    if (rounds === 0 || this.#answers < rounds) return 'more';
    return this.#end(isYes(buf, start, end) ? 'accepted' : 'refused');
  }

  /** The broker has served what only those get who are logged in: of a login whose tokens nobody can count, its end. */
  onServed(): Step {
    if (!this.isUnderWay || this.#answers === 0 || mechanismOf(this.mechanism).rounds > 0) return 'more';
    return this.#end('accepted');
  }

  /** The connection ended: true if a login was under way that the broker did not accept. */
  onEnd(): boolean {
    const wasUnderWay = this.isUnderWay && this.#tokens > 0;
    this.isUnderWay = false;
    return wasUnderWay;
  }

  #end(step: Step): Step {
    this.isUnderWay = false;
    if (step === 'accepted') this.#wasAccepted = true;
    return step;
  }
}

const userIn = (mechanism: string, buf: Uint8Array, start: number, end: number): string =>
  mechanismOf(mechanism).userOf?.(buf, start, end) ?? '';

/** authcid of `authzid NUL authcid NUL passwd` (RFC 4616): Kafka takes no authzid that differs from it. */
function plainUser(buf: Uint8Array, start: number, end: number): string {
  const from = buf.subarray(start, end).indexOf(0);
  if (from < 0) return '';
  const to = buf.subarray(start + from + 1, end).indexOf(0);
  return to < 0 ? '' : shownName(buf, start + from + 1, start + from + 1 + to);
}

/** n of client-first-message: `n,a=authzid,n=user,r=nonce,extensions` (RFC 5802 §7). */
function scramUser(buf: Uint8Array, start: number, end: number): string {
  const text = buf.subarray(start, end);
  const bare = text.indexOf(COMMA, text.indexOf(COMMA) + 1) + 1;
  if (bare < 2 || text[bare] !== 0x6e || text[bare + 1] !== EQUALS) return '';
  const to = text.indexOf(COMMA, bare);
  if (to < 0) return '';
  const user = shownName(text, bare + 2, to)
    .replaceAll('=2C', ',')
    .replaceAll('=3D', '=');
  const rest = Buffer.from(text.buffer, text.byteOffset + to, text.length - to).toString('latin1');
  return rest.includes(',tokenauth=true') ? `token:${user}` : user;
}

/** Is there an identity to act as (RFC 4616, RFC 5802) that is not the user's own? */
function namesAnother(mechanism: string, buf: Uint8Array, start: number, end: number): boolean {
  const text = Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
  if (mechanism === 'PLAIN') {
    const [authorized = '', user] = text.split('\0');
    return authorized !== '' && authorized !== user;
  }
  const scram = mechanism.startsWith('SCRAM-') ? /^[^,]*,a=([^,]*),n=([^,]*)/.exec(text) : null;
  return scram !== null && scram[1] !== scram[2];
}
