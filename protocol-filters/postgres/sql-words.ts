import { zeroAt } from '../../src/bytes/cursor.ts';
import { CHAR, Char, isDigit, WORD_CONT } from '../../src/digest/sql/sql-chars.ts';
import { blockCommentEnd, lineCommentEnd, quotedIdentifierEnd } from '../../src/digest/sql/sql-scan.ts';
import { MAX_NAME_BYTES } from './wire.ts';

/** No statement of a session's own names has more before what matters here. */
const MOST_BYTES = 4096;

/**
 * The first words and names of a statement, by the rules of the server's lexer (comments nest, lines end with CR too, only
 * ASCII is folded): a reading of these that differs from the server's would run one statement and judge another.
 */
export class SqlWords {
  readonly #buf: Buffer;
  readonly #to: number;
  /** Offset of what was not read yet. */
  at: number;

  constructor(buf: Buffer, start: number, end: number) {
    this.#buf = buf;
    this.at = start;
    const nul = zeroAt(buf, start, end);
    this.#to = Math.min(nul < 0 ? end : nul, start + MOST_BYTES);
  }

  /** Nothing but blanks, comments and semicolons is left. */
  get ended(): boolean {
    this.#skip();
    while (this.at < this.#to && this.#buf[this.at] === SEMICOLON) {
      this.at++;
      this.#skip();
    }
    return this.at >= this.#to;
  }

  /** Takes this word, unquoted and in lower case, if it comes next. */
  word(word: string): boolean {
    const before = this.at;
    if (this.#plain() === word) return true;
    this.at = before;
    return false;
  }

  /** Takes one of these words if one comes next; '' = none does. */
  oneOf(words: ReadonlySet<string>): string {
    const before = this.at;
    const word = this.#plain();
    if (word !== null && words.has(word)) return word;
    this.at = before;
    return '';
  }

  /** Takes a whole number with its sign, if one comes next. */
  number(): boolean {
    this.#skip();
    const before = this.at;
    let at = before;
    if (this.#buf[at] === PLUS || this.#buf[at] === MINUS) at++;
    const digits = at;
    while (at < this.#to && isDigit(this.#buf[at]!)) at++;
    if (at === digits) return false;
    this.at = at;
    return true;
  }

  /** Takes a name as the server folds and cuts it, one character a byte; null where none stands that we read. */
  name(): string | null {
    this.#skip();
    const buf = this.#buf;
    if (this.at < this.#to && buf[this.at] === DOUBLE_QUOTE) {
      const from = this.at;
      this.at = quotedIdentifierEnd(buf, from, this.#to);
      if (this.at - from < 3 || buf[this.at - 1] !== DOUBLE_QUOTE) return null;
      return cut(buf.toString('latin1', from + 1, this.at - 1).replaceAll('""', '"'));
    }
    const word = this.#plain();
    return word === null ? null : cut(word);
  }

  /** Takes a group in parentheses, if one comes next; false where it has no end, or holds what is not types. */
  parentheses(): boolean {
    this.#skip();
    if (this.#buf[this.at] !== OPEN) return true;
    let depth = 0;
    for (;;) {
      this.#skip();
      if (this.at >= this.#to) return false;
      const c = this.#buf[this.at]!;
      if (c === DOUBLE_QUOTE) this.at = quotedIdentifierEnd(this.#buf, this.at, this.#to);
      else if (c === QUOTE) return false;
      else this.at++;
      if (c === OPEN) depth++;
      else if (c === CLOSE && --depth === 0) return true;
    }
  }

  #plain(): string | null {
    this.#skip();
    const buf = this.#buf;
    if (this.at >= this.#to || CHAR[buf[this.at]!] !== Char.word) return null;
    const from = this.at;
    while (this.at < this.#to && WORD_CONT[buf[this.at]!] === 1) this.at++;
    // E'', U&"": no words. What is cut short is none that we know.
    if (this.at >= from + MOST_BYTES || (this.at < this.#to && PREFIXED.has(buf[this.at]!) && this.at === from + 1))
      return null;
    return buf.toString('latin1', from, this.at).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  }

  #skip(): void {
    const buf = this.#buf;
    while (this.at < this.#to) {
      const c = buf[this.at]!;
      const next = this.at + 1 < this.#to ? buf[this.at + 1]! : 0;
      if (CHAR[c] === Char.space) this.at++;
      else if (c === MINUS && next === MINUS) this.at = lineCommentEnd(buf, this.at, this.#to);
      else if (c === SLASH && next === STAR) this.at = blockCommentEnd(buf, this.at, this.#to);
      else return;
    }
  }
}

const DOUBLE_QUOTE = 0x22;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const OPEN = 0x28;
const CLOSE = 0x29;
const STAR = 0x2a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const PREFIXED = new Set([QUOTE, AMPERSAND]);

/** The first 63 bytes, and no half of a UTF-8 character. */
function cut(name: string): string {
  if (name.length <= MAX_NAME_BYTES) return name;
  let end = MAX_NAME_BYTES;
  while (end > 0 && (name.charCodeAt(end) & 0xc0) === 0x80) end--;
  return name.slice(0, end);
}
