import { statGroup } from '../../src/stats/registry.ts';

const counter = (help: string) => ({ kind: 'counter', help }) as const;
const gauge = (help: string) => ({ kind: 'gauge', help }) as const;
const histogram = (help: string) => ({ kind: 'histogram', help }) as const;

/** Envoy's kafka_broker, requests. */
export const KAFKA_REQUEST_STATS = statGroup('kafka.<stat_prefix>.request.', {
  unknown: counter('Requests of an API or a version that is not known.'),
  failure: counter('Requests that could not be decoded.'),
});
/** Envoy's kafka_broker, responses. */
export const KAFKA_RESPONSE_STATS = statGroup('kafka.<stat_prefix>.response.', {
  unknown: counter('Responses to requests of an API or a version that is not known.'),
  failure: counter('Responses that could not be decoded, and those that no request waits for.'),
});
/** One set an API, under Envoy's name for it. */
export const KAFKA_API_REQUEST_STATS = statGroup('kafka.<stat_prefix>.request.<api>_', {
  request: counter('Requests.'),
});
export const KAFKA_API_RESPONSE_STATS = statGroup('kafka.<stat_prefix>.response.<api>_', {
  response: counter('Responses.'),
});
export const KAFKA_API_DURATION_STATS = statGroup('kafka.<stat_prefix>.response.<api>_', {
  response_duration: histogram(
    "Milliseconds from the request's first byte to the response's last, times included that the broker was asked to wait.",
  ),
});

/** What Envoy does not count. */
export const KAFKA_OWN_STATS = statGroup('sluice.kafka.<stat_prefix>.', {
  connections: counter('Connections.'),
  connections_active: gauge('Connections open now.'),
  broker_connections: counter('Connections that turned out to be those of another broker.'),
  requests: counter('Requests, whatever could be read of them.'),
  responses: counter('Responses.'),
  request_bytes: counter('Bytes of requests, their lengths included.'),
  response_bytes: counter('Bytes of responses, their lengths included.'),
  requests_active: gauge('Requests that wait for their response now.'),
  no_response: counter('Produce requests that want no response (acks=0).'),
  pipelined: counter('Requests begun while another was unanswered.'),
  untimed: counter('Requests begun while too many were open: counted without times.'),
  lost: counter('Requests that were open when their connection ended.'),
  unpaired: counter('Responses that no request waits for.'),
  malformed_records: counter('Records of a partition whose inner lengths lie: they count as none.'),
  trailing: counter('Messages with bytes behind their last field.'),
  errors: counter('Error codes in responses, each field that is not 0.'),
  produced_records: counter('Records that brokers took.'),
  produced_bytes: counter('Bytes of their record batches, as they were sent.'),
  produced_batches: counter('Record batches that brokers took.'),
  refused_records: counter('Records that were sent and not taken.'),
  refused_bytes: counter('Bytes of their record batches.'),
  fetched_records: counter('Records in Fetch responses.'),
  fetched_bytes: counter('Bytes of their record batches, as they were sent.'),
  fetched_batches: counter('Record batches in Fetch responses.'),
  fetch_latency: histogram('Seconds of Fetch requests that did not wait for producers.'),
  fetch_wait: histogram('Seconds of Fetch requests that waited for producers: no latency.'),
  group_wait: histogram('Seconds of JoinGroup and SyncGroup, which wait for the other members: no latency.'),
  fetch_sessions_opened: counter('Fetch sessions that brokers gave (KIP-227).'),
  fetch_sessions_resumed: counter('Fetch requests within a session: they name only what has changed.'),
  fetch_sessions_closed: counter('Fetch sessions that clients closed.'),
  fetch_sessions_lost: counter('Fetch requests whose session the broker no longer had.'),
  throttled: counter('Responses that tell the client to slow down.'),
  throttle_time: histogram('Seconds for which they do.'),
  rebalances: counter('Generations of consumer groups that were begun, each counted where its leader was told of it.'),
  commits: counter('Offsets of partitions that brokers took as committed.'),
  traced: counter('Produce requests with a trace context in the headers of their first record.'),
  reauthentications: counter('Logins on a connection that had one (KIP-368).'),
  bypass_hint: counter('Responses that name addresses of brokers past this proxy, with rewriting off.'),
  rewritten_replies: counter('Responses whose addresses were rewritten.'),
  rewritten_bytes: counter('Bytes of responses that were kept until they were rewritten.'),
  rewrite_time: histogram('Seconds that the rewriting of a response took.'),
  clamped_api_versions: counter('ApiVersions responses from which versions or APIs were taken.'),
  unmapped_brokers: counter('Brokers named in responses that no rule of id_based_broker_address_rewrite_spec maps.'),
  closed_no_door: counter('Connections closed because no local address could be had for a broker.'),
  closed_undecodable: counter('Connections closed because a response that had to be rewritten could not be read.'),
  closed_denied_key: counter('Connections closed because of api_keys_allowed or api_keys_denied.'),
  denied: counter('Requests denied: by a policy, or because nobody can read them for certain.'),
  stand_ins: counter('Stand-ins sent in the place of denied requests.'),
  filtered: counter('Metadata requests that went on without some of what they asked for.'),
});

