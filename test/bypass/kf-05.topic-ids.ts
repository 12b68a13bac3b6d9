import { expect } from 'vitest';
import {
  ALLOWED,
  allowing,
  becomes,
  denied,
  fetchById,
  type Ids,
  type KafkaRow,
  passes,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';
import { idOf } from './support/kafka-fake.ts';

const UNKNOWN_ID = [100];
const NOBODYS = 'ab'.repeat(16);
const NEW = { isNew: true };
const ZERO = '00'.repeat(16);

/** Metadata by which this listener learns ids, as a client with more rights would ask: here the policies change after it. */
const learn = (topics: readonly string[]): Said =>
  passes('Metadata', 12, { topics: topics.map((name) => ({ topicId: ZERO, name })), allowAutoTopicCreation: false });

const after = (messages: (ids: Ids) => readonly Said[]) => (ids: Ids) => [
  [learn(['orders', 'forbidden'])],
  messages(ids),
];

export const row: KafkaRow = {
  id: 'KF-05',
  title: 'topic ids',
  rules: ['R4', 'R7', 'R8'],
  cases: [
    {
      name: 'an id that no broker has told',
      policies: ALLOWED,
      rounds: () => [[denied('Fetch', 13, fetchById([NOBODYS]), UNKNOWN_ID)]],
    },
    {
      name: 'the id of a denied topic',
      policies: permissive(),
      policiesBefore: { 1: ALLOWED },
      rounds: after((ids) => [
        denied('Fetch', 13, fetchById([ids('forbidden')]), TOPIC_DENIED),
        passes('Fetch', 13, fetchById([ids('orders')])),
      ]),
    },
    {
      name: 'a denied topic behind an allowed one',
      policies: permissive(),
      policiesBefore: { 1: ALLOWED },
      rounds: after((ids) => [denied('Fetch', 13, fetchById([ids('orders'), ids('forbidden')]), TOPIC_DENIED)]),
    },
    {
      name: 'no topic has the id of zeros',
      policies: ALLOWED,
      rounds: () => [[denied('Fetch', 13, fetchById([ZERO]), [17])]],
    },
    {
      name: 'Produce by id',
      policies: permissive(),
      policiesBefore: { 1: ALLOWED },
      notReal: 'the strict broker has no Produce 13',
      rounds: after((ids) => [
        denied('Produce', 13, produceById(NOBODYS), UNKNOWN_ID, NEW),
        denied('Produce', 13, produceById(ids('forbidden')), TOPIC_DENIED, NEW),
        passes('Produce', 13, produceById(ids('orders')), NEW),
      ]),
    },
    {
      name: 'DeleteTopics by id, by name, and by both',
      policies: permissive(),
      policiesBefore: {
        1: {
          ...ALLOWED,
          policies: [...ALLOWED.policies, { ...ALLOWED.policies[0]!, name: 'delete', operations: ['delete'] }],
        },
      },
      notReal: 'it would delete the topics of the other cases',
      rounds: after((ids) => [
        denied('DeleteTopics', 6, { topics: [{ name: null, topicId: ids('forbidden') }], timeoutMs: 1 }, TOPIC_DENIED),
        denied(
          'DeleteTopics',
          6,
          { topics: [{ name: 'orders', topicId: ids('forbidden') }], timeoutMs: 1 },
          TOPIC_DENIED,
        ),
        denied(
          'DeleteTopics',
          6,
          { topics: [{ name: 'forbidden', topicId: ids('orders') }], timeoutMs: 1 },
          TOPIC_DENIED,
        ),
        denied('DeleteTopics', 6, { topics: [{ name: null, topicId: NOBODYS }], timeoutMs: 1 }, UNKNOWN_ID),
        passes('DeleteTopics', 6, { topics: [{ name: 'orders', topicId: ZERO }], timeoutMs: 1 }),
      ]),
    },
    {
      name: 'a name and the id of another topic: what a broker repeats of a client is not learned',
      policies: allowing({ name: 'delete', action: 'allow', operations: ['delete', 'describe'] }),
      notReal: 'the strict broker takes the name',
      answers: (api) =>
        api === 'DeleteTopics'
          ? { responses: [{ name: 'orders', topicId: idOf('forbidden'), errorCode: 42, errorMessage: 'not both' }] }
          : undefined,
      rounds: (ids) => [
        [learn(['orders', 'forbidden'])],
        [
          passes(
            'DeleteTopics',
            6,
            { topics: [{ name: 'orders', topicId: ids('forbidden') }], timeoutMs: 1 },
            { codes: [42] },
          ),
        ],
        [denied('Fetch', 13, fetchById([ids('forbidden')]), TOPIC_DENIED)],
      ],
    },
    {
      name: 'offsets by id',
      policies: permissive(),
      policiesBefore: { 1: ALLOWED },
      notReal: 'the strict broker has no OffsetCommit 10',
      rounds: after((ids) => [
        denied('OffsetCommit', 10, commitById(NOBODYS), UNKNOWN_ID, NEW),
        denied('OffsetCommit', 10, commitById(ids('forbidden')), TOPIC_DENIED, NEW),
        denied('OffsetFetch', 10, offsetsById(ids('forbidden')), TOPIC_DENIED, NEW),
        passes('OffsetFetch', 10, offsetsById(ids('orders')), NEW),
      ]),
    },
    {
      name: 'Metadata by id: what is denied is named with its error, and not asked for',
      policies: permissive(),
      policiesBefore: { 1: ALLOWED },
      rounds: after((ids) => [
        becomes(
          'Metadata',
          12,
          {
            topics: [
              { topicId: ids('orders'), name: null },
              { topicId: ids('forbidden'), name: null },
            ],
            allowAutoTopicCreation: false,
          },
          TOPIC_DENIED,
          ({ fields }) => expect(fields!['topics']).toMatchObject([{ topicId: ids('orders') }]),
        ),
      ]),
    },
    {
      name: 'a topic that was made anew has another id: the old one is not learned from a client',
      policies: ALLOWED,
      rounds: (ids) => [
        [passes('Metadata', 12, { topics: [{ topicId: ZERO, name: 'orders' }], allowAutoTopicCreation: false })],
        [
          denied('Fetch', 13, fetchById([flipped(ids('orders'))]), UNKNOWN_ID),
          passes('Fetch', 13, fetchById([ids('orders')])),
        ],
      ],
    },
  ],
};

function permissive(): (typeof row)['cases'][number]['policies'] {
  return { ...ALLOWED, policies: [{ ...ALLOWED.policies[0]!, name: 'all', operations: [], targets: [] }] };
}

function flipped(id: string): string {
  return id.replace(/..$/, (last) => (Number.parseInt(last, 16) ^ 1).toString(16).padStart(2, '0'));
}

function produceById(topicId: string): Record<string, never> {
  return {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ topicId, partitionData: [{ index: 0, records: null }] }],
  } as never;
}

function commitById(topicId: string): Record<string, never> {
  return {
    groupId: 'billing',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [
      {
        topicId,
        partitions: [{ partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: '' }],
      },
    ],
  } as never;
}

function offsetsById(topicId: string): Record<string, never> {
  return {
    groups: [{ groupId: 'billing', memberId: null, memberEpoch: -1, topics: [{ topicId, partitionIndexes: [0] }] }],
    requireStable: false,
  } as never;
}
