import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import { afterEach, expect, test } from 'vitest';
import { kafkaJs, kafkaJsLogin, kafkaJsMember, kafkaJsSend } from '../kafka-clients.ts';
import { done, kcat, kcatLogin } from '../kafka-programs.ts';
import { KafkaWire } from '../kafka-wire.ts';
import { needs } from '../needs.ts';
import { poll } from '../poll.ts';
import { type Journal, type KafkaBrokerOptions, type KafkaCluster, startKafkaBroker } from './index.ts';

/** The clients of the world against the stand-in: none of them is told anything it does not understand, and none is at fault. */

let cluster: KafkaCluster;

async function start(options: KafkaBrokerOptions = {}): Promise<string[]> {
  cluster = await startKafkaBroker({ brokers: 2, topics: { orders: 3 }, ...options });
  return cluster.bootstrap.split(',');
}

afterEach(async () => {
  expect(cluster.faults).toEqual([]);
  await cluster.stop();
});

const recordsOf = (moved: Journal['produced'], client: string): number | undefined =>
  moved['orders']?.[client]?.records;
const values = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `value ${i}` }));
const gzip = kafkajs.CompressionTypes.GZIP;

test('kafkajs: producers and a group', async () => {
  const kafka = kafkaJs(await start());
  await kafkaJsSend(kafka, [
    { topic: 'orders', messages: values(10) },
    { topic: 'orders', messages: values(20), compression: gzip },
    { topic: 'orders', messages: values(1), acks: 0 },
  ]);
  await kafkaJsSend(kafka, [{ topic: 'orders', messages: values(2) }], { idempotent: true });
  const [one, two] = [
    await kafkaJsMember(kafka, 'billing', ['orders']),
    await kafkaJsMember(kafka, 'billing', ['orders']),
  ];
  await poll('both are members', () => {
    const group = cluster.group('billing');
    return group?.state === 'Stable' && group.members === 2;
  });
  await poll('all is read', () => one.got.length + two.got.length >= 33);
  await Promise.all([one.stop(), two.stop()]);
  expect(cluster.group('billing')).toMatchObject({ state: 'Empty', members: 0 });
  const committed = Object.values(cluster.group('billing')!.offsets).reduce((sum, offset) => sum + Number(offset), 0);
  expect(committed).toBe(33);
  expect(recordsOf(cluster.journal.produced, 'kafkajs')).toBe(33);
});

test('kafkajs: transactions', async () => {
  const kafka = kafkaJs(await start());
  const producer = kafka.producer({ transactionalId: 'tx-1', idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const first = await producer.transaction();
  await first.send({ topic: 'orders', messages: [{ value: 'kept', partition: 0 }] });
  const topics = [{ topic: 'orders', partitions: [{ partition: 0, offset: '5' }] }];
  await first.sendOffsets({ consumerGroupId: 'billing', topics });
  expect(cluster.group('billing')?.offsets).toEqual({});
  await first.commit();
  const second = await producer.transaction();
  await second.send({ topic: 'orders', messages: [{ value: 'dropped', partition: 0 }] });
  await second.abort();
  await producer.disconnect();
  expect(cluster.group('billing')?.offsets).toEqual({ 'orders-0': '5' });
  const member = await kafkaJsMember(kafka, 'readers', ['orders'], { readUncommitted: false });
  await kafkaJsSend(kafka, [{ topic: 'orders', messages: [{ value: 'plain', partition: 0 }] }]);
  await member.until(2);
  await member.stop();
  expect(member.got.map(({ value }) => value)).toEqual(['kept', 'plain']);
});

/** A group that has an offset and no members. */
async function commitAsNobody(groupId: string): Promise<void> {
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0n }] }];
  for (const { port } of cluster.brokers) {
    const wire = await KafkaWire.connect(port);
    await wire.ask('OffsetCommit', 7, { groupId, topics }); // the one that does not coordinate it says so
    wire.close();
  }
}

test('kafkajs: an admin', async () => {
  const admin = kafkaJs(await start()).admin();
  await admin.connect();
  expect(await admin.createTopics({ topics: [{ topic: 'new', numPartitions: 4 }] })).toBe(true);
  await admin.createPartitions({ topicPartitions: [{ topic: 'new', count: 6 }] });
  expect((await admin.fetchTopicMetadata({ topics: ['new'] })).topics[0]!.partitions).toHaveLength(6);
  const configEntries = [{ name: 'retention.ms', value: '1000' }];
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: 'new', configEntries }] });
  const { resources } = await admin.describeConfigs({ resources: [{ type: 2, name: 'new' }], includeSynonyms: false });
  expect(resources[0]!.configEntries).toContainEqual(
    expect.objectContaining({ configName: 'retention.ms', configValue: '1000' }),
  );
  expect(await admin.fetchTopicOffsets('orders')).toHaveLength(3);
  await commitAsNobody('g');
  expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toEqual(['g']);
  await admin.deleteGroups(['g']);
  await admin.deleteTopics({ topics: ['new'] });
  expect(await admin.listTopics()).toEqual(['orders']);
  expect((await admin.describeCluster()).brokers.map(({ port }) => port)).toEqual(
    cluster.brokers.map(({ port }) => port),
  );
  await expect(admin.fetchTopicMetadata({ topics: ['bad name'] })).rejects.toThrow();
  await admin.disconnect();
});

