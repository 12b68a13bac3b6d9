import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** The client's side of SCRAM-SHA-256 (RFC 5802, 7677), for sockets that log in by hand. The nonce is the caller's. */
export class ScramClient {
  readonly first: Buffer;
  readonly #bare: string;
  readonly #password: string;

  constructor(user: string, password: string, nonce: string) {
    this.#bare = `n=${user},r=${nonce}`;
    this.#password = password;
    this.first = Buffer.from(`n,,${this.#bare}`);
  }

  /** What is said to the server's first message. */
  final(serverFirst: Buffer): Buffer {
    const told = String(serverFirst);
    const { r = '', s = '', i = '' } = Object.fromEntries(told.split(',').map((part) => [part[0], part.slice(2)]));
    const salted = pbkdf2Sync(this.#password, Buffer.from(s, 'base64'), Number(i), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=biws,r=${r}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), `${this.#bare},${told},${withoutProof}`);
    const proof = clientKey.map((byte, at) => byte ^ signature[at]!);
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
