import { ALLOWED, ends, frameOf, type KafkaRow, metadataOf, passes, produceTo, withTail } from './support/kafka.ts';

const FRAMES = {
  Metadata: frameOf('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false })),
  'Metadata with tags': frameOf('Metadata', 9, metadataOf(['orders'], { allowAutoTopicCreation: false })),
  Produce: frameOf('Produce', 9, produceTo(['orders'])),
};

export const row: KafkaRow = {
  id: 'X-04',
  title: 'trailing bytes',
  rules: ['R3', 'R6'],
  cases: Object.entries(FRAMES).flatMap(([name, frame]) =>
    [1, 2, 4, 8].map((count) => ({
      name: `${count} behind the last field of ${name}`,
      policies: ALLOWED,
      closes: /^denied:sluice\.unreadable/,
      rounds: () => [[passes('ApiVersions', 0)], [ends(withTail(frame, Buffer.alloc(count)))]],
    })),
  ),
};
