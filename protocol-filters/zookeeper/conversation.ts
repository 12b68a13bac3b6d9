import { type Exchange, Flag, Outcome, Replies } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { SessionHost } from '../../src/exchange/protocol-filter.ts';
import type { Bound } from './bound.ts';
import { errorName, NO_NODE } from './error-names.ts';
import type { Gate } from './gate.ts';
import { LOOKS, OPERATIONS, Slot, UNKNOWN, UNKNOWN_NAME, WRITES } from './operations.ts';
import { Pending } from './pending.ts';
import { Watch } from './stats.ts';
import { Xid } from './wire.ts';
import { isRefusal, REFUSAL_BYTES } from './words.ts';

/** What a connection is for: nobody knows yet; a session that was asked for, and that the server has answered; a word. */
export const Phase = { start: 0, asked: 1, session: 2, word: 3 } as const;

/** The code of a four-letter word that the server may not answer. */
const NOT_WHITELISTED = 'NOTWHITELISTED';

/** What both directions of one session know together; exchanges end here. */
export class Conversation {
  readonly host: SessionHost;
  readonly bound: Bound;
  /** Requests without their reply, in its order. */
  readonly pending = new Pending();
  /** Pings: their replies all carry one xid. */
  readonly pings = new Pending();
  /** auth and sasl: servers answer them at once, before what is older. */
  readonly logins = new Pending();
  phase: number = Phase.start;
  over = false;
  turns = 0;
  /** Exchanges begun and not ended. */
  open = 0;
  /** What a judged session does more; null: nobody judges. */
  gate: Gate | null = null;
  /** A four-letter word's. */
  word: Exchange | null = null;
  #wordHead = NO_BYTES;

  constructor(host: SessionHost, bound: Bound) {
    this.host = host;
    this.bound = bound;
  }

  get inFlight(): number {
    return this.pending.size + this.pings.size + this.logins.size;
  }

  /**
   * The reply to one request is read. `code`: its error, 0 = none, of a multi that of its first failed operation.
   * `rows` and `changes`: what it returned, and what it changed. `firstByteAt`: when the reply began to come.
   */
  answer(
    ring: Pending,
    place: number,
    code: number,
    rows: number,
    changes: number,
    bytes: number,
    firstByteAt: number,
  ): void {
    const { stats, keys } = this.bound;
    const { registry, own } = stats;
    const slot = ring.slot(place);
    const x = this.#exchangeOf(ring, place);
    const now = this.host.now();
    x.replyFirstByteAt = firstByteAt;
    x.replyLastByteAt = now;
    x.replyBytes = bytes;
    const isAbsent = code === NO_NODE && slot === Slot.exists;
    if (code === 0 || isAbsent) {
      x.rowsReturned = rows;
      x.rowsAffected = changes;
      const watch = ring.watch(place);
      // exists waits for a node that is not there; getData and the others only watch what they have found.
      if (watch !== Watch.none) stats.watch(slot === Slot.exists && !isAbsent ? Watch.data : watch);
    } else {
      x.outcome = Outcome.error;
      x.code = errorName(code);
      stats.error(slot, code);
    }
    if (LOOKS[slot] === 1) {
      if (code === 0) {
        registry.inc(own.hits);
        x.flags |= Flag.hit;
      } else if (code === NO_NODE) {
        registry.inc(own.misses);
        x.flags |= Flag.miss;
      }
    }
    let ms = 0;
    // As Envoy does, by the xid: setWatches2 under that of setWatches is counted as it.
    const counted = ring.xid(place) === Xid.setWatches ? Slot.setWatches : slot;
    const isMalformed = ring.extra(place)?.malformed ?? false;
    if ((x.flags & Flag.untimed) === 0) {
      ms = now - x.requestFirstByteAt;
      if (!isMalformed) this.#countLatency(counted, ms);
    }
    this.#countReply(isMalformed ? UNKNOWN : counted, bytes, ms);
    const keyLength = ring.keyLength(place);
    if (keys !== null && keyLength > 0) {
      const from = ring.keyStart(place);
      keys.touch(ring.keys, from, from + keyLength, x.requestBytes + bytes, ms);
    }
    ring.remove(place);
    this.#end(x);
  }

