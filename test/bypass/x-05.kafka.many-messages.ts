import { seeded } from '../../src/net/simulated.ts';
import {
  ALLOWED,
  denied,
  FORBIDDEN,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const metadata = (): Said => passes('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }));
const good = (): Said => passes('Produce', 9, produceTo(['orders']));
const bad = (): Said => denied('Produce', 9, produceTo(['forbidden']), TOPIC_DENIED);
function mix(count: number, seed: number): Said[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => [metadata, good, bad][Math.floor(random() * 3)]!());
}

export const row: KafkaRow = {
  id: 'X-05',
  title: 'many messages',
  rules: ['R1', 'R2', 'R9'],
  cases: [
    ...[0, 1, 2, 3, 4].map((place) => ({
      name: `the message at place ${place} of five is denied`,
      policies: ALLOWED,
      rounds: () => [Array.from({ length: 5 }, (_, i) => (i === place ? bad() : i % 2 === 0 ? metadata() : good()))],
    })),
    { name: 'all are denied', policies: ALLOWED, rounds: () => [Array.from({ length: 6 }, bad)] },
    { name: 'a thousand in one write, mixed', policies: ALLOWED, rounds: () => [mix(1000, 5)] },
    { name: 'a thousand in one write, by a deny alone', policies: FORBIDDEN, rounds: () => [mix(1000, 6)] },
    { name: 'some, then some, then some', policies: ALLOWED, rounds: () => [mix(5, 7), mix(5, 8), mix(5, 9)] },
  ],
};
