import {
  ALLOWED,
  denied,
  ends,
  frameOf,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  TOPIC_DENIED,
} from './support/kafka.ts';

const NONE = { codes: null };
const silent = (topic: string) => frameOf('Produce', 9, produceTo([topic], { acks: 0 }));
const meta = () => passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }));

export const row: KafkaRow = {
  id: 'KF-09',
  title: 'no acks',
  rules: ['R1', 'R9'],
  cases: [
    {
      name: 'denied: the connection ends, for nobody would hear of it',
      policies: ALLOWED,
      closes: /^denied/,
      rounds: () => [[ends(silent('forbidden'))]],
    },
    {
      name: 'allowed: it has no place among the replies',
      policies: ALLOWED,
      rounds: () => [
        [
          passes('Produce', 9, produceTo(['orders'], { acks: 0 }), NONE),
          meta(),
          passes('Produce', 3, produceTo(['orders'], { acks: 0 }), NONE),
          denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED),
          meta(),
        ],
      ],
    },
    {
      name: 'denied behind answered ones',
      policies: ALLOWED,
      closes: /^denied/,
      rounds: () => [
        [meta(), denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED)],
        [ends(silent('forbidden'))],
      ],
    },
    {
      name: 'one of many topics denied',
      policies: ALLOWED,
      closes: /^denied/,
      rounds: () => [[ends(frameOf('Produce', 9, produceTo(['orders', 'forbidden', 'orders-2'], { acks: 0 })))]],
    },
  ],
};
