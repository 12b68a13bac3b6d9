import { Cursor } from '../../src/bytes/cursor.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import type { Access, OperationFacts } from '../../src/exchange/operation-facts.ts';
import { pathFault } from './canonical-path.ts';
import { HARMLESS_WORDS, pathlessVerb, pathVerbs, type Verb } from './operation-verbs.ts';
import { OPERATIONS, Slot, slotOf, UNKNOWN, UNKNOWN_NAME, WITHIN_MULTI } from './operations.ts';
import { Step } from './steps.ts';
import { CONNECT_BYTES, HELD_NAME_BYTES, MAX_PASSWORD_BYTES, Xid } from './wire.ts';

const NONE: readonly string[] = [];
const NO_ACCESS: readonly Access[] = [];
/** CreateMode: the server writes a number behind the path. */
const SEQUENTIAL: ReadonlySet<number> = new Set([2, 3, 6]);
const CREATES: ReadonlySet<string> = new Set(['create', 'create2', 'createContainer', 'createTTL']);
/** AddWatchMode of a whole subtree. */
const RECURSIVE = 1;
const CONFIG_PATH = '/zookeeper/config';

/**
 * What a policy may judge of one request: all operations in it with all their paths, read once more, strictly, from its whole
 * frame. One object a session; what it says is valid until the next frame.
 */
export class RequestFacts {
  /** The operation itself first; of a multi those within it follow. */
  facts: OperationFacts[] = [];
  /** It cannot be read, or in two ways: the connection ends. */
  fault: Fault | null = null;
  /** It is denied whatever policies say: why; '' = it is not. */
  doubt = '';
  readonly #cursor = new Cursor();
  #buf: Buffer = NO_BYTES;

  /** A frame of a session, behind its length. */
  read(buf: Buffer, start: number, end: number): void {
    const cursor = this.#begin(buf, start, end);
    const xid = cursor.i32();
    const slot = slotOf(cursor.i32());
    if (cursor.short) this.fault = 'undersized';
    else if (isMisnumbered(xid, slot)) this.fault = 'ambiguous';
    else this.#operation(slot, end);
  }

  /** ConnectRequest. */
  connect(buf: Buffer, start: number, end: number): void {
    const cursor = this.#begin(buf, start, end);
    cursor.skip(CONNECT_BYTES - 4);
    const password = Math.max(0, cursor.i32());
    if (password <= MAX_PASSWORD_BYTES) cursor.skip(password);
    if (cursor.short) this.fault = 'truncated';
    else if (password > MAX_PASSWORD_BYTES) this.fault = 'oversized';
    else if (cursor.left > 1) this.fault = 'ambiguous'; // readOnly alone may follow
    this.#tell('connect', [plain('session')]);
  }

  word(word: string): void {
    this.#begin(NO_BYTES, 0, 0);
    this.#tell(word, [plain(HARMLESS_WORDS.has(word) ? 'session' : 'admin')]);
  }

