import { describe, expect, test } from 'vitest';
import { formatPath, formatProblem, nearest, show } from './problem.ts';

test('a problem is one line', () => {
  const problem = { file: 'a.yaml', line: 3, column: 7, path: 'proxies[0].name', message: 'is empty' };
  expect(formatProblem(problem)).toBe('a.yaml:3:7 proxies[0].name: is empty');
  expect(formatProblem({ ...problem, path: '' })).toBe('a.yaml:3:7: is empty');
  expect(formatProblem({ ...problem, file: 'command line', line: 0, column: 0, path: '--listen' })).toBe(
    'command line --listen: is empty',
  );
});

test('paths', () => {
  expect(formatPath(['a', 0, '@type', 'b.c', 'd\u001b'])).toBe('a[0].@type["b.c"]["d\\u001b"]');
  expect(formatPath([])).toBe('');
});

describe('show', () => {
  const cases: [value: unknown, shown: string][] = [
    ['x', '"x"'],
    [5, '5'],
    [null, 'null'],
    [[], 'a list'],
    [{}, 'a map'],
    ['postgres://u:pw@h/x', '"postgres://[redacted]@h/x"'],
    ['postgres://u:p@w@h', '"postgres://[redacted]@h"'],
    ['host=h password=pw', '"host=h password=[redacted]"'],
    ['api_token: pw', '"api_token: [redacted]"'],
    ['a\u001b[31m\n\u202e\u2028', '"a\\u001b[31m\\n\\u202e\\u2028"'],
    ['y'.repeat(100), `"${'y'.repeat(80)}…"`],
  ];
  for (const [value, shown] of cases) test(shown, () => expect(show(value)).toBe(shown));
});

describe('nearest', () => {
  const fields = ['connect_timeout', 'idle_timeout', 'name', 'address', 'upstream'];
  const cases: [word: string, meant: string | null][] = [
    ['connectTimeout', 'connect_timeout'],
    ['conect_timeout', 'connect_timeout'],
    ['idle-timeout', 'idle_timeout'],
    ['nmae', 'name'],
    ['Adress', 'address'],
    ['upstrem', 'upstream'],
    ['zzzz', null],
    ['x', null],
    ['u'.repeat(100_000), null],
  ];
  for (const [word, meant] of cases) test(word.slice(0, 20), () => expect(nearest(word, fields)).toBe(meant));
});
