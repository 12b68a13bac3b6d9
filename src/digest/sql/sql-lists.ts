import { Kw } from './sql-keywords.ts';

/**
 * Lists of literals: which elements count as one, so that `in (1, 2)`, `in ($1)`, `in ('a'::text, null)`,
 * `array[[1, 2], [3]]` and the rows of VALUES have one form whatever their length. An element is a literal or a
 * parameter, with casts (`'1'::int[]`), a type in front (`date '2020-01-01'`), a CAST around, or parentheses: the
 * elements that Postgres 18 squashes in pg_stat_statements are among them.
 */
export const List = {
  no: 0, // not a list, or no list of literals any more
  element: 1, // an element may start
  literal: 2, // an element is complete
  type: 3, // after `::`: a type's name must follow
  typed: 4, // after a type's name
  prefix: 5, // a word that may be a type in front of a string
  prefixDot: 6, // its schema was read
  cast: 7, // the word CAST
} as const;

/** What a parenthesis or bracket holds. */
export const Group = {
  plain: 0,
  list: 1, // of literals, perhaps
  row: 2, // of VALUES: as list; and equal rows in a row are written once
  cast: 3, // CAST ( … AS type )
  typmod: 4, // numeric(10, 2), int[]
} as const;

/** The list's state after a word that is no constant. */
export const listAfterWord = (state: number, kw: number, inCast: boolean): number => {
  switch (state) {
    case List.element:
      if (kw === Kw.cast) return List.cast;
      return kw === Kw.none || kw === Kw.array || kw === Kw.typeTail ? List.prefix : List.no;
    case List.prefixDot:
      return List.prefix;
    case List.type:
      return List.typed;
    case List.prefix:
      return kw === Kw.typeTail || kw === Kw.with ? List.prefix : List.no;
    case List.literal:
    case List.typed:
      if (kw === Kw.as && inCast) return List.type;
      return kw === Kw.typeTail || kw === Kw.with || (kw === Kw.to && state === List.typed) ? List.typed : List.no;
    default:
      return List.no;
  }
};

export const listAfterQuoted = (state: number): number =>
  state === List.type ? List.typed : state === List.element || state === List.prefixDot ? List.prefix : List.no;

export const listAfterLiteral = (state: number): number =>
  state === List.element || state === List.prefix ? List.literal : List.no;

export const listAfterDot = (state: number): number =>
  state === List.typed ? List.type : state === List.prefix ? List.prefixDot : List.no;

export const listAfterCast = (state: number): number =>
  state === List.literal || state === List.typed ? List.type : List.no;

export const listAfterComma = (state: number): number =>
  state === List.literal || state === List.typed ? List.element : List.no;

/** What a parenthesis or bracket opens inside a list; Group.plain ends the list of literals. */
export const groupWithin = (state: number, bracket: boolean, kw: number): number => {
  if (state === List.element) return Group.list;
  if (state === List.cast && !bracket) return Group.cast;
  if (state === List.prefix && bracket && kw === Kw.array) return Group.list;
  if (state === List.typed) return Group.typmod;
  return Group.plain;
};

/** True if the group is complete as what it was opened for. */
export const closesWell = (kind: number, state: number): boolean =>
  kind === Group.cast
    ? state === List.typed
    : state === List.literal || state === List.typed || (kind === Group.typmod && state === List.element);
