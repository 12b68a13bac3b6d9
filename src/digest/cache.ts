import { randomBytes } from 'node:crypto';
import type {
  Digest,
  DigestCache,
  ShapeDigests,
  ShapeFacts,
  SqlMode,
  SqlReading,
  SqlStatement,
  StatementFacts,
} from '../exchange/digest.ts';
import type { OperationFacts } from '../exchange/operation-facts.ts';
import { digestId } from './canonical-hash.ts';
import { DIGEST_LIMITS, type DigestLimits } from './digest-limits.ts';
import { DigestRecord } from './digest-record.ts';
import { DigestTable } from './digest-table.ts';
import { type Dialect, Key, MYSQL, POSTGRES } from './facts/dialects.ts';
import { accessesOf, operationFacts, unresolvedFacts } from './facts/judged-facts.ts';
import { limitedFacts, wholeNumber } from './facts/limited-facts.ts';
import { OwnTexts } from './facts/own-texts.ts';
import { ParseBudget } from './facts/parse-budget.ts';
import { parseFacts } from './facts/parse-facts.ts';
import { formOffsets, parseForm } from './facts/parse-form.ts';
import { type ParseTask, ParseThread } from './facts/parse-thread.ts';
import type { SqlParser, SqlParsers } from './facts/sql-parser.ts';
import { Sensitive } from './facts/sql-sensitive.ts';
import type { TreeFacts } from './facts/sql-tree-facts.ts';
import { sampleOf } from './sample.ts';
import { MysqlLexer } from './sql/mysql-lexer.ts';
import { SqlLexer } from './sql/sql-lexer.ts';
import { traceparentOf } from './sqlcommenter.ts';

export { DIGEST_LIMITS, type DigestLimits } from './digest-limits.ts';
export { loadSqlParser, type SqlDialect, type SqlParser, type SqlParsers } from './facts/sql-parser.ts';

export interface SqlDigestCacheOptions {
  /** From loadSqlParser(), one a dialect; null: facts come from tokens only. */
  readonly parser: SqlParsers | null;
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

const NAMED_BYTES = 4096;
const NO_FACTS: Pick<Digest, 'targets' | 'confidence'> = { targets: [], confidence: 'parsed' };
/** Statement objects kept for the next reading. */
const KEPT_STATEMENTS = 256;

/** A statement to be parsed; `tokens`: how many it has. */
interface Parse extends ParseTask {
  readonly tokens: number;
  /** Where its literals stand in `text`, in bytes, if one of them may be the row limit. */
  readonly literals: readonly number[] | null;
}

interface Pending {
  readonly task: Parse;
  readonly waiters: (() => void)[];
}

/**
 * The digest cache of one process. A text's canonical form is looked up as bytes; only one never seen becomes a Digest:
 * facts from its tokens at once, then from its dialect's parser: on the loop while it is short and the budget lasts, else
 * on the parser thread. MySQL's lexer and parser are made when a session first asks for them. Facts are a function of the canonical text (the parser is given stand-ins for literals), so the key
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
  readonly #parsers: SqlParsers | null;
  readonly #now: () => number;
  readonly #samples: boolean;
  readonly #budget: ParseBudget;
  readonly #thread: ParseThread;
  readonly #postgres: SqlLexer;
  #mysql: MysqlLexer | null = null;
  /** Of the text read last. */
  #lexer: SqlLexer | MysqlLexer;
  #dialect: Dialect = POSTGRES;
  readonly #table: DigestTable;
  readonly #shapes = new Map<string, ShapeDigests>();
  readonly #pending = new Map<Digest, Pending>();
  readonly #own: OwnTexts;
  /** Among the pending: those that wait for MySQL's parser to be loaded. */
  #forLoad: Digest[] = [];
  readonly #reading: SqlReading = { count: 0, statements: [], truncated: false, traceparent: '' };
  readonly #nameWords = new Int32Array(NAMED_BYTES / 4 + 1);
  readonly #nameBytes = Buffer.from(this.#nameWords.buffer);

