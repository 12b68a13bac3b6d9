import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KafkaWire, rawRequest, recordBatch, requestFrame, sized } from '../kafka-wire.ts';
import { poll } from '../poll.ts';
import type { Fields } from './codec.ts';
import { type KafkaCluster, startKafkaBroker } from './index.ts';

const NO_ID = '0'.repeat(32);

let cluster: KafkaCluster;
let wire: KafkaWire;

beforeEach(async () => {
  cluster = await startKafkaBroker({ brokers: 2, topics: { orders: 2 }, autoCreate: false });
  wire = await KafkaWire.connect(cluster.brokers[0]!.port);
});

afterEach(async () => {
  wire.close();
  await cluster.stop();
});

const produce = (records: Buffer | null, { partition = 0, acks = 1, topic = 'orders' } = {}): Fields => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
});

const batch = (...values: string[]): Buffer => recordBatch({ records: values.map((value) => ({ value })) });

/** The only partition of a reply to Produce or Fetch. */
const partitionOf = (reply: Fields): Fields => {
  const [topic] = reply['responses'] as readonly Fields[];
  const [partition] = (topic!['partitionResponses'] ?? topic!['partitions']) as readonly Fields[];
  return partition!;
};

const fetch = (from: number, more: Fields = {}): Fields => ({
  maxWaitMs: 0,
  minBytes: 1,
  sessionEpoch: -1,
  topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: BigInt(from), partitionMaxBytes: 1 << 20 }] }],
  ...more,
});

describe('what closes a connection, and how it is told', () => {
  const metadata = requestFrame('Metadata', 4, { topics: null });
  const flexible = requestFrame('Metadata', 9, { topics: null });
  const cases: [string, Buffer, string][] = [
    ['an API that does not exist', rawRequest(999, 0, Buffer.alloc(0)), 'API 999 (unknown) in version 0'],
    ['an API that brokers do not offer', rawRequest(4, 7, Buffer.alloc(0)), 'API 4 (LeaderAndIsr) in version 7'],
    ['a version that is too new', rawRequest(3, 13, Buffer.alloc(0)), 'API 3 (Metadata) in version 13'],
    ['a version that is gone', rawRequest(0, 2, Buffer.alloc(0)), 'API 0 (Produce) in version 2'],
    ['a size below nothing', Buffer.from('ffffffff', 'hex'), 'a frame of -1 bytes'],
    ['a size above all bounds', Buffer.from('7fffffff', 'hex'), 'a frame of 2147483647 bytes'],
    [
      'bytes behind the end',
      sized(Buffer.concat([metadata.subarray(4), Buffer.from([0])])),
      'Metadata v4: 1 bytes behind the end of Metadata v4',
    ],
    ['a body that ends too soon', sized(metadata.subarray(4, -1)), 'Metadata v4: 1 bytes wanted, 0 left'],
    [
      'a boolean of 2',
      sized(Buffer.concat([metadata.subarray(4, -1), Buffer.from([2])])),
      'Metadata v4: a boolean that is 2',
    ],
    [
      'a count above what follows',
      rawRequest(3, 0, Buffer.from('7fffffff', 'hex')),
      'Metadata v0: a length of 2147483647 with 0 bytes left',
    ],
    [
      'null where there must be something',
      rawRequest(3, 0, Buffer.from('ffffffff', 'hex')),
      'Metadata v0: topics is null in version 0',
    ],
    [
      'a tagged field out of the schema',
      sized(Buffer.concat([flexible.subarray(4, -1), Buffer.from([1, 5, 0])])),
      'Metadata v9: tagged field 5 is not in the schema',
    ],
    [
      'a tagged field in the header',
      requestFrame('Metadata', 9, { topics: null }, { headerTags: { 0: Buffer.from('x') } }),
      'tagged field 0 in the header',
    ],
    [
      'a client id that is no text',
      rawRequest(18, 0, Buffer.from('0001ff', 'hex'), { headerVersion: 0 }),
      'a string that is not UTF-8',
    ],
    ['nothing at all', sized(Buffer.alloc(0)), '2 bytes wanted, 0 left'],
  ];
  for (const [name, bytes, what] of cases) {
    test(name, async () => {
      wire.raw(bytes);
      await wire.whenClosed();
      expect(cluster.faults).toMatchObject([{ broker: 1, what }]);
    });
  }

  test('what was asked before is answered first', async () => {
    wire.raw(Buffer.concat([metadata, rawRequest(999, 0, Buffer.alloc(0))]));
    expect((await wire.next()).correlationId).toBe(1);
    await wire.whenClosed();
  });
});

