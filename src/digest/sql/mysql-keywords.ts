import { CHARSETS, PLAIN_WORDS, RESERVED_WORDS } from './mysql-words.ts';
import { Kw } from './sql-keywords.ts';
import { WordTable } from './word-table.ts';

/** What a word of MySQL's grammar is: a Kw in the low bits, and these. */
export const MysqlWord = {
  kind: 63,
  /** Also a name, so as written where a name is expected. */
  plain: 64,
  /** Never a name unless quoted. */
  reserved: 128,
  /** A table's (or database's, routine's) name follows. */
  namesFollow: 256,
  /** May stand between such a word and the name. */
  filler: 512,
} as const;

const KINDS: readonly (readonly [number, string])[] = [
  [
    Kw.operandNext,
    'select where and on having by offset when elseif between like returning from using distinct distinctrow union ' +
      'except intersect join over return escape check exists any some div regexp rlike xor interval update sounds ' +
      'until every at straight_join call kill',
  ],
  [Kw.in, 'in'],
  [Kw.values, 'values value'],
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
  [Kw.cast, 'cast'],
  [Kw.begin, 'begin'],
  [Kw.atomic, 'atomic'],
  [Kw.end, 'end'],
  [Kw.case, 'case'],
  [Kw.create, 'create'],
  [Kw.or, 'or'],
  [Kw.replace, 'replace'],
  [Kw.routine, 'function procedure trigger event'],
  [Kw.savepoint, 'savepoint'],
  [Kw.release, 'release'],
  [Kw.rollback, 'rollback'],
  [Kw.deallocate, 'deallocate'],
  [Kw.prepare, 'prepare'],
  [Kw.with, 'with'],
  [Kw.if, 'if'],
  [Kw.while, 'while'],
  [Kw.loop, 'loop'],
  [Kw.repeat, 'repeat'],
  [Kw.for, 'for'],
  [Kw.each, 'each'],
  [Kw.thenWord, 'then'],
  [Kw.else, 'else'],
  [Kw.do, 'do'],
  [Kw.alter, 'alter'],
  [
    Kw.object,
    'table view index database schema user role server sequence tablespace temporary unique fulltext spatial',
  ],
  [Kw.xa, 'xa'],
];
const NAMES_FOLLOW =
  'from join into update table tables truncate delete insert replace to use call view handler describe database schema ' +
  'sequence procedure function trigger event straight_join';
const FILLERS =
  'if not exists as ignore low_priority delayed high_priority quick only lateral outfile dumpfile read write duplicate ' +
  'key nowait skip locked wait of json_table savepoint local';

const table = new WordTable(11);
for (const word of RESERVED_WORDS.split(' ')) table.add(word, MysqlWord.reserved);
for (const word of PLAIN_WORDS.split(' ')) table.add(word, MysqlWord.plain);
for (const [kw, words] of KINDS) for (const word of words.split(' ')) table.add(word, kw);
for (const word of NAMES_FOLLOW.split(' ')) table.add(word, MysqlWord.namesFollow);
for (const word of FILLERS.split(' ')) table.add(word, MysqlWord.filler);

/** What the folded word out[start..end) is: bits of MysqlWord, 0 for a word that can only be a name. */
export const mysqlWord = (out: Uint8Array, start: number, end: number): number => table.find(out, start, end);

const charsets = new WordTable(7);
for (const charset of CHARSETS.split(' ')) charsets.add(`_${charset}`, 1);

/** True if the folded word is an underscore and a character set. */
export const isIntroducer = (out: Uint8Array, start: number, end: number): boolean =>
  charsets.find(out, start, end) !== 0;
