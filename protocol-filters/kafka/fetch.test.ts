import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/exchange/exchange.ts';
import { NO_LAG } from '../../src/exchange/lag-sink.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { kafka } from './index.ts';
import { ask, batch, fetch, fetched, join, produce, produced, reply } from './testing/builders.ts';
import { attributes, own, play, type Script, tells, told } from './testing/story.ts';

const records = batch(3);
const id = (n: number): string => n.toString(16).padStart(32, '0');
/** So that the reply says who a topic is. */
const METADATA: Script = [
  ['>', ask('Metadata', 12, { topics: null }, 90)],
  [
    '<',
    reply(
      'Metadata',
      12,
      { brokers: [], topics: [{ errorCode: 0, name: 'orders', topicId: id(7), partitions: [] }] },
      90,
    ),
  ],
];
const byId = (topicId: string, epoch = -1, sessionId = 0) =>
  ask('Fetch', 13, {
    maxWaitMs: 500,
    sessionId,
    sessionEpoch: epoch,
    topics: [{ topicId, partitions: [{ partition: 2, fetchOffset: 0n }] }],
  });
const answerById = (topicId: string) =>
  reply('Fetch', 13, {
    responses: [{ topicId, partitions: [{ partitionIndex: 2, highWatermark: 3n, records: batch(3) }] }],
  });

