import { expect } from 'vitest';
import {
  ALLOWED,
  allowing,
  becomes,
  denied,
  FORBIDDEN,
  type KafkaRow,
  metadataOf,
  passes,
  type Sent,
  TOPIC_DENIED,
} from './support/kafka.ts';

const makesNone =
  (...topics: readonly string[]) =>
  ({ fields }: Sent): void => {
    expect(fields!['allowAutoTopicCreation']).toBe(false);
    expect((fields!['topics'] as { name: string }[]).map(({ name }) => name)).toEqual(topics);
  };
const MAKES = allowing({ name: 'make', action: 'allow', operations: ['create'], targets: ['orders-made*'] });
/** The rest of a request is sent, the whole is no denied message. */
const NONE = { denied: 0 };

export const row: KafkaRow = {
  id: 'KF-16',
  title: 'side effects',
  rules: ['R1', 'R2', 'R10'],
  cases: [
    ...[4, 7, 8, 9, 11, 12].map((version) => ({
      name: `Metadata v${version} makes no topic for who may not make one`,
      policies: ALLOWED,
      ...NONE,
      rounds: () => [
        [
          becomes(
            'Metadata',
            version,
            metadataOf(['orders'], { allowAutoTopicCreation: true }),
            [],
            makesNone('orders'),
          ),
          passes('Metadata', version, metadataOf(['orders'], { allowAutoTopicCreation: false })),
        ],
      ],
    })),
    {
      name: 'a topic that is not there stays so',
      policies: ALLOWED,
      ...NONE,
      notReal: 'the codes differ; kafka-gate.test.ts asks the broker',
      rounds: () => [
        [
          becomes(
            'Metadata',
            9,
            metadataOf(['orders-new'], { allowAutoTopicCreation: true }),
            [],
            makesNone('orders-new'),
          ),
        ],
      ],
    },
    {
      name: 'before version 4 to ask was to make',
      policies: ALLOWED,
      rounds: () => [
        [
          becomes('Metadata', 1, metadataOf(['orders']), TOPIC_DENIED, ({ fields }) =>
            expect(fields!['topics']).toEqual([]),
          ),
          denied('Metadata', 0, metadataOf(['orders']), TOPIC_DENIED),
        ],
      ],
    },
    {
      name: 'who may make one of two makes both or none',
      policies: MAKES,
      ...NONE,
      notReal: 'it would make a topic',
      rounds: () => [
        [
          passes('Metadata', 9, metadataOf(['orders-made'], { allowAutoTopicCreation: true })),
          becomes(
            'Metadata',
            9,
            metadataOf(['orders-made', 'orders'], { allowAutoTopicCreation: true }),
            [],
            makesNone('orders-made', 'orders'),
          ),
        ],
      ],
    },
    {
      name: 'a denied topic is neither made nor told of',
      policies: FORBIDDEN,
      rounds: () => [
        [
          becomes(
            'Metadata',
            9,
            metadataOf(['forbidden'], { allowAutoTopicCreation: true }),
            TOPIC_DENIED,
            ({ fields }) => expect(fields!['topics']).toEqual([]),
          ),
        ],
      ],
    },
    {
      name: 'CreateTopics, one of two denied, and only tried',
      policies: MAKES,
      rounds: () => [
        [
          denied(
            'CreateTopics',
            5,
            { topics: [topic('orders-made'), topic('forbidden')], timeoutMs: 1, validateOnly: false },
            TOPIC_DENIED,
          ),
          denied('CreateTopics', 2, { topics: [topic('forbidden')], timeoutMs: 1, validateOnly: true }, TOPIC_DENIED),
          denied(
            'CreatePartitions',
            2,
            { topics: [{ name: 'orders', count: 9, assignments: null }], timeoutMs: 1, validateOnly: false },
            TOPIC_DENIED,
          ),
        ],
      ],
    },
  ],
};

function topic(name: string) {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
}
