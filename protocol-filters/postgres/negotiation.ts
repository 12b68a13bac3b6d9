import { Cursor } from '../../src/bytes/cursor.ts';

/** Newest minor version of protocol 3 that we read. */
const NEWEST_MINOR = 2;
/** Extensions that a server can be told to speak about. */
const MOST_NAMES = 256;

const cursor = new Cursor();

/** What client and server agree to speak: protocol 3.minor, and extensions (`_pq_.…`), of which we know none. */
export class Negotiation {
  #minor = 0;
  #extensions: readonly string[] = [];

  asked(minor: number, extensions: readonly string[]): void {
    this.#minor = minor;
    this.#extensions = extensions;
  }

  /** NegotiateProtocolVersion: the newest minor version that the server speaks, then the extensions that it does not. */
  answered(buf: Buffer, start: number, end: number): void {
    cursor.over(buf, start, end);
    const version = cursor.i32();
    const count = cursor.i32();
    if (cursor.short) return;
    this.#minor = Math.min(this.#minor, version & 0xffff);
    const refused = new Set<string>();
    for (let i = 0; i < count && i < MOST_NAMES && cursor.cstring(); i++)
      refused.add(buf.toString('utf8', cursor.from, cursor.to));
    this.#extensions = this.#extensions.filter((name) => !refused.has(name));
  }

  /** Can we read what was agreed on? */
  get isKnown(): boolean {
    return this.#minor <= NEWEST_MINOR && this.#extensions.length === 0;
  }
}
