import { type Exchange, Flag, Outcome } from '../../src/exchange/exchange.ts';
import { type Said, saidOf } from '../../src/exchange/said.ts';
import { Side } from '../../src/exchange/side.ts';
import { Command } from './commands.ts';
import type { Conversation } from './conversation.ts';
import type { Effect } from './effects.ts';
import { applyStatus, applyTracked, confirmReplica } from './facts.ts';
import type { Packets } from './packets.ts';
import type { ErrPacket, OkPacket } from './replies.ts';
import { eatsBetween, eatsToTheEnd } from './results.ts';
import { ER_LOCK_DEADLOCK } from './transaction.ts';
import { ServerStatus } from './wire.ts';

/**
 * Errors by which somebody ended the statement: KILL QUERY, KILL, max_statement_time (MariaDB), max_execution_time
 * (MySQL).
 */
const CANCELLED: ReadonlySet<number> = new Set([1317, 1927, 1969, 3024]);

/** An endless exchange reports no more often than this. */
const PROGRESS_MS = 1000;

/** How the oldest open command ends, and what its end means for its session. */
export class Endings {
  readonly #talk: Conversation;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** A result set has come to its end by this OK or EOF. */
  setEnded(last: OkPacket): void {
    const talk = this.#talk;
    const { pending } = talk;
    talk.count('result_sets');
    if ((last.status & ServerStatus.cursorExists) === 0) return;
    if (pending.commandAt(pending.head) === Command.stmtExecute) this.#cursorOpened();
  }

  /**
   * The oldest statement has ended, or one result of several, by an OK or EOF in `buf`. `viaOk`: by an OK packet and not
   * behind rows. True: its reply is over; false: another result follows.
   */
  ended(buf: Buffer, { status, warnings, trackFrom, trackTo }: OkPacket, viaOk: boolean): boolean {
    const talk = this.#talk;
    const { pending } = talk;
    const place = pending.head;
    const { registry, own } = talk.bound.stats;
    if (warnings > 0) registry.add(own.warnings, warnings);
    this.resolve();
    const x = pending.exchangeAt(place);
    const effect = pending.effectAt(place);
    const isLast = !pending.hasMore(place);
    const more = (status & ServerStatus.moreResultsExist) !== 0;
    if (more && this.#eats(x, effect, isLast, viaOk)) return false;
    talk.transaction.ended(x, (status & ServerStatus.inTransaction) !== 0);
    const turn = pending.turnOf(place);
    const command = pending.commandAt(place);
    const said = more && isLast && x !== null && talk.inquiry !== null ? saidOf(x) : null;
    // It ran as who and where the session was before it.
    this.finishHead(Outcome.ok);
    this.#commandDone(command, turn);
    if (effect !== null) this.#apply(effect);
    applyStatus(talk, status);
    if (trackTo > trackFrom) applyTracked(talk, buf, trackFrom, trackTo);
    if (more) {
      if (isLast) this.#surplus(turn, said);
      return false;
    }
    if (!isLast) {
      talk.count('unmatched_results');
      this.#skipRest();
    }
    return true;
  }

  /** The oldest command has failed: what stands behind it in its text is never run. */
  failed({ code, sqlState }: ErrPacket): void {
    const talk = this.#talk;
    const { pending } = talk;
    this.resolve();
    talk.count('errors');
    const place = pending.head;
    const goesOn = pending.hasMore(place);
    const x = pending.exchangeAt(place) ?? this.#failedPrepare(place);
    if (x !== null) {
      x.code = String(code);
      x.severity = sqlState;
      talk.transaction.mark(x);
      pending.setExchange(place, x);
    }
    if (code === ER_LOCK_DEADLOCK) talk.transaction.rolledBack();
    if (pending.commandAt(place) === Command.stmtPrepare) this.#prepareFailed(place);
    const does = pending.effectAt(place);
    if (does?.kind === 'prepares') talk.renamed(does.name, false);
    if (pending.commandAt(place) === Command.changeUser) {
      // Servers clean up before they look at who it is: only the identity stays.
      talk.count('user_change_failures');
      talk.forget(pending.turnOf(place));
    }
    this.finishHead(CANCELLED.has(code) ? Outcome.cancelled : Outcome.error);
    if (goesOn) this.#skipRest();
  }

  /** An error that no command waits for: of one that is still being sent (`x`), or of the connection. */
  unasked(x: Exchange | null, { code, sqlState }: ErrPacket, packets: Packets): void {
    const talk = this.#talk;
    talk.count('errors');
    talk.fatal = true;
    if (x === null) {
      talk.host.aside(Side.upstream, 'error', packets.wireBytes);
      return;
    }
    x.code = String(code);
    x.severity = sqlState;
    talk.replyBytes = packets.wireBytes;
    talk.replyFirstAt = packets.startedAt;
    talk.finish(x, Outcome.error);
  }

  /** COM_CHANGE_USER has succeeded: what belonged to the old session is gone. */
  userChanged(): void {
    const talk = this.#talk;
    const { pending } = talk;
    talk.count('user_changes');
    const x = pending.exchangeAt(pending.head);
    if (x !== null) talk.transaction.mark(x);
    talk.forget(pending.turnOf(pending.head));
    this.finishHead(Outcome.ok);
  }

  #progressAt = 0;

  /** More has come of an endless reply. */
  progress(): void {
    const talk = this.#talk;
    const x = talk.pending.exchangeAt(talk.pending.head);
    const now = talk.host.now();
    if (x === null || now - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = now;
    x.replyFirstByteAt = talk.replyFirstAt;
    x.replyLastByteAt = now;
    x.replyBytes = talk.replyBytes;
    talk.host.progress(x);
  }

  /** A fetch that was sent before its execution had opened the cursor: the story is known now. */
  fetched(): void {
    const { pending } = this.#talk;
    const x = pending.exchangeAt(pending.head);
    const statement = pending.statementAt(pending.head);
    if (x !== null && statement !== null) x.story = statement.story;
  }

  /** Ends the oldest command and its exchange. */
  finishHead(outcome: Outcome): void {
    const talk = this.#talk;
    const x = talk.pending.exchangeAt(talk.pending.head);
    talk.pending.shift();
    talk.finish(x, outcome);
  }

  /** An execution of an id that the server gave only after it was sent: its reply has begun. */
  resolve(): void {
    const talk = this.#talk;
    const { pending } = talk;
    const place = pending.head;
    const effect = pending.effectAt(place);
    if (effect === null || effect.kind !== 'resolves') return;
    pending.setEffect(place, null);
    const statement = talk.book.find(effect.id);
    if (statement === null) {
      talk.count('unknown_statements');
      return;
    }
    pending.setStatement(place, statement);
    statement.runs++;
    const x = pending.exchangeAt(place);
    if (x !== null) x.digest = statement.digest;
  }

  /** More results follow: are they of the same statement? */
  #eats(x: Exchange | null, effect: Effect | null, isLast: boolean, viaOk: boolean): boolean {
    const talk = this.#talk;
    const digest = x?.digest ?? null;
    if (digest === null) return isLast;
    // A CALL among others is over with its OK; as the last of its text it has all that comes.
    return isLast ? eatsToTheEnd(digest) : eatsBetween(digest, effect, talk.calls) && !viaOk;
  }

  /** The server sends more results than the text had statements: each becomes an exchange of its own. */
  #surplus(turn: number, said: Said | null): void {
    const talk = this.#talk;
    talk.count('unmatched_results');
    const x = talk.take('query', talk.bound.nothing, talk.host.now(), 0);
    x.flags |= Flag.batch;
    said?.mark(x); // its text was allowed as a whole
    talk.pending.unshift(talk.begin(x, turn, false) ? x : null);
  }