  constructor(options: SqlDigestCacheOptions) {
    const limits = { ...DIGEST_LIMITS, ...options.limits };
    const random = options.random ?? (() => randomBytes(4).readInt32LE());
    this.#limits = limits;
    this.#parsers = options.parser;
    this.#now = options.now;
    this.#budget = new ParseBudget(options.now, limits.parseMsPerSecond, limits.parseBurstMs);
    this.#thread = new ParseThread(limits.queuedParses, limits.queuedChars);
    this.#postgres = new SqlLexer(limits.textBytes);
    this.#lexer = this.#postgres;
    this.#samples = options.samples ?? false;
    this.#table = new DigestTable(limits.digests, limits.bytes, random(), random());
    this.#own = new OwnTexts((dialect, text, label, literals) => this.#timed({ dialect, text, label }, literals));
  }

  /** Digests held now. */
  get size(): number {
    return this.#table.size;
  }

  get evictions(): number {
    return this.#table.evictions;
  }

  /** Statements that wait for the parser thread, or for their parser to be loaded. */
  get waiting(): number {
    return this.#pending.size;
  }

  set onEvict(call: (digest: Digest) => void) {
    this.#table.onEvict = call;
  }

  /** Ends the parser thread; what waits for it is settled as it is. */
  close(): void {
    this.#thread.close();
    for (const digest of this.#forLoad.splice(0)) this.#settle(digest, null);
  }

  read(mode: SqlMode, buf: Buffer, start: number, end: number): SqlReading {
    const reading = this.#reading;
    if (reading.statements.length > KEPT_STATEMENTS) reading.statements.length = KEPT_STATEMENTS;
    const truncated = end - start > this.#limits.textBytes;
    const to = truncated ? start + this.#limits.textBytes : end;
    const lexer = this.#begin(mode, buf, start, to, truncated);
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
    if (this.#fitsLoop(pending.task) && this.#budget.open) {
      this.#parseInline(digest, pending.task);
      return true;
    }
    pending.waiters.push(done);
    return false;
  }

  factsOf(mode: SqlMode, buf: Buffer, start: number, end: number): StatementFacts | null {
    if (end - start > this.#limits.textBytes) return null;
    const lexer = this.#begin(mode, buf, start, end, false);
    const dialect = this.#dialect;
    const forms: string[] = [];
    const texts: string[] = [];
    let readable = true;
    while (lexer.next()) {
      const form = parseForm(lexer.canonical, buf, dialect.forms);
      if (form === null) readable = false;
      else forms.push(form);
      texts.push(this.#text());
    }
    const text = texts.join('; ');
    const form = forms.join('; ');
    if (form.length > this.#limits.inlineChars) return null;
    const tokens = dialect.tokenFacts(text);
    const { operation } = tokens;
    if (tokens.tokens > dialect.inlineTokens) return null;
    const tree =
      readable && form !== '' ? this.#timed({ dialect: dialect.name, text: form, label: tokens.label }) : null;
    if (!tree) {
      const confidence = readable && form !== '' ? 'partial' : 'none';
      const judged = unresolvedFacts(operation, 'does not parse', accessesOf(tokens.targets));
      return { operation, summary: tokens.summary, targets: tokens.targets, confidence, judged };
    }
    // Code in a literal or behind a name stays unread, however well the statement around it parses.
    const confidence = tree.sensitivity === Sensitive.code ? 'partial' : 'parsed';
    const judged = operationFacts(operation, tree.judged);
    return { operation, summary: tree.summary, targets: tree.targets, confidence, judged };
  }

  judgedOf(mode: SqlMode, digest: Digest, buf: Buffer, start: number, end: number, whole = false): OperationFacts {
    const { judged } = digest;
    if (judged === null || whole || !(digest instanceof DigestRecord))
      return this.#own.read(mode, digest, buf, start, end);
    return digest.limitLiteral < 0 ? judged : this.#limited(mode, digest, judged, buf, start, end);
  }

  /** The facts of a digest with the row limit that this text has. */
  #limited(
    mode: SqlMode,
    digest: DigestRecord,
    judged: OperationFacts,
    buf: Buffer,
    start: number,
    end: number,
  ): OperationFacts {
    const lexer = this.#begin(mode, buf, start, end, false);
    if (!lexer.next() || digest.limitLiteral >= lexer.canonical.literals) return judged;
    const { literalFrom, literalTo } = lexer.canonical;
    const limit = wholeNumber(buf, literalFrom[digest.limitLiteral]!, literalTo[digest.limitLiteral]!);
    return limitedFacts(digest, judged, limit);
  }

  named(
    protocol: string,
    operation: string,
    text: string,
    facts: Pick<Digest, 'targets' | 'confidence'> = NO_FACTS,
  ): Digest {
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
      digest.targets = facts.targets;
      digest.confidence = facts.confidence;
      digest.settled = true;
      return digest;
    });
  }

  holds(digest: Digest): boolean {
    return this.#table.holds(digest);
  }

  shapes(protocol: string): ShapeDigests {
    const known = this.#shapes.get(protocol);
    if (known !== undefined) return known;
    const kind = Key.shape + this.#shapes.size;
    const shapes: ShapeDigests = {
      find: (words, length) => {
        const digest = this.#table.find(words, length, kind);
        if (digest === null) this.counts.misses++;
        else this.counts.hits++;
        return digest;
      },
      add: (words, length, facts) =>
        this.#table.add(words, length, kind, (slot) => this.#shape(protocol, words, length, facts, slot)),
    };
    this.#shapes.set(protocol, shapes);
    return shapes;
  }

  #shape(protocol: string, words: Int32Array, length: number, facts: ShapeFacts, slot: number): Digest {
    const id = digestId(protocol, new Uint8Array(words.buffer, words.byteOffset, length));
    const digest = new DigestRecord(id, protocol, facts.text, facts.truncated, slot);
    digest.operation = facts.operation;
    digest.summary = facts.summary;
    digest.targets = facts.targets;
    digest.confidence = facts.confidence;
    digest.settled = true;
    if (this.#samples) digest.sample = facts.sample?.() ?? '';
    if (facts.truncated) this.counts.truncated++;
    return digest;
  }

  #begin(mode: SqlMode, buf: Buffer, start: number, end: number, truncated: boolean): SqlLexer | MysqlLexer {
    if (mode.dialect === 'postgres') {
      const lexer = this.#postgres;
      lexer.begin(buf, start, end, mode.standardConformingStrings, truncated);
      this.#lexer = lexer;
      this.#dialect = POSTGRES;
      return lexer;
    }
    this.#mysql ??= new MysqlLexer(this.#limits.textBytes);
    this.#mysql.begin(buf, start, end, mode, truncated);
    this.#lexer = this.#mysql;
    this.#dialect = MYSQL;
    return this.#mysql;
  }

