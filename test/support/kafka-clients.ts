import kafkajs, { type Kafka, type KafkaConfig, type ProducerConfig, type ProducerRecord } from 'kafkajs';
import { poll } from './poll.ts';

/** kafkajs as tests use it: says nothing, gives up soon. */

export const kafkaJs = (brokers: readonly string[], options: Partial<KafkaConfig> = {}): Kafka =>
  new kafkajs.Kafka({
    clientId: 'kafkajs',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 5 },
    connectionTimeout: 30_000,
    ...options,
    brokers: [...brokers],
  });

/** A login for kafkaJs(). */
export const kafkaJsLogin = (
  username: string,
  password: string,
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' = 'plain',
): Pick<KafkaConfig, 'sasl'> => ({ sasl: { mechanism, username, password } as NonNullable<KafkaConfig['sasl']> });

/** Sends with a producer of its own. */
export async function kafkaJsSend(
  kafka: Kafka,
  records: readonly ProducerRecord[],
  options: ProducerConfig = {},
): Promise<void> {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, ...options });
  await producer.connect();
  try {
    for (const record of records) await producer.send(record);
  } finally {
    await producer.disconnect();
  }
}

export interface Consumed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly value: string;
}

export interface KafkaJsMember {
  readonly got: readonly Consumed[];
  /** How often it joined its group. */
  readonly joins: () => number;
  /** Waits until it has got so many messages. */
  until(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** A member of a consumer group that reads the topics from their beginning. Resolves when it has joined. */
export async function kafkaJsMember(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
  options: Parameters<Kafka['consumer']>[0] extends infer C ? Partial<C> : never = {},
): Promise<KafkaJsMember> {
  const got: Consumed[] = [];
  let joins = 0;
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 30_000,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 200,
    ...options,
  });
  consumer.on(consumer.events.GROUP_JOIN, () => joins++);
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ topic, partition, message }) => {
      got.push({ topic, partition, offset: message.offset, value: String(message.value) });
    },
  });
  await poll(`a member joins ${groupId}`, () => joins > 0);
  return {
    got,
    joins: () => joins,
    until: async (count) => {
      await poll(`${count} messages`, () => got.length >= count);
    },
    stop: async () => {
      await consumer.stop();
      await consumer.disconnect();
    },
  };
}
