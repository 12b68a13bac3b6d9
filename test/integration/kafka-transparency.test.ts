import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { rssBytes } from '../bench/proc.ts';
import { type HashRelay, startHashRelay } from '../support/hash-relay.ts';
import type { Fields } from '../support/kafka-broker/codec.ts';
import { kafkaJs, kafkaJsMember, kafkaJsSend } from '../support/kafka-clients.ts';
import { kafkaRows, kafkaStats } from '../support/kafka-ledger.ts';
import { done, kcat } from '../support/kafka-programs.ts';
import { strictKafkaStage } from '../support/kafka-stage.ts';
import { KafkaWire, recordBatch } from '../support/kafka-wire.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { rolePids } from '../support/roles.ts';
import { said } from '../support/story.ts';
import { loadTranscript } from '../support/transcript.ts';

const MIB = 1 << 20;
const FIXTURES = new URL('../../protocol-filters/kafka/fixtures/', import.meta.url);

describe('every byte passes as it came', () => {
  let [outer, inner]: [HashRelay?, HashRelay?] = [];
  const stage = strictKafkaStage(
    {
      rewrite: false,
      before: async (port) => {
        outer = await startHashRelay(port);
        return outer;
      },
      between: async (port) => {
        inner = await startHashRelay(port);
        return inner;
      },
    },
    { topics: { orders: 2 } },
  );

  /** The connections that ended since: what was said on each, as its hashes; the same on both sides of Sluice. */
  const passedOn = async (use: () => Promise<unknown>): Promise<{ readonly bytes: number }> => {
    const before = outer!.passed().length;
    await use();
    await poll('all connections have ended', () => outer!.open() === 0 && inner!.open() === 0);
    expect(outer!.passed()).toEqual(inner!.passed());
    expect(outer!.passed().length).toBeGreaterThan(before);
    return { bytes: outer!.passed().reduce((sum, { up, down }) => sum + up + down, 0) };
  };

  test('of kafkajs: records, gzip, a group, an admin', async () => {
    const kafka = kafkaJs(stage.bootstrap);
    const messages = Array.from({ length: 200 }, (_, n) => ({ value: `message ${n}` }));
    const { bytes } = await passedOn(async () => {
      await kafkaJsSend(kafka, [
        { topic: 'orders', messages },
        { topic: 'orders', messages, compression: 1 },
        { topic: 'orders', messages, acks: 0 },
      ]);
      const member = await kafkaJsMember(kafka, 'readers', ['orders']);
      await member.until(600);
      await member.stop();
    });
    expect(bytes).toBeGreaterThan(20_000);
  });

  test('of kcat and of @platformatic/kafka', async (context) => {
    needs(context, 'kcat');
    const { Producer, stringSerializers } = await import('@platformatic/kafka');
    await passedOn(async () => {
      await done(kcat(stage.bootstrap, ['-P', '-t', 'orders', '-z', 'lz4'], 'a\nb\nc\n'));
      await done(kcat(stage.bootstrap, ['-L']));
      const producer = new Producer({
        clientId: 'stream',
        bootstrapBrokers: [...stage.bootstrap],
        serializers: stringSerializers,
      });
      await producer.send({ messages: [{ topic: 'orders', value: 'x' }] });
      await producer.close();
    });
  });

  test('of batches of a megabyte there and back', async () => {
    const records = recordBatch({ records: [{ value: Buffer.alloc(1_000_000, 'megabyte ') }] });
    const produce: Fields = {
      acks: 1,
      timeoutMs: 5000,
      topicData: [{ name: 'orders', partitionData: [{ index: 1, records }] }],
    };
    const partitions = [{ partition: 1, fetchOffset: 0n, partitionMaxBytes: 1 << 23 }];
    const { bytes } = await passedOn(async () => {
      const wire = await KafkaWire.connect(stage.port);
      for (let n = 0; n < 4; n++) await wire.ask('Produce', 9, produce);
      await wire.ask('Fetch', 12, {
        maxBytes: 1 << 24,
        minBytes: 1,
        maxWaitMs: 100,
        topics: [{ topic: 'orders', partitions }],
      });
      wire.close();
    });
    expect(bytes).toBeGreaterThan(8_000_000);
  });

  test('of everything that was ever recorded, said to a broker that understands it or not', async () => {
    const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.transcript'));
    await passedOn(async () => {
      for (const file of files) {
        const wire = await KafkaWire.connect(stage.port);
        wire.raw(said(loadTranscript(new URL(file, FIXTURES)), '>'));
        wire.socket.end();
        await wire.whenClosed();
      }
    });
    expect(files.length).toBeGreaterThan(60);
  });

  test('of noise', async () => {
    await passedOn(async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const wire = await KafkaWire.connect(stage.port);
        wire.raw(Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919 * seed + (i >> 3)) % 251)));
        wire.socket.end();
        await wire.whenClosed();
      }
    });
  });
});

describe('what is large', () => {
  const stage = strictKafkaStage(
    { rewrite: false },
    { topics: { bulk: 1 }, maxMessageBytes: 16 * MIB, verify: 'none', retentionBytes: 64 * MIB },
  );
  let wire: KafkaWire | undefined;
  afterAll(() => wire?.close());

  test('2 MB batches again and again: the worker stays flat, every record is counted', async () => {
    wire = await KafkaWire.connect(stage.port);
    const records = recordBatch({
      records: Array.from({ length: 1000 }, () => ({ value: Buffer.alloc(2_000, 'large ') })),
    });
    const produce: Fields = {
      acks: 1,
      timeoutMs: 5000,
      topicData: [{ name: 'bulk', partitionData: [{ index: 0, records }] }],
    };
    const { workers } = rolePids(stage.sluice.pid);
    let peak = 0;
    const round = async () => {
      await wire!.ask('Produce', 9, produce);
      const [topic] = (
        await wire!.ask('ListOffsets', 5, {
          replicaId: -1,
          topics: [{ name: 'bulk', partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
        })
      )['topics'] as readonly Fields[];
      const [{ offset }] = topic!['partitions'] as readonly [{ readonly offset: bigint }];
      const partitions = [{ partition: 0, fetchOffset: offset - 1000n, partitionMaxBytes: 16 * MIB }];
      await wire!.ask('Fetch', 11, {
        maxBytes: 16 * MIB,
        minBytes: 1,
        maxWaitMs: 100,
        topics: [{ topic: 'bulk', partitions }],
      });
      peak = Math.max(peak, rssBytes(workers[0]!));
    };
    // Before the measurement: buffers grow to their size.
    for (let n = 0; n < 4; n++) await round();
    const before = rssBytes(workers[0]!);
    peak = before;
    for (let n = 0; n < 12; n++) await round();
    expect((peak - before) / MIB).toBeLessThan(24);
    const { sluice } = stage;
    await poll('all is counted', async () => {
      const stats = await kafkaStats(sluice);
      return stats.get('sluice.kafka.kafka.topic.bulk.fetched_records') === 16_000;
    });
    const stats = await kafkaStats(sluice);
    expect(stats.get('sluice.kafka.kafka.topic.bulk.produced_bytes')).toBe(16 * records.length);
    const row = (await kafkaRows(sluice)).find(({ text }) => text === 'Produce bulk');
    expect([row?.calls, row?.rows_affected]).toEqual([16, 16_000]);
  });
});
