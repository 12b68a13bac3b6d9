import kafkajs, { type Kafka } from 'kafkajs';
import { kafkaJs, kafkaJsLogin, kafkaJsMember, kafkaJsSend } from '../test/support/kafka-clients.ts';
import { KAFKA_PASSWORD, KAFKA_USER } from '../test/support/real-kafka.ts';
import { type Scene, type Stage, withApi } from './record-kafka-scene.ts';

/** Scenes of kafkajs 2.2.4: old versions of everything, no ApiVersions v3, topics by name. */

const client = (at: Stage, options: Parameters<typeof kafkaJs>[1] = {}): Kafka =>
  kafkaJs(at.bootstrap, { clientId: 'shop', retry: { retries: 0 }, ...options });

async function withAdmin(kafka: Kafka, use: (admin: ReturnType<Kafka['admin']>) => Promise<unknown>): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await use(admin).finally(() => admin.disconnect());
}

async function fails(asked: Promise<unknown>): Promise<void> {
  const failed = await asked.then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error('this was to fail');
}

const values = (count: number, text = 'hello'): { key: string; value: string }[] =>
  Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: `${text} ${n}` }));

export const KAFKAJS_SCENES: readonly Scene[] = [
  {
    name: 'kafkajs-produce',
    title:
      'kafkajs: records to a topic with acks of all, of the leader and of nobody; compressed by gzip; with headers',
    async play(at) {
      const topic = await at.topic('orders');
      await kafkaJsSend(client(at), [
        { topic, messages: values(3) },
        { topic, acks: 1, messages: values(1) },
        { topic, acks: 0, messages: values(2) },
        {
          topic,
          compression: kafkajs.CompressionTypes.GZIP,
          messages: values(20, 'compressed, compressed, compressed'),
        },
        {
          topic,
          messages: [
            {
              key: 'traced',
              value: 'x',
              headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', other: 'y' },
            },
          ],
        },
      ]);
    },
    keep: withApi(0),
  },
  {
    name: 'kafkajs-produce-topics',
    title:
      'kafkajs: one request with records for three topics of two partitions each; a topic that is made by asking for it',
    async play(at) {
      for (const topic of ['carts', 'payments', 'returns']) await at.topic(topic, 2);
      const producer = client(at, { retry: { retries: 5, initialRetryTime: 50 } }).producer();
      await producer.connect();
      await producer.sendBatch({
        topicMessages: ['carts', 'payments', 'returns'].map((topic) => ({
          topic,
          messages: [
            { value: 'a', partition: 0 },
            { value: 'b', partition: 1 },
            { value: 'c', partition: 1 },
          ],
        })),
      });
      await producer.send({ topic: 'made-by-metadata', messages: [{ value: 'first' }] });
      await producer.disconnect();
    },
    keep: withApi(0),
  },
  {
    name: 'kafkajs-idempotent',
    title: 'kafkajs: an idempotent producer: a producer id of its own, three batches in order',
    async play(at) {
      const topic = await at.topic('idempotent');
      const record = { topic, messages: values(2) };
      const kafka = client(at, { retry: { retries: 5 } });
      await kafkaJsSend(kafka, [record, record, record], { idempotent: true, maxInFlightRequests: 1 });
    },
    keep: withApi(0),
  },
  {
    name: 'kafkajs-transactions',
    title: 'kafkajs: a transaction that is committed, with the offsets of a group in it, and one that is given up',
    async play(at) {
      const topic = await at.topic('ledger');
      const producer = client(at, { retry: { retries: 5 } }).producer({
        transactionalId: 'ledger-writer-7',
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      const first = await producer.transaction();
      await first.send({ topic, messages: values(2) });
      await first.sendOffsets({
        consumerGroupId: 'ledger-readers',
        topics: [{ topic, partitions: [{ partition: 0, offset: '1' }] }],
      });
      await first.commit();
      const second = await producer.transaction();
      await second.send({ topic, messages: values(1) });
      await second.abort();
      await producer.disconnect();
    },
    keep: withApi(0, 26),
  },
  {
    name: 'kafkajs-group',
    title:
      'kafkajs: the only member of a group: joins, syncs, reads from the start, heartbeats, commits, waits, leaves',
    async play(at) {
      const topic = await at.topic('reads', 2);
      await kafkaJsSend(at.aside, [{ topic, messages: values(5) }]);
      const member = await kafkaJsMember(client(at, { retry: { retries: 5 } }), 'billing', [topic]);
      await member.until(5);
      await kafkaJsSend(at.aside, [{ topic, messages: values(1) }]);
      await member.until(6);
      await member.stop();
    },
    keep: withApi(11, 9),
  },
  {
    name: 'kafkajs-fetch',
    title: 'kafkajs: the reading side of a group of one: Fetch with data, and Fetch that waits for data in vain',
    async play(at) {
      const topic = await at.topic('fetched', 2);
      await kafkaJsSend(at.aside, [{ topic, messages: values(5) }]);
      const member = await kafkaJsMember(client(at, { retry: { retries: 5 } }), 'fetching', [topic]);
      await member.until(5);
      await kafkaJsSend(at.aside, [{ topic, messages: values(1) }]);
      await member.until(6);
      await member.stop();
    },
    keep: withApi(1),
  },
  {
    name: 'kafkajs-rebalance',
    title: 'kafkajs: the leader of a group whose second member comes and goes: REBALANCE_IN_PROGRESS, new generations',
    async play(at) {
      const topic = await at.topic('shared', 4);
      await kafkaJsSend(at.aside, [{ topic, messages: values(8) }]);
      const kafka = client(at, { retry: { retries: 5 } });
      const first = await kafkaJsMember(kafka, 'workers', [topic]);
      const second = await kafkaJsMember(kafka, 'workers', [topic]);
      await first.until(1);
      await second.stop();
      await first.stop();
    },
    keep: withApi(11, 12),
  },
  {
    name: 'kafkajs-admin-topics',
    title:
      'kafkajs: topics made, described, given partitions, listed, emptied and deleted; offsets by time; one that is there already',
    play: (at) =>
      withAdmin(client(at), async (admin) => {
        await admin.createTopics({ topics: [{ topic: 'made', numPartitions: 2 }], waitForLeaders: true });
        await fails(admin.createTopics({ topics: [{ topic: 'made' }, { topic: 'made/wrong' }] }));
        await admin.listTopics();
        await admin.fetchTopicMetadata({ topics: ['made'] });
        await admin.createPartitions({ topicPartitions: [{ topic: 'made', count: 3 }] });
        await kafkaJsSend(at.aside, [{ topic: 'made', messages: values(4) }]);
        await admin.fetchTopicOffsets('made');
        await admin.fetchTopicOffsetsByTimestamp('made', 1_700_000_000_000);
        await admin.deleteTopicRecords({ topic: 'made', partitions: [{ partition: 0, offset: '-1' }] });
        await admin.deleteTopics({ topics: ['made'] });
        await fails(admin.fetchTopicMetadata({ topics: ['made'] }));
        await admin.describeCluster();
      }),
  },
  {
    name: 'kafkajs-admin-configs',
    title:
      'kafkajs: configurations of a topic and of the broker read and changed, a wrong one refused; ACLs made, listed, removed',
    async play(at) {
      const topic = await at.topic('configured');
      await withAdmin(client(at), async (admin) => {
        const { TOPIC } = kafkajs.ConfigResourceTypes;
        await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: TOPIC, name: topic, configNames: ['retention.ms', 'max.message.bytes'] }],
        });
        const change = (value: string) => ({
          validateOnly: false,
          resources: [{ type: TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value }] }],
        });
        await admin.alterConfigs(change('60000'));
        await fails(admin.alterConfigs(change('soon')));
        const acl = {
          resourceType: kafkajs.AclResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
          principal: 'User:bob',
          host: '10.0.0.7',
          operation: kafkajs.AclOperationTypes.READ,
          permissionType: kafkajs.AclPermissionTypes.DENY,
        };
        await admin.createAcls({ acl: [acl] });
        await admin.describeAcls(acl);
        await admin.deleteAcls({ filters: [acl] });
      });
    },
  },
  {
    name: 'kafkajs-admin-groups',
    title:
      'kafkajs: groups listed, described, their offsets read, set and reset, a group deleted and one that is not there',
    async play(at) {
      const topic = await at.topic('grouped');
      await kafkaJsSend(at.aside, [{ topic, messages: values(3) }]);
      const member = await kafkaJsMember(at.aside, 'reports', [topic]);
      await member.until(3);
      await member.stop();
      await withAdmin(client(at), async (admin) => {
        await admin.listGroups();
        await admin.describeGroups(['reports', 'nobody']);
        await admin.fetchOffsets({ groupId: 'reports', topics: [topic] });
        await admin.fetchOffsets({ groupId: 'reports' });
        await admin.setOffsets({ groupId: 'reports', topic, partitions: [{ partition: 0, offset: '2' }] });
        await admin.resetOffsets({ groupId: 'reports', topic, earliest: true });
        await admin.deleteGroups(['reports']);
        await fails(admin.deleteGroups(['nobody']));
      });
    },
    keep: withApi(42),
  },
  {
    name: 'kafkajs-errors',
    title: 'kafkajs: a record that is too large for its topic, then one that is taken',
    async play(at) {
      const topic = 'strict';
      await at.admin.createTopics({
        topics: [{ topic, configEntries: [{ name: 'max.message.bytes', value: '200' }] }],
        waitForLeaders: true,
      });
      const producer = client(at).producer();
      await producer.connect();
      await fails(producer.send({ topic, messages: [{ value: 'x'.repeat(300) }] }));
      await producer.send({ topic, messages: [{ value: 'x' }] });
      await producer.disconnect();
    },
    keep: withApi(0),
  },
  {
    name: 'kafkajs-sasl-plain',
    title: 'kafkajs: logs in by PLAIN, writes to a topic that it may write to and to one that it may not',
    on: 'sasl',
    async play(at) {
      const topic = await at.topic('allowed');
      await forbidden(at, 'forbidden');
      const login = kafkaJsLogin(KAFKA_USER, KAFKA_PASSWORD);
      const producer = client(at, login).producer();
      await producer.connect();
      await producer.send({ topic, messages: values(1) });
      await fails(producer.send({ topic: 'forbidden', messages: values(1) }));
      await producer.disconnect();
    },
    keep: withApi(17, 0),
  },
  {
    name: 'kafkajs-sasl-scram-256',
    title: 'kafkajs: logs in by SCRAM-SHA-256 and asks for the topics',
    on: 'sasl',
    play: (at) =>
      withAdmin(client(at, kafkaJsLogin(KAFKA_USER, KAFKA_PASSWORD, 'scram-sha-256')), (admin) => admin.listTopics()),
    keep: withApi(17, 3),
  },
  {
    name: 'kafkajs-sasl-wrong-password',
    title: 'kafkajs: logs in by SCRAM-SHA-512 with a password that is not ada’s',
    on: 'sasl',
    play: (at) =>
      fails(withAdmin(client(at, kafkaJsLogin(KAFKA_USER, 'wrong', 'scram-sha-512')), (a) => a.listTopics())),
    keep: withApi(17),
  },
];

/** Makes a topic that ada may neither read nor write. */
async function forbidden(at: Stage, topic: string): Promise<void> {
  await at.topic(topic);
  await at.admin.createAcls({
    acl: [
      {
        resourceType: kafkajs.AclResourceTypes.TOPIC,
        resourceName: topic,
        resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
        principal: `User:${KAFKA_USER}`,
        host: '*',
        operation: kafkajs.AclOperationTypes.WRITE,
        permissionType: kafkajs.AclPermissionTypes.DENY,
      },
    ],
  });
}
