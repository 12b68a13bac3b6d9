import {
  ALLOWED,
  ends,
  frameOf,
  type KafkaCase,
  type KafkaRow,
  metadataOf,
  passes,
  withSize,
} from './support/kafka.ts';

const frame = frameOf('Metadata', 4, metadataOf(['orders'], { allowAutoTopicCreation: false }));
const first = passes('ApiVersions', 0);
const size = (value: number, isFirst: boolean): KafkaCase => ({
  name: `${value}${isFirst ? ', at once' : ''}`,
  policies: ALLOWED,
  closes: /opaque/,
  denied: 0,
  rounds: () => [...(isFirst ? [] : [[first]]), [ends(withSize(frame, value | 0))]],
});

export const row: KafkaRow = {
  id: 'KF-19',
  title: 'sizes',
  rules: ['R3', 'R12'],
  cases: [-1, -0x8000_0000, 0, 1, 3, 7, 0x7fff_ffff, 104_857_601].flatMap((value) => [
    size(value, true),
    size(value, false),
  ]),
};
