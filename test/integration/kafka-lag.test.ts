import { describe, expect, test } from 'vitest';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { kafkaStats } from '../support/kafka-ledger.ts';
import { strictKafkaStage } from '../support/kafka-stage.ts';
import { KafkaWire, recordBatch } from '../support/kafka-wire.ts';

// A group commits on one connection and reads on others, and each may be another worker's.

const PARTITIONS = 4;
const messages = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}` }));

describe('consumer lag over two brokers and two workers', () => {
  const stage = strictKafkaStage(
    { rewrite: 'auto', concurrency: 2 },
    { brokers: 2, topics: { orders: PARTITIONS, bills: 1 } },
  );
  const send = (topic: string, count: number) =>
    kafkaJsSend(kafkaJs(stage.bootstrap), [{ topic, messages: messages(count) }]);
  /** What is 0 is not told. */
  const group = async (name: string) =>
    (await kafkaStats(stage.sluice)).get(`sluice.consumer_group.kafka.${name}`) ?? 0;
  /** As the brokers have it. */
  const truth = (name: string, topic: string): number => {
    const offsets = stage.cluster.group(name)!.offsets as Readonly<Record<string, string>>;
    return stage.cluster
      .topic(topic)!
      .partitions.reduce((sum, { high }, i) => sum + Number(high) - Number(offsets[`${topic}-${i}`] ?? 0), 0);
  };

  test('is what the brokers have: none once all is read, and growing when the group has gone', async () => {
    await send('orders', 200);
    const member = await kafkaJsMember(kafkaJs(stage.bootstrap), 'billing', ['orders']);
    await member.until(200);
    await member.stop(); // commits
    expect(truth('billing', 'orders')).toBe(0);
    await expect.poll(() => group('billing.orders.lag_partitions')).toBe(PARTITIONS);
    await expect.poll(() => group('billing.orders.lag_sum')).toBe(0);
    // Nobody fetches any more: what is produced says where the ends are.
    await send('orders', 120);
    const behind = truth('billing', 'orders');
    expect(behind).toBe(120);
    await expect.poll(() => group('billing.orders.lag_sum')).toBe(behind);
    // The worker that heard the member leave need not be the one that heard of the ends; each tells once a second.
    const state = async () => [await group('billing.members'), await group('billing.generation')];
    await expect.poll(state).toEqual([0, 1]);
    const again = await kafkaJsMember(kafkaJs(stage.bootstrap), 'billing', ['orders']);
    await again.until(120);
    await again.stop();
    await expect.poll(() => group('billing.orders.lag_sum')).toBe(truth('billing', 'orders'));
    expect(truth('billing', 'orders')).toBe(0);
    await expect.poll(() => group('billing.orders.committed_messages')).toBeGreaterThanOrEqual(120);
  });

  test('rebalances are counted once a generation', async () => {
    const before = stage.cluster.group('pairs')?.rebalances ?? 0;
    const one = await kafkaJsMember(kafkaJs(stage.bootstrap, { clientId: 'one' }), 'pairs', ['orders']);
    const two = await kafkaJsMember(kafkaJs(stage.bootstrap, { clientId: 'two' }), 'pairs', ['orders']);
    await expect.poll(one.joins).toBeGreaterThanOrEqual(2);
    await two.stop();
    await one.stop();
    const rebalances = async () => (await kafkaStats(stage.sluice)).get('sluice.kafka.kafka.group.pairs.rebalances');
    const { generation } = stage.cluster.group('pairs')!;
    expect(generation).toBeGreaterThanOrEqual(2);
    await expect.poll(rebalances).toBe(stage.cluster.group('pairs')!.rebalances - before);
  });
});

describe('bounds', () => {
  const TOPICS = 600;
  const names = Array.from({ length: TOPICS }, (_, i) => `topic-${i}`);
  const stage = strictKafkaStage(
    { rewrite: false, concurrency: 1, options: 'topics: 10, clients: 5, groups: 5, lag_partitions: 20' },
    { topics: Object.fromEntries(names.map((name) => [name, 1])) },
  );

  test('many topics, clients and groups: series stay few, and the sums whole', async () => {
    for (let i = 0; i < 30; i++) {
      const wire = await KafkaWire.connect(stage.port, '127.0.0.1', { clientId: `client-${i}` });
      const part = names.slice(i * 20, i * 20 + 20);
      const records = recordBatch({ records: messages(3) });
      await wire.ask('Produce', 7, {
        acks: 1,
        timeoutMs: 1000,
        topicData: part.map((name) => ({ name, partitionData: [{ index: 0, records }] })),
      });
      await wire.ask('OffsetCommit', 7, {
        groupId: `group-${i}`,
        topics: part.map((name) => ({
          name,
          partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }],
        })),
      });
      wire.close();
    }
    const stats = async (pattern: RegExp): Promise<[string, number][]> =>
      [...(await kafkaStats(stage.sluice))].filter(([name]) => pattern.test(name));
    const sum = (found: readonly [string, number][]): number => found.reduce((all, [, value]) => all + value, 0);
    // Of each pair of requests the commit comes last.
    await expect.poll(async () => sum(await stats(/^sluice\.kafka\.kafka\.group\..*\.commits$/))).toBe(TOPICS);
    expect(sum(await stats(/^sluice\.kafka\.kafka\.topic\..*\.produced_records$/))).toBe(TOPICS * 3);
    expect(await stats(/^sluice\.kafka\.kafka\.topic\..*\.produced_records$/)).toHaveLength(11);
    expect(await stats(/^sluice\.kafka\.kafka\.client\..*\.requests$/)).toHaveLength(6);
    expect(sum(await stats(/^sluice\.kafka\.kafka\.client\..*\.produced_records$/))).toBe(TOPICS * 3);
    expect(await stats(/^sluice\.kafka\.kafka\.group\..*\.commits$/)).toHaveLength(6);
    // Two of three messages are not committed yet, of every topic.
    await expect.poll(async () => sum(await stats(/^sluice\.consumer_group\.kafka\..*\.lag_sum$/))).toBe(TOPICS * 2);
    expect(await stats(/^sluice\.consumer_group\.kafka\..*\.lag$/)).toHaveLength(20);
    expect(await stats(/^sluice\.consumer_group\.kafka\..*\.lag_sum$/)).toHaveLength(5 * 20 + 1);
  });
});
