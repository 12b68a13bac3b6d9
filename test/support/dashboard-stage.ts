import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { stringify } from 'yaml';
import { which } from '../../scripts/debian-packages.mjs';
import type { DemoServer, House, Workload } from '../../src/cli/demo/house.ts';
import { houses } from '../../src/cli/demo/houses.ts';
import { freePort } from './free-port.ts';
import { KafkaWire } from './kafka-wire.ts';
import { memoryTmp } from './memory-folder.ts';
import { poll } from './poll.ts';
import { type RealPrometheus, startPrometheus } from './real-prometheus.ts';
import { type RunningSluice, runSluice } from './run-sluice.ts';

const HOST = '127.0.0.1';
/** Of the group, this broker: another group may be at home there. */
const NOT_COORDINATOR = 16;
/** Names as a hostile client would choose them: each would end a literal of SQL that is pasted together. */
export const HOSTILE_NAMES = ["it's; drop--", 'back\\slash', "both\\' or 1=1 --", 'a, b {c}'] as const;
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** A shop's databases behind a Sluice that is scraped and keeps its history, under way until stop(). */
export interface DashboardStage {
  readonly sluice: RunningSluice;
  /** One that keeps classic buckets, one that keeps native histograms; null where Prometheus is not installed. */
  readonly prometheus: { readonly classic: RealPrometheus; readonly native: RealPrometheus } | null;
  /** Folder of the embedded ClickHouse; free once Sluice has stopped. */
  readonly history: string;
  readonly startedAt: number;
  /** Ends the traffic, then Sluice, which delivers what it has. */
  stopSluice(): Promise<void>;
  stop(): Promise<void>;
}

