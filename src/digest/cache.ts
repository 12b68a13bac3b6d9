import { randomBytes } from 'node:crypto';
import type { Digest, DigestCache, SqlMode, SqlReading, SqlStatement, StatementFacts } from '../exchange/digest.ts';
import { digestId } from './canonical-hash.ts';
import { DigestRecord } from './digest-record.ts';
import { DigestTable } from './digest-table.ts';
import { ParseBudget } from './facts/parse-budget.ts';
import { parseFacts } from './facts/parse-facts.ts';
import { parseForm } from './facts/parse-form.ts';
import { ParseThread } from './facts/parse-thread.ts';
import type { SqlParser } from './facts/sql-parser.ts';
import { Sensitive } from './facts/sql-sensitive.ts';
import { tokenFacts } from './facts/sql-token-facts.ts';
import type { TreeFacts } from './facts/sql-tree-facts.ts';
import { sampleOf } from './sample.ts';
import { SqlLexer } from './sql/sql-lexer.ts';
import { traceparentOf } from './sqlcommenter.ts';

export { loadSqlParser, type SqlParser } from './facts/sql-parser.ts';

/** Bounds of one process' digest cache. */
export interface DigestLimits {
  /** Digests kept; above, those not in use are evicted. */
  readonly digests: number;
  /** Memory they may take, bytes, roughly. */
  readonly bytes: number;
  /** Longest text that is read whole; of longer ones this prefix is digested, `truncated`. Bytes. */
  readonly textBytes: number;
  /** Longest text (in parse form) that is parsed on the loop. Characters. */
  readonly inlineChars: number;
  /** Share of the loop that parsing may take: a bucket of `parseBurstMs` that fills by `parseMsPerSecond`. */
  readonly parseMsPerSecond: number;
  readonly parseBurstMs: number;
  /** Statements that may wait for the parser thread, and their characters. */
  readonly queuedParses: number;
  readonly queuedChars: number;
}

export const DIGEST_LIMITS: DigestLimits = {
  digests: 16_384,
  bytes: 64 * 1024 * 1024,
  textBytes: 64 * 1024,
  inlineChars: 4096,
  parseMsPerSecond: 50,
  parseBurstMs: 50,
  queuedParses: 1024,
  queuedChars: 4 * 1024 * 1024,
};

export interface SqlDigestCacheOptions {
  /** From loadSqlParser(); null: facts come from tokens only. */
  readonly parser: SqlParser | null;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** 32 random bits; the hash's key. Default: the system's. */
  readonly random?: () => number;
  readonly limits?: Partial<DigestLimits>;
  /** Keep each digest's first text, literals and all (`show_literals`). Default: no. */
  readonly samples?: boolean;
}

/** What the cache did, ever; for gauges and counters. */
export interface DigestCounts {
  hits: number;
  misses: number;
  truncated: number;
  /** Statements parsed on the loop and by the thread, and those that did not parse. */
  parsedInline: number;
  parsedOffThread: number;
  unparsed: number;
  /** Not parsed: the thread's queue was full. */
  parseDropped: number;
}

/** Kinds of keys: one text may stand for different things. */
const Key = { sql: 0, truncatedSql: 1, named: 2 } as const;
const POSTGRES = 'postgres';
const NAMED_BYTES = 4096;
/** Statement objects kept for the next reading. */
const KEPT_STATEMENTS = 256;

interface Pending {
  readonly text: string;
  readonly label: string;
  readonly waiters: (() => void)[];
}

/**
 * The digest cache of one process. A text's canonical form is looked up as bytes; only one never seen becomes a Digest:
 * facts from its tokens at once, then from Postgres' parser: on the loop while it is short and the budget lasts, else on
 * the parser thread. Facts are a function of the canonical text (the parser is given stand-ins for literals), so the key
 * needs no quoting mode and no text can lend its facts to another.
 *
 * Eviction: `onEvict` is called before a slot is free again. A Digest held elsewhere (by a prepared statement) stays
 * readable after its eviction, but its slot may belong to another digest then: tables indexed by slot compare the digest.
 */
