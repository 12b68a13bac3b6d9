import { Flag, Replies } from '../../src/exchange/exchange.ts';
import { saidOf } from '../../src/exchange/said.ts';
import { BsonCursor } from './bson/bson-cursor.ts';
import { Bson } from './bson/bson-type.ts';
import { highAt, isName, lowAt } from './bson/bson-values.ts';
import { UNKNOWN_COMMAND } from './commands/command-table.ts';
import type { Conversation } from './conversation.ts';
import { storyOf } from './cursors.ts';
import { Extra } from './extra.ts';
import type { Gate } from './gate/gate.ts';
import { markDenied } from './gate/refusals.ts';
import { placeOf, readHelloClaims, readLoginClaims } from './identity.ts';
import type { Request } from './in-flight.ts';
import { type Message, MsgFlag, Op } from './message.ts';
import { countMessage } from './message-stats.ts';
import { countQuery, isSet, QueryFlag } from './query-stats.ts';
import type { CommandReading } from './shape/command-reading.ts';
import { SPECIALS, Special } from './special.ts';
import type { MessageSink } from './wire/message-reader.ts';

/** Exchanges open at once, and requests in flight: above the first they are counted untimed, above the second is a fault. */
export const MAX_OPEN = 10_000;
export const MAX_IN_FLIGHT = 65_536;
/** Ids of one killCursors that are followed. */
const MAX_KILLED = 64;

const walk = new BsonCursor();

/** What the client says: commands become exchanges and join those in flight. */
export class Downstream implements MessageSink {
  readonly #talk: Conversation;
  /** Requests to hello that were said, for who rewrites their replies. */
  onHello: ((requestId: number) => void) | null = null;
  /** The message told last is to be told again: no policy has decided yet. */
  isHeld = false;
  /** Where policies judge messages come whole: when the first byte came. */
  firstByteAt = 0;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  onMessage(message: Message): void {
    const talk = this.#talk;
    if (talk.over) return;
    const { stats, reader } = talk.bound;
    const reading = reader.read(message);
    if (talk.gate !== null && !this.#isAdmitted(talk.gate, message, reading)) return;
    countMessage(stats, message);
    if (isSilent(message)) this.#beginSilent(message, reading);
    else this.#begin(message, reading);
  }

  /** Asks the policies. False: it is held, or the connection is over. A denied one is begun like any other. */
  #isAdmitted(gate: Gate, message: Message, reading: CommandReading): boolean {
    const talk = this.#talk;
    message.firstByteAt = this.firstByteAt;
    const { registry, own } = talk.bound.stats;
    switch (gate.judge(message, reading)) {
      case 'allow':
        return true;
      case 'deny':
        registry.inc(own.denied);
        registry.inc(own.stand_ins);
        return true;
      case 'hold':
        this.isHeld = true;
        return false;
      case 'close':
        registry.inc(own.denied);
        this.#endDenied(gate, message, reading);
        return false;
    }
  }

