import { expect } from 'vitest';
import {
  ALLOWED,
  allowing,
  becomes,
  denied,
  FORBIDDEN,
  GROUP_DENIED,
  type KafkaCase,
  type KafkaRow,
  metadataOf,
  passes,
  type Sent,
  TOPIC_DENIED,
} from './support/kafka.ts';

/** The broker is asked for no topic. */
const asksNone = ({ fields }: Sent): void => expect(fields!['topics']).toEqual([]);
const namesNone = (fields: Record<string, unknown>): void => {
  expect(fields['topics']).toEqual([]);
  expect(fields['brokers']).toHaveLength(1);
};
const everything = allowing({ name: 'all', action: 'allow', targets: [] });

const all = (version: number): KafkaCase => ({
  name: `Metadata v${version} of all topics names none`,
  policies: ALLOWED,
  rounds: () => [
    [
      becomes(
        'Metadata',
        version,
        version < 4 ? { topics: null } : { topics: null, allowAutoTopicCreation: false },
        [],
        asksNone,
        {
          reply: namesNone,
        },
      ),
      passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false })),
    ],
  ],
});

export const row: KafkaRow = {
  id: 'KF-04',
  title: 'all topics',
  rules: ['R6', 'R7'],
  cases: [
    ...[1, 4, 8, 9, 10, 12].map(all),
    {
      name: 'Metadata v0 of all topics, whose list is empty',
      policies: ALLOWED,
      rounds: () => [[denied('Metadata', 0, { topics: [] }, [])]],
    },
    {
      name: "no topic at all is everybody's question",
      policies: ALLOWED,
      rounds: () => [
        [passes('Metadata', 1, { topics: [] }), passes('Metadata', 9, { topics: [], allowAutoTopicCreation: true })],
      ],
    },
    {
      name: 'who may see all sees all',
      policies: everything,
      rounds: () => [[passes('Metadata', 1, { topics: null }), passes('Metadata', 12, { topics: null })]],
    },
    {
      name: 'one topic denied: all topics are more than is allowed',
      policies: FORBIDDEN,
      rounds: () => [[becomes('Metadata', 9, { topics: null, allowAutoTopicCreation: false }, [], asksNone)]],
    },
    {
      name: 'OffsetFetch of all topics of a group, before groups were many',
      policies: ALLOWED,
      rounds: () => [
        [
          denied('OffsetFetch', 5, { groupId: 'billing', topics: null }, TOPIC_DENIED),
          passes('OffsetFetch', 5, { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] }),
        ],
      ],
    },
    {
      name: 'OffsetFetch of all topics of one group among others',
      policies: ALLOWED,
      rounds: () => [
        [
          denied(
            'OffsetFetch',
            8,
            {
              groups: [
                { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] },
                { groupId: 'billing-2', topics: null },
              ],
              requireStable: false,
            },
            TOPIC_DENIED,
          ),
        ],
      ],
    },
    {
      name: 'ListGroups is all groups',
      policies: ALLOWED,
      rounds: () => [[denied('ListGroups', 3, {}, GROUP_DENIED)]],
    },
    {
      name: 'DescribeTopicPartitions without topics is all topics',
      policies: ALLOWED,
      notReal: 'the strict broker has no such API',
      rounds: () => [
        [denied('DescribeTopicPartitions', 0, { topics: [], responsePartitionLimit: 10, cursor: null }, [])],
      ],
    },
    {
      name: 'reassignments and elections of all topics',
      policies: ALLOWED,
      notReal: 'the strict broker has no such API',
      rounds: () => [
        [
          denied('ListPartitionReassignments', 0, { timeoutMs: 1, topics: null }, TOPIC_DENIED),
          denied('ElectLeaders', 2, { electionType: 0, topicPartitions: null, timeoutMs: 1 }, TOPIC_DENIED),
          denied('DescribeLogDirs', 2, { topics: null }, TOPIC_DENIED),
        ],
      ],
    },
  ],
};
