import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect } from 'vitest';
import { freePort } from './free-port.ts';
import { type KafkaBrokerOptions, type KafkaCluster, startKafkaBroker } from './kafka-broker/index.ts';
import { brokerTally, grown, type KafkaTally, sluiceTally } from './kafka-ledger.ts';
import { poll } from './poll.ts';
import { kafkaMissing, type RealKafka, type RealKafkaSettings, startRealKafka } from './real-kafka.ts';
import { type RunningSluice, runSluice } from './run-sluice.ts';

interface Relay {
  readonly port: number;
  close(): Promise<void>;
}

interface StageOptions {
  /** `auto`: brokers behind doors; false: the only broker tells clients Sluice's own address. */
  readonly rewrite: 'auto' | false;
  readonly concurrency?: number;
  /** What stands between Sluice and the only broker, and between clients and Sluice. */
  readonly between?: (brokerPort: number) => Promise<Relay>;
  readonly before?: (sluicePort: number) => Promise<Relay>;
  /** More options of the listener, as the file's short form has them: `topics: 10`. */
  readonly options?: string;
}

export interface KafkaStage<C> {
  readonly cluster: C;
  readonly sluice: RunningSluice;
  /** Where clients begin. */
  readonly bootstrap: readonly string[];
  readonly port: number;
}

/**
 * A stand-in of our own that is strict and tells exactly what it was asked, with Sluice before it, for the tests of one
 * describe block: started with its first test, stopped after its last.
 */
export const strictKafkaStage = (
  options: StageOptions,
  brokerOptions: KafkaBrokerOptions = {},
): KafkaStage<KafkaCluster> =>
  stageOf(options, async (advertised) => {
    const cluster = await startKafkaBroker({
      ...brokerOptions,
      ...(advertised !== null && { advertised: () => ({ host: '127.0.0.1', port: advertised }) }),
    });
    return { cluster, ports: cluster.brokers.map(({ port }) => port), stop: () => cluster.stop() };
  });

/** The same with Apache Kafka itself. Where it cannot be had the tests are skipped. */
export const realKafkaStage = (options: StageOptions, settings: RealKafkaSettings = {}): KafkaStage<RealKafka> =>
  stageOf(
    options,
    async (advertised) => {
      const cluster = await startRealKafka({
        ...settings,
        ...(advertised !== null && { brokers: 1, advertised: () => `127.0.0.1:${advertised}` }),
      });
      return { cluster, ports: cluster.brokers.map(({ port }) => port), stop: () => cluster.stop() };
    },
    () => kafkaMissing(settings.line),
  );

interface Started<C> {
  readonly cluster: C;
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

function stageOf<C>(
  { rewrite, concurrency = 1, between, before, options = '' }: StageOptions,
  start: (advertised: number | null) => Promise<Started<C>>,
  missing: () => Promise<string> = () => Promise.resolve(''),
): KafkaStage<C> {
  let [started, relay, first, sluice]: [Started<C>?, Relay?, Relay?, RunningSluice?] = [];
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-kafka-stage-'));
  const port = freePort();
  let listens = 0;
  beforeEach(async (context) => {
    const why = await missing();
    if (why !== '') context.skip(why);
    if (sluice !== undefined) return;
    listens = await port;
    first ??= await before?.(listens);
    started ??= await start(rewrite === false ? (first?.port ?? listens) : null);
    relay ??= await between?.(started.ports[0]!);
    const upstream = (relay === undefined ? started.ports : [relay.port]).map((each) => `127.0.0.1:${each}`);
    const file = path.join(folder, 'sluice.yaml');
    const listener = `{upstream: "kafka://${upstream.join()}", listen: "127.0.0.1:${listens}", rewrite: ${rewrite}${options && `, ${options}`}}`;
    writeFileSync(file, `proxies:\n  - ${listener}\n`);
    sluice = await runSluice({ args: ['-c', file], concurrency });
  });
  afterAll(async () => {
    await sluice?.stop();
    await first?.close();
    await relay?.close();
    await started?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const there = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the stage begins with the first test');
    return part;
  };
  return {
    get cluster() {
      return there(started).cluster;
    },
    get sluice() {
      return there(sluice);
    },
    get bootstrap() {
      return [`127.0.0.1:${first?.port ?? listens}`];
    },
    get port() {
      return first?.port ?? listens;
    },
  };
}

/**
 * Runs `use`, then waits until Sluice counted what the brokers did, and fails when it does not. Nothing else may go to them
 * meanwhile, and all replies must have come.
 */
export async function countKafkaExactly(
  { cluster, sluice }: KafkaStage<KafkaCluster>,
  use: () => Promise<unknown>,
): Promise<KafkaTally> {
  const [brokerBefore, sluiceBefore] = [brokerTally(cluster.journal), await sluiceTally(sluice)];
  await use();
  const want = () => grown(brokerTally(cluster.journal), brokerBefore);
  const got = async () => grown(await sluiceTally(sluice), sluiceBefore);
  const isEqual = async () => JSON.stringify(await got()) === JSON.stringify(want());
  await poll('Sluice has the same numbers', isEqual, { everyMs: 100 }).catch(() => {}); // said below
  expect(await got()).toEqual(want());
  expect(cluster.faults).toEqual([]);
  return want();
}
