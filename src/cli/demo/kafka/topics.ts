import kafkajs, { type Kafka } from 'kafkajs';
import type { Target } from '../house.ts';

/** Topics of the shop and their partitions. */
export const TOPICS = { orders: 4, payments: 2, receipts: 2, clicks: 2, ledger: 1 } as const;

/** A broker that does not come up, or a Sluice that is gone, is told of soon. */
const PATIENCE_MS = 30_000;

/** A client that knows one address; the brokers' own it learns from that. */
export function kafkaOf({ host, port }: Target, clientId: string): Kafka {
  return new kafkajs.Kafka({
    clientId,
    brokers: [`${host.includes(':') ? `[${host}]` : host}:${port}`],
    connectionTimeout: PATIENCE_MS,
    requestTimeout: 2 * PATIENCE_MS,
    retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.NOTHING,
    logCreator: () => () => {}, // what it has to say, its errors say
  });
}

/** Makes the topics of a cluster, unless it has them. Whoever wants it tried again tries again. */
export async function prepareTopics(server: Target): Promise<void> {
  quietTimers();
  const admin = kafkaOf(server, 'prepare').admin();
  try {
    await admin.connect();
    const there = new Set(await admin.listTopics());
    const topics = Object.entries(TOPICS)
      .filter(([topic]) => !there.has(topic))
      .map(([topic, numPartitions]) => ({ topic, numPartitions, replicationFactor: 1 }));
    if (topics.length > 0) await admin.createTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}

let quiet = false;

/** kafkajs (2.2.4) sets timers to times that have passed; Node tells of it on stderr, where the demo's table stands. */
export function quietTimers(): void {
  if (quiet) return;
  quiet = true;
  const told = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'TimeoutNegativeWarning') return;
    for (const tell of told) tell.call(process, warning);
  });
}