test('kcat: every codec, a group, transactions', async (context) => {
  needs(context, 'kcat');
  const brokers = await start();
  const lines = `${Array.from({ length: 50 }, (_, i) => `a value that packs well ${i}`).join('\n')}\n`;
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    await done(kcat(brokers, ['-P', '-t', 'orders', '-z', codec], lines, { clientId: codec }));
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    expect(recordsOf(cluster.journal.produced, codec), codec).toBe(50);
  await done(kcat(brokers, ['-P', '-t', 'orders'], lines, { settings: { 'transactional.id': 'tx' } }));
  const read = await done(kcat(brokers, ['-C', '-t', 'orders', '-o', 'beginning', '-e', '-q']));
  expect(read.trim().split('\n')).toHaveLength(300);
  const settings = { 'auto.offset.reset': 'earliest' };
  const grouped = await done(kcat(brokers, ['-G', 'g', '-e', '-q', 'orders'], '', { settings }));
  expect(grouped.trim().split('\n')).toHaveLength(300);
  expect(await done(kcat(brokers, ['-L']))).toContain('topic "orders" with 3 partitions');
}, 60_000);

test('@platformatic/kafka: producers, a stream, an admin', async () => {
  const bootstrapBrokers = await start();
  const base = { clientId: 'platformatic', bootstrapBrokers };
  const producer = new Producer({ ...base, serializers: stringSerializers });
  const messages = values(10).map((message) => ({ ...message, topic: 'orders', headers: { a: 'b' } }));
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)
    await producer.send({ messages, compression, acks: 1 });
  await producer.send({ messages, acks: -1, idempotent: true });
  expect(recordsOf(cluster.journal.produced, 'platformatic')).toBe(60);
  const consumer = new Consumer({ ...base, groupId: 'billing', deserializers: stringDeserializers });
  const mode = MessagesStreamModes.EARLIEST;
  const stream = await consumer.consume({ topics: ['orders'], mode, maxWaitTime: 100, autocommit: true });
  const got: string[] = [];
  for await (const { value } of stream) if (got.push(value) === 60) break;
  await stream.close();
  await consumer.close(true);
  expect(new Set(got).size).toBe(10);
  const admin = new Admin(base);
  await admin.createTopics({ topics: ['new'], partitions: 4, replicas: 1 });
  expect((await admin.listTopics()).toSorted()).toEqual(['new', 'orders']);
  expect([...(await admin.listGroups()).keys()]).toEqual(['billing']);
  await admin.deleteTopics({ topics: ['new'] });
  await Promise.all([admin.close(), producer.close()]);
  const { connections, requests } = cluster.journal;
  expect(connections.some(({ software }) => software.startsWith('platformatic-kafka '))).toBe(true);
  expect(requests).toHaveProperty('Fetch v16');
});

test('errors and throttling reach the clients', async () => {
  const kafka = kafkaJs(await start(), { retry: { retries: 0 } });
  cluster.failNext('Produce', 'TOPIC_AUTHORIZATION_FAILED');
  await expect(kafkaJsSend(kafka, [{ topic: 'orders', messages: values(1) }])).rejects.toMatchObject({
    name: expect.stringMatching(/Kafka/),
  });
  expect(cluster.journal.refusals['Produce']).toEqual({ 'orders TOPIC_AUTHORIZATION_FAILED': 1 });
});

for (const mechanism of ['plain', 'scram-sha-256'] as const) {
  test(`logins: ${mechanism}`, async (context) => {
    needs(context, 'kcat');
    const brokers = await start({ sasl: { users: { ada: 'one' } } });
    await kafkaJsSend(kafkaJs(brokers, kafkaJsLogin('ada', 'one', mechanism)), [
      { topic: 'orders', messages: values(3) },
    ]);
    await done(
      kcat(brokers, ['-P', '-t', 'orders'], 'a\nb\n', { settings: kcatLogin('ada', 'one', mechanism.toUpperCase()) }),
    );
    const login = { mechanism: mechanism.toUpperCase() as 'PLAIN', username: 'ada', password: 'one' };
    const producer = new Producer({
      clientId: 'platformatic',
      bootstrapBrokers: brokers,
      sasl: login,
      serializers: stringSerializers,
    });
    await producer.send({ messages: [{ topic: 'orders', key: 'k', value: 'v' }], acks: 1 });
    await producer.close();
    const { produced, connections } = cluster.journal;
    expect(Object.values(produced['orders']!).reduce((sum, { records }) => sum + records, 0)).toBe(6);
    expect(connections.every(({ principal }) => principal === 'ada')).toBe(true);
    const wrong = kafkaJs(brokers, { ...kafkaJsLogin('ada', 'two', mechanism), retry: { retries: 0 } });
    await expect(kafkaJsSend(wrong, [{ topic: 'orders', messages: values(1) }])).rejects.toThrow();
  });
}
