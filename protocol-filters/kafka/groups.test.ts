import { describe, expect, test } from 'vitest';
import { type LagSink, NO_LAG } from '../../src/exchange/lag-sink.ts';
import { ask, reply } from './testing/builders.ts';
import { attributes, own, play, type Script, tells, told } from './testing/story.ts';

/** Remembers what it hears of offsets. */
class HeardLag {
  readonly heard: string[] = [];
  readonly sink: LagSink = {
    ...NO_LAG,
    end: (...told) => void this.heard.push(`end ${told.join(' ')}`),
    committed: (...told) => void this.heard.push(`committed ${told.join(' ')}`),
  };
}

const protocols = [{ name: 'range', metadata: Buffer.alloc(4) }];
const joinGroup = (memberId: string) =>
  ask('JoinGroup', 5, {
    groupId: 'billing',
    sessionTimeoutMs: 1,
    rebalanceTimeoutMs: 1,
    memberId,
    protocolType: 'consumer',
    protocols,
  });
const joined = (errorCode: number, generationId: number, members: number) =>
  reply('JoinGroup', 5, {
    errorCode,
    generationId,
    protocolName: 'range',
    leader: 'm-1',
    memberId: 'm-1',
    members: Array.from({ length: members }, (_, i) => ({ memberId: `m-${i + 1}`, metadata: Buffer.alloc(0) })),
  });
const commit = (id = 1) =>
  ask(
    'OffsetCommit',
    8,
    {
      groupId: 'billing',
      generationIdOrMemberEpoch: 3,
      memberId: 'm-1',
      topics: [
        {
          name: 'orders',
          partitions: [
            { partitionIndex: 0, committedOffset: 40n },
            { partitionIndex: 1, committedOffset: 50n },
          ],
        },
        { name: 'payments', partitions: [{ partitionIndex: 4, committedOffset: 7n }] },
      ],
    },
    id,
  );
const committed = (...errors: readonly number[]) =>
  reply('OffsetCommit', 8, {
    topics: [
      { name: 'orders', partitions: [0, 1].map((partitionIndex, i) => ({ partitionIndex, errorCode: errors[i]! })) },
      { name: 'payments', partitions: [{ partitionIndex: 4, errorCode: errors[2]! }] },
    ],
  });

