import { describe, expect, test } from 'vitest';
import { FAULTS } from '../../../src/exchange/fault.ts';
import { exposedName } from '../../../src/stats/envoy-names.ts';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { UNKNOWN_TOPIC } from '../digests.ts';
import { APIS, ApiKey } from '../schema/api.ts';
import { ErrorCode, errorName } from '../schema/error-names.ts';
import { KAFKA_STAT_GROUPS } from '../stat-groups.ts';
import { envoyName } from './api-counts.ts';
import { Status } from './facts.ts';
import { StatsStory } from './stats.fixture.ts';

/** Those of keys 0 to 75 but 71 and 72 (telemetry), which Envoy leaves out. */
const ENVOYS = [
  'produce fetch list_offsets metadata leader_and_isr stop_replica update_metadata controlled_shutdown offset_commit',
  'offset_fetch find_coordinator join_group heartbeat leave_group sync_group describe_groups list_groups sasl_handshake',
  'api_versions create_topics delete_topics delete_records init_producer_id offset_for_leader_epoch add_partitions_to_txn',
  'add_offsets_to_txn end_txn write_txn_markers txn_offset_commit describe_acls create_acls delete_acls describe_configs',
  'alter_configs alter_replica_log_dirs describe_log_dirs sasl_authenticate create_partitions create_delegation_token',
  'renew_delegation_token expire_delegation_token describe_delegation_token delete_groups elect_leaders',
  'incremental_alter_configs alter_partition_reassignments list_partition_reassignments offset_delete',
  'describe_client_quotas alter_client_quotas describe_user_scram_credentials alter_user_scram_credentials vote',
  'begin_quorum_epoch end_quorum_epoch describe_quorum alter_partition update_features envelope fetch_snapshot',
  'describe_cluster describe_producers broker_registration broker_heartbeat unregister_broker describe_transactions',
  'list_transactions allocate_producer_ids consumer_group_heartbeat consumer_group_describe controller_registration',
  'assign_replicas_to_dirs list_client_metrics_resources describe_topic_partitions',
].join(' ');
const GZIP = 1;
const ZSTD = 4;

describe('Envoy’s stats of kafka_broker', () => {
  test('all counters are there from the start, at 0; a duration with the first response', () => {
    const story = new StatsStory();
    for (const api of APIS) {
      const kind = envoyName(api);
      expect(story.envoy(`request.${kind}_request`)).toBe(0);
      expect(story.envoy(`response.${kind}_response`)).toBe(0);
      expect(story.histogram(`kafka.p.response.${kind}_response_duration`)).toBeUndefined();
    }
    for (const direction of ['request', 'response'])
      for (const name of ['unknown', 'failure']) expect(story.envoy(`${direction}.${name}`)).toBe(0);
  });

  test('names are those of Kafka 3.9, as Envoy has them', () => {
    const names = APIS.filter(({ key }) => key <= 75 && key !== 71 && key !== 72).map(envoyName);
    expect(names.join(' ')).toBe(ENVOYS);
  });

  test('a request and its response, with its milliseconds, those too that were waiting', () => {
    const story = new StatsStory();
    for (const waits of [false, true]) {
      const r = story.request({ apiKey: ApiKey.fetch, waits, tookMs: waits ? 500 : 2 });
      story.stats.request(r);
      story.stats.reply(r, Status.whole);
    }
    expect([story.envoy('request.fetch_request'), story.envoy('response.fetch_response')]).toEqual([2, 2]);
    expect(story.histogram('kafka.p.response.fetch_response_duration')).toMatchObject({ count: 2, sum: 0.502 });
    expect(story.histogram('sluice.kafka.p.fetch_latency')).toMatchObject({ count: 1, sum: 0.002 });
    expect(story.histogram('sluice.kafka.p.fetch_wait')).toMatchObject({ count: 1, sum: 0.5 });
  });

  test('are called in Prometheus as Envoy calls them', () => {
    const story = new StatsStory();
    const r = story.request({ apiKey: ApiKey.listOffsets });
    story.stats.request(r);
    story.stats.reply(r, Status.whole);
    const exposed = (name: string) => exposedName(story.registry.list.find((stat) => stat.name === name)!);
    expect(exposed('kafka.p.request.list_offsets_request')).toMatchObject({
      family: 'envoy_kafka_p_request_list_offsets_request',
      labels: {},
    });
    expect(exposed('kafka.p.response.list_offsets_response_duration')).toMatchObject({
      family: 'envoy_kafka_p_response_list_offsets_response_duration',
      perSecond: 1000,
    });
  });

  const READ: readonly (readonly [name: string, apiKey: number, status: number, counted: Record<string, number>])[] = [
    ['an API that is not known', 9999, Status.unknown, { unknown: 1 }],
    ['a version that is not known', ApiKey.produce, Status.unknown, { unknown: 1 }],
    ['a body that cannot be read', ApiKey.produce, Status.malformed, { failure: 1 }],
    ['bytes behind the body', ApiKey.produce, Status.trailing, { produce: 1 }],
  ];
  for (const [name, apiKey, status, counted] of READ)
    test(name, () => {
      const story = new StatsStory();
      const r = story.request({ apiKey, status });
      story.stats.request(r);
      story.stats.reply(r, status);
      const { unknown = 0, failure = 0, produce = 0 } = counted;
      for (const direction of ['request', 'response']) {
        expect(story.envoy(`${direction}.unknown`)).toBe(unknown);
        expect(story.envoy(`${direction}.failure`)).toBe(failure);
        expect(story.envoy(`${direction}.produce_${direction}`)).toBe(produce);
      }
      const api = apiKey === 9999 ? 'Unknown' : 'Produce';
      expect(story.own(`api.${api}.requests`)).toBe(1);
      expect(story.own(`api.${api}.unknown_versions`)).toBe(api === 'Produce' ? unknown : 0);
      expect(story.own(`api.${api}.malformed`)).toBe(2 * failure);
      expect(story.own('trailing')).toBe(status === Status.trailing ? 2 : 0);
      expect([story.own('requests'), story.own('responses')]).toEqual([1, 1]);
    });
});