  /** The statements behind an ended one of the same text: never run. The oldest of them stands at the head. */
  #skipRest(): void {
    const talk = this.#talk;
    const { pending } = talk;
    while (pending.size > 0) {
      const goesOn = pending.hasMore(pending.head);
      const x = pending.exchangeAt(pending.head);
      if (x !== null) talk.transaction.mark(x);
      this.finishHead(Outcome.skipped);
      if (!goesOn) return;
    }
  }

  /** What was known of a command when it was sent is true now. */
  #apply({ kind, name, on, doubt }: Effect): void {
    const talk = this.#talk;
    switch (kind) {
      case 'database':
        if (talk.host.facts.database !== name) talk.host.confirm({ database: name });
        return;
      case 'settings':
        if (on !== null) {
          talk.reading.setAnsiQuotes(on);
          talk.reading.quotesUnsure = false;
        }
        if (name !== '') talk.reading.setCharset(name);
        if (doubt !== '') talk.reading.doubt(doubt);
        return;
      case 'prepares':
        talk.named(name, on === true);
        talk.renamed(name, true);
        return;
      case 'deallocates':
        talk.named(name, false);
        talk.renamed(name, false);
        return;
      default:
        return;
    }
  }

  #commandDone(command: number, turn: number): void {
    const talk = this.#talk;
    if (command === Command.resetConnection) {
      talk.count('connection_resets');
      talk.forget(turn);
      talk.reading.setCharset(talk.firstCharset);
    } else if (command === Command.registerSlave) confirmReplica(talk);
  }

  /** The fetches that follow belong to this execution. */
  #cursorOpened(): void {
    const talk = this.#talk;
    const { pending } = talk;
    const statement = pending.statementAt(pending.head);
    talk.count('cursors');
    if (statement === null) return;
    statement.story = ++talk.stories;
    const x = pending.exchangeAt(pending.head);
    if (x !== null) x.story = statement.story;
  }

  /** MariaDB's -1 means nothing behind a failure. */
  #prepareFailed(place: number): void {
    const talk = this.#talk;
    if (talk.preparing > 0) talk.preparing--;
    if (talk.book.last === talk.pending.statementAt(place)) talk.book.last = null;
  }

  /** A prepare becomes an exchange when it fails. */
  #failedPrepare(place: number): Exchange | null {
    const talk = this.#talk;
    const { pending } = talk;
    if (pending.commandAt(place) !== Command.stmtPrepare) return null;
    const statement = pending.statementAt(place)!;
    const at = pending.atOf(place);
    const x = talk.take('prepare', statement.digest, at, pending.bytesOf(place));
    x.requestLastByteAt = x.forwardedAt = at;
    if (statement.traceparent !== '') x.traceparent = statement.traceparent;
    if (statement.truncated) x.flags |= Flag.truncated;
    statement.said?.mark(x);
    return talk.begin(x, pending.turnOf(place), false) ? x : null;
  }
}
