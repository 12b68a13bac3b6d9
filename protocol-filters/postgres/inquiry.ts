import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Turn } from '../../src/exchange/protocol-filter.ts';
import type { Conversation } from './conversation.ts';
import type { Framing } from './framing.ts';
import type { Gate } from './gate.ts';
import { type Circumstances, joined, judgedText, NOTHING, resolved, UNSEEN, unreadable, unsure } from './judged.ts';
import { mayMovePath } from './reading.ts';
import { effectOf, type Judging } from './sql-names.ts';
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
  /** Exchanges of the message: what is begun if policies allow it. */
  readonly ops: Exchange[] = [];
  /** Body bytes of the message. */
  body = 0;
  readonly #facts: OperationFacts[] = [];
  /** The same, with names as they stand. */
  readonly #bare: OperationFacts[] = [];
  readonly #turn = { from: 0, to: 0, complete: true, ops: this.ops, facts: this.#facts, prepares: false };
  readonly #talk: Conversation;
  readonly #gate: Gate | null;
  readonly #framing: Framing;
  readonly #judging: Judging;

  constructor(talk: Conversation, gate: Gate | null, framing: Framing) {
    this.#talk = talk;
    this.#gate = gate;
    this.#framing = framing;
    this.#judging = talk.host.judges
      ? (digest, buf, start, end, bare) =>
          judgedText(talk.bound.digests, this.#circumstances(bare), digest, buf, start, end, false)
      : null;
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
      const effect = effectOf(operation, talk.bound.digests, talk.reading.mode, buf, start, end, this.#judging);
      if (effect === null) continue;
      effects ??= new Array(this.digests.length).fill(null);
      effects[i] = effect;
    }
    return effects;
  }

  /** Asks about the statements of a text. `prepares`: it is not run now. */
  askText(
    type: number,
    buf: Buffer,
    from: number,
    effects: (NameEffect | null)[] | null,
    doubt: string,
    prepares: boolean,
  ): Answer {
    const talk = this.#talk;
    if (!talk.host.judges) return 'allow';
    const facts = this.#facts;
    empty(facts);
    empty(this.#bare);
    if (doubt !== '') {
      facts.push(unreadable(this.digests[0] ?? talk.bound.nothing, doubt));
      return this.#gate!.denySelf(type, this.#setTurn(from, prepares), doubt);
    }
    const isUnsure = this.#gate?.isUnsureHere ?? false;
    let pathChanges = isUnsure;
    for (let i = 0; i < this.digests.length; i++) {
      const digest = this.digests[i]!;
      this.#judge(i, buf, effects, pathChanges);
      if (!pathChanges && talk.reading.schema !== '') pathChanges = mayMovePath(digest);
    }
    if (facts.length === 0) facts.push(NOTHING);
    if (isUnsure && this.#gate!.isTextUnsure)
      for (let i = 0; i < facts.length; i++) facts[i] = this.#bare[i] = unsure(facts[i]!);
    return this.#ask(type, from, prepares);
  }

  /** The facts that were asked about last, to be kept with a prepared statement. */
  keptFacts(): readonly OperationFacts[] {
    return this.#facts.slice();
  }

  /** The same, with names as they stand. */
  bareFacts(): readonly OperationFacts[] {
    return this.#bare.length === this.#facts.length ? this.#bare.slice() : this.#facts.slice();
  }

  #judge(i: number, buf: Buffer, effects: (NameEffect | null)[] | null, pathChanges: boolean): void {
    const talk = this.#talk;
    const schema = pathChanges ? '' : talk.reading.schema;
    const named = this.#namedFacts(effects, i, schema);
    if (named !== null) {
      this.#facts.push(named);
      this.#bare.push(named); // looked up again when it runs
      return;
    }
    const digest = this.digests[i]!;
    const whole = this.truncated && i === this.digests.length - 1;
    const [start, end] = [this.#starts[i]!, this.#ends[i]!];
    const bare = judgedText(talk.bound.digests, this.#circumstances(true), digest, buf, start, end, whole);
    this.#bare.push(bare);
    this.#facts.push(resolved(bare, schema));
  }

  /**
   * Facts of what statement `i` names, if it is EXECUTE or FETCH; null where that was not seen, or the statement is none of the
   * two. A name may have several meanings while what makes it is under way, or stands before it in the same text: then all
   * of them are judged as one.
   */
  #namedFacts(effects: (NameEffect | null)[] | null, i: number, schema: string): OperationFacts | null {
    const effect = effects?.[i] ?? null;
    if (effect === null || (effect.kind !== 'execute' && effect.kind !== 'fetch')) return null;
    const { book, pending } = this.#talk;
    const meanings = new Set<OperationFacts>();
    const add = (statement: Statement | null): void => {
      // A cursor's names were looked up when it was declared.
      if (effect.kind === 'fetch') for (const facts of statement?.judged ?? []) meanings.add(facts);
      else for (const facts of statement?.bare ?? []) meanings.add(resolved(facts, schema));
    };
    const makes = effect.kind === 'execute' ? 'prepare' : 'declare';
    const addMade = (made: NameEffect | null | undefined): void => {
      if (made?.kind === makes && made.name === effect.name) add(made.inner);
    };
    add(effect.kind === 'execute' ? book.current(effect.name) : (book.portals.named(effect.name)?.statement ?? null));
    for (let place = pending.head; place < pending.tail; place++) addMade(pending.statementAt(place)?.effect);
    for (let before = 0; before < i; before++) addMade(effects![before]);
    const all = [...meanings];
    return all.length > 1 ? joined(all) : (all[0] ?? null);
  }

  readonly #view = {
    mode: null as unknown as Circumstances['mode'],
    namesAreUtf8: true,
    schema: '',
    isWalsender: false,
  };

  #circumstances(pathChanges: boolean): Circumstances {
    const { reading, host } = this.#talk;
    const view = this.#view;
    view.mode = reading.mode;
    view.namesAreUtf8 = reading.namesAreUtf8;
    view.schema = pathChanges ? '' : reading.schema;
    view.isWalsender = host.facts.kind === 'replication';
    return view;
  }

  /**
   * Asks about running a prepared statement, or (`prepares`) about making it ready; it was judged when it was prepared,
   * perhaps by other rules. The exchange stays in `ops`.
   */
  askRun(
    kind: string,
    type: number,
    statement: Statement | null,
    from: number,
    bytes: number,
    prepares: boolean,
  ): Answer {
    const talk = this.#talk;
    if (statement !== null && statement.digest === talk.bound.nothing) return 'allow';
    if (this.#gate !== null && !this.#gate.mayRun(statement)) return 'later';
    const facts = this.#facts;
    empty(facts);
    const schema = this.#gate?.isUnsure === true ? '' : this.#talk.reading.schema;
    const named = this.#namedFacts([statement?.effect ?? null], 0, schema);
    const { bare = [], judged = [] } = statement ?? {};
    if (named !== null) facts.push(named);
    else if (judged.length === 0) facts.push(UNSEEN);
    else if (bare.length === 0)
      for (const each of judged) facts.push(each); // a cursor's names are looked up
    else for (const each of bare) facts.push(resolved(each, schema));
    const x = talk.take(kind, statement?.digest ?? talk.bound.unknown, this.#framing.startedAt, bytes);
    if (statement !== null && statement.name !== '') x.flags |= Flag.prepared;
    this.ops.push(x);
    return this.#ask(type, from, prepares);
  }

  /** Asks about one operation that has no text; its exchange stands in `ops`. */
  askOne(type: number, facts: OperationFacts, from: number): Answer {
    empty(this.#facts);
    this.#facts.push(facts);
    return this.#ask(type, from, false);
  }

  /** Asks about `ops`. Observed sessions are asked and always allowed. */
  #ask(type: number, from: number, prepares: boolean): Answer {
    const turn = this.#setTurn(from, prepares);
    if (this.#gate !== null) {
      const answer = this.#gate.ask(type, turn);
      if (answer !== 'deny' || !this.#gate.hasClosed) return answer;
      this.forget(); // the connection is over, and they have ended with it
      return 'later';
    }
    this.#talk.host.ask(turn);
    return 'allow';
  }

  /** Gives back exchanges that will not be begun. */
  drop(): void {
    for (const x of this.ops) this.#talk.host.drop(x);
    this.forget();
  }

  /** Empties `ops`. */
  forget(): void {
    empty(this.ops);
  }

  #setTurn(from: number, prepares: boolean): Turn {
    const turn = this.#turn;
    turn.from = from;
    turn.to = from + HEADER_BYTES + this.body - this.#framing.left;
    turn.complete = this.#framing.left === 0;
    turn.prepares = prepares;
    return turn;
  }
}

/** By pop(), which keeps the array's store; `length = 0` gives it up, an allocation a query. */
function empty(array: unknown[]): void {
  while (array.length > 0) array.pop();
}

const nothing = (): void => {};
