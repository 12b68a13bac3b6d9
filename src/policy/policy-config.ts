/** A policy after checking: plain data of the snapshot. Patterns are globs (`*` = any text, `\` takes the next character as it is). */
export interface PolicyConfig {
  /** Unique in its set; told to the client, in events and in stats. */
  readonly name: string;
  /**
   * `deny`: what matches is denied, whatever else allows it. `allow`: once a set has one that is enforced, each access of each
   * operation must be allowed by some of them. `limit`: what matches is allowed within bounds.
   */
  readonly action: 'allow' | 'deny' | 'limit';
  /** `shadow`: judged and told of, never applied. */
  readonly mode: 'enforce' | 'shadow';
  /** Who: each empty list is anybody. */
  readonly users: readonly string[];
  readonly databases: readonly string[];
  readonly applications: readonly string[];
  readonly drivers: readonly string[];
  /** Client addresses: CIDR ranges. */
  readonly clients: readonly string[];
  /** What: verbs of accesses (`select`, `write`), or names of operations (`TRUNCATE`, `find`, `CONFIG SET`). Empty = anything. */
  readonly operations: readonly string[];
  /** On what, in the protocol's own notation (PolicyVocabulary.target); `$unresolved` = what nobody can know. Empty = anything. */
  readonly targets: readonly string[];
  /** A CEL expression over the facts; '' = always. One that fails to evaluate matches for deny and limit, and not for allow. */
  readonly when: string;
  /** What the client is told; '' = a standard text. */
  readonly message: string;
  /** Of action `limit`. */
  readonly limit: LimitConfig | null;
}

/** Whom a limit counts together: all clients of a worker's listener with the same value. */
export type LimitKey = 'user' | 'application' | 'digest' | 'database' | 'client' | 'connection' | 'all';

export interface LimitConfig {
  /** Token bucket: so many operations in so many ms, so many at once at most. Of each worker its share (divided by their number). */
  readonly rate: { readonly count: number; readonly perMs: number; readonly burst: number } | null;
  /** Operations under way at once; 0 = no limit. */
  readonly concurrent: number;
  /** Of one operation's reply; 0 = no limit. */
  readonly rows: number;
  readonly bytes: number;
  /** How long a transaction may be open with no operation under way; 0 = no limit. */
  readonly idleInTransactionMs: number;
  readonly per: LimitKey;
}

/** `sluice.filters.network.policy`. */
export interface PolicySetConfig {
  /** In order; the first that decides is named. */
  readonly policies: readonly PolicyConfig[];
  /** What becomes of operations that nobody can read for certain, where policies are enforced. */
  readonly unparsed: 'deny' | 'allow';
}
