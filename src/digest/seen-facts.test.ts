import { expect, test } from 'vitest';
import type { OperationFacts } from '../exchange/operation-facts.ts';
import { digestOf } from './rows/rows.fixture.ts';
import { readSeenFacts, seenFactsText } from './seen-facts.ts';

const judged: OperationFacts = {
  operation: 'SELECT',
  accesses: [{ verb: 'select', type: 'table', schema: 'T\xc3\xa4', name: 'a\xff' }],
  unresolved: 'runs text',
  hasWhere: false,
  limit: 10,
  stages: [],
  categories: [],
};

test('what was judged travels as text that people can read; else the targets do', () => {
  expect(readSeenFacts(seenFactsText(digestOf(1, { judged })))).toEqual({
    accesses: [['select', 'table', 'Tä', 'a\\xff']],
    unresolved: 'runs text',
    has_where: false,
    limit: 10,
  });
  expect(readSeenFacts(seenFactsText(digestOf(1)))).toEqual({ targets: [['', 't1', ['select']]] });
});

test('it is made anew when more is known, and not at all where it is too long', () => {
  const digest = digestOf(1);
  const first = seenFactsText(digest);
  expect(seenFactsText(digest)).toBe(first);
  digest.judged = judged;
  expect(seenFactsText(digest)).not.toBe(first);
  const many = Array.from({ length: 500 }, (_, i) => ({ schema: 'shop', name: `t${i}`, operations: ['select'] }));
  expect(seenFactsText(digestOf(2, { targets: many }))).toBe('');
});

const bad: [what: string, text: string][] = [
  ['nothing', ''],
  ['no JSON', '{'],
  ['null', 'null'],
  ['neither', '{}'],
  ['accesses of three', '{"accesses":[["a","b","c"]],"unresolved":"","has_where":true,"limit":-1}'],
  ['an access that is none', '{"accesses":[5],"unresolved":"","has_where":true,"limit":-1}'],
  ['no limit', '{"accesses":[],"unresolved":"","has_where":true}'],
  ['no word on what is unresolved', '{"accesses":[],"has_where":true,"limit":-1}'],
  ['targets without words', '{"targets":[["a","b"]]}'],
  ['words that are none', '{"targets":[["a","b",[5]]]}'],
];
for (const [what, text] of bad)
  test(`what does not read is null: ${what}`, () => expect(readSeenFacts(text)).toBeNull());
