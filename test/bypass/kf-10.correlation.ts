import { ALLOWED, denied, ends, type KafkaRow, metadataOf, passes, produceTo, TOPIC_DENIED } from './support/kafka.ts';

const meta = (id: number) => passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }), { id });
const no = (id: number) => denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED, { id });
const reply = (id: number): Buffer => {
  const frame = Buffer.alloc(12);
  frame.writeInt32BE(8);
  frame.writeInt32BE(id, 4);
  return frame;
};

export const row: KafkaRow = {
  id: 'KF-10',
  title: 'correlation',
  rules: ['R9'],
  cases: [
    {
      name: 'the same id for all, denied and not',
      policies: ALLOWED,
      rounds: () => [[meta(7), no(7), meta(7), no(7), no(7), meta(7)]],
    },
    {
      name: 'ids that go down, are negative, or zero',
      policies: ALLOWED,
      rounds: () => [[no(3), meta(2), no(0), meta(-1), no(-2147483648), meta(2147483647)]],
    },
    {
      name: 'a reply with another id',
      policies: ALLOWED,
      closes: /unexpected_reply/,
      notReal: 'no broker does that',
      badReplies: true,
      answers: (api) => (api === 'Metadata' ? reply(99) : undefined),
      rounds: () => [[{ ...meta(5), codes: null }]],
    },
    {
      name: 'replies in another order',
      policies: ALLOWED,
      closes: /unexpected_reply/,
      notReal: 'no broker does that',
      badReplies: true,
      answers: (api, _, count) => (api === 'Metadata' && count === 1 ? reply(6) : undefined),
      rounds: () => [
        [
          { ...meta(5), codes: null },
          { ...meta(6), codes: null },
        ],
      ],
    },
    {
      name: 'the answer to a stand-in with another id',
      policies: ALLOWED,
      closes: /unexpected_reply/,
      notReal: 'no broker does that',
      badReplies: true,
      answers: (api) => (api === 'ApiVersions' ? reply(99) : undefined),
      rounds: () => [[{ ...no(5), codes: null }]],
      denied: 0,
    },
    {
      name: 'nothing behind a close',
      policies: ALLOWED,
      closes: /^denied/,
      rounds: () => [[meta(1)], [ends(Buffer.concat([produce0(), meta(2).bytes]))]],
    },
  ],
};

function produce0(): Buffer {
  return denied('Produce', 9, produceTo(['forbidden'], { acks: 0 }), []).bytes;
}
