import { keyText } from '../../src/digest/keys/key-text.ts';
import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { saidOf } from '../../src/exchange/said.ts';
import { type Conversation, kindOf, Phase } from './conversation.ts';
import { lengthFault, versionFault } from './detect.ts';
import type { Gate } from './gate.ts';
import { HEADER_NUMBERS, JuteReader, type JuteSink } from './jute-reader.ts';
import { OPERATIONS, Slot, slotOf, UNKNOWN, WITHIN_MULTI } from './operations.ts';
import { Extra, KEY_BYTES, MAX_SLOTS, type Pending } from './pending.ts';
import { AUTH_SCHEMES, DIGEST_SCHEME, Watch } from './stats.ts';
import {
  CONNECT_REQUEST,
  CONNECT_VERSION,
  NOTHING,
  type Program,
  REQUEST_HEADER,
  REST,
  Request,
  Step,
} from './steps.ts';
import { MAX_FRAME_BYTES, REQUEST_HEADER_BYTES, Xid } from './wire.ts';
import { wordOf } from './words.ts';

/** Exchanges open at once, and requests in flight: above the first they are counted untimed, above the second is a fault. */
export const MAX_OPEN = 10_000;
export const MAX_IN_FLIGHT = 262_144;
/** Distinct operations that a multi's digest names. */
const MAX_NAMED = 16;
/** Logins in flight whose user is remembered; clients send one or a few. */
const MAX_NAMED_LOGINS = 16;
/** Requests that are looked through for one with the same xid. */
const MAX_LOOKED = 64;

