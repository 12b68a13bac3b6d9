import { CHAR, Char, isDigit, LOWER, WORD_CONT } from './sql-chars.ts';

/**
 * Where the tokens of Postgres' lexer end (src/backend/parser/scan.l, 15 to 18). Every function takes the offset of the
 * token's first byte and returns the offset after its last one, at least one byte further; what is not terminated ends
 * at `end`: a fault of the text is a value here, never an exception. Each byte is looked at a constant number of times.
 */

/** From the first dash of `--` to the end of the line (the newline itself is not part of it). */
export const lineCommentEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at + 2;
  while (i < end && buf[i] !== 0x0a && buf[i] !== 0x0d) i++;
  return Math.min(i, end);
};

/** From the slash of a block comment to after its end; block comments nest. */
export const blockCommentEnd = (buf: Uint8Array, at: number, end: number): number => {
  let depth = 1;
  let i = at + 2;
  while (i < end) {
    const c = buf[i++];
    if (c === 0x2a && i < end && buf[i] === 0x2f) {
      i++;
      if (--depth === 0) return i;
    } else if (c === 0x2f && i < end && buf[i] === 0x2a) {
      i++;
      depth++;
    }
  }
  return end;
};

/** From the opening quote to after the closing one; `""` and `''` stand for themselves. */
const plainQuoteEnd = (buf: Uint8Array, at: number, end: number, quote: number): number => {
  let i = at + 1;
  while (i < end) {
    if (buf[i++] !== quote) continue;
    if (i < end && buf[i] === quote) i++;
    else return i;
  }
  return end;
};

/** As plainQuoteEnd, where a backslash takes the byte after it along (`E''`, or standard_conforming_strings off). */
const escapedQuoteEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at + 1;
  while (i < end) {
    const c = buf[i++];
    if (c === 0x5c) i++;
    else if (c === 0x27) {
      if (i < end && buf[i] === 0x27) i++;
      else return i;
    }
  }
  return end;
};

/** A quoted identifier, from its double quote. */
export const quotedIdentifierEnd = (buf: Uint8Array, at: number, end: number): number =>
  plainQuoteEnd(buf, at, end, 0x22);

/**
 * A string, from its opening quote, with all segments that follow over a newline (`'a'` newline `'b'` is one literal;
 * line comments may stand between, block comments may not).
 */
export const stringEnd = (buf: Uint8Array, at: number, end: number, backslashes: boolean): number => {
  let i = at;
  for (;;) {
    i = backslashes ? escapedQuoteEnd(buf, i, end) : plainQuoteEnd(buf, i, end, 0x27);
    const next = continuation(buf, i, end);
    if (next < 0) return i;
    i = next;
  }
};

/** Offset of the quote that continues the string which ended at `at`, or -1. */
const continuation = (buf: Uint8Array, at: number, end: number): number => {
  let newline = false;
  let i = at;
  while (i < end) {
    const c = buf[i]!;
    if (c === 0x0a || c === 0x0d) {
      newline = true;
      i++;
    } else if (CHAR[c] === Char.space) i++;
    else if (c === 0x2d && i + 1 < end && buf[i + 1] === 0x2d) i = lineCommentEnd(buf, i, end);
    else return newline && c === 0x27 ? i : -1;
  }
  return -1;
};

/** A dollar-quoted string, from its first dollar, or `at` when no dollar quote starts here. */
export const dollarQuoteEnd = (buf: Uint8Array, at: number, end: number): number => {
  let tag = at + 1;
  if (tag < end && CHAR[buf[tag]!] === Char.word) {
    tag++;
    while (tag < end && WORD_CONT[buf[tag]!] === 1 && buf[tag] !== 0x24) tag++;
  }
  if (tag >= end || buf[tag] !== 0x24) return at;
  const size = tag + 1 - at; // both dollars
  let i = tag + 1;
  while (i < end) {
    if (buf[i] !== 0x24) {
      i++;
      continue;
    }
    // The tag holds no dollar, so this looks no further than the next one: linear in all.
    let k = 1;
    while (k < size && i + k < end && buf[i + k] === buf[at + k]) k++;
    if (k === size) return i + size;
    i += 1;
  }
  return end;
};

/** A number, from its first digit or dot: 1, 1_000, 0x1f, 0o7, 0b1, 1.5, .5, 1., 1e5, 1.5e-3. `1..2` is `1` and `..2`. */
export const numberEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at;
  if (buf[i] === 0x30 && i + 1 < end) {
    const radix = LOWER[buf[i + 1]!];
    if (radix === 0x78 || radix === 0x6f || radix === 0x62) {
      i += 2;
      while (i < end && WORD_CONT[buf[i]!] === 1 && buf[i]! < 0x80 && buf[i] !== 0x24) i++;
      return i;
    }
  }
  i = digitsEnd(buf, i, end);
  if (i < end && buf[i] === 0x2e && !(i > at && i + 1 < end && buf[i + 1] === 0x2e)) i = digitsEnd(buf, i + 1, end);
  if (i < end && LOWER[buf[i]!] === 0x65) {
    let e = i + 1;
    if (e < end && (buf[e] === 0x2b || buf[e] === 0x2d)) e++;
    if (e < end && isDigit(buf[e]!)) i = digitsEnd(buf, e, end);
  }
  return i;
};

/** Digits with single underscores between them. May be none. */
const digitsEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at;
  while (i < end && (isDigit(buf[i]!) || (buf[i] === 0x5f && i > at && i + 1 < end && isDigit(buf[i + 1]!)))) i++;
  return i;
};

/** Operators with one of these may end in + or -. */
const SPECIAL = new Uint8Array(256);
for (const c of '~!@#^&|`?%') SPECIAL[c.charCodeAt(0)] = 1;

/** Where operator bytes end, from the first of them; a comment's start ends them too. */
export const operatorBytesEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at + 1;
  while (i < end && CHAR[buf[i]!] === Char.operator) {
    if (i + 1 < end) {
      if (buf[i] === 0x2d && buf[i + 1] === 0x2d) break;
      if (buf[i] === 0x2f && buf[i + 1] === 0x2a) break;
    }
    i++;
  }
  return i;
};

/**
 * How many of the operator bytes buf[at..end) are the first operator, by the server's rule: a + or - at the end belongs
 * to it only if it holds one of ~ ! @ # ^ & | ` ? %. What it leaves is + and - alone: each an operator of its own.
 */
export const operatorEnd = (buf: Uint8Array, at: number, end: number): number => {
  let special = 0;
  for (let i = at; i < end; i++) special |= SPECIAL[buf[i]!]!;
  let to = end;
  if (special === 0) while (to - at > 1 && (buf[to - 1] === 0x2b || buf[to - 1] === 0x2d)) to--;
  return to;
};
