import { type Exchange, Flag, VerdictCode } from '../../../src/exchange/exchange.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import type { OperationFacts } from '../../../src/exchange/operation-facts.ts';
import type { Denial, Refusal, Turn } from '../../../src/exchange/protocol-filter.ts';
import { Side } from '../../../src/exchange/side.ts';
import { isName } from '../bson/bson-values.ts';
import type { Conversation } from '../conversation.ts';
import { Extra } from '../extra.ts';
import { readHelloClaims, readLoginClaims } from '../identity.ts';
import type { Request } from '../in-flight.ts';
import { NO_MECHANISM } from '../mechanisms.ts';
import { Compressor, type Message, MsgFlag, Op } from '../message.ts';
import type { CommandReading } from '../shape/command-reading.ts';
import { SPECIALS, Special } from '../special.ts';
import { COMPRESSED_HEADER_BYTES, HEADER_BYTES } from '../wire/wire.ts';
import { CursorFacts } from './cursor-facts.ts';
import { Field } from './fields.ts';
import { abortFor, errorReply, pingFor } from './refusals.ts';

/** `hold`: it is to be offered again; `close`: the connection is over, and the message is told as denied. */
export type Step = 'allow' | 'deny' | 'hold' | 'close';

/** Requests in flight while a policy is enforced; above it the connection closes. */
const MOST_IN_FLIGHT = 10_000;
/** Of hello, and of what logs in. */
const MAX_LOGIN_BYTES = 64 * 1024;
/** OP_QUERY flags of a hello: secondaryOk, which drivers set. */
const QUERY_FLAGS = 4;
/** responseTo has its own word; flags, skip, return: what follows the namespace of an OP_QUERY. */
const QUERY_FIELDS = 8;

/**
 * What a session does more where policies judge: each whole message is read strictly, asked about, and denied in its place by
 * a stand-in that the server answers. Enforcing, what cannot be read for certain closes the connection.
 */
