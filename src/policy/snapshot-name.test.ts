import { expect, test } from 'vitest';
import { policySet, type Wish } from './policy.fixture.ts';
import { snapshotName } from './snapshot-name.ts';

const policy = (wish: Wish) => policySet([wish]).policies[0]!;
const set = (policies: readonly unknown[], unparsed = 'deny') => ({ policies, unparsed });
const noDrop = policy({ name: 'no drop', action: 'deny', operations: ['drop'] });
const readers = policy({ name: 'readers', action: 'allow', operations: ['select'] });

test('the same policies have the same name, whatever the order of their keys', () => {
  const turned = Object.fromEntries(Object.entries(noDrop).reverse());
  expect(snapshotName(set([noDrop]))).toMatch(/^[0-9a-f]{12}$/);
  expect(snapshotName({ unparsed: 'deny', policies: [turned] })).toBe(snapshotName(set([noDrop])));
  expect(snapshotName({ a: { b: 1, c: undefined } })).toBe(snapshotName({ a: { b: 1 } }));
});

test('a name that a file has today it has tomorrow', () => {
  expect(snapshotName({ policies: [], unparsed: 'deny' })).toBe('70127c0bb7f5');
});

test('whatever is changed has another name', () => {
  const sets = [
    set([]),
    set([], 'allow'),
    set([noDrop]),
    set([readers]),
    set([noDrop, readers]),
    set([readers, noDrop]), // who is named first is another matter
    set([{ ...noDrop, mode: 'shadow' }]),
    set([{ ...noDrop, name: 'no_drop' }]),
    set([{ ...noDrop, operations: ['drop', 'truncate'] }]),
    set([{ ...noDrop, operations: ['drop,truncate'] }]),
    set([{ ...noDrop, users: ['app'] }]),
    set([{ ...noDrop, databases: ['app'] }]),
    set([{ ...noDrop, when: 'true' }]),
    set([{ ...noDrop, message: 'no' }]),
  ];
  expect(new Set(sets.map(snapshotName)).size).toBe(sets.length);
});
