import { WORD_FOLD } from './sql-chars.ts';
import { Kw, keyword, OPERAND_NEXT } from './sql-keywords.ts';
import {
  closesWell,
  Group,
  groupWithin,
  List,
  listAfterCast,
  listAfterComma,
  listAfterDot,
  listAfterLiteral,
  listAfterQuoted,
  listAfterWord,
} from './sql-lists.ts';
import { Literal } from './sql-literals.ts';
import { NamePlaces, Names } from './sql-name-places.ts';
import { ENDS_OPERAND, GAP, Token } from './sql-spacing.ts';

export { Literal } from './sql-literals.ts';

/** Groups deeper than this are only counted: no lists are looked for in them. */
const DEPTH_LIMIT = 512;
const QUESTION = 0x3f;

/**
 * Writes the canonical form of one statement, token by token, into a buffer of its own: lower case outside quotes, one
 * blank where tokens would stand apart, literals and parameters as `?`, lists of literals as `?+`, equal rows of VALUES
 * once. No strings, no objects. `out[0 .. length)` is valid until the next start().
 *
 * The form is the same for a text and for what pg_stat_statements makes of it: constants there are `$n`, and so are
 * negative numbers (a unary minus goes with its literal), true, false, null, the field of EXTRACT, LIMIT ALL, values in
 * SET and savepoint names.
 */
export class CanonicalWriter {
  readonly out: Uint8Array;
  /** The same bytes as words; after finish() the last one is filled up with zeros. */
  readonly words: Int32Array;
  length = 0;
  /** Literals in `out`, in order: where the `?` stands, what it was, and for words where in the source. */
  readonly literalAt: Int32Array;
  readonly literalKind: Uint8Array;
  readonly literalFrom: Int32Array;
  readonly literalTo: Int32Array;
  literals = 0;
  /** Keyword of the last token; Kw.none if it was no keyword. */
  kw = 0;
  /** Open parentheses and brackets. */
  depth = 0;

  #prev = 0;
  #tokens = 0;
  readonly #mysql: boolean;
  readonly #names: NamePlaces;
  #list = 0;
  /** NOT stood after an operand, IS or SET: null and booleans after it are no constants (`x is not null`). */
  #notKeeps = false;
  #kwBeforeOpen = 0;
  #unicodeName = false;
  /** A unary minus that waits for its literal: what to go back to. */
  #minusAt = 0;
  #minusEnd = -1;
  #minusPrev = 0;
  #minusKw = 0;
  #minusList = 0;
  // One entry a group.
  readonly #kind = new Uint8Array(DEPTH_LIMIT + 1);
  readonly #start = new Int32Array(DEPTH_LIMIT + 1); // after the opening byte
  readonly #firstLiteral = new Int32Array(DEPTH_LIMIT + 1);
  readonly #outer = new Uint8Array(DEPTH_LIMIT + 1); // list state to return to
  // The last row of VALUES read at this depth; -1 = none.
  readonly #rowStart = new Int32Array(DEPTH_LIMIT + 1);
  readonly #rowEnd = new Int32Array(DEPTH_LIMIT + 1);
  readonly #rowLiterals = new Int32Array(DEPTH_LIMIT + 1);

  /**
   * @param cap most bytes of source text a statement can have.
   * @param mysql words after SET's `=` are expressions, not values; all signs before a literal go with it, not one minus.
   */
  constructor(cap: number, mysql = false) {
    this.#mysql = mysql;
    this.#names = new NamePlaces(!mysql);
    const size = (cap * 2 + 64) & ~3; // a token grows by one blank at most
    this.words = new Int32Array(size / 4);
    this.out = new Uint8Array(this.words.buffer);
    this.literalAt = new Int32Array(cap + 1);
    this.literalKind = new Uint8Array(cap + 1);
    this.literalFrom = new Int32Array(cap + 1);
    this.literalTo = new Int32Array(cap + 1);
  }

  start(): void {
    this.length = this.literals = this.kw = this.depth = 0;
    this.#prev = this.#tokens = this.#list = 0;
    this.#names.mode = Names.none;
    this.#notKeeps = this.#unicodeName = false;
    this.#minusEnd = this.#rowEnd[0] = -1;
  }

