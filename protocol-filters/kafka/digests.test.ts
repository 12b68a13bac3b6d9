import { describe, expect, test } from 'vitest';
import { SqlDigestCache } from '../../src/digest/cache.ts';
import { digests as shared } from '../../test/support/filter-env.ts';
import { aclWordsOf, isBrokersOwn } from './acl-words.ts';
import { KafkaDigests } from './digests.ts';
import { Names, NO_NAMES } from './name-patterns.ts';
import { NameTable } from './names.ts';
import type { Topic } from './request.ts';
import { APIS, ApiKey } from './schema/api.ts';
import type { TopicKey } from './stats/facts.ts';
import { Counts } from './stats/slots.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const namesOf = (group: string, transactionalId = ''): Names => {
  const names = new Names();
  names.group.set(bytes(group), 0, bytes(group).length);
  names.transactionalId.set(bytes(transactionalId), 0, bytes(transactionalId).length);
  return names;
};
const topics = new NameTable((name) => new Counts<TopicKey>(name));
const named = (name: string): Topic => topics.of(bytes(name), 0, bytes(name).length);
const digests = new KafkaDigests(shared, named('?'));
const topic = (key: number, name: string, names: Names = NO_NAMES) => digests.topic(key, named(name), names);
/** Another process. */
const other = (limits = {}) => new KafkaDigests(new SqlDigestCache({ parser: null, now: () => 0, limits }), named('?'));

describe('a digest', () => {
  test('is one object while it is asked for', () => {
    const orders = topic(ApiKey.produce, 'orders');
    expect(topic(ApiKey.produce, 'orders')).toBe(orders);
    expect(topic(ApiKey.fetch, 'orders')).not.toBe(orders);
    expect(orders).toMatchObject({
      protocol: 'kafka',
      text: 'Produce orders',
      operation: 'Produce',
      summary: 'Produce orders',
      confidence: 'parsed',
      settled: true,
      truncated: false,
    });
  });
  test('has the same id in every process', () => {
    expect(other().topic(ApiKey.produce, named('orders'), NO_NAMES).id).toBe(topic(ApiKey.produce, 'orders').id);
  });
  test('is not that of another with the same bytes in other places', () => {
    const all = [
      topic(ApiKey.txnOffsetCommit, 'a', namesOf('bc', 'd')),
      topic(ApiKey.txnOffsetCommit, 'ab', namesOf('c', 'd')),
      topic(ApiKey.txnOffsetCommit, 'a', namesOf('b', 'cd')),
      topic(ApiKey.txnOffsetCommit, 'abc', namesOf('', 'd')),
      topic(ApiKey.txnOffsetCommit, 'abcd'),
      topic(ApiKey.txnOffsetCommit, '*'),
      digests.all(ApiKey.txnOffsetCommit, NO_NAMES),
      digests.plain(ApiKey.txnOffsetCommit, NO_NAMES),
      topic(ApiKey.txnOffsetCommit, ''),
    ];
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });
  test('tells of groups that differ by a number alone the same', () => {
    expect(topic(ApiKey.offsetCommit, 'a', namesOf('console-consumer-17'))).toBe(
      topic(ApiKey.offsetCommit, 'a', namesOf('console-consumer-18')),
    );
  });
  test('comes back after it was pushed out', () => {
    const few = other({ digests: 8 });
    const first = few.topic(ApiKey.produce, named('orders'), NO_NAMES);
    for (let i = 0; i < 50; i++) few.topic(ApiKey.produce, named(`t-${i}`), NO_NAMES);
    expect(few.holds(first)).toBe(false);
    expect(few.topic(ApiKey.produce, named('orders'), NO_NAMES).id).toBe(first.id);
  });
  test.each([
    ['all topics', digests.all(ApiKey.metadata, NO_NAMES), 'Metadata *', 'parsed'],
    ['the rest', digests.rest(ApiKey.metadata, NO_NAMES), 'Metadata …', 'partial'],
    ['a topic that nobody knows', topic(ApiKey.fetch, '?'), 'Fetch ?', 'partial'],
    ['no topic', digests.plain(ApiKey.heartbeat, namesOf('g')), 'Heartbeat group=g', 'parsed'],
    ['an API that nobody knows', digests.unknownApi(1234), 'Api 1234', 'none'],
    ['what cannot be read', digests.unread(ApiKey.fetch, 'malformed'), 'Fetch !malformed', 'none'],
    ['a token', digests.token('PLAIN'), 'SaslToken PLAIN', 'parsed'],
  ])('%s', (_, digest, text, confidence) => expect(digest).toMatchObject({ text, confidence }));
});

describe('what an API does to what it names', () => {
  test('a word for each, and none for what it does not name', () => {
    expect(aclWordsOf(ApiKey.produce)).toEqual({ topic: 'write', group: '', transactionalId: 'write' });
    expect(aclWordsOf(ApiKey.offsetFetch)).toEqual({ topic: 'describe', group: 'describe', transactionalId: '' });
    expect(aclWordsOf(ApiKey.leaderAndIsr).topic).toBe('cluster_action');
    expect(aclWordsOf(30_000).topic).toBe('cluster_action');
  });
  test('brokers have APIs of their own, clients none of those', () => {
    const own = APIS.filter(({ key }) => isBrokersOwn(key)).map(({ name }) => name);
    expect(own).toContain('Vote');
    for (const name of ['Produce', 'Fetch', 'Metadata', 'JoinGroup', 'ApiVersions']) expect(own).not.toContain(name);
    expect(own.length).toBeGreaterThan(15);
  });
});