/** What the client says: requests become exchanges and join those in flight. */
export class Downstream implements JuteSink {
  readonly reader: JuteReader;
  readonly #talk: Conversation;
  #slot: number = UNKNOWN;
  #xid = 0;
  #lastXid = 0;
  #digest: Digest | null = null;
  #extra: Extra | null = null;
  readonly #key: Uint8Array;
  #keyLength = 0;
  /** Of a multi: its distinct operations by the digests' numbers, and the one that is being read. */
  #named: Int32Array | null = null;
  #namedCount = 0;
  #isCut = false;
  /** Of a multi: the slots of its first operations. */
  #slots: Uint8Array | null = null;
  #operation = UNKNOWN;
  /** Of a multi: its end names an operation. Servers do not look at it, nor at what stands behind. */
  #isDoubtful = false;
  /** Why the request that is being read cannot be. */
  #malformed: Fault | null = null;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#key = talk.bound.keys === null ? NO_KEY : new Uint8Array(KEY_BYTES);
    this.reader = new JuteReader(this);
  }

  // ---- JuteSink

  onLength(length: number): Program | null {
    const talk = this.#talk;
    if (talk.phase === Phase.start) return this.#begins(length);
    this.#slot = UNKNOWN;
    if (length < REQUEST_HEADER_BYTES) return this.#refuse('undersized');
    if (length > MAX_FRAME_BYTES) return this.#refuse('oversized');
    const { stats, config } = talk.bound;
    if (length > config.max_packet_bytes) {
      stats.registry.inc(stats.own.oversized);
      stats.registry.inc(stats.envoy.decoder_error);
    }
    return REQUEST_HEADER;
  }

  onHeader(numbers: Int32Array): Program | null {
    if (this.#extra !== null) return this.#extra.scheme === DIGEST_SCHEME ? Request.login : Request.buffer;
    if (this.#talk.phase === Phase.start) {
      const fault = versionFault(numbers[0]!);
      return fault === null ? CONNECT_REQUEST : this.#refuse(fault);
    }
    const xid = numbers[0]!;
    const slot = slotOf(numbers[1]!);
    this.#xid = xid;
    this.#slot = slot;
    this.#digest = null;
    this.#keyLength = 0;
    this.#malformed = null;
    if (xid === Xid.event) return this.#refuse('ambiguous'); // its reply would read like an event
    if (slot === UNKNOWN) {
      this.#talk.bound.stats.unknownOpcode(numbers[1]!);
      return REST;
    }
    if (slot === Slot.auth) this.#extra = new Extra();
    else if (slot === Slot.multi || slot === Slot.multiRead) {
      this.#extra = new Extra();
      this.#namedCount = 0;
      this.#isCut = false;
    }
    return OPERATIONS[slot]!.request;
  }

  onText(step: number, buf: Uint8Array, start: number, end: number): void {
    if (step === Step.path) {
      this.#onPath(buf, start, end);
      return;
    }
    const isNamed = this.#talk.logins.span < MAX_NAMED_LOGINS;
    if (step === Step.token) {
      if (!isNamed) return;
      this.#extra = new Extra();
      this.#extra.user = `sasl:${keyText(buf, start, end)}`;
      return;
    }
    const extra = this.#extra;
    if (extra === null) return;
    if (step === Step.login) extra.user = isNamed ? `digest:${keyText(buf, start, end)}` : '';
    else extra.scheme = schemeOf(buf, start, end);
  }

  onOperation(type: number, isDone: boolean): Program | null {
    if (isDone) {
      this.#isDoubtful = type !== -1;
      return NOTHING;
    }
    const slot = slotOf(type);
    if (slot === UNKNOWN || WITHIN_MULTI[slot] === 0) return this.#passOver('unknown_type');
    const { stats } = this.#talk.bound;
    this.#operation = slot;
    const extra = this.#extra!;
    this.#slots ??= new Uint8Array(MAX_SLOTS);
    if (extra.operations < MAX_SLOTS) this.#slots[extra.operations] = slot;
    extra.operations++;
    stats.multiOperation(slot);
    if (this.#slot === Slot.multi) {
      const rq = stats.operations[slot]!.rq;
      stats.registry.inc(rq);
    }
    return OPERATIONS[slot]!.request;
  }

  onFrame(numbers: Int32Array, bytes: number, extra: number): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    if (talk.phase === Phase.start) {
      this.#onConnect(numbers, bytes, extra);
      return;
    }
    const slot = this.#slot;
    const isMulti = slot === Slot.multi || slot === Slot.multiRead;
    if (extra > 0) registry.inc(own.trailing);
    if (this.#malformed !== null) {
      this.#onMalformed(this.#malformed, slot, bytes);
      return;
    }
    if (isMulti && (extra > 0 || this.#isDoubtful)) this.#countMalformed('ambiguous', slot);
    if (slot === Slot.setWatches || slot === Slot.setWatches2) this.#onSetWatches(numbers);
    const digest = this.#digest ?? this.#digestOf(slot, isMulti);
    this.#countRequest(slot, bytes);
    this.#push(slot, digest, watchOf(slot, numbers), bytes);
    this.#extra = null;
  }

  onFault(fault: Fault): boolean {
    if (this.#talk.phase === Phase.start) {
      this.#refuse(fault);
      return false;
    }
    this.#malformed = fault;
    return true;
  }

  // ---- the beginning

  #begins(length: number): Program | null {
    const word = wordOf(length);
    if (word !== null) {
      this.#talk.beginWord(word);
      return null;
    }
    this.#slot = Slot.connect;
    const fault = lengthFault(length);
    return fault === null ? CONNECT_VERSION : this.#refuse(fault);
  }

  /** protocolVersion, timeOut, sessionId in two halves, readOnly. */
  #onConnect(numbers: Int32Array, bytes: number, extra: number): void {
    const talk = this.#talk;
    const { stats, digests, config } = talk.bound;
    const { registry, envoy, own } = stats;
    if (extra > 0) registry.inc(own.trailing);
    const counts = stats.operations[Slot.connect]!;
    const isReadOnly = numbers[4] !== 0;
    registry.add(envoy.request_bytes, bytes);
    registry.inc(isReadOnly ? envoy.connect_readonly_rq : counts.rq);
    if (config.enable_per_opcode_request_bytes_metrics) registry.add(counts.rq_bytes, bytes);
    talk.phase = Phase.asked;
    this.#slot = Slot.connect;
    this.#xid = 0;
    this.#extra = new Extra();
    this.#extra.reattach = numbers[2] !== 0 || numbers[3] !== 0;
    this.#push(Slot.connect, digests.pathless(OPERATIONS[Slot.connect]!), Watch.none, bytes);
    this.#extra = null;
  }

  // ---- requests

  #onPath(buf: Uint8Array, start: number, end: number): void {
    const { digests, keys } = this.#talk.bound;
    const slot = this.#slot;
    if (slot === Slot.multi || slot === Slot.multiRead) {
      this.#name(digests.numberOf(OPERATIONS[this.#operation]!, buf, start, end));
      return;
    }
    this.#digest = digests.of(OPERATIONS[slot]!, buf, start, end);
    if (keys === null) return;
    const length = Math.min(end - start, KEY_BYTES);
    const key = this.#key;
    for (let i = 0; i < length; i++) key[i] = buf[start + i]!;
    this.#keyLength = length;
  }

  /** One more operation of the multi. */
  #name(number: number): void {
    this.#named ??= new Int32Array(MAX_NAMED);
    const named = this.#named;
    for (let i = 0; i < this.#namedCount; i++) if (named[i] === number) return;
    if (this.#namedCount === MAX_NAMED) this.#isCut = true;
    else named[this.#namedCount++] = number;
  }

  #digestOf(slot: number, isMulti: boolean): Digest {
    const { digests } = this.#talk.bound;
    if (slot === UNKNOWN) return digests.unknown();
    const operation = OPERATIONS[slot]!;
    return isMulti && this.#named !== null
      ? digests.multi(operation, this.#named, this.#namedCount, this.#isCut)
      : digests.pathless(operation);
  }

  #onSetWatches(numbers: Int32Array): void {
    const extra = new Extra();
    const lists = this.#slot === Slot.setWatches ? 3 : 5;
    for (let i = 0; i < lists; i++) extra.watches += numbers[HEADER_NUMBERS + i]!;
    this.#extra = extra;
  }

  /** Its packet ends where it says, and the server goes on behind it: so do we. */
  #onMalformed(reason: Fault, slot: number, bytes: number): void {
    const { stats, digests } = this.#talk.bound;
    this.#countMalformed(reason, slot);
    stats.registry.add(stats.envoy.request_bytes, bytes);
    this.#keyLength = 0;
    this.#extra = new Extra();
    this.#extra.malformed = true;
    this.#push(slot, digests.malformed(OPERATIONS[slot]!), Watch.none, bytes);
    this.#extra = null;
  }

  #countMalformed(reason: Fault, slot: number): void {
    const { stats, config } = this.#talk.bound;
    stats.malformed(reason, slot, config.enable_per_opcode_decoder_error_metrics);
  }

  #passOver(fault: Fault): Program {
    this.#malformed = fault;
    return REST;
  }

  #countRequest(slot: number, bytes: number): void {
    const { stats, config } = this.#talk.bound;
    const { registry, envoy, own } = stats;
    registry.add(envoy.request_bytes, bytes);
    if (slot === Slot.sasl) registry.inc(own.sasl_tokens);
    // As Envoy does, by the xid: setWatches2 under that of setWatches is counted as it.
    const counted = this.#xid === Xid.setWatches ? Slot.setWatches : slot;
    const counts = counted === UNKNOWN ? null : stats.operations[counted]!;
    if (counts === null) return;
    if (counts.rq >= 0) registry.inc(counts.rq);
    else registry.inc(stats.authRequests[this.#extra!.scheme]!);
    if (config.enable_per_opcode_request_bytes_metrics) registry.add(counts.rq_bytes, bytes);
  }

  #push(slot: number, digest: Digest, watch: number, bytes: number): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    const extra = this.#extra;
    const ring =
      slot === Slot.ping ? talk.pings : slot === Slot.auth || slot === Slot.sasl ? talk.logins : talk.pending;
    talk.turns++;
    if (this.#xid > 0) this.#lookForReuse(ring);
    const inFlight = talk.inFlight;
    if (inFlight > 0) registry.inc(own.pipelined);
    if (inFlight >= MAX_IN_FLIGHT || ring.span >= MAX_IN_FLIGHT) {
      this.#refuse('too_many_in_flight');
      return;
    }
    let x = talk.gate === null ? null : this.#judged(talk.gate, slot, digest, bytes);
    if (talk.gate !== null && x === null) return;
    if (talk.open >= MAX_OPEN && !talk.host.cuts) {
      const said = x === null ? null : saidOf(x);
      if (x !== null) talk.host.drop(x);
      registry.inc(own.untimed);
      ring.push(null, slot, this.#xid, watch, extra);
      ring.keepLate(digest, bytes, talk.turns, batchSize(extra), said);
      if (isAwaited(slot)) talk.gate?.await();
      return;
    }
    x ??= this.#take(slot, digest, bytes);
    if (inFlight > 0) x.flags |= Flag.pipelined;
    if (extra !== null && this.#slots !== null) extra.slots = this.#slots.slice(0, extra.operations);
    talk.open++;
    talk.host.begin(x);
    ring.push(x, slot, this.#xid, watch, extra);
    if (this.#keyLength > 0) ring.keepKey(this.#key, this.#keyLength);
    if (talk.gate !== null && isAwaited(slot)) talk.gate.await();
  }

  #take(slot: number, digest: Digest, bytes: number): Exchange {
    const talk = this.#talk;
    const x = talk.host.take();
    x.kind = kindOf(slot);
    x.digest = digest;
    x.turn = talk.turns;
    x.requestFirstByteAt = this.reader.startedAt;
    x.requestBytes = bytes;
    x.batchSize = batchSize(this.#extra);
    return x;
  }

  /** The request's exchange, if it may be begun; null: it was begun as denied, or will be read again. */
  #judged(gate: Gate, slot: number, digest: Digest, bytes: number): Exchange | null {
    const talk = this.#talk;
    const x = this.#take(slot, digest, bytes);
    const verdict = gate.ask(x);
    if (verdict === 'allow') return x;
    if (verdict === 'deny') gate.begin(x);
    else {
      talk.host.drop(x);
      talk.turns--;
    }
    return null;
  }

  /** Clients count their xids up: only one that does not can be there already. */
  #lookForReuse(ring: Pending): void {
    const { registry, own } = this.#talk.bound.stats;
    const xid = this.#xid;
    if (xid <= this.#lastXid && ring.size > 0 && ring.has(xid, MAX_LOOKED)) registry.inc(own.reused_xids);
    this.#lastXid = xid;
  }

  #refuse(fault: Fault): null {
    this.reader.stop();
    this.#talk.fault(fault, this.#slot);
    return null;
  }
}

/** Its answer says who is talking, or that there is a session at all. */
const isAwaited = (slot: number): boolean => slot === Slot.connect || slot === Slot.auth || slot === Slot.sasl;

const NO_KEY = new Uint8Array(0);
const batchSize = (extra: Extra | null): number => (extra === null ? 0 : extra.operations);

/** Kind of the watch that a request asks for. */
function watchOf(slot: number, numbers: Int32Array): number {
  switch (slot) {
    case Slot.exists:
      return numbers[HEADER_NUMBERS] === 0 ? Watch.none : Watch.exist;
    case Slot.getData:
      return numbers[HEADER_NUMBERS] === 0 ? Watch.none : Watch.data;
    case Slot.getChildren:
    case Slot.getChildren2:
      return numbers[HEADER_NUMBERS] === 0 ? Watch.none : Watch.child;
    case Slot.addWatch:
      return numbers[HEADER_NUMBERS] === 1 ? Watch.recursive : Watch.persistent;
    default:
      return Watch.none;
  }
}

function schemeOf(buf: Uint8Array, start: number, end: number): number {
  const scheme = Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
  return Math.max(0, (AUTH_SCHEMES as readonly string[]).indexOf(scheme));
}
