import type { OperationFacts } from '../../../src/exchange/operation-facts.ts';
import { BsonCursor } from '../bson/bson-cursor.ts';
import { Bson } from '../bson/bson-type.ts';
import { highAt, lowAt } from '../bson/bson-values.ts';
import type { Conversation } from '../conversation.ts';
import type { Cursor } from '../cursors.ts';
import { Special } from '../special.ts';
import type { CommandScan } from './command-scan.ts';
import { UNRESOLVED, type UnresolvedReason } from './facts-record.ts';
import { Field } from './fields.ts';
import { RESOURCE_NAMES, VERB_NAMES, Verb } from './verbs.ts';

/** Cursors that one killCursors may name. */
const MOST_KILLED = 10_000;
const walk = new BsonCursor();

/** What reading on does: of what opened the cursor, not what that wrote. */
const GOES_ON: ReadonlySet<string> = new Set(['read', 'metadata', 'code', 'internal', 'admin', 'users']);

/**
 * getMore and killCursors are about what opened their cursors (threats MG-14): judged again, under the policies of now. Of a
 * cursor that this worker has not seen being opened the command's own collection counts, and with `strict_cursors` nothing does.
 */
export class CursorFacts {
  readonly #talk: Conversation;
  #cursor: Cursor | null = null;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** Adds to the scan's record what its cursors are of. Why it cannot be judged; '' = it can. */
  add(scan: CommandScan, special: number): string {
    this.#cursor = null;
    return special === Special.getMore ? this.#getMore(scan) : this.#killCursors(scan);
  }

  /** The facts of the command that was read. */
  factsOf(scan: CommandScan): OperationFacts {
    const { facts } = this.#talk.bound;
    const cursor = this.#cursor;
    this.#cursor = null;
    const own = facts.of(scan.record);
    if (cursor === null || cursor.facts === null) return own;
    // The same object each time that the same cursor is read on: verdicts are remembered by it.
    if (cursor.more !== null && cursor.more.own === own) return cursor.more.all;
    this.#note(scan, cursor.facts);
    const all = facts.of(scan.record);
    cursor.more = { own, all };
    return all;
  }

  #getMore(scan: CommandScan): string {
    const { fields, buf } = scan;
    if (fields.type[0] !== Bson.int64) return 'a cursor is no number of 64 bits';
    const at = fields.valueStart[0]!;
    const why = this.#find(lowAt(buf, at), highAt(buf, at));
    if (why !== '') return why;
    this.#settle(scan);
    return '';
  }

  #killCursors(scan: CommandScan): string {
    const { fields, buf } = scan;
    const place = fields.place(Field.cursors);
    if (place < 0 || fields.type[place] !== Bson.array) return 'the command names no cursors';
    let count = 0;
    walk.over(buf, fields.valueStart[place]!, fields.valueEnd[place]!);
    while (walk.next()) {
      if (walk.type !== Bson.int64) return 'a cursor is no number of 64 bits';
      if (++count > MOST_KILLED) return 'the command names too many cursors';
      this.#cursor = null;
      const why = this.#find(lowAt(buf, walk.valueStart), highAt(buf, walk.valueStart));
      if (why !== '') return why;
      if (scan.record.accesses > 0) continue;
      const cursor = this.#cursor as Cursor | null;
      if (cursor?.facts) this.#note(scan, cursor.facts);
      this.#settle(scan);
    }
    this.#cursor = null;
    this.#settle(scan);
    return '';
  }

  /** Of another user it is not: what it was opened for is judged by who asks. */
  #find(low: number, high: number): string {
    const { bound, host } = this.#talk;
    const cursor = bound.cursors.find(low, high, host.facts.upstreamAddress, host.now());
    this.#cursor = cursor;
    if (cursor === null) return bound.options.strict_cursors ? 'nobody has opened this cursor here' : '';
    return cursor.user === host.facts.user ? '' : 'the cursor is of another user';
  }

  /** A command of no collection, and a cursor of which nothing is known: it may be of anything. */
  #settle(scan: CommandScan): void {
    if (scan.record.accesses > 0 || this.#cursor?.facts) return;
    scan.record.unresolved('a cursor of unknown origin');
  }

  #note(scan: CommandScan, origin: OperationFacts): void {
    const { record } = scan;
    if (origin.unresolved !== '') {
      const reason = UNRESOLVED.find((known) => known === origin.unresolved);
      record.unresolved(reason ?? ('a cursor of unknown origin' satisfies UnresolvedReason));
    }
    for (const { verb, type, schema, name } of origin.accesses)
      if (GOES_ON.has(verb))
        record.known(Verb[verb as keyof typeof Verb], RESOURCE_NAMES.indexOf(type as ''), schema, name);
    // Results of a bulkWrite: they are told to who has sent it.
    if (record.accesses === 0) record.plain(VERB_NAMES.indexOf('session'));
  }
}
