import { rawRequest } from '../support/kafka-wire.ts';
import {
  ALLOWED,
  ends,
  FORBIDDEN,
  frameOf,
  type KafkaCase,
  type KafkaRow,
  metadataOf,
  passes,
} from './support/kafka.ts';

const first = passes('ApiVersions', 0);
const lies = (name: string, key: number, version: number, body: Buffer, headerVersion: 1 | 2 = 1): KafkaCase => ({
  name,
  policies: ALLOWED,
  closes: /^denied:sluice\.unreadable/,
  rounds: () => [[first], [ends(rawRequest(key, version, body, { correlationId: 4, headerVersion }))]],
});
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const pad = Buffer.alloc(60);

export const row: KafkaRow = {
  id: 'KF-03',
  title: 'amplification',
  rules: ['R3', 'R12'],
  cases: [
    lies('2^31-1 topics in a hundred bytes', 3, 1, Buffer.concat([int32(0x7fff_ffff), pad])),
    lies('2^24 topics in a hundred bytes', 3, 4, Buffer.concat([int32(1 << 24), pad])),
    lies('a compact count of 2^32-2', 3, 9, Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), pad]), 2),
    lies('2^31 tagged fields', 3, 9, Buffer.concat([Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x07]), pad]), 2),
    lies('a varint of six bytes', 3, 9, Buffer.concat([Buffer.from([0x82, 0x80, 0x80, 0x80, 0x80, 0x00]), pad]), 2),
    lies('a varint longer than it must be', 3, 9, Buffer.from([0x81, 0x00, 0, 0, 0, 0]), 2),
    lies('groups without end', 15, 0, Buffer.concat([int32(0x7fff_ffff), pad])),
    lies(
      'partitions without end',
      2,
      1,
      Buffer.concat([int32(-1), int32(1), Buffer.from([0, 1, 0x61]), int32(1 << 28), pad]),
    ),
    {
      name: 'more names than can be judged while others wait',
      policies: FORBIDDEN,
      closes: /^denied:sluice\.unreadable/,
      notReal: 'nothing of it leaves',
      rounds: () => [[ends(frameOf('Metadata', 4, metadataOf(names(70_000), { allowAutoTopicCreation: false })))]],
    },
    {
      name: 'a denied request whose error would name it all again',
      policies: FORBIDDEN,
      closes: /^denied:no/,
      notReal: 'nothing of it leaves',
      rounds: () => [
        [
          ends(
            frameOf('ElectLeaders', 2, {
              electionType: 0,
              topicPartitions: [{ topic: 'forbidden', partitions: Array.from({ length: 600_000 }, (_, i) => i) }],
              timeoutMs: 1,
            }),
          ),
        ],
      ],
    },
  ],
};

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `t${i}`);
}
