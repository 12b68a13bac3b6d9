import { beforeEach, describe, expect, test } from 'vitest';
import type { SharedNames } from '../exchange/shared-names.ts';
import { type NameLearned, NameStore, Names } from './names.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

let told: (readonly NameLearned[])[];
let names: Names;
let heard: string[];
const following = (chain: SharedNames, name = 'chain'): SharedNames => {
  chain.follow((id, topic) => heard.push(`${name} ${id} ${topic}`));
  return chain;
};

beforeEach(() => {
  told = [];
  heard = [];
  names = new Names((learned) => told.push(learned));
});

describe('what a chain learns', () => {
  test('is told to the others once, all of a turn together, and not to itself', async () => {
    const chain = following(names.of('kafka'));
    chain.learn('1', 'orders');
    chain.learn('2', 'payments');
    chain.learn('1', 'orders');
    await turn();
    chain.learn('1', 'orders');
    await turn();
    expect(told).toEqual([
      [
        ['kafka', '1', 'orders'],
        ['kafka', '2', 'payments'],
      ],
    ]);
    expect(heard).toEqual([]);
  });

  test('another name of an id is told as well', async () => {
    const chain = names.of('kafka');
    chain.learn('1', 'orders');
    chain.learn('1', 'orders2');
    await turn();
    expect(told.flat()).toEqual([
      ['kafka', '1', 'orders'],
      ['kafka', '1', 'orders2'],
    ]);
  });

  test('reaches the chain that new connections get, from one that is replaced', async () => {
    const old = following(names.of('kafka'), 'old');
    old.learn('1', 'orders');
    following(names.of('kafka'), 'new');
    expect(heard).toEqual(['new 1 orders']);
    old.learn('2', 'payments');
    expect(heard).toEqual(['new 1 orders', 'new 2 payments']);
    await turn();
  });

  test('is not told where it is too long', async () => {
    names.of('kafka').learn('1', 'x'.repeat(512));
    await turn();
    expect(told).toEqual([]);
  });

  test('50,000 at once leave in messages of a thousand, one a turn', async () => {
    const chain = names.of('kafka');
    for (let i = 0; i < 50_000; i++) chain.learn(`${i}`, `topic-${i}`);
    await turn();
    expect(told.length).toBeLessThanOrEqual(2);
    while (told.length < 50) await turn();
    await turn();
    expect(told.map((message) => message.length)).toEqual(Array.from({ length: 50 }, () => 1000));
  });
});

describe('what others learn', () => {
  test('reaches the chains of that listener, and those that come later; it is not passed on', async () => {
    following(names.of('kafka'));
    following(names.of('other'), 'other');
    names.apply([
      ['kafka', '1', 'orders'],
      ['kafka', '1', 'orders'],
      ['third', '2', 'payments'],
    ]);
    expect(heard).toEqual(['chain 1 orders']);
    following(names.of('third'), 'third');
    expect(heard).toEqual(['chain 1 orders', 'third 2 payments']);
    await turn();
    expect(told).toEqual([]);
  });

  test('of a listener that is gone is forgotten', () => {
    names.apply([['kafka', '1', 'orders']]);
    names.keepOnly([{ name: 'other' }]);
    following(names.of('kafka'));
    expect(heard).toEqual([]);
  });
});

test('a store is bounded by listener: the oldest are forgotten', () => {
  const store = new NameStore(3);
  for (const id of ['1', '2', '3', '4']) expect(store.keep(['kafka', id, 'orders'])).toBe(true);
  expect(store.keep(['kafka', '4', 'orders'])).toBe(false);
  expect(store.keep(['other', '1', 'orders'])).toBe(true);
  expect([...store.of('kafka').keys()]).toEqual(['2', '3', '4']);
  expect([...store.messages()].flat()).toHaveLength(4);
});
