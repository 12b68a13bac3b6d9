import { afterAll, describe, expect, test } from 'vitest';
import { kafkaJs } from '../support/kafka-clients.ts';
import {
  KAFKA_CLIENTS,
  type KafkaFront,
  kafkaFront,
  PARTITIONS,
  requestsCounted,
  VALUES,
} from '../support/kafka-front.ts';
import { done, kafkaTool } from '../support/kafka-programs.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { kafkaMissing, type RealKafka, startRealKafka } from '../support/real-kafka.ts';

describe.each(['3.9', '4'] as const)('Apache Kafka %s', (line) => {
  let kafka: RealKafka | undefined;
  let at: KafkaFront | undefined;
  afterAll(async () => {
    await at?.stop();
    await kafka?.stop();
  });

  test('every request of every client came by Sluice', async (ctx) => {
    needs(ctx, 'java');
    needs(ctx, 'kcat');
    const missing = await kafkaMissing(line);
    if (missing !== '') ctx.skip(missing);
    kafka = await startRealKafka({ line, requestLog: true });
    at = await kafkaFront([{ brokers: kafka.bootstrap }], 2);
    const { bootstrap } = at;
    for (const name of Object.keys(KAFKA_CLIENTS)) await kafkaJsTopic(bootstrap, name);
    await Promise.all([
      ...Object.entries(KAFKA_CLIENTS).map(async ([name, use]) => {
        const got = await use(bootstrap, name);
        expect([...got].sort(), name).toEqual([...VALUES].sort());
      }),
      transactions(bootstrap, line),
    ]);
    // But for Fetch: one that waits when its client leaves is not in Kafka's journal.
    const asked: Record<string, number> = {};
    const readJournal = async () => {
      for (const name of Object.keys(asked)) delete asked[name];
      for (const { api } of await kafka!.requests()) asked[api.toLowerCase()] = (asked[api.toLowerCase()] ?? 0) + 1;
      delete asked['fetch'];
    };
    const counted = async () => {
      const { fetch: _, ...rest } = await requestsCounted(at!);
      return rest;
    };
    const isTold = async () => {
      await readJournal();
      return JSON.stringify(Object.entries(asked).sort()) === JSON.stringify(Object.entries(await counted()).sort());
    };
    await poll('all is told', isTold).catch(() => {}); // said below
    expect(await counted()).toEqual(asked);
    const peers = async (): Promise<Set<number>> =>
      new Set((await kafka!.requests()).map(({ connection }) => Number(/-[^-]*:(\d+)-/.exec(connection)?.[1])));
    await poll('all connections have ended', async () => {
      const known = new Set(at!.localPorts());
      return [...(await peers())].every((port) => known.has(port));
    }).catch(() => {});
    const known = new Set(at.localPorts());
    expect([...(await peers())].filter((port) => !known.has(port))).toEqual([]);
    expect((await peers()).size).toBeGreaterThan(6);
  });
});

const kafkaJsTopic = async (bootstrap: string, topic: string): Promise<void> => {
  const admin = kafkaJs([bootstrap]).admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }],
  });
  await admin.disconnect();
};

/** Apache's own client, with transactions: in the way that Produce 9 has them, also where the cluster has newer ones. */
const transactions = async (bootstrap: string, line: '3.9' | '4'): Promise<void> => {
  await kafkaJsTopic(bootstrap, 'paid');
  const load = '--topic paid --num-records 200 --record-size 50 --throughput -1';
  const transactional = '--transactional-id tx --transaction-duration-ms 20';
  const args = `${load} ${transactional} --producer-props bootstrap.servers=${bootstrap}`;
  await done(kafkaTool('org.apache.kafka.tools.ProducerPerformance', args.split(' '), '', line));
};
