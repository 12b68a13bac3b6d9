import type { Fields } from '../test/support/kafka-broker/codec.ts';
import { ScramClient } from '../test/support/kafka-scram.ts';
import { type KafkaWire, sized } from '../test/support/kafka-wire.ts';
import { poll } from '../test/support/poll.ts';
import { KAFKA_PASSWORD, KAFKA_SUPER, KAFKA_USER } from '../test/support/real-kafka.ts';
import { batch, fetchFields, fill, idOf, produceFields, wire } from './record-kafka-asked.ts';
import type { Scene, Stage } from './record-kafka-scene.ts';

/** Scenes of a plain socket: what clients say seldom. */

const FETCHES: readonly Scene[] = [
  {
    name: 'wire-fetch-session',
    title:
      'a socket: a fetch session: all partitions at first, then only what is new; one forgotten, one added; wrong numbers; its end',
    play: wire(async (client, at) => {
      const topics = [await at.topic('session-a'), await at.topic('session-b'), await at.topic('session-c')];
      for (const topic of topics) await fill(at, topic, 1);
      const ids: string[] = [];
      for (const topic of topics) ids.push(await idOf(client, topic));
      const wish = (n: number, offset = 0n) => ({ topic: topics[n]!, topicId: ids[n]!, offset });
      const first = await client.ask('Fetch', 15, fetchFields([wish(0), wish(1)], { sessionEpoch: 0 }));
      const sessionId = first['sessionId'] as number;
      const next = (sessionEpoch: number, wishes: ReturnType<typeof wish>[] = [], more: Fields = {}) =>
        client.ask('Fetch', 15, fetchFields(wishes, { sessionId, sessionEpoch, ...more }));
      await next(1, [wish(0, 1n), wish(1, 1n)]);
      await fill(at, topics[1]!, 2);
      await next(2);
      await next(3, [wish(1, 3n), wish(2)], {
        forgottenTopicsData: [{ topic: topics[0]!, topicId: ids[0]!, partitions: [0] }],
      });
      await next(9); // INVALID_FETCH_SESSION_EPOCH
      await client.ask('Fetch', 15, fetchFields([], { sessionId: 4711, sessionEpoch: 1 })); // FETCH_SESSION_ID_NOT_FOUND
      await next(-1, [wish(0)]); // the end
    }),
  },
  {
    name: 'wire-fetch-wait',
    title: 'a socket: Fetch that waits in vain, one that waits until records come, several partitions at once',
    play: wire(async (client, at) => {
      const topic = await at.topic('awaited', 2);
      const topicId = await idOf(client, topic);
      const wishes = [0, 1].map((partition) => ({ topic, topicId, partition }));
      await client.ask('Fetch', 12, fetchFields(wishes, { maxWaitMs: 50 }));
      const waiting = client.ask('Fetch', 12, fetchFields(wishes, { maxWaitMs: 5000 }));
      await fill(at, topic, 3);
      await waiting;
    }),
  },
  {
    name: 'wire-fetch-errors',
    title:
      'a socket: offsets that are not there, topics nobody has, an id nobody knows, an aborted transaction read both ways',
    play: wire(async (client, at) => {
      const topic = await at.topic('torn');
      const producer = at.aside.producer({ transactionalId: 'torn-1', idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const given = await producer.transaction();
      await given.send({ topic, messages: [{ value: 'never' }] });
      await given.abort();
      const kept = await producer.transaction();
      await kept.send({ topic, messages: [{ value: 'kept' }] });
      await kept.commit();
      await producer.disconnect();
      const topicId = await idOf(client, topic);
      await client.ask('Fetch', 11, fetchFields([{ topic, topicId, offset: 99n }]));
      await client.ask(
        'Fetch',
        11,
        fetchFields([
          { topic: 'nosuch', topicId },
          { topic, topicId },
        ]),
      );
      await client.ask('Fetch', 15, fetchFields([{ topic, topicId: 'ab'.repeat(16) }]));
      for (const isolationLevel of [0, 1])
        await client.ask('Fetch', 15, fetchFields([{ topic, topicId }], { isolationLevel }));
    }),
  },
];

const PRODUCES: readonly Scene[] = [
  {
    name: 'wire-acks-0',
    title:
      'a socket: five batches that nobody answers and Metadata in one write; then one that cannot be taken: the broker closes',
    play: wire(async (client, at) => {
      const topic = await at.topic('silent');
      const silent = client.request('Produce', 9, produceFields(topic, batch(2), { acks: 0 }));
      client.raw(Buffer.concat([...Array.from({ length: 5 }, () => silent), client.request('Metadata', 9, {})]));
      await client.next();
      client.raw(client.request('Produce', 9, produceFields('no/such', batch(), { acks: 0 })));
      await poll('the broker has closed', () => client.closed);
    }),
  },
  {
    name: 'wire-produce-errors',
    title:
      'a socket: a batch whose checksum lies, acks of 7, three partitions of which one is not there, a transactional id nobody has',
    play: wire(async (client, at) => {
      const topic = await at.topic('picky');
      const torn = batch();
      torn[torn.length - 1]! ^= 1;
      await client.ask('Produce', 9, produceFields('nosuch', batch(2)));
      await client.ask('Produce', 9, produceFields(topic, torn));
      await client.ask('Produce', 9, produceFields(topic, batch(), { acks: 7 }));
      await client.ask('Produce', 9, {
        acks: 1,
        timeoutMs: 5000,
        topicData: [
          { name: topic, partitionData: [0, 1].map((index) => ({ index, records: batch(3) })) },
          { name: 'nosuch', partitionData: [{ index: 0, records: batch(5) }] },
        ],
      });
      await client.ask('Produce', 9, produceFields(topic, batch(1), { transactionalId: 'nobody' }));
    }),
  },
  {
    name: 'wire-not-leader',
    title: 'a socket at the first of two brokers: records and Fetch for a partition that the second leads',
    on: 'two',
    play: wire(async (client, at) => {
      const topic = await at.topic('led-elsewhere', 2);
      const { topics } = await client.ask('Metadata', 12, { topics: [{ name: topic }] });
      const [told] = topics as readonly {
        topicId: string;
        partitions: readonly { partitionIndex: number; leaderId: number }[];
      }[];
      const other = told!.partitions.find(({ leaderId }) => leaderId !== 1)!.partitionIndex;
      const data = { topicData: [{ name: topic, partitionData: [{ index: other, records: batch(2) }] }] };
      for (const version of [7, 11]) await client.ask('Produce', version, { acks: 1, timeoutMs: 5000, ...data });
      const wish = [{ topic, topicId: told!.topicId, partition: other }];
      for (const version of [11, 17]) await client.ask('Fetch', version, fetchFields(wish));
      await client.ask('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['a', 'b', 'c'] });
    }),
  },
  {
    name: 'wire-throttled',
    title: 'a socket whose client id has a quota of 100 bytes a second: throttle times',
    play: wire(
      async (client, at) => {
        const topic = await at.topic('metered');
        await client.ask('AlterClientQuotas', 1, {
          entries: [
            {
              entity: [{ entityType: 'client-id', entityName: 'metered' }],
              ops: [{ key: 'producer_byte_rate', value: 100 }],
            },
          ],
        });
        for (let n = 0; n < 4; n++) await client.ask('Produce', 9, produceFields(topic, batch(20)));
      },
      { clientId: 'metered' },
    ),
  },
  {
    name: 'wire-transactions',
    title: 'a socket: a producer that is fenced by a second one with its transactional id; a transaction nobody began',
    play: wire(async (client, at) => {
      const topic = await at.topic('fenced');
      const transactionalId = 'fenced-1';
      await client.ask('FindCoordinator', 4, { keyType: 1, coordinatorKeys: [transactionalId] });
      const init = async (): Promise<{ producerId: bigint; producerEpoch: number }> => {
        const got = await poll('a coordinator', async () => {
          const reply = await client.ask('InitProducerId', 4, { transactionalId, transactionTimeoutMs: 10_000 });
          return reply['errorCode'] === 0 ? reply : null;
        });
        return { producerId: got['producerId'] as bigint, producerEpoch: got['producerEpoch'] as number };
      };
      const first = await init();
      const add = (producer: typeof first) =>
        client.ask('AddPartitionsToTxn', 3, {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: producer.producerId,
          v3AndBelowProducerEpoch: producer.producerEpoch,
          v3AndBelowTopics: [{ name: topic, partitions: [0] }],
        });
      await add(first);
      const second = await init();
      await add(first); // PRODUCER_FENCED
      await client.ask('EndTxn', 3, { transactionalId, ...second, committed: true }); // INVALID_TXN_STATE
    }),
  },
  {
    name: 'wire-pipelined-300',
    title: 'a socket: 300 requests in one write: Metadata, Produce and ListOffsets in turns',
    play: wire(async (client, at) => {
      const topic = await at.topic('piped');
      const latest = { replicaId: -1, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }] };
      const requests = Array.from({ length: 300 }, (_, n) => {
        if (n % 3 === 0) return client.request('Metadata', 9, { topics: [{ name: topic }] });
        if (n % 3 === 1) return client.request('Produce', 7, produceFields(topic, batch()));
        return client.request('ListOffsets', 5, latest);
      });
      client.raw(Buffer.concat(requests));
      for (let n = 0; n < requests.length; n++) await client.next();
    }),
  },
];

const plain = (user: string, password = KAFKA_PASSWORD): Buffer => Buffer.from(`\0${user}\0${password}`);

const sasl = (name: string, title: string, play: (client: KafkaWire, at: Stage) => Promise<unknown>): Scene => ({
  name: `wire-sasl-${name}`,
  title: `a socket: ${title}`,
  on: 'sasl',
  play: wire(play),
});

const closes = (client: KafkaWire): Promise<boolean> => poll('the broker has closed', () => client.closed);

const SASL: readonly Scene[] = [
  sasl('v0-plain', 'SaslHandshake v0, the token as it is, its empty answer, then Metadata', async (client) => {
    await client.ask('SaslHandshake', 0, { mechanism: 'PLAIN' });
    client.raw(sized(plain(KAFKA_USER)));
    await client.next().catch(() => {}); // a frame of no bytes
    await client.ask('Metadata', 9, {});
  }),
  sasl('v0-wrong-password', 'SaslHandshake v0 and a password that is not ada’s: the broker closes', async (client) => {
    await client.ask('SaslHandshake', 0, { mechanism: 'PLAIN' });
    client.raw(sized(plain(KAFKA_USER, 'wrong')));
    await closes(client);
  }),
  sasl('v0-scram', 'SaslHandshake v0 and the rounds of SCRAM-SHA-256 as they are, then Metadata', async (client) => {
    await client.ask('SaslHandshake', 0, { mechanism: 'SCRAM-SHA-256' });
    const scram = new ScramClient(KAFKA_USER, KAFKA_PASSWORD, 'fyko+d2lbbFgONRv9qkxdawL');
    client.raw(sized(scram.first));
    const { frame } = await client.next();
    client.raw(sized(scram.final(frame)));
    await client.next();
    await client.ask('Metadata', 9, { topics: null });
  }),
  sasl('v0-scram-wrong-password', 'the same with a password that is not ada’s: the broker closes', async (client) => {
    await client.ask('SaslHandshake', 0, { mechanism: 'SCRAM-SHA-256' });
    const scram = new ScramClient(KAFKA_USER, 'wrong', 'fyko+d2lbbFgONRv9qkxdawL');
    client.raw(sized(scram.first));
    const { frame } = await client.next();
    client.raw(sized(scram.final(frame)));
    await closes(client);
  }),
  sasl('unsupported', 'a mechanism that the broker has not, then one that it has', async (client) => {
    await client.ask('SaslHandshake', 1, { mechanism: 'OAUTHBEARER' });
    await closes(client);
  }),
  sasl('early', 'Metadata before the login: the broker closes', async (client) => {
    client.raw(client.request('Metadata', 9, {}));
    await closes(client);
  }),
  {
    ...sasl('again', 'logs in again as itself, then as somebody else', async (client) => {
      const logIn = async (user: string) => {
        await client.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
        client.raw(client.request('SaslAuthenticate', 2, { authBytes: plain(user) }));
        await client.next();
      };
      await logIn(KAFKA_USER);
      await client.ask('Metadata', 9, {});
      // A login within a second of the last one is refused.
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await logIn(KAFKA_USER);
      await client.ask('Metadata', 9, {});
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await logIn(KAFKA_SUPER).catch(() => {});
      await closes(client);
    }),
    on: 'reauth',
  },
];

const OTHERS: readonly Scene[] = [
  {
    name: 'wire-client-ids',
    title: 'a socket: client ids: none, of no letters, of 249 letters, of bytes that are no letters',
    play: wire(async (client) => {
      for (const clientId of [null, '', 'x'.repeat(249), 'a\u0001\n<b>']) {
        client.raw(client.request('Metadata', 1, { topics: [] }, { clientId }));
        await client.next();
      }
    }),
  },
  {
    name: 'wire-correlation-ids',
    title: 'a socket: correlation ids that clients choose: zero, the same again and again, negative ones',
    play: wire(async (client) => {
      const ids = [0, 7, 7, 7, -1, -2_147_483_648, 2_147_483_647, 7];
      client.raw(
        Buffer.concat(ids.map((correlationId) => client.request('Metadata', 1, { topics: [] }, { correlationId }))),
      );
      for (const _ of ids) await client.next();
    }),
  },
  {
    name: 'wire-fallback',
    title: 'a socket: ApiVersions of a version nobody has: UNSUPPORTED_VERSION in the form of version 0, then v3',
    play: wire(async (client) => {
      const newest = client.request('ApiVersions', 3, { clientSoftwareName: 'wire', clientSoftwareVersion: '1' });
      newest.writeInt16BE(99, 6);
      client.raw(newest);
      await client.next();
      await client.ask('ApiVersions', 3, { clientSoftwareName: 'wire', clientSoftwareVersion: '1' });
      await client.ask('ApiVersions', 3, { clientSoftwareName: 'no good!', clientSoftwareVersion: '' }); // INVALID_REQUEST
    }),
  },
  {
    name: 'wire-fallback-mock',
    title: 'a socket: ApiVersions v3 to a broker that knows no such version',
    on: 'mock',
    play: wire(async (client) => {
      client.raw(client.request('ApiVersions', 3, { clientSoftwareName: 'wire', clientSoftwareVersion: '1' }));
      await client.next();
      await client.ask('ApiVersions', 0, {});
      await client.ask('Metadata', 1, { topics: null });
    }),
  },
];

export const WIRE_SCENES: readonly Scene[] = [...FETCHES, ...PRODUCES, ...SASL, ...OTHERS];