/** One set an API that was seen, by the name that operations have. */
export const KAFKA_API_STATS = statGroup('sluice.kafka.<stat_prefix>.api.<api>.', {
  requests: counter('Requests of the API, of any version; Unknown: of APIs that are not known.'),
  unknown_versions: counter('Requests of a version that is not known, or that was never released.'),
  malformed: counter('Requests and responses whose body could not be read.'),
  malformed_records: counter('Records of a partition whose inner lengths lie.'),
  rewritten: counter('Responses whose addresses were rewritten.'),
  undecodable: counter('Responses that had to be rewritten and could not be read: their connection was closed.'),
  denied: counter('Requests that were refused by api_keys_allowed or api_keys_denied.'),
});

/** Each there once it was seen; of codes without a name the first 32, then `other`. */
export const KAFKA_ERROR_STATS = statGroup('sluice.kafka.<stat_prefix>.error.<api>.<code>.', {
  total: counter("Error codes in responses by API and Kafka's name: each field that is not 0."),
});

/** Option `topics`: the first ones; then `other`. */
export const KAFKA_TOPIC_STATS = statGroup('sluice.kafka.<stat_prefix>.topic.<topic>.', {
  produce_requests: counter('Produce requests with the topic.'),
  fetch_requests: counter('Fetch requests whose response had records or an error of the topic.'),
  produced_records: counter('Records of the topic that brokers took.'),
  produced_bytes: counter('Bytes of their record batches.'),
  produced_batches: counter('Record batches of the topic that brokers took.'),
  refused_records: counter('Records of the topic that were sent and not taken.'),
  fetched_records: counter('Records of the topic in Fetch responses.'),
  fetched_bytes: counter('Bytes of their record batches.'),
  fetched_batches: counter('Record batches of the topic in Fetch responses.'),
  errors: counter('Error codes of the topic and its partitions in responses.'),
});
/** Codecs: none, gzip, snappy, lz4, zstd, unknown. */
export const KAFKA_TOPIC_CODEC_STATS = statGroup('sluice.kafka.<stat_prefix>.topic.<topic>.codec.<codec>.', {
  batches: counter('Record batches of the topic that brokers took, by codec.'),
});
export const KAFKA_CODEC_STATS = statGroup('sluice.kafka.<stat_prefix>.codec.<codec>.', {
  produced_batches: counter('Record batches that brokers took, by codec.'),
  produced_records: counter('Their records.'),
  produced_bytes: counter('Their bytes, as they were sent.'),
});

/** Option `clients`: the first ones, by the client id of requests (`_`: none); then `other`. */
export const KAFKA_CLIENT_STATS = statGroup('sluice.kafka.<stat_prefix>.client.<client>.', {
  requests: counter('Requests of the client.'),
  request_bytes: counter('Bytes of its requests.'),
  response_bytes: counter('Bytes of the responses to it.'),
  produced_records: counter('Records of the client that brokers took.'),
  produced_bytes: counter('Bytes of their record batches.'),
  refused_records: counter('Records that the client sent and that were not taken.'),
  fetched_records: counter('Records in Fetch responses to the client.'),
  fetched_bytes: counter('Bytes of their record batches.'),
  errors: counter('Error codes in responses to the client.'),
  throttled: counter('Responses that tell the client to slow down.'),
});

/** Option `groups`: the first ones; then `other`. What a group fetches nobody says: Fetch names no group. */
export const KAFKA_GROUP_STATS = statGroup('sluice.kafka.<stat_prefix>.group.<group>.', {
  requests: counter('Requests that name the group.'),
  errors: counter('Error codes in their responses.'),
  commits: counter('Offsets of partitions that brokers took as committed.'),
  joins: counter('JoinGroup requests that succeeded.'),
  leaves: counter('Members that left.'),
  rebalances: counter('Generations that were begun, each counted where its leader was told of it.'),
  rebalancing: counter('Responses that tell a member to join anew (REBALANCE_IN_PROGRESS).'),
});

/** By name and version of what clients say they are in ApiVersions (KIP-511): the first 64 pairs, then `other`. */
export const KAFKA_SOFTWARE_STATS = statGroup('sluice.kafka.<stat_prefix>.software.<software>.<version>.', {
  connections: counter('Connections of this client software.'),
});

/** By SASL mechanism; `other`: those without a name here. */
export const KAFKA_LOGIN_STATS = statGroup('sluice.kafka.<stat_prefix>.auth.<mechanism>.', {
  logins: counter('Logins that the broker accepted.'),
  login_failures: counter('Logins that the broker refused.'),
});

/** Sessions that became unreadable, by reason. */
export const KAFKA_OPAQUE_STATS = statGroup('sluice.kafka.<stat_prefix>.opaque.<reason>.', {
  sessions: counter('Sessions whose decoding ended, by reason. Their bytes go on unread.'),
});

export const KAFKA_STAT_GROUPS = [
  KAFKA_REQUEST_STATS,
  KAFKA_RESPONSE_STATS,
  KAFKA_API_REQUEST_STATS,
  KAFKA_API_RESPONSE_STATS,
  KAFKA_API_DURATION_STATS,
  KAFKA_OWN_STATS,
  KAFKA_API_STATS,
  KAFKA_ERROR_STATS,
  KAFKA_TOPIC_STATS,
  KAFKA_TOPIC_CODEC_STATS,
  KAFKA_CODEC_STATS,
  KAFKA_CLIENT_STATS,
  KAFKA_GROUP_STATS,
  KAFKA_SOFTWARE_STATS,
  KAFKA_LOGIN_STATS,
  KAFKA_OPAQUE_STATS,
] as const;
