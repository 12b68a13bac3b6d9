import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import { binaryName, type OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Turn } from '../../src/exchange/protocol-filter.ts';
import { type Said, saidOf } from '../../src/exchange/said.ts';
import { Side } from '../../src/exchange/side.ts';
import { commandFacts, NO_STATEMENT, namesSomething, UNKNOWN_COMMAND, UNKNOWN_STATEMENT } from './command-facts.ts';
import { Command, KINDS } from './commands.ts';
import type { Conversation } from './conversation.ts';
import type { Effect } from './effects.ts';
import { u32leAt } from './lenenc.ts';
import type { QueryTexts } from './query-texts.ts';
import { Er } from './refuse.ts';
import { LAST_PREPARED, type Statement } from './statements.ts';
import { TextFacts } from './text-facts.ts';

/**
 * `allow`: it goes to the server. `deny`: an error comes in its place, its exchanges have begun. `hold`: not yet. `drop`:
 * it has no answer, and does not leave.
 */
export type Answer = 'allow' | 'deny' | 'hold' | 'drop';

/** Operations of a text that policies see as exchanges; its facts are all there. */
const MAX_OPS = 1000;

/** Asks the policies about the command at hand. One object a session, reused for all commands. */
export class Inquiry {
  readonly #talk: Conversation;
  readonly #texts: QueryTexts;
  readonly #ops: Exchange[] = [];
  readonly #facts: OperationFacts[] = [];
  readonly #turn: {
    from: number;
    to: number;
    complete: boolean;
    ops: Exchange[];
    facts: OperationFacts[];
    prepares: boolean;
  };
  readonly #textFacts: TextFacts;
  /** Exchanges asked about whose marks are still to be handed on. */
  #marked = 0;
  /** What a statement that is being prepared will be judged by, and what running it does. */
  prepared: OperationFacts | null = null;
  /** The links are being asked about the client's message at hand. */
  isAsking = false;

  constructor(talk: Conversation, texts: QueryTexts) {
    this.#talk = talk;
    this.#texts = texts;
    this.#textFacts = new TextFacts(talk);
    this.#turn = { from: 0, to: 0, complete: true, ops: this.#ops, facts: this.#facts, prepares: false };
  }

  /** What statement i of the text read last does to the session, where a gate has read it. */
  effectAt(i: number): Effect | null {
    return this.#textFacts.effects[i] ?? null;
  }

  /** The command's payload buf[start..end). Texts have been read into QueryTexts by it. */
  ask(command: number, buf: Buffer, start: number, end: number, payloadBytes: number): Answer {
    this.#marked = 0;
    this.#turn.prepares = command === Command.stmtPrepare;
    switch (command) {
      case Command.query:
      case Command.stmtPrepare:
        return this.#text(command, buf, start, end, payloadBytes);
      case Command.stmtExecute:
      case Command.stmtBulkExecute:
      case Command.stmtFetch:
        return this.#statement(command, buf, start, end);
      case Command.stmtReset:
      case Command.stmtSendLongData:
      case Command.stmtClose:
        return this.#aside(command, buf, start, end);
      case Command.quit:
        return 'allow';
      default:
        return this.#plain(command, buf, start, end, payloadBytes);
    }
  }

  /** Of the message that was asked about last. */
  get said(): Said | null {
    return this.#ops.length === 0 ? null : saidOf(this.#ops[0]!);
  }

  /** An exchange is begun for what was asked about: it gets the marks. */
  begins(x: Exchange): void {
    const { host, gate } = this.#talk;
    if (gate !== null && (x.flags & Flag.denied) === 0 && x.forwardedAt === 0) x.forwardedAt = host.now();
    if (this.#ops.length === 0) return;
    if (this.#marked >= this.#ops.length) {
      saidOf(this.#ops[0]!).mark(x); // more than can be asked about one by one
      return;
    }
    const asked = this.#ops[this.#marked++]!;
    if (asked === x) return;
    const { requestOffset } = x; // of what came before, and counts to it
    host.marked(asked, x);
    if (requestOffset > 0) x.requestOffset = requestOffset;
  }

  /** The command at hand has been read: what was only asked about is given back. */
  done(): void {
    for (const x of this.#ops) this.#talk.host.drop(x);
    this.#forget();
  }

  #forget(): void {
    while (this.#ops.length > 0) this.#ops.pop();
    while (this.#facts.length > 0) this.#facts.pop();
    this.#marked = 0;
  }

  // ---- kinds of commands

  #text(command: number, buf: Buffer, start: number, end: number, payloadBytes: number): Answer {
    const talk = this.#talk;
    const texts = this.#texts;
    const isPrepare = command === Command.stmtPrepare;
    const wrong = isPrepare ? texts.readPrepare(buf, start, end) : texts.readQuery(buf, start, end, payloadBytes);
    if (wrong !== null) {
      talk.fault(wrong);
      return 'hold';
    }
    const { digests } = texts;
    const doubt = this.#textFacts.read(texts, this.#facts);
    if (doubt === null) {
      this.#forget();
      talk.held = true;
      return 'hold';
    }
    if (isPrepare) this.prepared = this.#facts.length === 1 ? this.#facts[0]! : UNKNOWN_STATEMENT;
    if (this.#facts.length === 0) this.#facts.push(texts.truncated ? UNKNOWN_STATEMENT : NO_STATEMENT);
    const count = Math.max(1, Math.min(digests.length, isPrepare ? 1 : MAX_OPS));
    for (let i = 0; i < count; i++) {
      const x = this.#take(command, digests[i] ?? talk.bound.nothing, i === 0);
      x.index = i;
      if (texts.truncated) x.flags |= Flag.truncated;
      if (digests.length > 1) x.flags |= Flag.batch;
      if (texts.traceparent !== '') x.traceparent = texts.traceparent;
    }
    const answer = doubt === '' ? this.#asked(command) : this.#refuseSelf(command, doubt);
    if (answer === 'allow' && !isPrepare && this.#textFacts.changesReading) talk.raisesBarrier = true;
    return answer;
  }

  /** Runs, or goes on with, a prepared statement: it was judged when it was prepared, perhaps by other rules. */
  #statement(command: number, buf: Buffer, start: number, end: number): Answer {
    const talk = this.#talk;
    const statement = end - start < 5 ? null : this.#find(u32leAt(buf, start + 1));
    const facts = statement?.facts ?? UNKNOWN_STATEMENT;
    this.#facts.push(facts);
    const x = this.#take(command, statement?.digest ?? talk.bound.unknown, true);
    x.flags |= Flag.prepared;
    if (command === Command.stmtFetch) x.flags |= Flag.continuation;
    if (statement === null && talk.gate !== null)
      return this.#refuseSelf(command, 'no statement of this number was prepared here', Er.unknownStatement);
    const answer = this.#asked(command);
    if (answer === 'allow' && statement !== null && (statement.effect !== null || facts.unresolved !== ''))
      talk.raisesBarrier = true;
    return answer;
  }

  #find(id: number): Statement | null {
    const statement = this.#talk.book.find(id);
    // The one prepared last may have failed, or not have been answered.
    return id === LAST_PREPARED && statement?.confirmed !== true ? null : statement;
  }

  /** Commands about a statement that run nothing. */
  #aside(command: number, buf: Buffer, start: number, end: number): Answer {
    const talk = this.#talk;
    // Servers know nothing of it either: closing it does nothing.
    if (command === Command.stmtClose || talk.gate === null) return 'allow';
    if (end - start < 5 || this.#find(u32leAt(buf, start + 1)) !== null) return 'allow';
    if (command === Command.stmtReset) {
      this.#facts.push(UNKNOWN_STATEMENT);
      this.#take(command, talk.bound.commandDigest(command), true);
      return this.#refuseSelf(command, 'no statement of this number was prepared here', Er.unknownStatement);
    }
    const { beganAt, endsAt } = talk.client;
    talk.host.replace(Side.downstream, beganAt, endsAt, null);
    return 'drop';
  }

  #plain(command: number, buf: Buffer, start: number, end: number, payloadBytes: number): Answer {
    const talk = this.#talk;
    const name = namesSomething(command) ? nameIn(command, buf, start + 1, end) : '';
    const facts = commandFacts(command, binaryName(talk.host.facts.database), name);
    this.#facts.push(facts ?? UNKNOWN_COMMAND);
    this.#take(command, talk.bound.commandDigest(command), true);
    if (facts === null && talk.gate !== null)
      return this.#refuseSelf(command, 'this command is not known', Er.unknownCommand);
    if (name !== '' && end - start < payloadBytes && talk.gate !== null)
      return this.#refuseSelf(command, 'a name that is too long');
    const answer = this.#asked(command);
    if (answer === 'allow' && CHANGES_SESSION.has(command)) talk.raisesBarrier = true;
    return answer;
  }

  // ---- asking

  #take(command: number, digest: Digest, first: boolean): Exchange {
    const { startedAt, wireBytes } = this.#talk.client;
    const x = this.#talk.take(KINDS[command]!, digest, startedAt, first ? wireBytes : 0);
    this.#ops.push(x);
    return x;
  }

  #setTurn(): Turn {
    const turn = this.#turn;
    const { client } = this.#talk;
    turn.from = client.beganAt;
    turn.to = client.endsAt;
    return turn;
  }

  #asked(command: number): Answer {
    const talk = this.#talk;
    this.isAsking = true;
    talk.gate?.asks();
    const verdict = talk.host.ask(this.#setTurn());
    this.isAsking = false;
    if (talk.gate === null || verdict === 'allow') return 'allow';
    if (verdict === 'deny') return this.#refused(command);
    this.done();
    talk.held = true;
    return 'hold';
  }

  #refuseSelf(command: number, message: string, code: number = Er.specificAccess): Answer {
    this.#talk.gate!.refuseSelf(this.#setTurn(), message, code);
    return this.#refused(command);
  }

  #refused(command: number): Answer {
    const talk = this.#talk;
    talk.gate!.refused(command, this.#ops, this.#facts);
    this.#forget();
    return 'deny';
  }
}

/** Behind these a command may mean something else. */
const CHANGES_SESSION: ReadonlySet<number> = new Set([
  Command.initDb,
  Command.changeUser,
  Command.resetConnection,
  Command.dropDb,
]);

/** What a command's packet names, from behind its first byte: to its end, or to a zero byte. */
function nameIn(command: number, buf: Buffer, start: number, end: number): string {
  const zero = command === Command.fieldList || command === Command.changeUser ? buf.indexOf(0, start) : -1;
  return buf.toString('latin1', start, zero < 0 || zero > end ? end : zero);
}