export class SqlDigestCache implements DigestCache {
  readonly counts: DigestCounts = {
    hits: 0,
    misses: 0,
    truncated: 0,
    parsedInline: 0,
    parsedOffThread: 0,
    unparsed: 0,
    parseDropped: 0,
  };
  readonly #limits: DigestLimits;
  readonly #parser: SqlParser | null;
  readonly #now: () => number;
  readonly #samples: boolean;
  readonly #budget: ParseBudget;
  readonly #thread: ParseThread;
  readonly #lexer: SqlLexer;
  readonly #table: DigestTable;
  readonly #pending = new Map<Digest, Pending>();
  readonly #reading: SqlReading = { count: 0, statements: [], truncated: false, traceparent: '' };
  readonly #nameWords = new Int32Array(NAMED_BYTES / 4 + 1);
  readonly #nameBytes = Buffer.from(this.#nameWords.buffer);

  constructor(options: SqlDigestCacheOptions) {
    const limits = { ...DIGEST_LIMITS, ...options.limits };
    const random = options.random ?? (() => randomBytes(4).readInt32LE());
    this.#limits = limits;
    this.#parser = options.parser;
    this.#now = options.now;
    this.#budget = new ParseBudget(options.now, limits.parseMsPerSecond, limits.parseBurstMs);
    this.#thread = new ParseThread(limits.queuedParses, limits.queuedChars);
    this.#lexer = new SqlLexer(limits.textBytes);
    this.#samples = options.samples ?? false;
    this.#table = new DigestTable(limits.digests, limits.bytes, random(), random());
  }

  /** Digests held now. */
  get size(): number {
    return this.#table.size;
  }

  get evictions(): number {
    return this.#table.evictions;
  }

  /** Statements that wait for the parser thread. */
  get waiting(): number {
    return this.#pending.size;
  }

  set onEvict(call: (digest: Digest) => void) {
    this.#table.onEvict = call;
  }

  /** Ends the parser thread; what waits for it is settled as it is. */
  close(): void {
    this.#thread.close();
  }

  read(mode: SqlMode, buf: Buffer, start: number, end: number): SqlReading {
    const reading = this.#reading;
    const lexer = this.#lexer;
    if (reading.statements.length > KEPT_STATEMENTS) reading.statements.length = KEPT_STATEMENTS;
    const truncated = end - start > this.#limits.textBytes;
    const to = truncated ? start + this.#limits.textBytes : end;
    lexer.begin(buf, start, to, standardConforming(mode), truncated);
    let count = 0;
    while (lexer.next()) {
      const digest = this.#lookUp(buf);
      const statementEnd = lexer.cut ? end : lexer.end;
      const statement = reading.statements[count];
      if (statement) {
        statement.digest = digest;
        statement.start = lexer.start;
        statement.end = statementEnd;
      } else reading.statements.push({ digest, start: lexer.start, end: statementEnd } satisfies SqlStatement);
      count++;
    }
    reading.count = count;
    reading.truncated = truncated;
    reading.traceparent = lexer.firstCommentAt < 0 ? '' : this.#traceparent(buf);
    if (truncated) this.counts.truncated++;
    return reading;
  }

  settle(digest: Digest, done: () => void): boolean {
    if (digest.settled) return true;
    const pending = this.#pending.get(digest);
    if (!pending) {
      digest.settled = true;
      return true;
    }
    if (pending.text.length <= this.#limits.inlineChars && this.#budget.open) {
      this.#parseInline(digest, pending.text, pending.label);
      return true;
    }
    pending.waiters.push(done);
    return false;
  }

  factsOf(mode: SqlMode, buf: Buffer, start: number, end: number): StatementFacts | null {
    if (end - start > this.#limits.textBytes) return null;
    const lexer = this.#lexer;
    lexer.begin(buf, start, end, standardConforming(mode), false);
    const forms: string[] = [];
    const texts: string[] = [];
    let readable = true;
    while (lexer.next()) {
      const form = parseForm(lexer.canonical, buf);
      if (form === null) readable = false;
      else forms.push(form);
      texts.push(this.#text());
    }
    const text = texts.join('; ');
    const form = forms.join('; ');
    if (form.length > this.#limits.inlineChars) return null;
    const tokens = tokenFacts(text);
    const { operation } = tokens;
    const tree = readable && form !== '' ? this.#timed(form, tokens.label) : null;
    if (!tree) {
      const confidence = readable && form !== '' ? 'partial' : 'none';
      return { operation, summary: tokens.summary, targets: tokens.targets, confidence };
    }
    // Code in a literal or behind a name stays unread, however well the statement around it parses.
    const confidence = tree.sensitivity === Sensitive.code ? 'partial' : 'parsed';
    return { operation, summary: tree.summary, targets: tree.targets, confidence };
  }

  named(protocol: string, operation: string, text: string): Digest {
    const bytes = this.#nameBytes;
    const length = Math.min(bytes.write(`${protocol}\u0000${operation}\u0000${text}`), NAMED_BYTES);
    bytes.fill(0, length, length + 4);
    const known = this.#table.find(this.#nameWords, length, Key.named);
    if (known) return known;
    return this.#table.add(this.#nameWords, length, Key.named, (slot) => {
      const id = digestId(protocol, Buffer.from(`${operation}\u0000${text}`));
      const digest = new DigestRecord(id, protocol, text, false, slot);
      digest.operation = operation;
      digest.summary = operation;
      digest.confidence = 'parsed';
      digest.settled = true;
      return digest;
    });
  }

  #lookUp(buf: Buffer): Digest {
    const { canonical, cut } = this.#lexer;
    const known = this.#table.find(canonical.words, canonical.length, cut ? Key.truncatedSql : Key.sql);
    if (known === null) return this.#first(buf, cut);
    this.counts.hits++;
    return known;
  }

