import { describe, expect, test } from 'vitest';
import { formatProblem } from './problem.ts';
import { canonicalJson } from './tree.ts';
import { printYaml, readYaml } from './yaml-source.ts';

const problemsOf = (text: string) => readYaml(text, 'f').problems.map((problem) => formatProblem(problem).slice(2));

describe('values', () => {
  // YAML 1.2's core schema: what 1.1 reads as booleans, octals and sexagesimals is text or decimal here.
  const cases: [text: string, value: unknown][] = [
    ['a: no', { a: 'no' }],
    ['a: off', { a: 'off' }],
    ['a: true', { a: true }],
    ['a: 010', { a: 10 }],
    ['a: 0o10', { a: 8 }],
    ['a: 0x10', { a: 16 }],
    ['a: 12:30', { a: '12:30' }],
    ['a: 2020-01-01', { a: '2020-01-01' }],
    ['a: ~', { a: null }],
    ['a:', { a: null }],
    ['1: x', { '1': 'x' }],
    ['null: x', { null: 'x' }],
    ['a: !!str 5', { a: '5' }],
    ['<<: {a: 1}', { '<<': { a: 1 } }],
    ['a: &x [1]\nb: *x', { a: [1], b: [1] }],
    ['a: &x 1\nb: *x\nc: &x 2\nd: *x', { a: 1, b: 1, c: 2, d: 2 }],
    ['a: &x {b: &y 1}\nc: &y 2\nd: *x\ne: *y', { a: { b: 1 }, c: 2, d: { b: 1 }, e: 2 }],
    ['{\n\t"a": [\n\t\t"\\ud83d\\ude00"\n\t]\n}', { a: ['😀'] }],
    ['\ufeffa: 1', { a: 1 }],
  ];
  for (const [text, value] of cases) {
    test(JSON.stringify(text), () => {
      const { source, problems } = readYaml(text, 'f');
      expect(problems).toEqual([]);
      expect(canonicalJson(source.tree)).toBe(canonicalJson(value));
    });
  }

  test('maps have no prototype', () => {
    const { source } = readYaml('a: {b: {}}', 'f');
    expect(Object.getPrototypeOf(source.tree)).toBeNull();
  });
});

describe('problems', () => {
  const bomb = ['a: &a [x]', ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)];
  const cases: Record<string, [text: string, problems: string[]]> = {
    'a key twice': ['a: 1\nb:\n  c: 1\n  c: 2', ['4:3 b.c: is given twice']],
    'keys that mean something to JavaScript': [
      'a: {__proto__: {polluted: 1}}\nconstructor: {prototype: {polluted: 1}}',
      ['1:5 a.__proto__: is not allowed as a name', '2:1 constructor: is not allowed as a name'],
    ],
    'a key that is a list': ['? [a]\n: b', ['1:3: is not a name: keys must be plain strings']],
    'a tag': [
      'a: !foo x\nb: !!binary aGk=',
      [
        '1:4: tags are not supported: what begins with ! is written in quotes',
        '2:4: tags are not supported: what begins with ! is written in quotes',
      ],
    ],
    'a star without quotes': ['a: [b, *]', ['1:8: * is written in quotes, "*"']],
    'YAML 1.1': ['%YAML 1.1\n---\na: no', ['1:1: is not YAML 1.2']],
    'two documents': ['a: 1\n---\nb: 2', ['2:1: holds several documents; one is read']],
    'a tab': ['a:\n\tb: 1', ['2:1: is indented with a tab; YAML wants spaces']],
    'an open quote': ['a: "x', ['1:6: missing closing "quote']],
    'an open bracket': [
      'a: [1',
      ['1:6: flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    'an alias without anchor': [
      'a: *x',
      ['1:4 a: there is no anchor &x before *x; a pattern is written in quotes, "*x"'],
    ],
    'an alias of itself': ['a: &x [1, *x]', ['1:11 a[1]: *x refers to itself']],
    'deep brackets': ['['.repeat(100_000), ['1:101: is nested too deeply']],
    'deep braces': ['{a: '.repeat(101), ['1:401: is nested too deeply']],
    'deep dashes': ['- '.repeat(100_000), ['1:402: is nested too deeply']],
    'deep questions': ['? '.repeat(100_000), ['1:402: is nested too deeply']],
    'deep indentation': [
      Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      ['403:402: is nested too deeply'],
    ],
    'a large file': ['a'.repeat(1024 * 1024 + 1), ['1:1: is larger than 1048576 characters']],
    'a bomb of aliases': [bomb.join('\n'), ['6:1 f: expands to more than 200000 values']],
  };
  for (const [what, [text, problems]] of Object.entries(cases)) {
    test(what, () => {
      const told = problemsOf(text);
      expect(told).toEqual(problems);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    });
  }

  test('do not quote secrets', () => {
    for (const text of ['a: *postgres://u:hunter2@h', 'a: "postgres://u:hunter2@h', 'a: b: postgres://u:hunter2@h'])
      expect(problemsOf(text).join()).not.toContain('hunter2');
  });
});

test('places: keys, values, list items, what is missing, what an alias stands for', () => {
  const { source } = readYaml('a: &x\n  b: [1, {c: 2}]\nd: *x\ne:\n', 'f');
  const at = (what: 'key' | 'value', ...path: (string | number)[]) => {
    const { line, column } = source.locate(path, what);
    return `${line}:${column}`;
  };
  expect(at('key', 'a')).toBe('1:1');
  expect(at('value', 'a', 'b')).toBe('2:6');
  expect(at('key', 'a', 'b', 1)).toBe('2:10');
  expect(at('value', 'a', 'b', 1, 'c')).toBe('2:14');
  expect(at('key', 'a', 'b', 1, 'missing')).toBe('2:10');
  expect(at('value', 'a', 'missing', 'deeper')).toBe('1:1');
  expect(at('value', 'd')).toBe('3:4');
  expect(at('value', 'd', 'b', 0)).toBe('2:7');
  expect(at('value', 'e')).toBe('4:1');
  expect(at('value')).toBe('1:1');
});

test('what is printed reads the same, in YAML 1.1 too: words that 1.1 takes for something else are quoted', () => {
  const value = {
    a: 'no',
    b: '0x10',
    c: '1e3',
    d: '::1',
    e: 'null',
    f: '',
    g: ['- x', 'a: b', '# c'],
    h: 'ü\u0007',
    i: '5s',
  };
  const text = printYaml(value);
  expect(canonicalJson(readYaml(text, 'f').source.tree)).toBe(canonicalJson(value));
  expect(text).toContain('a: "no"');
  expect(text).toContain('i: 5s');
});
