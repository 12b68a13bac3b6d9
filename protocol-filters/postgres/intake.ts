import type { Digest } from '../../src/exchange/digest.ts';
import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import type { Backend } from './backend.ts';
import { type Conversation, Phase } from './conversation.ts';
import { type Framing, Onward } from './framing.ts';
import type { Inquiry } from './inquiry.ts';
import { nameFrom } from './names.ts';
import type { Step } from './pending.ts';
import { type Portal, Statement } from './statements.ts';

/** Where requests join what is open: the ring, the names, and what happens when there is no room. */
export class Intake {
  readonly #talk: Conversation;
  readonly #backend: Backend;
  readonly #framing: Framing;
  readonly #inquiry: Inquiry;

  constructor(talk: Conversation, backend: Backend, framing: Framing, inquiry: Inquiry) {
    this.#talk = talk;
    this.#backend = backend;
    this.#framing = framing;
    this.#inquiry = inquiry;
  }

  /** A step that gets an answer and is no execution. Returns its place, -1 above the cap. */
  step(
    step: Step,
    x: Exchange | null,
    statement: Statement | null,
    portal: Portal | null,
    previous: Statement | null,
    bytes: number,
  ): number {
    const talk = this.#talk;
    if (talk.stepBytes === 0) talk.stepFrom = this.#framing.from;
    talk.stepBytes += bytes;
    if (talk.stepAt === 0) talk.stepAt = this.#framing.startedAt;
    if (this.isFull(1)) {
      talk.overflowTail = true;
      return -1;
    }
    return talk.pending.push(step, x, statement, portal, previous, this.#framing.startedAt, bytes);
  }

  /** The message at hand was asked about and has no exchange: its step keeps what was said. `place`: -1 above the cap. */
  keepSaid(place: number): void {
    const asked = this.#inquiry.ops[0];
    if (asked === undefined) return;
    if (place >= 0 && place < this.#talk.pending.tail) this.#talk.pending.keepSaid(place, asked);
    this.#inquiry.drop();
  }

  /** No room for more steps? An enforced session closes then. */
  isFull(steps: number): boolean {
    const full = !this.#talk.hasRoom(steps);
    if (full && this.#talk.host.enforces) this.#backend.fault('too_many_in_flight');
    return full;
  }

  /** Above the cap: the executions are counted and not timed. `ready`: their message is answered by ReadyForQuery. */
  untimed(ready: boolean): Onward {
    const talk = this.#talk;
    if (talk.phase === Phase.over) {
      this.#inquiry.drop();
      return Onward.stop;
    }
    const { registry, own } = talk.bound.stats;
    talk.turns++;
    for (const x of this.#inquiry.ops) {
      x.flags |= Flag.untimed;
      talk.begin(x, talk.turns, true);
      registry.inc(own.untimed);
      talk.close(x, Outcome.ok);
    }
    this.#inquiry.forget();
    if (ready) talk.overflowReady++;
    talk.overflowTail = !ready;
    return Onward.next;
  }

  /** The statement that a Parse makes. */
  statementFor(buf: Buffer, from: number, to: number, digest: Digest): Statement {
    const talk = this.#talk;
    const { unnamed } = talk.book;
    // The unnamed statement of an idle session is nobody's any more: its object serves again.
    if (from === to && unnamed !== null && talk.isIdle && talk.book.portals.size === 0) {
      unnamed.digest = digest;
      unnamed.runs = 0;
      unnamed.confirmed = false;
      return unnamed;
    }
    return new Statement(nameFrom(buf, from, to), digest, '', null);
  }

  /** Puts it under its name, if the session has room. Returns what the name meant before. */
  store(statement: Statement): Statement | null {
    const talk = this.#talk;
    if (statement.name !== '' && talk.book.full && talk.book.named.named(statement.name) === null) {
      const { registry, own } = talk.bound.stats;
      registry.inc(own.untracked_statements);
      return null;
    }
    return talk.book.put(statement);
  }
}
