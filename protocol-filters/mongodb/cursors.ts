import type { Digest } from '../../src/exchange/digest.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { MongoStats } from './stats.ts';

/** Idle for as long, servers close cursors (cursorTimeoutMillis). */
const IDLE_MS = 600_000;

/** A cursor that is open on a server. */
export class Cursor {
  readonly low: number;
  readonly high: number;
  /** Where it lives: ids are the server's own. */
  readonly upstream: string;
  /** The command that opened it. */
  readonly origin: Digest | null;
  /** `database.collection`, as the server calls it. */
  readonly namespace: string;
  readonly user: string;
  /** getMore waits for data. */
  readonly tails: boolean;
  /** What it holds are results of bulkWrite, no documents. */
  readonly holdsResults: boolean;
  readonly openedAt: number;
  /** Where policies judge: of the command that opened it. */
  readonly facts: OperationFacts | null;
  /** What a getMore is judged by: by its own facts, and with those of the command that opened it. */
  more: { readonly own: OperationFacts; readonly all: OperationFacts } | null = null;
  usedAt: number;
  /** Others with the same story. */
  next: Cursor | null = null;

  constructor(parts: CursorParts) {
    this.low = parts.low;
    this.high = parts.high;
    this.upstream = parts.upstream;
    this.origin = parts.origin;
    this.namespace = parts.namespace;
    this.user = parts.user;
    this.tails = parts.tails;
    this.holdsResults = parts.holdsResults;
    this.facts = parts.facts;
    this.openedAt = this.usedAt = parts.openedAt;
  }

  /** Is it of this user, and of this collection? '' = none: of a command's own results, `database.$cmd.bulkWrite`. */
  isOf(user: string, database: string, collection: string): boolean {
    const { namespace } = this;
    if (user !== this.user || !namespace.startsWith(database)) return false;
    if (collection === '') return namespace.startsWith('.$cmd', database.length);
    return (
      namespace.length === database.length + 1 + collection.length &&
      namespace.charCodeAt(database.length) === DOT &&
      namespace.endsWith(collection)
    );
  }
}
const DOT = 0x2e;
type CursorParts = Omit<Cursor, 'next' | 'usedAt' | 'isOf' | 'more'>;

/** The number that stands for a cursor's id in Exchange.story: never 0, the same on every connection. */
export const storyOf = (low: number, high: number): number => (low ^ high) >>> 0 || 1;

/**
 * The open cursors of one filter chain, as far as this worker has seen them being opened: drivers read on over any of their
 * connections. Bounded: above the cap the one used longest ago is forgotten, and whatever was idle for as long as servers
 * keep cursors.
 */
export class Cursors {
  /** By story; what was used last stands last. */
  readonly #byStory = new Map<number, Cursor>();
  readonly #stats: MongoStats;
  readonly #most: number;
  #size = 0;

  constructor(stats: MongoStats, most: number) {
    this.#stats = stats;
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** The cursor of this id; it counts as used now. `upstream` is '' while the server is being dialled: then it is of any. */
  find(low: number, high: number, upstream: string, now: number): Cursor | null {
    const story = storyOf(low, high);
    const first = this.#byStory.get(story);
    if (first === undefined) return null;
    const cursor = among(first, low, high, upstream);
    if (cursor === null) return null;
    cursor.usedAt = now;
    this.#byStory.delete(story);
    this.#byStory.set(story, first);
    return cursor;
  }

  /** A reply has named a new cursor. */
  open(parts: CursorParts): void {
    const { registry, own } = this.#stats;
    registry.inc(own.cursors_opened);
    const story = storyOf(parts.low, parts.high);
    const first = this.#byStory.get(story) ?? null;
    if (first !== null && among(first, parts.low, parts.high, parts.upstream) !== null) this.#remove(parts);
    this.forgetIdle(parts.openedAt);
    if (this.#size >= this.#most) this.#forgetOldest();
    const cursor = new Cursor(parts);
    cursor.next = this.#byStory.get(story) ?? null;
    this.#byStory.delete(story);
    this.#byStory.set(story, cursor);
    this.#size++;
    registry.inc(own.cursors_open);
  }

  /** A cursor has come to its end. False: it was not known, or had come to it before. */
  close(low: number, high: number, upstream: string, now: number): boolean {
    const cursor = this.#remove({ low, high, upstream });
    if (cursor !== null) this.#stats.cursorLifetime.record((now - cursor.openedAt) / 1000);
    return cursor !== null;
  }

  /** Those that servers have closed by now. */
  forgetIdle(now: number): void {
    for (const first of this.#byStory.values()) {
      if (now - first.usedAt < IDLE_MS) return;
      this.#forget(first);
    }
  }

  #forgetOldest(): void {
    for (const first of this.#byStory.values()) {
      this.#forget(first);
      return;
    }
  }

  #forget(cursor: Cursor): void {
    const { registry, own } = this.#stats;
    registry.inc(own.cursors_forgotten);
    this.#remove(cursor);
  }

  #remove({ low, high, upstream }: Pick<Cursor, 'low' | 'high' | 'upstream'>): Cursor | null {
    const story = storyOf(low, high);
    const first = this.#byStory.get(story) ?? null;
    const cursor = first === null ? null : among(first, low, high, upstream);
    if (first === null || cursor === null) return null;
    if (cursor === first) {
      // In the place of the first, so that the order of use stays.
      if (cursor.next === null) this.#byStory.delete(story);
      else this.#byStory.set(story, cursor.next);
    } else {
      let before = first;
      while (before.next !== cursor) before = before.next!;
      before.next = cursor.next;
    }
    this.#size--;
    this.#stats.registry.add(this.#stats.own.cursors_open, -1);
    return cursor;
  }
}

function among(first: Cursor, low: number, high: number, upstream: string): Cursor | null {
  for (let cursor: Cursor | null = first; cursor !== null; cursor = cursor.next)
    if (cursor.low === low && cursor.high === high && (upstream === '' || cursor.upstream === upstream)) return cursor;
  return null;
}
