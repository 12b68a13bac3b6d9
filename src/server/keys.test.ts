import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type KeyChanges, KeyHub, Keys } from './keys.ts';

test('a key is known where it was learned and where it was told, until it is forgotten', async () => {
  const told: KeyChanges[] = [];
  const one = new Keys((changes) => told.push(changes));
  const two = new Keys();
  one.learn('aa', 'db-1:5432');
  one.learn('bb', 'db-2:5432');
  one.forget('aa');
  await turn();
  expect(told).toEqual([
    {
      learned: [
        ['aa', 'db-1:5432'],
        ['bb', 'db-2:5432'],
      ],
      forgotten: ['aa'],
    },
  ]);
  for (const changes of told) two.apply(changes);
  expect([one.lookup('bb'), two.lookup('bb'), one.lookup('aa'), two.lookup('aa')]).toEqual([
    'db-2:5432',
    'db-2:5432',
    undefined,
    undefined,
  ]);
});

test('what was told is not passed on', async () => {
  const told: KeyChanges[] = [];
  const keys = new Keys((changes) => told.push(changes));
  keys.apply({ learned: [['aa', 'db:1']], forgotten: [] });
  await turn();
  expect(told).toEqual([]);
});

test('above the bound the oldest key goes', () => {
  const keys = new Keys(null, 2);
  for (const key of ['a', 'b', 'c']) keys.learn(key, 'db:1');
  expect([keys.size, keys.lookup('a'), keys.lookup('b'), keys.lookup('c')]).toEqual([2, undefined, 'db:1', 'db:1']);
});

test('the hub gives a new worker all keys, and a dead one’s keys to forget', () => {
  const hub = new KeyHub();
  hub.take(0, {
    learned: [
      ['a', 'db:1'],
      ['b', 'db:1'],
    ],
    forgotten: ['a'],
  });
  hub.take(1, { learned: [['c', 'db:2']], forgotten: [] });
  expect(hub.all().learned).toEqual([
    ['b', 'db:1'],
    ['c', 'db:2'],
  ]);
  expect(hub.gone(0)).toEqual({ learned: [], forgotten: ['b'] });
  expect(hub.all().learned).toEqual([['c', 'db:2']]);
});

test('a worker that forgot a key later than the hub’s bound allows keeps the hub bounded', () => {
  const hub = new KeyHub(2);
  hub.take(0, {
    learned: [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'x'],
    ],
    forgotten: [],
  });
  expect(hub.all().learned.length).toBe(2);
});
