import { Broker } from './broker.ts';
import { Cluster, type Fault, type Where } from './cluster.ts';
import { type Journal, merged } from './journal.ts';
import { type KafkaBrokerOptions, settingsOf } from './options.ts';

export type { Fault, Where } from './cluster.ts';
export type { ConnectionEntry, Journal, Moved } from './journal.ts';
export type { KafkaBrokerOptions } from './options.ts';

export interface KafkaCluster {
  /** `127.0.0.1:1111,127.0.0.1:2222` */
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly brokers: readonly {
    readonly id: number;
    readonly host: string;
    readonly port: number;
    readonly journal: Journal;
  }[];
  /** Of all brokers together, a plain copy. */
  readonly journal: Journal;
  /** What clients did that no client may; their connections were closed for it, but where only the records were wrong. */
  readonly faults: readonly Fault[];
  /** The next requests of this API that fit are answered with the error. */
  failNext(api: string, error: string | number, times?: number, where?: Where): void;
  /** throttle_time_ms of its replies; 0 = none. */
  throttle(api: string, ms: number): void;
  /** Replies come so much later. */
  delay(api: string, ms: number): void;
  /** So many requests are never answered, nor those behind them on their connections. */
  silence(api: string, times: number): void;
  /** An API or a version that is not known here is answered with these bytes behind the correlation id. */
  answerRaw(apiKey: number, body: Buffer): void;
  createTopic(name: string, partitions: number): void;
  deleteTopic(name: string): void;
  moveLeader(topic: string, partition: number, broker: number): void;
  topic(name: string): TopicView | undefined;
  group(id: string): GroupView | undefined;
  /** Connections of this broker, or of all, are gone at once. */
  drop(broker?: number): void;
  stop(): Promise<void>;
}

export interface TopicView {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly partitions: readonly { readonly leader: number; readonly start: bigint; readonly high: bigint }[];
}

export interface GroupView {
  readonly state: string;
  readonly generation: number;
  readonly members: number;
  readonly rebalances: number;
  /** By `topic-0`. */
  readonly offsets: Readonly<Record<string, string>>;
}

/**
 * Brokers that speak the Kafka protocol, a stand-in written from its documents: strict where Apache Kafka is lenient, in memory
 * only, each partition on one broker. It tells exactly what was asked of it.
 */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaCluster> {
  const settings = settingsOf(options);
  const cluster = new Cluster(settings);
  for (let i = 0; i < settings.brokers; i++) cluster.brokers.push(new Broker(i + 1, cluster));
  try {
    for (const [i, broker] of cluster.brokers.entries()) await broker.listen(settings.ports[i] ?? 0);
  } catch (error) {
    await stop(cluster);
    throw error;
  }
  return {
    bootstrap: cluster.brokers.map(({ port }) => `${settings.host}:${port}`).join(','),
    clusterId: cluster.clusterId,
    get brokers() {
      return cluster.brokers.map(({ id, port, journal }) => ({ id, host: settings.host, port, journal }));
    },
    get journal() {
      return merged(cluster.brokers.map(({ journal }) => journal));
    },
    faults: cluster.faults,
    failNext: (api, error, times = 1, where = {}) => cluster.failNext(api, error, times, where),
    throttle: (api, ms) => void cluster.throttles.set(api, ms),
    delay: (api, ms) => void cluster.delays.set(api, ms),
    silence: (api, times) => void cluster.silences.set(api, times),
    answerRaw: (apiKey, body) => void cluster.rawAnswers.set(apiKey, body),
    createTopic: (name, partitions) => void cluster.createTopic(name, partitions),
    deleteTopic: (name) => void cluster.deleteTopic(name),
    moveLeader: (topic, partition, broker) => cluster.moveLeader(topic, partition, broker),
    topic: (name) => topicView(cluster, name),
    group: (id) => groupView(cluster, id),
    drop: (id) => {
      for (const broker of cluster.brokers) if (id === undefined || broker.id === id) broker.drop();
    },
    stop: () => stop(cluster),
  };
}

async function stop(cluster: Cluster): Promise<void> {
  const gone = cluster.brokers.map((broker) => broker.stop());
  cluster.stop(); // whoever waits finds its connection gone
  await Promise.all(gone);
}

function topicView(cluster: Cluster, name: string): TopicView | undefined {
  const topic = cluster.topics.get(name);
  if (topic === undefined) return undefined;
  const partitions = topic.partitions.map(({ leader, start, high }) => ({
    leader,
    start: BigInt(start),
    high: BigInt(high),
  }));
  return { id: topic.id, partitions };
}

function groupView(cluster: Cluster, id: string): GroupView | undefined {
  const group = cluster.groups.get(id);
  if (group === undefined) return undefined;
  const { state, generation, members, rebalances, offsets } = group;
  return {
    state,
    generation,
    members: members.size,
    rebalances,
    offsets: Object.fromEntries([...offsets].map(([key, { offset }]) => [key, String(offset)])),
  };
}
