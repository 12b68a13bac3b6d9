import { isUtf8 } from 'node:buffer';
import type { Digest, SqlMode } from '../../exchange/digest.ts';
import type { OperationFacts } from '../../exchange/operation-facts.ts';
import { MysqlLexer } from '../sql/mysql-lexer.ts';
import { SqlLexer } from '../sql/sql-lexer.ts';
import { type Dialect, MYSQL, POSTGRES } from './dialects.ts';
import { accessesOf, operationFacts, unresolvedFacts } from './judged-facts.ts';
import { parseForm } from './parse-form.ts';
import type { SqlDialect } from './sql-parser.ts';
import type { TreeFacts } from './sql-tree-facts.ts';

/** Parses on the loop; null: it does not parse. */
type Parser = (dialect: SqlDialect, text: string, label: string, literals: boolean) => TreeFacts | null;

/** Texts up to here are parsed as they are, longer ones with stand-ins for their literals, lists shortened. Bytes. */
const AS_WRITTEN_BYTES = 8192;
/** Texts above are not read. */
const MOST_BYTES = 1024 * 1024;
/** What remains of a long text must be short enough for the loop. Characters. */
const FORM_CHARS = 8192;
/** Facts kept by their very text, and how long such a text may be. */
const KEPT = 512;
const KEPT_BYTES = 512;

const FIRST_LEXER_BYTES = 64 * 1024;
const BACKSLASH = 0x5c;

/**
 * Facts for policies of texts that cannot be judged by their digest: those that depend on a literal, and those that were
 * longer than the digest cap. Some of the short ones are kept by all of their bytes, for sessions repeat themselves.
 */
export class OwnTexts {
  readonly #parse: Parser;
  readonly #kept = new Map<string, OperationFacts>();
  readonly #lexers: { postgres: SqlLexer | null; mysql: MysqlLexer | null } = { postgres: null, mysql: null };
  #lexerBytes = 0;

  constructor(parse: Parser) {
    this.#parse = parse;
  }

  read(mode: SqlMode, digest: Digest, buf: Buffer, start: number, end: number): OperationFacts {
    const bytes = buf.subarray(start, end);
    if (!isUtf8(bytes) || bytes.includes(0)) return unresolvedFacts(digest.operation, 'the text is not valid UTF-8');
    if (bytes.length > KEPT_BYTES) return this.#read(mode, digest, buf, start, end);
    const key = `${modeKey(mode)}${bytes.toString('latin1')}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const facts = this.#read(mode, digest, buf, start, end);
    if (this.#kept.size >= KEPT) this.#kept.clear();
    this.#kept.set(key, facts);
    return facts;
  }

  #read(mode: SqlMode, digest: Digest, buf: Buffer, start: number, end: number): OperationFacts {
    const { operation } = digest;
    const touched = accessesOf(digest.targets);
    if (end - start > MOST_BYTES) return unresolvedFacts(operation, 'the text is too long to be read', touched);
    const dialect = mode.dialect === 'postgres' ? POSTGRES : MYSQL;
    const asWritten = isAsWritten(mode, buf, start, end);
    const text = asWritten ? buf.toString('utf8', start, end) : this.#form(mode, dialect, buf, start, end);
    if (text === null || text.length > FORM_CHARS)
      return unresolvedFacts(operation, 'the text is too long to be read', touched);
    // Chains of operators run MySQL's parser out of stack, for ever.
    if (mode.dialect === 'mysql' && dialect.tokenFacts(text).tokens > dialect.inlineTokens)
      return unresolvedFacts(operation, 'the text is too long to be read', touched);
    const tree = this.#parse(dialect.name, text, '', asWritten);
    return tree === null
      ? unresolvedFacts(operation, 'does not parse', touched)
      : operationFacts(operation, tree.judged);
  }

  /** All statements of a text in parse form; null where one cannot be. */
  #form(mode: SqlMode, dialect: Dialect, buf: Buffer, start: number, end: number): string | null {
    const lexer = this.#lexer(mode, buf, start, end);
    const forms: string[] = [];
    while (lexer.next()) {
      const form = parseForm(lexer.canonical, buf, dialect.forms);
      if (form === null) return null;
      forms.push(form);
    }
    return forms.join('; ');
  }

  #lexer(mode: SqlMode, buf: Buffer, start: number, end: number): SqlLexer | MysqlLexer {
    const bytes = end - start;
    if (bytes > this.#lexerBytes) {
      this.#lexerBytes = Math.min(MOST_BYTES, Math.max(FIRST_LEXER_BYTES, 2 ** Math.ceil(Math.log2(bytes))));
      this.#lexers.postgres = this.#lexers.mysql = null;
    }
    if (mode.dialect === 'postgres') {
      this.#lexers.postgres ??= new SqlLexer(this.#lexerBytes);
      this.#lexers.postgres.begin(buf, start, end, mode.standardConformingStrings, false);
      return this.#lexers.postgres;
    }
    this.#lexers.mysql ??= new MysqlLexer(this.#lexerBytes);
    this.#lexers.mysql.begin(buf, start, end, mode, false);
    return this.#lexers.mysql;
  }
}

/** May the parser have the text as it is? Its Postgres reads backslashes in plain literals as they are. */
function isAsWritten(mode: SqlMode, buf: Buffer, start: number, end: number): boolean {
  if (mode.dialect !== 'postgres' || end - start > AS_WRITTEN_BYTES) return false;
  if (mode.standardConformingStrings) return true;
  const at = buf.indexOf(BACKSLASH, start);
  return at < 0 || at >= end;
}

/** One text may read differently in another mode. */
const modeKey = (mode: SqlMode): string =>
  mode.dialect === 'postgres'
    ? `p${mode.standardConformingStrings}`
    : `m${mode.ansiQuotes}${mode.noBackslashEscapes}${mode.flavour}${mode.version}\u0000`;
