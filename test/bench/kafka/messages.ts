import type { Fields } from '../../support/kafka-broker/codec.ts';
import { recordBatch, requestFrame, responseFrame } from '../../support/kafka-wire.ts';

/**
 * Frames of the benchmark, made once: only their correlation ids change afterwards. Layout (Kafka's protocol guide): int32
 * size of what follows; a request goes on with int16 API, int16 version and int32 correlation id, a reply with the latter.
 */
export const SIZE_BYTES = 4;
export const REQUEST_CORRELATION_AT = 8;
export const REPLY_CORRELATION_AT = 4;

const TOPIC = 'orders';
/** The batch of the large loads: a thousand records of a kilobyte. */
const LARGE_RECORDS = 1000;
const PARTITIONS = 10_000;
const PARTITIONS_A_TOPIC = 10;

const request = (api: string, version: number, fields: Fields): Buffer =>
  requestFrame(api, version, fields, { clientId: 'bench' });
const reply = (api: string, version: number, fields: Fields): Buffer => responseFrame(api, version, 0, fields);

const records = (count: number, bytes: number): Buffer =>
  recordBatch({
    records: Array.from({ length: count }, (_, n) => ({ key: `order-${n}`, value: Buffer.alloc(bytes, 'x') })),
  });

export const SMALL_BATCH = records(1, 100);
const LARGE_BATCH = records(LARGE_RECORDS, 1000);
/** What a request or reply with the large batch moves. */
export const LARGE_BYTES = LARGE_BATCH.length;

const produce = (batch: Buffer): Buffer =>
  request('Produce', 9, {
    acks: 1,
    timeoutMs: 30_000,
    topicData: [{ name: TOPIC, partitionData: [{ index: 0, records: batch }] }],
  });

export const REQUESTS = {
  apiVersions: () => request('ApiVersions', 3, { clientSoftwareName: 'bench', clientSoftwareVersion: '1' }),
  produce: () => produce(SMALL_BATCH),
  'produce-1mb': () => produce(LARGE_BATCH),
  'fetch-1mb': () =>
    request('Fetch', 12, {
      maxWaitMs: 500,
      minBytes: 1,
      topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 2_000_000 }] }],
    }),
  metadata: () => request('Metadata', 9, { topics: null }),
} as const satisfies Record<string, () => Buffer>;

/** What is answered, by the key of the API; `port` is where the brokers are said to be. */
export const replies = (port: number): ReadonlyMap<number, Buffer> =>
  new Map(
    [
      [0, produced],
      [1, fetched],
      [3, metadata],
      [18, apiVersions],
    ].map(([key, make]) => [key as number, (make as (port: number) => Buffer)(port)]),
  );

const produced = (): Buffer =>
  reply('Produce', 9, {
    responses: [{ name: TOPIC, partitionResponses: [{ index: 0, baseOffset: 4711n, logStartOffset: 0n }] }],
  });

const fetched = (): Buffer =>
  reply('Fetch', 12, {
    responses: [
      {
        topic: TOPIC,
        partitions: [
          { partitionIndex: 0, highWatermark: 1_000_000n, lastStableOffset: 1_000_000n, records: LARGE_BATCH },
        ],
      },
    ],
  });

const apiVersions = (): Buffer =>
  reply('ApiVersions', 3, {
    apiKeys: [
      [0, 3, 9],
      [1, 4, 15],
      [3, 0, 12],
      [18, 0, 3],
    ].map(([apiKey = 0, minVersion = 0, maxVersion = 0]) => ({ apiKey, minVersion, maxVersion })),
  });

/** Three brokers; a thousand topics of ten partitions, each in three copies. */
const metadata = (port: number): Buffer =>
  reply('Metadata', 9, {
    clusterId: 'bench',
    controllerId: 1,
    brokers: [1, 2, 3].map((nodeId) => ({ nodeId, host: '127.0.0.1', port: port + nodeId - 1 })),
    topics: Array.from({ length: PARTITIONS / PARTITIONS_A_TOPIC }, (_, topic) => ({
      name: `shop.orders.${topic}`,
      partitions: Array.from({ length: PARTITIONS_A_TOPIC }, (_, partitionIndex) => ({
        partitionIndex,
        leaderId: 1 + ((topic + partitionIndex) % 3),
        leaderEpoch: 5,
        replicaNodes: [1, 2, 3],
        isrNodes: [1, 2, 3],
      })),
    })),
  });
