import { FAULTS, type Fault } from '../../../src/exchange/fault.ts';
import type { LagSink } from '../../../src/exchange/lag-sink.ts';
import type { FilterEnv } from '../../../src/exchange/protocol-filter.ts';
import type { Histogram } from '../../../src/stats/histogram.ts';
import type { StatIds, StatsRegistry } from '../../../src/stats/registry.ts';
import { UNKNOWN_TOPIC } from '../digests.ts';
import { ApiKey } from '../schema/api.ts';
import { ErrorCode } from '../schema/error-names.ts';
import {
  KAFKA_CLIENT_STATS,
  KAFKA_GROUP_STATS,
  KAFKA_OPAQUE_STATS,
  KAFKA_OWN_STATS,
  KAFKA_REQUEST_STATS,
  KAFKA_RESPONSE_STATS,
  KAFKA_TOPIC_STATS,
} from '../stat-groups.ts';
import { AddressCounts } from './address-counts.ts';
import { ApiTable } from './api-counts.ts';
import { CodecCounts } from './codec-counts.ts';
import {
  type ClientCounts,
  type ClientKey,
  type CountedRequest,
  type GroupCounts,
  type GroupKey,
  type NamedClient,
  type NamedGroup,
  type NamedTopic,
  Status,
  type TopicCounts,
  type TopicKey,
} from './facts.ts';
import { SessionCounts } from './session-counts.ts';
import { Counts, type Slot, Slots } from './slots.ts';

/** Bounds, as the listener's options have them. */
export interface StatsOptions {
  readonly topics: number;
  readonly clients: number;
  readonly groups: number;
  readonly partitions: number;
  readonly lag_partitions: number;
}

export type { ClientCounts, GroupCounts, TopicCounts } from './facts.ts';

export type FetchSessionStep = 'opened' | 'resumed' | 'closed' | 'lost';

/**
 * All stats of one filter chain: what the session tells becomes counters, and what it hears of offsets goes on to the lag
 * sink. Nothing here makes a string for a name that has its slot.
 */
export class KafkaStats {
  readonly registry: StatsRegistry;
  readonly own: StatIds<keyof typeof KAFKA_OWN_STATS.stats>;
  /** What the rewriting of addresses counts. */
  readonly addresses: AddressCounts;
  readonly #lag: LagSink;
  readonly #requests: StatIds<keyof typeof KAFKA_REQUEST_STATS.stats>;
  readonly #responses: StatIds<keyof typeof KAFKA_RESPONSE_STATS.stats>;
  readonly #apis: ApiTable;
  readonly #topics: Slots<TopicKey>;
  readonly #clients: Slots<ClientKey>;
  readonly #groups: Slots<GroupKey>;
  readonly #codecs: CodecCounts;
  readonly #sessions: SessionCounts;
  readonly #fetchSessions: Readonly<Record<FetchSessionStep, number>>;
  readonly #fetchLatency: Histogram;
  readonly #fetchWait: Histogram;
  readonly #groupWait: Histogram;
  readonly #throttleTime: Histogram;
  readonly #opaque: Readonly<Record<Fault, number>>;

