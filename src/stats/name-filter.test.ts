import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { compileFilter, FilterSyntaxError } from './name-filter.ts';

for (const [pattern, name, want] of [
  ['', 'anything', true],
  ['cx_total', 'cluster.db.upstream_cx_total', true],
  ['^cluster', 'cluster.db', true],
  ['^db', 'cluster.db', false],
  ['db$', 'cluster.db', true],
  ['^cluster\\.[^.]+\\.upstream_(cx|rq)_total$', 'cluster.db.upstream_rq_total', true],
  ['^cluster\\.[^.]+\\.upstream_(cx|rq)_total$', 'cluster.a.b.upstream_rq_total', false],
  ['a.c', 'abc', true],
  ['a\\.c', 'abc', false],
  ['worker_\\d+\\.', 'listener.x.worker_12.y', true],
  ['^(?:a|b)?c+$', 'bccc', true],
  ['^(?:a|b)?c+$', 'abc', false],
  ['[a-c-]x', '-x', true],
  ['[]x]y', ']y', true],
  ['a+?b', 'aab', true],
  ['x*', '', true],
] as const)
  test(`${pattern} on ${name}: ${want}`, () => expect(compileFilter(pattern)(name)).toBe(want));

for (const pattern of ['(', 'a)', '[a', '*a', 'a{2}', '(?=a)', '\\', '\\1', '\\p{L}', '[z-a]', 'x'.repeat(257)])
  test(`${pattern.slice(0, 12)} is refused`, () => expect(() => compileFilter(pattern)).toThrow(FilterSyntaxError));

describe('against RegExp', () => {
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '^', '$'),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a}|${b})`),
      fc.tuple(tie('pattern'), fc.constantFrom('*', '+', '?')).map(([a, mark]) => `(?:${a})${mark}`),
    ),
  }));

  test('they agree', () => {
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 }), (text, name) => {
        fc.pre(text.length <= 60);
        expect(compileFilter(text)(name)).toBe(new RegExp(text).test(name));
      }),
      { numRuns: 3000 },
    );
  });
});

test('the worst patterns take no longer than others', () => {
  const name = 'a'.repeat(256);
  for (const pattern of [
    '(a+)+',
    '(a|a)*b',
    '(a|aa)+$b',
    `${'.*'.repeat(100)}b`,
    `${'a?'.repeat(60)}${'a'.repeat(60)}b`,
  ]) {
    const started = cpuMs();
    expect(compileFilter(`${pattern}c`)(name)).toBe(false);
    expect(cpuMs() - started).toBeLessThan(1000);
  }
});
