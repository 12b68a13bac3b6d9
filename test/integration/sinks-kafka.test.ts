import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KafkaSinkConfig } from '../../src/config/snapshot.ts';
import type { EventBatch } from '../../src/events/event-batch.ts';
import { kafkaSink } from '../../src/sinks/kafka/kafka-sink.ts';
import type { Parcel, Sink, SinkEnv } from '../../src/sinks/sink.ts';
import { BatchSource, parcelOf } from '../support/event-batches.ts';
import { factsSocketIn, startGenerator } from '../support/event-generator-report.ts';
import { freePort } from '../support/free-port.ts';
import { KafkaCode, type KafkaMock, kafkaMockMissing, startKafkaMock } from '../support/kafka-mock.ts';
import { memoryTmp } from '../support/memory-folder.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { runSluice } from '../support/run-sluice.ts';

const TOPIC = 'sluice.exchanges';
const ENV: SinkEnv = {
  identity: { instance: 'one', version: '0', host: 'h', node: { id: '', cluster: '' } },
  log: () => {},
  random: () => 0,
  environment: {},
};
const never = new AbortController().signal;
const SECRET = 'hunter2-not-to-be-seen';

const missing = kafkaMockMissing();
let kafka: KafkaMock;
const closers: (() => Promise<unknown>)[] = [];

const configOf = (change: Partial<KafkaSinkConfig> = {}): KafkaSinkConfig => ({
  type: 'kafka',
  name: 'k',
  queueBytes: 2 ** 25,
  spoolBytes: 0,
  timeoutMs: 60_000,
  brokers: kafka?.brokers ?? ['127.0.0.1:1'],
  topic: TOPIC,
  clientId: 'sluice',
  acks: 'all',
  compression: 'gzip',
  tls: false,
  sasl: null,
  ...change,
});

function sinkOf(change: Partial<KafkaSinkConfig> = {}): Sink {
  const sink = kafkaSink(configOf(change), ENV);
  closers.push(() => sink.close());
  return sink;
}

/** A message. */
interface Got {
  readonly key: string;
  readonly partition: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

type Row = Readonly<Record<string, unknown>>;

const gotOf = (key: string, partition: number, headers: Readonly<Record<string, string>>, value: string): Got => ({
  key,
  partition,
  headers,
  rows: value
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line)),
});

const exchangesIn = (got: readonly Got[]): Row[] =>
  got.flatMap(({ rows }) => rows.filter(({ event }) => event === 'exchange'));

/** Everything that the topic has, by kcat. */
function readAll(kcat: string): Got[] {
  const args = ['-C', '-b', kafka.brokers.join(), '-t', TOPIC, '-o', 'beginning', '-e', '-q', '-J'];
  const { stdout, status } = spawnSync(kcat, args, { encoding: 'utf8', timeout: 90_000, maxBuffer: 2 ** 28 });
  expect(status).toBe(0);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { key, partition, headers, payload } = JSON.parse(line);
      const pairs = Array.from({ length: headers.length / 2 }, (_, i) => [headers[2 * i], headers[2 * i + 1]]);
      return gotOf(key, partition, Object.fromEntries(pairs), payload);
    });
}

/** What the topic has and gets, by kafkajs, in a consumer group. */
async function consume(): Promise<Got[]> {
  const got: Got[] = [];
  const client = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = client.consumer({ groupId: 'readers', maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message, partition }) => {
      const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
      got.push(gotOf(String(message.key), partition, Object.fromEntries(headers), String(message.value)));
    },
  });
  closers.push(() => consumer.disconnect());
  return got;
}