export class Gate {
  readonly enforces: boolean;
  /** Requests whose answer may change what policies see: what is behind them waits for it. */
  changing = 0;
  /** Stand-ins that wait for their answers. */
  standIns = 0;
  /** Somebody has logged in. */
  loggedIn = false;
  /** Of the message judged last. */
  facts: OperationFacts | null = null;
  denial: Denial | null = null;
  /** Why it closes the connection; null: a policy does. */
  fault: Fault | null = null;
  readonly #talk: Conversation;
  readonly #asked = { requestId: 0, isQuery: false, isSigned: false };
  readonly #ops: Exchange[] = [];
  readonly #facts: OperationFacts[] = [];
  readonly #turn = { from: 0, to: 0, complete: true, ops: this.#ops, facts: this.#facts };
  readonly #cursors: CursorFacts;
  /** The whole message as it came. */
  #buf: Buffer = NOTHING;
  #start = 0;
  #isSilent = false;
  /** Within ask(): the connection was ended by it. */
  #isExpelled = false;
  #isAsking = false;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.enforces = talk.host.enforces;
    this.#cursors = new CursorFacts(talk);
  }

  /** A message of the client is about to be read: buf[start..) is all of it. */
  over(buf: Buffer, start: number): void {
    this.#buf = buf;
    this.#start = start;
  }

  /** Nothing that is said behind a login is judged before its answer (threats R8). */
  get mustWait(): boolean {
    return this.enforces && this.changing > 0;
  }

  // ---- verdicts

  judge(message: Message, reading: CommandReading): Step {
    const { scan } = this.#talk.bound;
    const asked = this.#asked;
    this.facts = this.denial = this.fault = null;
    asked.requestId = message.requestId;
    asked.isQuery = message.opcode === Op.query;
    asked.isSigned = message.checksum !== '';
    this.#isSilent = message.opcode === Op.msg && (message.flags & MsgFlag.moreToCome) !== 0;
    const fault = this.#read(message) ?? (this.enforces ? this.#illegal(message) : null);
    if (fault !== null && this.enforces) return this.#close(message, reading, fault);
    if (fault !== null) {
      scan.record.begin(reading.info.slot);
      scan.record.unresolved('cannot be read');
      return this.#ask(message, reading, this.#talk.bound.facts.of(scan.record));
    }
    const special = SPECIALS[scan.info.slot]!;
    let { doubt } = scan;
    if (special === Special.getMore || special === Special.killCursors) doubt ||= this.#cursors.add(scan, special);
    else if (scan.plan.changesFacts) doubt ||= this.#loginDoubt(message, special);
    if (doubt !== '' && this.enforces) return this.#denySelf(message, reading, doubt);
    if (doubt !== '') scan.record.unresolved('cannot be read');
    return this.#ask(message, reading, this.#cursors.factsOf(scan));
  }

  /** Reads all of it. What is wrong, or null. */
  #read(message: Message): Fault | null {
    if (message.unread !== '') return faultOf(message);
    if (message.checksum === 'wrong' || message.trailing > 0 || message.body.overflow) return 'ambiguous';
    const { scan } = this.#talk.bound;
    const isPlain = message.compressor === Compressor.none;
    const isInPlace = isPlain || message.compressor === Compressor.noop;
    const buf = isInPlace ? this.#buf : message.body.buf;
    const start = isInPlace ? this.#start + HEADER_BYTES + (isPlain ? 0 : COMPRESSED_HEADER_BYTES) : 0;
    const end = isInPlace ? this.#start + message.bytes : start + message.uncompressedBytes;
    if (message.opcode === Op.msg) scan.readMsg(buf, start, message.checksum === '' ? end : end - 4);
    else {
      const nul = buf.indexOf(0, start + 4);
      scan.readQuery(buf, start + 4, databaseEnd(buf, start + 4, nul), nul + 1 + QUERY_FIELDS, end);
    }
    return scan.fault;
  }

  /** What is not to be said, or not so, where policies are enforced. */
  #illegal(message: Message): Fault | null {
    const talk = this.#talk;
    const { scan } = talk.bound;
    const { changesFacts, isHello } = scan.plan;
    if (talk.inFlight.size >= MOST_IN_FLIGHT) return 'too_many_in_flight';
    // Two requests of one id: nobody can say whose the first answer is (threats MG-17).
    if (!this.#isSilent && talk.inFlight.find(message.requestId) !== null) return 'ambiguous';
    if (message.opcode === Op.query && !this.#isFirstHello(message, isHello)) return 'unknown_type';
    if (!changesFacts) return null;
    if (message.compressor !== Compressor.none || this.#isSilent) return 'out_of_order';
    return message.bytes > MAX_LOGIN_BYTES ? 'oversized' : null;
  }

  /** OP_QUERY is left for a hello on `$cmd`, before anybody logs in (threats MG-06). */
  #isFirstHello({ body, flags, namespaceStart, namespaceEnd }: Message, isHello: boolean): boolean {
    const at = namespaceEnd - 5;
    const isCommand = at > namespaceStart && isName(body.buf, at, namespaceEnd, '.$cmd');
    return isHello && isCommand && !this.loggedIn && (flags & ~QUERY_FLAGS) === 0;
  }

  /**
   * One connection is one user. Old servers take a second login and then allow what either may; policies see one of them
   * (threats MG-15).
   */
  #loginDoubt(message: Message, special: number): string {
    if (!this.loggedIn || special === Special.saslContinue || special === Special.logout) return '';
    const extra = new Extra();
    if (special === Special.hello) {
      readHelloClaims(message.body, extra);
      if (extra.mechanism === NO_MECHANISM) return '';
    } else readLoginClaims(message.body, extra);
    const { user } = this.#talk.host.facts;
    return extra.user === user ? '' : 'somebody else has logged in on this connection';
  }

  #exchange(message: Message, reading: CommandReading): Exchange {
    const talk = this.#talk;
    const { scan } = talk.bound;
    const x = talk.host.take();
    x.kind = reading.info.name;
    x.digest = reading.digest;
    x.turn = talk.turns + 1;
    x.requestFirstByteAt = message.firstByteAt;
    x.requestLastByteAt = message.lastByteAt;
    x.requestBytes = message.bytes;
    x.batchSize = reading.batchSize;
    if (this.#transactionAt(scan.fields) >= 0) x.flags = Flag.inTransaction;
    talk.asked = x;
    this.#turn.from = message.from;
    this.#turn.to = message.from + message.bytes;
    this.#ops[0] = x;
    return x;
  }

  #ask(message: Message, reading: CommandReading, facts: OperationFacts): Step {
    const talk = this.#talk;
    const { host } = talk;
    this.#exchange(message, reading);
    this.facts = facts;
    this.#facts[0] = facts;
    this.#isExpelled = false;
    this.#isAsking = true;
    const verdict = host.ask(this.#turn);
    this.#isAsking = false;
    if (verdict === 'allow' || !this.enforces) return 'allow';
    if (verdict === 'later') {
      talk.dropAsked();
      return 'hold';
    }
    if (this.#isExpelled || this.#isSilent) return 'close';
    return 'deny';
  }

  /** Denied by the protocol filter itself, whatever policies say: it cannot be judged. */
  #denySelf(message: Message, reading: CommandReading, doubt: string): Step {
    const x = this.#exchange(message, reading);
    x.verdict = VerdictCode.denied;
    const why: Denial = { ...UNREADABLE, message: doubt };
    x.policy = why.policy;
    this.#markOwn(x);
    const refusal = this.refuse(this.#turn, why);
    const { host } = this.#talk;
    if (refusal.kind === 'standIn') {
      host.replace(Side.downstream, this.#turn.from, this.#turn.to, refusal.bytes);
      return 'deny';
    }
    host.close(`denied:${why.policy}`);
    return 'close';
  }

  #close(message: Message, reading: CommandReading, fault: Fault): Step {
    const x = this.#exchange(message, reading);
    x.verdict = VerdictCode.denied;
    x.policy = UNREADABLE.policy;
    this.#markOwn(x);
    this.denial = UNREADABLE;
    this.fault = fault;
    return 'close';
  }

  /** No policy was asked. */
  #markOwn(x: Exchange): void {
    x.policySnapshot = this.#talk.host.policySnapshot;
    x.requestOffset = this.#turn.from;
  }

  // ---- refusals

  /** The host calls it from within ask(). */
  refuse(_turn: Turn, why: Denial): Refusal {
    this.denial = why;
    // No answer is awaited: none can be given, and silence would be taken for success (threats MG-03).
    if (this.#isSilent) return { kind: 'close', last: null };
    return { kind: 'standIn', bytes: this.#standIn() };
  }

  #standIn(): Uint8Array {
    const { scan } = this.#talk.bound;
    const { fields } = scan;
    const at = this.#transactionAt(fields);
    const api = this.#asked.isQuery ? [] : API.map((field) => fields.place(field)).filter((place) => place >= 0);
    const said = api.map((place) => scan.element(place));
    if (at < 0) return pingFor(this.#asked, said);
    return abortFor(this.#asked, scan.element(fields.place(Field.lsid)), scan.element(at), said);
  }

  /** Place of txnNumber in a command of a transaction that has begun; -1: it is in none. */
  #transactionAt(fields: { place(field: number): number }): number {
    const { scan } = this.#talk.bound;
    const txnNumber = fields.place(Field.txnNumber);
    const autocommit = fields.place(Field.autocommit);
    if (this.fault !== null || this.#asked.isQuery || txnNumber < 0 || autocommit < 0) return -1;
    if (fields.place(Field.lsid) < 0 || scan.isSet(autocommit) || scan.isSet(fields.place(Field.startTransaction)))
      return -1;
    return txnNumber;
  }

  /** The last words of a connection that a policy closes: an answer to the message at hand, where nothing else is awaited. */
  expel(why: Denial): Uint8Array | null {
    if (!this.#isAsking) return null;
    this.#isExpelled = true;
    this.denial = why;
    if (this.#isSilent || this.#talk.inFlight.size > 0) return null;
    return errorReply(why, this.#asked, 1);
  }

  // ---- what was allowed or denied

  /** A request joins those in flight. */
  opened(request: Request): void {
    request.facts = this.facts === null || this.facts.accesses.length <= MOST_KEPT ? this.facts : TOO_MUCH;
    if (!this.enforces) return;
    if (request.denial !== null) {
      request.asked = { ...this.#asked };
      request.deniedAt = this.#talk.host.facts.received[Side.upstream];
      this.standIns++;
      return;
    }
    if (!this.#talk.bound.scan.plan.changesFacts) return;
    request.isChanging = true;
    this.changing++;
  }

  /** Its answer has come, or never will. */
  settled(request: Request): void {
    if (!request.isChanging) return;
    request.isChanging = false;
    this.changing--;
    if (this.changing === 0) this.#talk.host.resume(Side.downstream);
  }
}

const NOTHING = Buffer.alloc(0);
/** Accesses that are kept of a command for as long as its cursor is open: ten thousand of these may be, a worker. */
const MOST_KEPT = 128;
/** Of what opened a cursor and did more than that. */
const TOO_MUCH: OperationFacts = {
  operation: 'aggregate',
  accesses: [],
  unresolved: 'a cursor of unknown origin',
  hasWhere: false,
  limit: -1,
  stages: [],
  categories: [],
};
const API = [Field.apiVersion, Field.apiStrict, Field.apiDeprecationErrors];
const UNREADABLE: Denial = {
  policy: 'sluice.unreadable',
  message: 'the message cannot be read for certain',
  kind: 'unreadable',
  closes: false,
};

/** What stands before `.$cmd`: all of it, so that what is no database's name is none. */
function databaseEnd(buf: Buffer, start: number, nul: number): number {
  const at = nul - 5;
  return at > start && isName(buf, at, nul, '.$cmd') ? at : nul;
}

function faultOf(message: Message): Fault {
  switch (message.unread) {
    case 'too_large':
      return 'oversized';
    case 'unknown_section':
      return 'unknown_type';
    case 'malformed':
      return message.malformed ?? 'ambiguous';
    default:
      return 'ambiguous';
  }
}
