import { expect, test } from 'vitest';
import type { Confidence, Digest, Target } from '../exchange/digest.ts';
import { Exchange } from '../exchange/exchange.ts';
import { denyRelations } from './deny-relations.ts';

const op = (targets: [schema: string, name: string][], confidence: Confidence = 'parsed'): Exchange => {
  const x = new Exchange();
  x.digest = {
    id: '0000000000000000',
    protocol: 'postgres',
    text: 'test',
    summary: '',
    operation: 'SELECT',
    targets: targets.map(([schema, name]): Target => ({ schema, name, operations: ['select'] })),
    confidence,
    settled: true,
    literalSensitive: false,
    truncated: false,
    sample: '',
    slot: 0,
  } satisfies Digest;
  return x;
};

const cases: [string, Exchange[], string[], boolean][] = [
  ['the relation, no schema said', [op([['', 'pay']])], ['pay'], true],
  ['the relation in any schema', [op([['hr', 'pay']])], ['pay'], true],
  ['another relation', [op([['', 'orders']])], ['pay'], false],
  ['a longer name', [op([['', 'payments']])], ['pay'], false],
  ['names are folded by the server, not by us', [op([['', 'Pay']])], ['pay'], false],
  ['the relation with its schema', [op([['hr', 'pay']])], ['hr.pay'], true],
  ['in another schema', [op([['it', 'pay']])], ['hr.pay'], false],
  ['no schema said: it may be that one', [op([['', 'pay']])], ['hr.pay'], true],
  [
    'one of several relations',
    [
      op([
        ['', 'a'],
        ['', 'pay'],
      ]),
    ],
    ['x', 'pay'],
    true,
  ],
  ['one of several operations', [op([['', 'a']]), op([['', 'pay']])], ['pay'], true],
  ['a parsed statement without relations', [op([])], ['pay'], false],
  ['not parsed, though no relation is known', [op([], 'partial')], ['pay'], true],
  ['not understood at all', [op([], 'none')], ['pay'], true],
];
for (const [name, ops, relations, denied] of cases)
  test(name, () => {
    const denial = denyRelations(ops, { relations, message: 'no' });
    expect(denial).toEqual(
      denied ? { policy: 'deny_relations', message: 'no', kind: 'policy' as const, closes: false } : null,
    );
  });

test('an operation without a digest is unresolved', () => {
  expect(denyRelations([new Exchange()], { relations: ['pay'], message: 'no' })).not.toBeNull();
});
