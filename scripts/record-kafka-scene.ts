import { writeFile } from 'node:fs/promises';
import type { Admin, Kafka } from 'kafkajs';
import type { KafkaLine } from '../test/support/apache-kafka/obtain.ts';
import { freePort } from '../test/support/free-port.ts';
import { kafkaJs } from '../test/support/kafka-clients.ts';
import { startKafkaMock } from '../test/support/kafka-mock.ts';
import { type RealKafka, type RealKafkaSettings, startRealKafka } from '../test/support/real-kafka.ts';
import { type Recorded, writeTranscript } from '../test/support/transcript.ts';
import { type Recorder, startRecorder } from './record-recorder.ts';

/** Clusters that scenes play on; each is started with its first scene. */
export type Cluster = 'one' | 'two' | 'sasl' | 'reauth' | 'kafka4' | 'mock';

export interface Stage {
  /** The recorder before each broker: all that clients know of the cluster. */
  readonly bootstrap: readonly string[];
  /** The first of them. */
  readonly port: number;
  /** A broker's address past the recorder and the login. */
  readonly internal: string;
  /** A client past the recorder and the login: what it does is not recorded. */
  readonly aside: Kafka;
  /** Its admin, connected. */
  readonly admin: Admin;
  /** A topic for this scene alone, made past the recorder. */
  topic(name: string, partitions?: number): Promise<string>;
}

export interface Scene {
  readonly name: string;
  /** What was done, for the reader. */
  readonly title: string;
  /** `one` unless said. */
  readonly on?: Cluster;
  play(at: Stage): Promise<unknown>;
  /** Which of its connections to keep: the one on which most was said, unless one is named. */
  readonly keep?: Keep;
}

/** Of the scene's connections, in the order they came. */
export type Keep = (sessions: readonly (readonly Recorded[])[]) => readonly Recorded[] | undefined;

/** Of the connections with requests of all these APIs the one on which most was said. */
export const withApi =
  (...keys: readonly number[]): Keep =>
  (sessions) =>
    sessions
      .filter((lines) => keys.every((key) => requestsOf(lines).some((request) => request.key === key)))
      .toSorted(byTurns)[0];

const byTurns = (a: readonly Recorded[], b: readonly Recorded[]) => b.length - a.length;

/** All requests of a connection, where its frames can be followed. */
function requestsOf(lines: readonly Recorded[]): { readonly key: number; readonly version: number }[] {
  const said = Buffer.concat(lines.filter(({ who }) => who === '>').map(({ bytes }) => bytes));
  const requests: { key: number; version: number }[] = [];
  for (let at = 0; at >= 0 && at + 8 <= said.length; at += 4 + Math.max(0, said.readInt32BE(at)))
    requests.push({ key: said.readInt16BE(at + 4), version: said.readInt16BE(at + 6) });
  return requests;
}

const FIXTURES = new URL('../protocol-filters/kafka/fixtures/', import.meta.url);
/** A transcript has to stay readable. */
const MAX_BYTES = 48 * 1024;
const LIMIT_MS = 40_000;

const REAL: Readonly<Record<Exclude<Cluster, 'mock'>, RealKafkaSettings>> = {
  one: { brokers: 1 },
  two: { brokers: 2 },
  sasl: { brokers: 1, sasl: true },
  reauth: { brokers: 1, sasl: true, properties: { 'connections.max.reauth.ms': 3000 } },
  kafka4: { brokers: 1, line: '4' satisfies KafkaLine },
};

/** A cluster with a recorder before each of its brokers. */
export class RecordedCluster {
  readonly title: string;
  readonly #recorders: readonly Recorder[];
  readonly #real: RealKafka;
  readonly #aside: Kafka;
  readonly #admin: Admin;

  private constructor(real: RealKafka, recorders: readonly Recorder[], admin: Admin, aside: Kafka) {
    this.title = `Apache Kafka ${real.version}${real.brokers.length > 1 ? `, ${real.brokers.length} brokers` : ''}`;
    this.#real = real;
    this.#recorders = recorders;
    this.#aside = aside;
    this.#admin = admin;
  }

