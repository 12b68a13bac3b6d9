import { describe, expect, test } from 'vitest';
import { Flag, Replies } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import { MAX_IN_FLIGHT, MAX_OPEN } from './conversation.ts';
import { kafka } from './index.ts';
import { ask, batch, fetch, fetched, join, produce, produced, rawRequest, reply } from './testing/builders.ts';
import { attributes, envoy, own, play, type Script, stage, tells, told } from './testing/story.ts';

const metadata = (id = 1, client: string | null = 'app') =>
  ask('Metadata', 1, { topics: [{ name: 'orders' }] }, id, client);
const answer = (id = 1) =>
  reply(
    'Metadata',
    1,
    { brokers: [], controllerId: 1, topics: [{ errorCode: 0, name: 'orders', partitions: [] }] },
    id,
  );
const ids = Array.from({ length: 300 }, (_, i) => i);

/** What is asked, what a broker answers, and what is told: requests that the other tests do not name. */
const APIS: readonly (readonly [string, number, object, object, string])[] = [
  ['Metadata', 0, { topics: [] }, {}, 'metadata | Metadata * | ok'],
  ['Metadata', 1, { topics: null }, {}, 'metadata | Metadata * | ok'],
  ['Metadata', 1, { topics: [] }, {}, 'metadata | Metadata | ok'],
  [
    'Metadata',
    9,
    { topics: [{ name: 'a' }, { name: 'b' }] },
    {
      topics: [
        { errorCode: 0, name: 'a' },
        { errorCode: 29, name: 'b' },
      ],
    },
    'metadata | Metadata a | ok | batch\nmetadata | Metadata b | error | TOPIC_AUTHORIZATION_FAILED | batch',
  ],
  ['ApiVersions', 2, {}, {}, 'api_versions | ApiVersions | ok'],
  [
    'CreateTopics',
    5,
    { topics: [{ name: 'a', numPartitions: 3, replicationFactor: 1 }] },
    { topics: [{ name: 'a', errorCode: 36 }] },
    'create_topics | CreateTopics a | error | TOPIC_ALREADY_EXISTS',
  ],
  [
    'DeleteTopics',
    3,
    { topicNames: ['a', 'b'] },
    {},
    'delete_topics | DeleteTopics a | ok | batch\ndelete_topics | DeleteTopics b | ok | batch',
  ],
  [
    'DeleteRecords',
    1,
    { topics: [{ name: 'a', partitions: [{ partitionIndex: 0, offset: 5n }] }] },
    { topics: [{ name: 'a', partitions: [{ partitionIndex: 0, errorCode: 1 }] }] },
    'delete_records | DeleteRecords a | error | OFFSET_OUT_OF_RANGE',
  ],
  [
    'InitProducerId',
    4,
    { transactionalId: 'tx-1742' },
    {},
    'init_producer_id | InitProducerId transactional_id=tx-* | ok',
  ],
  ['InitProducerId', 4, { transactionalId: null }, {}, 'init_producer_id | InitProducerId | ok'],
  [
    'AddPartitionsToTxn',
    3,
    { v3AndBelowTransactionalId: 'tx-1742', v3AndBelowTopics: [{ name: 'a', partitions: [0, 1] }] },
    { resultsByTopicV3AndBelow: [{ name: 'a', resultsByPartition: [{ partitionIndex: 0, partitionErrorCode: 53 }] }] },
    'add_partitions_to_txn | AddPartitionsToTxn a transactional_id=tx-* | error | TRANSACTIONAL_ID_AUTHORIZATION_FAILED | batch of 2',
  ],
  [
    'AddOffsetsToTxn',
    3,
    { transactionalId: 't', groupId: 'g' },
    {},
    'add_offsets_to_txn | AddOffsetsToTxn group=g transactional_id=t | ok',
  ],
  [
    'EndTxn',
    3,
    { transactionalId: 't', committed: true },
    { errorCode: 47 },
    'end_txn | EndTxn transactional_id=t | error | INVALID_PRODUCER_EPOCH',
  ],
  [
    'DescribeConfigs',
    1,
    {
      resources: [
        { resourceType: 2, resourceName: 'a' },
        { resourceType: 4, resourceName: '1' },
      ],
    },
    {
      results: [
        { errorCode: 29, resourceType: 2, resourceName: 'a' },
        { errorCode: 0, resourceType: 4, resourceName: '1' },
      ],
    },
    'describe_configs | DescribeConfigs a | error | TOPIC_AUTHORIZATION_FAILED',
  ],
  [
    'DescribeConfigs',
    1,
    { resources: [{ resourceType: 4, resourceName: '1' }] },
    {},
    'describe_configs | DescribeConfigs | ok',
  ],
  ['CreatePartitions', 2, { topics: [{ name: 'a', count: 4 }] }, {}, 'create_partitions | CreatePartitions a | ok'],
  ['DeleteGroups', 2, { groupsNames: ['g'] }, {}, 'delete_groups | DeleteGroups group=g | ok'],
  ['ListGroups', 4, {}, { errorCode: 15 }, 'list_groups | ListGroups | error | COORDINATOR_NOT_AVAILABLE'],
  [
    'OffsetDelete',
    0,
    { groupId: 'g', topics: [{ name: 'a', partitions: [{ partitionIndex: 0 }] }] },
    {},
    'offset_delete | OffsetDelete a group=g | ok',
  ],
  ['DescribeCluster', 0, {}, {}, 'describe_cluster | DescribeCluster | ok'],
  ['DescribeTopicPartitions', 0, { topics: [] }, {}, 'describe_topic_partitions | DescribeTopicPartitions * | ok'],
  [
    'OffsetForLeaderEpoch',
    3,
    { topics: [{ topic: 'a', partitions: [] }] },
    {},
    'offset_for_leader_epoch | OffsetForLeaderEpoch a | ok',
  ],
];

