/** What the canonical writer remembers of the token before: enough for spaces, unary minus and constants. */
export const Token = {
  none: 0,
  word: 1, // an identifier, or a keyword that ends an operand
  key: 2, // a keyword after which an operand is expected
  quoted: 3,
  literal: 4,
  open: 5,
  close: 6,
  comma: 7,
  dot: 8,
  cast: 9,
  operator: 10,
  colon: 11, // : := ..
  other: 12,
} as const;

/** 1 where the token ends an operand: a minus after it is binary. */
export const ENDS_OPERAND = new Uint8Array(16);
for (const t of [Token.word, Token.quoted, Token.literal, Token.close]) ENDS_OPERAND[t] = 1;

/**
 * GAP[previous * 16 + current]: 1 where a space stands between. It depends on the tokens alone, never on the blanks of
 * the source, and never glues two tokens into another one: the canonical text reads as the same tokens again.
 */
export const GAP = new Uint8Array(256).fill(1);
const glue = (previous: number, current: number): void => {
  GAP[previous * 16 + current] = 0;
};
for (let t = 0; t < 16; t++) {
  glue(Token.none, t);
  glue(Token.open, t);
  glue(t, Token.comma);
  glue(t, Token.close);
}
for (const t of [Token.word, Token.quoted, Token.literal, Token.close]) {
  glue(t, Token.dot);
  glue(t, Token.cast);
}
for (const t of [Token.word, Token.key, Token.quoted]) {
  glue(Token.dot, t);
  glue(Token.cast, t);
}
glue(Token.dot, Token.operator); // t.*
glue(Token.word, Token.open); // count(*)
glue(Token.quoted, Token.open);