  constructor({ stats: registry, lag }: Pick<FilterEnv, 'stats' | 'lag'>, statPrefix: string, options: StatsOptions) {
    this.registry = registry;
    this.#lag = lag;
    const { topics, clients, groups, partitions, lag_partitions: series } = options;
    lag.configure({ partitions, series, groups, clients });
    const parts = { stat_prefix: statPrefix };
    this.own = registry.open(KAFKA_OWN_STATS, parts);
    this.#requests = registry.open(KAFKA_REQUEST_STATS, parts);
    this.#responses = registry.open(KAFKA_RESPONSE_STATS, parts);
    this.#sessions = new SessionCounts(registry, statPrefix);
    this.#apis = new ApiTable(registry, statPrefix);
    this.addresses = new AddressCounts(registry, this.own, this.#apis);
    this.#topics = new Slots(registry, KAFKA_TOPIC_STATS, 'topic', statPrefix, topics);
    this.#codecs = new CodecCounts(registry, statPrefix);
    this.#clients = new Slots(registry, KAFKA_CLIENT_STATS, 'client', statPrefix, clients);
    this.#groups = new Slots(registry, KAFKA_GROUP_STATS, 'group', statPrefix, groups);
    this.#fetchSessions = {
      opened: this.own.fetch_sessions_opened,
      resumed: this.own.fetch_sessions_resumed,
      closed: this.own.fetch_sessions_closed,
      lost: this.own.fetch_sessions_lost,
    };
    this.#fetchLatency = registry.histogram(this.own.fetch_latency);
    this.#fetchWait = registry.histogram(this.own.fetch_wait);
    this.#groupWait = registry.histogram(this.own.group_wait);
    this.#throttleTime = registry.histogram(this.own.throttle_time);
    this.#opaque = Object.fromEntries(
      FAULTS.map((reason) => [reason, registry.open(KAFKA_OPAQUE_STATS, { ...parts, reason }).sessions]),
    ) as Record<Fault, number>;
  }

  /** To be kept beside the name; may be asked for again. `name` is text that may be shown. */
  topic(name: string): TopicCounts {
    return new Counts(name);
  }

  client(name: string): ClientCounts {
    return new Counts(name);
  }

  group(name: string): GroupCounts {
    return new Counts(name);
  }

  sessionStart(): void {
    this.registry.inc(this.own.connections);
    this.registry.inc(this.own.connections_active);
  }

  sessionEnd(): void {
    this.registry.add(this.own.connections_active, -1);
  }

  brokerSession(): void {
    this.registry.inc(this.own.broker_connections);
  }

  opaque(reason: Fault): void {
    this.registry.inc(this.#opaque[reason]);
  }

  /** What ApiVersions says, once a connection. */
  software(name: string, version: string): void {
    this.#sessions.software(name, version);
  }

  sasl(mechanism: string, isAccepted: boolean, isAgain = false): void {
    this.#sessions.login(mechanism, isAccepted);
    if (isAgain) this.registry.inc(this.own.reauthentications);
  }

  /** A request has been read, as far as it can be. reply(), noReply() or lost() follows once. */
  request(r: CountedRequest): void {
    const { registry, own } = this;
    const api = this.#apis.of(r.apiKey);
    registry.inc(own.requests);
    registry.inc(own.requests_active);
    registry.add(own.request_bytes, r.bytes);
    registry.inc(api.own.requests);
    if (r.status === Status.unknown) {
      registry.inc(this.#requests.unknown);
      if (api.request >= 0) registry.inc(api.own.unknown_versions);
    } else if (r.status === Status.malformed) {
      registry.inc(this.#requests.failure);
      registry.inc(api.own.malformed);
    } else {
      if (api.request >= 0) registry.inc(api.request);
      if (r.status === Status.trailing) registry.inc(own.trailing);
    }
    const { ids } = this.#clientSlot(r.client);
    registry.inc(ids.requests);
    registry.add(ids.request_bytes, r.bytes);
    if (r.group === null) return;
    registry.inc(this.#groupSlot(r.group).ids.requests);
    this.#lag.group(r.group.name, -1, -1);
  }

  /** Its response has been read, as far as it can be (`status`). */
  reply(r: CountedRequest, status: number): void {
    const { registry, own } = this;
    registry.add(own.requests_active, -1);
    registry.inc(own.responses);
    registry.add(own.response_bytes, r.replyBytes);
    const { ids } = this.#clientSlot(r.client);
    registry.add(ids.response_bytes, r.replyBytes);
    const api = this.#apis.of(r.apiKey);
    if (status === Status.unknown) registry.inc(this.#responses.unknown);
    else if (status === Status.malformed) {
      registry.inc(this.#responses.failure);
      registry.inc(api.own.malformed);
    } else {
      if (api.response >= 0) registry.inc(api.response);
      if (status === Status.trailing) registry.inc(own.trailing);
    }
    // What a broker takes from a member is so: a worker that took over its connection has not seen it join.
    if (r.apiKey === ApiKey.heartbeat && r.group !== null && r.error === 0 && status !== Status.malformed)
      this.generation(r.group, r.generation);
    if (r.tookMs >= 0) this.#took(r, r.tookMs / 1000);
    if (r.throttleMs <= 0) return;
    registry.inc(own.throttled);
    registry.inc(ids.throttled);
    this.#throttleTime.record(r.throttleMs / 1000);
  }

  /** A Produce with acks=0. */
  noReply(_r: CountedRequest): void {
    this.registry.add(this.own.requests_active, -1);
    this.registry.inc(this.own.no_response);
  }

  /** Its connection ended first. */
  lost(_r: CountedRequest): void {
    this.registry.add(this.own.requests_active, -1);
    this.registry.inc(this.own.lost);
  }

  /** A response that no request waits for. */
  unpaired(bytes: number): void {
    this.registry.inc(this.own.unpaired);
    this.registry.add(this.own.response_bytes, bytes);
    this.registry.inc(this.#responses.failure);
  }

  pipelined(): void {
    this.registry.inc(this.own.pipelined);
  }

  untimed(): void {
    this.registry.inc(this.own.untimed);
  }

  /** One field of a response that holds an error code, be it the request's own, a topic's or a partition's. */
  error(r: CountedRequest, code: number, topic: NamedTopic | null): void {
    const { registry } = this;
    registry.inc(this.own.errors);
    this.#apis.error(r.apiKey, code);
    registry.inc(this.#clientSlot(r.client).ids.errors);
    if (r.group !== null) registry.inc(this.#groupSlot(r.group).ids.errors);
    if (topic !== null) registry.inc(this.#topicSlot(topic).ids.errors);
  }

  /** Once for each topic of a Produce, and of a Fetch whose response has records or an error of it. */
  topicRequest(topic: NamedTopic | null, apiKey: number): void {
    const { ids } = this.#topicSlot(topic);
    if (apiKey === ApiKey.produce) this.registry.inc(ids.produce_requests);
    else if (apiKey === ApiKey.fetch) this.registry.inc(ids.fetch_requests);
  }

  /** Records that the broker took; `bytes` of their batches on the wire. */
  produced(
    topic: NamedTopic | null,
    r: CountedRequest,
    batches: number,
    records: number,
    bytes: number,
    codec: number,
  ): void {
    const { registry, own } = this;
    registry.add(own.produced_batches, batches);
    registry.add(own.produced_records, records);
    registry.add(own.produced_bytes, bytes);
    const slot = this.#topicSlot(topic);
    registry.add(slot.ids.produced_batches, batches);
    registry.add(slot.ids.produced_records, records);
    registry.add(slot.ids.produced_bytes, bytes);
    const client = this.#clientSlot(r.client).ids;
    registry.add(client.produced_records, records);
    registry.add(client.produced_bytes, bytes);
    if (batches > 0) this.#codecs.produced(slot, codec, batches, records, bytes);
  }

  /** Records that were sent and not taken. */
  refused(topic: NamedTopic | null, r: CountedRequest, _batches: number, records: number, bytes: number): void {
    const { registry, own } = this;
    registry.add(own.refused_records, records);
    registry.add(own.refused_bytes, bytes);
    registry.add(this.#topicSlot(topic).ids.refused_records, records);
    registry.add(this.#clientSlot(r.client).ids.refused_records, records);
  }

  /** Records in a Fetch response. */
  fetched(
    topic: NamedTopic | null,
    r: CountedRequest,
    batches: number,
    records: number,
    bytes: number,
    _codec: number,
  ): void {
    const { registry, own } = this;
    registry.add(own.fetched_batches, batches);
    registry.add(own.fetched_records, records);
    registry.add(own.fetched_bytes, bytes);
    const { ids } = this.#topicSlot(topic);
    registry.add(ids.fetched_batches, batches);
    registry.add(ids.fetched_records, records);
    registry.add(ids.fetched_bytes, bytes);
    const client = this.#clientSlot(r.client).ids;
    registry.add(client.fetched_records, records);
    registry.add(client.fetched_bytes, bytes);
  }

  fetchSession(step: FetchSessionStep): void {
    this.registry.inc(this.#fetchSessions[step]);
  }

  /** Records of a partition whose inner lengths lie, in a request or a response that holds otherwise. */
  malformedRecords(apiKey: number): void {
    this.registry.inc(this.own.malformed_records);
    this.registry.inc(this.#apis.of(apiKey).own.malformed_records);
  }

  /** The partition's high watermark, from a Fetch response or a ListOffsets for the latest. */
  highWatermark(topic: NamedTopic, partition: number, offset: number): void {
    if (isKnown(topic)) this.#lag.end(topic.name, partition, offset);
  }

  /** The offset behind what the broker has just taken: so lag grows where nobody fetches, too. */
  producedTo(topic: NamedTopic, partition: number, nextOffset: number): void {
    if (isKnown(topic)) this.#lag.end(topic.name, partition, nextOffset);
  }

  /** A commit that the broker took. */
  committed(group: NamedGroup, topic: NamedTopic, partition: number, offset: number): void {
    this.registry.inc(this.own.commits);
    this.registry.inc(this.#groupSlot(group).ids.commits);
    if (isKnown(topic)) this.#lag.committed(group.name, topic.name, partition, offset);
  }

  /** A committed offset that the broker told; -1: there is none. */
  offsetFetched(group: NamedGroup, topic: NamedTopic, partition: number, offset: number): void {
    if (isKnown(topic)) this.#lag.committed(group.name, topic.name, partition, offset);
  }

  /** Where a client wants to read. */
  fetchPosition(client: NamedClient, topic: NamedTopic, partition: number, offset: number): void {
    if (isKnown(topic)) this.#lag.fetched(client.name, topic.name, partition, offset);
  }

  /** A JoinGroup that succeeded. `members`: as the leader is told; 0: to a follower, who is not told. */
  joined(group: NamedGroup, generation: number, members: number): void {
    const { registry } = this;
    const { ids } = this.#groupSlot(group);
    registry.inc(ids.joins);
    // Of each generation one leader is told, whichever worker has its connection.
    if (members > 0) {
      registry.inc(this.own.rebalances);
      registry.inc(ids.rebalances);
    }
    this.#lag.group(group.name, generation, members > 0 ? members : -1);
  }

  /** The generation that a request or a response names. */
  generation(group: NamedGroup, generation: number): void {
    this.#lag.group(group.name, generation, -1);
  }

  left(group: NamedGroup, members: number): void {
    this.registry.add(this.#groupSlot(group).ids.leaves, members);
    this.#lag.left(group.name, members);
  }

  /** A response to a member: all is well (0), or join anew. */
  heartbeat(group: NamedGroup, code: number): void {
    if (code === ErrorCode.rebalanceInProgress) this.registry.inc(this.#groupSlot(group).ids.rebalancing);
  }

  #took({ apiKey, waits }: CountedRequest, seconds: number): void {
    this.#apis.duration(apiKey)?.record(seconds);
    if (apiKey === ApiKey.fetch) (waits ? this.#fetchWait : this.#fetchLatency).record(seconds);
    else if (waits && (apiKey === ApiKey.joinGroup || apiKey === ApiKey.syncGroup)) this.#groupWait.record(seconds);
  }

  /** Null: of topics that nobody told apart. */
  #topicSlot(topic: NamedTopic | null): Slot<TopicKey> {
    if (topic === null) return this.#topics.other;
    const { name, counts } = topic;
    counts.slot ??= this.#topics.of(name);
    return counts.slot;
  }

  #clientSlot({ name, counts }: NamedClient): Slot<ClientKey> {
    counts.slot ??= this.#clients.of(name);
    return counts.slot;
  }

  #groupSlot({ name, counts }: NamedGroup): Slot<GroupKey> {
    counts.slot ??= this.#groups.of(name);
    return counts.slot;
  }
}

/** Topics whose ids nobody has named share one name: their partitions are not one topic's. */
const isKnown = ({ name }: NamedTopic): boolean => name !== UNKNOWN_TOPIC;
