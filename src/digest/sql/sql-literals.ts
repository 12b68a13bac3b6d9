/** What stood where the canonical text has `?`. */
export const Literal = {
  string: 0,
  number: 1,
  parameter: 2,
  boolean: 3,
  null: 4,
  word: 5, // a word that acts as a constant: a value in SET, a savepoint's name, the field of EXTRACT
  unicodeString: 6,
  bits: 7,
  hex: 8,
  escape: 9, // U&'…' UESCAPE '!'
  variable: 10, // MySQL's @name: the canonical text has `@?`
} as const;
