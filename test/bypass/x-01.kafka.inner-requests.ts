import {
  ALLOWED,
  batch,
  denied,
  ends,
  frameOf,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  TOPIC_DENIED,
  withSize,
} from './support/kafka.ts';

const hidden = frameOf('CreateTopics', 5, {
  topics: [{ name: 'forbidden', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  timeoutMs: 1,
  validateOnly: false,
});
const metadata = metadataOf(['orders'], { allowAutoTopicCreation: false });

export const row: KafkaRow = {
  id: 'X-01',
  title: 'inner requests',
  rules: ['R2', 'R3'],
  cases: [
    {
      name: 'a request in the payload of another is payload',
      policies: ALLOWED,
      notReal: 'the strict broker looks into records',
      rounds: () => [
        [
          passes('Produce', 9, produceTo(['orders'], {}, Buffer.concat([batch(), hidden]))),
          passes('Metadata', 4, metadata),
        ],
      ],
    },
    {
      name: 'a size that has wrapped: what stands behind the small frame is a request',
      policies: ALLOWED,
      rounds: () => [
        [
          passes('Metadata', 4, metadata),
          denied('CreateTopics', 5, { topics: [topic('forbidden')], timeoutMs: 1, validateOnly: false }, TOPIC_DENIED),
        ],
      ],
    },
    {
      name: 'a frame that is made to end where an inner one begins',
      policies: ALLOWED,
      closes: /unreadable/,
      rounds: () => {
        const outer = frameOf('Produce', 9, produceTo(['orders'], {}, hidden));
        const at = outer.indexOf(hidden);
        return [[ends(withSize(outer, at - 4))]];
      },
    },
  ],
};

function topic(name: string) {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
}