  #countReply(slot: number, bytes: number, ms: number): void {
    const { stats, config, thresholds } = this.bound;
    const { registry, envoy } = stats;
    registry.add(envoy.response_bytes, bytes);
    const counts = slot === UNKNOWN ? null : stats.operations[slot]!;
    if (counts === null) return;
    registry.inc(counts.resp);
    if (thresholds !== null) registry.inc(Math.trunc(ms) <= thresholds[slot]! ? counts.resp_fast : counts.resp_slow);
    if (config.enable_per_opcode_response_bytes_metrics) registry.add(counts.resp_bytes, bytes);
  }

  #countLatency(slot: number, ms: number): void {
    const { stats } = this.bound;
    if (slot === UNKNOWN) stats.unknownLatency.record(ms / 1000);
    else stats.operations[slot]?.latency.record(ms / 1000);
  }

  /** The exchange of a request, made now if it came above the cap of timed ones. */
  #exchangeOf(ring: Pending, place: number): Exchange {
    const made = ring.exchange(place);
    if (made !== null) return made;
    const x = this.host.take();
    ring.fill(place, x);
    x.kind = kindOf(ring.slot(place));
    x.flags = Flag.untimed;
    this.open++;
    this.host.begin(x);
    return x;
  }

  /** It was denied, or its reply was cut: nothing else is counted of it. */
  endDenied(x: Exchange): void {
    this.#end(x);
  }

  #end(x: Exchange): void {
    this.open--;
    this.host.end(x);
  }

  // ---- four-letter words

  /** The connection began with a word: what comes from the server until it closes is the answer. */
  beginWord(word: string, x: Exchange = this.wordExchange(word)): void {
    const { stats } = this.bound;
    stats.registry.inc(stats.own.four_letter_words);
    stats.word(word);
    this.phase = Phase.word;
    this.word = x;
    this.#wordHead = new Uint8Array(REFUSAL_BYTES);
    this.open++;
    this.host.begin(x);
  }

  wordExchange(word: string): Exchange {
    const x = this.host.take();
    x.kind = word;
    x.digest = this.bound.digests.word(word);
    x.turn = ++this.turns;
    return x;
  }

  onWordReply(buf: Buffer, start: number, end: number): void {
    const x = this.word!;
    if (x.replyFirstByteAt === 0) x.replyFirstByteAt = this.host.now();
    for (let at = start; at < end && x.replyBytes + at - start < REFUSAL_BYTES; at++)
      this.#wordHead[x.replyBytes + at - start] = buf[at]!;
    x.replyBytes += end - start;
    x.replyLastByteAt = this.host.now();
  }

  #endWord(): void {
    const x = this.word;
    if (x === null) return;
    this.word = null;
    if (x.replyBytes === 0) {
      x.replies = Replies.none;
      x.outcome = Outcome.lost;
    } else if (isRefusal(this.#wordHead, x.replyBytes)) {
      x.outcome = Outcome.error;
      x.code = NOT_WHITELISTED;
    }
    this.#end(x);
  }

  // ---- the end

  /** What came from either side cannot be read. Said once; nothing is read after it. `slot`: of what, where that is known. */
  fault(fault: Fault, slot: number = UNKNOWN): void {
    if (this.over) return;
    const { stats, config } = this.bound;
    stats.opaque(fault);
    stats.decoderError(slot, config.enable_per_opcode_decoder_error_metrics);
    this.endAll();
    this.host.opaque(fault);
  }

  /** The connection is over: what is open was lost. */
  endAll(): void {
    if (this.over) return;
    this.over = true;
    const { registry, own } = this.bound.stats;
    if (this.phase === Phase.asked) registry.inc(own.sessions_refused);
    this.#endWord();
    for (const ring of [this.pending, this.pings, this.logins])
      while (ring.size > 0) {
        const x = this.#exchangeOf(ring, ring.head);
        // What was denied stays denied, though its stand-in was not answered.
        if (x.outcome !== Outcome.denied) {
          x.outcome = Outcome.lost;
          registry.inc(own.lost);
        }
        ring.remove(ring.head);
        this.#end(x);
      }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

export const kindOf = (slot: number): string => (slot === UNKNOWN ? UNKNOWN_NAME : OPERATIONS[slot]!.name);

/** What a reply without an error changed. */
export const changesOf = (slot: number): number => WRITES[slot]!;