describe('groups', () => {
  tells(
    'a member joins: both steps wait for the others',
    [
      ['>', joinGroup('')],
      ['<', joined(79, -1, 0)],
      ['>', joinGroup('m-1')],
      ['<', joined(0, 3, 2)],
      ['>', ask('SyncGroup', 3, { groupId: 'billing', generationId: 3, memberId: 'm-1', assignments: [] })],
      ['<', reply('SyncGroup', 3, { assignment: Buffer.alloc(2) })],
      ['>', ask('Heartbeat', 3, { groupId: 'billing', generationId: 3, memberId: 'm-1' })],
      ['<', reply('Heartbeat', 3, { errorCode: 27 })],
      ['>', ask('LeaveGroup', 3, { groupId: 'billing', members: [{ memberId: 'm-1' }, { memberId: 'm-2' }] })],
      ['<', reply('LeaveGroup', 3, { members: [] })],
    ],
    [
      'join_group | JoinGroup group=billing | error | MEMBER_ID_REQUIRED',
      'join_group | JoinGroup group=billing | ok | waits',
      'sync_group | SyncGroup group=billing | ok | waits',
      'heartbeat | Heartbeat group=billing | error | REBALANCE_IN_PROGRESS',
      'leave_group | LeaveGroup group=billing | ok',
    ],
    (on) => {
      expect(attributes(on)[1]).toEqual({
        'messaging.consumer.group.name': 'billing',
        'sluice.kafka.member': 'm-1',
        'sluice.kafka.generation': 3,
        'sluice.kafka.api_version': 5,
      });
      expect(on.harness.ended[1]!.digest!.targets).toEqual([
        { schema: 'group', name: 'billing', operations: ['read'] },
      ]);
      expect(own(on, 'group.billing.joins')).toBe(1);
      const waits = on.stats.list.find(({ name }) => name === 'sluice.kafka.p.group_wait')!;
      expect(on.stats.histogram(waits.id).count).toBe(2);
      expect(own(on, 'rebalances')).toBe(1);
      expect(own(on, 'group.billing.rebalancing')).toBe(1);
      expect(own(on, 'group.billing.leaves')).toBe(2);
    },
  );

  tells(
    'of the new protocol (KIP-848)',
    [
      [
        '>',
        ask('ConsumerGroupHeartbeat', 0, {
          groupId: 'g',
          memberId: 'm',
          memberEpoch: 0,
          subscribedTopicNames: ['orders'],
        }),
      ],
      ['<', reply('ConsumerGroupHeartbeat', 0, { memberId: 'm', memberEpoch: 4, assignment: null })],
      [
        '>',
        ask('ConsumerGroupHeartbeat', 0, { groupId: 'g', memberId: 'm', memberEpoch: 4, subscribedTopicNames: null }),
      ],
      ['<', reply('ConsumerGroupHeartbeat', 0, { errorCode: 110, memberEpoch: 0, assignment: null })],
      ['>', ask('ConsumerGroupHeartbeat', 0, { groupId: 'g', memberId: 's', instanceId: 's', memberEpoch: -2 })],
      ['<', reply('ConsumerGroupHeartbeat', 0, { memberEpoch: -2, assignment: null })],
      ['>', ask('ConsumerGroupHeartbeat', 0, { groupId: 'g', memberId: 'm', memberEpoch: -1 })],
      ['<', reply('ConsumerGroupHeartbeat', 0, { memberEpoch: -1, assignment: null })],
    ],
    [
      'consumer_group_heartbeat | ConsumerGroupHeartbeat orders group=g | ok',
      'consumer_group_heartbeat | ConsumerGroupHeartbeat group=g | error | FENCED_MEMBER_EPOCH',
      'consumer_group_heartbeat | ConsumerGroupHeartbeat group=g | ok',
      'consumer_group_heartbeat | ConsumerGroupHeartbeat group=g | ok',
    ],
    (on) => expect(own(on, 'group.g.leaves')).toBe(1), // a static member that will be back has not left
  );

  tells(
    'a commit is an exchange a topic',
    [
      ['>', commit()],
      ['<', committed(0, 12, 0)],
    ],
    [
      'offset_commit | OffsetCommit orders group=billing | error | OFFSET_METADATA_TOO_LARGE | batch of 2 | batch',
      'offset_commit | OffsetCommit payments group=billing | ok | batch',
    ],
    (on) => {
      expect(attributes(on)[1]!['sluice.kafka.generation']).toBe(3);
      expect(own(on, 'group.billing.commits')).toBe(2);
    },
  );

  test('only what the broker took is committed', () => {
    const lag = new HeardLag();
    play(
      [
        ['>', commit()],
        ['<', committed(0, 12, 0)],
      ],
      { env: { lag: lag.sink } },
    );
    expect(lag.heard).toEqual(['committed billing orders 0 40', 'committed billing payments 4 7']);
    const lost = new HeardLag();
    play([['>', commit()]], { env: { lag: lost.sink } });
    expect(lost.heard).toEqual([]);
  });

  test('a commit within a transaction', () => {
    const lag = new HeardLag();
    const on = play(
      [
        [
          '>',
          ask('TxnOffsetCommit', 3, {
            transactionalId: 'tx-1742',
            groupId: 'billing',
            topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 9n }] }],
          }),
        ],
        ['<', reply('TxnOffsetCommit', 3, { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] })],
      ],
      { env: { lag: lag.sink } },
    );
    expect(told(on)).toEqual(['txn_offset_commit | TxnOffsetCommit orders group=billing transactional_id=tx-* | ok']);
    expect(on.harness.ended[0]!.digest!.targets).toEqual([
      { schema: '', name: 'orders', operations: ['read'] },
      { schema: 'group', name: 'billing', operations: ['read'] },
      { schema: 'transactional_id', name: 'tx-*', operations: ['write'] },
    ]);
    expect(lag.heard).toEqual(['committed billing orders 0 9']);
  });

  test('offsets that were fetched, of the group that has them', () => {
    const lag = new HeardLag();
    const topics = (committedOffset: bigint) => [
      { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset, errorCode: 0 }] },
    ];
    const asked = [{ name: 'orders', partitionIndexes: [0] }];
    const on = play(
      [
        ['>', ask('OffsetFetch', 5, { groupId: 'billing', topics: asked })],
        ['<', reply('OffsetFetch', 5, { topics: topics(5n) })],
        [
          '>',
          ask('OffsetFetch', 8, {
            groups: [
              { groupId: 'billing', topics: asked },
              { groupId: 'audit', topics: null },
            ],
          }),
        ],
        [
          '<',
          reply('OffsetFetch', 8, {
            groups: [
              { groupId: 'billing', topics: topics(-1n) },
              { groupId: 'audit', topics: topics(8n) },
            ],
          }),
        ],
        ['>', ask('OffsetFetch', 5, { groupId: 'billing', topics: null })],
        ['<', reply('OffsetFetch', 5, { topics: [] })],
      ],
      { env: { lag: lag.sink } },
    );
    expect(told(on)).toEqual([
      'offset_fetch | OffsetFetch orders group=billing | ok',
      'offset_fetch | OffsetFetch orders group=billing | ok',
      'offset_fetch | OffsetFetch * group=billing | ok',
    ]);
    expect(lag.heard).toEqual(['committed billing orders 0 5', 'committed audit orders 0 8']);
  });

  test('the latest offset is the high watermark, where it was asked for', () => {
    const lag = new HeardLag();
    const list = (timestamps: readonly bigint[], isolationLevel = 0): Script => [
      [
        '>',
        ask('ListOffsets', 2, {
          replicaId: -1,
          isolationLevel,
          topics: [
            {
              name: 'orders',
              partitions: timestamps.map((timestamp, partitionIndex) => ({ partitionIndex, timestamp })),
            },
          ],
        }),
      ],
      [
        '<',
        reply('ListOffsets', 2, {
          topics: [
            {
              name: 'orders',
              partitions: timestamps.map((_, partitionIndex) => ({
                partitionIndex,
                offset: BigInt(10 + partitionIndex),
              })),
            },
          ],
        }),
      ],
    ];
    const on = play([...list([-1n, -2n, -1n]), ...list([-1n], 1)], { env: { lag: lag.sink } });
    expect(told(on)[0]).toBe('list_offsets | ListOffsets orders | ok | batch of 3');
    expect(lag.heard).toEqual(['end orders 0 10', 'end orders 2 12']);
  });

  tells(
    'a coordinator is looked for by a group or a transactional id',
    [
      ['>', ask('FindCoordinator', 0, { key: 'billing' })],
      ['<', reply('FindCoordinator', 0, { errorCode: 15 })],
      ['>', ask('FindCoordinator', 2, { key: 'tx-1742', keyType: 1 })],
      ['<', reply('FindCoordinator', 2, {})],
      ['>', ask('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['a', 'b'] })],
      [
        '<',
        reply('FindCoordinator', 4, {
          coordinators: [
            { key: 'a', errorCode: 0 },
            { key: 'b', errorCode: 15 },
          ],
        }),
      ],
    ],
    [
      'find_coordinator | FindCoordinator group=billing | error | COORDINATOR_NOT_AVAILABLE',
      'find_coordinator | FindCoordinator transactional_id=tx-* | ok',
      'find_coordinator | FindCoordinator group=a … | error | COORDINATOR_NOT_AVAILABLE',
    ],
  );

  tells(
    'several groups: the first, and that there are more',
    [
      ['>', ask('DescribeGroups', 1, { groups: ['billing', 'audit'] })],
      [
        '<',
        reply('DescribeGroups', 1, {
          groups: [
            { errorCode: 0, groupId: 'billing', members: [{ memberId: 'm-9' }] },
            { errorCode: 30, groupId: 'audit' },
          ],
        }),
      ],
    ],
    ['describe_groups | DescribeGroups group=billing … | error | GROUP_AUTHORIZATION_FAILED'],
    (on) => expect(attributes(on)[0]).not.toHaveProperty('sluice.kafka.member'),
  );
});
