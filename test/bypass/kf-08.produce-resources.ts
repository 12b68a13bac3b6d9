import {
  ALLOWED,
  allowing,
  batch,
  CLUSTER_DENIED,
  denied,
  denying,
  type KafkaRow,
  passes,
  produceTo,
  TOPIC_DENIED,
  TRANSACTION_DENIED,
} from './support/kafka.ts';

const idempotent = batch(1, { producerId: 7, producerEpoch: 0, baseSequence: 0 });
const transactional = batch(1, { producerId: 7, producerEpoch: 0, baseSequence: 0, transactional: true });
const noIdempotence = { name: 'no_idempotence', action: 'deny', operations: ['idempotent_write'] } as const;

export const row: KafkaRow = {
  id: 'KF-08',
  title: 'produce resources',
  rules: ['R1', 'R2', 'R7'],
  cases: [
    {
      name: 'the topic alone is denied',
      policies: ALLOWED,
      rounds: () => [
        [denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED), passes('Produce', 9, produceTo(['orders']))],
      ],
    },
    {
      name: 'the transactional id alone is denied',
      policies: ALLOWED,
      notReal: 'the strict broker knows no such transaction',
      rounds: () => [
        [
          denied(
            'Produce',
            9,
            produceTo(['orders'], { transactionalId: 'forbidden-1' }, transactional),
            TRANSACTION_DENIED,
          ),
          passes('Produce', 9, produceTo(['orders'], { transactionalId: 'tx-1' }, transactional)),
        ],
      ],
    },
    {
      name: 'a producer id alone is denied',
      policies: allowing(noIdempotence),
      notReal: 'the strict broker has given no such producer id',
      rounds: () => [
        [
          denied('Produce', 9, produceTo(['orders'], {}, idempotent), CLUSTER_DENIED),
          passes('Produce', 9, produceTo(['orders'])),
          denied('InitProducerId', 4, { transactionalId: null, transactionTimeoutMs: 1000 }, CLUSTER_DENIED),
        ],
      ],
    },
    {
      name: 'one topic of many, in each place',
      policies: ALLOWED,
      rounds: () => [
        [0, 1, 2].map((place) =>
          denied(
            'Produce',
            8,
            produceTo(['orders', 'orders-2', 'orders-3'].toSpliced(place, 1, 'forbidden')),
            TOPIC_DENIED,
          ),
        ),
      ],
    },
    {
      name: 'a topic that is named twice, once between',
      policies: denying({ name: 'no', action: 'deny', targets: ['forbidden'] }),
      rounds: () => [[denied('Produce', 9, produceTo(['orders', 'forbidden', 'orders']), TOPIC_DENIED)]],
    },
    {
      name: 'behind thousands of other topics',
      policies: ALLOWED,
      rounds: () => [
        [
          denied(
            'Produce',
            9,
            produceTo([...Array.from({ length: 1500 }, (_, i) => `orders-${i}`), 'forbidden'], {}, batch()),
            TOPIC_DENIED,
          ),
        ],
      ],
    },
  ],
};