test('tagged fields that nobody knows are passed over where that is wished', async () => {
  await cluster.stop();
  cluster = await startKafkaBroker({ unknownTags: true });
  wire = await KafkaWire.connect(cluster.brokers[0]!.port);
  const frame = requestFrame('Metadata', 9, { topics: null }, { headerTags: { 7: Buffer.from('new') } });
  wire.raw(sized(Buffer.concat([frame.subarray(4, -1), Buffer.from([1, 5, 1, 0xff])])));
  expect((await wire.next()).correlationId).toBe(1);
  expect(cluster.faults).toEqual([]);
});

test('ApiVersions of a version to come is told which there are, in the first version (KIP-511)', async () => {
  wire.raw(rawRequest(18, 9, Buffer.from('whatever'), { headerVersion: 2, correlationId: 77 }));
  const { correlationId, body } = await wire.next();
  expect(correlationId).toBe(77);
  expect(body.toString('hex')).toBe(['0023', '00000001', '0012', '0000', '0004'].join(''));
  const { apiKeys } = await wire.ask('ApiVersions', 4, { clientSoftwareName: 'wire', clientSoftwareVersion: '1.0' });
  expect(apiKeys).toContainEqual({ apiKey: 1, minVersion: 4, maxVersion: 16 });
  expect(cluster.journal.connections).toMatchObject([
    { software: 'wire 1.0', clientId: 'wire', requests: 2, open: true },
  ]);
});

