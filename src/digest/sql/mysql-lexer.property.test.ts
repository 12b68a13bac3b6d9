import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import type { MysqlSqlMode } from '../../exchange/digest.ts';
import { MysqlLexer } from './mysql-lexer.ts';

const CAP = 1 << 20;
const lexer = new MysqlLexer(CAP);
const PLAIN: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mysql',
  version: 80036,
};
const MODES: readonly MysqlSqlMode[] = [
  PLAIN,
  { ...PLAIN, ansiQuotes: true },
  { ...PLAIN, noBackslashEscapes: true },
  { ...PLAIN, ansiQuotes: true, noBackslashEscapes: true, flavour: 'mariadb', version: 101119 },
  { ...PLAIN, version: 0 },
];

const lex = (buf: Buffer, mode = PLAIN, truncated = false): { texts: Buffer[]; places: [number, number][] } => {
  const texts: Buffer[] = [];
  const places: [number, number][] = [];
  lexer.begin(buf, 0, buf.length, mode, truncated);
  while (lexer.next()) {
    texts.push(Buffer.from(lexer.canonical.out.subarray(0, lexer.canonical.length)));
    places.push([lexer.start, lexer.end]);
  }
  return { texts, places };
};

const FRAGMENTS = (
  'select FROM User in values value as is not null true set limit all begin atomic end case create or replace ' +
  'function procedure trigger if then else while do loop repeat for each row end savepoint to rollback default date ' +
  "interval day with a b1 1a 2e t.x t. .5 `q `q` `User` `a``b` `1` `` ` @a @@b @`q` @'x' @ @@ _utf8 _utf8'x' _binary " +
  `N' n'x' x'41' X' b'0' 0x41 0x 0b1 ' '' 'x' 'it\\'s' " "" "x" "a\`b" "a""b" 1 .5 1. 1.e5 1e 1e5 1e5x - -- --` +
  '\t # /* */ /*! /*!50000 /*!99999 /*!50700 /*M! /*M!100000 /*+ + ? ?+ ?+) : := :: . , ( ) [ ] ; \\ \\N { } ! != ' +
  '<=> <= < > = ->> -> | || & && ^ ~ % * / $ $a é \u{1f600} union join update table'
).split(' ');
const soup = fc
  .array(fc.constantFrom(...FRAGMENTS, ' ', ' ', '\n', '\0', '\x7f', '-- '), { maxLength: 80 })
  .map((parts) => Buffer.from(parts.join('')));
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const mode = fc.constantFrom(...MODES);

describe('any bytes', () => {
  test('never throw; places are ordered and inside; the form is bounded', () => {
    fc.assert(
      fc.property(fc.oneof(soup, noise), mode, fc.boolean(), (buf, how, truncated) => {
        const { texts, places } = lex(buf, how, truncated);
        let at = 0;
        for (const [start, end] of places) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(buf.length);
          at = end;
        }
        for (const text of texts) expect(text.length).toBeLessThanOrEqual(buf.length * 2 + 8);
      }),
      { numRuns: 5000, seed: 7 },
    );
  });

  test('a canonical text is its own canonical text, in whatever mode it is read', () => {
    fc.assert(
      fc.property(fc.oneof(soup, noise), mode, mode, (buf, how, other) => {
        for (const text of lex(buf, how).texts) {
          const again = lex(text, other).texts;
          expect(Buffer.concat(again).toString('latin1')).toBe(text.toString('latin1'));
          expect(again).toHaveLength(1);
        }
      }),
      { numRuns: 20_000, seed: 11 },
    );
  });
});

describe('one megabyte of the same is read in linear time (RX-10)', () => {
  const TIME_MS = 5000; // a quadratic reading takes minutes, of the shorter ones half of one
  const units = (
    "( [ /* */ /*! /*!99999 /*M! '' ' \" ` `` N'\\ - -- # \\ ; a; , . :: 1 a 1e 0x @ @@ @a @'x' ? ?+) <=> not in( " +
    "values( in(1, (1), values(1),( cast( _utf8 x' b' if begin end case for 'a'' _utf8'x'"
  ).split(' ');
  const heads = ['create procedure f() begin ', 'insert into t values (1), (1', 'select a in (1, '];
  for (const [i, unit] of [...units, '\0', '\xff', '-- \n', 'begin if case ', "'a' "].entries()) {
    test(JSON.stringify(unit), () => {
      for (const head of ['', heads[i % heads.length]!]) {
        const buf = Buffer.alloc(head === '' ? CAP : CAP / 4, `${unit}${i % 2 === 0 ? ' ' : ''}`, 'latin1');
        buf.write(head);
        const before = cpuMs();
        lexer.begin(buf, 0, buf.length, PLAIN, false);
        while (lexer.next());
        expect(cpuMs() - before).toBeLessThan(TIME_MS);
      }
    });
  }
});
