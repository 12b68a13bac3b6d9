import { expect, test } from 'vitest';
import { AttributeTexts, PlainAttributes } from './attributes.ts';

const NOBODY = { group: null, member: '', generation: -1, transactionalId: '' };

test('keys in their order, and only those that tell something', () => {
  const texts = new AttributeTexts();
  expect(texts.of(9, 3, 1, 173)).toBe(
    '{"messaging.destination.partition.id":"3","sluice.kafka.codec":"gzip","sluice.kafka.throttle_ms":100,"sluice.kafka.api_version":9}',
  );
  expect(texts.of(0, -1, -1, 0)).toBe('{"sluice.kafka.api_version":0}');
  expect(texts.of(-1, -1, -1, 0)).toBe('{}');
  texts.identify({ group: { name: 'g' }, member: 'm', generation: 3, transactionalId: 't' });
  expect(texts.of(1, 0, -1, 0)).toBe(
    '{"messaging.destination.partition.id":"0","messaging.consumer.group.name":"g","sluice.kafka.member":"m","sluice.kafka.generation":3,"sluice.kafka.transactional_id":"t","sluice.kafka.api_version":1}',
  );
  texts.identify(NOBODY);
  expect(texts.of(1, 0, -1, 0)).toBe('{"messaging.destination.partition.id":"0","sluice.kafka.api_version":1}');
});

test('no two combinations share a text', () => {
  const texts = new AttributeTexts();
  const seen = new Set<string>();
  let count = 0;
  for (const version of [-1, 0, 1, 126])
    for (const partition of [-1, 0, 1, 2_147_483_647])
      for (const codec of [-1, 0, 4, 7])
        for (const throttle of [0, 1, 2, 1_000_000_000]) {
          seen.add(texts.of(version, partition, codec, throttle));
          count++;
        }
  expect(seen.size).toBe(count);
});

test.each([
  [1, 1],
  [2, 2],
  [4, 2],
  [5, 5],
  [9, 5],
  [10, 10],
  [999, 500],
  [2_147_483_647, 2_000_000_000],
])('a throttle time of %i ms is told as %i', (ms, want) => {
  expect(JSON.parse(new AttributeTexts().of(1, -1, -1, ms))['sluice.kafka.throttle_ms']).toBe(want);
});

test('a thousand partitions after another keep the memory of a thousand', () => {
  const texts = new AttributeTexts();
  const first = texts.of(1, 0, 0, 0);
  for (let partition = 0; partition < 5000; partition++) texts.of(1, partition, 0, 0);
  expect(texts.of(1, 0, 0, 0)).toBe(first);
});

test('names that are too long for all of them are cut', () => {
  const texts = new AttributeTexts();
  const long = 'g'.repeat(250);
  texts.identify({ group: { name: long }, member: long, generation: 1, transactionalId: `${long}"` });
  const text = texts.of(1, 2_147_483_647, 4, 5);
  expect(text.length).toBeLessThanOrEqual(1024);
  expect(JSON.parse(text)['sluice.kafka.member']).toMatch(/^g{60}…$/);
  texts.identify({ group: { name: long }, member: 'm', generation: 1, transactionalId: '' });
  expect(JSON.parse(texts.of(1, 0, 0, 0))['messaging.consumer.group.name']).toBe(long);
});

test('the cluster is named once it is known; of more clusters than a chain has, none', () => {
  const plain = new PlainAttributes();
  expect(plain.of('')).toBe(plain.of(''));
  expect(JSON.parse(plain.of('c-1').of(1, -1, -1, 0))).toEqual({
    'messaging.kafka.cluster.id': 'c-1',
    'sluice.kafka.api_version': 1,
  });
  for (let i = 0; i < 100; i++) plain.of(`invented-${i}`);
  expect(plain.of('invented-99')).toBe(plain.of(''));
  expect(plain.of('c-1')).not.toBe(plain.of(''));
});
