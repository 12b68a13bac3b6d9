import { type BatchInit, recordBatch, requestFrame, responseFrame } from '../../../test/support/kafka-wire.ts';

export { rawRequest, sized } from '../../../test/support/kafka-wire.ts';

type Fields = NonNullable<Parameters<typeof requestFrame>[2]>;

/** A request; `id` is its correlation id. */
export const ask = (api: string, version: number, fields: Fields = {}, id = 1, client: string | null = 'app'): Buffer =>
  requestFrame(api, version, fields, { correlationId: id, clientId: client });

/** The reply to it. */
export const reply = (api: string, version: number, fields: Fields = {}, id = 1): Buffer =>
  responseFrame(api, version, id, fields);

/** A batch of so many records. */
export const batch = (count: number, init: Partial<BatchInit> = {}): Buffer =>
  recordBatch({ records: Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}` })), ...init });

/** Produce v9 of batches by topic and partition. */
export const produce = (
  topics: Readonly<Record<string, readonly (Buffer | null)[]>>,
  { id = 1, acks = -1, transactionalId = null as string | null, version = 9, client = 'app' } = {},
): Buffer =>
  ask(
    'Produce',
    version,
    {
      transactionalId,
      acks,
      timeoutMs: 1000,
      topicData: Object.entries(topics).map(([name, batches]) => ({
        name,
        partitionData: batches.map((records, index) => ({ index, records })),
      })),
    },
    id,
    client,
  );

/** Its reply: error codes by topic and partition. */
export const produced = (
  topics: Readonly<Record<string, readonly number[]>>,
  { id = 1, version = 9, baseOffset = 0n, throttleTimeMs = 0 } = {},
): Buffer =>
  reply(
    'Produce',
    version,
    {
      throttleTimeMs,
      responses: Object.entries(topics).map(([name, errors]) => ({
        name,
        partitionResponses: errors.map((errorCode, index) => ({
          index,
          errorCode,
          baseOffset: errorCode === 0 ? baseOffset : -1n,
        })),
      })),
    },
    id,
  );

export interface Fetched {
  readonly partition?: number;
  readonly records?: Buffer | null;
  readonly high?: bigint;
  /** Where the oldest open transaction begins; without one: `high`. */
  readonly stable?: bigint;
  readonly error?: number;
}

/** Fetch v11 without a session, one partition each. */
export const fetch = (
  topics: readonly string[],
  { id = 1, maxWaitMs = 500, sessionId = 0, sessionEpoch = -1, isolationLevel = 0 } = {},
): Buffer =>
  ask(
    'Fetch',
    11,
    {
      replicaId: -1,
      maxWaitMs,
      minBytes: 1,
      maxBytes: 1_000_000,
      isolationLevel,
      sessionId,
      sessionEpoch,
      topics: topics.map((topic) => ({
        topic,
        partitions: [{ partition: 0, fetchOffset: 5n, partitionMaxBytes: 1000 }],
      })),
      forgottenTopicsData: [],
    },
    id,
  );

export const fetched = (
  topics: Readonly<Record<string, readonly Fetched[]>>,
  { id = 1, sessionId = 0, errorCode = 0 } = {},
): Buffer =>
  reply(
    'Fetch',
    11,
    {
      errorCode,
      sessionId,
      responses: Object.entries(topics).map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition = 0, records = null, high = 0n, stable = high, error = 0 }) => ({
          partitionIndex: partition,
          errorCode: error,
          highWatermark: high,
          lastStableOffset: stable,
          logStartOffset: 0n,
          abortedTransactions: null,
          preferredReadReplica: -1,
          records,
        })),
      })),
    },
    id,
  );

export const join = (...frames: readonly Uint8Array[]): Buffer => Buffer.concat(frames);

/** A raw SASL token. */
export function token(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
