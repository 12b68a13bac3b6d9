/**
 * What reading costs: `node protocol-filters/kafka/testing/wire-cost.ts`. Nanoseconds of our own JavaScript a frame, with a
 * sink that keeps nothing.
 */
import { createRecordsBatch } from '@platformatic/kafka';
import { ApiKey } from '../schema/api.ts';
import type { Program } from '../schema/program.ts';
import { programOf } from '../schema/programs.ts';
import { encodeReply, encodeRequest } from '../wire/message-codec.ts';
import { ReplyReader } from '../wire/reply-reader.ts';
import { RequestReader } from '../wire/request-reader.ts';
import type { FieldSink, ReplySink, RequestSink } from '../wire/sinks.ts';

let sum = 0;

class Count implements FieldSink, RequestSink, ReplySink {
  program: Program | null = null;
  number(role: number, value: number): void {
    sum += role + value;
  }
  text(role: number, _buf: Buffer, start: number, end: number): void {
    sum += role + end - start;
  }
  uuid(role: number): void {
    sum += role;
  }
  list(role: number, count: number): void {
    sum += role + count;
  }
  item(role: number): void {
    sum += role;
  }
  itemEnd(role: number): void {
    sum += role;
  }
  records(facts: { records: number }): void {
    sum += facts.records;
  }
  onRequest(): boolean {
    return true;
  }
  onRequestEnd(): void {
    sum++;
  }
  onReply(): Program | null {
    return this.program;
  }
  onReplyEnd(): void {
    sum++;
  }
  onRaw(): void {}
  onFault(): void {
    throw new Error('fault');
  }
}

const batch = (bytes: number): Buffer =>
  createRecordsBatch([{ value: Buffer.alloc(bytes, 'x'), topic: 'orders', partition: 0, timestamp: 1n }], {
    compression: 'none',
  }).buffer;

const produce = (version: number, bytes: number): Buffer =>
  encodeRequest(ApiKey.produce, version, 1, 'billing-producer', {
    acks: 1,
    timeoutMs: 30_000,
    topicData: [{ name: 'orders', partitionData: [{ index: 3, records: batch(bytes) }] }],
  });
const produced = (version: number): Buffer =>
  encodeReply(ApiKey.produce, version, 1, {
    responses: [{ name: 'orders', partitionResponses: [{ index: 3, baseOffset: 77n }] }],
  });
const fetched = (version: number, bytes: number): Buffer =>
  encodeReply(ApiKey.fetch, version, 1, {
    responses: [
      { topic: 'orders', topicId: 'ab'.repeat(16), partitions: [{ highWatermark: 5n, records: batch(bytes) }] },
    ],
  });
const metadata = encodeReply(ApiKey.metadata, 12, 1, {
  brokers: [1, 2, 3].map((nodeId) => ({ nodeId, host: 'broker.example', port: 9092 })),
  topics: Array.from({ length: 1000 }, (_, i) => ({
    name: `topic-${i}`,
    topicId: 'ab'.repeat(16),
    partitions: Array.from({ length: 10 }, (_, partitionIndex) => ({
      partitionIndex,
      leaderId: 1,
      replicaNodes: [1, 2, 3],
      isrNodes: [1, 2, 3],
    })),
  })),
});

const CASES: [string, 'request' | 'reply', Buffer, number, number][] = [
  ['Produce v9, 100 bytes', 'request', produce(9, 100), ApiKey.produce, 9],
  ['Produce v7, 100 bytes', 'request', produce(7, 100), ApiKey.produce, 7],
  ['Produce v9, 1 MB', 'request', produce(9, 1 << 20), ApiKey.produce, 9],
  ['Produce v9 reply', 'reply', produced(9), ApiKey.produce, 9],
  ['Fetch v12 reply, 100 bytes', 'reply', fetched(12, 100), ApiKey.fetch, 12],
  ['Fetch v15 reply, 1 MB', 'reply', fetched(15, 1 << 20), ApiKey.fetch, 15],
  ['Metadata v12 reply, 10,000 partitions', 'reply', metadata, ApiKey.metadata, 12],
];
const CHUNK = 64 * 1024;
const SECONDS = 0.4;

for (const [name, direction, bytes, key, version] of CASES) {
  const sink = new Count();
  sink.program = programOf(key, version, 'response');
  const reader = direction === 'request' ? new RequestReader(sink) : new ReplyReader(sink);
  const once = (): void => {
    for (let at = 0; at < bytes.length; at += CHUNK) reader.push(bytes, at, Math.min(bytes.length, at + CHUNK), 0);
  };
  const warm = performance.now();
  while (performance.now() - warm < 300) once();
  // The best of many slices: what others do on the machine is none of ours.
  let best = Number.POSITIVE_INFINITY;
  const started = performance.now();
  const many = bytes.length > CHUNK ? 2 : 500;
  while (performance.now() - started < SECONDS * 1000) {
    const from = performance.now();
    for (let i = 0; i < many; i++) once();
    best = Math.min(best, (performance.now() - from) / many);
  }
  process.stdout.write(`${name.padEnd(40)} ${bytes.length} bytes: ${(best * 1e6).toFixed(0)} ns\n`);
}
process.stdout.write(`${sum > 0 ? '' : '?'}`);