  #begin(buf: Buffer, start: number, end: number): Cursor {
    this.facts = [];
    this.fault = null;
    this.doubt = '';
    this.#buf = buf;
    return this.#cursor.over(buf, start, end);
  }

  #tell(operation: string, accesses: readonly Access[], unresolved = ''): void {
    this.facts.push({ operation, accesses, unresolved, hasWhere: true, limit: -1, stages: NONE, categories: NONE });
  }

  #operation(slot: number, end: number): void {
    const cursor = this.#cursor;
    const isMulti = slot === Slot.multi || slot === Slot.multiRead;
    if (isMulti) this.#multi(OPERATIONS[slot]!.name);
    else if (slot === Slot.setWatches || slot === Slot.setWatches2) this.#setWatches(slot);
    else if (slot === UNKNOWN || OPERATIONS[slot]!.request[0] === Step.rest) {
      // R4: what nobody knows does not pass, though its frame can be told apart.
      this.doubt = 'the operation is not known';
      this.#tell(slot === UNKNOWN ? UNKNOWN_NAME : OPERATIONS[slot]!.name, NO_ACCESS, this.doubt);
      return;
    } else this.#record(slot);
    if (this.fault !== null) return;
    if (cursor.short) this.fault = 'truncated';
    else if (cursor.at !== end) this.fault = 'ambiguous';
  }

  /** The record of one operation that names a path, or none. */
  #record(slot: number): void {
    const { name } = OPERATIONS[slot]!;
    const verb = pathlessVerb(slot);
    if (verb !== null) {
      this.#skipRecord(slot);
      const accesses = [plain(verb)];
      if (slot === Slot.reconfig) accesses.push({ verb: 'write', type: 'path', schema: '', name: CONFIG_PATH });
      this.#tell(name, accesses);
      return;
    }
    const cursor = this.#cursor;
    const length = cursor.i32();
    const from = cursor.at;
    if (length > 0) cursor.skip(length);
    const to = cursor.at;
    const number = this.#restOf(slot);
    if (cursor.short || length < -1) {
      this.fault = 'truncated';
      return;
    }
    this.#tell(name, this.#accesses(slot, name, from, to, number));
  }

  /** The record behind its path. Returns its last number: version, mode, type. */
  #restOf(slot: number): number {
    const cursor = this.#cursor;
    const program = OPERATIONS[slot]!.request;
    let number = 0;
    for (let pc = 1; program[pc] !== Step.end; pc++) {
      switch (program[pc]) {
        case Step.int:
          number = cursor.i32();
          break;
        case Step.bool:
          cursor.u8();
          break;
        case Step.buffer:
          this.#buffer();
          break;
        case Step.skip:
          cursor.skip(program[++pc]!);
          break;
        case Step.vector: {
          // ACLs: perms, scheme, id.
          const count = this.#count(12);
          for (let i = 0; i < count && !cursor.short; i++) {
            cursor.i32();
            this.#buffer();
            this.#buffer();
          }
          pc += 1 + program[pc + 1]!;
          break;
        }
      }
    }
    return number;
  }

  #skipRecord(slot: number): void {
    const cursor = this.#cursor;
    switch (slot) {
      case Slot.auth:
        cursor.i32();
        this.#buffer();
        this.#buffer();
        return;
      case Slot.sasl: {
        const from = cursor.at + 4;
        this.#buffer();
        if (!cursor.short && isOddToken(this.#buf, from, cursor.at))
          this.doubt ||= 'the name cannot be told for certain';
        return;
      }
      case Slot.reconfig:
        for (let i = 0; i < 3; i++) this.#buffer();
        cursor.skip(8);
        return;
    }
  }

  #buffer(): void {
    const length = this.#cursor.i32();
    if (length < -1) this.fault = 'undersized';
    else if (length > 0) this.#cursor.skip(length);
  }

  /** A vector's count, each of whose elements takes so many bytes at least (threats R12). */
  #count(leastBytes: number): number {
    const count = this.#cursor.i32();
    if (count < -1 || count * leastBytes > this.#cursor.left) {
      this.fault = 'truncated';
      return 0;
    }
    return Math.max(0, count);
  }

  // ---- paths

  #accesses(slot: number, operation: string, from: number, to: number, number: number): Access[] {
    const grows = CREATES.has(operation) && SEQUENTIAL.has(number);
    if (slot === Slot.getEphemerals) return [this.#beginning(from, to)];
    const name = this.#path(from, to, grows);
    if (name === '') return [];
    const verbs = pathVerbs(slot);
    const accesses: Access[] = verbs.map((verb) => path(verb, name, grows));
    const isTree = (slot === Slot.addWatch && number === RECURSIVE) || operation === 'getAllChildrenNumber';
    if (isTree) for (const verb of verbs) accesses.push(path(verb, name === '/' ? name : `${name}/`, true));
    return accesses;
  }

  /** getEphemerals takes any text that paths may begin with. */
  #beginning(from: number, to: number): Access {
    return path('read', to > from ? this.#buf.toString('latin1', from, to) : '/', true);
  }

  /** A canonical path as a binary name; '' and `doubt`: it is none. */
  #path(from: number, to: number, grows: boolean): string {
    const fault = pathFault(this.#buf, from, to, grows);
    if (fault === '') return this.#buf.toString('latin1', from, to);
    this.doubt ||= fault;
    return '';
  }

  #setWatches(slot: number): void {
    const cursor = this.#cursor;
    const accesses: Access[] = [];
    cursor.skip(8);
    const lists = slot === Slot.setWatches ? 3 : 5;
    for (let list = 0; list < lists; list++) {
      const count = this.#count(4);
      for (let i = 0; i < count && !cursor.short; i++) {
        const length = cursor.i32();
        const from = cursor.at;
        if (length > 0) cursor.skip(length);
        if (cursor.short || length < -1) break;
        const name = this.#path(from, cursor.at, false);
        if (name === '') continue;
        for (const verb of ['watch', 'read'] as const) {
          accesses.push(path(verb, name, false));
          if (list === 4) accesses.push(path(verb, name === '/' ? name : `${name}/`, true)); // persistent recursive
        }
      }
    }
    this.#tell(OPERATIONS[slot]!.name, accesses);
  }

  /** Every operation within a multi is one (threats ZK-02); it ends where it says, and with its frame. */
  #multi(name: string): void {
    const cursor = this.#cursor;
    this.#tell(name, NO_ACCESS);
    while (this.fault === null && !cursor.short) {
      const type = cursor.i32();
      const isDone = cursor.u8();
      cursor.i32();
      if (cursor.short) return;
      if (isDone !== 0) {
        if (type !== -1 || isDone !== 1) this.fault = 'ambiguous';
        return;
      }
      const slot = slotOf(type);
      if (slot === UNKNOWN || WITHIN_MULTI[slot] === 0) this.fault = 'unknown_type';
      else this.#record(slot);
    }
  }
}

const plain = (verb: Verb): Access => ({ verb, type: '', schema: '', name: '' });
const path = (verb: Verb, name: string, open: boolean): Access =>
  open ? { verb, type: 'path', schema: '', name, open } : { verb, type: 'path', schema: '', name };

/** xids below 0 are no numbers of requests: each belongs to one kind, by whose replies it is known. */
function isMisnumbered(xid: number, slot: number): boolean {
  if (xid >= 0) return false;
  switch (xid) {
    case Xid.ping:
      return slot !== Slot.ping;
    case Xid.auth:
      return slot !== Slot.auth;
    case Xid.setWatches:
      return slot !== Slot.setWatches && slot !== Slot.setWatches2;
    default:
      return true;
  }
}

/**
 * A token of DIGEST-MD5 whose `username` another reading may find elsewhere: more than one, in another case, without quotes, with
 * escapes, or longer than is kept. Clients write one plain directive.
 */
function isOddToken(buf: Buffer, from: number, to: number): boolean {
  if (to <= from) return false;
  const token = buf.toString('latin1', from, to);
  const named = token.match(/username[\t\n\r ]*=/gi);
  if (named === null) return false;
  const name = /(?:^|,)username="([^"\\]+)"/.exec(token)?.[1];
  return named.length > 1 || name === undefined || name.length > HELD_NAME_BYTES;
}

const NO_BYTES = Buffer.alloc(0);
