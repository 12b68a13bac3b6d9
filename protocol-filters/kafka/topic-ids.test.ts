import { expect, test } from 'vitest';
import type { SharedNames } from '../../src/exchange/shared-names.ts';
import { NO_SHARED } from '../../src/exchange/shared-names.ts';
import { NameTable } from './names.ts';
import type { Topic } from './request.ts';
import { isZeroId, TopicIds } from './topic-ids.ts';

const id = (n: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(n, 12);
  return bytes;
};
const tableOf = (shared: SharedNames = NO_SHARED, most?: number) => {
  const topics = new NameTable(() => ({}) as Topic['counts']);
  const ids = new TopicIds((buf, start, end) => topics.of(buf, start, end), shared, most);
  return {
    learn: (n: number, name: string) => ids.learn(id(n), 0, Buffer.from(`<${name}>`), 1, name.length + 1),
    name: (n: number) => ids.find(id(n), 0)?.name,
  };
};

test('what was told is known, and nothing else', () => {
  const ids = tableOf();
  expect(ids.name(1)).toBeUndefined();
  ids.learn(1, 'orders');
  ids.learn(2, 'payments');
  expect([ids.name(1), ids.name(1), ids.name(2), ids.name(3)]).toEqual(['orders', 'orders', 'payments', undefined]);
  ids.learn(1, 'other');
  expect(ids.name(1)).toBe('other');
});

test('of more ids than it holds the ones in use stay', () => {
  const ids = tableOf(NO_SHARED, 10);
  ids.learn(0, 'orders');
  for (let n = 1; n < 1000; n++) {
    ids.learn(n, `t-${n}`);
    expect(ids.name(0)).toBe('orders');
  }
  expect(ids.name(1)).toBeUndefined();
  expect(ids.name(999)).toBe('t-999');
});

test('what other workers have learned is known here, and what is new here is told to them, once', () => {
  const told: string[] = [];
  let take: (id: string, name: string) => void = () => {};
  const ids = tableOf({
    learn: (...pair) => void told.push(pair.join(' ')),
    follow: (call) => {
      call(id(7).toString('hex'), 'known');
      take = call;
    },
  });
  expect(ids.name(7)).toBe('known');
  take(id(8).toString('hex'), 'later');
  expect(ids.name(8)).toBe('later');
  ids.learn(8, 'later');
  ids.learn(9, 'mine');
  ids.learn(9, 'mine');
  expect(told).toEqual([`${id(9).toString('hex')} mine`]);
});

test('the zero id is nobody', () => {
  expect([isZeroId(Buffer.alloc(16), 0), isZeroId(id(1), 0)]).toEqual([true, false]);
});
