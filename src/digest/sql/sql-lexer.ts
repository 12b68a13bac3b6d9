import { CanonicalWriter, Literal } from './sql-canonical.ts';
import { CHAR, Char, isDigit, LOWER } from './sql-chars.ts';
import { RoutineBody } from './sql-routine-body.ts';
import {
  blockCommentEnd,
  dollarQuoteEnd,
  lineCommentEnd,
  numberEnd,
  operatorBytesEnd,
  operatorEnd,
  quotedIdentifierEnd,
  stringEnd,
} from './sql-scan.ts';
import { Token } from './sql-spacing.ts';

/**
 * One pass over a query text in Postgres' dialect: statement by statement into the canonical writer. The rules are
 * those of the server's own lexer; what is not terminated ends with the text. Linear in the text, no recursion.
 *
 *   lexer.begin(buf, start, end, true, false);
 *   while (lexer.next()) … lexer.canonical …
 */
export class SqlLexer {
  readonly canonical: CanonicalWriter;
  /** The statement read last, in the buffer: from its first token to after its last one. */
  start = 0;
  end = 0;
  /** It was the last one of a text that was cut. */
  cut = false;
  /** The text's first and last block comment that is no hint (slash, star, plus); -1 = none. */
  firstCommentAt = -1;
  firstCommentEnd = -1;
  lastCommentAt = -1;
  lastCommentEnd = -1;

  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  #to = 0;
  #backslashes = false;
  #truncated = false;
  /** Up to here each operator byte is an operator of its own. */
  #singles = 0;
  readonly #body = new RoutineBody();

  /** @param cap most bytes of text that begin() will be given. */
  constructor(cap: number) {
    this.canonical = new CanonicalWriter(cap);
  }

  /** Reads buf[start..end), lent until the last next(). `truncated`: the text goes on after `end`. */
  begin(buf: Uint8Array, start: number, end: number, standardConformingStrings: boolean, truncated: boolean): void {
    this.#buf = buf;
    this.#at = start;
    this.#to = end;
    this.#backslashes = !standardConformingStrings;
    this.#truncated = truncated;
    this.#singles = start;
    this.firstCommentAt = this.lastCommentAt = -1;
  }

  /** Reads one statement; false when there is none left. Statements without a token are not statements. */
  next(): boolean {
    const buf = this.#buf;
    const to = this.#to;
    const out = this.canonical;
    const body = this.#body;
    out.start();
    body.start();
    let i = this.#at;
    let start = -1;
    let end = i;
    let parens = 0;
    this.cut = false;
    while (i < to) {
      const at = i;
      const c = buf[i]!;
      switch (CHAR[c]) {
        case Char.space:
          i++;
          continue;
        case Char.word: {
          const after = i + 1 < to ? buf[i + 1]! : 0;
          if (after === 0x27 || after === 0x26) {
            i = this.#prefixed(i, LOWER[c]!, after);
            if (i > at) break;
          }
          const before = out.kw;
          i = out.word(buf, at, to);
          if (body.state >= 0 && parens === 0) body.word(out.kw, before);
          break;
        }
        case Char.digit:
          i = numberEnd(buf, i, to);
          out.literal(Literal.number, at, i);
          break;
        case Char.quote:
          i = stringEnd(buf, i, to, this.#backslashes);
          out.string(Literal.string, buf, at, i);
          break;
        case Char.doubleQuote:
          i = quotedIdentifierEnd(buf, i, to);
          out.quoted(buf, at, i, false);
          break;
        case Char.dollar:
          i = this.#dollar(i);
          break;
        case Char.operator:
          if (i + 1 < to) {
            if (c === 0x2d && buf[i + 1] === 0x2d) {
              i = lineCommentEnd(buf, i, to);
              continue;
            }
            if (c === 0x2f && buf[i + 1] === 0x2a) {
              i = this.#comment(i);
              continue;
            }
          }
          i = this.#operatorEnd(i);
          out.operator(buf, at, i);
          break;
        case Char.dot:
          if (i + 1 < to && isDigit(buf[i + 1]!)) {
            i = numberEnd(buf, i, to);
            out.literal(Literal.number, at, i);
          } else if (i + 1 < to && buf[i + 1] === 0x2e) {
            i += 2;
            out.other(Token.colon, buf, at, i);
          } else {
            i++;
            out.dot();
          }
          break;
        case Char.colon:
          i++;
          if (i < to && buf[i] === 0x3a) {
            i++;
            out.typecast();
          } else {
            if (i < to && buf[i] === 0x3d) i++;
            out.other(Token.colon, buf, at, i);
          }
          break;
        case Char.comma:
          i++;
          out.comma();
          break;
        case Char.open:
          i++;
          if (c === 0x28) parens++;
          out.open(c);
          break;
        case Char.close:
          i++;
          if (c === 0x29 && parens > 0) parens--;
          out.close(c);
          break;
        case Char.semicolon:
          i++;
          if (parens === 0 && body.depth === 0) {
            if (start < 0) continue;
            return this.#found(start, end, i, false);
          }
          out.other(Token.comma, buf, at, i);
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
    return this.#found(start, end, to, this.#truncated);
  }

  #found(start: number, end: number, at: number, cut: boolean): boolean {
    this.start = start;
    this.end = end;
    this.cut = cut;
    this.#at = at;
    this.canonical.finish(cut);
    return true;
  }

  /** E'', B'', X'', N'', U&'' and U&"": writes it and returns its end, or `at` when the letter begins a word. */
  #prefixed(at: number, letter: number, after: number): number {
    const buf = this.#buf;
    const to = this.#to;
    const out = this.canonical;
    let i = at;
    if (after === 0x27) {
      let kind: number = Literal.string;
      if (letter === 0x65) i = stringEnd(buf, at + 1, to, true);
      else if (letter === 0x6e) i = stringEnd(buf, at + 1, to, this.#backslashes);
      else if (letter === 0x62 || letter === 0x78) {
        kind = letter === 0x62 ? Literal.bits : Literal.hex;
        i = stringEnd(buf, at + 1, to, false);
      } else return at;
      out.literal(kind, at, i);
    } else if (letter === 0x75 && at + 2 < to) {
      if (buf[at + 2] === 0x27) {
        i = stringEnd(buf, at + 2, to, false);
        out.literal(Literal.unicodeString, at, i);
      } else if (buf[at + 2] === 0x22) {
        i = quotedIdentifierEnd(buf, at + 2, to);
        out.quoted(buf, at, i, true);
      }
    }
    return i;
  }

  /** `$1`, a dollar-quoted string, or a dollar that begins nothing. */
  #dollar(at: number): number {
    const buf = this.#buf;
    const to = this.#to;
    let i = at + 1;
    if (i < to && isDigit(buf[i]!)) {
      while (i < to && isDigit(buf[i]!)) i++;
      this.canonical.literal(Literal.parameter, at, i);
      return i;
    }
    i = dollarQuoteEnd(buf, at, to);
    if (i > at) this.canonical.literal(Literal.string, at, i);
    else this.canonical.other(Token.other, buf, at, ++i);
    return i;
  }

  /** Looks at each byte once or twice, however many operators stand in a row. */
  #operatorEnd(at: number): number {
    if (at < this.#singles) return at + 1;
    const run = operatorBytesEnd(this.#buf, at, this.#to);
    const end = operatorEnd(this.#buf, at, run);
    if (end < run) this.#singles = run;
    return end;
  }

  #comment(at: number): number {
    const end = blockCommentEnd(this.#buf, at, this.#to);
    if (end - at > 3 && this.#buf[at + 2] !== 0x2b) {
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
