import { afterAll, describe, expect, test } from 'vitest';
import { apiOf } from '../../protocol-filters/kafka/schema/api.ts';
import { type KafkaCluster, startKafkaBroker } from '../support/kafka-broker/index.ts';
import {
  KAFKA_CLIENTS,
  type KafkaFront,
  kafkaFront,
  PARTITIONS,
  requestsCounted,
  VALUES,
} from '../support/kafka-front.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';

describe.each([0, 1, 2])('two brokers of our own, concurrency %i', (concurrency) => {
  let cluster: KafkaCluster | undefined;
  let at: KafkaFront | undefined;
  afterAll(async () => {
    await at?.stop();
    await cluster?.stop();
  });

  test('three clients reach both through Sluice alone, and all that they do is counted', async (ctx) => {
    needs(ctx, 'kcat');
    const topics = Object.fromEntries(Object.keys(KAFKA_CLIENTS).map((name) => [name, PARTITIONS]));
    cluster = await startKafkaBroker({ brokers: 2, topics });
    at = await kafkaFront([{ brokers: cluster.bootstrap.split(',') }], concurrency);
    const { bootstrap } = at;
    await Promise.all(
      Object.entries(KAFKA_CLIENTS).map(async ([name, use]) => {
        const got = await use(bootstrap, name);
        expect([...got].sort(), name).toEqual([...VALUES].sort());
      }),
    );
    expect(cluster.faults).toEqual([]);

    // Both brokers have led, and were spoken to.
    for (const { journal } of cluster.brokers) expect(sum(journal.requests, 'Produce')).toBeGreaterThan(0);
    // Whoever connected was Sluice.
    const { connections } = cluster.journal;
    await poll('all connections have ended', () => at!.localPorts().length >= connections.length);
    expect(connections.map(({ remotePort }) => remotePort).sort()).toEqual(at.localPorts().sort());
    // What the brokers were asked is what Sluice counted, to the last request of each API.
    const asked: Record<string, number> = {};
    for (const [name, count] of Object.entries(cluster.journal.requests)) {
      const kind = kindOf(name.split(' ')[0]!);
      asked[kind] = (asked[kind] ?? 0) + count;
    }
    await poll(
      'all is told',
      async () => JSON.stringify(sorted(await requestsCounted(at!))) === JSON.stringify(sorted(asked)),
    ).catch(() => {});
    expect(await requestsCounted(at)).toEqual(asked);
  });
});

const APIS = new Map(
  Array.from({ length: 200 }, (_, key) => apiOf(key)).flatMap((api) => (api ? [[api.name, api.kind]] : [])),
);
const kindOf = (name: string): string => APIS.get(name) ?? name;
const sorted = (counts: Readonly<Record<string, number>>) => Object.entries(counts).sort();
const sum = (counts: Readonly<Record<string, number>>, api: string): number =>
  Object.entries(counts).reduce((total, [name, count]) => (name.startsWith(`${api} `) ? total + count : total), 0);
