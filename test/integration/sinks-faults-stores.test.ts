import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { EmbeddedProcess } from '../../src/sinks/clickhouse/embedded-process.ts';
import { embeddedStore, type Store } from '../../src/sinks/clickhouse/store.ts';
import { type ClickhouseHttp, type Fault as HttpFault, startClickhouseHttp } from '../support/clickhouse-http.ts';
import { type FaultRelay, type RelayFault, startFaultRelay } from '../support/fault-relay.ts';
import { type Accounts, FaultStage } from '../support/fault-stage.ts';
import { KafkaCode, type KafkaMock, kafkaMockMissing, startKafkaMock } from '../support/kafka-mock.ts';
import { memoryTmp } from '../support/memory-folder.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import type { LoadReport } from '../support/redis-load.ts';

// ClickHouse and Kafka fail in every way, under traffic: no row is lost, none is in a table or a rollup twice.

const PASSWORD = 'canary-77aa';
const MIB = 2 ** 20;
const RATE = 1500;

interface Fault {
  readonly name: string;
  readonly relay?: RelayFault;
  readonly http?: HttpFault;
  /** The operator's line; null = nothing fails. */
  readonly told: RegExp | null;
  /** The same for the brokers; none = they stay well. */
  readonly brokers?: { fail(kafka: KafkaMock): Promise<void>; mend(kafka: KafkaMock): Promise<void> };
}

