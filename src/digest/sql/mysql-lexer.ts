import type { MysqlSqlMode } from '../../exchange/digest.ts';
import { MysqlNames } from './mysql-names.ts';
import { MysqlRoutineBody } from './mysql-routine-body.ts';
import {
  digitsQuoteEnd,
  isDashComment,
  mysqlBlockCommentEnd,
  mysqlFractionEnd,
  mysqlLineCommentEnd,
  mysqlNumberEnd,
  mysqlOperatorEnd,
  mysqlQuoteEnd,
  variableEnd,
} from './mysql-scan.ts';
import { versionCommentCode } from './mysql-version-comment.ts';
import { CanonicalWriter, Literal } from './sql-canonical.ts';
import { isDigit, LOWER, MYSQL_CHAR, MysqlChar, WORD_CONT } from './sql-chars.ts';
import { ENDS_OPERAND, Token } from './sql-spacing.ts';

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mysql',
  version: 0,
};

/**
 * One pass over a query text in MySQL's and MariaDB's dialect, statement by statement into the canonical writer, as
 * SqlLexer does it for Postgres. Comments that this server executes are read as the code they are.
 */
export class MysqlLexer {
  readonly canonical: CanonicalWriter;
  /** The statement read last, in the buffer: from its first token to after its last one. */
  start = 0;
  end = 0;
  /** It was the last one of a text that was cut. */
  cut = false;
  /** The text's first and last block comment that is no hint (slash, star, plus) and no code; -1 = none. */
  firstCommentAt = -1;
  firstCommentEnd = -1;
  lastCommentAt = -1;
  lastCommentEnd = -1;

  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  #to = 0;
  #mode: MysqlSqlMode = MODE;
  #backslashes = true;
  #ansiQuotes = false;
  #truncated = false;
  /** Inside a comment that is code: the next star and slash end it. */
  #inCode = false;
  readonly #names: MysqlNames;
  readonly #body = new MysqlRoutineBody();

  /** @param cap most bytes of text that begin() will be given. */
  constructor(cap: number) {
    this.canonical = new CanonicalWriter(cap, true);
    this.#names = new MysqlNames(this.canonical);
  }

  /** Reads buf[start..end), lent until the last next(). `truncated`: the text goes on after `end`. */
  begin(buf: Uint8Array, start: number, end: number, mode: MysqlSqlMode, truncated: boolean): void {
    this.#buf = buf;
    this.#at = start;
    this.#to = end;
    this.#mode = mode;
    this.#backslashes = !mode.noBackslashEscapes;
    this.#ansiQuotes = mode.ansiQuotes;
    this.#truncated = truncated;
    this.firstCommentAt = this.lastCommentAt = -1;
  }

