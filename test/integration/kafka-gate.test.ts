import { Producer, stringSerializers } from '@platformatic/kafka';
import type { Kafka } from 'kafkajs';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { kafka } from '../../protocol-filters/kafka/index.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { done, kafkaTool, kcat } from '../support/kafka-programs.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { kafkaMissing, type RealKafka, startRealKafka } from '../support/real-kafka.ts';

const POLICIES = policySet([
  { name: 'orders', action: 'allow', operations: ['read', 'write', 'describe'], targets: ['orders*'] },
  { name: 'groups', action: 'allow', operations: ['read', 'describe'], targets: ['group=billing*'] },
  { name: 'transactions', action: 'allow', operations: ['write', 'describe'], targets: ['transactional_id=tx-*'] },
  { name: 'hands_off', action: 'deny', targets: ['forbidden'], message: 'hands off' },
]);
const NO_COORDINATOR = 'Failed to find group coordinator';
const ONE = ['one'];
const messages = ONE.map((value) => ({ value, partition: 0 }));
const why = (error: unknown): string => {
  const { type = '', message = '', cause, errors } = error as Record<string, unknown>;
  const inner = [cause, ...((errors as unknown[]) ?? [])].filter((each) => each !== undefined && each !== null);
  return [String(type), String(message), ...inner.map(why)].join(' ');
};
const failure = async (doing: Promise<unknown>): Promise<string> =>
  doing.then(
    () => 'it was done',
    (error) => why(error),
  );

/** '' = it was committed. */
async function transaction(client: Kafka, transactionalId: string): Promise<string> {
  const producer = client.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true });
  try {
    await producer.connect();
    const begun = await producer.transaction();
    await begun.send({ topic: 'orders', messages: [{ value: 'in a transaction' }] });
    await begun.commit();
    return '';
  } catch (error) {
    return why(error);
  } finally {
    await producer.disconnect();
  }
}

