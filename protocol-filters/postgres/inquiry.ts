import type { Digest } from '../../src/exchange/digest.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Turn } from '../../src/exchange/protocol-filter.ts';
import type { Conversation } from './conversation.ts';
import type { Framing } from './framing.ts';
import type { Gate } from './gate.ts';
import { judgedView, unresolved } from './judged.ts';
import { effectOf } from './sql-names.ts';
import type { NameEffect, Statement } from './statements.ts';
import { HEADER_BYTES, TEXT_CAPTURE_BYTES } from './wire.ts';

export type Answer = 'allow' | 'deny' | 'later';

/** Reads the text of the message at hand, and asks the policies about it. One object a session, reused for all messages. */
export class Inquiry {
  /** Statements of the text read last: their digests, and where they stand in the lent buffer. */
  readonly digests: Digest[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  traceparent = '';
  truncated = false;
  /** What the first statement was judged by. */
  judged!: Digest;
  /** Exchanges of the message: what policies see, and what is begun if they allow it. */
  readonly ops: Exchange[] = [];
  /** Body bytes of the message. */
  body = 0;
  readonly #turn = { from: 0, to: 0, complete: true, ops: this.ops, facts: [] };
  readonly #talk: Conversation;
  readonly #gate: Gate | null;
  readonly #framing: Framing;

  constructor(talk: Conversation, gate: Gate | null, framing: Framing) {
    this.#talk = talk;
    this.#gate = gate;
    this.#framing = framing;
  }

  /**
   * Reads the statements of a text. Returns why they cannot be judged ('' = they can), or null: not yet, the message is
   * to be held. `quietly`: nobody will judge it.
   */
  read(buf: Buffer, start: number, end: number, quietly: boolean): string | null {
    const talk = this.#talk;
    const { digests } = talk.bound;
    // A tapped text is captured up to here when it is cut; it must not tell more when it is whole.
    const stop = this.#gate === null ? Math.min(end, start + TEXT_CAPTURE_BYTES) : end;
    const reading = digests.read(talk.reading.mode, buf, start, stop);
    const { count } = reading;
    for (let i = 0; i < count; i++) {
      const statement = reading.statements[i]!;
      this.digests[i] = statement.digest;
      this.#starts[i] = statement.start;
      this.#ends[i] = statement.end;
    }
    // Only when it changes: `length = 0` and pushing would allocate the arrays anew for every query.
    if (this.digests.length > count) this.digests.length = this.#starts.length = this.#ends.length = count;
    this.traceparent = reading.traceparent;
    this.truncated = reading.truncated;
    if (!talk.host.judges || quietly) return '';
    // What was not read may hold more statements: they are judged with the last one that was.
    if (reading.truncated && reading.count > 0) this.#ends[reading.count - 1] = end;
    if (this.#gate === null) {
      for (const digest of this.digests) digests.settle(digest, nothing);
      return '';
    }
    if (reading.truncated && reading.count === 0) return 'the text is too long to be read';
    return this.#gate.doubtOf(buf, start, end, this.digests);
  }

  /** What the statements read last do to names, or null where none does anything. */
  effects(buf: Buffer): (NameEffect | null)[] | null {
    const talk = this.#talk;
    let effects: (NameEffect | null)[] | null = null;
    for (let i = 0; i < this.digests.length; i++) {
      const { operation } = this.digests[i]!;
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      const { digests } = talk.bound;
      const effect = effectOf(operation, digests, talk.reading.mode, buf, start, end, talk.host.judges);
      if (effect === null) continue;
      effects ??= new Array(this.digests.length).fill(null);
      effects[i] = effect;
    }
    return effects;
  }

  /** Asks about the statements of a text. While policies judge, `ops` show what this very text does. */
  askText(type: number, buf: Buffer, from: number, effects: (NameEffect | null)[] | null, doubt: string): Answer {
    const talk = this.#talk;
    if (!talk.host.judges) return 'allow';
    const { ops } = this;
    if (doubt !== '') {
      this.judged = unresolved(this.digests[0] ?? talk.bound.nothing);
      return this.#gate!.denySelf(type, this.#setTurn(from), doubt);
    }
    const kept = ops.map((x) => x.digest);
    for (let i = 0; i < ops.length; i++) ops[i]!.digest = this.#judgedAt(i, buf, effects?.[i] ?? null);
    this.#gate?.doubtMode(ops);
    this.judged = ops[0]!.digest!;
    const answer = this.ask(type, from);
    for (let i = 0; i < ops.length; i++) ops[i]!.digest = kept[i]!;
    return answer;
  }

  #judgedAt(i: number, buf: Buffer, effect: NameEffect | null): Digest {
    const talk = this.#talk;
    const digest = this.digests[i]!;
    if (effect?.kind === 'execute') return this.#judgedNamed(effect.name, digest);
    const unread = this.truncated && i === this.digests.length - 1;
    const { digests } = talk.bound;
    return judgedView(digests, talk.reading.mode, digest, buf, this.#starts[i]!, this.#ends[i]!, unread);
  }

  #judgedNamed(name: string, own: Digest): Digest {
    return this.#talk.book.current(name)?.judged ?? unresolved(own);
  }

  /** Asks about running a prepared statement; it was judged when it was prepared, perhaps by other rules. */
  askRun(kind: string, type: number, statement: Statement | null, from: number, bytes: number): Answer {
    const talk = this.#talk;
    if (statement !== null && statement.digest === talk.bound.nothing) return 'allow';
    if (this.#gate !== null && !this.#gate.mayRun(statement)) return 'later';
    let digest = talk.bound.unknownJudged;
    if (statement !== null) {
      const { effect } = statement;
      digest = effect?.kind === 'execute' ? this.#judgedNamed(effect.name, statement.digest) : statement.judged;
    }
    this.ops.push(talk.take(kind, digest, this.#framing.startedAt, bytes));
    const answer = this.ask(type, from);
    this.drop();
    return answer;
  }

  /** Asks about `ops`. Observed sessions are asked and always allowed. */
  ask(type: number, from: number): Answer {
    const turn = this.#setTurn(from);
    if (this.#gate !== null) return this.#gate.ask(type, turn);
    this.#talk.host.ask(turn);
    return 'allow';
  }

  /** Gives back exchanges that will not be begun. */
  drop(): void {
    for (const x of this.ops) this.#talk.host.drop(x);
    this.forget();
  }

  /** Empties `ops`. By pop(), which keeps the array's store; `length = 0` gives it up, an allocation a query. */
  forget(): void {
    while (this.ops.length > 0) this.ops.pop();
  }

  #setTurn(from: number): Turn {
    const turn = this.#turn;
    turn.from = from;
    turn.to = from + HEADER_BYTES + this.body - this.#framing.left;
    turn.complete = this.#framing.left === 0;
    return turn;
  }
}

const nothing = (): void => {};