describe('Fetch', () => {
  tells(
    'the topics are those of which the reply has records or errors',
    [
      ['>', fetch(['orders', 'payments', 'quiet', 'gone'])],
      [
        '<',
        fetched({
          orders: [{ records, high: 10n }],
          payments: [
            { records: null, high: 4n },
            { partition: 1, records: batch(2), high: 2n },
          ],
          quiet: [{ high: 1n }],
          gone: [{ error: 3 }],
        }),
      ],
    ],
    [
      'fetch | Fetch orders | ok | returned 3 | batch',
      'fetch | Fetch payments | ok | returned 2 | batch',
      'fetch | Fetch gone | error | UNKNOWN_TOPIC_OR_PARTITION | batch',
    ],
    (on) => {
      const [first, second, third] = on.harness.ended;
      expect([first!.index, second!.index, third!.index]).toEqual([0, 1, 2]);
      expect(first!.replyBytes).toBeGreaterThan(0);
      expect(second!.replyBytes).toBe(0);
      expect(attributes(on).map((each) => each['messaging.destination.partition.id'])).toEqual(['0', '1', '0']);
      expect(own(on, 'fetched_records')).toBe(5);
      expect(own(on, 'topic.payments.fetched_records')).toBe(2);
      expect(own(on, 'client.app.fetched_records')).toBe(5);
    },
  );

  tells(
    'nothing new of many topics',
    [
      ['>', fetch(['orders', 'payments'])],
      ['<', fetched({ orders: [{}], payments: [{}] })],
    ],
    ['fetch | Fetch | ok | waits'],
  );
  tells(
    'nothing new of one',
    [
      ['>', fetch(['orders'])],
      ['<', fetched({ orders: [{}] })],
    ],
    ['fetch | Fetch orders | ok | waits'],
  );
  tells(
    'an error of the request itself',
    [
      ['>', fetch(['orders'])],
      ['<', fetched({}, { errorCode: 56 })],
    ],
    ['fetch | Fetch orders | error | KAFKA_STORAGE_ERROR'],
  );

  describe('waiting', () => {
    const answer = (high: bigint) => fetched({ orders: [{ records, high }] });
    const newer = Buffer.from(records);
    newer.writeBigInt64BE(3n, 0);
    test.each([
      ['with more to read, its time is latency', 500, [answer(10n), answer(10n)], [false, false]],
      [
        'where all was read before, the broker waits for producers',
        500,
        [answer(3n), fetched({ orders: [{ records: newer, high: 6n }] })],
        [false, true],
      ],
      ['but not where it asks again for what was there', 500, [answer(3n), answer(3n)], [false, false]],
      ['so it does where it returns nothing', 500, [fetched({ orders: [{ high: 10n }] })], [true]],
      ['but not where it was not asked to wait', 0, [answer(3n), fetched({ orders: [{}] })], [false, false]],
    ])('%s', (_, maxWaitMs, answers, want) => {
      const on = play(
        answers.flatMap(
          (bytes): Script => [
            ['>', fetch(['orders'], { maxWaitMs })],
            ['<', bytes],
          ],
        ),
      );
      expect(on.harness.ended.map(({ flags }) => (flags & Flag.waits) !== 0)).toEqual(want);
    });

    test.each([
      ['who reads committed records alone has read all there is where an open transaction begins', 1, [false, true]],
      ['who reads all has more to read there', 0, [false, false]],
    ])('%s', (_, isolationLevel, want) => {
      const on = play(
        [
          [records, 3n],
          [newer, 6n],
        ].flatMap(
          ([bytes, stable]): Script => [
            ['>', fetch(['orders'], { isolationLevel })],
            ['<', fetched({ orders: [{ records: bytes as Buffer, high: 9n, stable: stable as bigint }] })],
          ],
        ),
      );
      expect(on.harness.ended.map(({ flags }) => (flags & Flag.waits) !== 0)).toEqual(want);
    });

    test.each([
      ['on a new connection too, where another was told that there is no more', 5n, [true]],
      ['but not where it was told of more', 6n, [false]],
    ])('%s', (_, high, want) => {
      const bound = kafka.bind(kafka.config.parse({ stat_prefix: 'p' }), kafka.options.parse({}), filterEnv());
      const before: Script = [
        ['>', fetch(['orders'])],
        ['<', fetched({ orders: [{ high }] })],
      ];
      play(before, { bound });
      const on = play(
        [
          ['>', fetch(['orders'])], // from 5 on
          ['<', fetched({ orders: [{ records: newer, high: 8n }] })],
        ],
        { bound },
      );
      expect(on.harness.ended.map(({ flags }) => (flags & Flag.waits) !== 0)).toEqual(want);
    });

    tells(
      'what was asked behind one that waits is not timed',
      [
        ['>', join(fetch(['orders'], { id: 1 }), ask('Metadata', 1, { topics: [] }, 2))],
        ['<', join(fetched({ orders: [{}] }, { id: 1 }), reply('Metadata', 1, {}, 2))],
        ['>', ask('Metadata', 1, { topics: [] }, 3)],
        ['<', reply('Metadata', 1, {}, 3)],
      ],
      ['fetch | Fetch orders | ok | waits', 'metadata | Metadata | ok | pipelined untimed', 'metadata | Metadata | ok'],
    );

    test('the time of a wait is kept apart', () => {
      const on = play([
        ['>', fetch(['orders'])],
        ['<', fetched({ orders: [{ records, high: 10n }] })],
        ['>', fetch(['orders'])],
        ['<', fetched({ orders: [{}] })],
      ]);
      const count = (name: string) => {
        const stat = on.stats.list.find((each) => each.name === `sluice.kafka.p.${name}`)!;
        return on.stats.histogram(stat.id).count;
      };
      expect([count('fetch_wait'), count('fetch_latency')]).toEqual([1, 1]);
    });
  });

  describe('topic ids', () => {
    tells(
      'are names once a broker has told them',
      [...METADATA, ['>', byId(id(7))], ['<', answerById(id(7))]],
      ['metadata | Metadata * | ok', 'fetch | Fetch orders | ok | returned 3'],
    );
    test('are nobody before', () => {
      const on = play([
        ['>', byId(id(8))],
        ['<', answerById(id(8))],
      ]);
      expect(told(on)).toEqual(['fetch | Fetch ? | ok | returned 3']);
      expect(on.harness.ended[0]!.digest).toMatchObject({ confidence: 'partial', targets: [{ name: '?' }] });
    });
    test('of a request alone are believed by nobody', () => {
      // A client names a topic and an id beside each other: that is no broker's word.
      const on = play([
        ['>', ask('Metadata', 12, { topics: [{ topicId: id(9), name: 'forged' }] })],
        ['<', reply('Metadata', 12, { topics: [] })],
        ['>', byId(id(9))],
        ['<', answerById(id(9))],
      ]);
      expect(told(on).at(-1)).toBe('fetch | Fetch ? | ok | returned 3');
    });
    tells(
      'tell of topics that were made, and of those described',
      [
        ['>', ask('CreateTopics', 7, { topics: [{ name: 'fresh', numPartitions: 1, replicationFactor: 1 }] })],
        ['<', reply('CreateTopics', 7, { topics: [{ name: 'fresh', topicId: id(3), errorCode: 0 }] })],
        ['>', ask('DeleteTopics', 6, { topics: [{ name: null, topicId: id(3) }] })],
        ['<', reply('DeleteTopics', 6, { responses: [{ name: 'fresh', topicId: id(3), errorCode: 0 }] })],
      ],
      ['create_topics | CreateTopics fresh | ok', 'delete_topics | DeleteTopics fresh | ok'],
    );
  });

  describe('sessions (KIP-227)', () => {
    const open = (sessionId: number, ...topics: string[]): Script => [
      ['>', fetch(topics, { sessionEpoch: 0 })],
      ['<', fetched({}, { sessionId })],
    ];
    const more = (sessionEpoch: number, topics: string[], forgotten: [string, number[]][] = []): Script => [
      [
        '>',
        ask('Fetch', 11, {
          maxWaitMs: 0,
          sessionId: 77,
          sessionEpoch,
          topics: topics.map((topic) => ({ topic, partitions: [{ partition: 0 }] })),
          forgottenTopicsData: forgotten.map(([topic, partitions]) => ({ topic, partitions })),
        }),
      ],
      ['<', fetched({}, { sessionId: 77 })],
    ];

    tells(
      'a request that names nothing means what was named before',
      [...open(77, 'orders'), ...more(1, []), ...more(2, [])],
      ['fetch | Fetch orders | ok | waits', 'fetch | Fetch orders | ok', 'fetch | Fetch orders | ok'],
      (on) => {
        expect(own(on, 'fetch_sessions_opened')).toBe(1);
        expect(own(on, 'fetch_sessions_resumed')).toBe(2);
      },
    );
    tells(
      'topics join it and leave it',
      [...open(77, 'orders'), ...more(1, ['payments']), ...more(2, [], [['orders', [0]]]), ...more(3, [])],
      [
        'fetch | Fetch orders | ok | waits',
        'fetch | Fetch | ok',
        'fetch | Fetch payments | ok',
        'fetch | Fetch payments | ok',
      ],
    );
    tells('one that nobody knows may name anything', more(4, ['orders']), ['fetch | Fetch | ok']);
    tells(
      'ends with epoch -1, and another begins with 0',
      [
        ...open(77, 'orders'),
        ['>', fetch(['a'], { sessionId: 77, sessionEpoch: -1, maxWaitMs: 0 })],
        ['<', fetched({})],
      ],
      ['fetch | Fetch orders | ok | waits', 'fetch | Fetch a | ok'],
      (on) => expect(own(on, 'fetch_sessions_closed')).toBe(1),
    );
    tells(
      'is lost where the broker does not know it',
      [
        ...open(77, 'orders'),
        ['>', fetch([], { sessionId: 77, sessionEpoch: 5, maxWaitMs: 0 })],
        ['<', fetched({}, { errorCode: 71 })],
        ...more(6, []),
      ],
      [
        'fetch | Fetch orders | ok | waits',
        'fetch | Fetch orders | error | INVALID_FETCH_SESSION_EPOCH',
        'fetch | Fetch | ok',
      ],
      (on) => expect(own(on, 'fetch_sessions_lost')).toBe(1),
    );
  });

  test('offsets: where a client reads, and how far the partition goes', () => {
    const heard: unknown[] = [];
    const lag = {
      ...NO_LAG,
      end: (...what: unknown[]) => void heard.push(['end', ...what]),
      fetched: (...what: unknown[]) => void heard.push(['fetched', ...what]),
    };
    play(
      [
        ['>', fetch(['orders'])],
        [
          '<',
          fetched({
            orders: [
              { records, high: 12n },
              { partition: 1, high: 9n, error: 6 },
            ],
          }),
        ],
        ['>', produce({ orders: [batch(1)] })],
        ['<', produced({ orders: [0] }, { baseOffset: 12n })],
      ],
      { env: { lag } },
    );
    expect(heard).toEqual([
      ['fetched', 'app', 'orders', 0, 5],
      ['end', 'orders', 0, 12],
      ['end', 'orders', 0, 13],
    ]);
  });

  test('who ends a transaction that hangs is no broker', () => {
    // So does `kafka-transactions abort`.
    const on = play([
      [
        '>',
        ask('WriteTxnMarkers', 1, {
          markers: [{ producerId: 7n, topics: [{ name: 'orders', partitionIndexes: [0] }] }],
        }),
      ],
      [
        '<',
        reply('WriteTxnMarkers', 1, { markers: [{ producerId: 7n, topics: [{ name: 'orders', partitions: [{}] }] }] }),
      ],
    ]);
    expect(told(on)).toEqual(['write_txn_markers | WriteTxnMarkers orders | ok']);
    expect(on.harness.facts.kind).toBe('');
  });

  test('a follower is a broker, once it was served', () => {
    const follow = (replicaId: number) =>
      ask('Fetch', 11, { replicaId, maxWaitMs: 0, sessionEpoch: -1, topics: [{ topic: 'orders', partitions: [] }] });
    expect(play([['>', follow(2)]]).harness.facts.kind).toBe('');
    const refused: Script = [
      ['>', follow(2)],
      ['<', fetched({}, { errorCode: 31 })],
    ];
    expect(play(refused).harness.facts.kind).toBe('');
    const on = play([
      ['>', follow(2)],
      ['<', fetched({})],
    ]);
    expect(on.harness.facts.kind).toBe('broker');
    expect(own(on, 'broker_connections')).toBe(1);
    const newer = ask('Fetch', 15, { maxWaitMs: 0, replicaState: { replicaId: 2, replicaEpoch: 1n }, topics: [] });
    expect(
      play([
        ['>', newer],
        ['<', reply('Fetch', 15, {})],
      ]).harness.facts.kind,
    ).toBe('broker');
  });
});
