import { isIntroducer, MysqlWord, mysqlWord } from './mysql-keywords.ts';
import type { CanonicalWriter } from './sql-canonical.ts';
import { CHAR, Char, isDigit, LOWER, WORD_CONT, WORD_FOLD } from './sql-chars.ts';
import { Kw } from './sql-keywords.ts';
import { Token } from './sql-spacing.ts';

/** Where names stand: a word of the grammar that may also be a name is one there. */
const Place = {
  none: 0,
  expected: 1, // after FROM, UPDATE, TABLE …
  taken: 2, // the name was read; after a comma there is another
} as const;

const BACKTICK = 0x60;

/**
 * Writes MySQL's words and quoted names. Words of the grammar are folded; names stay as written, because tables' names
 * may differ by case alone (lower_case_table_names = 0). A quoted name that needs no quotes is written without, one in
 * double quotes (ANSI_QUOTES) with backticks: so the canonical text no longer depends on sql_mode.
 */
export class MysqlNames {
  readonly #out: CanonicalWriter;
  #place: number = Place.none;

  constructor(out: CanonicalWriter) {
    this.#out = out;
  }

  start(): void {
    this.#place = Place.none;
  }

  /** An unquoted word that begins at `from`; gives its end. */
  word(buf: Uint8Array, from: number, end: number): number {
    const writer = this.#out;
    const out = writer.out;
    const prev = writer.prev;
    let o = writer.wordStart();
    // `x . 1a`: a dot and a digit side by side would be a number, unless a name stands right before.
    if (prev === Token.dot && isDigit(buf[from]!) && buf[from - 1] !== 0x2e) out[o++] = 0x20;
    const start = o;
    let to = from;
    let changed = 0;
    while (to < end) {
      const c = buf[to]!;
      const folded = WORD_FOLD[c]!;
      if (folded === 0) break;
      changed |= folded ^ c;
      out[o++] = folded;
      to++;
    }
    // What has a dot right before or behind it is a name, whatever the word.
    const qualified = prev === Token.dot || (to + 1 < end && buf[to] === 0x2e && WORD_CONT[buf[to + 1]!] === 1);
    const found = qualified ? 0 : mysqlWord(out, start, o);
    const named = this.#named(prev);
    if ((found & MysqlWord.filler) !== 0) {
      if (!named) this.#place = Place.none;
    } else if ((found & MysqlWord.namesFollow) !== 0) this.#place = Place.expected;
    else if ((found & MysqlWord.reserved) !== 0 || !named) this.#place = Place.none;
    else this.#place = Place.taken;
    const asWritten = found === 0 || (named && (found & (MysqlWord.reserved | MysqlWord.filler)) === 0);
    if (changed !== 0 && asWritten) for (let i = from, k = start; i < to; i++, k++) out[k] = buf[i]!;
    let kw = found & MysqlWord.kind;
    if (kw === Kw.values && to - from === 5 && !opens(buf, to, end)) kw = Kw.none; // a name: `value`
    writer.endWord(kw, o, from, to);
    return to;
  }

  /** A quoted name with its quotes, from `from` to `to`. */
  quoted(buf: Uint8Array, from: number, to: number): void {
    const writer = this.#out;
    const out = writer.out;
    const prev = writer.prev;
    const quote = buf[from]!;
    const start = writer.wordStart();
    let o = start;
    if (isPlain(buf, from + 1, to - 1, quote) && to - from > 2) {
      for (let i = from + 1; i < to - 1; i++) out[o++] = LOWER[buf[i]!]!;
      if (prev === Token.dot || mysqlWord(out, start, o) === 0) {
        o = start;
        for (let i = from + 1; i < to - 1; i++) out[o++] = buf[i]!;
        writer.endQuoted(o, from, to);
        return;
      }
      o = start;
    }
    if (quote === BACKTICK) for (let i = from; i < to; i++) out[o++] = buf[i]!;
    else o = this.#requoted(buf, from, to, o);
    writer.endQuoted(o, from, to);
  }

  /** The end of `_utf8mb4` and the blanks behind it where a literal follows, or `from`. */
  introducer(buf: Uint8Array, from: number, end: number, ansiQuotes: boolean): number {
    const out = this.#out.out;
    const start = this.#out.length;
    let o = start;
    let to = from;
    while (to < end && WORD_CONT[buf[to]!] === 1) out[o++] = LOWER[buf[to++]!]!;
    if (!isIntroducer(out, start, o)) return from;
    while (to < end && (buf[to] === 0x20 || (buf[to]! >= 0x09 && buf[to]! <= 0x0d))) to++;
    if (to >= end) return from;
    const c = buf[to]!;
    const next = to + 1 < end ? LOWER[buf[to + 1]!]! : 0;
    if (c === 0x27 || (c === 0x22 && !ansiQuotes)) return to;
    if (c === 0x30) return next === 0x78 || next === 0x62 ? to : from;
    return next === 0x27 && (LOWER[c] === 0x78 || LOWER[c] === 0x62) ? to : from;
  }

  /** True if the word at hand stands where a name is expected. */
  #named(prev: number): boolean {
    if (this.#place === Place.none) return false;
    return prev === Token.comma || (this.#place === Place.expected && (prev === Token.word || prev === Token.key));
  }

  /** The name in double quotes, in backticks. A byte grows to two at most where two were one. */
  #requoted(buf: Uint8Array, from: number, to: number, at: number): number {
    const out = this.#out.out;
    let o = at;
    out[o++] = BACKTICK;
    const closed = to - from > 1 && closes(buf, from, to);
    const last = closed ? to - 1 : to;
    for (let i = from + 1; i < last; i++) {
      const c = buf[i]!;
      if (c === BACKTICK) out[o++] = BACKTICK;
      else if (c === 0x22 && i + 1 < last && buf[i + 1] === 0x22) i++;
      out[o++] = c;
    }
    if (closed) out[o++] = BACKTICK;
    return o;
  }
}

/** True if the last quote closes the name: quotes at the end that are no pairs. */
const closes = (buf: Uint8Array, from: number, to: number): boolean => {
  let quotes = 0;
  for (let i = to - 1; i > from && buf[i] === buf[from]; i--) quotes++;
  return quotes % 2 === 1;
};

/** True if buf[start..end) would be a name without quotes, and the quotes are both there. */
const isPlain = (buf: Uint8Array, start: number, end: number, quote: number): boolean => {
  if (end < start || buf[end] !== quote) return false;
  const first = buf[start]!;
  if (isDigit(first) || first === 0x24) return false;
  for (let i = start; i < end; i++) if (WORD_CONT[buf[i]!] !== 1) return false;
  return true;
};

/** True if a parenthesis comes next, behind blanks. */
const opens = (buf: Uint8Array, at: number, end: number): boolean => {
  let i = at;
  while (i < end && CHAR[buf[i]!] === Char.space) i++;
  return i < end && buf[i] === 0x28;
};