describe('requests', () => {
  test('under way: until a response, none at all, or the end of the connection', () => {
    const story = new StatsStory();
    const { stats } = story;
    const rs = [story.request(), story.request(), story.request()] as const;
    for (const r of rs) stats.request(r);
    expect(story.own('requests_active')).toBe(3);
    stats.reply(rs[0], Status.whole);
    stats.noReply(rs[1]);
    stats.lost(rs[2]);
    expect(['requests_active', 'responses', 'no_response', 'lost'].map((name) => story.own(name))).toEqual([
      0, 1, 1, 1,
    ]);
    expect([story.own('request_bytes'), story.own('response_bytes')]).toEqual([300, 40]);
  });

  test('pipelined, untimed, unpaired; connections', () => {
    const story = new StatsStory();
    const { stats } = story;
    stats.sessionStart();
    stats.sessionStart();
    stats.brokerSession();
    stats.sessionEnd();
    stats.pipelined();
    stats.untimed();
    stats.unpaired(17);
    const names = ['connections', 'connections_active', 'broker_connections', 'pipelined', 'untimed', 'unpaired'];
    expect(names.map((name) => story.own(name))).toEqual([2, 1, 1, 1, 1, 1]);
    expect([story.own('response_bytes'), story.envoy('response.failure')]).toEqual([17, 1]);
    for (const fault of FAULTS) stats.opaque(fault);
    for (const fault of FAULTS) expect(story.own(`opaque.${fault}.sessions`)).toBe(1);
  });

  test('times: none of those that have none; waits of groups apart', () => {
    const story = new StatsStory();
    for (const [apiKey, waits, tookMs] of [
      [ApiKey.joinGroup, true, 3000],
      [ApiKey.syncGroup, true, 1000],
      [ApiKey.heartbeat, false, 1],
      [ApiKey.fetch, false, -1],
    ] as const)
      story.stats.reply(story.request({ apiKey, waits, tookMs }), Status.whole);
    expect(story.histogram('sluice.kafka.p.group_wait')).toMatchObject({ count: 2, sum: 4 });
    expect(story.histogram('sluice.kafka.p.fetch_latency')).toMatchObject({ count: 0 });
    expect(story.histogram('kafka.p.response.heartbeat_response_duration')).toMatchObject({ count: 1, sum: 0.001 });
    expect(story.histogram('kafka.p.response.fetch_response_duration')).toBeUndefined();
  });

  test('throttled', () => {
    const story = new StatsStory();
    for (const throttleMs of [0, 250, 750]) story.stats.reply(story.request({ throttleMs }), Status.whole);
    expect([story.own('throttled'), story.own('client.app.throttled')]).toEqual([2, 2]);
    expect(story.histogram('sluice.kafka.p.throttle_time')).toMatchObject({ count: 2, sum: 1 });
  });

  test('by client', () => {
    const story = new StatsStory();
    for (const name of ['app', 'app', '', 'other.app']) {
      const r = story.request({ client: story.client(name) });
      story.stats.request(r);
      story.stats.reply(r, Status.whole);
    }
    expect(story.all(/client\.(.+)\.requests$/)).toEqual({ app: 2, _: 1, 'other.app': 1 });
    expect(story.all(/client\.(.+)\.request_bytes$/)).toEqual({ app: 200, _: 100, 'other.app': 100 });
    expect(story.all(/client\.(.+)\.response_bytes$/)).toEqual({ app: 80, _: 40, 'other.app': 40 });
  });
});

