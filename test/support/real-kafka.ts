import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addScramUser, brokersKnown, switchOn } from './apache-kafka/ask.ts';
import { type KafkaLine, obtainKafka } from './apache-kafka/obtain.ts';
import { type RequestLogged, requestsLogged } from './apache-kafka/request-log.ts';
import {
  type BrokerPorts,
  KAFKA_PASSWORD,
  KAFKA_SUPER,
  KAFKA_USER,
  log4j1,
  log4j2,
  metaProperties,
  serverProperties,
} from './apache-kafka/settings.ts';
import { freePort } from './free-port.ts';
import { type GuardedProcess, startGuarded } from './guarded-process.ts';
import { poll } from './poll.ts';
import { QUICK_JVM } from './real-zookeeper.ts';

const START_LIMIT_MS = 60_000;
/** What Kafka 4 has behind a switch: the new protocol of groups, transactions of two requests less, share groups. */
const FEATURES_4 = { 'group.version': 1, 'transaction.version': 2, 'share.version': 1 };

export interface RealKafkaSettings {
  /** 3.9 unless said: the last line that speaks the oldest versions as well. */
  readonly line?: KafkaLine;
  /** 2 unless said. */
  readonly brokers?: number;
  /** Where clients find them; free ones unless said. */
  readonly ports?: readonly number[];
  /** What they tell clients to connect to: `host:port`; their own unless said. */
  readonly advertised?: (id: number, port: number) => string;
  /** Clients log in as `ada` or `super`, by PLAIN or SCRAM. */
  readonly sasl?: boolean;
  /** Kafka keeps a journal of its own of all requests. */
  readonly requestLog?: boolean;
  /** 256 unless said. */
  readonly heapMb?: number;
  /** More of server.properties. */
  readonly properties?: Readonly<Record<string, string | number>>;
}

export interface RealBroker {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  /** Where brokers talk to each other, without a login: for tests that set something up past Sluice. */
  readonly internalPort: number;
  readonly pid: number;
}

export interface RealKafka {
  /** `3.9.1` */
  readonly version: string;
  readonly brokers: readonly RealBroker[];
  /** `host:port`, one a broker. */
  readonly bootstrap: readonly string[];
  /** The same, past the login. */
  readonly internal: readonly string[];
  /** Milliseconds it took until all served. */
  readonly startedInMs: number;
  /** What clients asked, by Kafka's own journal; requests that are being answered are not in it yet. */
  requests(): Promise<RequestLogged[]>;
  log(): Promise<string>;
  /** SIGKILL; resolves when all are gone, and their folders. */
  stop(): Promise<void>;
}

/** Why there is no Apache Kafka to start on this machine; '' = there is one. Fetches it where that was not done yet. */
export async function kafkaMissing(line: KafkaLine = '3.9'): Promise<string> {
  const got = await obtainKafka(line);
  return 'missing' in got ? got.missing : '';
}

/**
 * A throw-away cluster of Apache Kafka (KRaft; the first broker is the controller as well) on ports of its own at
 * 127.0.0.1. Gone with this process, however it ends. Rejects with the brokers' logs when it does not come up.
 */
export async function startRealKafka(settings: RealKafkaSettings = {}): Promise<RealKafka> {
  const { line = '3.9', brokers: count = 2, sasl = false } = settings;
  const got = await obtainKafka(line);
  if ('missing' in got) throw new Error(got.missing);
  const startedAt = performance.now();
  const controller = await freePort();
  const running: Running[] = [];
  const stop = async () => {
    await Promise.all(running.map(({ process }) => process.stop()));
  };
  const log = async () =>
    (await Promise.all(running.map(({ home }) => readFile(path.join(home, 'log'), 'utf8').catch(() => '')))).join('');
  try {
    for (let id = 1; id <= count; id++) {
      const client = settings.ports?.[id - 1] ?? (await freePort());
      const ports = { id, client, internal: await freePort(), controller };
      running.push(await startBroker(got, ports, settings));
    }
    let ended = false;
    for (const { process } of running) void process.ended.then(() => (ended = true));
    // Each on its own knows of all: only then does none tell a client that another is not there.
    await poll(
      'all brokers serve',
      async () => {
        if (ended) return true;
        for (const { ports } of running) if ((await brokersKnown(ports.internal)) !== count) return false;
        return true;
      },
      { withinMs: START_LIMIT_MS, everyMs: 50 },
    );
    if (ended) throw new Error('a broker ended');
    if (line === '4') await switchOn(running[0]!.ports.internal, FEATURES_4);
    if (sasl) await addScramUser(running[0]!.ports.internal, KAFKA_USER, KAFKA_PASSWORD);
  } catch (error) {
    const said = await log();
    await stop();
    throw new Error(`Apache Kafka did not start:\n${said}`, { cause: error });
  }
  const brokers = running.map(({ ports, process }) => ({
    id: ports.id,
    host: '127.0.0.1',
    port: ports.client,
    internalPort: ports.internal,
    pid: process.pid,
  }));
  return {
    version: got.version,
    brokers,
    bootstrap: brokers.map(({ port }) => `127.0.0.1:${port}`),
    internal: brokers.map(({ internalPort }) => `127.0.0.1:${internalPort}`),
    startedInMs: performance.now() - startedAt,
    requests: async () =>
      (
        await Promise.all(running.map(({ home, ports }) => requestsLogged(path.join(home, 'requests'), ports.id)))
      ).flat(),
    log,
    stop,
  };
}

interface Running {
  readonly ports: BrokerPorts;
  readonly home: string;
  readonly process: GuardedProcess;
}

async function startBroker(
  { java, jars }: { readonly java: string; readonly jars: string },
  ports: BrokerPorts,
  { line = '3.9', advertised, sasl = false, requestLog = false, heapMb = 256, properties = {} }: RealKafkaSettings,
): Promise<Running> {
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-kafka-'));
  const [config, logging] = [path.join(home, 'server.properties'), path.join(home, 'logging.properties')];
  await mkdir(path.join(home, 'data'));
  await writeFile(path.join(home, 'data', 'meta.properties'), metaProperties(ports.id));
  const address = advertised?.(ports.id, ports.client) ?? `127.0.0.1:${ports.client}`;
  await writeFile(config, serverProperties(ports, { sasl, advertised: address, home, properties }));
  const requests = requestLog ? path.join(home, 'requests') : null;
  await writeFile(logging, line === '4' ? log4j2(requests) : log4j1(requests));
  const process = await startGuarded(
    [
      java,
      `-Xmx${heapMb}m`,
      ...QUICK_JVM,
      line === '4' ? `-Dlog4j2.configurationFile=${logging}` : `-Dlog4j.configuration=file:${logging}`,
      '-cp',
      `${jars}/*`,
      'kafka.Kafka',
      config,
    ],
    { log: path.join(home, 'log'), home, cwd: home },
  );
  return { ports, home, process };
}

// `node test/support/real-kafka.ts` fetches both lines.
if (process.argv[1] === import.meta.filename) {
  for (const line of ['3.9', '4'] as const)
    process.stdout.write(`Apache Kafka ${line}: ${(await kafkaMissing(line)) || 'ready'}\n`);
}

export { KAFKA_PASSWORD, KAFKA_SUPER, KAFKA_USER };
