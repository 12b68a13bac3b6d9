import type { Fields } from '../test/support/kafka-broker/codec.ts';
import { kafkaJsSend } from '../test/support/kafka-clients.ts';
import { KafkaWire, recordBatch } from '../test/support/kafka-wire.ts';
import type { Stage } from './record-kafka-scene.ts';

/** What scenes of a plain socket ask, in one place. */

/** Plays on one connection of the wire client. */
export const wire =
  (
    use: (client: KafkaWire, at: Stage) => Promise<unknown>,
    { clientId = 'wire' }: { readonly clientId?: string } = {},
  ) =>
  async (at: Stage): Promise<void> => {
    const client = await KafkaWire.connect(at.port, '127.0.0.1', { clientId });
    await use(client, at).finally(() => client.close());
  };

export const fill = (at: Stage, topic: string, count: number, value = 'v'): Promise<void> =>
  kafkaJsSend(at.aside, [{ topic, messages: Array.from({ length: count }, (_, n) => ({ value: `${value}${n}` })) }]);

export const batch = (count = 1, value = 'v'): Buffer =>
  recordBatch({ records: Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: `${value}${n}` })) });

export const produceFields = (topic: string, records: Buffer, more: Fields = {}): Fields => ({
  acks: -1,
  timeoutMs: 5000,
  topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  ...more,
});

interface FetchWish {
  readonly topic: string;
  readonly topicId: string;
  readonly offset?: bigint;
  readonly partition?: number;
}

export const fetchFields = (wishes: readonly FetchWish[], more: Fields = {}): Fields => ({
  maxWaitMs: 100,
  minBytes: 1,
  maxBytes: 1 << 20,
  topics: wishes.map(({ topic, topicId, offset = 0n, partition = 0 }) => ({
    topic,
    topicId,
    partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 1 << 20 }],
  })),
  ...more,
});

/** The topic's id, as Metadata v12 tells it. */
export async function idOf(client: KafkaWire, topic: string): Promise<string> {
  const { topics } = await client.ask('Metadata', 12, { topics: [{ name: topic }] });
  return (topics as readonly Fields[])[0]!['topicId'] as string;
}
