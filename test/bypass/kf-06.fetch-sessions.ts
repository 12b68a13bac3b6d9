import {
  ALLOWED,
  type Answer,
  allowing,
  denied,
  fetchOf,
  type KafkaCase,
  type KafkaRow,
  passes,
  type Said,
  TOPIC_DENIED,
} from './support/kafka.ts';

const UNKNOWN_SESSION = [70];
const EVERYTHING = allowing({ name: 'all', action: 'allow' });
const HARNESS_ONLY = 'brokers choose the ids of sessions; kafka-gate-logins.test.ts plays one with ids as they come';

const begins = (topics: readonly string[]): Said => passes('Fetch', 11, fetchOf(topics, { sessionEpoch: 0 }));
const inSession = (
  sessionEpoch: number,
  topics: readonly string[],
  forgotten: readonly string[] = [],
  sessionId = 77,
) =>
  fetchOf(topics, {
    sessionId,
    sessionEpoch,
    forgottenTopicsData: forgotten.map((topic) => ({ topic, partitions: [0] })),
  });
const goesOn = (epoch: number, topics: readonly string[] = [], forgotten: readonly string[] = []): Said =>
  passes('Fetch', 11, inSession(epoch, topics, forgotten));
const isDenied = (
  codes: readonly number[],
  epoch: number,
  topics: readonly string[] = [],
  forgotten: readonly string[] = [],
): Said => denied('Fetch', 11, inSession(epoch, topics, forgotten), codes);

const wrongEpoch: Answer = { errorCode: 71, sessionId: 0, responses: [] };

const session = (name: string, rounds: readonly (readonly Said[])[], more: Partial<KafkaCase> = {}): KafkaCase => ({
  name,
  policies: ALLOWED,
  notReal: HARNESS_ONLY,
  ...more,
  rounds: () => rounds,
});

export const row: KafkaRow = {
  id: 'KF-06',
  title: 'fetch sessions',
  rules: ['R7', 'R8', 'R14'],
  cases: [
    {
      name: 'a session that nobody has begun here',
      policies: ALLOWED,
      rounds: () => [
        [isDenied(UNKNOWN_SESSION, 1), denied('Fetch', 12, inSession(5, ['orders'], [], 123), UNKNOWN_SESSION)],
      ],
    },
    session('it goes on with what is allowed', [
      [begins(['orders'])],
      [goesOn(1)],
      [goesOn(2, ['orders-2'])],
      [goesOn(3)],
    ]),
    session('a denied topic is added', [[begins(['orders'])], [isDenied(TOPIC_DENIED, 1, ['forbidden'])]]),
    session(
      'a denial that came since it began',
      [[begins(['orders', 'forbidden'])], [goesOn(1)], [isDenied(TOPIC_DENIED, 2)]],
      {
        policies: EVERYTHING,
        policiesBefore: { 2: ALLOWED },
      },
    ),
    session(
      'what was forgotten is no longer asked for',
      [[begins(['orders', 'forbidden'])], [goesOn(1, [], ['forbidden'])], [goesOn(2)]],
      { policies: EVERYTHING, policiesBefore: { 2: ALLOWED } },
    ),
    session(
      'what a denied request forgets is not forgotten',
      [
        [begins(['orders', 'forbidden'])],
        [isDenied(TOPIC_DENIED, 1, ['forbidden-2'], ['forbidden'])],
        [isDenied(UNKNOWN_SESSION, 1)],
      ],
      { policies: EVERYTHING, policiesBefore: { 1: ALLOWED } },
    ),
    session(
      'what a refused request forgets is not forgotten',
      [
        [begins(['orders', 'forbidden'])],
        [passes('Fetch', 11, inSession(9, [], ['forbidden']), { codes: [71] })],
        [isDenied(UNKNOWN_SESSION, 1)],
      ],
      {
        policies: EVERYTHING,
        policiesBefore: { 2: ALLOWED },
        answers: (api, _, count) => (api === 'Fetch' && count === 2 ? wrongEpoch : undefined),
      },
    ),
    session(
      'what is forgotten in a version that the session is not of: the broker refuses that by an error of its own',
      [
        [begins(['orders', 'forbidden'])],
        [passes('Fetch', 12, inSession(1, [], ['forbidden']), { codes: [106] })],
        [isDenied(UNKNOWN_SESSION, 1)],
      ],
      {
        policies: EVERYTHING,
        policiesBefore: { 1: ALLOWED },
        answers: (api, _, count) => (api === 'Fetch' && count === 2 ? { ...wrongEpoch, errorCode: 106 } : undefined),
      },
    ),
    session(
      'the same, said before the broker has refused',
      [
        [begins(['orders', 'forbidden'])],
        [passes('Fetch', 11, inSession(9, [], ['forbidden']), { codes: [71] }), isDenied(UNKNOWN_SESSION, 1)],
      ],
      {
        policies: EVERYTHING,
        answers: (api, _, count) => (api === 'Fetch' && count === 2 ? wrongEpoch : undefined),
      },
    ),
    session('it is used before the broker has given it', [[begins(['orders']), isDenied(UNKNOWN_SESSION, 1)]]),
    session('another one begins in its place', [
      [begins(['orders'])],
      [passes('Fetch', 11, inSession(0, ['orders-2']))],
      [goesOn(1)],
      [isDenied(TOPIC_DENIED, 2, ['forbidden'])],
    ]),
    {
      name: 'its end names what it fetches',
      policies: ALLOWED,
      notReal: HARNESS_ONLY,
      rounds: () => [
        [begins(['orders'])],
        [denied('Fetch', 11, fetchOf(['forbidden'], { sessionId: 77, sessionEpoch: -1 }), TOPIC_DENIED)],
      ],
    },
    {
      name: 'a share session of another connection',
      policies: ALLOWED,
      notReal: 'the strict broker has no share groups',
      rounds: (ids) => [
        [
          passes('Metadata', 12, {
            topics: [{ topicId: '00'.repeat(16), name: 'orders' }],
            allowAutoTopicCreation: false,
          }),
        ],
        [
          denied('ShareFetch', 1, share(3, []), [122], { isNew: true }),
          passes('ShareFetch', 1, share(0, [ids('orders')]), { isNew: true }),
        ],
        [passes('ShareFetch', 1, share(1, []), { isNew: true })],
      ],
    },
    {
      name: 'a share session with a topic that is denied since',
      policies: EVERYTHING,
      policiesBefore: { 2: ALLOWED },
      notReal: 'the strict broker has no share groups',
      rounds: (ids) => [
        [
          passes('Metadata', 12, {
            topics: [{ topicId: '00'.repeat(16), name: 'forbidden' }],
            allowAutoTopicCreation: false,
          }),
        ],
        [passes('ShareFetch', 1, share(0, [ids('forbidden')]), { isNew: true })],
        [denied('ShareFetch', 1, share(1, []), TOPIC_DENIED, { isNew: true })],
      ],
    },
  ],
};

function share(shareSessionEpoch: number, topicIds: readonly string[]): never {
  return {
    groupId: 'billing',
    memberId: 'm',
    shareSessionEpoch,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1000,
    maxRecords: 10,
    batchSize: 10,
    topics: topicIds.map((topicId) => ({ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] })),
    forgottenTopicsData: [],
  } as never;
}