  /** The connection is over with this message: it is told all the same. */
  #endDenied(gate: Gate, message: Message, reading: CommandReading): void {
    const talk = this.#talk;
    const { requests, stats } = talk.bound;
    countMessage(stats, message);
    const request = requests.take();
    request.info = reading.info;
    request.digest = reading.digest;
    request.requestBytes = message.bytes;
    request.batchSize = reading.batchSize;
    request.turn = ++talk.turns;
    const x = talk.exchangeOf(request, message.firstByteAt, message.lastByteAt);
    if (isSilent(message)) x.replies = Replies.none;
    markDenied(x, gate.denial!);
    talk.host.begin(x);
    requests.give(request);
    talk.end(x, reading.database);
    if (gate.fault !== null) talk.fault(gate.fault);
    else talk.endAll();
  }

  #begin(message: Message, reading: CommandReading): void {
    const talk = this.#talk;
    const { bound, inFlight } = talk;
    const { registry, own } = bound.stats;
    // Servers answer in order: the first reply to an id is to the oldest request that has it.
    if (inFlight.find(message.requestId) !== null) registry.inc(own.ids_reused);
    const isLate = inFlight.size >= MAX_OPEN;
    const said = isLate && talk.asked !== null ? saidOf(talk.asked) : null;
    if (isLate) talk.dropAsked(); // its exchange is made when the reply is there
    if (inFlight.size >= MAX_IN_FLIGHT) {
      talk.fault('too_many_in_flight');
      return;
    }
    const request = this.#requestOf(message, reading);
    request.said = said;
    if (inFlight.size > 0) {
      request.flags |= Flag.pipelined;
      registry.inc(own.pipelined);
    }
    if (request.waits) request.flags |= Flag.waits;
    else if (talk.waiting > 0) request.flags |= Flag.untimed; // it waits with the one before it, unasked
    if (isLate) {
      registry.inc(own.untimed);
      request.flags |= Flag.untimed;
    } else {
      const x = talk.exchangeOf(request, message.firstByteAt, message.lastByteAt);
      x.traceparent = reading.traceparent;
      request.exchange = x;
      if (talk.gate?.enforces === true && request.denial === null) x.forwardedAt = talk.host.now();
      talk.host.begin(x);
    }
    talk.open(request);
    if (request.special === Special.hello) this.onHello?.(request.id);
  }

  /** A command that has no reply. */
  #beginSilent(message: Message, reading: CommandReading): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    registry.inc(own.no_reply);
    const request = this.#requestOf(message, reading);
    const x = talk.exchangeOf(request, message.firstByteAt, message.lastByteAt);
    x.traceparent = reading.traceparent;
    x.replies = Replies.none;
    if (talk.gate?.enforces === true) x.forwardedAt = talk.host.now();
    talk.host.begin(x);
    const { database } = request;
    talk.bound.requests.give(request);
    talk.end(x, database);
  }

  /** What is to be known of a request until its reply is there. */
  #requestOf(message: Message, reading: CommandReading): Request {
    const talk = this.#talk;
    const { stats, requests } = talk.bound;
    const { registry, own } = stats;
    const { info } = reading;
    const request = requests.take();
    request.id = message.requestId;
    request.info = info;
    request.denial = talk.gate?.denial ?? null;
    // A denied one is what its stand-in is: no more than a request and a reply.
    request.special = reading.explains || request.denial !== null ? Special.none : SPECIALS[info.slot]!;
    request.isFromQuery = message.opcode === Op.query;
    request.digest = reading.digest;
    request.database = reading.database;
    request.collection = reading.collection;
    request.requestBytes = message.bytes;
    request.turn = ++talk.turns;
    request.batchSize = reading.batchSize;
    request.unread = message.unread !== '' && message.body.count === 0;
    if (reading.truncated) request.flags |= Flag.truncated;
    if (message.unread === '' && reading.fault !== '') stats.unread(reading.fault);
    registry.inc(own.commands);
    registry.inc(stats.command(info.slot).total);
    if (info === UNKNOWN_COMMAND && !request.unread) this.#noteUnknown(request, reading);
    if (reading.txnNumberAt >= 0) this.#noteTransaction(request, message, reading);
    if (request.special !== Special.hello) this.#saysMore();
    if (message.opcode === Op.getMore || (message.opcode === Op.query && !request.unread && !isCommand(message))) {
      request.isQuery = true;
      request.exhausts = message.opcode === Op.query && (message.flags & QueryFlag.exhaust) !== 0;
    }
    if (request.special !== Special.none) this.#noteSpecial(request, message, reading);
    return request;
  }

  // ---- what is special

  #noteUnknown(request: Request, reading: CommandReading): void {
    const { registry, own } = this.#talk.bound.stats;
    registry.inc(own.unknown_commands);
    if (reading.unknownName === '') return;
    request.extra = new Extra();
    request.extra.unknownName = reading.unknownName;
  }

  /** A monitor of a driver says nothing but hello: this connection is none. */
  #saysMore(): void {
    const talk = this.#talk;
    if (talk.saidMore) return;
    talk.saidMore = true;
    if (talk.host.facts.kind === 'monitor') talk.host.confirm({ kind: '' });
  }

  #noteTransaction(request: Request, { body, lastByteAt }: Message, reading: CommandReading): void {
    const { stats, transactions } = this.#talk.bound;
    const { registry, own } = stats;
    const { lsidAt, txnNumberAt, autocommitAt } = reading;
    if (autocommitAt < 0 || isSet(body, autocommitAt)) {
      registry.inc(own.retryable_writes);
      return;
    }
    if (lsidAt < 0 || body.type[txnNumberAt] !== Bson.int64) return;
    const { buf, valueStart, valueEnd } = body;
    if (!transactions.readSession(buf, valueStart[lsidAt]!, valueEnd[lsidAt]!)) return;
    const begins = isSet(body, reading.startTransactionAt);
    if (begins && request.denial !== null) return; // the server never hears of it
    if (begins) registry.inc(own.transactions);
    const at = valueStart[txnNumberAt]!;
    request.transaction = transactions.take(lowAt(buf, at), highAt(buf, at), begins, lastByteAt);
  }

  #noteSpecial(request: Request, message: Message, reading: CommandReading): void {
    const { stats } = this.#talk.bound;
    const { registry, own } = stats;
    const { body } = message;
    switch (request.special) {
      case Special.find:
        request.tails =
          message.opcode === Op.query && request.isQuery
            ? (message.flags & TAILS) === TAILS
            : isSet(body, reading.tailableAt) && isSet(body, reading.awaitDataAt);
        countQuery(stats, message, reading, request);
        return;
      case Special.aggregate:
        request.tails = reading.changeStream;
        return;
      case Special.getMore:
        this.#noteGetMore(request, message, reading);
        return;
      case Special.killCursors:
        this.#noteKilled(request, message);
        return;
      case Special.bulkWrite:
        registry.add(own.bulk_write_inserts, reading.inserts);
        registry.add(own.bulk_write_updates, reading.updates);
        registry.add(own.bulk_write_deletes, reading.deletes);
        return;
      case Special.hello:
        this.#noteHello(request, message);
        return;
      case Special.saslStart:
      case Special.authenticate:
        request.extra = new Extra();
        readLoginClaims(body, request.extra);
        return;
    }
  }

  #noteGetMore(request: Request, message: Message, reading: CommandReading): void {
    const { bound, host } = this.#talk;
    const { registry, own } = bound.stats;
    const { body } = message;
    if (message.opcode === Op.getMore) {
      request.cursorLow = message.cursorLow;
      request.cursorHigh = message.cursorHigh;
    } else if (body.count > 0 && body.type[0] === Bson.int64) {
      // The command is the first field, its value the cursor's id.
      request.cursorLow = lowAt(body.buf, body.valueStart[0]!);
      request.cursorHigh = highAt(body.buf, body.valueStart[0]!);
    }
    const { cursorLow, cursorHigh } = request;
    if (cursorLow === 0 && cursorHigh === 0) return;
    request.story = storyOf(cursorLow, cursorHigh);
    const cursor = bound.cursors.find(cursorLow, cursorHigh, host.facts.upstreamAddress, message.lastByteAt);
    // A time limit is for those that await data alone: servers refuse it on others.
    request.waits = cursor === null ? reading.maxTimeMsAt >= 0 && !request.isQuery : cursor.tails;
    if (request.waits) registry.inc(own.await_data);
    if (cursor === null) {
      registry.inc(own.cursors_unknown);
      return;
    }
    request.tails = cursor.tails;
    request.holdsResults = cursor.holdsResults;
    if (cursor.origin !== null) request.digest = bound.reader.getMoreOf(cursor.origin);
    if (!cursor.isOf(host.facts.user, reading.database, reading.collection)) registry.inc(own.cursors_foreign);
  }

  #noteKilled(request: Request, { body, lastByteAt }: Message): void {
    const { bound, host } = this.#talk;
    const { registry, own } = bound.stats;
    const place = placeOf(body, 'cursors');
    if (place < 0 || body.type[place] !== Bson.array || !body.isHeld(place)) return;
    const ids = new Int32Array(MAX_KILLED * 2);
    let [count, known] = [0, 0];
    walk.over(body.buf, body.valueStart[place]!, body.valueEnd[place]!);
    while (count < MAX_KILLED && walk.next()) {
      if (walk.type !== Bson.int64) continue;
      const [low, high] = [lowAt(walk.buf, walk.valueStart), highAt(walk.buf, walk.valueStart)];
      ids[count * 2] = low;
      ids[count * 2 + 1] = high;
      count++;
      const cursor = bound.cursors.find(low, high, host.facts.upstreamAddress, lastByteAt);
      if (cursor === null) {
        registry.inc(own.cursors_unknown);
        continue;
      }
      known++;
      if (!cursor.isOf(host.facts.user, request.database, request.collection)) registry.inc(own.cursors_foreign);
    }
    if (count === 0) return;
    request.story = storyOf(ids[0]!, ids[1]!);
    request.extra = new Extra();
    request.extra.cursors = ids.slice(0, count * 2);
    request.extra.knownCursors = known;
  }

  #noteHello(request: Request, { body }: Message): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    registry.inc(own.hellos);
    talk.hellos++;
    request.extra = new Extra();
    readHelloClaims(body, request.extra);
    if (placeOf(body, 'topologyVersion') < 0 || placeOf(body, 'maxAwaitTimeMS') < 0) return;
    request.waits = true;
    registry.inc(own.hellos_awaited);
    if (talk.hellos > 1) talk.becomesMonitor();
  }
}

/** Has it no reply? Of a message whose flags are not known nobody can say. */
const isSilent = ({ opcode, flags }: Message): boolean =>
  opcode === Op.msg
    ? (flags & MsgFlag.moreToCome) !== 0
    : opcode === Op.insert || opcode === Op.update || opcode === Op.delete || opcode === Op.killCursors;

const TAILS = QueryFlag.tailable | QueryFlag.awaitData;

/** Does an OP_QUERY carry a command? Its namespace is `db.$cmd`. */
function isCommand({ body, namespaceStart, namespaceEnd }: Message): boolean {
  const { buf } = body;
  for (let at = namespaceEnd - 5; at >= namespaceStart; at--)
    if (buf[at] === 0x2e && isName(buf, at, at + 5, '.$cmd')) return true;
  return false;
}
