import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, Kafka } from 'kafkajs';

/** How long a broker holds a Fetch that has nothing to bring; shorter than anybody's patience at the demo's end. */
const WAIT_MS = 500;
const GROUP = { sessionTimeout: 10_000, rebalanceTimeout: 6_000, heartbeatInterval: 1_000, maxWaitTimeInMs: WAIT_MS };
const COMMIT_MS = 1_000;

/** Every second spell of so long the readers are slow, and fall behind. */
const SPELL_MS = 8_000;
const SLOW_MS = 60;

export interface Group {
  readonly id: string;
  readonly topics: readonly string[];
  /** Has slow spells. */
  readonly falters: boolean;
}

/** Members of consumer groups, until they are ended. */
export class Consumers {
  readonly #stopped: AbortSignal;
  readonly #surprises: Error[];
  readonly #open = new Set<Consumer>();

  constructor(stopped: AbortSignal, surprises: Error[]) {
    this.#stopped = stopped;
    this.#surprises = surprises;
  }

  /** Joins a group, and reads until it is told to leave. */
  async join(kafka: Kafka, group: Group): Promise<() => Promise<void>> {
    const consumer = kafka.consumer({ groupId: group.id, ...GROUP });
    const off = consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      if (!this.#stopped.aborted)
        this.#surprises.push(new Error(`group ${group.id}: ${error.message}`, { cause: error }));
    });
    const leave = async () => {
      off();
      if (this.#open.delete(consumer)) await consumer.disconnect();
    };
    this.#open.add(consumer);
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...group.topics] });
      await consumer.run({
        autoCommitInterval: COMMIT_MS,
        eachMessage: async () => {
          const isSlow = group.falters && Math.floor(performance.now() / SPELL_MS) % 2 === 1;
          if (isSlow) await delay(SLOW_MS, undefined, { signal: this.#stopped }).catch(() => undefined);
        },
      });
    } catch (error) {
      await leave().catch(() => undefined);
      throw error;
    }
    return leave;
  }

  /** Comes to help a group, and goes again: two rebalances. */
  async help(kafka: Kafka, group: Group, forMs: number): Promise<void> {
    const leave = await this.join(kafka, group);
    await delay(forMs, undefined, { signal: this.#stopped }).catch(() => undefined);
    await leave();
  }

  async close(): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map((consumer) => consumer.disconnect().catch(() => undefined)));
  }
}
