import { describe, expect, test } from 'vitest';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { kafkaStats } from '../support/kafka-ledger.ts';
import { realKafkaStage } from '../support/kafka-stage.ts';
import { poll } from '../support/poll.ts';

interface Joined {
  readonly errorCode: number;
  readonly generationId: number;
}

const messages = (count: number) => Array.from({ length: count }, (_, n) => ({ value: `${n}`, partition: n % 4 }));

describe('a consumer group of Apache Kafka, through Sluice', () => {
  const stage = realKafkaStage({ rewrite: 'auto', concurrency: 2 }, { brokers: 2, requestLog: true });

  /** What Kafka's own journal has on the group. */
  const truth = async (group: string) => {
    const named = (await stage.cluster.requests()).filter(
      ({ request }) => (request as { groupId?: string }).groupId === group,
    );
    const replies = (api: string) => named.filter((each) => each.api === api).map(({ response }) => response as Joined);
    const joined = replies('JOIN_GROUP').filter(({ errorCode }) => errorCode === 0);
    return {
      joins: joined.length,
      rebalances: new Set(joined.map(({ generationId }) => generationId)).size,
      rebalancing: [...replies('HEARTBEAT'), ...replies('SYNC_GROUP')].filter(({ errorCode }) => errorCode === 27)
        .length,
      leaves: replies('LEAVE_GROUP').filter(({ errorCode }) => errorCode === 0).length,
    };
  };
  const counted = async (group: string) => {
    const stats = await kafkaStats(stage.sluice);
    const of = (name: string) => stats.get(`sluice.kafka.kafka.group.${group}.${name}`) ?? 0;
    return {
      joins: of('joins'),
      rebalances: of('rebalances'),
      rebalancing: of('rebalancing'),
      leaves: of('leaves'),
    };
  };

  test('members come and go: every generation, join and leave is counted as Kafka has it; then the lag of what nobody reads', async () => {
    const aside = kafkaJs(stage.cluster.internal).admin();
    await aside.connect();
    await aside.createTopics({ topics: [{ topic: 'shared', numPartitions: 4 }], waitForLeaders: true });
    await aside.disconnect();
    const kafka = kafkaJs(stage.bootstrap, { clientId: 'worker', retry: { retries: 8 } });
    await kafkaJsSend(kafka, [{ topic: 'shared', messages: messages(8) }]);
    const first = await kafkaJsMember(kafka, 'workers', ['shared']);
    await first.until(8);
    const second = await kafkaJsMember(kafka, 'workers', ['shared']);
    await poll('the first has joined anew', () => first.joins() >= 2);
    const third = await kafkaJsMember(kafka, 'workers', ['shared']);
    await poll('all have joined anew', () => first.joins() >= 3 && second.joins() >= 2);
    await second.stop();
    await poll('two are left', () => first.joins() >= 4 && third.joins() >= 2);
    await third.stop();
    await first.stop();
    const isEqual = async () => JSON.stringify(await counted('workers')) === JSON.stringify(await truth('workers'));
    await poll('Sluice has the same numbers', isEqual, { everyMs: 100 }).catch(() => {}); // said below
    const seen = await counted('workers');
    expect(seen).toEqual(await truth('workers'));
    expect(seen.rebalances).toBeGreaterThanOrEqual(4);
    expect(seen.leaves).toBe(3);

    const lag = async (name: string) =>
      (await kafkaStats(stage.sluice)).get(`sluice.consumer_group.kafka.workers.shared.${name}`) ?? 0;
    await poll('all is committed', async () => (await lag('lag_sum')) === 0);
    await kafkaJsSend(kafka, [{ topic: 'shared', messages: messages(10) }]);
    await poll('the lag is seen', async () => (await lag('lag_sum')) === 10);
    await poll('by partition, too', async () => (await lag('lag_max')) === 3);
    const late = await kafkaJsMember(kafka, 'workers', ['shared']);
    await late.until(10);
    await late.stop();
    await poll('it has caught up', async () => (await lag('lag_sum')) === 0);
  });

  test('a member that is told to wait: JoinGroup and SyncGroup are no latency', async () => {
    const kafka = kafkaJs(stage.bootstrap, { clientId: 'slow', retry: { retries: 8 } });
    const member = await kafkaJsMember(kafka, 'waiting', ['shared']);
    await member.stop();
    const waits = async () => {
      const text = await stage.sluice.getText('/stats');
      return /^sluice\.kafka\.kafka\.group_wait: (.*)$/m.exec(text)?.[1] ?? '';
    };
    await poll('it is told', async () => (await waits()).includes('P50'));
  });
});
