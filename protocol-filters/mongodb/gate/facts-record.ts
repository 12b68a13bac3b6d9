import type { Access, OperationFacts } from '../../../src/exchange/operation-facts.ts';
import { isSame } from '../bson/bson-values.ts';
import { COMMANDS } from '../commands/command-table.ts';
import { RESOURCE_NAMES, VERB_NAMES } from './verbs.ts';

/** Why an operation may do more than is known; the reason by its number in the record. */
export const UNRESOLVED = [
  'unknown command',
  'unknown stage',
  'its collection is not named',
  'lists operations',
  'runs code that may do anything',
  'reads another server',
  'a cursor of unknown origin',
  'cannot be read',
] as const;
export type UnresolvedReason = (typeof UNRESOLVED)[number];

/** Of the record: what it may hold. Above it nothing is told (`overflow`). */
const MAX_BYTES = 64 * 1024;
const MAX_ACCESSES = 4096;
/** Accesses among which a new one is looked for, so that no collection stands there twice. */
const COMPARED = 64;
const Tag = { access: 1, stage: 2, name: 3 } as const;
/** slot (2), flags, reason + 1, limit (4). */
const HEAD_BYTES = 8;
const NOTHING = new Uint8Array(0);

/**
 * The facts of one command as bytes, written while it is read. Equal facts are equal bytes: known ones are found without a
 * string being made, and are the same object each time. Reused.
 */
export class FactsRecord {
  bytes = Buffer.alloc(1024);
  length = HEAD_BYTES;
  overflow = false;
  accesses = 0;

  begin(slot: number): void {
    this.length = HEAD_BYTES;
    this.bytes.fill(0, 0, HEAD_BYTES);
    this.bytes.writeUInt16LE(slot, 0);
    this.bytes.writeInt32LE(-1, 4);
    this.overflow = false;
    this.accesses = 0;
  }

  set hasWhere(is: boolean) {
    this.bytes[2] = is ? 1 : 0;
  }

  set limit(limit: number) {
    this.bytes.writeInt32LE(Math.max(-1, Math.min(limit, 0x7fffffff)), 4);
  }

  /** The first reason stays. */
  unresolved(reason: UnresolvedReason): void {
    if (this.bytes[3] === 0) this.bytes[3] = UNRESOLVED.indexOf(reason) + 1;
  }

  /** Database and name are ranges of the command's buffer; empty ones: all, or any. */
  access(verb: number, type: number, buf: Uint8Array, from: number, to: number, start: number, end: number): void {
    const before = this.length;
    this.#head(Tag.access, verb, type);
    this.#range(buf, from, to);
    this.#range(buf, start, end);
    if (this.overflow) return;
    if (this.#isThere(before)) this.length = before;
    else if (++this.accesses > MAX_ACCESSES) this.overflow = true;
  }

  /** One that is known as text: of a cursor's origin. */
  known(verb: number, type: number, schema: string, name: string): void {
    const [one, two] = [Buffer.from(schema, 'latin1'), Buffer.from(name, 'latin1')];
    const both = Buffer.concat([one, two]);
    this.access(verb, type, both, 0, one.length, one.length, both.length);
  }

  /** Without a resource. */
  plain(verb: number): void {
    this.access(verb, 0, NOTHING, 0, 0, 0, 0);
  }

  stage(buf: Uint8Array, start: number, end: number): void {
    this.#named(Tag.stage, buf, start, end);
  }

  /** The operation's name, where the table of commands does not have it. */
  name(buf: Uint8Array, start: number, end: number): void {
    this.#named(Tag.name, buf, start, end);
  }

  /** Facts that have these bytes. */
  build(): OperationFacts {
    const { bytes } = this;
    const reason = bytes[3]!;
    const accesses: Access[] = [];
    const stages: string[] = [];
    let operation = COMMANDS[bytes.readUInt16LE(0)]!.name;
    for (let at = HEAD_BYTES; at < this.length; ) {
      const [tag, verb, type] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!];
      const first = this.#textAt(at + 3);
      at += 3 + 2 + first.length;
      if (tag === Tag.stage) {
        if (!stages.includes(first)) stages.push(first);
      } else if (tag === Tag.name) operation = first;
      else {
        const second = this.#textAt(at);
        at += 2 + second.length;
        accesses.push({ verb: VERB_NAMES[verb]!, type: RESOURCE_NAMES[type]!, schema: first, name: second });
      }
    }
    return {
      operation,
      accesses,
      unresolved: reason === 0 ? '' : UNRESOLVED[reason - 1]!,
      hasWhere: bytes[2] === 1,
      limit: bytes.readInt32LE(4),
      stages,
      categories: [],
    };
  }

