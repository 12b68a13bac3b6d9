import { ALLOWED, ends, frameOf, type KafkaRow, metadataOf, passes, waits, withSize } from './support/kafka.ts';

const frame = frameOf('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }));
const first = passes('ApiVersions', 0);

export const row: KafkaRow = {
  id: 'X-02',
  title: 'length bounds',
  rules: ['R3', 'R12'],
  cases: [
    ...[0, 1, 7, 8, 9, -0x8000_0000, -1, 0x7fff_ffff].map((size) => ({
      name: `a length of ${size}`,
      policies: ALLOWED,
      closes: /opaque|unreadable/,
      denied: size === 8 || size === 9 ? 1 : 0,
      rounds: () => [[first], [ends(withSize(frame, size))]],
    })),
    {
      name: 'a length one above: the last byte never comes',
      policies: ALLOWED,
      denied: 0,
      rounds: () => [[first], [waits(withSize(frame, frame.length - 3))]],
    },
    {
      name: 'a length one below',
      policies: ALLOWED,
      closes: /unreadable/,
      rounds: () => [[first], [ends(withSize(frame, frame.length - 5))]],
    },
    {
      name: 'a hundred megabytes that never come take no memory',
      policies: ALLOWED,
      denied: 0,
      rounds: () => [[first], [waits(withSize(frame, 100 << 20))]],
    },
    {
      name: 'who has not logged in may not send much',
      policies: ALLOWED,
      closes: /oversized/,
      denied: 0,
      rounds: () => [
        [first],
        [ends(withSize(frameOf('SaslAuthenticate', 1, { authBytes: Buffer.alloc(20) }), 600_000))],
      ],
    },
  ],
};
