import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { kafka } from '../../protocol-filters/kafka/index.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { type KafkaCluster, startKafkaBroker } from '../support/kafka-broker/index.ts';
import { kafkaJs, kafkaJsLogin, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { KafkaWire, recordBatch, requestFrame } from '../support/kafka-wire.ts';

const ADA = policySet([
  { name: 'ada', action: 'allow', users: ['ada'], operations: ['read', 'write', 'describe'], targets: ['orders*'] },
  { name: 'groups', action: 'allow', users: ['ada'], operations: ['read', 'describe'], targets: ['group=billing'] },
]);
const ALL = policySet([{ name: 'all', action: 'allow', users: ['ada'] }]);
const TOPIC_AUTHORIZATION_FAILED = 29;
const FETCH_SESSION_ID_NOT_FOUND = 70;
const INVALID_FETCH_SESSION_EPOCH = 71;

/** The gate before a broker that wants a login: who somebody is, that broker says. */
let cluster: KafkaCluster;
let plane: GatePlane;
let frames: Buffer[] = [];
let wire: KafkaWire | undefined;

beforeAll(async () => {
  cluster = await startKafkaBroker({
    topics: { orders: 1, forbidden: 1 },
    sasl: { users: { ada: 'one', eve: 'two' } },
    onFrame: (frame) => void frames.push(Buffer.from(frame)),
  });
  const { host, port } = cluster.brokers[0]!;
  plane = await startGatePlane({
    protocol: kafka,
    policies: ADA,
    upstream: { host, port },
    options: { rewrite: 'auto' },
  });
});
afterEach(() => wire?.close());
afterAll(async () => {
  await plane?.stop();
  await cluster?.stop();
});

const token = (user: string, password: string, as = ''): Buffer => Buffer.from(`${as}\0${user}\0${password}`);
async function loggedIn(user: string, password: string): Promise<KafkaWire> {
  wire?.close();
  wire = await KafkaWire.connect(plane.port);
  await wire.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
  expect(await wire.ask('SaslAuthenticate', 2, { authBytes: token(user, password) })).toMatchObject({ errorCode: 0 });
  return wire;
}
const produce = () => ({
  transactionalId: null,
  acks: -1,
  timeoutMs: 1000,
  topicData: [
    { name: 'orders', partitionData: [{ index: 0, records: recordBatch({ records: [{ value: 'secret' }] }) }] },
  ],
});
const codeOf = (reply: unknown): unknown =>
  (reply as { responses: { partitionResponses: { errorCode: number }[] }[] }).responses[0]!.partitionResponses[0]!
    .errorCode;
const ended = async (on: KafkaWire): Promise<void> => {
  if (!on.closed) await once(on.socket, 'close');
};

test('who has logged in as ada may, and nobody else', async () => {
  await plane.setPolicies(ADA);
  expect(codeOf(await (await loggedIn('ada', 'one')).ask('Produce', 9, produce()))).toBe(0);
  expect(codeOf(await (await loggedIn('eve', 'two')).ask('Produce', 9, produce()))).toBe(TOPIC_AUTHORIZATION_FAILED);
  expect(cluster.topic('orders')?.partitions[0]?.high).toBe(1n);
  expect(new Set(plane.ended.filter((x) => x.outcome === 'denied').map((x) => x.user))).toEqual(new Set(['eve']));
});

test('what is said behind a login waits for it: a wrong password sends none of it', async () => {
  await plane.setPolicies(ADA);
  wire = await KafkaWire.connect(plane.port);
  await wire.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
  frames = [];
  wire.raw(
    Buffer.concat([
      requestFrame('SaslAuthenticate', 2, { authBytes: token('ada', 'two') }, { correlationId: 90 }),
      requestFrame('Produce', 9, produce(), { correlationId: 91 }),
    ]),
  );
  await ended(wire);
  expect(frames.map((frame) => frame.readInt16BE(0))).not.toContain(0);
});

test('a login as somebody else, and one user as another, end the connection', async () => {
  await plane.setPolicies(ADA);
  const again = await loggedIn('ada', 'one');
  await again.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
  again.send('SaslAuthenticate', 2, { authBytes: token('eve', 'two') });
  await ended(again);
  wire = await KafkaWire.connect(plane.port);
  await wire.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
  frames = [];
  wire.send('SaslAuthenticate', 2, { authBytes: token('eve', 'two', 'ada') });
  await ended(wire);
  expect(frames).toEqual([]);
});

test('kafkajs with PLAIN and SCRAM: produces, and reads as a member of a group', async () => {
  await plane.setPolicies(ADA);
  const bootstrap = [`127.0.0.1:${plane.port}`];
  for (const mechanism of ['plain', 'scram-sha-256'] as const) {
    const client = kafkaJs(bootstrap, kafkaJsLogin('ada', 'one', mechanism));
    await kafkaJsSend(client, [{ topic: 'orders', messages: [{ value: mechanism }] }]);
  }
  const member = await kafkaJsMember(kafkaJs(bootstrap, kafkaJsLogin('ada', 'one', 'plain')), 'billing', ['orders']);
  await member.until(1);
  await member.stop();
  const eve = kafkaJs(bootstrap, kafkaJsLogin('eve', 'two', 'scram-sha-256'));
  await expect(kafkaJsSend(eve, [{ topic: 'orders', messages: [{ value: 'x' }] }])).rejects.toThrow();
});

test('a fetch session: a topic that is denied since, and what a refused request forgets', async () => {
  const fetch = (sessionId: number, sessionEpoch: number, topics: readonly string[], forgotten: readonly string[]) => ({
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 100_000,
    isolationLevel: 0,
    sessionId,
    sessionEpoch,
    topics: topics.map((topic) => ({
      topic,
      partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 50_000 }],
    })),
    forgottenTopicsData: forgotten.map((topic) => ({ topic, partitions: [0] })),
    rackId: '',
  });
  await plane.setPolicies(ALL);
  const on = await loggedIn('ada', 'one');
  const begun = await on.ask('Fetch', 12, fetch(0, 0, ['orders', 'forbidden'], []));
  const id = begun['sessionId'] as number;
  expect(id).toBeGreaterThan(0);
  expect(await on.ask('Fetch', 12, fetch(id, 1, [], []))).toMatchObject({ errorCode: 0 });
  const refused = await on.ask('Fetch', 12, fetch(id, 9, [], ['forbidden']));
  await plane.setPolicies(ADA);
  frames = [];
  const next = await on.ask('Fetch', 12, fetch(id, 2, [], []));
  expect([refused['errorCode'], next['errorCode']]).toEqual([INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_ID_NOT_FOUND]);
  expect(frames.map((frame) => frame.readInt16BE(0))).not.toContain(1);
});