/** The gate before Apache Kafka: what the brokers hold afterwards is the truth, whatever clients were told. */
describe.each(['3.9', '4'] as const)('the gate before Apache Kafka %s', (line) => {
  let cluster: RealKafka | undefined;
  let plane: GatePlane;
  let direct: Kafka;
  let bootstrap = '';

  beforeEach(async (context) => {
    needs(context, 'java');
    const missing = await kafkaMissing(line);
    if (missing !== '') context.skip(missing);
    if (cluster !== undefined) return;
    cluster = await startRealKafka({ line, brokers: 1 });
    const { host, port } = cluster.brokers[0]!;
    plane = await startGatePlane({
      protocol: kafka,
      policies: POLICIES,
      upstream: { host, port },
      options: { rewrite: 'auto' },
    });
    bootstrap = `127.0.0.1:${plane.port}`;
    direct = kafkaJs(cluster.bootstrap);
    const admin = direct.admin();
    await admin.connect();
    const topics = ['orders', 'forbidden'].map((topic) => ({ topic, numPartitions: 1 }));
    await admin.createTopics({ topics, waitForLeaders: true });
    await admin.disconnect();
    await kafkaJsSend(direct, [{ topic: 'forbidden', messages }]);
    // A new cluster makes its own topics for groups and transactions when it is first asked for them.
    await (await kafkaJsMember(direct, 'first', ['orders'])).stop();
    await poll('transactions work', async () => (await transaction(direct, 'first')) === '');
  });
  afterAll(async () => {
    await plane?.stop();
    await cluster?.stop();
  });

  /** What the brokers hold: topics, and how many messages are in the denied one. */
  const held = async (): Promise<string> => {
    const admin = direct.admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__')).sort();
    const [offsets] = await admin.fetchTopicOffsets('forbidden');
    await admin.disconnect();
    return `${topics.join(' ')}, ${offsets?.high} in forbidden`;
  };
  const asBefore = 'forbidden orders, 1 in forbidden';

  test('kafkajs: TOPIC_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED, and what is allowed goes on', async () => {
    const client = kafkaJs([bootstrap]);
    await kafkaJsSend(client, [{ topic: 'orders', messages }]);
    expect(await failure(kafkaJsSend(client, [{ topic: 'forbidden', messages }]))).toContain(
      'TOPIC_AUTHORIZATION_FAILED',
    );
    expect(await failure(kafkaJsSend(client, [{ topic: 'made-up', messages }]))).toContain(
      'TOPIC_AUTHORIZATION_FAILED',
    );
    const member = await kafkaJsMember(client, 'billing', ['orders']);
    await member.until(1);
    await member.stop();
    const admin = client.admin();
    await admin.connect();
    // What kafkajs makes of every error of FindCoordinator.
    expect(await failure(admin.fetchOffsets({ groupId: 'others', topics: ['orders'] }))).toContain(NO_COORDINATOR);
    expect(await admin.listTopics()).toEqual([]);
    expect(await failure(admin.createTopics({ topics: [{ topic: 'orders-2' }] }))).toContain(
      'TOPIC_AUTHORIZATION_FAILED',
    );
    expect(await failure(admin.deleteTopics({ topics: ['forbidden'] }))).toContain('TOPIC_AUTHORIZATION_FAILED');
    expect(await failure(admin.listGroups())).toContain('GROUP_AUTHORIZATION_FAILED');
    await admin.disconnect();
    expect(await held()).toBe(asBefore);
  });

  test('a transaction of kafkajs, and one under a name that is not allowed', async () => {
    const client = kafkaJs([bootstrap]);
    expect(await transaction(client, 'tx-1')).toBe('');
    expect(await transaction(client, 'others')).toContain(NO_COORDINATOR);
  });

  test('kcat: Topic authorization failed', async (context) => {
    needs(context, 'kcat');
    await done(kcat([bootstrap], ['-P', '-t', 'orders'], 'by kcat\n'));
    expect(await done(kcat([bootstrap], ['-C', '-t', 'orders', '-e', '-q']))).toContain('by kcat');
    for (const args of [
      ['-P', '-t', 'forbidden'],
      ['-C', '-t', 'forbidden', '-e'],
    ])
      expect((await kcat([bootstrap], args, 'x\n')).stderr).toMatch(/Topic authorization failed/i);
    expect((await kcat([bootstrap], ['-G', 'others', 'orders', '-e'])).stderr).toMatch(
      /FindCoordinator response error: no policy allows describe on others \(policy "sluice.not_allowed"\)/,
    );
    expect(await held()).toBe(asBefore);
  });

  test('@platformatic/kafka: TOPIC_AUTHORIZATION_FAILED', async () => {
    const producer = new Producer({
      clientId: 'platformatic',
      bootstrapBrokers: [bootstrap],
      serializers: stringSerializers,
      retries: 0,
    });
    await producer.send({ messages: [{ topic: 'orders', value: 'by platformatic' }] });
    const told = await failure(producer.send({ messages: [{ topic: 'forbidden', value: 'x' }] }));
    await producer.close();
    expect(told).toMatch(/TOPIC_AUTHORIZATION_FAILED|authorization|authorized/i);
    expect(await held()).toBe(asBefore);
  });

  test("Apache's own clients: TopicAuthorizationException, GroupAuthorizationException", {
    timeout: 90_000,
  }, async () => {
    const tool = (name: string, args: readonly string[]) => kafkaTool(`org.apache.kafka.tools.${name}`, args, '', line);
    const server = ['--bootstrap-server', bootstrap];
    const one = ['--num-records', '1', '--record-size', '9', '--throughput', '-1', '--producer-props'];
    const consume = ['--from-beginning', '--max-messages', '1', '--timeout-ms', '15000'];
    const [list, create, produced, group, fine] = await Promise.all([
      tool('TopicCommand', [...server, '--list']),
      tool('TopicCommand', [...server, '--create', '--topic', 'orders-3']),
      tool('ProducerPerformance', ['--topic', 'forbidden', ...one, `bootstrap.servers=${bootstrap}`]),
      tool('consumer.group.ConsumerGroupCommand', [...server, '--describe', '--group', 'others']),
      tool('consumer.ConsoleConsumer', [...server, '--topic', 'orders', '--group', 'billing-3', ...consume]),
    ]);
    expect(list.stdout.trim()).toBe('');
    expect(create.stdout + create.stderr).toMatch(
      /no policy allows create on orders-3 \(policy "sluice.not_allowed"\)/,
    );
    expect(produced.stdout + produced.stderr).toMatch(/TopicAuthorizationException/);
    expect(group.stdout + group.stderr).toMatch(/GroupAuthorizationException/);
    expect(fine.stdout.trim()).not.toBe('');
    expect(await held()).toBe(asBefore);
    const said = new Set(plane.ended.filter((x) => x.verdict === 'denied').map((x) => x.policy));
    expect([...said].sort()).toEqual(['hands_off', 'sluice.not_allowed']);
  });
});
