import { setTimeout as delay } from 'node:timers/promises';
import {
  Admin,
  type BaseOptions,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { kafkaJsSend } from '../test/support/kafka-clients.ts';
import { poll } from '../test/support/poll.ts';
import { KAFKA_PASSWORD, KAFKA_USER } from '../test/support/real-kafka.ts';
import { type Scene, type Stage, withApi } from './record-kafka-scene.ts';

/** Scenes of @platformatic/kafka: new versions of everything, topics by id. */

const base = (at: Stage): BaseOptions => ({
  clientId: 'stream',
  bootstrapBrokers: [...at.bootstrap],
  retries: 3,
  retryDelay: 50,
});

const login = { sasl: { mechanism: 'SCRAM-SHA-256', username: KAFKA_USER, password: KAFKA_PASSWORD } } as const;

async function fails(asked: Promise<unknown>): Promise<void> {
  const failed = await asked.then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error('this was to fail');
}

const fill = (at: Stage, topic: string, count: number): Promise<void> =>
  kafkaJsSend(at.aside, [{ topic, messages: Array.from({ length: count }, (_, n) => ({ value: `${n}` })) }]);

async function produce(at: Stage): Promise<void> {
  const topic = await at.topic('platformatic', 2);
  const producer = new Producer({ ...base(at), serializers: stringSerializers });
  const send = (more: object, count = 2) =>
    producer.send({
      messages: Array.from({ length: count }, (_, n) => ({ topic, key: `k${n}`, value: `v${n}`, partition: n % 2 })),
      ...more,
    });
  await send({});
  await send({ acks: 0 });
  await send({ acks: 1, compression: 'gzip' }, 10);
  await send({ compression: 'zstd' }, 10);
  await send({ compression: 'lz4' }, 10).catch(() => {});
  await send({ compression: 'snappy' }, 10).catch(() => {});
  await producer.close();
}

async function read(at: Stage, topic: string): Promise<void> {
  await at.topic(topic, 2);
  await fill(at, topic, 6);
  const consumer = new Consumer({
    ...base(at),
    groupId: `${topic}-readers`,
    deserializers: stringDeserializers,
    maxWaitTime: 100,
    sessionTimeout: 10_000,
    heartbeatInterval: 200,
  });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: 200 });
  let got = 0;
  stream.on('data', () => got++);
  await poll('six messages', () => got === 6);
  await fill(at, topic, 1);
  await poll('one more', () => got === 7);
  await stream.close();
  await consumer.close(true);
}

export const PLATFORMATIC_SCENES: readonly Scene[] = [
  {
    name: 'platformatic-produce',
    title: '@platformatic/kafka: records with acks of all, of nobody, of the leader; compressed by what it has at hand',
    play: produce,
    keep: withApi(0),
  },
  {
    name: 'platformatic-produce-4',
    title: '@platformatic/kafka: the same with a newer broker',
    on: 'kafka4',
    play: produce,
    keep: withApi(0),
  },
  {
    name: 'platformatic-group',
    title: '@platformatic/kafka: the connection to the coordinator of a group of one',
    play: (at) => read(at, 'streamed'),
    keep: withApi(11),
  },
  {
    name: 'platformatic-fetch',
    title: '@platformatic/kafka: Fetch by topic id, waiting for data',
    play: (at) => read(at, 'streamed-too'),
    keep: withApi(1),
  },
  {
    name: 'platformatic-transaction',
    title: '@platformatic/kafka: a transaction that is committed and one that is given up',
    async play(at) {
      const topic = await at.topic('stream-ledger');
      const producer = new Producer({
        ...base(at),
        serializers: stringSerializers,
        idempotent: true,
        transactionalId: 'stream-ledger-1',
      });
      const first = await producer.beginTransaction();
      await first.send({ messages: [{ topic, value: 'a' }] });
      await first.commit();
      const second = await producer.beginTransaction();
      await second.send({ messages: [{ topic, value: 'b' }] });
      await second.abort();
      await producer.close();
    },
    keep: withApi(0),
  },
  {
    name: 'platformatic-admin',
    title: '@platformatic/kafka: topics, partitions, groups, configurations, offsets, quotas, log directories',
    async play(at) {
      const admin = new Admin(base(at));
      await admin.createTopics({ topics: ['by-admin'], partitions: 2, replicas: 1 });
      await fails(admin.createTopics({ topics: ['by-admin'], partitions: 2, replicas: 1 }));
      await admin.listTopics();
      await admin.createPartitions({ topics: [{ name: 'by-admin', count: 3, assignments: [{ brokerIds: [1] }] }] });
      await fill(at, 'by-admin', 3);
      await admin.listOffsets({ topics: [{ name: 'by-admin', partitions: [{ partitionIndex: 0, timestamp: -1n }] }] });
      await admin.listGroups();
      await admin.describeGroups({ groups: ['nobody'] }).catch(() => {});
      await admin.describeConfigs({
        resources: [{ resourceType: 2, resourceName: 'by-admin', configurationKeys: ['retention.ms'] }],
      });
      await admin.describeClientQuotas({ components: [], strict: false }).catch(() => {});
      await admin.describeLogDirs({ topics: [{ name: 'by-admin', partitions: [0] }] });
      await admin.deleteRecords({ topics: [{ name: 'by-admin', partitions: [{ partition: 0, offset: -1n }] }] });
      await admin.deleteTopics({ topics: ['by-admin'] });
      await admin.close();
    },
  },
  {
    name: 'platformatic-sasl',
    title: '@platformatic/kafka: logs in by SCRAM-SHA-256 and asks for topics; logs in again before its session ends',
    on: 'reauth',
    async play(at) {
      const admin = new Admin({ ...base(at), ...login });
      await admin.listTopics();
      for (const endsAt = performance.now() + 4500; performance.now() < endsAt; await delay(400))
        await admin.listTopics();
      await admin.close();
    },
    keep: withApi(17),
  },
];
