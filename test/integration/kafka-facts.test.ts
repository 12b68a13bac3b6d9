import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type KafkaCluster, startKafkaBroker } from '../support/kafka-broker/index.ts';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { attributesOf, type OtlpReceiver, startOtlpReceiver, type Tree } from '../support/otlp-receiver.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// What leaves Sluice of Kafka: OpenTelemetry's conventions for messaging in spans, logs and metrics, and the attributes that
// only this protocol has in every other form. Before a stand-in for two brokers (test/support/kafka-broker).

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const home = mkdtempSync(path.join(tmpdir(), 'sluice-kafka-facts-'));
const log = path.join(home, 'access.log');

let cluster: KafkaCluster;
let receiver: OtlpReceiver;
let sluice: RunningSluice;
let port: number;

beforeAll(async () => {
  [cluster, receiver, port] = await Promise.all([
    startKafkaBroker({ brokers: 2, topics: { orders: 2, clicks: 1, receipts: 2 } }),
    startOtlpReceiver({ protocol: 'http' }),
    freePort(),
  ]);
  const file = path.join(home, 'sluice.json');
  const upstream = `kafka://127.0.0.1:${cluster.brokers[0]!.port}`;
  writeFileSync(
    file,
    JSON.stringify({
      proxies: [{ name: 'log', listen: `127.0.0.1:${port}`, upstream, access_log: { path: log } }],
      sinks: [{ type: 'otlp', url: receiver.url, interval: '200ms' }],
      spool: { path: path.join(home, 'spool') },
    }),
  );
  sluice = await runSluice({ args: ['-c', file], concurrency: 1 });
  await talk();
});
afterAll(async () => {
  await sluice?.stop();
  await Promise.all([cluster?.stop(), receiver?.close()]);
  rmSync(home, { recursive: true, force: true });
});

/** A producer that is traced, one that waits for no answer, one of two topics at once; a group that reads; a failure. */
async function talk(): Promise<void> {
  const kafka = kafkaJs([`127.0.0.1:${port}`], { clientId: 'shop' });
  const message = (value: string) => ({ value, partition: 0 });
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  await kafkaJsSend(kafka, [
    { topic: 'orders', messages: [{ ...message('a'), headers }, message('b'), message('c')] },
    { topic: 'clicks', acks: 0, messages: [message('d'), message('e')] },
  ]);
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.sendBatch({
    topicMessages: [
      { topic: 'orders', messages: [message('f')] },
      { topic: 'receipts', messages: [message('g'), { ...message('h'), partition: 1 }] },
    ],
  });
  await producer.disconnect();
  const reader = await kafkaJsMember(kafkaJs([`127.0.0.1:${port}`], { clientId: 'billing-1' }), 'billing', ['orders']);
  await reader.until(4);
  await reader.stop();
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 2, replicationFactor: 1 }] });
  await admin.disconnect();
}

const operation = (record: Tree) => attributesOf(record)['sluice.operation'];
const arrived = (what: string, records: () => readonly Tree[], is: (record: Tree) => boolean) =>
  poll(what, () => records().some(is));

