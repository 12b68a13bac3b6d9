import {
  ALLOWED,
  denied,
  GROUP_DENIED,
  type KafkaCase,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  TOPIC_DENIED,
} from './support/kafka.ts';

const rounds: KafkaCase['rounds'] = () => [
  [
    passes('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' }),
    denied('Produce', 9, produceTo(['forbidden', 'orders']), TOPIC_DENIED),
    passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false })),
    denied(
      'Heartbeat',
      3,
      { groupId: 'forbidden', generationId: 1, memberId: 'm', groupInstanceId: null },
      GROUP_DENIED,
    ),
    passes('Produce', 9, produceTo(['orders'])),
    denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
  ],
];
const broken = (name: string, breaks: NonNullable<KafkaCase['breaks']>, more: Partial<KafkaCase> = {}): KafkaCase => ({
  name,
  policies: ALLOWED,
  rounds,
  breaks,
  ...more,
});
const notReal = 'a reset is what a real socket shows';

/** A peer that is gone, at every offset: every exchange has ended once, and nothing that was held has left. */
export const row: KafkaRow = {
  id: 'X-10',
  title: 'resets',
  rules: ['R1', 'R15'],
  cases: [
    broken('of the client', ['client', 'reset']),
    broken('of the broker', ['server', 'reset']),
    broken('of the client, nothing was answered', ['client', 'reset'], { answers: () => null, notReal }),
    broken('of the broker, nothing was answered', ['server', 'reset'], { answers: () => null, notReal }),
    broken('an error of the client', ['client', 'error'], { notReal }),
    broken('an error of the broker', ['server', 'error'], { notReal }),
  ],
};
