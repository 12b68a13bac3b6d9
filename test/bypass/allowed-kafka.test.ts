import { afterAll, beforeAll, expect, test } from 'vitest';
import { kafka } from '../../protocol-filters/kafka/index.ts';
import { seeded } from '../../src/net/simulated.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type KafkaCluster, startKafkaBroker } from '../support/kafka-broker/index.ts';
import { KafkaWire, readReply, type requestFrame } from '../support/kafka-wire.ts';
import { type GatePlane, startGatePlane } from './support/gate-plane.ts';
import { batch, fetchOf, metadataOf, produceTo } from './support/kafka.ts';

const OPERATIONS = 10_500;
const CONNECTIONS = 3;
/** On the way at once. */
const AT_ONCE = 250;
const SEED = Number(process.env['SLUICE_SEED'] ?? 7);
const TOPICS = { orders: 3, 'orders-eu': 2, 'audit.log': 1 };

/** What a service has that takes orders, writes what it did, and is looked at by its operators. */
const POLICIES = policySet([
  { name: 'orders', action: 'allow', operations: ['read', 'write', 'describe'], targets: ['orders*'] },
  { name: 'audit', action: 'allow', operations: ['write', 'describe'], targets: ['audit.log'] },
  { name: 'groups', action: 'allow', operations: ['read', 'describe'], targets: ['group=billing*'] },
  { name: 'transactions', action: 'allow', operations: ['write', 'describe'], targets: ['transactional_id=tx-*'] },
  { name: 'configs', action: 'allow', operations: ['describe_configs'], targets: ['orders*', 'cluster'] },
  { name: 'forbidden', action: 'deny', targets: ['secret*', 'group=secret*'] },
  { name: 'no_deletes', action: 'deny', operations: ['delete', 'alter', 'alter_configs'], targets: [] },
]);

type Fields = NonNullable<Parameters<typeof requestFrame>[2]>;
type Operation = readonly [api: string, version: number, fields: Fields];
type Random = () => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const between = (random: Random, from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
const some = (random: Random, list: readonly string[]): string[] => {
  const chosen = list.filter(() => random() < 0.5);
  return chosen.length > 0 ? chosen : [list[0]!];
};
const READ = ['orders', 'orders-eu'];
const WRITE = [...READ, 'audit.log'];
const RECORDS = Array.from({ length: 8 }, (_, i) => batch(i + 1));

/** A few records of each partition: what they hold is no concern here. */
const few = (fields: Fields): Fields => ({
  ...fields,
  topics: (fields['topics'] as Fields[]).map((topic) => ({
    ...topic,
    partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 500 }],
  })),
});

