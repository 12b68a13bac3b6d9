import { afterEach, beforeEach, expect, test } from 'vitest';
import { KafkaWire } from '../kafka-wire.ts';
import { poll } from '../poll.ts';
import type { Fields } from './codec.ts';
import { type KafkaCluster, startKafkaBroker } from './index.ts';

let cluster: KafkaCluster;
const wires: KafkaWire[] = [];

beforeEach(async () => {
  cluster = await startKafkaBroker({ topics: { orders: 2 } });
});

afterEach(async () => {
  for (const wire of wires.splice(0)) wire.close();
  await cluster.stop();
});

async function connected(clientId: string): Promise<KafkaWire> {
  const wire = await KafkaWire.connect(cluster.brokers[0]!.port, '127.0.0.1', { clientId });
  wires.push(wire);
  return wire;
}

const joining = (memberId: string, more: Fields = {}): Fields => ({
  groupId: 'billing',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('meta') }],
  ...more,
});

/** Joins as clients do: first for an id, then with it. */
async function join(wire: KafkaWire, more: Fields = {}): Promise<Fields> {
  const { errorCode, memberId } = await wire.ask('JoinGroup', 5, joining('', more));
  expect(errorCode).toBe(79);
  return wire.ask('JoinGroup', 5, joining(memberId as string, more));
}

const member = ({ memberId, generationId }: Fields): Fields => ({ groupId: 'billing', memberId, generationId });

test('two members: the second makes the first join anew, one leaves, all is told', async () => {
  const [first, second] = [await connected('one'), await connected('two')];
  const alone = await join(first);
  expect(alone).toMatchObject({ generationId: 1, leader: alone['memberId'], protocolName: 'range' });
  const assignments = [{ memberId: alone['memberId'], assignment: Buffer.from('all') }];
  expect(await first.ask('SyncGroup', 3, { ...member(alone), assignments })).toMatchObject({
    assignment: Buffer.from('all'),
  });
  expect(await first.ask('Heartbeat', 3, member(alone))).toMatchObject({ errorCode: 0 });

  const waits = join(second);
  await poll('a rebalance begins', () => cluster.group('billing')?.state === 'PreparingRebalance');
  expect(await first.ask('Heartbeat', 3, member(alone))).toMatchObject({ errorCode: 27 });
  const again = await first.ask('JoinGroup', 5, joining(alone['memberId'] as string));
  const other = await waits;
  expect(again).toMatchObject({ generationId: 2, leader: alone['memberId'] });
  expect(again['members']).toHaveLength(2);
  expect(other).toMatchObject({ generationId: 2, leader: alone['memberId'], members: [] });

  const synced = second.ask('SyncGroup', 3, { ...member(other), assignments: [] });
  await first.ask('SyncGroup', 3, {
    ...member(again),
    assignments: [{ memberId: other['memberId'], assignment: Buffer.from('half') }],
  });
  expect(await synced).toMatchObject({ errorCode: 0, assignment: Buffer.from('half') });
  expect(await first.ask('Heartbeat', 3, { ...member(again), generationId: 1 })).toMatchObject({ errorCode: 22 });

  const { memberId } = other;
  await second.ask('LeaveGroup', 3, { groupId: 'billing', members: [{ memberId }] });
  expect(await second.ask('Heartbeat', 3, member(other))).toMatchObject({ errorCode: 25 });
  expect(cluster.group('billing')).toMatchObject({ state: 'PreparingRebalance', members: 1, rebalances: 2 });
  expect(cluster.faults).toEqual([]);
});

test('who is silent for too long is out', async () => {
  const wire = await connected('one');
  await join(wire, { sessionTimeoutMs: 30 });
  await poll('the group is empty', () => cluster.group('billing')?.state === 'Empty');
});

test('who does not join anew in time is out', async () => {
  const [first, second] = [await connected('one'), await connected('two')];
  await join(first, { rebalanceTimeoutMs: 30 });
  const other = await join(second, { rebalanceTimeoutMs: 30 });
  expect(other).toMatchObject({ leader: other['memberId'], generationId: 2 });
  expect(cluster.group('billing')).toMatchObject({ members: 1 });
});

test('a static member comes back without a rebalance; the old one is fenced', async () => {
  const more = { groupInstanceId: 'a' };
  const [first, second] = [await connected('one'), await connected('one')];
  const joined = await first.ask('JoinGroup', 5, joining('', more));
  await first.ask('SyncGroup', 3, { ...member(joined), assignments: [] });
  const back = await second.ask('JoinGroup', 9, joining('', more));
  expect(back).toMatchObject({ generationId: 1, skipAssignment: true });
  expect(back['memberId']).not.toBe(joined['memberId']);
  expect(await first.ask('Heartbeat', 3, { ...member(joined), ...more })).toMatchObject({ errorCode: 82 });
});

test('offsets: of members of this generation, or of nobody while there are none', async () => {
  const wire = await connected('one');
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 1, committedOffset: 7n }] }];
  const commit = async (more: Fields) => {
    const reply = await wire.ask('OffsetCommit', 7, { groupId: 'billing', topics, ...more });
    return ((reply['topics'] as Fields[])[0]!['partitions'] as Fields[])[0]!['errorCode'];
  };
  expect(await commit({})).toBe(0);
  const joined = await join(wire);
  const me = { memberId: joined['memberId'] as string };
  expect(await commit({})).toBe(25);
  expect(await commit({ ...me, generationIdOrMemberEpoch: 1 })).toBe(27);
  await wire.ask('SyncGroup', 3, { ...member(joined), assignments: [] });
  expect(await commit({ ...me, generationIdOrMemberEpoch: 1 })).toBe(0);
  expect(await commit({ ...me, generationIdOrMemberEpoch: 4 })).toBe(22);
  expect(cluster.group('billing')!.offsets).toEqual({ 'orders-1': '7' });
  const fetched = await wire.ask('OffsetFetch', 8, { groups: [{ groupId: 'billing', topics: null }] });
  expect(fetched['groups']).toMatchObject([{ topics: [{ name: 'orders', partitions: [{ committedOffset: 7n }] }] }]);
});

test('another protocol does not fit in', async () => {
  const [first, second] = [await connected('one'), await connected('two')];
  await join(first);
  const strange = joining('', { protocols: [{ name: 'sticky', metadata: Buffer.alloc(0) }] });
  expect(await second.ask('JoinGroup', 3, strange)).toMatchObject({ errorCode: 23 });
});