describe('requests', () => {
  for (const [api, version, fields, answered, want] of APIS)
    tells(
      `${api} v${version}: ${want.split('\n')[0]}`,
      [
        ['>', ask(api, version, fields as never)],
        ['<', reply(api, version, answered as never)],
      ],
      want.split('\n'),
    );

  tells(
    'pipelined: each has its own reply, in their order',
    [
      ['>', join(...ids.map((id) => metadata(id)))],
      ['<', join(...ids.map(answer))],
    ],
    ids.map((id) => `metadata | Metadata orders | ok${id === 0 ? '' : ' | pipelined'}`),
    (on) => expect(own(on, 'pipelined')).toBe(299),
  );
  tells(
    'one correlation id for all of them (KF-10)',
    [
      ['>', join(metadata(7), produce({ a: [batch(1)] }, { id: 7 }), fetch(['b'], { id: 7 }))],
      ['<', join(answer(7), produced({ a: [0] }, { id: 7 }), fetched({ b: [{}] }, { id: 7 }))],
    ],
    [
      'metadata | Metadata orders | ok',
      'produce | Produce a | ok | affected 1 | batch of 1 | pipelined',
      'fetch | Fetch b | ok | pipelined waits',
    ],
  );
  tells(
    'nobody answers before the connection ends',
    [['>', join(metadata(), fetch(['orders']))]],
    ['metadata | Metadata orders | lost', 'fetch | Fetch orders | lost | pipelined waits'],
    (on) => expect(own(on, 'lost')).toBe(2),
  );
  test('a request that never became whole is none', () => {
    const on = play([['>', metadata().subarray(0, 20)]]);
    expect(told(on)).toEqual([]);
    expect(own(on, 'connections')).toBe(1);
    expect(own(on, 'connections_active')).toBe(0);
  });
});