/** What names a row for ever. */
const nameOf = (row: Row): string => `${row['origin']}.${row['session_id']}.${row['seq']}`;
const namesIn = (...batches: EventBatch[]): string[] =>
  batches.flatMap((batch) =>
    [...batch.columns.seq].map(
      (seq, i) => `${batch.origin}.${batch.session(batch.columns.session[i]!).session_id}.${seq}`,
    ),
  );

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('brokers', () => {
  beforeEach(async (context) => {
    if (missing) context.skip(missing);
    kafka = await startKafkaMock(TOPIC, 4, 2);
    closers.push(() => kafka.stop());
  });

  const WAYS: readonly [name: string, change: Partial<KafkaSinkConfig>][] = [
    ['acks all, gzip', {}],
    ['acks of the leader, no compression', { acks: 'leader', compression: 'none' }],
    ['no acks', { acks: 'none' }],
  ];
  test("every row arrives once and as it was, in its connection's order, whatever is asked of the brokers", async () => {
    const reader = await consume();
    const HOSTILE = ['a"b\\\n{"event":"exchange"}', '\u2028\0', 'é😀'];
    for (const [n, [name, change]] of WAYS.entries()) {
      const source = new BatchSource({ sessions: 20, digests: 12, origin: n + 1 });
      source.traffic.sessions.forEach((s, i) => {
        s.user = HOSTILE[i % 3]!;
      });
      const batches = [source.batch(1500, { starts: true }), source.batch(1500), source.batch(1500, { ends: true })];
      const sink = sinkOf(change);
      expect(await sink.deliver(parcelOf(`${n}.1`, batches[0]!, batches[1]!), never)).toEqual({ kind: 'delivered' });
      expect(await sink.deliver(parcelOf(`${n}.2`, batches[2]!), never)).toEqual({ kind: 'delivered' });
      const ours = () => reader.filter(({ headers }) => headers['sluice-parcel']!.startsWith(`${n}.`));
      await poll(`all rows: ${name}`, () => ours().flatMap(({ rows }) => rows).length >= 4500 + 40 + 12);
      const got = ours();
      const exchanges = exchangesIn(got);
      expect(exchanges.map(nameOf).sort()).toEqual(namesIn(...batches).sort());
      const sums = (key: string) =>
        exchanges.reduce((sum, row) => sum + (row[key] as number) * (row['weight'] as number), 0);
      expect(sums('request_bytes')).toBe(source.traffic.sums.requestBytes);
      expect(sums('response_bytes')).toBe(source.traffic.sums.replyBytes);
      expect(exchanges.filter((row) => row['error_class'] === 'error')).toHaveLength(source.traffic.sums.errors);
      expect(new Set(exchanges.map((row) => row['user']))).toEqual(new Set(HOSTILE));
      expect(got.filter(({ rows }) => rows[0]!['event'] === 'digest')).toHaveLength(12);
      for (const session of source.traffic.sessions) {
        const mine = got.filter(({ key }) => key === `${n + 1}.${session.id}`);
        expect(new Set(mine.map(({ partition }) => partition)).size).toBe(1);
        const events = mine.flatMap(({ rows }) => rows);
        expect(events[0]!['event']).toBe('session.start');
        expect(events.at(-1)!['event']).toBe('session.end');
        expect(events.slice(1, -1).map((row) => row['seq'])).toEqual(events.slice(1, -1).map((_, i) => i + 1));
      }
      for (const { headers } of got) expect(headers).toMatchObject({ 'content-type': 'application/x-ndjson' });
      const parts = got.map(({ headers }) => `${headers['sluice-parcel']} ${headers['sluice-part']}`);
      expect(new Set(parts).size).toBe(parts.length);
    }
  });

  test('brokers that go and come back: one reason meanwhile, and nothing is lost', async (context) => {
    const kcat = needs(context, 'kcat');
    const source = new BatchSource();
    const sink = sinkOf();
    const batches = [source.batch(500), source.batch(500), source.batch(500)];
    expect(await sink.deliver(parcelOf('p0', batches[0]!), never)).toEqual({ kind: 'delivered' });
    await kafka.down();
    const reasons = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const delivery = await sink.deliver(parcelOf('p1', batches[1]!), never);
      expect(delivery.kind).toBe('later');
      reasons.add(delivery.why!);
    }
    expect([...reasons]).toHaveLength(1);
    expect([...reasons][0]).toMatch(/^(no connection to a broker|a broker closed the connection)/);
    await kafka.up();
    await poll(
      'delivered again',
      async () => (await sink.deliver(parcelOf('p1', batches[1]!), never)).kind === 'delivered',
    );
    expect(await sink.deliver(parcelOf('p2', batches[2]!), never)).toEqual({ kind: 'delivered' });
    expect(new Set(exchangesIn(readAll(kcat)).map(nameOf))).toEqual(new Set(namesIn(...batches)));
  });

  test('the same parcel again carries the same marks, and what was confirmed is not sent again', async (context) => {
    const kcat = needs(context, 'kcat');
    const batch = new BatchSource({ sessions: 40 }).batch(6000);
    const sink = sinkOf();
    // The first requests go through, a later one fails.
    const first = parcelOf('p1', batch);
    const whole = sink.deliver(first, never);
    await kafka.error(KafkaCode.notLeader, 1);
    const delivery = await whole;
    expect(['later', 'delivered']).toContain(delivery.kind);
    await poll('delivered', async () => (await sink.deliver(first, never)).kind === 'delivered');
    const got = readAll(kcat);
    // Whoever drops what it has seen (by parcel and part) counts every row once.
    const seen = new Map(got.map((one) => [`${one.headers['sluice-parcel']} ${one.headers['sluice-part']}`, one]));
    expect(
      exchangesIn([...seen.values()])
        .map(nameOf)
        .sort(),
    ).toEqual(namesIn(batch).sort());
  });

  test('brokers that take less: requests shrink until they fit', async (context) => {
    const kcat = needs(context, 'kcat');
    const batch = new BatchSource({ sessions: 4 }).batch(2000);
    await kafka.stop();
    kafka = await startKafkaMock(TOPIC, 4, 1); // what one of two brokers had taken would be there twice
    const sink = sinkOf();
    await kafka.error(KafkaCode.messageTooLarge, 1);
    expect(await sink.deliver(parcelOf('p1', batch), never)).toEqual({ kind: 'delivered' });
    const got = readAll(kcat);
    expect(exchangesIn(got).map(nameOf).sort()).toEqual(namesIn(batch).sort());
    for (const { rows } of got) expect(JSON.stringify(rows).length).toBeLessThan(200 * 1024);
  });

  test('rows that no size makes small enough are counted as refused', async () => {
    const batch = new BatchSource({ sessions: 1 }).batch(3);
    await kafka.error(KafkaCode.messageTooLarge, 100);
    expect(await sinkOf().deliver(parcelOf('p1', batch), never)).toEqual({
      kind: 'delivered',
      refusedRows: 3,
      why: 'the brokers take no messages of this size',
    });
  });

  test('refused for good, and refused for now', async () => {
    const batch = new BatchSource().batch(10);
    const sink = sinkOf();
    await kafka.error(KafkaCode.invalidRecord, 1);
    expect(await sink.deliver(parcelOf('p1', batch), never)).toMatchObject({ kind: 'refused' });
    await kafka.error(KafkaCode.topicAuthorization, 1);
    expect(await sink.deliver(parcelOf('p1', batch), never)).toEqual({
      kind: 'later',
      why: `the brokers do not allow this user to write to topic ${TOPIC}`,
    });
    expect(await sink.deliver(parcelOf('p1', batch), never)).toEqual({ kind: 'delivered' });
  });

  test('brokers that hang: the signal ends it at once, and the next attempt is a new one', async () => {
    const batch = new BatchSource().batch(10);
    const sink = sinkOf({ timeoutMs: 60_000 });
    expect(await sink.deliver(parcelOf('p0', batch), never)).toEqual({ kind: 'delivered' });
    await kafka.slow(90_000); // longer than this test may take
    const begun = performance.now();
    expect(await sink.deliver(parcelOf('p1', batch), AbortSignal.timeout(300))).toMatchObject({ kind: 'later' });
    expect(performance.now() - begun).toBeLessThan(30_000); // half of its own time limit
    await kafka.slow(0);
    await poll('delivered', async () => (await sink.deliver(parcelOf('p1', batch), never)).kind === 'delivered');
  });

  test('a whole Sluice: brokers fail under load, and every exchange is there, and accounted', async (context) => {
    const kcat = needs(context, 'kcat');
    const home = mkdtempSync(join(memoryTmp(), 'sluice-kafka-run-'));
    closers.push(async () => rmSync(home, { recursive: true, force: true }));
    const config = join(home, 'sluice.yaml');
    writeFileSync(
      config,
      `proxies: [{listen: '127.0.0.1:${await freePort()}', upstream: 'postgres://127.0.0.1:1'}]
sinks: [{type: kafka, brokers: [${kafka.brokers.map((one) => `'${one}'`).join()}], timeout: 2s}]
spool: {path: ${join(home, 'spool')}}
`,
    );
    const sluice = await runSluice({ args: ['-c', config], concurrency: 1, env: { TMPDIR: home } });
    closers.push(() => sluice.stop());
    const generator = startGenerator(factsSocketIn(home)!, { rate: 5000, seconds: 4, turnover: 20 });
    await generator.connected;
    const sinkStats = async (): Promise<Record<string, number>> => {
      const text = await sluice.getText('/stats?filter=sluice.sink.kafka');
      const pairs = [...text.matchAll(/^sluice\.sink\.kafka\.(\w+): (\d+)$/gm)].map((m) => [m[1]!, Number(m[2])]);
      return Object.fromEntries(pairs);
    };
    await poll('something delivered', async () => (await sinkStats())['delivered']! > 0);
    await kafka.down();
    await poll('a failure', async () => (await sinkStats())['failures']! > 0);
    await kafka.up();
    const report = await generator.report;
    expect(report).toMatchObject({ dropped: 0, waiting: 0, sampledOut: 0 });
    await poll('all delivered', async () => (await sinkStats())['delivered'] === report.put.exchanges, {
      withinMs: 60_000,
    });
    const { produced, waiting, spooled, dropped } = await sinkStats();
    expect({ produced, waiting, spooled, dropped }).toEqual({
      produced: report.put.exchanges,
      waiting: 0,
      spooled: 0,
      dropped: 0,
    });
    const rows = new Map(exchangesIn(readAll(kcat)).map((row) => [nameOf(row), row]));
    expect(rows.size).toBe(report.put.exchanges);
    const sum = (of: (row: Row) => number): number => [...rows.values()].reduce((n, row) => n + of(row), 0);
    expect(sum((row) => row['request_bytes'] as number)).toBe(report.put.requestBytes);
    expect(sum((row) => (row['error_class'] === 'error' ? 1 : 0))).toBe(report.put.errors);
  });

  test('one of two brokers in the list is not there', async () => {
    const sink = sinkOf({ brokers: ['127.0.0.1:1', ...kafka.brokers] });
    expect(await sink.deliver(parcelOf('p1', new BatchSource().batch(10)), never)).toEqual({ kind: 'delivered' });
  });
});