  #lookUp(buf: Buffer): Digest {
    const { canonical, cut } = this.#lexer;
    const { key, truncatedKey } = this.#dialect;
    const known = this.#table.find(canonical.words, canonical.length, cut ? truncatedKey : key);
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
    const dialect = this.#dialect;
    this.counts.misses++;
    const text = this.#text();
    const id = digestId(dialect.name, canonical.out.subarray(0, canonical.length));
    const facts = dialect.tokenFacts(text);
    const kind = cut ? dialect.truncatedKey : dialect.key;
    let record: DigestRecord | null = null;
    const digest = this.#table.add(canonical.words, canonical.length, kind, (slot) => {
      record = new DigestRecord(id, dialect.name, text, cut, slot);
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
    const form = parseForm(canonical, buf, dialect.forms);
    if (form === null) {
      digest.judged = unresolvedFacts(digest.operation, 'the text is not valid UTF-8');
      digest.settled = true;
      return digest;
    }
    digest.targets = facts.targets;
    digest.confidence = 'partial';
    const literals = /\b(?:limit|fetch) /.test(text) ? formOffsets(canonical, dialect.forms) : null;
    this.#parse(digest, { dialect: dialect.name, text: form, label: facts.label, tokens: facts.tokens, literals });
    return digest;
  }

  #parse(digest: Digest, task: Parse): void {
    const parser = this.#parsers?.[task.dialect];
    if (parser === undefined) digest.settled = true;
    else if (!parser.ready && !parser.broken) this.#parseLater(digest, task, parser);
    else if (!parser.broken && this.#fitsLoop(task) && this.#budget.open) this.#parseInline(digest, task);
    else if (this.#thread.submit(task, (facts) => this.#parsedElsewhere(digest, facts, task.literals))) {
      if (!this.#pending.has(digest)) this.#pending.set(digest, { task, waiters: [] });
    } else {
      this.counts.parseDropped++;
      this.#giveUp(digest);
    }
  }

  /** Keeps the statement until its parser is loaded; as many as may wait for the thread. */
  #parseLater(digest: Digest, task: Parse, parser: SqlParser): void {
    if (this.#forLoad.length >= this.#limits.queuedParses) {
      this.counts.parseDropped++;
      digest.settled = true;
      return;
    }
    this.#forLoad.push(digest);
    this.#pending.set(digest, { task, waiters: [] });
    if (this.#forLoad.length > 1) return;
    void parser.load().then(() => {
      for (const waiting of this.#forLoad.splice(0)) {
        const pending = this.#pending.get(waiting);
        if (pending) this.#parse(waiting, pending.task);
      }
    });
  }

  #fitsLoop({ dialect, text, tokens }: Parse): boolean {
    const { ready, broken } = this.#parsers![dialect];
    const most = dialect === 'mysql' ? MYSQL.inlineTokens : POSTGRES.inlineTokens;
    return ready && !broken && text.length <= this.#limits.inlineChars && tokens <= most;
  }

  #parseInline(digest: Digest, task: Parse): void {
    this.counts.parsedInline++;
    this.#settle(digest, this.#timed(task), task.literals);
  }

  #parsedElsewhere(digest: Digest, facts: TreeFacts | null, literals: readonly number[] | null): void {
    if (digest.settled) return; // the gate was faster
    this.counts.parsedOffThread++;
    this.#settle(digest, facts, literals);
  }

  #timed({ dialect, text, label }: ParseTask, literals = false): TreeFacts | null {
    if (this.#parsers === null) return null;
    const before = this.#now();
    const facts = parseFacts(this.#parsers[dialect], dialect, text, label, literals);
    this.#budget.spend(this.#now() - before);
    return facts;
  }

  #settle(digest: Digest, facts: TreeFacts | null, literals: readonly number[] | null = null): void {
    if (facts) {
      digest.summary = facts.summary;
      digest.targets = facts.targets;
      digest.confidence = 'parsed';
      if (facts.sensitivity !== Sensitive.no) digest.literalSensitive = true;
      if (!digest.literalSensitive) {
        digest.judged = operationFacts(digest.operation, facts.judged);
        if (literals !== null && digest instanceof DigestRecord)
          digest.limitLiteral = facts.judged.limitAt < 0 ? -1 : literals.indexOf(facts.judged.limitAt);
      }
    } else this.counts.unparsed++;
    this.#giveUp(digest);
  }

  /** The facts are what they are; tells who waits for them. */
  #giveUp(digest: Digest): void {
    digest.settled = true;
    const pending = this.#pending.get(digest);
    if (!pending) return;
    this.#pending.delete(digest);
    for (const done of pending.waiters) done();
  }
}
