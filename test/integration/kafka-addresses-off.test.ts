import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type KafkaCluster, startKafkaBroker } from '../support/kafka-broker/index.ts';
import { kafkaJs, kafkaJsSend } from '../support/kafka-clients.ts';
import { type KafkaFront, kafkaFront, requestsCounted, statsOf } from '../support/kafka-front.ts';
import { poll } from '../support/poll.ts';

/** What becomes of addresses without `rewrite: auto`, and of API keys that are denied. */

const PROXIES = ['past', 'ours', 'first', 'second', 'strict'] as const;
let at: KafkaFront;
let [two, one, ruled, guarded]: KafkaCluster[] = [];

beforeAll(async () => {
  const ports = await Promise.all(PROXIES.map(() => freePort()));
  const port = (name: (typeof PROXIES)[number]): number => ports[PROXIES.indexOf(name)]!;
  const topics = { orders: 2 };
  const advertised = () => ({ host: 'localhost', port: port('ours') });
  [two, one, ruled, guarded] = await Promise.all([
    startKafkaBroker({ brokers: 2, topics }),
    startKafkaBroker({ topics, advertised }),
    startKafkaBroker({ brokers: 2, topics }),
    startKafkaBroker({ topics }),
  ]);
  const off = 'rewrite: false';
  const rules = [port('first'), port('second')].map((to, i) => `{ id: ${i + 1}, host: 127.0.0.1, port: ${to} }`);
  const byRules = [off, `id_based_broker_address_rewrite_spec: { rules: [${rules.join()}] }`];
  const [first, second] = ruled!.bootstrap.split(',');
  const proxies = [
    { brokers: two!.bootstrap.split(','), options: [off] },
    { brokers: [one!.bootstrap], options: [off] },
    { brokers: [first!], options: byRules },
    { brokers: [second!], options: byRules },
    { brokers: [guarded!.bootstrap], options: ['api_keys_denied: [20]'] },
  ];
  at = await kafkaFront(
    proxies.map((proxy, i) => ({ ...proxy, name: PROXIES[i]!, port: ports[i]! })),
    0,
  );
});
afterAll(async () => {
  await at?.stop();
  for (const cluster of [two, one, ruled, guarded]) await cluster?.stop();
});

const bootstrapOf = (name: (typeof PROXIES)[number]): string => at.bootstraps[PROXIES.indexOf(name)]!;
/** A message to each partition: with two brokers, one to each. */
const send = (name: (typeof PROXIES)[number]): Promise<void> =>
  kafkaJsSend(kafkaJs([bootstrapOf(name)]), [
    { topic: 'orders', messages: [0, 1].map((partition) => ({ value: 'x', partition })) },
  ]);
const own = async (name: string, stat: string): Promise<number> =>
  (await statsOf(at, `sluice.kafka.${name}.`))[stat] ?? 0;
const asked = ({ requests }: { readonly requests: Readonly<Record<string, number>> }, api: string): number =>
  Object.entries(requests).reduce((sum, [name, count]) => (name.startsWith(`${api} `) ? sum + count : sum), 0);
const counts = (name: string, produces: number): Promise<unknown> =>
  poll('they are counted', async () => (await requestsCounted(at, name))['produce'] === produces);

test('no rewriting: replies pass as they are, those that lead past are counted and warned of once', async () => {
  await send('past');
  await send('past');
  await poll('it is counted', async () => (await own('past', 'bypass_hint')) >= 2);
  expect(at.sluice.stderr().match(/lead clients past this proxy/g)).toHaveLength(1);
  // What it could not see: the producers went to the leaders.
  expect(asked(two!.journal, 'Produce')).toBe(4);
  expect((await requestsCounted(at, 'past'))['produce']).toBeUndefined();
});

test('no rewriting before one broker that advertises Sluice itself: no hint, and no way around', async () => {
  await send('ours');
  await counts('ours', asked(one!.journal, 'Produce'));
  expect(await own('ours', 'bypass_hint')).toBe(0);
});

test("Envoy's rules: two listeners, one before each broker", async () => {
  await send('first');
  for (const [i, name] of (['first', 'second'] as const).entries()) {
    expect(asked(ruled!.brokers[i]!.journal, 'Produce')).toBe(1);
    await counts(name, 1);
    expect(await own(name, 'unmapped_brokers')).toBe(0);
  }
});

test('a denied API key: the broker never sees the request', async () => {
  await send('strict');
  const admin = kafkaJs([bootstrapOf('strict')], { retry: { retries: 0 } }).admin();
  await admin.connect();
  await expect(admin.deleteTopics({ topics: ['orders'] })).rejects.toThrow();
  await admin.disconnect();
  await poll('it is counted', async () => (await own('strict', 'closed_denied_key')) >= 1);
  expect(asked(guarded!.journal, 'DeleteTopics')).toBe(0);
  expect(guarded!.topic('orders')).toBeDefined();
});