describe('errors', () => {
  test('by API and Kafka’s name; of the topic, the client and the group', () => {
    const story = new StatsStory();
    const { stats } = story;
    const topic = story.topic('orders');
    stats.error(story.request(), 6, topic);
    stats.error(story.request(), 6, topic);
    stats.error(story.request({ apiKey: ApiKey.heartbeat, group: story.group('g') }), 27, null);
    stats.error(story.request({ apiKey: ApiKey.fetch }), -1, null);
    expect(story.all(/error\.(.+)\.total$/)).toEqual({
      'Produce.NOT_LEADER_OR_FOLLOWER': 2,
      'Heartbeat.REBALANCE_IN_PROGRESS': 1,
      'Fetch.UNKNOWN_SERVER_ERROR': 1,
    });
    expect(['errors', 'topic.orders.errors', 'client.app.errors', 'group.g.errors'].map((n) => story.own(n))).toEqual([
      4, 2, 4, 1,
    ]);
  });

  test('codes without a name: 32 of them, then other; all are counted', () => {
    const story = new StatsStory();
    for (let code = 1000; code < 1100; code++) story.stats.error(story.request(), code, null);
    for (let code = 1000; code < 1100; code++) story.stats.error(story.request(), code, null);
    const errors = story.all(/error\.Produce\.(.+)\.total$/);
    expect(Object.keys(errors)).toHaveLength(33);
    expect(errors['ERROR_1000']).toBe(2);
    expect(errors['other']).toBe(136);
  });

  test('every API with every code: bounded', () => {
    const story = new StatsStory();
    let n = 0;
    for (const { key } of APIS)
      for (let code = 1; code <= 130; code++) {
        story.stats.error(story.request({ apiKey: key }), code, null);
        n++;
      }
    const errors = story.all(/error\.(.+)\.total$/);
    expect(Object.keys(errors).length).toBeLessThanOrEqual(1024 + APIS.length);
    expect(Object.values(errors).reduce((all, one) => all + one, 0)).toBe(n);
    expect(errorName(1)).toBe('OFFSET_OUT_OF_RANGE');
  });
});

