/**
 * Names that one worker has learned from what passes and all of a listener's should know, such as those of topics by their
 * ids: a client may hear of an id on one connection and use it on another, which another worker has. Few and small: a pair
 * is told once. One a filter chain and worker.
 */
export interface SharedNames {
  /** Tells the listener's other workers, those to come among them, within about a millisecond. Told by text, at most 512 characters. */
  learn(id: string, name: string): void;
  /** Calls back at once for all that is known, and later for what others learn; never for this chain's own. Once a chain. */
  follow(take: (id: string, name: string) => void): void;
}

/** Tells nobody, and knows nothing. */
export const NO_SHARED: SharedNames = { learn() {}, follow() {} };
