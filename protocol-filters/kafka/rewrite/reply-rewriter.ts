import type { Fault } from '../../../src/exchange/fault.ts';
import type { SessionHost } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';
import { ApiKey } from '../schema/api.ts';
import { AddressWalk } from './address-walk.ts';
import type { Addresses } from './addresses.ts';
import { clampApiVersions, type Offer } from './api-versions.ts';
import { AwaitedIds, NO_ID } from './awaited-ids.ts';
import type { Edit, ReplyAddresses } from './reply-addresses.ts';
import { planOf } from './walk-plan.ts';

const SIZE_BYTES = 4;
const ID_BYTES = 4;
/** Kafka's own clients take no more. */
const MAX_FRAME_BYTES = 0x4000_0000;
/** A reply that names brokers is held whole; librdkafka reads none above 100 MB. */
const MAX_HELD_BYTES = 0x800_0000;
/** ApiVersions replies are kept whole: a broker's is below 1 KiB. */
const MAX_API_VERSIONS_BYTES = 0x4_0000;
/** Requests whose replies are to be rewritten; clients have a handful on the way. */
const MAX_EXPECTED = 1024;

/** A request whose reply must not leave as it is. */
interface Expected {
  /** How many replies come before this one. */
  readonly index: number;
  readonly apiKey: number;
  readonly version: number;
  readonly change: ReplyChange | null;
}

/** What becomes of a reply, whatever addresses it holds. */
export type ReplyChange =
  /** It was to a stand-in: this frame leaves in its place. */
  | { readonly kind: 'instead'; readonly bytes: Buffer }
  /** When it is whole, its addresses rewritten, `edit` says what leaves in its place; null: it cannot be read, and closes. */
  | { readonly kind: 'edited'; readonly edit: (frame: Buffer) => Buffer | null };

/** What becomes of the frame under way. */
const Way = {
  /** It leaves as it comes. */
  pass: 0,
  /** Its correlation id is to come, then one of the others (also `pass`). */
  id: 1,
  /** It is kept by the host until all its addresses are known. */
  walk: 2,
  /** It is kept here and by the host: an ApiVersions reply, or one that is edited and holds no addresses. */
  versions: 3,
  edited: 4,
  /** It is kept by the host until it is whole, and does not leave. */
  instead: 5,
} as const;

/**
 * Has the broker's replies name addresses that lead through this proxy. Replies come in the order of the requests, so the one
 * that answers a request is known by counting; each one's correlation id confirms it. While one is awaited that names addresses,
 * or versions, the upstream side is in the gate gear: that reply is held until it is whole and each of its addresses has a
 * replacement, everything else leaves as it is read. Where a reply cannot be read, or an address not be replaced, the connection
 * closes: bytes that nobody can vouch for would lead clients around.
 */
export class ReplyRewriter {
  readonly #host: SessionHost;
  readonly #addresses: Addresses;
  readonly #offer: Offer;
  readonly #walk = new AddressWalk();
  readonly #expected: Expected[] = [];
  readonly #ids = new AwaitedIds();
  #requests = 0;
  #replies = 0;
  /** Of the requests, those at the end that were raw tokens. */
  #tokens = 0;
  readonly #size = Buffer.alloc(SIZE_BYTES);
  #sizeBytes = 0;
  /** Of the frame under way: its first offset, that of its body, and the one behind it. */
  #from = 0;
  #bodyFrom = 0;
  #end = 0;
  #left = 0;
  #startedAt = 0;
  #way: number = Way.pass;
  readonly #id = Buffer.alloc(ID_BYTES);
  /** Of an ApiVersions reply. */
  #kept: Buffer[] = [];
  /** What becomes of the addresses of the reply under way. */
  #reply: ReplyAddresses | null = null;
  /** Whole but for doors: its last byte was read here, and is offered again. */
  #isWaiting = false;
  /** The connection closes because the reply under way must not leave. */
  #isKeptBack = false;
  closed = false;