describe('records', () => {
  const broken = (at: number): Buffer => {
    const bytes = batch('one', 'two');
    bytes[at]! ^= 1;
    return bytes;
  };
  const many = recordBatch({ records: [{ value: 'x'.repeat(1_100_000) }] });
  const cases: [string, Fields, string][] = [
    ['taken', produce(batch('one', 'two')), 'NONE'],
    ['a CRC that is not right', produce(broken(70)), 'CORRUPT_MESSAGE'],
    ['an old message format', produce(broken(16)), 'INVALID_RECORD'],
    ['two batches for one partition', produce(Buffer.concat([batch('one'), batch('two')])), 'INVALID_RECORD'],
    ['no records', produce(null), 'INVALID_RECORD'],
    ['a control batch', produce(recordBatch({ records: [{ value: '' }], control: true })), 'INVALID_RECORD'],
    ['more than a message may have', produce(many), 'MESSAGE_TOO_LARGE'],
    ['a partition that others lead', produce(batch('one'), { partition: 1 }), 'NOT_LEADER_OR_FOLLOWER'],
    ['a topic that is not there', produce(batch('one'), { topic: 'none' }), 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['acks that there are not', produce(batch('one'), { acks: 2 }), 'INVALID_REQUIRED_ACKS'],
    [
      'a transaction that nobody began',
      produce(
        recordBatch({
          records: [{ value: '' }],
          transactional: true,
          producerId: 5,
          producerEpoch: 0,
          baseSequence: 0,
        }),
      ),
      'INVALID_TXN_STATE',
    ],
  ];
  for (const [name, request, error] of cases) {
    test(name, async () => {
      const { errorCode } = partitionOf(await wire.ask('Produce', 8, request));
      const { errors, produced } = cluster.journal;
      if (error === 'NONE') {
        expect(errorCode).toBe(0);
        expect(produced).toEqual({ orders: { wire: { batches: 1, records: 2, bytes: batch('one', 'two').length } } });
      } else expect(errors).toEqual({ Produce: { [error]: 1 } });
    });
  }

  for (const codec of ['none', 'gzip', 'zstd'] as const) {
    test(`a count that lies inside ${codec}`, async () => {
      const sent = recordBatch({ records: [{ value: 'one' }, { value: 'two' }], codec });
      const fewer = recordBatch({ records: [{ value: 'one' }], codec });
      // The header says two, the body has one.
      const lying = Buffer.concat([sent.subarray(0, 61), fewer.subarray(61)]);
      lying.writeInt32BE(lying.length - 12, 8);
      const { crc32c } = await import('./crc32c.ts');
      lying.writeUInt32BE(crc32c(lying, 21), 17);
      expect(partitionOf(await wire.ask('Produce', 8, produce(lying)))).toMatchObject({ errorCode: 87 });
      expect(cluster.faults[0]?.what).toMatch(/^records of orders-0: /);
      expect(cluster.journal.refused['orders']!['wire']!.records).toBe(2);
    });
  }

  test('a repeated batch of an idempotent producer is taken once, one out of its order not at all', async () => {
    const sequence = (baseSequence: number, producerEpoch = 0) =>
      produce(recordBatch({ records: [{ value: 'a' }, { value: 'b' }], producerId: 9, producerEpoch, baseSequence }));
    const offsets: unknown[] = [];
    for (const request of [sequence(0), sequence(2), sequence(2), sequence(6), sequence(0, 1), sequence(4)]) {
      const { errorCode, baseOffset } = partitionOf(await wire.ask('Produce', 8, request));
      offsets.push(errorCode === 0 ? Number(baseOffset) : errorCode);
    }
    expect(offsets).toEqual([0, 2, 2, 45, 4, 47]);
  });

  test('acks=0 has no reply, and an error of it ends the connection', async () => {
    wire.send('Produce', 8, produce(batch('one'), { acks: 0 }));
    expect(await wire.ask('ApiVersions', 0)).toBeDefined();
    expect(cluster.topic('orders')!.partitions[0]!.high).toBe(1n);
    wire.send('Produce', 8, produce(batch('one'), { acks: 0, topic: 'none' }));
    await wire.whenClosed();
  });
});

describe('Fetch', () => {
  test('replies stay in the order of their requests, though one waits', async () => {
    const waits = wire.ask('Fetch', 11, fetch(0, { maxWaitMs: 10_000 }));
    const behind = wire.ask('ApiVersions', 0);
    const other = await KafkaWire.connect(cluster.brokers[0]!.port);
    const sent = batch('one');
    await other.ask('Produce', 8, produce(sent));
    other.close();
    const reply = partitionOf(await waits);
    expect(reply).toMatchObject({ errorCode: 0, highWatermark: 1n });
    // The broker fills in the offset and the leader's epoch; the CRC and all behind it are as they were sent.
    expect((reply['records'] as Buffer).subarray(17)).toEqual(sent.subarray(17));
    await behind;
  });

  test('waits no longer than it may, and answers with nothing', async () => {
    const reply = partitionOf(await wire.ask('Fetch', 12, fetch(0, { maxWaitMs: 20 })));
    expect(reply).toMatchObject({ errorCode: 0, highWatermark: 0n, records: Buffer.alloc(0) });
  });

  test('sessions answer with what is new only (KIP-227)', async () => {
    const open = await wire.ask('Fetch', 11, fetch(0, { sessionEpoch: 0 }));
    const sessionId = open['sessionId'] as number;
    expect(sessionId).toBeGreaterThan(0);
    const none = await wire.ask('Fetch', 11, fetch(0, { sessionId, sessionEpoch: 1, topics: [] }));
    expect(none).toMatchObject({ sessionId, responses: [] });
    await wire.ask('Produce', 8, produce(batch('one')));
    const some = await wire.ask('Fetch', 11, fetch(0, { sessionId, sessionEpoch: 2, topics: [] }));
    expect(partitionOf(some)).toMatchObject({ highWatermark: 1n });
    expect(await wire.ask('Fetch', 11, fetch(0, { sessionId, sessionEpoch: 7, topics: [] }))).toMatchObject({
      errorCode: 71,
    });
    expect(await wire.ask('Fetch', 11, fetch(0, { sessionId: 1, sessionEpoch: 7, topics: [] }))).toMatchObject({
      errorCode: 70,
    });
    const forgottenTopicsData = [{ topic: 'orders', partitions: [0] }];
    const forgotten = await wire.ask(
      'Fetch',
      11,
      fetch(0, { sessionId, sessionEpoch: 3, topics: [], forgottenTopicsData }),
    );
    expect(forgotten['responses']).toEqual([]);
  });

  test('topics by their ids from version 13 on', async () => {
    const { id } = cluster.topic('orders')!;
    const by = (topicId: string): Fields => ({
      ...fetch(0),
      topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 }] }],
    });
    expect(partitionOf(await wire.ask('Fetch', 13, by(id)))).toMatchObject({ errorCode: 0 });
    expect(partitionOf(await wire.ask('Fetch', 13, by('1'.repeat(32))))).toMatchObject({ errorCode: 100 });
    expect(id).not.toBe(NO_ID);
  });

  test('an offset that is not there, a leader that has moved', async () => {
    expect(partitionOf(await wire.ask('Fetch', 11, fetch(5)))).toMatchObject({ errorCode: 1 });
    cluster.moveLeader('orders', 0, 2);
    const moved = await wire.ask('Fetch', 16, {
      ...fetch(0),
      topics: [
        {
          topicId: cluster.topic('orders')!.id,
          partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 }],
        },
      ],
    });
    expect(partitionOf(moved)).toMatchObject({ errorCode: 6, currentLeader: { leaderId: 2, leaderEpoch: 1 } });
    const { host, port } = cluster.brokers[1]!;
    expect(moved['nodeEndpoints']).toMatchObject([{ nodeId: 2, host, port }]);
    expect(cluster.journal.refusals).toEqual({
      Fetch: { 'orders OFFSET_OUT_OF_RANGE': 1, 'orders NOT_LEADER_OR_FOLLOWER': 1 },
    });
  });
});

