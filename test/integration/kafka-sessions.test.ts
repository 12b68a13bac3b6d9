import { describe, expect, test } from 'vitest';
import { errorName } from '../support/kafka-broker/errors.ts';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { type Counts, kafkaStats } from '../support/kafka-ledger.ts';
import { done, kafkaTool, kcat } from '../support/kafka-programs.ts';
import { realKafkaStage } from '../support/kafka-stage.ts';
import { KafkaWire } from '../support/kafka-wire.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';

const values = (count: number) => Array.from({ length: count }, (_, n) => ({ value: `value ${n}` }));
const sorted = (counts: Counts) => Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Every `errorCode` that is not 0 in what Kafka's journal has of a reply. */
function codesIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    /^errorCode$/.test(name) && typeof inner === 'number' && inner !== 0 ? [inner] : codesIn(inner),
  );
}

describe('clients of all kinds at two brokers of Apache Kafka', () => {
  const stage = realKafkaStage({ rewrite: 'auto', concurrency: 2 }, { brokers: 2, requestLog: true });
  const numbers = (pattern: RegExp) => async (): Promise<Counts> =>
    sorted(
      Object.fromEntries(
        [...(await kafkaStats(stage.sluice))].flatMap(([name, value]) => {
          const [found, key, more = ''] = pattern.exec(name) ?? [];
          return found === undefined ? [] : [[key! + more, value]];
        }),
      ),
    );
  const requests = numbers(/^kafka\.kafka\.request\.(\w+)_request$/);
  const errors = numbers(/^sluice\.kafka\.kafka\.error\.(\w+)(\.\w+)\.total$/);

  /** The same by Kafka's own journal. */
  const truth = async () => {
    const [asked, failed]: Record<string, number>[] = [{}, {}];
    for (const { api, response } of await stage.cluster.requests()) {
      const name = api.toLowerCase();
      asked![name] = (asked![name] ?? 0) + 1;
      const camel = name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
      for (const code of codesIn(response)) {
        const key = `${camel}.${errorName(code)}`;
        failed![key] = (failed![key] ?? 0) + 1;
      }
    }
    return { requests: sorted(asked!), errors: sorted(failed!) };
  };
  const counted = async () => ({ requests: await requests(), errors: await errors() });

  test('kafkajs, kcat, @platformatic/kafka and Java: requests and errors are those of Kafka’s own journal', async (context) => {
    needs(context, 'kcat');
    const { Admin, Producer, stringSerializers } = await import('@platformatic/kafka');
    const kafka = kafkaJs(stage.bootstrap, { clientId: 'shop', retry: { retries: 8 } });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 4 }], waitForLeaders: true });
    await expect(admin.createTopics({ topics: [{ topic: 'orders' }] })).resolves.toBe(false);
    await admin.disconnect();
    await kafkaJsSend(kafka, [
      { topic: 'orders', messages: values(10) },
      { topic: 'orders', messages: values(10), acks: 0 },
    ]);
    const member = await kafkaJsMember(kafka, 'billing', ['orders']);
    await member.until(20);
    await member.stop();
    await done(kcat(stage.bootstrap, ['-P', '-t', 'orders', '-z', 'zstd'], 'a\nb\nc\n'));
    const flags = ['-q', '-e', '-G', 'kcat-readers', '-X', 'auto.offset.reset=earliest', 'orders'];
    expect((await done(kcat(stage.bootstrap, flags))).split('\n')).toHaveLength(24);
    const base = { clientId: 'stream', bootstrapBrokers: [...stage.bootstrap] };
    const producer = new Producer({
      ...base,
      serializers: stringSerializers,
      transactionalId: 'stream-1',
      idempotent: true,
    });
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic: 'orders', value: 'x' }] });
    await transaction.commit();
    await producer.close();
    const other = new Admin(base);
    expect(await other.listTopics()).toContain('orders');
    await other.close();
    const consumer = ['--bootstrap-server', stage.bootstrap.join(), '--topic', 'orders', '--from-beginning'];
    const read = await done(
      kafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...consumer, '--max-messages', '24']),
    );
    expect(read.trim().split('\n')).toHaveLength(24);
    const isEqual = async () => JSON.stringify(await counted()) === JSON.stringify(await truth());
    await poll('Sluice has the same numbers', isEqual, { everyMs: 200 }).catch(() => {}); // said below
    expect(await counted()).toEqual(await truth());
    const stats = await kafkaStats(stage.sluice);
    expect(stats.get('sluice.kafka.kafka.topic.orders.produced_records')).toBe(24);
    expect(stats.get('sluice.kafka.kafka.bypass_hint') ?? 0).toBe(0);
    const software = [...stats.keys()].filter((name) => name.startsWith('sluice.kafka.kafka.software.')).join();
    for (const name of ['librdkafka', 'platformatic-kafka', 'apache-kafka-java']) expect(software).toContain(name);
  });

  test('Fetch that waits for records is no latency', async () => {
    const admin = kafkaJs(stage.cluster.internal).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'quiet', numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
    const asked = await KafkaWire.connect(stage.port);
    const told = await asked.ask('Metadata', 9, { topics: [{ name: 'quiet' }] });
    asked.close();
    const [topic] = told['topics'] as readonly { readonly partitions: readonly { readonly leaderId: number }[] }[];
    const brokers = told['brokers'] as readonly { readonly nodeId: number; readonly port: number }[];
    const leader = brokers.find(({ nodeId }) => nodeId === topic!.partitions[0]!.leaderId)!;
    const wire = await KafkaWire.connect(leader.port, '127.0.0.1', { clientId: 'waiting' });
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }];
    const before = await fetchTimes();
    await wire.ask('Fetch', 11, { maxWaitMs: 300, minBytes: 1, topics: [{ topic: 'quiet', partitions }] });
    wire.close();
    const now = await poll('it is told', async () => {
      const times = await fetchTimes();
      return times.waits > before.waits && times;
    });
    expect(now.waited - before.waited).toBeGreaterThan(0.29);
    expect(now.latencies).toBe(before.latencies);
  });

  const fetchTimes = async () => {
    const text = await stage.sluice.getText('/metrics');
    const value = (name: string) => Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    return {
      waits: value('sluice_kafka_fetch_wait_seconds_count'),
      waited: value('sluice_kafka_fetch_wait_seconds_sum'),
      latencies: value('sluice_kafka_fetch_latency_seconds_count'),
    };
  };
});