describe('records', () => {
  test('produced, refused and fetched: together, by topic, client and codec', () => {
    const story = new StatsStory();
    const { stats } = story;
    const [orders, bills] = [story.topic('orders'), story.topic('bills.v1')];
    const [app, job] = [story.request(), story.request({ client: story.client('job') })];
    stats.produced(orders, app, 2, 10, 1000, GZIP);
    stats.produced(orders, app, 1, 5, 500, 0);
    stats.produced(bills, job, 1, 7, 700, GZIP);
    stats.produced(orders, job, 1, 1, 9, 77);
    stats.produced(orders, job, 0, 0, 0, -1);
    stats.refused(bills, job, 1, 3, 30);
    stats.fetched(orders, job, 4, 40, 400, ZSTD);
    expect(story.all(/topic\.(.+)\.produced_records$/)).toEqual({ orders: 16, 'bills.v1': 7 });
    expect(story.all(/topic\.(.+)\.produced_bytes$/)).toEqual({ orders: 1509, 'bills.v1': 700 });
    expect(story.all(/topic\.(.+)\.produced_batches$/)).toEqual({ orders: 4, 'bills.v1': 1 });
    expect(story.all(/topic\.(.+)\.batches$/)).toEqual({
      'orders.codec.gzip': 2,
      'orders.codec.none': 1,
      'orders.codec.unknown': 1,
      'bills.v1.codec.gzip': 1,
    });
    expect(story.all(/p\.codec\.(.+)\.produced_batches$/)).toEqual({ gzip: 3, none: 1, unknown: 1 });
    expect(story.all(/p\.codec\.(.+)\.produced_records$/)).toEqual({ gzip: 17, none: 5, unknown: 1 });
    expect(story.all(/p\.codec\.(.+)\.produced_bytes$/)).toEqual({ gzip: 1700, none: 500, unknown: 9 });
    expect(story.all(/topic\.(.+)\.refused_records$/)).toEqual({ orders: 0, 'bills.v1': 3 });
    expect(story.all(/topic\.(.+)\.fetched_(records|bytes|batches)$/)).toEqual({ orders: 4, 'bills.v1': 0 });
    expect([story.own('topic.orders.fetched_records'), story.own('topic.orders.fetched_bytes')]).toEqual([40, 400]);
    const client = (name: string) => story.all(new RegExp(`client\\.(.+)\\.${name}$`));
    expect(client('produced_records')).toEqual({ app: 15, job: 8 });
    expect(client('produced_bytes')).toEqual({ app: 1500, job: 709 });
    expect(client('refused_records')).toEqual({ app: 0, job: 3 });
    expect(client('fetched_records')).toEqual({ app: 0, job: 40 });
    expect(client('fetched_bytes')).toEqual({ app: 0, job: 400 });
    const totals = ['produced_batches', 'produced_records', 'produced_bytes', 'refused_records', 'refused_bytes'];
    expect(totals.map((name) => story.own(name))).toEqual([5, 23, 2209, 3, 30]);
    const fetched = ['fetched_batches', 'fetched_records', 'fetched_bytes'];
    expect(fetched.map((name) => story.own(name))).toEqual([4, 40, 400]);
  });

  test('requests by topic: those that move records', () => {
    const story = new StatsStory();
    const topic = story.topic('t');
    for (const key of [ApiKey.produce, ApiKey.fetch, ApiKey.fetch, ApiKey.metadata])
      story.stats.topicRequest(topic, key);
    expect([story.own('topic.t.produce_requests'), story.own('topic.t.fetch_requests')]).toEqual([1, 2]);
  });

  test('topics that nobody told apart are others', () => {
    const story = new StatsStory();
    story.stats.produced(null, story.request(), 1, 2, 3, 0);
    story.stats.error(story.request(), 3, null);
    expect(story.own('topic.other.produced_records')).toBe(2);
    expect(story.own('topic.other.errors')).toBe(0);
  });
});