const KINDS: readonly ((random: Random) => Operation)[] = [
  (random) => ['Produce', between(random, 3, 9), produceTo(some(random, WRITE), {}, pick(random, RECORDS))],
  (random) => ['Produce', between(random, 3, 9), produceTo([pick(random, WRITE)], { acks: 1 }, pick(random, RECORDS))],
  (random) => ['Fetch', between(random, 4, 12), few(fetchOf(some(random, READ)))],
  (random) => ['Fetch', between(random, 4, 12), few(fetchOf([pick(random, READ)]))],
  (random) => [
    'Metadata',
    between(random, 4, 9),
    metadataOf(some(random, WRITE), { allowAutoTopicCreation: random() < 0.5 }),
  ],
  () => ['Metadata', 4, metadataOf([], { allowAutoTopicCreation: true })],
  (random) => [
    'ListOffsets',
    between(random, 1, 6),
    {
      replicaId: -1,
      topics: some(random, WRITE).map((name) => ({
        name,
        partitions: [{ partitionIndex: 0, timestamp: pick(random, [-1n, -2n]) }],
      })),
    },
  ],
  (random) => ['FindCoordinator', between(random, 1, 3), { key: `billing-${between(random, 0, 9)}`, keyType: 0 }],
  (random) => ['FindCoordinator', 4, { keyType: 1, coordinatorKeys: [`tx-${between(random, 0, 9)}`, 'tx-a'] }],
  (random) => [
    'OffsetCommit',
    between(random, 5, 8),
    {
      groupId: `billing-${between(random, 0, 9)}`,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [
        {
          name: pick(random, READ),
          partitions: [{ partitionIndex: 0, committedOffset: BigInt(between(random, 0, 99)), committedMetadata: '' }],
        },
      ],
    },
  ],
  (random) => [
    'OffsetFetch',
    between(random, 1, 7),
    {
      groupId: `billing-${between(random, 0, 9)}`,
      topics: some(random, READ).map((name) => ({ name, partitionIndexes: [0] })),
    },
  ],
  (random) => [
    'OffsetFetch',
    8,
    {
      groups: ['billing-1', 'billing-2'].map((groupId) => ({
        groupId,
        topics: [{ name: pick(random, READ), partitionIndexes: [0, 1] }],
      })),
      requireStable: random() < 0.5,
    },
  ],
  (random) => [
    'Heartbeat',
    between(random, 0, 3),
    { groupId: `billing-${between(random, 0, 9)}`, generationId: 1, memberId: 'gone' },
  ],
  () => ['DescribeGroups', 4, { groups: ['billing-1', 'billing-7'], includeAuthorizedOperations: false }],
  (random) => [
    'DescribeConfigs',
    between(random, 1, 3),
    {
      resources: [{ resourceType: 2, resourceName: pick(random, READ), configurationKeys: ['retention.ms'] }],
      includeSynonyms: false,
    },
  ],
  (random) => [
    'OffsetForLeaderEpoch',
    between(random, 2, 4),
    {
      replicaId: -2,
      topics: [{ topic: pick(random, READ), partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
    },
  ],
  () => ['InitProducerId', 4, { transactionalId: null, transactionTimeoutMs: 1000 }],
];

let [direct, behind]: KafkaCluster[] = [];
let plane: GatePlane;
beforeAll(async () => {
  [direct, behind] = [await startKafkaBroker({ topics: TOPICS }), await startKafkaBroker({ topics: TOPICS })];
  const { host, port } = behind.brokers[0]!;
  plane = await startGatePlane({ protocol: kafka, policies: POLICIES, upstream: { host, port }, keeps: false });
});
afterAll(async () => {
  await plane?.stop();
  await direct?.stop();
  await behind?.stop();
});

/** Sends all, so many at once, and returns the replies without what every broker says differently. */
async function run(port: number, operations: readonly Operation[]): Promise<string[]> {
  const wire = await KafkaWire.connect(port);
  const replies: string[] = [];
  for (let at = 0; at < operations.length; at += AT_ONCE) {
    const round = operations.slice(at, at + AT_ONCE);
    wire.raw(Buffer.concat(round.map(([api, version, fields]) => wire.request(api, version, fields))));
    for (const [api, version] of round) replies.push(shown(api, readReply(api, version, (await wire.next()).body)));
  }
  wire.close();
  return replies;
}

const OWN = new Set(['port', 'clusterId', 'producerId', 'topicId', 'throttleTimeMs']);
const shown = (api: string, reply: unknown): string =>
  `${api} ${JSON.stringify(reply, (key, value) => {
    if (OWN.has(key)) return undefined;
    if (typeof value === 'bigint') return String(value);
    return value;
  })}`;

test(`${OPERATIONS} allowed operations, seed ${SEED}: not one is denied, and each has the answer it has without Sluice`, {
  timeout: 60_000,
}, async () => {
  const random = seeded(SEED);
  // One connection after the other, so that both brokers are asked in the same order.
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const operations = Array.from({ length: OPERATIONS / CONNECTIONS }, () => pick(random, KINDS)(random));
    const [want, got] = [await run(direct!.brokers[0]!.port, operations), await run(plane.port, operations)];
    expect(got.length).toBe(operations.length);
    const wrong = got.findIndex((reply, i) => reply !== want[i]);
    expect([wrong, got[wrong]]).toEqual([-1, want[wrong]]);
  }
  await plane.settled();
  expect(plane.counts.denied).toBe(0);
  expect(plane.counts.allowed).toBeGreaterThanOrEqual(OPERATIONS);
  expect(plane.log.filter((line) => line.startsWith('error '))).toEqual([]);
  expect([...direct!.faults, ...behind!.faults]).toEqual([]);
});
