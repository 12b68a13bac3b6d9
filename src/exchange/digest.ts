import type { OperationFacts } from './operation-facts.ts';

/** How much of a query we claim to have understood. `parsed`: a real parser; `partial`: from tokens; `none`: neither. */
export type Confidence = 'parsed' | 'partial' | 'none';

/**
 * One relation, collection, topic or key pattern that an operation touches, as written in the query: names are not
 * resolved against search_path or the current database here (sessions do that where policy asks).
 */
export interface Target {
  readonly schema: string; // '' when the query did not say
  readonly name: string;
  /** What the query does to it: `select`, `insert`, `update`, `delete`, `truncate`, `create`, `drop`, `alter`, `copy` … */
  readonly operations: readonly string[];
}

/**
 * A query with its literals taken out, shared by all exchanges that have it. Cached and owned by the digest cache;
 * holders may read it at any time. `operation`, `targets`, `summary` and `confidence` may improve once, from the token
 * stream's reading to the parser's, and never change after `confidence` is `parsed`.
 */
export interface Digest {
  /** 16 lower-case hex characters; equal for equal canonical text on every worker, host and version (conventions §6.2). */
  readonly id: string;
  readonly protocol: string;
  /** Canonical text without literals and comments; cut at the digest cap. */
  readonly text: string;
  /** `{operation} {target} …` as in OpenTelemetry's db.query.summary, at most 255 characters. */
  summary: string;
  /** First keyword in upper case: `SELECT`, `INSERT`, `BEGIN` …; for other protocols the command's name. */
  operation: string;
  targets: readonly Target[];
  confidence: Confidence;
  /** True once the facts above are final: parsed, or given up. Policy judges only settled digests. */
  settled: boolean;
  /** True where the facts depend on a literal (SET, set_config, DO, EXECUTE …): never judged from the cache. */
  literalSensitive: boolean;
  /**
   * What policies judge, the same object for as long as the digest lives. Null: not settled, or it depends on the very text
   * (literalSensitive, truncated): DigestCache.judgedOf() tells. Protocols without a query language keep theirs elsewhere.
   */
  judged: OperationFacts | null;
  /** The first text seen, literals and all, where the operator asked to see them (`show_literals`); else ''. */
  readonly sample: string;
  /** True for text longer than the cap: no cached facts. */
  readonly truncated: boolean;
  /** Small dense number for consumers' tables, unique while the digest is cached in this process. */
  readonly slot: number;
}

/** What changes how SQL text reads. Compared by identity: keep one object per combination (a session asks for it once). */
export type SqlMode = PostgresSqlMode | MysqlSqlMode;

export interface PostgresSqlMode {
  readonly dialect: 'postgres';
  /** Postgres' standard_conforming_strings: when off, backslashes escape in plain literals too. */
  readonly standardConformingStrings: boolean;
}

export interface MysqlSqlMode {
  readonly dialect: 'mysql';
  /** sql_mode ANSI_QUOTES: double quotes hold an identifier, not a string. */
  readonly ansiQuotes: boolean;
  /** sql_mode NO_BACKSLASH_ESCAPES: a backslash in a string is a backslash. */
  readonly noBackslashEscapes: boolean;
  /** Who executes versioned comments: the product, and its version as they have it: `80036`, `101119`. */
  readonly flavour: 'mysql' | 'mariadb';
  readonly version: number;
}

/** One statement of a query text: its digest and where it stands in the buffer that was read. */
export interface SqlStatement {
  digest: Digest;
  start: number;
  end: number;
}

/** What reading a query text gave. One object a cache, reused: valid until the next read. */
export interface SqlReading {
  /** Statements found; 0 for text that holds only blanks, comments and semicolons. */
  count: number;
  /** The first `count` are valid. */
  readonly statements: SqlStatement[];
  /** The text was longer than the cap: only a prefix was digested. */
  truncated: boolean;
  /** W3C traceparent from a sqlcommenter comment (first or last), or ''. */
  traceparent: string;
}

/** Facts of one statement, parsed for it alone. */
export type StatementFacts = Pick<Digest, 'summary' | 'operation' | 'targets' | 'confidence' | 'judged'>;

/**
 * Query text to digest in one pass over the bytes; a known digest costs no string and no object. The key is a hash with
 * a per-process random seed *and* the canonical bytes, so two texts never share facts by a collision.
 */
export interface DigestCache {
  read(mode: SqlMode, buf: Buffer, start: number, end: number): SqlReading;
  /**
   * For the gate: true if the digest's facts are final now (parsed inline when short); else they are being parsed off
   * the loop and `done` is called once when they are final.
   */
  settle(digest: Digest, done: () => void): boolean;
  /** For the gate, for literal-sensitive statements: facts of this very text, parsed now, or null when it is too long for that. */
  factsOf(mode: SqlMode, buf: Buffer, start: number, end: number): StatementFacts | null;
  /**
   * For the gate: what policies judge of buf[start..end), a text whose settled digest this is. The same object for the same
   * facts wherever that can be; facts that depend on a literal, and those of a text longer than the cap, are read from
   * this very text. Never null: what cannot be read for certain is `unresolved`. `whole`: more statements than the digest's
   * may stand there, all are read.
   */
  judgedOf(mode: SqlMode, digest: Digest, buf: Buffer, start: number, end: number, whole?: boolean): OperationFacts;
  /**
   * The digest of an operation that has no query text (`FunctionCall`, a Redis command …). `text` must hold no literal.
   * `facts`, the same for the same text: what it touches and how sure that is; without them nothing, `parsed`.
   */
  named(protocol: string, operation: string, text: string, facts?: Pick<Digest, 'targets' | 'confidence'>): Digest;
  /** For who keeps a named digest for later: is it still cached? Counts as use. Where not, name it anew. */
  holds(digest: Digest): boolean;
  /** Digests of a protocol whose operations are no text but have a shape (a BSON command, a path's pattern). */
  shapes(protocol: string): ShapeDigests;
}

/**
 * Digests by canonical bytes that the protocol filter writes: everything of an operation but its literals. A known shape
 * costs a hash and a comparison: no string and no object. Both calls take the same bytes, the first `length` of `words`
 * (little-endian; the last word filled up with zeros); nothing of them is kept but a copy.
 */
export interface ShapeDigests {
  find(words: Int32Array, length: number): Digest | null;
  /** Adds what find() has just not found. Digests in use push out those that are not. */
  add(words: Int32Array, length: number, facts: ShapeFacts): Digest;
}

/** What a shape is called. Told once, when it is new; final from then on. */
export interface ShapeFacts extends Omit<StatementFacts, 'judged'> {
  /** Readable, without literals. Cut at the digest cap by who makes it. */
  readonly text: string;
  /** The shape was longer than the filter reads. */
  readonly truncated: boolean;
  /** With its literals; called only where the operator asked to see them (`show_literals`). */
  readonly sample?: () => string;
}
