import { isDigit, LOWER, WORD_CONT } from './sql-chars.ts';

/**
 * Where the tokens of MySQL's lexer end (sql/sql_lex.cc of both products). As in sql-scan.ts: the offset after the last
 * byte; what is not terminated ends at `end`; each byte is looked at a constant number of times.
 */

/** From the first byte of a `#` or `-- ` comment to its newline, or to a zero byte, where the server ends it too. */
export const mysqlLineCommentEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at;
  while (i < end && buf[i] !== 0x0a && buf[i] !== 0) i++;
  return i;
};

/** True if the dash at `at`, which another follows, begins a comment: a blank, a control character or the end must come. */
export const isDashComment = (buf: Uint8Array, at: number, end: number): boolean =>
  at + 2 >= end || buf[at + 2]! <= 0x20 || buf[at + 2] === 0x7f;

/** From the slash of a block comment to after its end. `nests`: one level may stand inside (in a skipped version comment). */
export const mysqlBlockCommentEnd = (buf: Uint8Array, at: number, end: number, nests: boolean): number => {
  let inside = false;
  let i = at + 2;
  while (i + 1 < end) {
    const c = buf[i];
    if (c === 0x2a && buf[i + 1] === 0x2f) {
      i += 2;
      if (!inside) return i;
      inside = false;
    } else if (nests && !inside && c === 0x2f && buf[i + 1] === 0x2a) {
      i += 2;
      inside = true;
    } else i++;
  }
  return end;
};

/** A string from its opening quote, which closes it too; doubled it stands for itself. */
export const mysqlQuoteEnd = (buf: Uint8Array, at: number, end: number, backslashes: boolean): number => {
  const quote = buf[at];
  let i = at + 1;
  while (i < end) {
    const c = buf[i++];
    if (c === quote) {
      if (i < end && buf[i] === quote) i++;
      else return i;
    } else if (backslashes && c === 0x5c) i++;
  }
  return end;
};

/** `x'41'` and `b'01'` from their quote: a quote is never doubled in them. */
export const digitsQuoteEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at + 1;
  while (i < end) if (buf[i++] === 0x27) return i;
  return end;
};

/** From a number's first digit to its end, or `at` when it is the beginning of a name: `1a`, `0x`, `12e`. */
export const mysqlNumberEnd = (buf: Uint8Array, at: number, end: number): number => {
  if (buf[at] === 0x30 && at + 1 < end && (buf[at + 1] === 0x78 || buf[at + 1] === 0x62)) {
    const i = radixEnd(buf, at + 2, end, buf[at + 1] === 0x78);
    return i > at + 2 && (i >= end || WORD_CONT[buf[i]!] === 0) ? i : at;
  }
  let i = decimalsEnd(buf, at, end);
  if (i < end && buf[i] === 0x2e) return exponentEnd(buf, decimalsEnd(buf, i + 1, end), end);
  if (i >= end || WORD_CONT[buf[i]!] === 0) return i;
  const exponent = exponentEnd(buf, i, end);
  if (exponent === i) i = at;
  else i = exponent;
  return i;
};

/** `.5e3`, from its dot. */
export const mysqlFractionEnd = (buf: Uint8Array, at: number, end: number): number =>
  exponentEnd(buf, decimalsEnd(buf, at + 1, end), end);

const decimalsEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at;
  while (i < end && isDigit(buf[i]!)) i++;
  return i;
};

const radixEnd = (buf: Uint8Array, at: number, end: number, hex: boolean): number => {
  let i = at;
  for (; i < end; i++) {
    const c = LOWER[buf[i]!]!;
    if (hex ? !(isDigit(c) || (c >= 0x61 && c <= 0x66)) : c !== 0x30 && c !== 0x31) break;
  }
  return i;
};

const exponentEnd = (buf: Uint8Array, at: number, end: number): number => {
  if (at >= end || LOWER[buf[at]!] !== 0x65) return at;
  let i = at + 1;
  if (i < end && (buf[i] === 0x2b || buf[i] === 0x2d)) i++;
  return i < end && isDigit(buf[i]!) ? decimalsEnd(buf, i, end) : at;
};

/** Operators of more than one byte: && || << >> <= >= <> != -> and <=> ->> */
export const mysqlOperatorEnd = (buf: Uint8Array, at: number, end: number): number => {
  const a = buf[at]!;
  const b = at + 1 < end ? buf[at + 1]! : 0;
  const c = at + 2 < end ? buf[at + 2]! : 0;
  switch (a) {
    case 0x26: // &
    case 0x7c: // |
      return b === a ? at + 2 : at + 1;
    case 0x3c: // <
      if (b === 0x3d && c === 0x3e) return at + 3;
      return b === 0x3c || b === 0x3d || b === 0x3e ? at + 2 : at + 1;
    case 0x3e: // >
      return b === 0x3e || b === 0x3d ? at + 2 : at + 1;
    case 0x21: // !
      return b === 0x3d ? at + 2 : at + 1;
    case 0x2d: // -
      if (b === 0x3e) return c === 0x3e ? at + 3 : at + 2;
      return at + 1;
    default:
      return at + 1;
  }
};

/** A name after `@`: letters, digits, dots, `_` and `$`. */
export const variableEnd = (buf: Uint8Array, at: number, end: number): number => {
  let i = at;
  while (i < end && (WORD_CONT[buf[i]!] === 1 || buf[i] === 0x2e)) i++;
  return i;
};
