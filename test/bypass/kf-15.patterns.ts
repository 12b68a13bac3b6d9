import { ALLOWED, allowing, denied, type KafkaRow, passes, TOPIC_DENIED } from './support/kafka.ts';

const NEW = { isNew: true };
const heartbeat = (more: Record<string, unknown>): never =>
  ({
    groupId: 'billing',
    memberId: 'm',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 1000,
    subscribedTopicNames: null,
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: null,
    ...more,
  }) as never;
const streams = (more: Record<string, unknown>): never =>
  ({
    groupId: 'billing',
    memberId: 'm',
    topology: {
      epoch: 1,
      subtopologies: [
        {
          subtopologyId: '0',
          sourceTopics: ['orders'],
          sourceTopicRegex: [],
          stateChangelogTopics: [],
          repartitionSinkTopics: [],
          repartitionSourceTopics: [],
          copartitionGroups: [],
          ...more,
        },
      ],
    },
  }) as never;
const notReal = 'the strict broker has none of these groups';
const MAKES = allowing({ name: 'make', action: 'allow', operations: ['create'], targets: ['orders*'] });

export const row: KafkaRow = {
  id: 'KF-15',
  title: 'patterns',
  rules: ['R4', 'R7'],
  cases: [
    {
      name: 'a subscription by a pattern',
      policies: ALLOWED,
      notReal,
      rounds: () => [
        [
          denied('ConsumerGroupHeartbeat', 1, heartbeat({ subscribedTopicRegex: '.*' }), TOPIC_DENIED, NEW),
          denied('ConsumerGroupHeartbeat', 1, heartbeat({ subscribedTopicRegex: 'orders' }), TOPIC_DENIED, NEW),
          passes('ConsumerGroupHeartbeat', 1, heartbeat({ subscribedTopicRegex: '' }), NEW),
          passes('ConsumerGroupHeartbeat', 1, heartbeat({ subscribedTopicNames: ['orders'] }), NEW),
        ],
      ],
    },
    {
      name: 'a pattern beside names',
      policies: ALLOWED,
      notReal,
      rounds: () => [
        [
          denied(
            'ConsumerGroupHeartbeat',
            1,
            heartbeat({ subscribedTopicNames: ['orders'], subscribedTopicRegex: 'forb.*' }),
            TOPIC_DENIED,
            NEW,
          ),
        ],
      ],
    },
    {
      name: 'who is allowed what nobody can know',
      policies: allowing({ name: 'patterns', action: 'allow', targets: ['$unresolved'] }),
      notReal,
      rounds: () => [[passes('ConsumerGroupHeartbeat', 1, heartbeat({ subscribedTopicRegex: 'orders.*' }), NEW)]],
    },
    {
      name: 'a denied name, with ids that the member has already',
      policies: ALLOWED,
      notReal,
      rounds: () => [
        [
          denied(
            'ConsumerGroupHeartbeat',
            0,
            heartbeat({ subscribedTopicNames: ['orders', 'forbidden'] }),
            TOPIC_DENIED,
            NEW,
          ),
          passes(
            'ConsumerGroupHeartbeat',
            0,
            heartbeat({ topicPartitions: [{ topicId: 'ab'.repeat(16), partitions: [0] }] }),
            NEW,
          ),
        ],
      ],
    },
    {
      name: 'patterns and topics of a topology',
      policies: MAKES,
      notReal,
      rounds: () => [
        [
          denied('StreamsGroupHeartbeat', 0, streams({ sourceTopicRegex: ['forb.*'] }), TOPIC_DENIED, NEW),
          denied('StreamsGroupHeartbeat', 0, streams({ sourceTopics: ['forbidden'] }), TOPIC_DENIED, NEW),
          denied(
            'StreamsGroupHeartbeat',
            0,
            streams({
              stateChangelogTopics: [{ name: 'forbidden', partitions: 1, replicationFactor: 1, topicConfigs: [] }],
            }),
            TOPIC_DENIED,
            NEW,
          ),
          denied('StreamsGroupHeartbeat', 0, streams({ repartitionSinkTopics: ['forbidden'] }), TOPIC_DENIED, NEW),
          passes('StreamsGroupHeartbeat', 0, streams({}), NEW),
        ],
      ],
    },
    {
      name: 'topics that a topology would make',
      policies: ALLOWED,
      notReal,
      rounds: () => [[denied('StreamsGroupHeartbeat', 0, streams({}), TOPIC_DENIED, NEW)]],
    },
  ],
};
