import { api, type Call } from './call.ts';
import { codeOf } from './errors.ts';
import type { PartitionLog } from './log.ts';
import { type Batch, recordsOf } from './records.ts';

interface ListOffsetsRequest {
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly timestamp: bigint }[];
  }[];
}

interface LeaderEpochRequest {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly leaderEpoch: number }[];
  }[];
}

const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;

/** Of the first record at or after the time; the batch's own where its records are packed as no part of Node unpacks. */
function atTime(batch: Batch, timestamp: number): { offset: number; timestamp: number } {
  const record = recordsOf(batch)?.find(({ timestampDelta }) => batch.baseTimestamp + timestampDelta >= timestamp);
  if (record === undefined) return { offset: batch.baseOffset, timestamp: batch.maxTimestamp };
  return { offset: batch.baseOffset + record.offsetDelta, timestamp: batch.baseTimestamp + record.timestampDelta };
}

function offsetAt(log: PartitionLog, wanted: number, committed: boolean): { offset: number; timestamp: number } {
  if (wanted === LATEST) return { offset: committed ? log.stable : log.high, timestamp: -1 };
  if (wanted === EARLIEST || wanted === EARLIEST_LOCAL) return { offset: log.start, timestamp: -1 };
  if (wanted === MAX_TIMESTAMP) {
    const newest = Math.max(...log.batches.map(({ maxTimestamp }) => maxTimestamp));
    const batch = log.batches.find(({ maxTimestamp }) => maxTimestamp === newest);
    return batch === undefined ? { offset: -1, timestamp: -1 } : atTime(batch, newest);
  }
  const batch = log.batches.find(({ maxTimestamp, control }) => !control && maxTimestamp >= wanted);
  return batch === undefined ? { offset: -1, timestamp: -1 } : atTime(batch, wanted);
}

/** The log, if this broker leads it; else the error's code. */
export function ledBy(call: Call, topic: string, partition: number): PartitionLog | number {
  const forced = call.forced(topic);
  if (forced !== 0) return forced;
  const log = call.cluster.partition(topic, partition);
  if (log === undefined) return codeOf('UNKNOWN_TOPIC_OR_PARTITION');
  return log.leader === call.broker.id ? log : codeOf('NOT_LEADER_OR_FOLLOWER');
}

export const offsetsApis = {
  ListOffsets: api<ListOffsetsRequest>(
    [0, 9],
    ({ topics, isolationLevel }, call) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const log = ledBy(call, name, partitionIndex);
          if (typeof log === 'number') return { partitionIndex, errorCode: log };
          const found = offsetAt(log, Number(timestamp), isolationLevel === 1);
          const offset = BigInt(found.offset);
          return {
            partitionIndex,
            offset,
            timestamp: BigInt(found.timestamp),
            leaderEpoch: log.leaderEpoch,
            oldStyleOffsets: found.offset < 0 ? [] : [offset],
          };
        }),
      })),
    }),
    true,
  ),

  OffsetForLeaderEpoch: api<LeaderEpochRequest>(
    [2, 4],
    ({ topics }, call) => ({
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => {
          const log = ledBy(call, topic, partition);
          return typeof log === 'number'
            ? { partition, errorCode: log }
            : { partition, leaderEpoch: log.leaderEpoch, endOffset: BigInt(log.high) };
        }),
      })),
    }),
    true,
  ),

  DeleteRecords: api<{
    readonly topics: readonly {
      readonly name: string;
      readonly partitions: readonly { readonly partitionIndex: number; readonly offset: bigint }[];
    }[];
  }>(
    [0, 2],
    ({ topics }, call) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, offset }) => {
          const log = ledBy(call, name, partitionIndex);
          if (typeof log === 'number') return { partitionIndex, lowWatermark: -1n, errorCode: log };
          const upTo = offset === -1n ? log.high : Number(offset);
          if (upTo > log.high) return { partitionIndex, lowWatermark: -1n, errorCode: codeOf('OFFSET_OUT_OF_RANGE') };
          log.dropUpTo(Math.max(upTo, log.start));
          return { partitionIndex, lowWatermark: BigInt(log.start) };
        }),
      })),
    }),
    true,
  ),
};
