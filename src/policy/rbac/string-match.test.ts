import { expect, test } from 'vitest';
import { stringTest } from './string-match.ts';

const CASES: readonly (readonly [Parameters<typeof stringTest>[0], string, boolean])[] = [
  [{ is: 'exact', text: 'k', ignoreCase: true }, 'K', true],
  [{ is: 'exact', text: 'k', ignoreCase: true }, '\u212a', false], // the Kelvin sign is not a k
  [{ is: 'exact', text: '\u212a', ignoreCase: true }, 'k', false],
  [{ is: 'exact', text: 'ſ', ignoreCase: true }, 's', false],
  [{ is: 'exact', text: 'İ', ignoreCase: true }, 'i̇', false],
  [{ is: 'suffix', text: 'ERS', ignoreCase: true }, 'orders', true],
  [{ is: 'regex', text: 'a|b', ignoreCase: false }, 'ab', false],
  [{ is: 'regex', text: 'a|b', ignoreCase: false }, 'b', true],
];
for (const [match, text, want] of CASES)
  test(`${match.is} ${match.text} ${want ? 'matches' : 'does not match'} ${text}`, () => {
    expect(stringTest(match)(text)).toBe(want);
  });

test('a regex that would take for ever elsewhere', () => {
  const evil = stringTest({ is: 'regex', text: '(a+)+', ignoreCase: false });
  expect(evil(`${'a'.repeat(2000)}b`)).toBe(false);
});