describe('who is talking', () => {
  tells(
    'the cluster, once a broker has told it on this connection',
    [
      ['>', ask('Metadata', 9, { topics: [] })],
      ['<', reply('Metadata', 9, { clusterId: 'kraft-1' })],
      ['>', ask('Heartbeat', 3, { groupId: 'g' })],
      ['<', reply('Heartbeat', 3, {})],
    ],
    ['metadata | Metadata | ok', 'heartbeat | Heartbeat group=g | ok'],
    (on) => {
      const ids = attributes(on).map((each) => each['messaging.kafka.cluster.id']);
      expect(ids).toEqual(['kraft-1', 'kraft-1']);
    },
  );
  test('each exchange under the client id of its request', () => {
    const on = stage();
    on.harness.feed(
      Side.downstream,
      join(metadata(1, 'one'), metadata(2, 'two'), metadata(3, null), metadata(4, 'two')),
    );
    const seen = [1, 2, 3, 4].map((id) => {
      on.harness.feed(Side.upstream, answer(id));
      return on.harness.facts.application;
    });
    expect(seen).toEqual(['one', 'two', '', 'two']);
    on.harness.finish();
  });
  tells(
    'the software, as ApiVersions v3 tells',
    [
      ['>', ask('ApiVersions', 3, { clientSoftwareName: 'apache-kafka-java', clientSoftwareVersion: '3.9.1' })],
      ['<', reply('ApiVersions', 3, {})],
    ],
    ['api_versions | ApiVersions | ok'],
    (on) => {
      expect(on.harness.facts.driver).toBe('apache-kafka-java 3.9.1');
      expect(
        own(on, 'software.apache-kafka-java.3_9_1.connections') ||
          own(on, 'software.apache-kafka-java.3.9.1.connections'),
      ).toBe(1);
    },
  );
  tells(
    'a client that is newer than its broker: error 35 in the form of v0 (KF-01)',
    [
      ['>', ask('ApiVersions', 4, { clientSoftwareName: 'j', clientSoftwareVersion: '4' })],
      ['<', reply('ApiVersions', 0, { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }] })],
      ['>', ask('ApiVersions', 3, { clientSoftwareName: 'j', clientSoftwareVersion: '4' }, 2)],
      ['<', reply('ApiVersions', 3, {}, 2)],
    ],
    ['api_versions | ApiVersions | error | UNSUPPORTED_VERSION', 'api_versions | ApiVersions | ok'],
    (on) => expect(on.harness.facts.driver).toBe('j 4'),
  );
  tells(
    'what only brokers say',
    [
      ['>', ask('BrokerHeartbeat', 0, { brokerId: 1 })],
      ['<', reply('BrokerHeartbeat', 0, {})],
    ],
    ['broker_heartbeat | BrokerHeartbeat | ok'],
    (on) => expect(on.harness.facts.kind).toBe('broker'),
  );
  test('and what they are refused', () => {
    const on = play([
      ['>', ask('BrokerHeartbeat', 0, { brokerId: 1 })],
      ['<', reply('BrokerHeartbeat', 0, { errorCode: 31 })],
    ]);
    expect(on.harness.facts.kind).toBe('');
  });
});

describe('api_keys_allowed and api_keys_denied', () => {
  const CLOSED = 'denied (API key)';
  const deleting = ask('DeleteTopics', 3, { topicNames: ['orders'] }, 2);
  test('a denied request never leaves, what came before it does', () => {
    const on = stage({ config: { api_keys_denied: [20] } });
    on.harness.feed(Side.downstream, join(metadata(), deleting));
    expect(on.harness.closed).toBe(CLOSED);
    expect(on.harness.sent(Side.upstream).equals(metadata())).toBe(true);
    expect(told(on)).toEqual(['delete_topics | DeleteTopics !denied | denied | denied | policy api_keys']);
    expect(on.harness.facts.application).toBe('app'); // who tried
    expect(on.harness.ended.at(-1)).toMatchObject({ policy: 'api_keys', replies: Replies.none });
  });
  test.each([
    ['allowed alone', { api_keys_allowed: [3] }, CLOSED],
    ['allowed and denied', { api_keys_allowed: [3, 20], api_keys_denied: [20] }, CLOSED],
    ['allowed', { api_keys_allowed: [3, 20] }, ''],
    ['denied something else', { api_keys_denied: [19] }, ''],
  ])('%s', (_, config, want) => {
    for (const cut of [undefined, (bytes: Uint8Array) => Array.from(bytes, (_byte, i) => bytes.subarray(i, i + 1))]) {
      const on = stage({ config });
      for (const piece of cut?.(deleting) ?? [deleting]) on.harness.feed(Side.downstream, piece);
      expect(on.harness.closed).toBe(want);
      expect(on.harness.sent(Side.upstream).equals(want === '' ? deleting : Buffer.alloc(0))).toBe(true);
    }
  });
  test('in a version that nobody knows, too', () => {
    const on = stage({ config: { api_keys_denied: [20] } });
    on.harness.feed(Side.downstream, rawRequest(20, 60, Buffer.alloc(9)));
    expect(on.harness.closed).toBe(CLOSED);
    expect(on.harness.sent(Side.upstream)).toHaveLength(0);
  });
  test('what is allowed tells the same as without', () => {
    const script: Script = [
      ['>', join(metadata(1), produce({ a: [batch(2)] }, { id: 2 }))],
      ['<', join(answer(1), produced({ a: [0] }, { id: 2 }))],
    ];
    const on = play(script, { config: { api_keys_denied: [20] } });
    expect(told(on)).toEqual(told(play(script)));
    expect(on.harness.sent(Side.upstream).equals(script[0]![1])).toBe(true);
  });
  test('what cannot be read is not let through', () => {
    const on = stage({ config: { api_keys_denied: [20] } });
    on.harness.feed(Side.downstream, Buffer.from('16030100c8010000c40303', 'hex'));
    expect(on.harness.closed).toBe('opaque:encrypted');
    expect(on.harness.sent(Side.upstream)).toHaveLength(0);
  });
});

