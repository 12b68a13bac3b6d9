import type { SessionHost } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { i32At } from './bson/bson-values.ts';
import { MsgFlag, Op } from './message.ts';
import { plainOf, rewriteHello } from './rewrite-hello.ts';

const HEADER_BYTES = 16;
const MAX_MESSAGE_BYTES = 48_000_000;
/** A longer reply to hello goes as it is. */
const MAX_REPLY_BYTES = 65_536;
/** Requests whose reply is awaited; no client asks so often at once. */
const MAX_EXPECTED = 64;

/**
 * Has replies to hello leave in another form. While one is awaited, what the server says goes through the gate: replies to
 * hello are kept until they are whole, everything else leaves as it is read. Else nothing is kept.
 */
export class HelloRewriter {
  readonly #host: SessionHost;
  readonly #address: string;
  readonly #onRewritten: () => void;
  /** Somebody else lets replies go, and chooses the gear. */
  readonly #isLed: boolean;
  /** Ids that replies to hello will answer. */
  readonly #expected = new Set<number>();
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** Where the message under way began, and how many of its bytes are to come. */
  #from = 0;
  #left = 0;
  /** The reply that is being kept, as far as it has come. */
  #kept: Buffer[] | null = null;
  #isBroken = false;
  /** Bytes below this offset have left already. */
  #gatedFrom = 0;

  constructor(host: SessionHost, address: string, onRewritten: () => void, isLed = false) {
    this.#host = host;
    this.#isLed = isLed;
    this.#address = address;
    this.#onRewritten = onRewritten;
  }

  /** The client has said hello: its reply is to come. */
  expect(requestId: number): void {
    if (this.#isBroken || this.#expected.size >= MAX_EXPECTED) return;
    if (this.#isLed && this.#expected.size === 0) this.#gatedFrom = this.#host.facts.received[Side.upstream];
    this.#expected.add(requestId);
    if (this.#isLed || this.#host.gear(Side.upstream) === 'gate') return;
    this.#gatedFrom = this.#host.facts.received[Side.upstream];
    this.#host.setGear(Side.upstream, 'gate');
  }

  /** Bytes of the server, [start, end) from offset `at`: says what may leave of them, and as what. */
  push(buf: Buffer, start: number, end: number, at: number): void {
    const isGated = this.#host.gear(Side.upstream) === 'gate';
    for (let i = start; i < end && !this.#isBroken; ) {
      if (this.#left === 0) i = this.#readHeader(buf, i, end, at + (i - start), isGated);
      else i = this.#pass(buf, i, end);
    }
    if (!isGated || this.#isLed) return;
    const upTo = at + (end - start);
    this.#host.clear(Side.upstream, this.isHolding ? this.#from : upTo);
    if (this.#isBroken || (this.#expected.size === 0 && !this.isHolding)) this.#host.setGear(Side.upstream, 'tap');
  }

  /** A reply to hello is to come, or under way. */
  get isAwaiting(): boolean {
    return !this.#isBroken && (this.#expected.size > 0 || this.isHolding);
  }

  /** Part of a header, while it may be that of a reply to hello, or of such a reply. */
  get isHolding(): boolean {
    return !this.#isBroken && (this.#kept !== null || (this.#headerBytes > 0 && this.#expected.size > 0));
  }

  #readHeader(buf: Buffer, i: number, end: number, offset: number, isGated: boolean): number {
    const header = this.#header;
    let at = i;
    if (this.#headerBytes === 0) this.#from = offset;
    while (at < end && this.#headerBytes < HEADER_BYTES) header[this.#headerBytes++] = buf[at++]!;
    if (this.#headerBytes < HEADER_BYTES) return at;
    this.#headerBytes = 0;
    const length = i32At(header, 0);
    if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
      this.#isBroken = true;
      return at;
    }
    this.#left = length - HEADER_BYTES;
    if (!this.#expected.delete(i32At(header, 8))) return at;
    // One that has begun to leave goes on as it is.
    if (isGated && length <= MAX_REPLY_BYTES && this.#left > 0 && this.#from >= this.#gatedFrom) {
      this.#kept = [Buffer.from(header)];
    }
    return at;
  }

  #pass(buf: Buffer, i: number, end: number): number {
    const take = Math.min(this.#left, end - i);
    this.#left -= take;
    const kept = this.#kept;
    if (kept === null) return i + take;
    kept.push(Buffer.from(buf.subarray(i, i + take)));
    if (this.#left > 0) return i + take;
    this.#kept = null;
    this.#rewrite(Buffer.concat(kept));
    return i + take;
  }

  #rewrite(message: Buffer): void {
    // Drivers never compress hello; where one is, its reply leaves in the plain, as any reply may.
    const plain = plainOf(message);
    const isMore = i32At(plain, 12) === Op.msg && (i32At(plain, HEADER_BYTES) & MsgFlag.moreToCome) !== 0;
    if (isMore && this.#expected.size < MAX_EXPECTED) this.#expected.add(i32At(message, 4));
    const changed = rewriteHello(plain, this.#address);
    if (changed === null) return;
    this.#host.replace(Side.upstream, this.#from, this.#from + message.length, changed);
    this.#onRewritten();
  }
}
