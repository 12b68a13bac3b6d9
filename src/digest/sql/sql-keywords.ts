import { WordTable } from './word-table.ts';

/**
 * The few words the lexer must know. Looked up by length, first and last byte, then compared; all other words cost one
 * look-up.
 */
export const Kw = {
  none: 0,
  // Words after which an operand is expected: a minus after them is unary, a parenthesis after them groups.
  operandNext: 1,
  in: 2,
  values: 3,
  is: 4,
  not: 5,
  set: 6,
  as: 7,
  limit: 8,
  to: 9,
  all: 10,
  default: 11,
  // Constants.
  null: 12,
  boolean: 13,
  // Words that end an operand.
  array: 14,
  cast: 15,
  extract: 16,
  uescape: 17,
  begin: 18,
  atomic: 19,
  end: 20,
  case: 21,
  create: 22,
  or: 23,
  replace: 24,
  routine: 25, // function, procedure
  savepoint: 26,
  release: 27,
  rollback: 28,
  deallocate: 29,
  prepare: 30,
  // Goes on with a type's name or an interval's fields: double precision, time with time zone, day to second.
  typeTail: 31,
  with: 32,
  role: 33, // SET ROLE x, SET SESSION AUTHORIZATION x
  // MySQL only: what its routine bodies are made of.
  if: 34,
  while: 35,
  loop: 36,
  repeat: 37,
  for: 38,
  each: 39,
  thenWord: 40,
  else: 41,
  do: 42,
  alter: 43,
  object: 44, // what CREATE makes that has no body: table, view, index …
  xa: 45,
} as const;

const WORDS: readonly (readonly [number, string])[] = [
  [
    Kw.operandNext,
    'select where and on having by offset when then else between like ilike similar returning from using distinct ' +
      'union except intersect for join filter over return escape if check exists any some symmetric where into only',
  ],
  [Kw.in, 'in'],
  [Kw.values, 'values'],
  [Kw.is, 'is'],
  [Kw.not, 'not'],
  [Kw.set, 'set'],
  [Kw.as, 'as'],
  [Kw.limit, 'limit'],
  [Kw.to, 'to'],
  [Kw.all, 'all'],
  [Kw.default, 'default'],
  [Kw.null, 'null'],
  [Kw.boolean, 'true false'],
  [Kw.array, 'array'],
  [Kw.cast, 'cast'],
  [Kw.extract, 'extract'],
  [Kw.uescape, 'uescape'],
  [Kw.begin, 'begin'],
  [Kw.atomic, 'atomic'],
  [Kw.end, 'end'],
  [Kw.case, 'case'],
  [Kw.create, 'create'],
  [Kw.or, 'or'],
  [Kw.replace, 'replace'],
  [Kw.routine, 'function procedure'],
  [Kw.savepoint, 'savepoint'],
  [Kw.release, 'release'],
  [Kw.rollback, 'rollback'],
  [Kw.deallocate, 'deallocate'],
  [Kw.prepare, 'prepare'],
  [Kw.typeTail, 'precision varying without time zone year month day hour minute second'],
  [Kw.with, 'with'],
  [Kw.role, 'role authorization'],
];

/** 1 for keywords after which an operand is expected. */
export const OPERAND_NEXT = new Uint8Array(64);
for (const kw of [Kw.operandNext, Kw.in, Kw.values, Kw.is, Kw.not, Kw.set, Kw.as, Kw.limit, Kw.to, Kw.all, Kw.default])
  OPERAND_NEXT[kw] = 1;
OPERAND_NEXT[Kw.or] = OPERAND_NEXT[Kw.case] = OPERAND_NEXT[Kw.with] = 1;
for (const kw of [Kw.for, Kw.thenWord, Kw.else, Kw.do]) OPERAND_NEXT[kw] = 1;

const table = new WordTable(9);
for (const [kw, words] of WORDS) for (const word of new Set(words.split(' '))) table.add(word, kw);

/** What the folded word out[start..end) is, or Kw.none. */
export const keyword = (out: Uint8Array, start: number, end: number): number => table.find(out, start, end);