describe('what is no broker', () => {
  const HANGS = () => {};
  const cases: readonly [name: string, answer: ((socket: Socket) => void) | null, why: RegExp][] = [
    ['nothing listens', null, /^no connection to a broker: ECONNREFUSED$/],
    ['it hangs', HANGS, /^(a broker did not answer within 700 ms|no connection)/],
    ['it closes', (socket) => socket.end(), /^a broker closed the connection$/],
    ['it resets', (socket) => socket.resetAndDestroy(), /^no connection to a broker: ECONNRESET$/],
    [
      'it speaks HTTP',
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      /^a broker answers with something that is not Kafka$/,
    ],
    ['it declares 2 GiB', (socket) => socket.write(Buffer.from('7fffffff00000000', 'hex')), /not Kafka$/],
    ['it declares less than nothing', (socket) => socket.write(Buffer.from('ffffffff00000000', 'hex')), /not Kafka$/],
    [
      'it declares an answer without a number',
      (socket) => socket.write(Buffer.from('00000002aabb', 'hex')),
      /not Kafka$/,
    ],
    ['it sends noise', (socket) => socket.write(Buffer.from(`0000000e00000000${'ff'.repeat(10)}`, 'hex')), /./],
  ];
  let server: ReturnType<typeof createServer>;
  let answer: ((socket: Socket) => void) | null = null;
  const sockets = new Set<Socket>();
  let port = 0;
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', () => answer?.(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  for (const [name, how, why] of cases) {
    test(`${name}: one reason, in time, and no secret in it`, async () => {
      answer = how;
      const parcel: Parcel = parcelOf('p1', new BatchSource().batch(10));
      const sink = sinkOf({
        brokers: [`127.0.0.1:${how === null ? 1 : port}`],
        timeoutMs: how === HANGS ? 700 : 60_000,
        sasl: { mechanism: 'plain', username: 'ann', password: SECRET },
      });
      const reasons = new Set<string>();
      for (let i = 0; i < 2; i++) {
        const delivery = await sink.deliver(parcel, AbortSignal.timeout(60_000));
        expect(delivery.kind).toBe('later');
        reasons.add(delivery.why!);
        expect(delivery.why).toMatch(why);
        expect(delivery.why).not.toContain(SECRET);
      }
      expect(reasons.size).toBe(1);
    });
  }
});
