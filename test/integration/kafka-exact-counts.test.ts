import { describe, expect, test } from 'vitest';
import type { Fields } from '../support/kafka-broker/codec.ts';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { kafkaRows, kafkaStats } from '../support/kafka-ledger.ts';
import { done, kcat } from '../support/kafka-programs.ts';
import { countKafkaExactly, strictKafkaStage } from '../support/kafka-stage.ts';
import { type BatchInit, KafkaWire, recordBatch } from '../support/kafka-wire.ts';
import { needs } from '../support/needs.ts';
import { startTrickleProxy } from '../support/trickle-proxy.ts';
import { atOnce } from '../support/zookeeper-stage.ts';

const TOPICS = { orders: 2, payments: 2, returns: 1 };

const batch = (count: number, codec: NonNullable<BatchInit['codec']> = 'none'): Buffer =>
  recordBatch({ codec, records: Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: `value ${n}` })) });

const produced = (topicData: Readonly<Record<string, readonly Buffer[]>>, acks = 1): Fields => ({
  acks,
  timeoutMs: 5000,
  topicData: Object.entries(topicData).map(([name, batches]) => ({
    name,
    partitionData: batches.map((records, index) => ({ index, records })),
  })),
});

const wished = (topics: readonly string[], maxWaitMs = 0): Fields => ({
  maxWaitMs,
  minBytes: 1,
  maxBytes: 1 << 24,
  topics: topics.map((topic) => ({
    topic,
    partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }],
  })),
});

type Ask = readonly [api: string, version: number, fields: Fields];

