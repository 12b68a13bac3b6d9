import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { SqlLexer } from './sql-lexer.ts';

const CAP = 1 << 20;
const lexer = new SqlLexer(CAP);

const lex = (buf: Buffer, conforming = true, truncated = false): { texts: Buffer[]; places: [number, number][] } => {
  const texts: Buffer[] = [];
  const places: [number, number][] = [];
  lexer.begin(buf, 0, buf.length, conforming, truncated);
  while (lexer.next()) {
    texts.push(Buffer.from(lexer.canonical.out.subarray(0, lexer.canonical.length)));
    places.push([lexer.start, lexer.end]);
  }
  return { texts, places };
};

const FRAGMENTS = [
  'select',
  'FROM',
  'in',
  'values',
  'array',
  'cast',
  'as',
  'is',
  'not',
  'null',
  'true',
  'set',
  'limit',
  'all',
  'extract',
  'uescape',
  'begin',
  'atomic',
  'end',
  'case',
  'create',
  'or',
  'replace',
  'function',
  'savepoint',
  'to',
  'default',
  'date',
  'interval',
  'day',
  'with',
  'time',
  'a',
  'b1',
  't.x',
  '"q',
  '"q"',
  'U&"',
  "U&'",
  "E'",
  "N'",
  "'",
  "''",
  "'x'",
  '$$',
  '$t$',
  '$1',
  '$',
  '1',
  '.5',
  '1e',
  '0x',
  '-',
  '--',
  '/*',
  '*/',
  '+',
  '?',
  '?+',
  '?|',
  '@',
  '::',
  ':',
  ':=',
  '..',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  ';',
  ' ',
  '\n',
  '\t',
  '\\',
  '{',
  '\0',
  'é',
  '\u{1f600}',
  '%',
  '<=',
];
const soup = fc
  .array(fc.constantFrom(...FRAGMENTS, ' '), { maxLength: 80 })
  .map((parts) => Buffer.from(parts.join('')));
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

describe('any bytes', () => {
  test('never throw; places are ordered and inside; the form is bounded', () => {
    fc.assert(
      fc.property(fc.oneof(soup, noise), fc.boolean(), fc.boolean(), (buf, conforming, truncated) => {
        const { texts, places } = lex(buf, conforming, truncated);
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

  test('a canonical text is its own canonical text', () => {
    fc.assert(
      fc.property(fc.oneof(soup, noise), (buf) => {
        for (const text of lex(buf).texts) {
          const again = lex(text).texts;
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
  const units = [
    '(',
    '[',
    '/*',
    '*/',
    '$',
    '$a',
    '$a$',
    '$a$b',
    '$$',
    "'",
    '"',
    "E'\\",
    '-',
    '--',
    '- ',
    ';',
    'a;',
    ',',
    '.',
    '::',
    '1',
    'a',
    'in (',
    'values (',
    'in (1,',
    '(1),',
    'values (1),(',
    'cast(',
    "' '\n",
    "'--\n",
    'array[',
    '?',
    '@',
    '+-',
    'not ',
    'begin atomic case ',
    "U&'",
    'case ',
    '\0',
    '\xff',
  ];
  const heads = ['create function f() begin atomic ', 'insert into t values (1), (1', 'select a in (1, '];
  for (const [i, unit] of units.entries()) {
    test(JSON.stringify(unit), () => {
      for (const head of ['', heads[i % heads.length]!]) {
        const buf = Buffer.alloc(head === '' ? CAP : CAP / 4, unit, 'latin1');
        buf.write(head);
        const before = cpuMs();
        lexer.begin(buf, 0, buf.length, true, false);
        while (lexer.next());
        expect(cpuMs() - before).toBeLessThan(TIME_MS);
      }
    });
  }
});