  static async start(cluster: Exclude<Cluster, 'mock'>): Promise<RecordedCluster> {
    const settings = REAL[cluster];
    const ports = await Promise.all(Array.from({ length: settings.brokers ?? 1 }, () => freePort()));
    const recorders = await Promise.all(ports.map((port) => startRecorder(port)));
    const advertised = (id: number) => `127.0.0.1:${recorders[id - 1]!.port}`;
    const real = await startRealKafka({ ...settings, ports, advertised });
    const aside = kafkaJs(real.internal);
    const admin = aside.admin();
    await admin.connect();
    return new RecordedCluster(real, recorders, admin, aside);
  }

  /** Plays a scene and writes its transcript. */
  async record({ name, title, play, keep }: Scene): Promise<void> {
    const before = this.#recorders.map(({ sessions }) => sessions.length);
    const bootstrap = this.#recorders.map(({ port }) => `127.0.0.1:${port}`);
    await within(
      name,
      play({
        bootstrap,
        port: this.#recorders[0]!.port,
        internal: this.#real.internal[0]!,
        aside: this.#aside,
        admin: this.#admin,
        topic: async (topic, partitions = 1) => {
          await this.#admin.createTopics({
            topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
            waitForLeaders: true,
          });
          return topic;
        },
      }),
    );
    const sessions = this.#recorders.flatMap((recorder, i) => recorder.sessions.slice(before[i]));
    await writeScene({ name, title, server: this.title, ...(keep && { keep }) }, sessions);
  }

  async stop(): Promise<void> {
    await this.#admin.disconnect();
    for (const recorder of this.#recorders) await recorder.close();
    await this.#real.stop();
  }
}

/**
 * Plays a scene on a broker of librdkafka's mock cluster: no Apache Kafka, and older than that. It names itself to clients,
 * so only the first connection is recorded; of the stage there is only its port.
 */
export async function recordOnMock({ name, title, play }: Scene): Promise<void> {
  const mock = await startKafkaMock('orders', 2);
  const recorder = await startRecorder(Number(mock.brokers[0]!.split(':')[1]));
  try {
    await within(name, play({ ...NOTHING, port: recorder.port, bootstrap: [`127.0.0.1:${recorder.port}`] }));
  } finally {
    await recorder.close();
    await mock.stop();
  }
  await writeScene({ name, title, server: 'a mock cluster of librdkafka 2.0.2, not Apache Kafka' }, recorder.sessions);
}

const NOTHING = {
  internal: '',
  aside: kafkaJs(['127.0.0.1:1']),
  admin: kafkaJs(['127.0.0.1:1']).admin(),
  topic: (name: string) => Promise.reject(new Error(`no topic ${name} here`)),
};

/** Writes one of a scene's connections down; `server` names who answered. */
export async function writeScene(
  { name, title, server, keep = most }: Pick<Scene, 'name' | 'title' | 'keep'> & { readonly server: string },
  sessions: readonly (readonly Recorded[])[],
): Promise<void> {
  const lines = keep(sessions);
  if (lines === undefined || lines.length === 0) throw new Error(`${name}: nothing was said`);
  const bytes = lines.reduce((sum, line) => sum + line.bytes.length, 0);
  if (bytes > MAX_BYTES) throw new Error(`${name}: ${bytes} bytes are too many to read`);
  await writeFile(new URL(`${name}.transcript`, FIXTURES), writeTranscript([title, server], lines));
  process.stdout.write(`${name}: ${lines.length} turns, ${bytes} bytes\n`);
  for (const each of sessions)
    process.stdout.write(
      `${each === lines ? '  *' : '   '} ${requestsOf(each)
        .map(({ key, version }) => `${key}v${version}`)
        .join(' ')}\n`,
    );
}

const most: Keep = (sessions) => sessions.toSorted(byTurns)[0];

/** Rejects when a scene hangs. */
export async function within<T>(name: string, play: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: not done within ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  return Promise.race([play, late])
    .catch((error: unknown) => {
      throw new Error(name, { cause: error });
    })
    .finally(() => clearTimeout(timer));
}