  #traceparent(buf: Buffer): string {
    const { firstCommentAt, firstCommentEnd, lastCommentAt, lastCommentEnd } = this.#lexer;
    const first = traceparentOf(buf, firstCommentAt, firstCommentEnd);
    return first !== '' || lastCommentAt === firstCommentAt ? first : traceparentOf(buf, lastCommentAt, lastCommentEnd);
  }

  #text(): string {
    const { out, length } = this.#lexer.canonical;
    return Buffer.from(out.buffer, 0, length).toString('utf8');
  }

  /** A statement never seen. */
  #first(buf: Buffer, cut: boolean): Digest {
    const { canonical } = this.#lexer;
    this.counts.misses++;
    const text = this.#text();
    const id = digestId(POSTGRES, canonical.out.subarray(0, canonical.length));
    const facts = tokenFacts(text);
    const kind = cut ? Key.truncatedSql : Key.sql;
    let record: DigestRecord | null = null;
    const digest = this.#table.add(canonical.words, canonical.length, kind, (slot) => {
      record = new DigestRecord(id, POSTGRES, text, cut, slot);
      if (this.#samples) record.sample = sampleOf(buf, this.#lexer.start, this.#lexer.end, text);
      return record;
    });
    digest.operation = facts.operation;
    if (cut) {
      digest.summary = facts.label === '' ? facts.operation : facts.label;
      digest.settled = true;
      return digest;
    }
    digest.summary = facts.summary;
    digest.literalSensitive = facts.sensitivity !== Sensitive.no;
    const form = parseForm(canonical, buf);
    if (form === null) {
      digest.settled = true;
      return digest;
    }
    digest.targets = facts.targets;
    digest.confidence = 'partial';
    this.#parse(digest, form, facts.label);
    return digest;
  }

  #parse(digest: Digest, text: string, label: string): void {
    if (this.#parser === null) digest.settled = true;
    else if (!this.#parser.broken && text.length <= this.#limits.inlineChars && this.#budget.open)
      this.#parseInline(digest, text, label);
    else if (this.#thread.submit(text, label, (facts) => this.#parsedElsewhere(digest, facts)))
      this.#pending.set(digest, { text, label, waiters: [] });
    else {
      digest.settled = true;
      this.counts.parseDropped++;
    }
  }

  #parseInline(digest: Digest, text: string, label: string): void {
    this.counts.parsedInline++;
    this.#settle(digest, this.#timed(text, label));
  }

  #parsedElsewhere(digest: Digest, facts: TreeFacts | null): void {
    if (digest.settled) return; // the gate was faster
    this.counts.parsedOffThread++;
    this.#settle(digest, facts);
  }

  #timed(text: string, label: string): TreeFacts | null {
    if (this.#parser === null) return null;
    const before = this.#now();
    const facts = parseFacts(this.#parser, text, label);
    this.#budget.spend(this.#now() - before);
    return facts;
  }

  #settle(digest: Digest, facts: TreeFacts | null): void {
    if (facts) {
      digest.summary = facts.summary;
      digest.targets = facts.targets;
      digest.confidence = 'parsed';
      if (facts.sensitivity !== Sensitive.no) digest.literalSensitive = true;
    } else this.counts.unparsed++;
    digest.settled = true;
    const pending = this.#pending.get(digest);
    if (!pending) return;
    this.#pending.delete(digest);
    for (const done of pending.waiters) done();
  }
}

const standardConforming = (mode: SqlMode): boolean =>
  mode.dialect === 'postgres' ? mode.standardConformingStrings : mode.noBackslashEscapes;
