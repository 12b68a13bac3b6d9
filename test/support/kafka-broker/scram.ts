import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

const ITERATIONS = 4096;

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const hash = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
const attribute = (text: string, name: string): string =>
  text
    .split(',')
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(2) ?? '';

/** The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), once. */
export class ScramServer {
  readonly #users: Readonly<Record<string, string>>;
  user = '';
  #salted = Buffer.alloc(0);
  #nonce = '';
  #messages = '';

  constructor(users: Readonly<Record<string, string>>) {
    this.#users = users;
  }

  step(token: Buffer): { readonly token: Buffer | null; readonly done: boolean } {
    const text = token.toString('utf8');
    return this.#nonce === '' ? this.#first(text) : this.#final(text);
  }

  #first(text: string): { readonly token: Buffer | null; readonly done: boolean } {
    const bare = /^[ny],[^,]*,(.*)$/s.exec(text)?.[1];
    if (bare === undefined) return { token: null, done: false };
    this.user = attribute(bare, 'n').replaceAll('=2C', ',').replaceAll('=3D', '=');
    const nonce = attribute(bare, 'r');
    if (!Object.hasOwn(this.#users, this.user) || nonce === '') return { token: null, done: false };
    this.#nonce = nonce + randomBytes(18).toString('base64');
    const salt = randomBytes(16);
    this.#salted = pbkdf2Sync(this.#users[this.user]!, salt, ITERATIONS, 32, 'sha256');
    const answer = `r=${this.#nonce},s=${salt.toString('base64')},i=${ITERATIONS}`;
    this.#messages = `${bare},${answer}`;
    return { token: Buffer.from(answer), done: false };
  }

  #final(text: string): { readonly token: Buffer | null; readonly done: boolean } {
    const at = text.lastIndexOf(',p=');
    // librdkafka before 2.2 puts its own nonce before ours once more, which brokers of its time did not look at.
    if (at < 0 || !attribute(text, 'r').endsWith(this.#nonce)) return { token: null, done: false };
    const messages = `${this.#messages},${text.slice(0, at)}`;
    const storedKey = hash(hmac(this.#salted, 'Client Key'));
    const signature = hmac(storedKey, messages);
    const proof = Buffer.from(text.slice(at + 3), 'base64');
    if (proof.length !== signature.length) return { token: null, done: false };
    const key = Buffer.from(proof.map((byte, i) => byte ^ signature[i]!));
    if (!timingSafeEqual(hash(key), storedKey)) return { token: null, done: false };
    const verifier = hmac(hmac(this.#salted, 'Server Key'), messages).toString('base64');
    return { token: Buffer.from(`v=${verifier}`), done: true };
  }
}
