/** What a fetch session remembers of a partition (KIP-227). */
export interface SessionPartition {
  readonly topic: string;
  /** 32 hexadecimal digits; all 0 where the client speaks of topics by name. */
  readonly topicId: string;
  readonly partition: number;
  fetchOffset: number;
  maxBytes: number;
  /** As the client was told last; -1 = not yet. */
  toldHigh: number;
  toldStart: number;
}

export interface FetchSession {
  readonly id: number;
  /** The one that the client's next request must have. */
  epoch: number;
  readonly partitions: Map<string, SessionPartition>;
}

const MAX_SESSIONS = 1000;

/** Of one broker: the oldest goes when there are too many. */
export class FetchSessions {
  readonly #sessions = new Map<number, FetchSession>();
  #nextId = 1 + Math.floor(Math.random() * 0x3fffffff);

  get(id: number): FetchSession | undefined {
    return this.#sessions.get(id);
  }

  begin(partitions: Map<string, SessionPartition>): FetchSession {
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(oldest);
    const session: FetchSession = { id: this.#nextId++, epoch: 1, partitions };
    this.#sessions.set(session.id, session);
    return session;
  }

  end(id: number): void {
    this.#sessions.delete(id);
  }
}