  constructor(host: SessionHost, addresses: Addresses, offer: Offer) {
    this.#host = host;
    this.#addresses = addresses;
    this.#offer = offer;
  }

  /** The end of a request that will be answered. False: too many are waited for, so the connection has closed. */
  onRequest(apiKey: number, version: number, correlationId: number, change: ReplyChange | null = null): boolean {
    const index = this.#requests++;
    this.#tokens = 0;
    this.#ids.put(index, this.#replies, correlationId);
    if (this.closed || (change === null && !this.#mustBeRead(apiKey, version))) return true;
    if (this.#expected.length === MAX_EXPECTED) {
      this.giveUp('too_many_in_flight');
      return false;
    }
    this.#expected.push({ index, apiKey, version, change });
    if (this.#host.gear(Side.upstream) === 'tap') this.#host.setGear(Side.upstream, 'gate');
    return true;
  }

  /** A raw SASL token that will be answered by one. */
  onToken(): void {
    this.#ids.put(this.#requests++, this.#replies, NO_ID);
    this.#tokens++;
  }

  /** Requests come again: tokens that were not answered yet never will be (GSSAPI's last one has no answer). */
  tokensEnd(): void {
    const isAnswering = this.#left > 0 || this.#sizeBytes > 0;
    const unanswered = this.#requests - this.#replies - (isAnswering ? 1 : 0);
    this.#requests -= Math.max(0, Math.min(this.#tokens, unanswered));
    this.#tokens = 0;
  }

  /** Decoding is over, so addresses can no longer be kept in: the connection closes. */
  giveUp(fault: Fault): void {
    if (this.closed) return;
    if (this.#offer.rewrites) this.#addresses.onGaveUp(fault);
    this.#close(`opaque:${fault}`);
  }

  /** The server has ended: a reply that never became whole does not leave in part. */
  onEnd(): void {
    if (this.closed || !this.#isHolding) return;
    this.closed = true;
    this.#host.replace(Side.upstream, this.#from, this.#host.facts.received[Side.upstream], null);
  }

  /** Bytes of the server, [start, end) from offset `at`: says what may leave of them, and as what. Returns how far it has read. */
  push(buf: Buffer, start: number, end: number, at: number): number {
    const upTo = at + (end - start);
    const isGated = this.#host.gear(Side.upstream) === 'gate';
    for (let i = start; i < end && !this.closed; ) {
      const offset = at + (i - start);
      i = this.#left === 0 ? this.#readSize(buf, i, end, offset) : this.#readBody(buf, i, end, offset);
      if (!this.#isWaiting) continue;
      this.#host.clear(Side.upstream, this.#from);
      return this.#end - 1;
    }
    if (this.#isKeptBack) return Math.max(at, this.#from); // nobody has got it: it is not to be read as an answer
    if (this.closed || !isGated) return upTo;
    this.#host.clear(Side.upstream, this.#isHolding ? this.#from : upTo);
    if (this.#expected.length === 0) this.#host.setGear(Side.upstream, 'tap');
    return upTo;
  }

  /** May the reply hold addresses, or tell versions in which replies would? What we cannot read may. */
  #mustBeRead(apiKey: number, version: number): boolean {
    if (apiKey === ApiKey.apiVersions) return true;
    return this.#offer.rewrites && planOf(apiKey, version)?.hasAddresses !== false;
  }

  /** Is the frame under way one to rewrite, or may it be, as only part of its size has come? */
  get #isHolding(): boolean {
    return this.#isNext && (this.#left > 0 || this.#sizeBytes > 0);
  }

  /** Is the frame that begins, or has begun, the first of the expected? */
  get #isNext(): boolean {
    return this.#expected[0]?.index === this.#replies;
  }

  #readSize(buf: Buffer, i: number, end: number, offset: number): number {
    let at = i;
    if (this.#sizeBytes === 0) {
      this.#from = offset;
      if (this.#replies === this.#requests) this.giveUp('unexpected_reply');
    }
    while (at < end && this.#sizeBytes < SIZE_BYTES) this.#size[this.#sizeBytes++] = buf[at++]!;
    if (this.#sizeBytes < SIZE_BYTES || this.closed) return at;
    this.#sizeBytes = 0;
    const size = this.#size.readInt32BE(0);
    this.#way = Number.isNaN(this.#ids.of(this.#replies)) ? Way.pass : Way.id;
    if (size > MAX_FRAME_BYTES) this.giveUp('oversized');
    else if (size < (this.#way === Way.id ? ID_BYTES : 0)) this.giveUp('undersized');
    else if (size === 0)
      this.#replies++; // an empty SASL token
    else {
      this.#left = size;
      this.#bodyFrom = this.#from + SIZE_BYTES + ID_BYTES;
      this.#end = this.#from + SIZE_BYTES + size;
    }
    return at;
  }

  #readBody(buf: Buffer, i: number, end: number, offset: number): number {
    let take = Math.min(this.#left, end - i);
    switch (this.#way) {
      case Way.id:
        take = Math.min(take, this.#bodyFrom - offset);
        buf.copy(this.#id, offset + ID_BYTES - this.#bodyFrom, i, i + take);
        if (offset + take === this.#bodyFrom) this.#onId();
        break;
      case Way.walk:
        if (this.#isWaiting) break;
        this.#walkOn(buf, i, i + take, offset);
        if (this.#expected[0]?.change != null) this.#kept.push(Buffer.from(buf.subarray(i, i + take)));
        break;
      case Way.versions:
      case Way.edited:
        this.#kept.push(Buffer.from(buf.subarray(i, i + take)));
        break;
    }
    this.#left -= take;
    if (this.#left === 0 && !this.closed) this.#finish();
    return i + take;
  }

  /** The correlation id has come: the reply is that to the oldest request, or nothing can be trusted. */
  #onId(): void {
    if (this.#id.readInt32BE(0) !== this.#ids.of(this.#replies)) {
      this.giveUp('unexpected_reply');
      return;
    }
    if (!this.#isNext) {
      this.#way = Way.pass;
      return;
    }
    const { apiKey, version, change } = this.#expected[0]!;
    const plan = planOf(apiKey, version);
    this.#kept = [];
    if (change?.kind === 'instead') this.#way = Way.instead;
    else if (change?.kind === 'edited' && !(this.#offer.rewrites && plan?.hasAddresses === true)) {
      this.#way = Way.edited;
      if (this.#end - this.#from > MAX_HELD_BYTES) this.#unreadable();
    } else if (apiKey === ApiKey.apiVersions) {
      this.#way = Way.versions;
      if (this.#end - this.#bodyFrom > MAX_API_VERSIONS_BYTES) this.#unreadable();
    } else if (plan === null || this.#end - this.#from > MAX_HELD_BYTES) this.#unreadable();
    else {
      this.#way = Way.walk;
      this.#startedAt = this.#host.now();
      this.#walk.begin(plan, this.#bodyFrom, this.#end);
      this.#reply = this.#addresses.reply(this.#host);
    }
  }

  #walkOn(buf: Buffer, start: number, end: number, offset: number): void {
    const walk = this.#walk;
    const known = walk.places.length;
    walk.push(buf, start, end, offset);
    // Doors are asked for when they are named, not when the reply is whole.
    const reply = this.#reply!;
    for (let i = known; i < walk.places.length && !reply.failed; i++) reply.add(walk.places[i]!);
    if (walk.malformed) this.#unreadable();
    else if (reply.failed) this.#noWay();
  }

  /** The frame under way is whole. */
  #finish(): void {
    if (this.#way === Way.walk && !this.#leaveRewritten()) return;
    if (this.#way === Way.versions && !this.#leaveClamped()) return;
    if (this.#way === Way.edited && !this.#leaveEdited([])) return;
    if (this.#way === Way.instead) this.#leaveInstead();
    if (this.#way !== Way.pass) this.#expected.shift();
    this.#way = Way.pass;
    this.#replies++;
  }

  /** False: it waits, or the connection has closed. */
  #leaveRewritten(): boolean {
    const walk = this.#walk;
    const reply = this.#reply!;
    if (!walk.isWhole) {
      this.#unreadable();
      return false;
    }
    this.#isWaiting = !reply.isKnown() && !reply.failed;
    if (reply.failed) {
      this.#noWay();
      return false;
    }
    if (this.#isWaiting) {
      this.#left = 1;
      return false;
    }
    const edits = reply.edits(walk);
    const isEdited = this.#expected[0]!.change !== null;
    if (isEdited && !this.#leaveEdited(edits)) return false;
    if (edits.length > 0 && !isEdited) {
      this.#replaceSize(edits.reduce((sum, { from, to, bytes }) => sum + bytes.length - (to - from), 0));
      for (const { from, to, bytes } of edits) this.#host.replace(Side.upstream, from, to, bytes);
      this.#addresses.stats.rewritten(this.#expected[0]!.apiKey);
    }
    this.#addresses.stats.rewrite(this.#host.now() - this.#startedAt, this.#end - this.#from);
    this.#reply = null;
    return true;
  }

  /** A reply that is edited as a whole, after its addresses. False: it cannot be read. */
  #leaveEdited(addresses: readonly Edit[]): boolean {
    const { change } = this.#expected[0]!;
    const body = spliced(Buffer.concat(this.#kept), this.#bodyFrom, addresses);
    this.#kept = [];
    const frame = Buffer.concat([this.#sizeOf(ID_BYTES + body.length), this.#id, body]);
    const edited = change?.kind === 'edited' ? change.edit(frame) : null;
    if (edited === null) {
      this.#unreadable();
      return false;
    }
    this.#host.replace(Side.upstream, this.#from, this.#end, edited);
    return true;
  }

  /** The answer to a stand-in: what the client asked for was denied. */
  #leaveInstead(): void {
    const { change } = this.#expected[0]!;
    this.#host.replace(Side.upstream, this.#from, this.#end, change?.kind === 'instead' ? change.bytes : null);
  }

  #leaveClamped(): boolean {
    const body = Buffer.concat(this.#kept);
    this.#kept = [];
    const clamped = clampApiVersions(body, this.#expected[0]!.version, this.#offer);
    if (clamped === null) {
      this.#unreadable();
      return false;
    }
    if (clamped.equals(body)) return true;
    this.#replaceSize(clamped.length - body.length);
    this.#host.replace(Side.upstream, this.#bodyFrom, this.#end, clamped);
    this.#addresses.stats.clamped();
    return true;
  }

  #replaceSize(growth: number): void {
    const size = this.#sizeOf(this.#end - this.#from - SIZE_BYTES + growth);
    this.#host.replace(Side.upstream, this.#from, this.#from + SIZE_BYTES, size);
  }

  #sizeOf(bytes: number): Buffer {
    const size = Buffer.alloc(SIZE_BYTES);
    size.writeInt32BE(bytes);
    return size;
  }

  #unreadable(): void {
    this.#addresses.onUnreadable(this.#expected[0]!.apiKey);
    this.#keepBack('undecodable_reply');
  }

  #noWay(): void {
    this.#addresses.onNoDoor();
    this.#keepBack('no_door');
  }

  #keepBack(reason: string): void {
    this.#isKeptBack = true;
    this.#close(reason);
  }

  /** What came before the frame under way may still leave. */
  #close(reason: string): void {
    if (this.closed) return;
    if (this.#host.gear(Side.upstream) === 'gate') this.#host.clear(Side.upstream, this.#from);
    this.closed = true;
    this.#host.close(reason);
  }
}

/** Bytes from offset `at` on, with these changes. */
function spliced(bytes: Buffer, at: number, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const pieces: Buffer[] = [];
  let from = 0;
  for (const edit of edits) {
    pieces.push(bytes.subarray(from, edit.from - at), edit.bytes);
    from = edit.to - at;
  }
  return Buffer.concat([...pieces, bytes.subarray(from)]);
}
