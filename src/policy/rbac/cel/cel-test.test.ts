import { describe, expect, test } from 'vitest';
import { inputOf } from '../input.fixture.ts';
import { Tri } from '../tri.ts';
import { CEL_NAMES } from './cel-attributes.ts';
import type { CelExpr } from './cel-expr.ts';
import { celFault, celTest } from './cel-test.ts';

// What CEL means is held against a real Envoy (test/integration/filters-envoy.test.ts): here what that run cannot show.

const ALL = { conversion: true, concat: true, functions: true };
const NONE = { conversion: false, concat: false, functions: false };
const str = (text: string): CelExpr => ({ is: 'const', type: 'string', text });
const int = (n: number): CelExpr => ({ is: 'const', type: 'int', text: String(n) });
const call = (name: string, ...args: CelExpr[]): CelExpr => ({ is: 'call', name, args });
const at = (first: string, ...fields: string[]): CelExpr =>
  fields.reduce<CelExpr>((of, field) => ({ is: 'select', of, field, test: false }), { is: 'name', name: first });
const holds = (expr: CelExpr, wishes = {}) => celTest({ expr, strings: ALL })(inputOf(wishes));

describe('attributes', () => {
  const CASES: readonly (readonly [string, CelExpr])[] = [
    ['source.port', call('_==_', at('source', 'port'), int(40_000))],
    ['source.address', call('_==_', at('source', 'address'), str('10.1.2.3:40000'))],
    ['destination.port', call('_==_', at('destination', 'port'), int(5432))],
    ['upstream.address', call('_==_', at('upstream', 'address'), str('10.0.0.9:5432'))],
    ['upstream.port', call('_==_', at('upstream', 'port'), int(5432))],
    ['connection.id', call('_==_', at('connection', 'id'), int(7))],
    ['request.time', call('_==_', at('request', 'time'), call('timestamp', str('2026-01-02T03:04:05.678Z')))],
    ['xds.cluster_name', call('_==_', at('xds', 'cluster_name'), str('db'))],
    [
      'a word of the operation',
      call(
        '@in',
        str('orders'),
        call('_[_]', call('_[_]', at('metadata', 'filter_metadata'), str('sluice.operation')), str('targets')),
      ),
    ],
  ];
  const metadata = { 'sluice.operation': { targets: ['orders'] } };
  for (const [name, expr] of CASES) test(name, () => expect(holds(expr, { metadata })).toBe(Tri.yes));

  test('a peer on a unix socket has no port', () => {
    const remote = { ip: null, port: 0, text: '/run/x.sock' };
    expect(holds(call('_==_', at('source', 'port'), int(0)), { remote })).toBe(Tri.no);
    expect(holds({ is: 'select', of: at('source'), field: 'port', test: true }, { remote })).toBe(Tri.no);
  });

  test('names are of Envoy, and are no keys of a prototype', () => {
    expect(CEL_NAMES).toContain('source');
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(holds(call('_==_', at(name), at(name)))).toBe(Tri.no);
    expect(holds(call('_!=_', at('source', 'constructor'), str('')))).toBe(Tri.no);
  });
});

describe('no expression costs more than its size', () => {
  const doubled = (times: number): CelExpr => {
    let expr = str('a'.repeat(1000));
    for (let i = 0; i < times; i++) expr = call('_+_', expr, expr);
    return expr;
  };
  test('text that doubles again and again', () => {
    expect(holds(call('_>_', call('size', doubled(14)), int(0)))).toBe(Tri.no);
  });
  test('text that replaces each letter by a long one', () => {
    const long = str('b'.repeat(60_000));
    expect(holds(call('_!=_', call('replace', str('a'.repeat(60_000)), str('a'), long), str('')))).toBe(Tri.no);
  });
  test('a pattern that is not known beforehand', () => {
    expect(celFault(call('matches', str('a'), at('source', 'address')), NONE)).toMatch(/must be a text as it stands/);
  });
});

describe('what could never be run', () => {
  const CASES: readonly (readonly [CelExpr, string])[] = [
    [call('nope', int(1)), 'there is no function nope of 1'],
    [call('string', int(1)), 'there is no function string of 1'],
    [call('_&&_', call('lowerAscii', str('a')), str('a')), 'there is no function lowerAscii of 1'],
    [call('matches', str('a'), str('(')), 'matches(): missing )'],
    [call('constructor', int(1)), 'there is no function constructor of 1'],
  ];
  for (const [expr, want] of CASES) test(want, () => expect(celFault(expr, NONE)).toContain(want.split(':')[0]!));
  test('what is switched on is there', () => expect(celFault(call('string', int(1)), ALL)).toBeNull());
});
