import { keyText } from '../../src/digest/keys/key-text.ts';
import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { type Conversation, changesOf, Phase } from './conversation.ts';
import { errorName, jumpsQueue, ROLLED_BACK } from './error-names.ts';
import type { Gate } from './gate.ts';
import { HEADER_NUMBERS, JuteReader, type JuteSink } from './jute-reader.ts';
import { OPERATIONS, resultOf, Slot, slotOf, UNKNOWN, WRITES } from './operations.ts';
import type { Pending } from './pending.ts';
import { errorOfDenial, LENGTH_BYTES, RECORD_AT } from './refuse.ts';
import { CONNECT_REPLY, EVENT, NOTHING, type Program, REPLY_HEADER, REST, Step } from './steps.ts';
import { CONNECT_REPLY_BYTES, MAX_FRAME_BYTES, MAX_PASSWORD_BYTES, REPLY_HEADER_BYTES, Xid } from './wire.ts';

/** SESSIONEXPIRED: how a session that the server does not know is told, in its reply a session of number 0. */
const SESSION_EXPIRED = -112;
/** A reply that may have too many rows is held whole up to here. */
const HELD_REPLY_BYTES = 4 << 20;
/** Whose address it is, and no more. */
const IP_SCHEME = 'ip';

/** What the server says: replies end exchanges, in the order of the requests but for pings and logins; events belong to none. */
export class Upstream implements JuteSink {
  readonly reader: JuteReader;
  readonly #talk: Conversation;
  /** Of the reply being read: where its request waits; null: it is an event, or the session's beginning. */
  #ring: Pending | null = null;
  #place = 0;
  #why: Fault = 'unexpected_reply';
  #slot: number = UNKNOWN;
  #error = 0;
  /** Of a multi: results read, those that changed something, and the first error that is to blame. */
  #results = 0;
  #changes = 0;
  #failure = 0;
  /** Of whoAmI: the scheme told last, and the first that is more than an address. */
  #scheme = '';
  #identity = '';
  /** Bytes of the frame being read may be replaced: they do not leave before that is known. */
  #holds = true;
  #length = 0;
  /** Why the reply being read is cut, and up to which offset it is dropped; null: it is not. */
  #cut: Denial | null = null;
  #dropped = 0;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.reader = new JuteReader(this);
  }

  /** In the gate gear: the offset below which bytes may leave, of those up to `upTo`. */
  mayLeave(upTo: number): number {
    const { reader } = this;
    if (!reader.inside) return upTo;
    if (this.#cut !== null) this.#drop(upTo);
    else if (this.#holds && (this.#talk.gate?.hasStandIns || this.#talk.host.cuts)) return reader.from;
    return upTo;
  }

  // ---- JuteSink

  onLength(length: number): Program | null {
    const talk = this.#talk;
    this.#length = length;
    this.#slot = UNKNOWN;
    if (talk.phase === Phase.start) return this.#refuse('unexpected_reply');
    if (talk.phase === Phase.asked) {
      this.#slot = Slot.connect;
      // A server that is cut off from its quorum may say no more than why it will not serve.
      if (length === REPLY_HEADER_BYTES) return REPLY_HEADER;
      if (length < CONNECT_REPLY_BYTES) return this.#refuse('undersized');
      this.#error = 0;
      return length > CONNECT_REPLY_BYTES + MAX_PASSWORD_BYTES + 1 ? this.#refuse('oversized') : CONNECT_REPLY;
    }
    if (length < REPLY_HEADER_BYTES) return this.#refuse('undersized');
    if (length > MAX_FRAME_BYTES) return this.#refuse('oversized');
    const { stats, config } = talk.bound;
    if (length > config.max_packet_bytes) {
      stats.registry.inc(stats.own.oversized);
      stats.registry.inc(stats.envoy.decoder_error);
    }
    return REPLY_HEADER;
  }

  onHeader(numbers: Int32Array): Program | null {
    const xid = numbers[0]!;
    const error = numbers[1]!;
    this.#error = error;
    this.#results = this.#changes = this.#failure = 0;
    if (this.#talk.phase === Phase.asked) return xid === 0 && error !== 0 ? REST : this.#refuse('unexpected_reply');
    if (xid === Xid.event) {
      this.#ring = null;
      this.#holds = false;
      return EVENT;
    }
    const ring = this.#ringOf(xid, error);
    if (ring === null) return this.#refuse(this.#why);
    const slot = ring.slot(this.#place);
    this.#ring = ring;
    this.#slot = slot;
    if (this.#talk.gate !== null) this.#holds = this.#mayReplace(ring);
    if (error !== 0 || slot === UNKNOWN || ring.extra(this.#place)?.malformed) return REST;
    this.#identity = '';
    return OPERATIONS[slot]!.reply;
  }

  onText(step: number, buf: Uint8Array, start: number, end: number): void {
    if (step !== Step.name) return;
    const text = keyText(buf, start, end);
    if (this.#scheme === '') this.#scheme = text === '' ? '?' : text;
    else {
      if (this.#identity === '' && this.#scheme !== IP_SCHEME && text !== '')
        this.#identity = `${this.#scheme}:${text}`;
      this.#scheme = '';
    }
  }

  onOperation(type: number, isDone: boolean, error: number): Program | null {
    if (isDone) return type === -1 ? NOTHING : this.#refuse('ambiguous');
    const program = resultOf(type);
    if (program === null) return this.#refuse('unknown_type');
    const extra = this.#ring!.extra(this.#place);
    if (++this.#results > (extra?.operations ?? 0)) return this.#refuse('unexpected_reply');
    if (type === -1) {
      if (error !== 0 && error !== ROLLED_BACK) {
        if (this.#slot === Slot.multiRead) this.#talk.bound.stats.error(this.#slot, error);
        else if (this.#failure === 0) this.#failure = error;
        const slot = extra?.slots[this.#results - 1];
        if (slot !== undefined) this.#talk.bound.stats.multiError(slot);
      }
    } else if (this.#slot === Slot.multiRead || WRITES[slotOf(type)] === 1) this.#changes++;
    return program;
  }

  onFrame(numbers: Int32Array, bytes: number, extra: number): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    if (extra > 0) {
      if (this.#slot === Slot.multi || this.#slot === Slot.multiRead) {
        this.#refuse('ambiguous');
        return;
      }
      registry.inc(own.trailing);
    }
    if (talk.phase === Phase.asked) this.#onConnected(numbers, bytes);
    else if (this.#ring === null) this.#onEvent(numbers, bytes);
    else this.#onReply(this.#ring, numbers, bytes);
    this.#holds = true;
  }

  onFault(fault: Fault): boolean {
    this.#refuse(fault);
    return false;
  }

  // ---- whose reply it is

  /**
   * The ring in which the request with this xid waits, `#place` its place. Null, and `#why`: none does, it is not its
   * turn, or two may be meant: one that waits its turn, and one that is answered at once.
   */
  #ringOf(xid: number, error: number): Pending | null {
    const { pending, pings, logins, bound } = this.#talk;
    const isInTurn = pending.size > 0 && pending.xid(pending.head) === xid;
    const isPing = xid === Xid.ping && pings.size > 0;
    const isLogin = logins.size > 0 && logins.xid(logins.head) === xid;
    if (isInTurn && (isPing || isLogin)) {
      this.#why = 'ambiguous';
      return null;
    }
    if (isInTurn) return this.#found(pending, pending.head);
    if (isPing) return this.#found(pings, pings.head);
    if (isLogin) return this.#found(logins, logins.head);
    this.#why = 'unexpected_reply';
    if (!jumpsQueue(error)) return null;
    const place = pending.find(xid);
    if (place < 0) return null;
    bound.stats.registry.inc(bound.stats.own.out_of_turn);
    return this.#found(pending, place);
  }

  #found(ring: Pending, place: number): Pending {
    this.#place = place;
    return ring;
  }

  // ---- the beginning

  /** protocolVersion, timeOut, sessionId in two halves, readOnly. */
  #onConnected(numbers: Int32Array, bytes: number): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    const { pending } = talk;
    talk.phase = Phase.session;
    let error = this.#error;
    if (error !== 0) registry.inc(own.sessions_refused);
    else if (numbers[2] === 0 && numbers[3] === 0) {
      registry.inc(own.sessions_expired);
      error = SESSION_EXPIRED;
    } else {
      registry.inc(pending.extra(pending.head)?.reattach ? own.sessions_reattached : own.sessions_created);
      if (numbers[4] !== 0) registry.inc(own.read_only_sessions);
    }
    talk.answer(pending, pending.head, error, 0, 0, bytes, this.reader.startedAt);
  }

  #onEvent(numbers: Int32Array, bytes: number): void {
    const { host, bound } = this.#talk;
    const { stats } = bound;
    stats.registry.add(stats.envoy.response_bytes, bytes);
    stats.event(numbers[HEADER_NUMBERS]!, numbers[HEADER_NUMBERS + 1]!);
    host.aside(Side.upstream, 'watch_event', bytes);
  }

  // ---- replies

  #onReply(ring: Pending, numbers: Int32Array, bytes: number): void {
    const talk = this.#talk;
    if (talk.gate !== null && this.#isOurs(talk.gate, ring, numbers, bytes)) return;
    const { stats } = talk.bound;
    const { registry, own } = stats;
    const slot = this.#slot;
    let error = this.#error;
    let [rows, changes] = [0, 0];
    const extra = ring.extra(this.#place);
    if (extra?.malformed) {
      talk.answer(ring, this.#place, error, 0, 0, bytes, this.reader.startedAt);
      return;
    }
    if (slot === Slot.multi || slot === Slot.multiRead) {
      if (error === 0 && this.#results !== (extra?.operations ?? 0)) {
        this.#refuse('unexpected_reply');
        return;
      }
      if (error === 0) error = this.#failure;
      if (slot === Slot.multiRead) rows = this.#changes;
      else if (error === 0) changes = this.#changes;
      else registry.inc(own.multis_failed);
    } else if (error === 0 && slot !== UNKNOWN) {
      changes = changesOf(slot);
      rows = rowsOf(slot, numbers);
    }
    if (slot === Slot.auth) this.#onAuth(extra?.scheme ?? 0, extra?.user ?? '', error);
    else if (slot === Slot.sasl) this.#onSasl(extra?.user ?? '', error, numbers[HEADER_NUMBERS]!);
    else if (error === 0) this.#onServed(slot, extra?.watches ?? 0);
    talk.answer(ring, this.#place, error, rows, changes, bytes, this.reader.startedAt);
  }

  #onAuth(scheme: number, user: string, error: number): void {
    const { host, bound } = this.#talk;
    const { registry, own } = bound.stats;
    bound.stats.auth(scheme, error === 0);
    registry.inc(error === 0 ? own.logins : own.login_failures);
    // A name that was proved stays: anybody may claim another besides.
    if (error === 0 && user !== '' && !host.facts.user.startsWith('sasl:')) host.confirm({ user });
  }

  /** DIGEST-MD5 names the user in its last token, and servers answer that one with a proof of their own. */
  #onSasl(user: string, error: number, proofBytes: number): void {
    const { host, bound } = this.#talk;
    const { registry, own } = bound.stats;
    if (error !== 0) registry.inc(own.login_failures);
    else if (user !== '' && proofBytes > 0) {
      registry.inc(own.logins);
      host.confirm({ user });
    }
  }

  #onServed(slot: number, watches: number): void {
    const { host, bound } = this.#talk;
    const { registry, own } = bound.stats;
    if (watches > 0) registry.add(own.watches_restored, watches);
    if (slot === Slot.removeWatches) registry.inc(own.watches_removed);
    else if (slot === Slot.closeSession) registry.inc(own.sessions_closed);
    else if (slot === Slot.whoAmI && this.#identity !== '' && host.facts.user !== this.#identity)
      host.confirm({ user: this.#identity });
  }

  // ---- replies that become errors

  /** The header of a reply is read: will it be replaced, or may it be once it is whole? */
  #mayReplace(ring: Pending): boolean {
    const { pending, gate, host } = this.#talk;
    if (ring === pending && gate!.isStandIn(this.#place)) return true;
    const x = ring.exchange(this.#place);
    if (!host.cuts || x === null || this.#error !== 0) return false;
    if (x.maxReplyBytes > 0 && this.#length + LENGTH_BYTES > x.maxReplyBytes) {
      x.replyBytes = this.#length + LENGTH_BYTES;
      this.#cutReply(x, 'bytes');
    }
    return this.#cut === null && x.maxRows > 0 && this.#length <= HELD_REPLY_BYTES;
  }

  #cutReply(x: Exchange, what: 'rows' | 'bytes'): void {
    const { host, gate, bound } = this.#talk;
    this.#cut = host.exceeded(x, what);
    if (this.#cut === null) return;
    bound.stats.registry.inc(bound.stats.own.cut);
    const { from } = this.reader;
    gate!.replaceReply(from, from, errorOfDenial(this.#cut));
    this.#dropped = from + RECORD_AT;
  }

  #drop(upTo: number): void {
    if (upTo <= this.#dropped) return;
    this.#talk.host.replace(Side.upstream, this.#dropped, upTo, null);
    this.#dropped = upTo;
  }

  /** A reply that is not the server's any more is whole: its exchange ends here. */
  #isOurs(gate: Gate, ring: Pending, numbers: Int32Array, bytes: number): boolean {
    const { pending } = this.#talk;
    const { from, startedAt } = this.reader;
    const to = from + bytes;
    if (ring === pending && gate.isStandIn(this.#place)) {
      if (!gate.answer(this.#place, from, to, startedAt)) this.#refuse('unexpected_reply');
      return true;
    }
    const x = ring.exchange(this.#place);
    if (x === null || (this.#cut === null && x.maxRows === 0)) return false;
    if (this.#cut === null && this.#error === 0) {
      x.rowsReturned = rowsOf(this.#slot, numbers);
      if (x.rowsReturned > x.maxRows) this.#exceeds(x);
      x.rowsReturned = 0;
    }
    const why = this.#cut;
    if (why === null) return this.#talk.over;
    this.#drop(to);
    this.#cut = null;
    x.outcome = Outcome.denied;
    x.flags |= Flag.denied;
    x.code = errorName(errorOfDenial(why));
    x.replyFirstByteAt = startedAt;
    x.replyLastByteAt = this.#talk.host.now();
    x.replyBytes = RECORD_AT;
    ring.remove(this.#place);
    this.#talk.endDenied(x);
    return true;
  }

  /** More rows than may be. Of a reply too long to be held most has left: the connection ends in its middle. */
  #exceeds(x: Exchange): void {
    if (this.#length <= HELD_REPLY_BYTES) {
      this.#cutReply(x, 'rows');
      return;
    }
    const talk = this.#talk;
    const why = talk.host.exceeded(x, 'rows');
    if (why === null) return;
    x.flags |= Flag.denied;
    this.reader.stop();
    talk.endAll();
    talk.host.close(`denied:${why.policy}`);
  }

  #refuse(fault: Fault): null {
    this.reader.stop();
    this.#talk.fault(fault, this.#slot);
    return null;
  }
}

/** Nodes or names that a reply without an error returned. */
function rowsOf(slot: number, numbers: Int32Array): number {
  switch (slot) {
    case Slot.getData:
      return 1;
    case Slot.getChildren:
    case Slot.getChildren2:
    case Slot.getEphemerals:
    case Slot.whoAmI:
      return numbers[HEADER_NUMBERS]!;
    default:
      return 0;
  }
}
