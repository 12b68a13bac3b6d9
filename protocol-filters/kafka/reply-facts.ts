import type { Conversation } from './conversation.ts';
import type { Group, Request, Topic, Touch } from './request.ts';
import { ApiKey } from './schema/api.ts';

/** IsolationLevel of Fetch and ListOffsets. */
const READ_COMMITTED = 1;

/** What a reply says of the partition that is being read. -1: nothing. */
export class PartitionFacts {
  index = -1;
  error = 0;
  hasRecords = false;
  highWatermark = -1;
  lastStableOffset = -1;
  offset = -1;
  committedOffset = -1;
  baseOffset = -1;
  /** Of the first batch, and of the last whole one. */
  firstOffset = -1;
  lastOffset = -1;

  clear(): void {
    this.index = this.highWatermark = this.offset = this.committedOffset = this.baseOffset = -1;
    this.lastStableOffset = this.firstOffset = this.lastOffset = -1;
    this.error = 0;
    this.hasRecords = false;
  }
}

/** What a reply says of none of its topics. */
export class ReplyFacts {
  /** Of a Fetch: whether it holds records, and whether some partition has more to give. */
  hasRecords = false;
  isBehind = false;
  /** Some of its records were there when this connection last fetched. */
  hasOld = false;
  /** The fetch session that it belongs to from here on; 0: none. */
  sessionId = 0;
  generation = -1;
  members = 0;
  /** Named last. */
  group: Group | null = null;

  clear(group: Group | null): void {
    this.hasRecords = this.isBehind = this.hasOld = false;
    this.sessionId = this.members = 0;
    this.generation = -1;
    this.group = group;
  }
}

/**
 * What becomes of a partition at its end. `touch`: of its topic, where the request asked for it. `near`: how many partitions of
 * the topic came before, as brokers answer in the order of the question.
 */
export function afterPartition(
  { bound: { stats, ends }, fetchEnds }: Conversation,
  r: Request,
  topic: Topic,
  touch: Touch | null,
  p: PartitionFacts,
  near: number,
  facts: ReplyFacts,
): void {
  const isFine = p.error === 0;
  switch (r.apiKey) {
    case ApiKey.produce:
      if (touch !== null) afterProduced(touch, p, near);
      if (touch === null || !isFine || p.baseOffset < 0) return;
      stats.producedTo(topic, p.index, p.baseOffset + recordsOf(touch, p.index, near));
      return;
    case ApiKey.fetch:
      if (p.hasRecords || !isFine) touch?.addPartition(p.index);
      if (!isFine) return;
      if (p.highWatermark >= 0) {
        stats.highWatermark(topic, p.index, p.highWatermark);
        ends.swap(topic, p.index, p.highWatermark);
        // Who reads committed records alone has read all there is where the oldest open transaction begins.
        const isCommitted = r.isolation === READ_COMMITTED && p.lastStableOffset >= 0;
        const end = isCommitted ? p.lastStableOffset : p.highWatermark;
        const before = fetchEnds.swap(topic, p.index, end);
        if (p.hasRecords && p.firstOffset < before) facts.hasOld = true;
        if (p.lastOffset >= 0 && p.lastOffset + 1 < end) facts.isBehind = true;
      }
      return;
    case ApiKey.listOffsets:
      // Of what was asked only the latest offset was kept; of committed records alone it is no high watermark.
      if (isFine && p.offset >= 0 && r.isolation === 0 && touch !== null && touch.find(p.index, near) >= 0) {
        stats.highWatermark(topic, p.index, p.offset);
        ends.swap(topic, p.index, p.offset);
      }
      return;
    case ApiKey.offsetCommit:
    case ApiKey.txnOffsetCommit: {
      const part = isFine && touch !== null ? touch.find(p.index, near) : -1;
      if (part >= 0 && r.group !== null) stats.committed(r.group, topic, p.index, touch!.part(part, 1));
      return;
    }
    case ApiKey.offsetFetch:
      if (isFine && facts.group !== null && p.committedOffset >= 0)
        stats.offsetFetched(facts.group, topic, p.index, p.committedOffset);
      return;
    default:
      return;
  }
}

/** What of a Produce the broker did not take. */
function afterProduced(touch: Touch, p: PartitionFacts, near: number): void {
  if (p.error === 0) return;
  const part = touch.find(p.index, near);
  if (part < 0) return;
  touch.refusedRecords += touch.part(part, 1);
  touch.refusedBytes += touch.part(part, 2);
  touch.refusedBatches += touch.part(part, 3);
}

function recordsOf(touch: Touch, partition: number, near: number): number {
  const part = touch.find(partition, near);
  return part < 0 ? 0 : touch.part(part, 1);
}