  #textAt(at: number): string {
    return this.bytes.toString('latin1', at + 2, at + 2 + this.bytes.readUInt16LE(at));
  }

  #named(tag: number, buf: Uint8Array, start: number, end: number): void {
    this.#head(tag, 0, 0);
    this.#range(buf, start, end);
  }

  #head(tag: number, verb: number, type: number): void {
    if (!this.#fits(3)) return;
    const { bytes } = this;
    bytes[this.length++] = tag;
    bytes[this.length++] = verb;
    bytes[this.length++] = type;
  }

  #range(buf: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size > 0xffff) this.overflow = true;
    if (!this.#fits(2 + size)) return;
    const { bytes } = this;
    bytes[this.length++] = size & 0xff;
    bytes[this.length++] = size >>> 8;
    for (let i = start; i < end; i++) bytes[this.length++] = buf[i]!;
  }

  #fits(more: number): boolean {
    if (this.overflow || this.length + more > MAX_BYTES) {
      this.overflow = true;
      return false;
    }
    if (this.length + more > this.bytes.length) {
      const grown = Buffer.alloc(2 ** Math.ceil(Math.log2(this.length + more)));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    return true;
  }

  /** Is the access from `at` on there already, among the first? */
  #isThere(at: number): boolean {
    const { bytes, length } = this;
    let compared = 0;
    for (let from = HEAD_BYTES; from < at && compared < COMPARED; compared++) {
      const end = this.#endOf(from);
      if (isSame(bytes, from, end, bytes, at, length)) return true;
      from = end;
    }
    return false;
  }

  #endOf(at: number): number {
    const { bytes } = this;
    const first = at + 5 + bytes.readUInt16LE(at + 3);
    return bytes[at] === Tag.access ? first + 2 + bytes.readUInt16LE(first) : first;
  }
}

/** Facts that were met, one object for equal ones. A filter chain's. */
export class FactsCache {
  readonly #buckets: (Known | null)[] = new Array(BUCKETS).fill(null);
  #size = 0;
  /** Nobody can choose names that fall into one bucket. */
  readonly #seed = (Math.random() * 0x7fffffff) | 0;

  of(record: FactsRecord): OperationFacts {
    const { bytes, length } = record;
    let hash = this.#seed;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    const bucket = (hash ^ (hash >>> 15)) & (BUCKETS - 1);
    for (let known = this.#buckets[bucket] ?? null; known !== null; known = known.next)
      if (known.hash === hash && isSame(known.bytes, 0, known.bytes.length, bytes, 0, length)) return known.facts;
    const facts = record.build();
    if (length > MAX_KEPT_BYTES) return facts;
    if (this.#size >= MOST_KEPT) {
      // Whoever asks for thousands of different things begins anew: no order of use has to be kept.
      this.#buckets.fill(null);
      this.#size = 0;
    }
    this.#size++;
    const own = Uint8Array.prototype.slice.call(bytes, 0, length);
    this.#buckets[bucket] = { hash, bytes: own, facts, next: this.#buckets[bucket] ?? null };
    return facts;
  }
}

interface Known {
  readonly hash: number;
  readonly bytes: Uint8Array;
  readonly facts: OperationFacts;
  readonly next: Known | null;
}

const BUCKETS = 8192;
const MOST_KEPT = 4096;
const MAX_KEPT_BYTES = 4096;