describe('names are bounded', () => {
  test('a name costs no series before something of it is counted', () => {
    const story = new StatsStory();
    const before = story.registry.list.length;
    for (let i = 0; i < 10_000; i++) {
      story.stats.topic(`t${i}`);
      story.stats.client(`c${i}`);
      story.stats.group(`g${i}`);
    }
    expect(story.registry.list.length).toBe(before);
  });

  test('the first ones have series, all others one; what is counted stays whole', () => {
    const story = new StatsStory({ topics: 3, clients: 2, groups: 1 });
    for (let i = 0; i < 10; i++)
      for (let again = 0; again < 2; again++) {
        const r = story.request({ client: story.client(`c${i}`), group: story.group(`g${i}`) });
        story.stats.request(r);
        story.stats.produced(story.topic(`t${i}`), r, 1, 5, 50, 0);
      }
    expect(story.all(/topic\.([^.]+)\.produced_records$/)).toEqual({ t0: 10, t1: 10, t2: 10, other: 70 });
    expect(story.all(/topic\.(.+)\.codec\.none\.batches$/)).toEqual({ t0: 2, t1: 2, t2: 2, other: 14 });
    expect(story.all(/client\.(.+)\.requests$/)).toEqual({ c0: 2, c1: 2, other: 16 });
    expect(story.all(/group\.(.+)\.requests$/)).toEqual({ g0: 2, other: 18 });
  });

  test('a topic keeps its series when its name is met anew', () => {
    const story = new StatsStory({ topics: 1 });
    for (let i = 0; i < 3; i++) story.stats.produced(story.topic('t'), story.request(), 1, 1, 1, 0);
    expect(story.own('topic.t.produced_records')).toBe(3);
  });

  test('names of the wire cannot take each other’s series, whatever dots they hold', () => {
    const story = new StatsStory();
    for (const name of ['a', 'a.codec.gzip', 'a.codec.gzip.batches', 'codec.gzip', 'a.errors'])
      story.stats.produced(story.topic(name), story.request(), 1, 1, 10, GZIP);
    const names = story.registry.list.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const [name, records] of Object.entries(story.all(/topic\.(.+)\.produced_records$/)))
      expect([name, records]).toEqual([name, 1]);
  });

  test('client software: 64 pairs, then other; of odd text what Kafka allows', () => {
    const story = new StatsStory();
    const { stats } = story;
    stats.software('apache-kafka-java', '3.9.1');
    stats.software('apache-kafka-java', '3.9.1');
    stats.software('a.b\n{evil="1"}', '');
    for (let i = 0; i < 100; i++) stats.software('x'.repeat(200), String(i));
    const software = story.all(/software\.(.+)\.connections$/);
    expect(Object.keys(software)).toHaveLength(65);
    expect(software['apache-kafka-java.3.9.1']).toBe(2);
    expect(software['a_b__evil__1__._']).toBe(1);
    expect(software['other.other']).toBe(38);
  });

  test('50,000 topics, 50,000 clients and groups: series, memory and time', () => {
    const story = new StatsStory();
    const { stats } = story;
    const before = story.registry.list.length;
    const beganAt = cpuMs();
    for (let i = 0; i < 50_000; i++) {
      const r = story.request({ client: story.client(`c${i}`), group: story.group(`g${i}`) });
      stats.request(r);
      const topic = story.topic(`t${i}`);
      stats.produced(topic, r, 1, 2, 30, GZIP);
      stats.topicRequest(topic, ApiKey.produce);
    }
    expect(cpuMs() - beganAt).toBeLessThan(1000);
    expect(story.registry.list.length - before).toBeLessThan(101 * 11 + 51 * 10 + 51 * 8 + 20);
    const sums = story.all(/topic\.([^.]+)\.produced_records$/);
    expect(Object.keys(sums)).toHaveLength(101);
    expect(Object.values(sums).reduce((all, one) => all + one, 0)).toBe(100_000);
    expect(sums['other']).toBe(2 * 49_900);
  });

  test('what is known is counted without a series, a name or a string being made', () => {
    const story = new StatsStory();
    const r = story.request({ group: story.group('g'), apiKey: ApiKey.produce });
    const topic = story.topic('t');
    const round = () => {
      story.stats.request(r);
      story.stats.produced(topic, r, 1, 10, 1000, GZIP);
      story.stats.topicRequest(topic, ApiKey.produce);
      story.stats.error(r, 6, topic);
      story.stats.reply(r, Status.whole);
    };
    round();
    const before = story.registry.list.length;
    for (let i = 0; i < 1000; i++) round();
    expect(story.registry.list.length).toBe(before);
    expect(story.own('topic.t.produced_records')).toBe(10_010);
  });
});

