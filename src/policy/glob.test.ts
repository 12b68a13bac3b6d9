import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileGlob, globCovers, globFault } from './glob.ts';

const cases: [pattern: string, name: string, matches: boolean][] = [
  ['pay', 'pay', true],
  ['pay', 'Pay', false],
  ['pay', 'payments', false],
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'any.thing', true],
  ['pay*', 'pay', true],
  ['pay*', 'payments', true],
  ['pay*', 'repay', false],
  ['*pay', 'repay', true],
  ['*pay', 'payments', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['*a*', 'xax', true],
  ['*a*b*', 'xbxa', false],
  ['a*b*c', 'aXbYc', true],
  ['a*b*c', 'abc', true],
  ['a*bc*c', 'abc', false],
  ['**', 'x', true],
  ['a**b', 'ab', true],
  ['*aab*', 'aaab', true],
  ['*abab*', 'ababab', true],
  ['*ab*ab*', 'aab', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['a\\\\b', 'a\\b', true],
  ['\\*', '*', true],
  ['\\*', 'x', false],
  ['a.b', 'axb', false],
  ['[a]', 'a', false],
  ['a?', 'ab', false],
  ['*\n*', 'a\nb', true],
  ['\xc3\xa9*', '\xc3\xa9t\xc3\xa9', true],
];
for (const [pattern, name, matches] of cases)
  test(`${JSON.stringify(pattern)} ${matches ? 'is' : 'is not'} ${JSON.stringify(name)}`, () => {
    expect(compileGlob(pattern)(name)).toBe(matches);
  });

test('as a regular expression would say', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 12 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 16 });
  fc.assert(
    fc.property(letters, name, (pattern, text) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text);
      expect(compileGlob(pattern)(text)).toBe(expected);
    }),
    { numRuns: 5000 },
  );
});

test('a pattern and a name made to take long take no time (RD-20)', () => {
  const evil = [
    [`${'*a'.repeat(500)}*b`, 'a'.repeat(10_240)],
    [`*${'a'.repeat(500)}b*${'a'.repeat(500)}b*`, 'a'.repeat(10_240)],
    [`*${'ab'.repeat(250)}c*`, 'ab'.repeat(5_120)],
  ] as const;
  for (const [pattern, name] of evil) {
    const glob = compileGlob(pattern);
    glob(name);
    const took = Array.from({ length: 5 }, () => {
      const startedAt = performance.now();
      expect(glob(name)).toBe(false);
      return performance.now() - startedAt;
    });
    expect(Math.min(...took)).toBeLessThan(1);
  }
});

const faults: [pattern: string, fault: string][] = [
  ['a*', ''],
  ['a\\*', ''],
  ['a\\\\', ''],
  ['a\\', 'ends with a lone \\'],
  ['\\', 'ends with a lone \\'],
  ['a\\\\\\', 'ends with a lone \\'],
  ['a'.repeat(1025), 'is longer than 1024 characters'],
];
for (const [pattern, fault] of faults)
  test(`fault of ${pattern.slice(0, 10)}: ${fault || 'none'}`, () => expect(globFault(pattern)).toBe(fault));

const covering: [wide: string, narrow: string, covers: boolean][] = [
  ['*', 'a*b', true],
  ['a*', 'ab*', true],
  ['ab*', 'a*', false],
  ['a*', 'a', true],
  ['a', 'a', true],
  ['a', '*', false],
  ['*a*', 'bab', true],
  ['*a*', 'b*b', false],
  ['a*c', 'a*b*c', true],
  ['\\*', '*', false],
  ['*', '\\*', true],
];
for (const [wide, narrow, covers] of covering)
  test(`${wide} ${covers ? 'covers' : 'does not cover'} ${narrow}`, () => {
    expect(globCovers(wide, narrow)).toBe(covers);
  });

test('what is covered matches nothing that the wider one does not', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, pattern, name, (wide, narrow, text) => {
      if (globCovers(wide, narrow) && compileGlob(narrow)(text)) expect(compileGlob(wide)(text)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
