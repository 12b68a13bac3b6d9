import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** kafkajs' own encoders, which it does not export. */
interface Encoded {
  buffer: Buffer;
}
const RecordBatch = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (options: object) => Promise<Encoded>;
};
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (options: object) => Encoded;
const MessageSet = require('kafkajs/src/protocol/messageSet') as (options: object) => Encoded;

const CODECS = { none: 0, gzip: 1 } as const;

/** A batch of `count` records; the first has a header `traceparent`. */
export async function kafkajsBatch(count: number, codec: keyof typeof CODECS, traceparent: string): Promise<Buffer> {
  const records = Array.from({ length: count }, (_, i) =>
    Record({
      offsetDelta: i,
      timestampDelta: i,
      key: `key ${i}`,
      value: `value ${i}`,
      headers: i === 0 ? { other: 'x', traceparent } : {},
    }),
  );
  const batch = await RecordBatch.RecordBatch({
    compression: CODECS[codec],
    lastOffsetDelta: count - 1,
    records,
  });
  return batch.buffer;
}

/** A message set of the formats before record batches. */
export async function kafkajsMessageSet(count: number, messageVersion: 0 | 1): Promise<Buffer> {
  const entries = Array.from({ length: count }, (_, i) => ({
    key: `key ${i}`,
    value: `value ${i}`,
    timestamp: 1000 + i,
  }));
  return MessageSet({ messageVersion, compression: 0, entries }).buffer;
}
