import { type Exchange, Outcome } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import type { Conversation } from './conversation.ts';
import type { Failures } from './failures.ts';
import type { Gate } from './gate.ts';
import { onlyReads } from './judged.ts';
import { markDenied } from './marks.ts';
import { Step } from './pending.ts';
import { codeOf, cutResponse, failingQuery, lastWords } from './refuse.ts';

/** Where a cut reply is. */
const Cut = {
  none: 0,
  /** The client has its error; all that the server still says up to ReadyForQuery is dropped. */
  dropping: 1,
  /** The server's transaction goes on while the client thinks that it has failed: ours is under way that makes it fail. */
  failing: 2,
} as const;

/**
 * Ends replies of which a policy allows only so much. The error stands in the reply's place, and the server's own end of the
 * statement is dropped; within a transaction a statement that fails is sent behind it, so that the transaction has really
 * failed when the client hears of its state. Where that is not the truth (the statement changes something, or others were
 * sent behind it that will run) the connection closes, and the server rolls back what it has not committed.
 */
export class Cuts {
  readonly #talk: Conversation;
  readonly #gate: Gate;
  readonly #failures: Failures;
  #state: number = Cut.none;

  constructor(talk: Conversation, gate: Gate, failures: Failures) {
    this.#talk = talk;
    this.#gate = gate;
    this.#failures = failures;
  }

  /** The rest of a reply is being dropped. */
  get dropping(): boolean {
    return this.#state === Cut.dropping;
  }

  /** The server's next error is the one that we have asked for. */
  get failing(): boolean {
    return this.#state === Cut.failing;
  }

  /**
   * A message of a result, of so many bytes and perhaps a row, begins at `from`; what stands before `to` has come. True: it
   * does not leave, nor does what follows of this reply.
   */
  takes(bytes: number, from: number, to: number): boolean {
    if (this.#state === Cut.dropping) {
      this.drop(from, to);
      return true;
    }
    const talk = this.#talk;
    const x = talk.pending.size > 0 ? talk.pending.exchangeAt(talk.pending.head) : null;
    if (x === null || (x.maxRows === 0 && x.maxReplyBytes === 0)) return false;
    const why = this.#exceeds(x, talk.rows + 1, talk.replyBytes + bytes);
    if (why === null) return false;
    talk.bound.stats.registry.inc(talk.bound.stats.own.cut);
    x.rowsReturned = talk.rows;
    const { shadowVerdict, shadowPolicy, policySnapshot: snapshot, requestOffset } = x;
    talk.marks = { why, shadowVerdict, shadowPolicy, snapshot, from: requestOffset };
    if (this.#isClean(x)) this.#cut(why, from, to);
    else this.#close(x, why, from);
    return true;
  }

  #exceeds(x: Exchange, rows: number, bytes: number): Denial | null {
    const { host } = this.#talk;
    if (x.maxRows > 0 && rows > x.maxRows) {
      x.rowsReturned = rows;
      const why = host.exceeded(x, 'rows');
      if (why !== null) return why;
    }
    if (x.maxReplyBytes === 0 || bytes <= x.maxReplyBytes) return null;
    x.replyBytes = bytes;
    return host.exceeded(x, 'bytes');
  }

  /** What the server goes on to do leaves nothing behind: it only reads, and nothing stands behind it in its batch. */
  #isClean(x: Exchange): boolean {
    const { pending } = this.#talk;
    const judged = pending.statementAt(pending.head)?.judged;
    const facts = judged?.length === 1 ? judged[0]! : (x.digest?.judged ?? null);
    if (facts === null || !onlyReads(facts)) return false;
    return pending.size === 1 || pending.stepAt(pending.head + 1) >= Step.sync;
  }

  #cut(why: Denial, from: number, to: number): void {
    const talk = this.#talk;
    const { pending } = talk;
    this.#state = Cut.dropping;
    talk.host.replace(Side.upstream, from, to, cutResponse(why));
    talk.copyOut = false;
    const step = pending.stepAt(pending.head);
    // What the client sends up to its Sync is discarded, as it is after any error.
    if (pending.size === 1 && step === Step.execute) this.#gate.doom();
    this.#failures.fail(step, { severity: 'ERROR', code: codeOf(why) }, true);
  }

  #close(x: Exchange, why: Denial, from: number): void {
    const talk = this.#talk;
    markDenied(x, talk.marks);
    x.code = codeOf(why);
    x.severity = 'FATAL';
    talk.host.clear(Side.upstream, from);
    talk.finishHead(Outcome.denied);
    this.#leave(why);
  }

  #leave(why: Denial): void {
    this.#talk.endAll();
    this.#talk.host.send(Side.downstream, lastWords(why, false));
    this.#talk.host.close(`denied:${why.policy}`);
  }

  drop(from: number, to: number): void {
    this.#talk.host.replace(Side.upstream, from, to, null);
  }

  /**
   * ReadyForQuery, [from, to), behind a cut reply. In a transaction it is dropped, and a statement that fails goes to the
   * server: its own ReadyForQuery takes the place. False: it is what the client may have.
   */
  ready(inBlock: boolean, from: number, to: number): boolean {
    const talk = this.#talk;
    this.#state = Cut.none;
    if (!inBlock) return false;
    if (talk.pending.size > 1) {
      // Others were sent ahead: they run in a transaction that the client takes for failed.
      talk.host.clear(Side.upstream, from);
      this.#leave(talk.marks.why);
      return true;
    }
    this.drop(from, to);
    this.#state = Cut.failing;
    talk.host.send(Side.upstream, failingQuery());
    return true;
  }

  /** The error of our own statement: the client has had one. */
  failed(from: number, to: number): void {
    this.drop(from, to);
    this.#state = Cut.none;
  }
}
