import { type Exchange, Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial, Refusal, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { Command } from './commands.ts';
import { type Conversation, Phase } from './conversation.ts';
import { applyStatus } from './facts.ts';
import { u32leAt } from './lenenc.ts';
import { codeOf, deniedPacket, standIn, stateOf } from './refuse.ts';
import { readOk } from './replies.ts';
import { LAST_PREPARED } from './statements.ts';
import { Head } from './wire.ts';

/** A denied command whose stand-in the server has not answered yet. */
interface Refused {
  readonly why: Denial;
  /** Its operations: those behind the first have no answer of their own. */
  readonly exchanges: readonly Exchange[];
  readonly code: number;
  /** Sequence id of the error that the client waits for. */
  readonly sequence: number;
  /** How much the server had said when the stand-in was sent: what began before is no answer to it. */
  readonly at: number;
}

/**
 * What an enforced session does more than an observed one: it holds commands whose meaning an answer may still change, and
 * puts a ping in the place of those that are denied, whose OK becomes the error. Bytes leave in Session, which clears what
 * was read and not held.
 */
export class Gate {
  readonly #talk: Conversation;
  readonly #refused = new Map<number, Refused>();
  /** Commands wait until what stands below this place is answered: it decides who they are, or how they read. */
  #barrier = 0;
  /** Why the message at hand is denied. */
  #why: Denial = NOBODY;
  /** By which error; 0: the one that its reason has. */
  #code = 0;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  // ---- holding

  /** Must the command at hand wait for answers to earlier ones? */
  holds(command: number, buf: Buffer, start: number, end: number): boolean {
    const talk = this.#talk;
    if (talk.fatal) return this.hold();
    if (talk.pending.head < this.#barrier) return this.hold();
    switch (command) {
      case Command.stmtExecute:
      case Command.stmtBulkExecute:
      case Command.stmtFetch:
      case Command.stmtReset:
      case Command.stmtSendLongData:
      case Command.stmtClose:
        return end - start >= 5 && this.#waitsForItsStatement(u32leAt(buf, start + 1)) && this.hold();
      default:
        return false;
    }
  }

  /** A statement whose id the server has yet to tell. */
  #waitsForItsStatement(id: number): boolean {
    const { book, preparing } = this.#talk;
    if (preparing === 0) return false;
    return id === LAST_PREPARED || book.find(id) === null;
  }

  hold(): true {
    this.#talk.held = true;
    return true;
  }

  /** What was sent up to now is to be answered before the next command is read: it may change what commands mean. */
  raiseBarrier(): void {
    this.#barrier = this.#talk.pending.tail;
  }

  // ---- refusing

  /** A verdict is asked for: it may come by a close, of which refuse() does not hear. */
  asks(): void {
    this.#why = NOBODY;
  }

  /** The host asks from within ask(). */
  refuse(why: Denial): Refusal {
    this.#why = why;
    this.#code = 0;
    return { kind: 'standIn', bytes: standIn() };
  }

  /** Denied by the protocol filter itself, whatever the policies say: it cannot be read for certain. */
  refuseSelf(turn: Turn, message: string, code: number): void {
    this.#why = { policy: 'sluice.unreadable', message, kind: 'unreadable', closes: false };
    this.#code = code;
    for (const x of turn.ops) {
      x.verdict = VerdictCode.denied;
      x.policy = this.#why.policy;
      x.policySnapshot = this.#talk.host.policySnapshot;
      x.requestOffset = turn.from;
    }
    this.#talk.host.replace(Side.downstream, turn.from, turn.to, standIn());
  }

  /** The message at hand is refused: its operations are begun, and wait for the stand-in's answer. */
  refused(command: number, ops: readonly Exchange[], facts: readonly OperationFacts[]): void {
    const talk = this.#talk;
    const { registry, own } = talk.bound.stats;
    registry.inc(own.denied);
    const turn = ++talk.turns;
    const pipelined = talk.pending.size > 0;
    const exchanges: Exchange[] = [];
    const code = this.#code || codeOf(this.#why, touchesTable(this.#why, facts));
    for (const x of ops) {
      x.flags |= Flag.denied;
      x.code = String(code);
      x.severity = stateOf(code);
      talk.transaction.mark(x);
      if (talk.begin(x, turn, pipelined)) exchanges.push(x);
    }
    if (this.#why === NOBODY) {
      // The denial closes: the client has been told, and nothing follows.
      for (const x of exchanges) talk.close(x, Outcome.denied);
      talk.endAll();
      return;
    }
    const sequence = (talk.client.sequence + 1) & 0xff;
    // The stand-in is a command of one packet: the server's answer to it has the sequence id 1.
    const place = talk.await(Command.ping, 1, turn, exchanges[0] ?? null, null, ops[0]!.requestFirstByteAt, 0);
    const at = talk.host.facts.received[Side.upstream];
    this.#refused.set(place, { why: this.#why, exchanges, code, sequence, at });
    talk.host.setGear(Side.upstream, 'gate');
    if (command === Command.stmtPrepare) talk.book.last = null;
  }

  /** Stand-ins that the server has not answered yet. */
  get open(): number {
    return this.#refused.size;
  }

  /** Is the answer that comes now the one to a stand-in? */
  awaitsStandIn(place: number): boolean {
    return this.#refused.has(place);
  }

  /**
   * The server answers the stand-in at the head, by its packet at hand: OK, which becomes the error, or an error of its own,
   * which the client gets as it is. A fault: it is no answer to a ping, or came before the ping was sent.
   */
  onAnswer(first: number, buf: Buffer, start: number, end: number): Fault | null {
    const talk = this.#talk;
    if (first !== Head.ok && first !== Head.err) return 'unexpected_reply';
    const ok = first === Head.ok ? readOk(buf, start, end, talk.capabilities) : null;
    if (typeof ok === 'string') return ok;
    const place = talk.pending.head;
    const { beganAt, endsAt } = talk.server;
    const { why, exchanges, code, sequence, at } = this.#refused.get(place)!;
    if (beganAt < at) return 'unexpected_reply';
    if (ok !== null) {
      talk.host.replace(Side.upstream, beganAt, endsAt, deniedPacket(why, code, sequence));
      applyStatus(talk, ok.status);
    }
    this.#refused.delete(place);
    talk.pending.shift();
    exchanges.forEach((x, i) => {
      if (i === 0) talk.finish(x, Outcome.denied);
      else talk.close(x, Outcome.denied);
    });
    if (exchanges.length === 0) talk.finish(null, Outcome.denied);
    if (this.#refused.size === 0 && !talk.host.cuts) talk.host.setGear(Side.upstream, 'tap');
    return null;
  }

  /** The server asks for a file: nobody may but by LOAD DATA, and nothing may have been sent ahead of it. */
  refusesFile(): Fault | null {
    const { pending, sentAhead } = this.#talk;
    if (pending.exchangeAt(pending.head)?.digest?.operation !== 'LOAD') return 'unexpected_reply';
    return sentAhead ? 'out_of_order' : null;
  }

  /** The session is over: those that are no head of anything end with the rest. */
  lost(place: number): readonly Exchange[] {
    const refused = this.#refused.get(place);
    this.#refused.delete(place);
    return refused?.exchanges.slice(1) ?? [];
  }
}

/** Is it a table that is denied? The access that was, where the denial names it, else the first of the message. */
function touchesTable(why: Denial, facts: readonly OperationFacts[]): boolean {
  const access = why.access ?? facts.find(({ accesses }) => accesses.length > 0)?.accesses[0];
  return access?.type === 'table';
}

const NOBODY: Denial = { policy: '', message: 'denied', kind: 'policy', closes: false };

/**
 * Must a packet of the server that has not come whole stay? It may be one to replace: the greeting, the answer to a stand-in,
 * or (`isRow`) a row that is too many.
 */
export function mustKeep(talk: Conversation, isRow: boolean): boolean {
  const { pending, gate, cuts } = talk;
  if (talk.phase === Phase.greeting) return true;
  if (pending.size === 0) return false;
  if (gate !== null && gate.open > 0 && gate.awaitsStandIn(pending.head)) return true;
  return cuts?.holds(pending.exchangeAt(pending.head), isRow) === true;
}