  /** Reads one statement; false when there is none left. Statements without a token are not statements. */
  next(): boolean {
    const buf = this.#buf;
    const to = this.#to;
    const out = this.canonical;
    const names = this.#names;
    const body = this.#body;
    out.start();
    names.start();
    body.start();
    let i = this.#at;
    let start = -1;
    let end = i;
    let parens = 0;
    let semicolonAt = -1;
    this.cut = false;
    this.#inCode = false;
    while (i < to) {
      const at = i;
      const c = buf[i]!;
      switch (MYSQL_CHAR[c]) {
        case MysqlChar.space:
          i++;
          continue;
        case MysqlChar.word: {
          if (c === 0x5f) {
            i = names.introducer(buf, at, to, this.#ansiQuotes);
            if (i > at) {
              if (start < 0) start = at;
              continue;
            }
          } else if (i + 1 < to && buf[i + 1] === 0x27) {
            i = this.#prefixed(i, LOWER[c]!);
            if (i > at) break;
          }
          if (body.state >= 0 && parens === 0) {
            const before = out.kw;
            const prev = out.prev;
            const fresh =
              prev === Token.colon || (body.depth === 0 ? ENDS_OPERAND[prev] === 1 : out.length === semicolonAt);
            i = names.word(buf, at, to);
            body.word(out.kw, before, fresh);
          } else i = names.word(buf, at, to);
          break;
        }
        case MysqlChar.digit:
          i = mysqlNumberEnd(buf, i, to);
          if (i > at) out.literal(Literal.number, at, i);
          else i = names.word(buf, at, to);
          break;
        case MysqlChar.quote:
          i = mysqlQuoteEnd(buf, i, to, this.#backslashes);
          out.joinedString(at, i);
          break;
        case MysqlChar.doubleQuote:
          i = mysqlQuoteEnd(buf, i, to, this.#backslashes && !this.#ansiQuotes);
          if (this.#ansiQuotes) names.quoted(buf, at, i);
          else out.joinedString(at, i);
          break;
        case MysqlChar.backtick:
          i = mysqlQuoteEnd(buf, i, to, false);
          names.quoted(buf, at, i);
          break;
        case MysqlChar.hash:
          i = mysqlLineCommentEnd(buf, i, to);
          continue;
        case MysqlChar.operator:
          if (i + 1 < to) {
            const after = buf[i + 1]!;
            if (c === 0x2d && after === 0x2d && isDashComment(buf, i, to)) {
              i = mysqlLineCommentEnd(buf, i, to);
              continue;
            }
            if (c === 0x2f && after === 0x2a) {
              i = this.#comment(i);
              continue;
            }
            if (c === 0x2a && after === 0x2f && this.#inCode) {
              this.#inCode = false;
              i += 2;
              continue;
            }
          }
          i = mysqlOperatorEnd(buf, i, to);
          out.operator(buf, at, i);
          break;
        case MysqlChar.dot:
          i = this.#dot(i);
          break;
        case MysqlChar.at:
          i = this.#variable(i);
          break;
        case MysqlChar.question:
          i++;
          // `?+)` stands in canonical text only.
          if (i + 1 < to && buf[i] === 0x2b && buf[i + 1] === 0x29) i++;
          out.parameter(at, i);
          break;
        case MysqlChar.backslash:
          i++;
          if (i < to && buf[i] === 0x4e) {
            i++;
            out.literal(Literal.null, at, i);
          } else out.other(Token.other, buf, at, i);
          break;
        case MysqlChar.colon:
          i++;
          if (i < to && buf[i] === 0x3d) {
            i++;
            out.other(Token.operator, buf, at, i);
          } else out.other(Token.colon, buf, at, i);
          break;
        case MysqlChar.comma:
          i++;
          out.comma();
          break;
        case MysqlChar.open:
          i++;
          parens++;
          out.open(c);
          break;
        case MysqlChar.close:
          i++;
          if (parens > 0) parens--;
          out.close(c);
          break;
        case MysqlChar.semicolon:
          i++;
          if (body.depth === 0) {
            if (start < 0) continue;
            return this.#found(start, end, i, false);
          }
          out.other(Token.comma, buf, at, i);
          semicolonAt = out.length;
          break;
        default:
          i++;
          out.other(Token.other, buf, at, i);
      }
      if (start < 0) start = at;
      end = i;
    }
    if (start < 0) {
      this.#at = to;
      return false;
    }
    return this.#found(start, Math.max(start, end), to, this.#truncated);
  }

  #found(start: number, end: number, at: number, cut: boolean): boolean {
    this.start = start;
    this.end = end;
    this.cut = cut;
    this.#at = at;
    this.canonical.finish(cut);
    return true;
  }

  /** N'', X'' and B'': writes it and returns its end, or `at` when the letter begins a word. */
  #prefixed(at: number, letter: number): number {
    const buf = this.#buf;
    let i = at;
    if (letter === 0x6e) {
      i = mysqlQuoteEnd(buf, at + 1, this.#to, this.#backslashes);
      this.canonical.literal(Literal.string, at, i);
    } else if (letter === 0x62 || letter === 0x78) {
      i = digitsQuoteEnd(buf, at + 1, this.#to);
      this.canonical.literal(letter === 0x62 ? Literal.bits : Literal.hex, at, i);
    }
    return i;
  }

  /** Right after a name a dot is a dot, and digits may follow as the next name; elsewhere `.5` is a number. */
  #dot(at: number): number {
    const buf = this.#buf;
    const to = this.#to;
    const out = this.canonical;
    if (at + 1 < to && isDigit(buf[at + 1]!)) {
      const before = at > 0 ? buf[at - 1]! : 0;
      const { prev } = out;
      const named =
        (WORD_CONT[before] === 1 || before === 0x60 || (before === 0x22 && this.#ansiQuotes)) &&
        (prev === Token.word || prev === Token.key || prev === Token.quoted);
      if (!named) {
        const end = mysqlFractionEnd(buf, at, to);
        out.literal(Literal.number, at, end);
        return end;
      }
      out.dot();
      return this.#names.word(buf, at + 1, to);
    }
    out.dot();
    return at + 1;
  }

  /** `@name`, `@'name'`, `@@name` or an at sign alone. */
  #variable(at: number): number {
    const buf = this.#buf;
    const to = this.#to;
    const out = this.canonical;
    const c = at + 1 < to ? buf[at + 1]! : 0;
    if (c === 0x40) {
      const end = variableEnd(buf, at + 2, to);
      let o = out.wordStart();
      for (let i = at; i < end; i++) out.out[o++] = LOWER[buf[i]!]!;
      out.endWord(0, o, at, end);
      return end;
    }
    let end = at + 1;
    if (c === 0x27 || c === 0x22 || c === 0x60) end = mysqlQuoteEnd(buf, end, to, this.#backslashes && c !== 0x60);
    else if (c === 0x3f) end++;
    else end = variableEnd(buf, end, to);
    if (end > at + 1) out.variable(at, end);
    else out.other(Token.other, buf, at, end);
    return end;
  }

  /** From a comment's slash to after it, or to the code in it. */
  #comment(at: number): number {
    const buf = this.#buf;
    const to = this.#to;
    const kind = at + 2 < to ? buf[at + 2]! : 0;
    const versioned = kind === 0x21 || (kind === 0x4d && at + 3 < to && buf[at + 3] === 0x21);
    if (versioned) {
      const code = versionCommentCode(buf, at, to, this.#mode);
      if (code > 0) {
        this.#inCode = true;
        return code;
      }
      return mysqlBlockCommentEnd(buf, at, to, true);
    }
    const end = mysqlBlockCommentEnd(buf, at, to, false);
    if (kind !== 0x2b && end - at > 3) {
      if (this.firstCommentAt < 0) {
        this.firstCommentAt = at;
        this.firstCommentEnd = end;
      }
      this.lastCommentAt = at;
      this.lastCommentEnd = end;
    }
    return end;
  }
}
