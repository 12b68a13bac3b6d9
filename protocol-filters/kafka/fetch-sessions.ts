import type { Topic } from './request.ts';

/** Sessions of one connection that are remembered; clients have one. */
const MAX_SESSIONS = 4;
/** Topics and partitions of one session; beyond, it names more than is known. */
const MAX_TOPICS = 1024;
const MAX_PARTITIONS = 16_384;

/** A topic of a fetch, and those of its partitions that are asked for. */
interface Fetched {
  readonly topic: Topic;
  readonly partitions: Set<number>;
}

/** What a Fetch asks for; with an id it goes on in later ones that name only what changes (KIP-227). */
export class FetchSession {
  readonly #topics = new Map<string, Fetched>();
  #partitions = 0;
  /** It may name topics that are not here. */
  isCut = false;
  #last: Fetched | null = null;

  get topics(): number {
    return this.#topics.size;
  }

  /** The only topic there is, or null. */
  get only(): Topic | null {
    if (this.isCut || this.#topics.size !== 1) return null;
    for (const { topic } of this.#topics.values()) return topic;
    return null;
  }

  /** Its topics. */
  *each(): Iterable<Topic> {
    for (const { topic } of this.#topics.values()) yield topic;
  }

  /** As a Fetch request would name them. */
  asAsked(): { topic: string; partitions: { partition: number }[] }[] {
    return [...this.#topics.values()].map(({ topic, partitions }) => ({
      topic: topic.name,
      partitions: [...partitions].map((partition) => ({ partition })),
    }));
  }

  /** A topic; what add() tells after is of it. */
  on(topic: Topic): void {
    if (this.#last?.topic === topic) return;
    let fetched = this.#topics.get(topic.name) ?? null;
    if (fetched === null) {
      if (this.#topics.size >= MAX_TOPICS) {
        this.isCut = true;
        this.#last = null;
        return;
      }
      fetched = { topic, partitions: new Set() };
      this.#topics.set(topic.name, fetched);
    }
    this.#last = fetched;
  }

  add(partition: number): void {
    const last = this.#last;
    if (last === null || last.partitions.has(partition)) return;
    if (this.#partitions >= MAX_PARTITIONS) {
      this.isCut = true;
      return;
    }
    this.#partitions++;
    last.partitions.add(partition);
  }

  /** A topic with its last partition. */
  forget(topic: Topic, partition: number): void {
    const fetched = this.#topics.get(topic.name);
    if (fetched === undefined || !fetched.partitions.delete(partition)) return;
    this.#partitions--;
    if (fetched.partitions.size > 0 || this.isCut) return;
    this.#topics.delete(topic.name);
    if (this.#last === fetched) this.#last = null;
  }
}

/** Fetch sessions of one connection, by the broker's ids. */
export class FetchSessions {
  #byId: Map<number, FetchSession> | null = null;

  find(id: number): FetchSession | null {
    return this.#byId?.get(id) ?? null;
  }

  set(id: number, session: FetchSession): void {
    this.#byId ??= new Map();
    if (!this.#byId.has(id) && this.#byId.size >= MAX_SESSIONS)
      for (const oldest of this.#byId.keys()) {
        this.#byId.delete(oldest);
        break;
      }
    this.#byId.set(id, session);
  }

  delete(id: number): boolean {
    return this.#byId?.delete(id) ?? false;
  }
}
