import {
  ALLOWED,
  type Answer,
  denied,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  TOPIC_DENIED,
} from './support/kafka.ts';

const failing = (api: string): Answer | undefined =>
  api === 'Produce'
    ? { responses: [{ name: 'orders', partitionResponses: [{ index: 0, errorCode: 2, baseOffset: -1n }] }] }
    : undefined;
const good = (codes: readonly number[]) => passes('Produce', 9, produceTo(['orders']), { codes });
const bad = () => denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED);

export const row: KafkaRow = {
  id: 'X-08',
  title: 'after an error',
  rules: ['R1', 'R9'],
  cases: [
    {
      name: "the broker's own error before a denial keeps its place",
      policies: ALLOWED,
      notReal: 'the strict broker fails nothing here',
      answers: failing,
      rounds: () => [[good([2]), bad(), good([2]), bad()]],
    },
    {
      name: 'and behind it',
      policies: ALLOWED,
      notReal: 'the strict broker fails nothing here',
      answers: failing,
      rounds: () => [
        [bad(), good([2])],
        [bad(), passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }))],
      ],
    },
  ],
};