/** Requests of many APIs and versions that succeed and fail; some name several topics. `silent`: without an answer. */
const mixed = (group: string): readonly Ask[] => [
  ['ApiVersions', 3, { clientSoftwareName: 'wire', clientSoftwareVersion: '1.0' }],
  ['Metadata', 9, { topics: null }],
  ['Metadata', 1, { topics: [{ name: 'orders' }, { name: 'nosuch' }] }], // UNKNOWN_TOPIC_OR_PARTITION
  ['Produce', 3, produced({ orders: [batch(3)] })],
  ['Produce', 7, produced({ orders: [batch(5, 'gzip'), batch(1)], payments: [batch(2, 'zstd')] }, -1)],
  ['Produce', 9, produced({ returns: [batch(1)], nosuch: [batch(4)] })], // UNKNOWN_TOPIC_OR_PARTITION
  ['Produce', 9, produced({ orders: [batch(1), batch(2), batch(7)] })], // no third partition
  ['Produce', 9, produced({ payments: [batch(6)] }, 0)],
  ['Produce', 11, produced({ payments: [batch(2)] })],
  [
    'ListOffsets',
    6,
    { replicaId: -1, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1n }] }] },
  ],
  ['Fetch', 11, wished(['orders', 'payments'])],
  ['Fetch', 12, wished(['returns', 'nosuch'])],
  ['Fetch', 4, wished(['orders'])],
  ['FindCoordinator', 3, { key: group, keyType: 0 }],
  ['FindCoordinator', 4, { keyType: 0, coordinatorKeys: [group, `${group}-too`] }],
  [
    'OffsetCommit',
    8,
    {
      groupId: group,
      topics: ['orders', 'payments'].map((name) => ({
        name,
        partitions: [{ partitionIndex: 0, committedOffset: 2n, committedMetadata: '' }],
      })),
    },
  ],
  ['OffsetFetch', 5, { groupId: group, topics: [{ name: 'orders', partitionIndexes: [0, 1] }] }],
  ['Heartbeat', 4, { groupId: group, generationId: 7, memberId: 'nobody' }], // UNKNOWN_MEMBER_ID
  ['LeaveGroup', 4, { groupId: group, members: [{ memberId: 'nobody' }] }],
  ['CreateTopics', 5, { topics: [{ name: 'orders', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 1000 }], // TOPIC_ALREADY_EXISTS
  ['DescribeGroups', 5, { groups: [group] }],
  ['InitProducerId', 3, { transactionalId: null, transactionTimeoutMs: 1000 }],
];

const isSilent = ([api, , fields]: Ask): boolean => api === 'Produce' && fields['acks'] === 0;

/** All in one write; resolves when all that are answered are. */
async function inOneWrite(wire: KafkaWire, asks: readonly Ask[]): Promise<void> {
  wire.raw(Buffer.concat(asks.map(([api, version, fields]) => wire.request(api, version, fields))));
  for (const ask of asks) if (!isSilent(ask)) await wire.next();
}

async function oneByOne(wire: KafkaWire, asks: readonly Ask[]): Promise<void> {
  for (const ask of asks) {
    if (isSilent(ask)) wire.send(...ask);
    else await wire.ask(...ask);
  }
}

describe('counts are exact', () => {
  const stage = strictKafkaStage({ rewrite: false, concurrency: 2 }, { topics: TOPICS, autoCreate: false });
  const connect = (clientId: string | null = 'wire') => KafkaWire.connect(stage.port, '127.0.0.1', { clientId });

  test('one connection, one request at a time', async () => {
    let wire: KafkaWire | undefined;
    const before = await kafkaStats(stage.sluice);
    const seen = await countKafkaExactly(stage, async () => {
      wire = await connect();
      await oneByOne(wire, mixed('single'));
      wire.close();
    });
    expect(seen.errors).toMatchObject({
      'Produce UNKNOWN_TOPIC_OR_PARTITION': 2,
      'Metadata UNKNOWN_TOPIC_OR_PARTITION': 1,
      'Fetch UNKNOWN_TOPIC_OR_PARTITION': 1,
      'Heartbeat UNKNOWN_MEMBER_ID': 1,
      'CreateTopics TOPIC_ALREADY_EXISTS': 1,
    });
    expect(seen.topics).toMatchObject({
      'orders produced_records': 3 + 5 + 1 + 3,
      'orders refused_records': 7,
      'payments produced_records': 2 + 6 + 2,
      'nosuch refused_records': 4,
    });
    const now = await kafkaStats(stage.sluice);
    const bytes = (name: string) =>
      (now.get(`sluice.kafka.kafka.${name}`) ?? 0) - (before.get(`sluice.kafka.kafka.${name}`) ?? 0);
    expect([bytes('request_bytes'), bytes('response_bytes')]).toEqual([wire?.sentBytes, wire?.receivedBytes]);
    const rows = await kafkaRows(stage.sluice);
    const sum = (text: string, of: 'rows_affected' | 'rows_returned' | 'calls') =>
      rows.filter((row) => row.text === text).reduce((all, row) => all + row[of], 0);
    expect(sum('Produce orders', 'rows_affected')).toBe(12);
    expect(sum('Produce payments', 'rows_affected')).toBe(10);
    expect(sum('Fetch orders', 'rows_returned')).toBe(seen.topics['orders fetched_records']);
  });

  test('64 connections at once, each with all of it in one write, and again', async () => {
    const seen = await countKafkaExactly(stage, () =>
      atOnce(64, async (n) => {
        const wire = await connect(n % 4 === 0 ? null : `client-${n % 4}`);
        await inOneWrite(wire, mixed(`many-${n % 8}`));
        await inOneWrite(wire, mixed(`many-${n % 8}`));
        wire.close();
      }),
    );
    expect(seen.requests).toMatchObject({ Produce: 64 * 12, Fetch: 64 * 6, Metadata: 64 * 4 });
    expect(seen.topics).toMatchObject({ 'orders produced_records': 128 * 12, 'payments produced_records': 128 * 10 });
    expect(seen.clients).toMatchObject({ '_ requests': 16 * 2 * 22, 'client-1 requests': 16 * 2 * 22 });
  });

  test('one connection, 3,000 small produces in one write, every tenth unanswered', async () => {
    const seen = await countKafkaExactly(stage, async () => {
      const wire = await connect('bulk');
      const asks = Array.from(
        { length: 3000 },
        (_, n): Ask => ['Produce', 9, produced({ orders: [batch(1 + (n % 3))] }, n % 10 === 9 ? 0 : 1)],
      );
      await inOneWrite(wire, asks);
      await oneByOne(wire, [['Metadata', 9, { topics: [] }]]); // behind it nothing is unread
      wire.close();
    });
    expect(seen.clients).toEqual(expect.objectContaining({ 'bulk requests': 3001, 'bulk produced_records': 6000 }));
  });

  test('errors that brokers give now and then, and throttling', async () => {
    const throttledBefore = (await kafkaStats(stage.sluice)).get('sluice.kafka.kafka.throttled') ?? 0;
    const seen = await countKafkaExactly(stage, async () => {
      stage.cluster.failNext('Produce', 'NOT_LEADER_OR_FOLLOWER', 3);
      stage.cluster.failNext('Fetch', 'OFFSET_OUT_OF_RANGE', 2);
      stage.cluster.failNext('Metadata', 'LEADER_NOT_AVAILABLE', 1, { topic: 'payments' });
      stage.cluster.throttle('OffsetFetch', 20);
      const wire = await connect();
      for (let n = 0; n < 5; n++) await oneByOne(wire, mixed('unlucky'));
      wire.close();
      stage.cluster.throttle('OffsetFetch', 0);
    });
    expect(seen.errors['Produce NOT_LEADER_OR_FOLLOWER']).toBeGreaterThanOrEqual(3);
    expect(seen.errors['Fetch OFFSET_OUT_OF_RANGE']).toBeGreaterThanOrEqual(2);
    expect(((await kafkaStats(stage.sluice)).get('sluice.kafka.kafka.throttled') ?? 0) - throttledBefore).toBe(5);
  });
});

describe('in pieces of one to five bytes, both ways', () => {
  const stage = strictKafkaStage(
    {
      rewrite: false,
      between: (port) => startTrickleProxy(port, [1, 1, 3, 1, 2, 5]),
      before: (port) => startTrickleProxy(port, [1, 2, 1, 1, 4]),
    },
    { topics: TOPICS, autoCreate: false },
  );

  test('counts are the same', async () => {
    await countKafkaExactly(stage, () =>
      atOnce(4, async (n) => {
        const wire = await KafkaWire.connect(stage.port);
        await inOneWrite(wire, mixed(`pieces-${n}`));
        wire.close();
      }),
    );
    const stats = await kafkaStats(stage.sluice);
    expect(stats.get('kafka.kafka.request.failure') ?? 0).toBe(0);
    expect(stats.get('kafka.kafka.response.failure') ?? 0).toBe(0);
  });
});

describe('what the clients themselves counted, through two brokers with their addresses rewritten', () => {
  const stage = strictKafkaStage(
    { rewrite: 'auto', concurrency: 2 },
    { brokers: 2, topics: { orders: 4, payments: 2 } },
  );
  const produced = async (topic: string) =>
    (await kafkaStats(stage.sluice)).get(`sluice.kafka.kafka.topic.${topic}.produced_records`) ?? 0;

  test('kafkajs: two producers, plain and gzip, a group that reads all of it', async () => {
    const kafka = kafkaJs(stage.bootstrap, { clientId: 'shop' });
    const messages = Array.from({ length: 100 }, (_, n) => ({ key: `k${n}`, value: `v${n}` }));
    const seen = await countKafkaExactly(stage, async () => {
      await kafkaJsSend(kafka, [
        { topic: 'orders', messages },
        { topic: 'orders', messages, compression: 1 },
        { topic: 'payments', messages, acks: 0 },
        { topic: 'payments', messages, acks: 1 },
      ]);
      const member = await kafkaJsMember(kafka, 'readers', ['orders', 'payments']);
      await member.until(400);
      await member.stop();
    });
    expect(seen.topics).toMatchObject({ 'orders produced_records': 200, 'payments produced_records': 200 });
    expect(seen.topics['orders fetched_records']).toBeGreaterThanOrEqual(200);
    expect(seen.clients['shop produced_records']).toBe(400);
  });

  test('kcat: a thousand records by each codec, read again', async (context) => {
    needs(context, 'kcat');
    const lines = Array.from({ length: 1000 }, (_, n) => `record ${n} of some length\n`).join('');
    await countKafkaExactly(stage, async () => {
      for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        await done(kcat(stage.bootstrap, ['-P', '-t', `by-${codec}`, '-p', '0', '-z', codec], lines));
      const read = await done(kcat(stage.bootstrap, ['-C', '-q', '-e', '-t', 'by-zstd', '-p', '0', '-o', 'beginning']));
      expect(read).toBe(lines);
    });
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) expect(await produced(`by-${codec}`)).toBe(1000);
  });

  test('@platformatic/kafka: two topics in one send, a stream that reads them', async () => {
    const { Consumer, Producer, stringDeserializers, stringSerializers } = await import('@platformatic/kafka');
    const base = { clientId: 'stream', bootstrapBrokers: [...stage.bootstrap] };
    const seen = await countKafkaExactly(stage, async () => {
      const producer = new Producer({ ...base, serializers: stringSerializers, autocreateTopics: true });
      const messages = Array.from({ length: 60 }, (_, n) => ({
        topic: n % 3 === 0 ? 'left' : 'right',
        value: `v${n}`,
      }));
      await producer.send({ messages });
      await producer.close();
      const consumer = new Consumer({
        ...base,
        groupId: 'streamers',
        deserializers: stringDeserializers,
        maxWaitTime: 100,
      });
      const stream = await consumer.consume({ topics: ['left', 'right'], mode: 'earliest', autocommit: true });
      let got = 0;
      for await (const _ of stream) if (++got === 60) break;
      await consumer.close(true);
    });
    expect(seen.topics).toMatchObject({ 'left produced_records': 20, 'right produced_records': 40 });
    expect(seen.clients['stream produced_records']).toBe(60);
  });
});
