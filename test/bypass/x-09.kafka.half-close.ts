import { ALLOWED, frameOf, type KafkaRow, metadataOf, passes, produceTo, waits } from './support/kafka.ts';

const first = () => passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }));

/** Every case ends with the client's FIN: what was not whole then never leaves. */
export const row: KafkaRow = {
  id: 'X-09',
  title: 'half close',
  rules: ['R1'],
  cases: [
    ...[4, 8, 30].map((left) => ({
      name: `the last ${left} bytes of an allowed request never come`,
      policies: ALLOWED,
      denied: 0,
      rounds: () => {
        const frame = frameOf('Produce', 9, produceTo(['orders']));
        return [[first()], [waits(frame.subarray(0, frame.length - left))]];
      },
    })),
    {
      name: 'nor does the first half of a denied one',
      policies: ALLOWED,
      denied: 0,
      rounds: () => {
        const frame = frameOf('Produce', 9, produceTo(['forbidden']));
        return [[first()], [waits(frame.subarray(0, frame.length >> 1))]];
      },
    },
    {
      name: 'a size alone',
      policies: ALLOWED,
      denied: 0,
      rounds: () => [[first()], [waits(frameOf('Produce', 9, produceTo(['orders'])).subarray(0, 4))]],
    },
  ],
};
