import type { Digest } from '../../src/exchange/digest.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import type { Said } from '../../src/exchange/said.ts';
import { type CommandInfo, UNKNOWN_COMMAND } from './commands/command-table.ts';
import type { Extra } from './extra.ts';
import type { Asked } from './gate/refusals.ts';
import { NOTHING_SPECIAL } from './special.ts';
import type { QueryCounts } from './stats.ts';
import type { Transaction } from './transactions.ts';

/** A request that waits for its reply. Pooled: every field exists from birth with its type. */
export class Request {
  /** What the reply will say it answers. */
  id = 0;
  /** Null for one that came while too many were open: its exchange is made when the reply is there. */
  exchange: Exchange | null = null;
  info: CommandInfo = UNKNOWN_COMMAND;
  special: number = NOTHING_SPECIAL;
  digest: Digest | null = null;
  database = '';
  collection = '';
  requestBytes = 0;
  turn = 0;
  batchSize = 0;
  story = 0;
  /** Replies so far. */
  replies = 0;
  /** Flag bits of a late exchange. */
  flags = 0;
  /** The server was asked to wait. */
  waits = false;
  /** Its content is not known: it may have no reply. */
  unread = false;
  /** OP_QUERY on a collection or OP_GET_MORE: the reply's fields say what came of it, not its document. */
  isQuery = false;
  /** It came as an OP_QUERY: its answer is an OP_REPLY. */
  isFromQuery = false;
  /** OP_QUERY that allows many replies. */
  exhausts = false;
  /** A cursor that it opens will be tailable and await data. */
  tails = false;
  /** Of getMore: its cursor holds results of bulkWrite, no documents. */
  holdsResults = false;
  /** Of getMore: the cursor's id. */
  cursorLow = 0;
  cursorHigh = 0;
  /** Of a query: its collection's and its calling function's. Counted with the first reply. */
  query: QueryCounts | null = null;
  callsite: QueryCounts | null = null;
  transaction: Transaction | null = null;
  extra: Extra | null = null;
  /** Where policies judge: what it was judged by. */
  facts: OperationFacts | null = null;
  /** And what policies said, where its exchange is still to be made. */
  said: Said | null = null;
  /** It was denied: a stand-in waits for its answer, which can only come behind this offset of the server's. */
  denial: Denial | null = null;
  asked: Asked | null = null;
  deniedAt = 0;
  /** What is behind it waits for its answer. */
  isChanging = false;
  /** Its reply was longer than it may be, and is dropped. */
  isCut = false;
  /** The one begun before and the one begun after. */
  older: Request | null = null;
  newer: Request | null = null;
  /** The next one with the same id; of the first of them also the last. */
  nextSame: Request | null = null;
  lastSame: Request | null = null;

  clear(): void {
    this.exchange = null;
    this.info = UNKNOWN_COMMAND;
    this.special = NOTHING_SPECIAL;
    this.digest = null;
    this.database = this.collection = '';
    this.requestBytes = this.turn = this.batchSize = this.story = this.replies = this.flags = 0;
    this.waits = this.unread = this.isQuery = this.exhausts = this.tails = this.holdsResults = false;
    this.cursorLow = this.cursorHigh = 0;
    this.query = this.callsite = null;
    this.transaction = null;
    this.extra = null;
    this.facts = null;
    this.said = null;
    this.denial = this.asked = null;
    this.deniedAt = 0;
    this.isChanging = this.isCut = this.isFromQuery = false;
    this.older = this.newer = this.nextSame = this.lastSame = null;
  }
}

/** A free list of requests, one a filter chain. */
export class RequestPool {
  readonly #free: Request[] = [];

  take(): Request {
    return this.#free.pop() ?? new Request();
  }

  give(request: Request): void {
    request.clear();
    if (this.#free.length < MAX_FREE) this.#free.push(request);
  }
}
const MAX_FREE = 4096;

/**
 * The requests of one connection that wait for a reply, in the order in which they came, found by their id. Servers answer in
 * order, and most clients ask one thing at a time: the oldest is looked at first, and a map is made only where there are more.
 * Of several with one id the oldest is found.
 */
export class InFlight {
  size = 0;
  oldest: Request | null = null;
  #newest: Request | null = null;
  /** The oldest of each id. Filled while there are several requests. */
  #byId: Map<number, Request> | null = null;
  #isMapped = false;

  find(id: number): Request | null {
    const { oldest } = this;
    if (oldest === null) return null;
    if (oldest.id === id) return oldest;
    return this.#isMapped ? (this.#byId!.get(id) ?? null) : null;
  }

  /** As the newest one. */
  push(request: Request): void {
    const newest = this.#newest;
    if (newest === null) this.oldest = request;
    else {
      newest.newer = request;
      request.older = newest;
    }
    this.#newest = request;
    this.size++;
    if (this.#isMapped) this.#map(request);
    else if (this.size > 1) {
      this.#byId ??= new Map();
      this.#isMapped = true;
      for (let one = this.oldest; one !== null; one = one.newer) this.#map(one);
    }
  }

  remove(request: Request): void {
    const { older, newer } = request;
    if (older === null) this.oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    request.older = request.newer = null;
    this.size--;
    if (!this.#isMapped) return;
    this.#unmap(request);
    if (this.size === 0) this.#isMapped = false;
  }

  /** Its next reply will answer another id. Servers answer one request at a time: it is found before others of that id. */
  rename(request: Request, id: number): void {
    if (!this.#isMapped) {
      request.id = id;
      return;
    }
    this.#unmap(request);
    request.id = id;
    const first = this.#byId!.get(id) ?? null;
    request.nextSame = first;
    request.lastSame = first === null ? null : (first.lastSame ?? first);
    if (first !== null) first.lastSame = null;
    this.#byId!.set(id, request);
  }

  /** Behind those of its id. */
  #map(request: Request): void {
    const first = this.#byId!.get(request.id);
    if (first === undefined) this.#byId!.set(request.id, request);
    else {
      (first.lastSame ?? first).nextSame = request;
      first.lastSame = request;
    }
  }

  #unmap(request: Request): void {
    const first = this.#byId!.get(request.id)!;
    const { nextSame } = request;
    if (first === request) {
      if (nextSame === null) this.#byId!.delete(request.id);
      else {
        nextSame.lastSame = request.lastSame === nextSame ? null : request.lastSame;
        this.#byId!.set(request.id, nextSame);
      }
    } else {
      let before = first;
      while (before.nextSame !== request) before = before.nextSame!;
      before.nextSame = nextSame;
      if (first.lastSame === request) first.lastSame = before === first ? null : before;
    }
    request.nextSame = request.lastSame = null;
  }
}