describe('many at once', () => {
  test('above the cap of open exchanges they are told untimed, in order', () => {
    const on = stage();
    const count = MAX_OPEN + 5;
    on.harness.feed(Side.downstream, join(...Array.from({ length: count }, (_, id) => metadata(id))));
    expect(on.harness.openExchanges).toBe(MAX_OPEN);
    on.harness.feed(Side.upstream, join(...Array.from({ length: count }, (_, id) => answer(id))));
    const untimed = on.harness.ended
      .map(({ flags }, i) => ((flags & Flag.untimed) !== 0 ? i : -1))
      .filter((i) => i >= 0);
    expect(untimed).toEqual([0, 1, 2, 3, 4].map((i) => MAX_OPEN + i));
    expect(own(on, 'untimed')).toBe(5);
    on.harness.finish();
  });
  test('and above that of requests nothing is read any more', () => {
    const on = stage();
    const thousand = join(...Array.from({ length: 1024 }, (_, id) => ask('Metadata', 1, { topics: [] }, id, null)));
    for (let sent = 0; sent <= MAX_IN_FLIGHT; sent += 1024) on.harness.feed(Side.downstream, thousand);
    expect(on.harness.opaqueReasons).toEqual(['too_many_in_flight']);
    expect(on.harness.ended).toHaveLength(MAX_IN_FLIGHT);
    on.harness.finish();
  });
});

test("Envoy's counters: by API, of unknown ones and of what failed", () => {
  const on = play([
    ['>', metadata()],
    ['<', answer()],
    ['>', rawRequest(999 & 0xff, 0, Buffer.alloc(4))],
    ['<', Buffer.from('0000000400000001', 'hex')],
  ]);
  expect(envoy(on, 'request.metadata_request')).toBe(1);
  expect(envoy(on, 'response.metadata_response')).toBe(1);
  expect(envoy(on, 'request.unknown')).toBe(1);
  expect(envoy(on, 'response.unknown')).toBe(1);
});

test('a quiet session has nothing open and nothing half read', () => {
  const on = stage();
  const quiet = () => on.harness.session.quiet;
  expect(quiet()).toBe(true);
  on.harness.feed(Side.downstream, metadata().subarray(0, 7));
  expect(quiet()).toBe(false);
  on.harness.feed(Side.downstream, metadata().subarray(7));
  expect(quiet()).toBe(false);
  on.harness.feed(Side.upstream, answer().subarray(0, 9));
  expect(quiet()).toBe(false);
  on.harness.feed(Side.upstream, answer().subarray(9));
  expect(quiet()).toBe(true);
  expect(on.harness.session.farewell()).toBeNull();
});

test('metadata of a turn', () => {
  const on = play([
    [
      '>',
      ask('OffsetCommit', 8, {
        groupId: 'g-17',
        memberId: 'm',
        topics: [
          { name: '__proto__', partitions: [] },
          { name: 'b', partitions: [] },
        ],
      }),
    ],
    ['<', reply('OffsetCommit', 8, {})],
  ]);
  const [first, second] = on.harness.ended;
  const x = { ...first!, session: on.harness.facts };
  const spaces = kafka.metadata([x, { ...second!, session: on.harness.facts }] as never);
  expect(spaces['sluice.query']).toMatchObject({
    protocol: 'kafka',
    operations: ['OffsetCommit', 'OffsetCommit'],
    confidence: 'parsed',
    api_key: 8,
    api_version: 8,
    topics: ['__proto__', 'b'],
    relations: ['__proto__', 'b'],
    group: 'g-*',
    client_id: 'app',
    principal: '',
  });
  expect(Object.getPrototypeOf(spaces['sluice.filters.network.kafka']!['topics'])).toBe(Object.prototype);
  expect(attributes(on)[0]).toMatchObject({ 'messaging.consumer.group.name': 'g-17', 'sluice.kafka.member': 'm' });
  const unknown = play([['>', rawRequest(99, 0, Buffer.alloc(4))]]).harness;
  expect(kafka.metadata([{ ...unknown.ended[0]!, session: unknown.facts }] as never)['sluice.query']).toMatchObject({
    api_key: 99,
    confidence: 'none',
  });
  expect(kafka.metadata([])['sluice.query']).toMatchObject({ topics: [], confidence: 'none' });
});