/** Listeners: one a protocol, and `guarded`, which denies what touches the relation `secret_plans`. */
export async function startDashboardStage(): Promise<DashboardStage> {
  const home = await mkdtemp(path.join(memoryTmp(), 'sluice-dashboards-'));
  const stops: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    return await raise(home, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function raise(home: string, stops: (() => Promise<unknown>)[], stop: () => Promise<void>) {
  const startedAt = Date.now();
  const there = houses.filter((house) => house.missing() === null);
  const servers = await Promise.all(
    there.map(async (house) => {
      const server = await house.start();
      stops.push(() => server.stop());
      await house.prepare({ host: HOST, port: server.port });
      return server;
    }),
  );
  const history = path.join(home, 'history');
  const { file, ports } = await configure(home, history, there, servers);
  const running = await runSluice({ args: ['-c', file], concurrency: 1 });
  stops.push(() => running.stop());
  const prometheus = which('prometheus') === null ? null : await scrapers(running.adminUrl, stops);
  const workloads = there.map((house) => house.startWorkload({ host: HOST, port: ports.get(house.name)! }));
  const kafka = ports.get('kafka');
  if (kafka !== undefined) workloads.push(await reader(kafka));
  stops.push(() => endAll(workloads));
  await hostileNames(ports.get('postgres')!);
  // Again and again: what happens once may lie before the first scrape, and is no rate then.
  workloads.push(repeated(500, () => oddTalk(ports)));
  const stopSluice = async () => {
    await endAll(workloads);
    await running.stop();
  };
  return { sluice: running, prometheus, history, startedAt, stopSluice, stop };
}

async function scrapers(adminUrl: string, stops: (() => Promise<unknown>)[]) {
  const targets = { sluice: adminUrl };
  const [classic, native] = await Promise.all([
    startPrometheus({ targets }),
    startPrometheus({ targets, nativeHistograms: true }),
  ]);
  stops.push(
    () => classic.stop(),
    () => native.stop(),
  );
  return { classic, native };
}

/** Throws where one of them ended early: panels would be empty for a reason that nobody sees. */
async function endAll(workloads: Workload[]): Promise<void> {
  const ended = workloads.splice(0);
  await Promise.all(ended.map((workload) => workload.stop()));
  const surprises = ended.flatMap((workload) => workload.surprises);
  if (surprises.length > 0) throw new AggregateError(surprises, surprises.map(String).join('; '));
}

async function configure(
  home: string,
  history: string,
  there: readonly House[],
  servers: readonly DemoServer[],
): Promise<{ file: string; ports: ReadonlyMap<string, number> }> {
  const ports = new Map<string, number>();
  for (const name of [...there.map((house) => house.name), 'guarded']) ports.set(name, await freePort());
  const proxies = there.map(({ name }, i) => ({
    name,
    upstream: `${name}://${HOST}:${servers[i]!.port}`,
    listen: `${HOST}:${ports.get(name)}`,
  }));
  const postgres = proxies.find(({ name }) => name === 'postgres')!;
  const policies = [
    { name: 'secret', action: 'deny', targets: 'secret_plans' },
    { name: 'no peeking', action: 'deny', mode: 'shadow', targets: 'pg_stat_activity' },
  ];
  const config = {
    proxies: [...proxies, { ...postgres, name: 'guarded', listen: `${HOST}:${ports.get('guarded')}`, policies }],
    sinks: [{ type: 'clickhouse', name: 'history', path: history }],
    spool: { path: path.join(home, 'spool') },
    show_literals: true,
  };
  const file = path.join(home, 'sluice.yaml');
  await writeFile(file, stringify(config));
  return { file, ports };
}

/** Each once, with a caller's trace. */
async function hostileNames(postgres: number): Promise<void> {
  await Promise.all(
    HOSTILE_NAMES.map((name) =>
      asPostgres(postgres, name, (client) =>
        client.query(`/*traceparent='00-${TRACE_ID}-b7ad6b7169203331-01'*/ select 1`),
      ),
    ),
  );
}

/** What a shop's traffic has seldom or never: denials, errors, bytes that nobody can read. */
async function oddTalk(ports: ReadonlyMap<string, number>): Promise<void> {
  const postgres = ports.get('postgres')!;
  await asPostgres(ports.get('guarded')!, 'spy', async (client) => {
    await client.query('select 2');
    await client.query('select * from secret_plans').catch(() => {});
    await client.query('select count(*) from pg_stat_activity');
  });
  await asPostgres(postgres, 'impatient', async (client) => {
    await client.query('set statement_timeout = 1');
    await client.query('select pg_sleep(1)').catch(() => {});
  });
  const mysql = ports.get('mysql');
  if (mysql !== undefined) {
    const client = await createConnection({ host: HOST, port: mysql, user: 'root', database: 'desk' });
    await client.query('select * from nowhere').catch(() => {});
    await client.end();
  }
  await noise(postgres);
}

/**
 * Of Kafka, what the shop's consumers do once or never: a Fetch that has something to fetch, and a member that joins a group
 * of its own and leaves.
 */
async function reader(port: number): Promise<Workload> {
  const wire = await KafkaWire.connect(port, HOST, { clientId: 'reader' });
  await wire.ask('ApiVersions', 3, { clientSoftwareName: 'reader', clientSoftwareVersion: '1.0' });
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }];
  const wish = { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, topics: [{ topic: 'orders', partitions }] };
  const joining = {
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  };
  let i = 0;
  const round = async () => {
    await wire.ask('Fetch', 11, wish);
    const member = { ...joining, groupId: `passers-by-${i}` };
    const { errorCode, memberId } = await wire.ask('JoinGroup', 5, { ...member, memberId: '' });
    if (errorCode === NOT_COORDINATOR) return void i++;
    const joined = await wire.ask('JoinGroup', 5, { ...member, memberId });
    if (joined['errorCode'] !== 0) throw new Error(`JoinGroup: ${joined['errorCode']}`);
    await wire.ask('LeaveGroup', 2, { groupId: member.groupId, memberId });
  };
  const workload = repeated(200, round);
  const stop = () => workload.stop().finally(() => wire.close());
  return { surprises: workload.surprises, stop };
}

/** `work` until it is stopped or fails, with a pause of so many milliseconds. */
function repeated(pauseMs: number, work: () => Promise<unknown>): Workload {
  const surprises: Error[] = [];
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      await work();
      await setTimeout(pauseMs);
    }
  };
  const done = run().catch((error: Error) => void surprises.push(error));
  const stop = () => {
    isOver = true;
    return done;
  };
  return { surprises, stop };
}

async function asPostgres(port: number, name: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ host: HOST, port, user: 'storefront', database: 'postgres', application_name: name });
  await client.connect();
  await work(client);
  await client.end();
}

function noise(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => socket.end('\xff\xff\xff\xff no Postgres message begins like this'));
    socket.on('error', () => {}).on('close', () => resolve());
  });
}

/**
 * Resolves when what happened so far can be seen as a rate, which takes two scrapes, and as a change of one, which takes a
 * third: with the time to ask each for, in seconds. (A moment later its last scrape may have been one that came too late.)
 */
export async function scraped(stage: DashboardStage): Promise<Readonly<Record<'classic' | 'native', number>>> {
  const at = { classic: 0, native: 0 };
  const { prometheus } = stage;
  const each = async (kind: keyof typeof at) => {
    await prometheus?.[kind].scraped(4);
    at[kind] = Date.now() / 1000;
  };
  await Promise.all([each('classic'), each('native')]);
  await poll('the history was written to', async () => {
    const text = await stage.sluice.getText('/metrics');
    return /^sluice_sink_delivered_total\{sink="history"\} [1-9]/m.test(text);
  });
  return at;
}