  /** Fills the last word up; `truncated`: the source went on, so what is open is closed as well as can be. */
  finish(truncated: boolean): void {
    if (truncated) this.#cut();
    const o = this.length;
    this.out[o] = this.out[o + 1] = this.out[o + 2] = 0;
  }

  /** Kind of the last token: one of Token. */
  get prev(): number {
    return this.#prev;
  }

  /** An unquoted identifier or keyword that begins at `from`; gives its end. */
  word(buf: Uint8Array, from: number, end: number): number {
    const out = this.out;
    let o = this.wordStart();
    const start = o;
    let to = from;
    while (to < end) {
      const c = WORD_FOLD[buf[to]!]!;
      if (c === 0) break;
      out[o++] = c;
      to++;
    }
    this.endWord(this.#prev === Token.dot ? 0 : keyword(out, start, o), o, from, to);
    return to;
  }

  /** Where in `out` the bytes of a word that follows begin; the blank before it is written. */
  wordStart(): number {
    const o = this.length;
    if (GAP[this.#prev * 16 + Token.word] === 0) return o;
    this.out[o] = 0x20;
    return o + 1;
  }

  /** Takes the word whose bytes were written up to `o`: as keyword `kw`, as a name, or as a constant. */
  endWord(kw: number, o: number, from: number, to: number): void {
    const prev = this.#prev;
    if ((kw !== 0 || this.#names.mode !== Names.none || prev === Token.open) && this.#isConstant(kw, from, to)) return;
    this.length = o;
    if (this.#list !== 0) this.#list = listAfterWord(this.#list, kw, this.#kind[this.#level()] === Group.cast);
    if (kw === Kw.not) this.#notKeeps = ENDS_OPERAND[prev] === 1 || this.kw === Kw.is || this.kw === Kw.set;
    if (this.#tokens === 0) this.#names.first(kw);
    this.#took(OPERAND_NEXT[kw] === 1 ? Token.key : Token.word, kw);
  }

  /** Takes the quoted name whose bytes were written from wordStart() up to `o`, or writes it as a literal. */
  endQuoted(o: number, from: number, to: number): void {
    if (this.#names.quoted()) {
      this.literal(Literal.word, from, to);
      return;
    }
    this.length = o;
    if (this.#list !== 0) this.#list = listAfterQuoted(this.#list);
    this.#took(Token.quoted, 0);
  }

  /** A string literal of MySQL; strings in a row are one. */
  joinedString(from: number, to: number): void {
    const n = this.literals - 1;
    if (this.#prev === Token.literal && this.literalKind[n] === Literal.string && this.literalAt[n] === this.length - 1)
      return;
    this.literal(Literal.string, from, to);
  }

  /** `?` of MySQL. */
  parameter(from: number, to: number): void {
    this.#names.seen();
    this.literal(Literal.parameter, from, to);
  }

  /** `@name` of MySQL. */
  variable(from: number, to: number): void {
    const o = this.wordStart();
    this.out[o] = 0x40;
    this.length = o + 1;
    this.#prev = Token.none; // no blank
    this.#minusEnd = -1;
    this.literal(Literal.variable, from, to);
    this.#list = 0;
  }

  /** A quoted identifier, as written. `unicode`: U&"…". */
  quoted(buf: Uint8Array, from: number, to: number, unicode: boolean): void {
    if (this.#names.quoted()) {
      this.literal(Literal.word, from, to);
      return;
    }
    this.#copy(Token.quoted, buf, from, to);
    if (unicode) this.out[this.length - (to - from)] = 0x75;
    if (this.#list !== 0) this.#list = listAfterQuoted(this.#list);
    this.#took(Token.quoted, 0);
    this.#unicodeName = unicode;
  }

  /** A literal or parameter. `from`, `to`: its place in the source, kept for words. */
  literal(kind: number, from: number, to: number): void {
    if (this.length === this.#minusEnd && this.#prev === Token.operator) {
      this.length = this.#minusAt;
      this.#prev = this.#minusPrev;
      this.kw = this.#minusKw;
      this.#list = this.#minusList;
    }
    this.#gap(Token.literal);
    const n = this.literals++;
    this.literalAt[n] = this.length;
    this.literalKind[n] = kind;
    this.literalFrom[n] = from;
    this.literalTo[n] = to;
    this.out[this.length++] = QUESTION;
    if (this.#list !== 0) this.#list = listAfterLiteral(this.#list);
    this.#unicodeName = false;
    this.#took(Token.literal, 0);
  }

  /** A string literal; the escape character of U&"…" UESCAPE '…' is part of a name and stays. */
  string(kind: number, buf: Uint8Array, from: number, to: number): void {
    if (this.kw !== Kw.uescape) this.literal(kind, from, to);
    else if (this.#unicodeName && to - from === 3) {
      this.#copy(Token.quoted, buf, from, to);
      this.#list = 0;
      this.#took(Token.quoted, 0);
    } else this.literal(Literal.escape, from, to);
  }

  operator(buf: Uint8Array, from: number, to: number): void {
    const prev = this.#prev;
    if (to - from === 1 && ENDS_OPERAND[prev] === 0 && (buf[from] === 0x2d || (this.#mysql && buf[from] === 0x2b))) {
      if (!this.#mysql || this.length !== this.#minusEnd || prev !== Token.operator) {
        this.#minusAt = this.length;
        this.#minusPrev = prev;
        this.#minusKw = this.kw;
        this.#minusList = this.#list;
      }
      this.#copy(Token.operator, buf, from, to);
      this.#minusEnd = this.length;
    } else {
      // `?` and `?+` alone stand like literals: so a canonical text is its own canonical text.
      const like = buf[from] === QUESTION && (to - from === 1 || (to - from === 2 && buf[from + 1] === 0x2b));
      this.#copy(like ? Token.literal : Token.operator, buf, from, to);
      if (like) {
        this.#names.seen();
        this.#list = 0;
        this.#took(Token.literal, 0);
        return;
      }
      if (to - from === 1 && buf[from] === 0x3d) this.#names.equals();
    }
    this.#list = 0;
    this.#took(Token.operator, 0);
  }

  /** `.`, `::`, `,` */
  dot(): void {
    this.#byte(Token.dot, 0x2e);
    if (this.#list !== 0) this.#list = listAfterDot(this.#list);
    this.#took(Token.dot, 0);
  }

  typecast(): void {
    this.#byte(Token.cast, 0x3a);
    this.out[this.length++] = 0x3a;
    if (this.#list !== 0) this.#list = listAfterCast(this.#list);
    this.#took(Token.cast, 0);
  }

  comma(): void {
    this.#byte(Token.comma, 0x2c);
    if (this.#list !== 0) this.#list = listAfterComma(this.#list);
    this.#took(Token.comma, 0);
  }

  /** `:`, `:=`, `..`, `;` inside a statement, and bytes no token begins with. */
  other(token: number, buf: Uint8Array, from: number, to: number): void {
    this.#copy(token, buf, from, to);
    this.#list = 0;
    this.#took(token, 0);
  }

  /** `(` or `[`. */
  open(byte: number): void {
    const outer = this.#level();
    let kind: number = Group.plain;
    if (this.#list !== 0) kind = groupWithin(this.#list, byte === 0x5b, this.kw);
    else if (this.kw === Kw.in && byte === 0x28) kind = Group.list;
    else if (this.kw === Kw.array && byte === 0x5b) kind = Group.list;
    if (byte === 0x28) {
      const again = this.#prev === Token.comma && this.#rowEnd[outer] === this.length - 1;
      if (this.kw === Kw.values || again) kind = Group.row;
      else this.#rowEnd[outer] = -1;
      if (this.kw === Kw.values) this.#rowEnd[outer] = -1;
    }
    this.#kwBeforeOpen = this.kw;
    this.#gap(this.kw === Kw.array ? Token.comma : Token.open);
    this.out[this.length++] = byte;
    this.depth++;
    if (this.depth <= DEPTH_LIMIT) {
      this.#kind[this.depth] = kind;
      this.#start[this.depth] = this.length;
      this.#firstLiteral[this.depth] = this.literals;
      this.#outer[this.depth] = this.#list;
      this.#rowEnd[this.depth] = -1;
      this.#list = kind === Group.plain ? List.no : List.element;
    } else this.#list = List.no;
    this.#took(Token.open, 0);
  }

  /** `)` or `]`. */
  close(byte: number): void {
    const level = this.depth;
    if (level === 0 || level > DEPTH_LIMIT) {
      if (level > 0) this.depth--;
      this.#byte(Token.close, byte);
      this.#list = List.no;
      this.#took(Token.close, 0);
      return;
    }
    const kind = this.#kind[level]!;
    const well = kind !== Group.plain && closesWell(kind, this.#list);
    if (well && (kind === Group.list || kind === Group.row)) this.#collapse(level);
    this.#byte(Token.close, byte);
    this.depth = level - 1;
    this.#list = !well || this.#outer[level] === 0 ? List.no : kind === Group.typmod ? List.typed : List.literal;
    if (kind === Group.row) this.#endRow(level);
    this.#took(Token.close, 0);
  }

  #level(): number {
    return Math.min(this.depth, DEPTH_LIMIT);
  }

  #took(token: number, kw: number): void {
    this.#prev = token;
    this.kw = kw;
    this.#tokens++;
  }

  #gap(token: number): void {
    if (GAP[this.#prev * 16 + token] === 1) this.out[this.length++] = 0x20;
  }

  #byte(token: number, byte: number): void {
    this.#gap(token);
    this.out[this.length++] = byte;
  }

  #copy(token: number, buf: Uint8Array, from: number, to: number): void {
    this.#gap(token);
    const out = this.out;
    let o = this.length;
    for (let i = from; i < to; i++) out[o++] = buf[i]!;
    this.length = o;
  }

  /** True if the word was written as a constant. */
  #isConstant(kw: number, from: number, to: number): boolean {
    const prev = this.#prev;
    const before = this.kw;
    if (kw === Kw.null || kw === Kw.boolean) {
      if (ENDS_OPERAND[prev] === 1 || before === Kw.is || before === Kw.set) return false;
      if (before === Kw.not && this.#notKeeps) return false;
      this.literal(kw === Kw.null ? Literal.null : Literal.boolean, from, to);
      return true;
    }
    const constant =
      (kw === Kw.all && before === Kw.limit) ||
      (prev === Token.open && this.#kwBeforeOpen === Kw.extract) ||
      (this.#names.mode !== Names.none && this.#names.word(kw, before));
    if (constant) this.literal(Literal.word, from, to);
    return constant;
  }

  /** Everything in the group becomes `?+`. */
  #collapse(level: number): void {
    const at = this.#start[level]!;
    const first = this.#firstLiteral[level]!;
    this.literalAt[first] = at;
    this.literals = first + 1;
    this.out[at] = QUESTION;
    this.out[at + 1] = 0x2b;
    this.length = at + 2;
  }

  /** A row of VALUES ended: drops it if it reads like the one before. */
  #endRow(level: number): void {
    const outer = level - 1;
    const start = this.#start[level]! - 1;
    const last = this.#rowEnd[outer]!;
    if (last >= 0 && this.#sameBytes(this.#rowStart[outer]!, last, start, this.length)) {
      this.length = last;
      this.literals = this.#rowLiterals[outer]!;
      return;
    }
    this.#rowStart[outer] = start;
    this.#rowEnd[outer] = this.length;
    this.#rowLiterals[outer] = this.literals;
  }

  #sameBytes(a: number, aEnd: number, b: number, bEnd: number): boolean {
    if (aEnd - a !== bEnd - b) return false;
    const out = this.out;
    for (let i = a, j = b; i < aEnd; i++, j++) if (out[i] !== out[j]) return false;
    return true;
  }

  /**
   * The source was cut: an unfinished list of literals is written as if it ended, an unfinished row of VALUES after
   * another is dropped, so that large INSERTs that are cut anywhere share a digest. Then `...`.
   */
  #cut(): void {
    let level = this.#level();
    while (level > 0) {
      const kind = this.#kind[level]!;
      if (kind === Group.row && this.#rowEnd[level - 1]! >= 0) {
        this.length = this.#rowEnd[level - 1]!;
        this.literals = this.#rowLiterals[level - 1]!;
      } else if (
        (kind === Group.list || kind === Group.row) &&
        this.#list !== 0 &&
        this.literals > this.#firstLiteral[level]!
      ) {
        this.#collapse(level);
        this.#byte(Token.close, 0x29);
      }
      this.#list = this.#outer[level]!;
      level--;
    }
    if (this.#prev === Token.comma && this.#rowEnd[0]! >= 0 && this.#rowEnd[0] === this.length - 1) this.length--;
    for (const byte of [0x20, 0x2e, 0x2e, 0x2e]) this.out[this.length++] = byte;
  }
}
