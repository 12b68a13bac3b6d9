import { describe, expect, test } from 'vitest';
import { kafkaJs, kafkaJsSend } from '../support/kafka-clients.ts';
import { kafkaRows, kafkaStats } from '../support/kafka-ledger.ts';
import { done, kafkaTool } from '../support/kafka-programs.ts';
import { realKafkaStage } from '../support/kafka-stage.ts';
import { poll } from '../support/poll.ts';

const CONSUMERS = 'org.apache.kafka.tools.consumer';

describe('Apache Kafka 4 and its own clients in Java, through Sluice', () => {
  const stage = realKafkaStage({ rewrite: 'auto', concurrency: 2 }, { line: '4', brokers: 2 });
  const java = (className: string, args: readonly string[]) =>
    done(kafkaTool(className, ['--bootstrap-server', stage.bootstrap.join(), ...args], '', '4'));
  const calls = async (text: string) =>
    (await kafkaRows(stage.sluice)).filter((row) => row.text === text).reduce((sum, row) => sum + row.calls, 0);

  test('groups of the new protocol and share groups: topics by their names, though the requests have only ids', async () => {
    const admin = kafkaJs(stage.cluster.internal).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'next', numPartitions: 2 }], waitForLeaders: true });
    await admin.disconnect();
    await kafkaJsSend(kafkaJs(stage.bootstrap), [
      { topic: 'next', messages: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] },
    ]);
    const read = ['--topic', 'next', '--max-messages', '3', '--timeout-ms', '20000'];
    const consumed = await java(`${CONSUMERS}.ConsoleConsumer`, [
      ...read,
      ...['--from-beginning', '--group', 'billing', '--consumer-property', 'group.protocol=consumer'],
    ]);
    expect(consumed.trim().split('\n').toSorted()).toEqual(['a', 'b', 'c']);
    await done(
      kafkaTool(
        'kafka.admin.ConfigCommand',
        [
          ...['--bootstrap-server', stage.cluster.internal[0]!, '--alter', '--entity-type', 'groups'],
          ...['--entity-name', 'sharers', '--add-config', 'share.auto.offset.reset=earliest'],
        ],
        '',
        '4',
      ),
    );
    const shared = await java(`${CONSUMERS}.ConsoleShareConsumer`, [...read, '--group', 'sharers']);
    expect(shared.trim().split('\n').toSorted()).toEqual(['a', 'b', 'c']);
    const texts = [
      'Fetch next',
      'ShareFetch next group=sharers',
      'ShareAcknowledge next group=sharers',
      'OffsetCommit next group=billing',
    ];
    for (const text of texts) await poll(text, async () => (await calls(text)) > 0);
    const stats = await kafkaStats(stage.sluice);
    expect([...stats.keys()].filter((name) => name.includes('.topic.?.'))).toEqual([]);
    expect(stats.get('sluice.kafka.kafka.topic.next.fetched_records')).toBeGreaterThanOrEqual(3);
    expect(stats.get('sluice.kafka.kafka.request.unknown') ?? 0).toBe(0);
  });
});
