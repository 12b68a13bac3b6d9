import { isName, stringEnd, stringStart } from '../bson/bson-values.ts';
import type { FactsRecord } from './facts-record.ts';
import { bit } from './plans.ts';
import type { StrictWalk } from './strict-walk.ts';
import { Resource, VERB_NAMES, Verb } from './verbs.ts';

const DOT = 0x2e;
const DOLLAR = 0x24;
const MAX_DATABASE_BYTES = 63;
/** Namespaces of one bulkWrite. */
const MOST_LISTED = 4096;
const SYSTEM = 'system.';
const BUCKETS = 'system.buckets.';
const PLAIN = bit(Verb.session) | bit(Verb.transaction);

/** Databases that hold what servers need, and what was done in all the others (the oplog). */
const isServersOwn = (buf: Uint8Array, start: number, end: number): boolean =>
  isName(buf, start, end, 'local') || isName(buf, start, end, 'config');

/**
 * Namespaces that a command names, as accesses in its record: what is done to which. All are exact bytes (threats R11).
 */
export class Namespaces {
  /** A name has a byte that no name has, or is empty: '' = none. */
  fault = '';
  /** A NUL within a name: the server may read it to there, or not at all. */
  isAmbiguous = false;
  /** The command's database, and its own collection (both 0: the database). */
  from = 0;
  to = 0;
  start = 0;
  end = 0;
  readonly #record: FactsRecord;
  #buf: Uint8Array = new Uint8Array(0);
  #listed = 0;
  readonly #listedStart = new Int32Array(MOST_LISTED);
  readonly #listedEnd = new Int32Array(MOST_LISTED);
  readonly #listedVerbs = new Int32Array(MOST_LISTED);
  /** Operations may stand before the namespaces that they are about. */
  #mostUsed = -1;

  constructor(record: FactsRecord) {
    this.#record = record;
  }

  begin(buf: Uint8Array): void {
    this.#buf = buf;
    this.fault = '';
    this.isAmbiguous = false;
    this.from = this.to = this.start = this.end = 0;
    this.#listedVerbs.fill(0, 0, Math.max(this.#listed, this.#mostUsed + 1));
    this.#listed = 0;
    this.#mostUsed = -1;
  }

  /** The command's database. */
  database(start: number, end: number): void {
    this.#check(start, end, true);
    this.from = start;
    this.to = end;
  }

  /** The command's own resource. */
  own(verbs: number): void {
    if (this.end > this.start) this.#add(verbs, this.from, this.to, this.start, this.end);
    else this.#all(verbs);
  }

  /** A collection of the command's database. */
  here(verbs: number, start: number, end: number): void {
    this.#check(start, end, false);
    this.#add(verbs, this.from, this.to, start, end);
  }

  there(verbs: number, from: number, to: number, start: number, end: number): void {
    this.#check(from, to, true);
    this.#check(start, end, false);
    this.#add(verbs, from, to, start, end);
  }

  /** All of the command's database. */
  #all(verbs: number): void {
    const isOwn = isServersOwn(this.#buf, this.from, this.to);
    this.#each(verbs | (isOwn ? bit(Verb.internal) : 0), Resource.database, this.from, this.to, 0, 0);
  }

  /** Any collection of any database. */
  anything(verbs: number): void {
    this.#each(verbs, Resource.collection, 0, 0, 0, 0);
  }

  /** Without a resource. */
  plain(verbs: number): void {
    for (let verb = 0; verb < VERB_NAMES.length; verb++) if ((verbs & bit(verb)) !== 0) this.#record.plain(verb);
  }

  /** `database.collection`. False: it is none. */
  namespace(verbs: number, start: number, end: number): boolean {
    const dot = this.#dot(start, end);
    if (dot < 0) return false;
    this.there(verbs, start, dot, dot + 1, end);
    return true;
  }

  #dot(start: number, end: number): number {
    for (let at = start; at < end; at++) if (this.#buf[at] === DOT) return at;
    return -1;
  }

  // ---- applyOps

  applied(walk: StrictWalk): void {
    const [start, end] = [stringStart(walk.valueStart), stringEnd(walk.valueEnd)];
    if (end > start) this.namespace(bit(Verb.insert) | bit(Verb.update) | bit(Verb.delete), start, end);
  }

  // ---- bulkWrite

  listed(walk: StrictWalk): void {
    if (this.#listed === MOST_LISTED) {
      this.fault ||= 'too many namespaces';
      return;
    }
    this.#listedStart[this.#listed] = stringStart(walk.valueStart);
    this.#listedEnd[this.#listed++] = stringEnd(walk.valueEnd);
  }

  used(index: number, verbs: number): void {
    if (index >= MOST_LISTED) {
      this.fault ||= 'too many namespaces';
      return;
    }
    this.#mostUsed = Math.max(this.#mostUsed, index);
    this.#listedVerbs[index]! |= verbs;
  }

  /** All operations are read, and all namespaces. */
  endBulk(): void {
    if (this.#mostUsed >= this.#listed) this.fault ||= 'an operation of bulkWrite names no namespace';
    for (let i = 0; i < this.#listed && this.fault === ''; i++) {
      // One that nothing is done to is named all the same; servers check it too.
      const verbs = this.#listedVerbs[i]! || bit(Verb.insert);
      if (!this.namespace(verbs, this.#listedStart[i]!, this.#listedEnd[i]!))
        this.fault = 'a namespace has no database';
    }
  }

  // ---- the record

  #add(verbs: number, from: number, to: number, start: number, end: number): void {
    const buf = this.#buf;
    let all = verbs;
    if (isServersOwn(buf, from, to)) all |= bit(Verb.internal);
    if (begins(buf, start, end, BUCKETS)) {
      // Where the documents of a time series lie: they are its collection's.
      this.#each(verbs, Resource.collection, from, to, start + BUCKETS.length, end);
    } else if (begins(buf, start, end, SYSTEM) || buf[start] === DOLLAR) all |= bit(Verb.internal);
    this.#each(all, Resource.collection, from, to, start, end);
  }

  #each(verbs: number, type: number, from: number, to: number, start: number, end: number): void {
    this.plain(verbs & PLAIN);
    const rest = verbs & ~PLAIN;
    for (let verb = 0; verb < VERB_NAMES.length; verb++)
      if ((rest & bit(verb)) !== 0) this.#record.access(verb, type, this.#buf, from, to, start, end);
  }

  /** Is it a name that a database or a collection may have? */
  #check(start: number, end: number, isDatabase: boolean): void {
    const buf = this.#buf;
    if (end === start)
      this.fault ||= isDatabase ? 'the name of a database is empty' : 'the name of a collection is empty';
    if (isDatabase && end - start > MAX_DATABASE_BYTES) this.fault ||= 'the name of a database is too long';
    for (let at = start; at < end; at++) {
      const byte = buf[at]!;
      if (byte === 0) this.isAmbiguous = true;
      if (!isDatabase) continue;
      const isDollar = byte === DOLLAR && !isName(buf, start, end, '$external');
      if (isDollar || byte === DOT || byte === 0x2f || byte === 0x5c || byte === 0x22 || byte === 0x20)
        this.fault ||= 'no database has such a name';
    }
  }
}

function begins(buf: Uint8Array, start: number, end: number, text: string): boolean {
  return end - start > text.length && isName(buf, start, start + text.length, text);
}
