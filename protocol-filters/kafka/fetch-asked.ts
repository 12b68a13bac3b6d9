import type { Digest } from '../../src/exchange/digest.ts';
import type { Conversation } from './conversation.ts';
import { FetchSession } from './fetch-sessions.ts';
import { NO_NAMES } from './name-patterns.ts';
import type { Request, Topic } from './request.ts';

/**
 * What Fetch requests of one connection ask for: of one without a session whether it is one topic, and which; with one all that
 * this request and earlier ones have named.
 */
export class FetchAsked {
  readonly #talk: Conversation;
  #isForgetting = false;
  /** It has no session, and names more than one topic. */
  #hasMore = false;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** Another request begins. */
  begin(): void {
    this.#isForgetting = this.#hasMore = false;
  }

  /** What is told from here on is no longer wanted, or is again. */
  forgets(isForgetting: boolean): void {
    this.#isForgetting = isForgetting;
  }

  onTopic(r: Request, topic: Topic, digest: Digest): void {
    if (this.#isForgetting) return;
    if (r.sessionEpoch >= 0) this.#sessionOf(r).on(topic);
    else if (r.digest === null) r.digest = digest;
    else if (r.digest !== digest) this.#hasMore = true;
  }

  onPartition(r: Request, topic: Topic, partition: number): void {
    if (r.sessionEpoch < 0) return;
    if (this.#isForgetting) this.#sessionOf(r).forget(topic, partition);
    else this.#sessionOf(r).add(partition);
  }

  /** From where on it reads the partition that was told last. */
  onOffset(r: Request, topic: Topic, partition: number, offset: number): void {
    const { stats, ends } = this.#talk.bound;
    if (!r.isBroker) stats.fetchPosition(r.client, topic, partition, offset);
    const end = ends.find(topic, partition);
    if (end < 0 || offset < end) r.mayHaveMore = true;
  }

  /** The request is whole: its digest, until its reply says of which topics there was something to say. */
  complete(r: Request): void {
    const { digests } = this.#talk.bound;
    if (r.sessionEpoch < 0) {
      if (r.digest === null || this.#hasMore) r.digest = digests.plain(r.apiKey, NO_NAMES);
      return;
    }
    const { only } = this.#sessionOf(r);
    if (only === null) {
      r.digest = digests.plain(r.apiKey, NO_NAMES);
      return;
    }
    r.digest = digests.topic(r.apiKey, only, NO_NAMES);
  }

  #sessionOf(r: Request): FetchSession {
    if (r.fetched !== null) return r.fetched;
    const { fetchSessions } = this.#talk;
    const known = r.sessionEpoch > 0 ? fetchSessions.find(r.sessionId) : null;
    const session = known ?? new FetchSession();
    if (known === null && r.sessionEpoch > 0) {
      session.isCut = true; // begun on another connection, or forgotten here
      if (this.#talk.judge?.holds !== true) fetchSessions.set(r.sessionId, session);
    }
    r.fetched = session;
    return session;
  }
}
