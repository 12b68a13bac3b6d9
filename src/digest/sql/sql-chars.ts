/** Byte classes of Postgres' lexer (src/backend/parser/scan.l), one table look-up a byte. */
export const Char = {
  other: 0,
  space: 1,
  word: 2, // identifier start: A-Z a-z _ and every byte from 0x80
  digit: 3,
  operator: 4, // op_chars
  quote: 5,
  doubleQuote: 6,
  dollar: 7,
  dot: 8,
  colon: 9,
  comma: 10,
  open: 11, // ( and [
  close: 12, // ) and ]
  semicolon: 13,
} as const;

export const CHAR = new Uint8Array(256);
/** 1 for bytes that go on with an identifier: letters, _, digits, $ and every byte from 0x80. */
export const WORD_CONT = new Uint8Array(256);
/** The folded byte of those, 0 for all others. */
export const WORD_FOLD = new Uint8Array(256);
/** ASCII lower case; all other bytes as they are (the server folds no others in UTF-8). */
export const LOWER = new Uint8Array(256);

const classify = (bytes: string, kind: number): void => {
  for (const c of bytes) CHAR[c.charCodeAt(0)] = kind;
};

for (let c = 0; c < 256; c++) {
  LOWER[c] = c >= 0x41 && c <= 0x5a ? c + 32 : c;
  const letter = c >= 0x80 || c === 0x5f || (LOWER[c]! >= 0x61 && LOWER[c]! <= 0x7a);
  const digit = c >= 0x30 && c <= 0x39;
  if (letter) CHAR[c] = Char.word;
  if (digit) CHAR[c] = Char.digit;
  WORD_CONT[c] = letter || digit || c === 0x24 ? 1 : 0;
  WORD_FOLD[c] = WORD_CONT[c] === 1 ? LOWER[c]! : 0;
}
classify(' \t\n\r\f\v', Char.space);
classify('~!@#^&|`?+-*/%<>=', Char.operator);
classify("'", Char.quote);
classify('"', Char.doubleQuote);
classify('$', Char.dollar);
classify('.', Char.dot);
classify(':', Char.colon);
classify(',', Char.comma);
classify('([', Char.open);
classify(')]', Char.close);
classify(';', Char.semicolon);

/** Byte classes of MySQL's lexer (strings/ctype.c, lex_init of both products). */
export const MysqlChar = {
  other: 0,
  space: 1,
  word: 2, // A-Z a-z _ $ and every byte from 0x80
  digit: 3,
  operator: 4,
  quote: 5,
  doubleQuote: 6,
  backtick: 7,
  dot: 8,
  colon: 9,
  comma: 10,
  open: 11,
  close: 12,
  semicolon: 13,
  hash: 14,
  at: 15,
  question: 16,
  backslash: 17,
} as const;

export const MYSQL_CHAR = new Uint8Array(256);
for (let c = 0; c < 256; c++) if (CHAR[c] === Char.word || CHAR[c] === Char.digit) MYSQL_CHAR[c] = CHAR[c]!;
const MYSQL_BYTES: readonly (readonly [number, string])[] = [
  [MysqlChar.space, ' \t\n\r\f\v'],
  [MysqlChar.word, '$'],
  [MysqlChar.operator, '~!^&|+-*/%<>='],
  [MysqlChar.quote, "'"],
  [MysqlChar.doubleQuote, '"'],
  [MysqlChar.backtick, '`'],
  [MysqlChar.dot, '.'],
  [MysqlChar.colon, ':'],
  [MysqlChar.comma, ','],
  [MysqlChar.open, '('],
  [MysqlChar.close, ')'],
  [MysqlChar.semicolon, ';'],
  [MysqlChar.hash, '#'],
  [MysqlChar.at, '@'],
  [MysqlChar.question, '?'],
  [MysqlChar.backslash, '\\'],
];
for (const [kind, bytes] of MYSQL_BYTES) for (const c of bytes) MYSQL_CHAR[c.charCodeAt(0)] = kind;

export const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
