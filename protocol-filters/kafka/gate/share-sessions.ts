import type { Request, Topic } from '../request.ts';

/** Sessions of one connection that are remembered; clients have one. */
const MAX_SESSIONS = 4;
const MAX_TOPICS = 4096;

/**
 * Topics that share sessions of one connection have named (KIP-932): in a session a ShareFetch names only what changes. What was
 * forgotten since stays: it was asked for by the same client, on the same connection.
 */
export class ShareSessions {
  readonly #sessions = new Map<string, Map<string, Topic>>();

  /** Null: it was begun elsewhere. */
  find(r: Request): Iterable<Topic> | null {
    return this.#sessions.get(keyOf(r))?.values() ?? null;
  }

  /** Topics that this request names. */
  add(r: Request): void {
    const key = keyOf(r);
    let topics = this.#sessions.get(key);
    if (topics === undefined) {
      if (this.#sessions.size >= MAX_SESSIONS)
        for (const oldest of this.#sessions.keys()) {
          this.#sessions.delete(oldest);
          break;
        }
      topics = new Map();
      this.#sessions.set(key, topics);
    }
    for (let i = 0; i < r.touched; i++) {
      const { topic } = r.touches[i]!;
      if (topic === null || (topics.size >= MAX_TOPICS && !topics.has(topic.name))) {
        this.#sessions.delete(key); // more than is known: it is unknown from here on
        return;
      }
      topics.set(topic.name, topic);
    }
  }

  forget(r: Request): void {
    this.#sessions.delete(keyOf(r));
  }
}

const keyOf = ({ group, member }: Request): string => `${group?.name ?? ''}\0${member}`;