describe('groups', () => {
  test('rebalances are counted where the leader is told; joins, leaves, commits', () => {
    const story = new StatsStory();
    const { stats } = story;
    const group = story.group('g');
    stats.joined(group, 1, 2);
    stats.joined(group, 1, 0);
    stats.heartbeat(group, 0);
    stats.heartbeat(group, ErrorCode.rebalanceInProgress);
    stats.joined(group, 2, 1);
    stats.left(group, 1);
    stats.committed(group, story.topic('t'), 0, 5);
    stats.committed(group, story.topic('t'), 1, 5);
    const names = ['joins', 'rebalances', 'rebalancing', 'leaves', 'commits'];
    expect(names.map((name) => story.own(`group.g.${name}`))).toEqual([3, 2, 1, 1, 2]);
    expect([story.own('rebalances'), story.own('commits')]).toEqual([2, 2]);
    expect(story.lag.gauges()).toEqual({ 'g.generation': 2, 'g.members': 0 });
    stats.generation(group, 3);
    expect(story.lag.gauges()).toEqual({ 'g.generation': 3 });
  });

  test('a member that came back by another worker: its heartbeats tell the generation', () => {
    const story = new StatsStory();
    const beat = (name: string, generation: number, error: number) => {
      const r = story.request({ apiKey: ApiKey.heartbeat, group: story.group(name), generation, error });
      story.stats.request(r);
      story.stats.reply(r, Status.whole);
    };
    beat('billing', 7, 0);
    beat('invented', 7, ErrorCode.unknownMemberId);
    expect(story.lag.gauges()).toEqual({ 'billing.generation': 7 });
  });

  test('what is heard of offsets becomes lag', () => {
    const story = new StatsStory();
    const { stats } = story;
    const [group, topic, client] = [story.group('g'), story.topic('t'), story.client('app')];
    stats.highWatermark(topic, 0, 50);
    stats.offsetFetched(group, topic, 0, 10);
    stats.fetchPosition(client, topic, 0, 20);
    expect(story.lag.gauges()).toMatchObject({ 'g.t.lag_sum': 40, 'g.t.committed_messages': 0 });
    stats.producedTo(topic, 0, 80);
    stats.committed(group, topic, 0, 30);
    expect(story.lag.gauges()).toMatchObject({ 'g.t.lag_sum': 50, 'g.t.committed_messages': 20 });
    expect(story.lag.gauges('sluice.consumer_client.kafka.')).toMatchObject({ 'app.t.lag_sum': 60 });
  });

  test('topics whose id nobody has named have no lag: they are many', () => {
    const story = new StatsStory();
    const [group, topic, client] = [story.group('g'), story.topic(UNKNOWN_TOPIC), story.client('app')];
    story.stats.highWatermark(topic, 0, 50);
    story.stats.producedTo(topic, 0, 50);
    story.stats.committed(group, topic, 0, 10);
    story.stats.offsetFetched(group, topic, 0, 10);
    story.stats.fetchPosition(client, topic, 0, 10);
    expect(story.lag.tell()).toBe(0);
    expect(story.own('group.g.commits')).toBe(1);
  });

  test('a request keeps its group known', () => {
    const story = new StatsStory();
    const group = story.group('g');
    story.stats.joined(group, 1, 1);
    story.lag.tell();
    for (let i = 0; i < 70; i++) {
      story.lag.pass(60_000);
      story.stats.request(story.request({ group }));
      story.lag.tell();
      story.lag.gauges();
    }
    expect(story.lag.gauges()).toEqual({ 'g.generation': 1, 'g.members': 1 });
  });
});

describe('what else is counted', () => {
  test('logins by mechanism', () => {
    const { stats, ...story } = new StatsStory();
    stats.sasl('PLAIN', true);
    stats.sasl('PLAIN', false);
    stats.sasl('SCRAM-SHA-512', true, true);
    stats.sasl('x\ny', false);
    const value = (name: string) => story.registry.value(`sluice.kafka.p.${name}`);
    expect(value('auth.PLAIN.logins')).toBe(1);
    expect(value('auth.PLAIN.login_failures')).toBe(1);
    expect(value('auth.SCRAM-SHA-512.logins')).toBe(1);
    expect(value('auth.other.login_failures')).toBe(1);
    expect(value('reauthentications')).toBe(1);
  });

  test('fetch sessions', () => {
    const story = new StatsStory();
    for (const step of ['opened', 'resumed', 'resumed', 'closed', 'lost'] as const) story.stats.fetchSession(step);
    expect(story.all(/fetch_sessions_(\w+)$/)).toEqual({ opened: 1, resumed: 2, closed: 1, lost: 1 });
  });

  test('records that lie', () => {
    const story = new StatsStory();
    story.stats.malformedRecords(ApiKey.produce);
    expect([story.own('malformed_records'), story.own('api.Produce.malformed_records')]).toEqual([1, 1]);
  });

  test('addresses', () => {
    const story = new StatsStory();
    const { addresses } = story.stats;
    addresses.rewritten(ApiKey.metadata);
    addresses.rewrite(4, 1000);
    addresses.clamped();
    addresses.unmapped();
    addresses.bypassHint();
    addresses.noDoor();
    addresses.undecodable(ApiKey.metadata);
    addresses.deniedKey(ApiKey.deleteTopics);
    for (const name of [
      'rewritten_replies',
      'clamped_api_versions',
      'unmapped_brokers',
      'bypass_hint',
      'closed_no_door',
      'closed_undecodable',
      'closed_denied_key',
      'api.Metadata.rewritten',
      'api.Metadata.undecodable',
      'api.DeleteTopics.denied',
    ])
      expect([name, story.own(name)]).toEqual([name, 1]);
    expect(story.own('rewritten_bytes')).toBe(1000);
    expect(story.histogram('sluice.kafka.p.rewrite_time')).toMatchObject({ count: 1, sum: 0.004 });
  });
});

test('no two groups have a stat of one name', () => {
  const names = KAFKA_STAT_GROUPS.flatMap(({ prefix, stats }) => Object.keys(stats).map((key) => prefix + key));
  expect(new Set(names).size).toBe(names.length);
});
