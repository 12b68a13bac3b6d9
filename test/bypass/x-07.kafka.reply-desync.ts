import {
  ALLOWED,
  type Answer,
  denied,
  type KafkaCase,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const meta = (id: number): Said =>
  passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }), { id, codes: null });
const no = (id: number): Said => denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED, { id, codes: null });
const reply = (id: number, size = 8): Buffer => {
  const frame = Buffer.alloc(12);
  frame.writeInt32BE(size);
  frame.writeInt32BE(id, 4);
  return frame;
};
const hostile = (
  name: string,
  said: readonly Said[],
  answer: (api: string) => Answer | undefined,
  more: Partial<KafkaCase> = {},
): KafkaCase => ({
  name,
  policies: ALLOWED,
  notReal: 'no broker does that',
  badReplies: true,
  closes: /opaque/,
  answers: answer,
  rounds: () => [said],
  ...more,
});
const toStandIn =
  (...frames: readonly Buffer[]) =>
  (api: string): Answer | undefined =>
    api === 'ApiVersions' ? Buffer.concat(frames) : undefined;
const tiny = Buffer.from([0, 0, 0, 2, 0, 0]);

export const row: KafkaRow = {
  id: 'X-07',
  title: 'reply desync',
  rules: ['R3', 'R9'],
  cases: [
    hostile('two replies to one request', [meta(1)], (api) =>
      api === 'Metadata' ? Buffer.concat([reply(1), reply(1)]) : undefined,
    ),
    hostile('two replies to a stand-in', [no(1)], toStandIn(reply(1), reply(1))),
    hostile('the reply to a stand-in is that to another', [no(1), meta(2)], toStandIn(reply(2)), { denied: 0 }),
    hostile('a frame that is no reply', [no(1)], toStandIn(tiny), { denied: 0 }),
    hostile('a negative size in the place of the error', [no(1)], toStandIn(reply(1, -5)), { denied: 0 }),
    hostile('a reply above all bounds', [no(1)], toStandIn(reply(1, 0x7fff_ffff)), { denied: 0 }),
    {
      name: 'the reply to a stand-in may say what it likes: the error stands in its place',
      policies: ALLOWED,
      notReal: 'no broker does that',
      answers: toStandIn(reply(1)),
      rounds: () => [[{ ...no(1), codes: TOPIC_DENIED }]],
    },
  ],
};
