import { ALLOWED, denied, type KafkaRow, metadataOf, passes, produceTo, TOPIC_DENIED } from './support/kafka.ts';

/** Every case of the corpus tells the same of itself however it is cut; here is one with something of everything. */
export const row: KafkaRow = {
  id: 'X-13',
  title: 'determinism',
  rules: ['R15'],
  cases: [
    {
      name: 'the same stream, the same events',
      policies: ALLOWED,
      rounds: () => [
        [
          passes('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' }),
          passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false })),
          denied('Produce', 9, produceTo(['forbidden', 'orders']), TOPIC_DENIED),
          passes('Produce', 9, produceTo(['orders', 'orders-2'])),
          denied('Heartbeat', 3, { groupId: 'forbidden', generationId: 1, memberId: 'm', groupInstanceId: null }, [30]),
        ],
      ],
    },
  ],
};