const FAULTS: readonly Fault[] = [
  { name: 'slow', relay: { kind: 'slow', ms: 300 }, told: null },
  {
    name: 'down',
    relay: { kind: 'down' },
    told: /connection (refused|reset)/,
    brokers: { fail: (kafka) => kafka.down(), mend: (kafka) => kafka.up() },
  },
  {
    name: 'hanging',
    relay: { kind: 'hang' },
    told: /no answer/,
    brokers: { fail: (kafka) => kafka.slow(60_000), mend: (kafka) => kafka.slow(0) },
  },
  {
    name: '500',
    http: { kind: 'exception', code: 241, text: 'no memory (MEMORY_LIMIT_EXCEEDED)' },
    told: /out of memory/,
  },
  { name: '429', http: { kind: 'status', status: 429, body: 'slow down' }, told: /not one of ClickHouse's/ },
  { name: 'taken, and half an answer', http: { kind: 'half' }, told: /not one of ClickHouse's|connection/ },
  { name: 'taken, and no answer', http: { kind: 'deaf' }, told: /not one of ClickHouse's|connection/ },
];

const TOPIC = 'sluice.exchanges';
const OPTIONS = { queue_bytes: 16 * MIB, spool_bytes: 64 * MIB, timeout: '6s' };
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const stage = new FaultStage();
const history = mkdtempSync(path.join(memoryTmp(), 'sluice-faults-history-'));
const engine = new EmbeddedProcess({ folder: history });
let store: Store;
let http: ClickhouseHttp;
let relay: FaultRelay;
let kafka: KafkaMock | null = null;
let begun: Promise<void> | null = null;
let report: LoadReport;
let end: Accounts;

async function start(): Promise<void> {
  store = embeddedStore(history, engine);
  http = await startClickhouseHttp(engine, 'sluice', PASSWORD);
  relay = await startFaultRelay(Number(new URL(http.url).port));
  if (kafkaMockMissing() === '') kafka = await startKafkaMock(TOPIC, 8);
  const access = { url: `http://127.0.0.1:${relay.port}`, username: 'sluice', password: PASSWORD };
  await stage.start([
    { type: 'clickhouse', name: 'house', ...access, ...OPTIONS },
    ...(kafka === null ? [] : [{ type: 'kafka', name: 'brokers', brokers: kafka.brokers, topic: TOPIC, ...OPTIONS }]),
  ]);
  await stage.load(RATE);
  for (const fault of FAULTS) {
    const failing = ['house', ...(kafka !== null && fault.brokers ? ['brokers'] : [])];
    const each = (what: string, holds: (leg: Readonly<Record<string, number>>) => boolean) =>
      stage.until(`${fault.name}: ${what}`, ({ sinks }) => failing.every((sink) => holds(sinks[sink]!)));
    await each('something is delivered', (leg) => leg['delivered']! > 0);
    await relay.fault(fault.relay ?? null);
    http.fault = fault.http ?? null;
    if (kafka) await fault.brokers?.fail(kafka);
    const { told } = fault;
    if (told === null) await later(1000);
    else {
      await each('it fails', (leg) => leg['healthy'] === 0);
      await each('it is on disk', (leg) => leg['spooled']! > 0);
      // What was under way may have failed in another way before.
      await poll(`${fault.name} is told`, () => stage.lines('sink house fails').some((line) => told.test(line)));
    }
    await relay.fault(null);
    http.fault = null;
    if (kafka) await fault.brokers?.mend(kafka);
    await each('it is healthy', (leg) => leg['healthy'] === 1 && leg['spooled'] === 0);
  }
  await kafka?.error(KafkaCode.notLeader, 2);
  report = await stage.endLoad();
  end = await stage.drained(report.sent);
}

beforeEach(async (context) => {
  needs(context, 'redis');
  begun ??= start();
  await begun;
});
afterAll(async () => {
  await stage.close();
  await relay?.close();
  await http?.close();
  await engine.close();
  await kafka?.stop();
  rmSync(history, { recursive: true, force: true });
});

test('the books balance, and every row is there once, in the table and in each rollup', async () => {
  const { sent, answered, errors } = report;
  expect({ answered, errors }).toEqual({ answered: sent, errors: 0 });
  expect(stage.looks).toBeGreaterThan(30);
  expect(stage.faults).toEqual([]);
  expect(end.events).toMatchObject({ produced: sent, delivered: sent, dropped: 0, sampled_out: 0 });
  for (const leg of Object.values(end.sinks))
    expect(leg).toMatchObject({ produced: sent, delivered: sent, dropped: 0 });
  const [row] = await store.query<Record<string, number>>(
    `SELECT count() AS rows, uniqExact(origin, session_id, seq) AS different,
       (SELECT sum(exchanges) FROM sluice.rollup_10s) AS tens, (SELECT sum(exchanges) FROM sluice.rollup_1m) AS minutes,
       (SELECT sum(exchanges) FROM sluice.rollup_1h) AS hours FROM sluice.exchanges`,
  );
  expect(row).toEqual({ rows: sent, different: sent, tens: sent, minutes: sent, hours: sent });
});

test('Kafka has every row, some perhaps twice', (context) => {
  const kcat = needs(context, 'kcat');
  const brokers = kafka?.brokers ?? context.skip(kafkaMockMissing());
  const args = ['-C', '-b', brokers.join(), '-t', TOPIC, '-o', 'beginning', '-e', '-q', '-f', '%s\n'];
  const { stdout, status } = spawnSync(kcat, args, { encoding: 'utf8', timeout: 90_000, maxBuffer: 2 ** 29 });
  expect(status).toBe(0);
  const names = new Set<string>();
  for (const line of stdout.split('\n')) {
    if (!line.includes('"event":"exchange"')) continue;
    const { origin, session_id: session, seq } = JSON.parse(line) as Record<string, unknown>;
    names.add(`${origin}.${session}.${seq}`);
  }
  expect(names.size).toBe(report.sent);
});

test('the operator is told of each cause once, and each time that it is over; no secret stands anywhere', async () => {
  const troubles = stage.troubles('house');
  expect(troubles.length).toBeGreaterThan(1);
  const causes = troubles.flat();
  for (const { told } of FAULTS) if (told !== null) expect(causes).toContainEqual(expect.stringMatching(told));
  if (kafka !== null) expect(stage.troubles('brokers').length).toBeGreaterThan(0);
  const pages = await Promise.all(['/config_dump', '/stats', '/metrics'].map((page) => stage.sluice.getText(page)));
  for (const text of [stage.said, ...pages]) expect(text).not.toContain(PASSWORD);
});