test('spans: what was sent has its caller for a parent, and is called as OpenTelemetry calls it', async () => {
  const spans = () => receiver.spans();
  await arrived('the last request', spans, (span) => operation(span) === 'CreateTopics');
  const named = (name: string) => spans().filter((span) => span['name'] === name);
  const [traced] = spans().filter((span) => span['traceId'] === TRACE);
  expect(traced).toMatchObject({ name: 'send orders', kind: 4, parentSpanId: PARENT });
  expect(attributesOf(traced!)).toMatchObject({
    'messaging.system': 'kafka',
    'messaging.client.id': 'shop',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '0',
    'messaging.batch.message_count': 3,
    'sluice.kafka.codec': 'none',
    'sluice.operation': 'Produce',
    'sluice.outcome': 'ok',
    'server.address': '127.0.0.1',
  });
  // One request of two topics: a span each. The other broker got the rest.
  const isBatch = (span: Tree) => (attributesOf(span)['sluice.flags'] as string[] | undefined)?.includes('batch');
  const together = spans().filter((span) => operation(span) === 'Produce' && isBatch(span));
  expect(together.map((span) => [span['name'], attributesOf(span)['messaging.batch.message_count']])).toEqual([
    ['send orders', 1],
    ['send receipts', 1],
  ]);
  const [polled] = named('poll orders').filter(
    (span) => Number(attributesOf(span)['messaging.batch.message_count']) > 0,
  );
  expect(polled).toMatchObject({ kind: 3 });
  expect(attributesOf(polled!)).toMatchObject({
    'messaging.client.id': 'billing-1',
    'messaging.operation.type': 'receive',
  });
  const [commit] = named('commit orders');
  expect(attributesOf(commit!)).toMatchObject({
    'messaging.operation.type': 'settle',
    'messaging.consumer.group.name': 'billing',
  });
  const [failed] = spans().filter((span) => operation(span) === 'CreateTopics');
  expect(failed).toMatchObject({ name: 'CreateTopics orders', status: { code: 2, message: 'TOPIC_ALREADY_EXISTS' } });
  expect(attributesOf(failed!)).toMatchObject({ 'error.type': 'TOPIC_ALREADY_EXISTS' });
  const keys = new Set(spans().flatMap((span) => Object.keys(attributesOf(span))));
  expect([...keys].filter((key) => key.startsWith('db.'))).toEqual([]);
});

test('log records say the same', async () => {
  await arrived(
    'the last request',
    () => receiver.logs(),
    (record) => operation(record) === 'CreateTopics',
  );
  const logs = receiver.logs().filter((record) => record['eventName'] === 'sluice.query');
  const clicks = logs.filter((record) => attributesOf(record)['messaging.destination.name'] === 'clicks');
  const [sent] = clicks.filter((record) => operation(record) === 'Produce');
  expect(attributesOf(sent!)).toMatchObject({ 'messaging.batch.message_count': 2, 'sluice.rows.affected': 2 });
  const [failed] = logs.filter((record) => operation(record) === 'CreateTopics');
  expect(failed).toMatchObject({ severityText: 'ERROR' });
});

test('metrics: messages sent and consumed, and durations', async () => {
  const value = (name: string, operationName: string): number => {
    const points = receiver
      .metrics()
      .filter((metric) => metric['name'] === name)
      .flatMap((metric) => ((metric['sum'] ?? metric['exponentialHistogram']) as { dataPoints: Tree[] }).dataPoints)
      .filter((point) => attributesOf(point)['messaging.operation.name'] === operationName);
    return Math.max(0, ...points.map((point) => Number(point['asInt'] ?? point['count'])));
  };
  // 3 + 2 + 1 + 2 records went to the brokers, and the four of `orders` came back.
  await poll('all is counted', () => value('messaging.client.sent.messages', 'send') === 8);
  await poll('all was read', () => value('messaging.client.consumed.messages', 'poll') === 4);
  await expect.poll(() => value('messaging.client.operation.duration', 'CreateTopics')).toBe(1);
  const page = await (await fetch(`${sluice.adminUrl}/metrics`)).text();
  expect(page).toMatch(/^messaging_client_sent_messages_total\{.*messaging_operation_name="send".*\} 8$/m);
  expect(page).toMatch(
    /^sluice_operation_calls_total\{db_system_name="kafka",.*db_operation_name="CreateTopics".*\} 1$/m,
  );
  expect(receiver.metrics().map((metric) => metric['name'])).not.toContain('db.client.operation.duration');
});

test('an access log has the attributes as an object', () => {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const exchanges = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const [commit] = exchanges.filter(({ operation: name }) => name === 'OffsetCommit');
  expect(commit).toMatchObject({
    protocol: 'kafka',
    application: 'billing-1',
    attributes: { 'messaging.consumer.group.name': 'billing', 'sluice.kafka.api_version': expect.any(Number) },
  });
  expect(cluster.faults).toEqual([]);
});
