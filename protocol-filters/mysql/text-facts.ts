import { mysqlTextTokens } from '../../src/digest/facts/mysql-text-tokens.ts';
import type { Digest, MysqlSqlMode } from '../../src/exchange/digest.ts';
import { binaryName, type OperationFacts } from '../../src/exchange/operation-facts.ts';
import { type Charset, utf8Of } from './charsets.ts';
import type { Conversation } from './conversation.ts';
import { type Effect, effect } from './effects.ts';
import type { QueryTexts } from './query-texts.ts';
import { readTextStatement, type TextStatement } from './text-statements.ts';

/** What SQL's PREPARE gave a name to. */
export interface Named {
  readonly facts: OperationFacts;
  readonly effect: Effect | null;
}

/** What one statement is judged by. */
interface Judged {
  readonly facts: OperationFacts;
  readonly effect: Effect | null;
  /** Of a statement that runs, or names, another one: what that does. */
  readonly inner: OperationFacts | null;
}

/** A text prepared in a text that is prepared: no server runs it. */
const MAX_DEPTH = 2;

/** What the statements of a text are judged by, in the database and the mode that they will meet. */
export class TextFacts {
  readonly #talk: Conversation;
  readonly #resume: () => void;
  /** What each statement does to the session once the server has said OK. Read where there is a gate. */
  readonly effects: (Effect | null)[] = [];
  /** Commands behind this text may mean something else. */
  changesReading = false;
  /** The database that the next statement of the text meets. */
  #database = '';
  /** A text in the text is being parsed still. */
  #waits = false;
  /** Names given in this very text. */
  readonly #names = new Map<string, Named>();

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#resume = () => talk.release();
  }

  /**
   * Adds the facts of all statements of the text read last to `out`. Returns why nobody can read it for certain, '' where
   * it can be read, or null: not yet, its facts are being parsed.
   */
  read(texts: QueryTexts, out: OperationFacts[]): string | null {
    const talk = this.#talk;
    const { digests } = texts;
    const isGated = talk.gate !== null;
    let settled = true;
    for (const digest of digests)
      if (!talk.bound.digests.settle(digest, isGated ? this.#resume : nothing)) settled = false;
    if (!settled && isGated) return null;
    while (this.effects.length > 0) this.effects.pop();
    this.changesReading = false;
    this.#waits = false;
    const doubt = this.#statements(texts, out);
    if (!isGated) return '';
    const why = doubt || this.#readsOneWay(texts, out);
    if (!this.#waits) return why;
    while (out.length > 0) out.pop();
    return null;
  }

  /** Are the facts of a text in a text known? Where somebody enforces, the message waits for them. */
  #isSettled(digest: Digest): boolean {
    const { bound, gate } = this.#talk;
    const settled = bound.digests.settle(digest, gate === null ? nothing : this.#resume);
    if (!settled) this.#waits = true;
    return settled;
  }

  #statements(texts: QueryTexts, out: OperationFacts[]): string {
    const talk = this.#talk;
    const { mode } = talk.reading;
    this.#database = binaryName(talk.host.facts.database);
    if (this.#names.size > 0) this.#names.clear();
    const inner: OperationFacts[] = [];
    const { source } = texts;
    const last = texts.digests.length - 1;
    let doubt = '';
    for (let i = 0; i <= last; i++) {
      const [start, end] = texts.rangeOf(i);
      const judged = this.#one(mode, texts.digests[i]!, source, start, end, texts.truncated && i === last, 0);
      out.push(judged.facts);
      if (judged.inner !== null) inner.push(judged.inner);
      this.effects[i] = judged.effect;
      if (judged.effect === null) continue;
      this.changesReading = true;
      if (judged.effect.kind === 'settings' && i < last && this.#changes(judged.effect))
        doubt = 'the text changes how the rest of it reads';
    }
    for (const facts of inner) out.push(facts);
    return doubt;
  }

  /** One statement. What depends on its database, on names given before or on its literals is worked out here. */
  #one(
    mode: MysqlSqlMode,
    digest: Digest,
    buf: Buffer,
    start: number,
    end: number,
    whole: boolean,
    depth: number,
  ): Judged {
    const talk = this.#talk;
    if (IN_LITERALS.has(digest.operation) && !whole) {
      const tokens = mysqlTextTokens(buf, start, end, mode);
      const read = tokens === null ? null : readTextStatement(tokens);
      if (read !== null) return this.#textual(mode, digest, read, buf, end, depth);
    }
    const facts = talk.bound.factsOf(mode, digest, buf, start, end, whole);
    if (digest.operation === 'USE') this.#used(facts);
    return { facts: this.#resolved(facts), effect: this.#effectOf(digest, facts), inner: null };
  }

  #resolved(facts: OperationFacts): OperationFacts {
    const { bound, reading } = this.#talk;
    const resolved = bound.resolver.resolve(facts, this.#database);
    // Names in another character set are other names to the server.
    if (!reading.namesAreUtf8 && resolved.unresolved === '' && resolved.accesses.some(hasHighByte))
      return { ...resolved, unresolved: 'names that are not UTF-8' };
    return resolved;
  }

  #effectOf(digest: Digest, facts: OperationFacts): Effect | null {
    if (facts.unresolved !== '') return UNSURE;
    if (digest.operation === 'USE') return effect('database', Buffer.from(this.#database, 'latin1').toString('utf8'));
    // The server may ask for the file: what comes next is no command then.
    if (digest.operation === 'LOAD') return effect('settings');
    return null;
  }

  #used(facts: OperationFacts): void {
    const use = facts.accesses.find(({ verb }) => verb === 'use');
    if (use !== undefined) this.#database = use.schema;
  }

  #textual(mode: MysqlSqlMode, digest: Digest, read: TextStatement, buf: Buffer, end: number, depth: number): Judged {
    const named = read.runs === '' ? null : (this.#names.get(read.runs) ?? this.#talk.names.get(read.runs) ?? null);
    const inner = named ?? (read.inner === null ? null : this.#inner(mode, read.inner, buf, end, depth));
    let { unresolved } = read;
    if (read.runs !== '' && named === null) unresolved ||= 'was prepared out of sight';
    if (read.inner !== null && inner === null) unresolved ||= 'runs text that cannot be read';
    const facts = this.#resolved({
      operation: digest.operation,
      accesses: read.accesses,
      unresolved,
      hasWhere: false,
      limit: -1,
      stages: [],
      categories: [],
    });
    let does = read.effect;
    if (does?.kind === 'prepares') {
      if (inner !== null) this.#names.set(does.name, inner);
      this.#talk.offered.set(does.name, inner);
    } else if (inner?.effect) does = inner.effect;
    if (unresolved !== '' && does?.kind !== 'prepares') does = does === null ? UNSURE : { ...does, doubt: 'all' };
    return { facts, effect: does, inner: inner?.facts ?? null };
  }

  /** The statement in a literal, or behind SET STATEMENT … FOR. */
  #inner(
    mode: MysqlSqlMode,
    at: NonNullable<TextStatement['inner']>,
    buf: Buffer,
    end: number,
    depth: number,
  ): Named | null {
    if (depth >= MAX_DEPTH) return null;
    const text = 'text' in at ? Buffer.from(at.text, 'utf8') : buf;
    const { digests } = this.#talk.bound;
    const reading = digests.read(mode, text, 'text' in at ? 0 : at.from, 'text' in at ? text.length : end);
    if (reading.count !== 1 || reading.truncated) return null;
    const statement = reading.statements[0]!;
    const { digest, start, end: to } = statement;
    if (!this.#isSettled(digest)) return null;
    const { facts, effect: does, inner } = this.#one(mode, digest, text, start, to, false, depth + 1);
    return inner === null ? { facts, effect: does } : null;
  }

  // ---- readings

  /** Does a SET change how the text behind it reads? */
  #changes({ on, name, doubt, backslashes }: Effect): boolean {
    const { reading } = this.#talk;
    if (doubt !== '' || (on !== null && on !== reading.ansiQuotes)) return true;
    if (backslashes !== null && backslashes === reading.mode.noBackslashEscapes) return true;
    return name !== '' && !reading.isCharset(name);
  }

  /** Where it is not known how the server reads this text: does it say the same in every way it may? */
  #readsOneWay(texts: QueryTexts, out: readonly OperationFacts[]): string {
    const { reading } = this.#talk;
    const { raw, rawFrom, rawTo } = texts;
    const quoted = reading.quotesUnsure && raw.subarray(rawFrom, rawTo).includes(0x22);
    const high = (reading.charsetUnsure || reading.otherCharsets.length > 0) && hasHigh(raw, rawFrom, rawTo);
    if (high && reading.charsetUnsure) return 'its character set is not known';
    const versioned = reading.versionUnsure && /\/\*M?!/.test(raw.toString('latin1', rawFrom, rawTo));
    if (!quoted && !high && !versioned) return '';
    const told = JSON.stringify(out);
    const modes = quoted ? [reading.mode, reading.otherQuotes] : [reading.mode];
    if (versioned) modes.push(...reading.versions);
    const charsets = high ? [reading.charset, ...reading.otherCharsets] : [reading.charset];
    for (const mode of modes)
      for (const charset of charsets)
        if ((mode !== reading.mode || charset !== reading.charset) && this.#asIf(mode, charset, texts) !== told)
          return 'it reads in two ways';
    return '';
  }

  #asIf(mode: MysqlSqlMode, charset: Charset | null, texts: QueryTexts): string {
    const talk = this.#talk;
    const { raw, rawFrom, rawTo } = texts;
    const converted = charset === null ? null : utf8Of(charset, raw, rawFrom, rawTo);
    const buf = converted ?? raw;
    const [from, to] = converted === null ? [rawFrom, rawTo] : [0, converted.length];
    const { statements, count } = talk.bound.digests.read(mode, buf, from, to);
    const found = statements.slice(0, count).map((statement) => ({ ...statement }));
    this.#database = binaryName(talk.host.facts.database);
    const out: OperationFacts[] = [];
    const inner: OperationFacts[] = [];
    for (const { digest, start, end } of found) {
      if (!this.#isSettled(digest)) return '';
      const judged = this.#one(mode, digest, buf, start, end, false, 0);
      out.push(judged.facts);
      if (judged.inner !== null) inner.push(judged.inner);
    }
    return JSON.stringify([...out, ...inner]);
  }
}

/** Statements whose literals say what they do. */
const IN_LITERALS: ReadonlySet<string> = new Set(['SET', 'PREPARE', 'EXECUTE', 'DEALLOCATE', 'DROP']);
/** Behind what nobody could read, nothing is known of how texts read. */
const UNSURE = effect('settings', '', null, 0, null, 'all');
const nothing = (): void => {};
const HIGH = /[\x80-\xff]/;
const hasHighByte = ({ schema, name }: { schema: string; name: string }): boolean =>
  HIGH.test(name) || HIGH.test(schema);

function hasHigh(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (buf[i]! >= 0x80) return true;
  return false;
}