test('requests cut anywhere and sent at once are counted one by one', async () => {
  const frames = Array.from({ length: 30 }, (_, i) => wire.request('Produce', 8, produce(batch(`value ${i}`))));
  await wire.trickle(Buffer.concat(frames), [1, 2, 3, 5, 1, 64]);
  for (let i = 0; i < 30; i++) expect((await wire.next()).correlationId).toBe(i + 1);
  expect(cluster.journal).toMatchObject({ requests: { 'Produce v8': 30 }, clients: { wire: { Produce: 30 } } });
  expect(cluster.journal.produced['orders']!['wire']).toMatchObject({ batches: 30, records: 30 });
});

describe('what a test may wish', () => {
  test('errors, so many times, for a topic and for a whole request', async () => {
    cluster.failNext('Produce', 'TOPIC_AUTHORIZATION_FAILED', 2, { topic: 'orders' });
    cluster.failNext('Heartbeat', 'COORDINATOR_NOT_AVAILABLE');
    const codes: unknown[] = [];
    for (let i = 0; i < 3; i++)
      codes.push(partitionOf(await wire.ask('Produce', 8, produce(batch('one'))))['errorCode']);
    codes.push((await wire.ask('Heartbeat', 3, { groupId: 'g' }))['errorCode']);
    expect(codes).toEqual([29, 29, 0, 15]);
    expect(cluster.journal.errors).toEqual({
      Produce: { TOPIC_AUTHORIZATION_FAILED: 2 },
      Heartbeat: { COORDINATOR_NOT_AVAILABLE: 1 },
    });
  });

  test('throttling, delay, silence, an API of the future', async () => {
    cluster.throttle('Metadata', 30);
    cluster.delay('Metadata', 20);
    expect(await wire.ask('Metadata', 9, { topics: [] })).toMatchObject({ throttleTimeMs: 30, controllerId: 1 });
    cluster.answerRaw(999, Buffer.from('hello'));
    wire.raw(rawRequest(999, 3, Buffer.from('?'), { correlationId: 5 }));
    expect(await wire.next()).toMatchObject({ correlationId: 5, body: Buffer.from('hello') });
    expect(cluster.journal.requests).toEqual({ 'Metadata v9': 1, 'Api 999 v3': 1 });
    cluster.silence('Metadata', 1);
    const never = wire.ask('Metadata', 1, { topics: [] });
    cluster.drop();
    await expect(never).rejects.toThrow('closed');
    await poll('all are closed', () => cluster.journal.connections.every(({ open }) => !open));
  });

  test('versions that are narrower', async () => {
    await cluster.stop();
    cluster = await startKafkaBroker({ versions: { Fetch: [4, 11] } });
    wire = await KafkaWire.connect(cluster.brokers[0]!.port);
    const { apiKeys } = await wire.ask('ApiVersions', 0);
    expect(apiKeys).toContainEqual({ apiKey: 1, minVersion: 4, maxVersion: 11 });
    wire.send('Fetch', 12, fetch(0));
    await wire.whenClosed();
  });
});
