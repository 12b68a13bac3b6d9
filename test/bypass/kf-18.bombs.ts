import { ALLOWED, batch, denied, type KafkaRow, passes, produceTo, TOPIC_DENIED } from './support/kafka.ts';

/** A zstd frame of one block that repeats a byte 128 KiB times, many times over. */
const BOMB = Buffer.concat([
  Buffer.from('28b52ffd0058', 'hex'),
  ...Array.from({ length: 200 }, () => Buffer.from([0x02, 0x00, 0x10, 0x41])),
  Buffer.from([0x03, 0x00, 0x10, 0x41]),
]);
const compressed = (codec: number, body = BOMB): Buffer => {
  const records = Buffer.concat([batch(1).subarray(0, 61), body]);
  records.writeInt32BE(records.length - 12, 8);
  records.writeInt16BE(codec, 21);
  return records;
};
/** Message format 1: a wrapper of compressed messages, which may wrap others. */
const wrapped = (depth: number): Buffer => {
  let value: Buffer = Buffer.alloc(8, 1);
  for (let i = 0; i < depth; i++) {
    const head = Buffer.alloc(34);
    head.writeInt32BE(22 + value.length, 8);
    head[16] = 1;
    head[17] = 1;
    head.writeInt32BE(-1, 26);
    head.writeInt32BE(value.length, 30);
    value = Buffer.concat([head, value]);
  }
  return value;
};
const notReal = 'the strict broker looks into records';

export const row: KafkaRow = {
  id: 'KF-18',
  title: 'bombs',
  rules: ['R10', 'R12'],
  cases: [
    {
      name: 'compressed records pass unopened, each codec',
      policies: ALLOWED,
      notReal,
      rounds: () => [
        [1, 2, 3, 4, 5, 7].map((codec) => passes('Produce', 9, produceTo(['orders'], {}, compressed(codec)))),
        [1, 4, 7].map((codec) => denied('Produce', 9, produceTo(['forbidden'], {}, compressed(codec)), TOPIC_DENIED)),
      ],
    },
    {
      name: 'and where trace contexts are looked for',
      policies: ALLOWED,
      options: { decompress: true },
      notReal,
      rounds: () => [
        [1, 2, 3, 4].map((codec) => passes('Produce', 9, produceTo(['orders'], {}, compressed(codec)))),
        [denied('Produce', 9, produceTo(['forbidden'], {}, compressed(4)), TOPIC_DENIED)],
      ],
    },
    {
      name: 'message sets in message sets',
      policies: ALLOWED,
      notReal,
      rounds: () => [
        [
          denied('Produce', 2, produceTo(['forbidden'], {}, wrapped(30)), TOPIC_DENIED),
          passes('Produce', 2, produceTo(['orders'], {}, wrapped(30))),
        ],
      ],
    },
    {
      name: 'records whose lengths lie',
      policies: ALLOWED,
      notReal,
      rounds: () => [
        [
          denied('Produce', 9, produceTo(['forbidden'], {}, Buffer.alloc(70, 0xff)), TOPIC_DENIED),
          passes('Produce', 9, produceTo(['orders'], {}, Buffer.alloc(70, 0xff))),
        ],
      ],
    },
  ],
};
