-- Reads what Sluice's Kafka sink writes (docs/sinks/kafka.md) into the same tables. Run it by hand, after
-- `sluice clickhouse migrate`, with your brokers, topic and database; Sluice does not apply it. Where the tables are
-- Distributed, run it on each shard, with `exchanges_local` and so on as targets.
--
-- Checked: the syntax of all of it, and the three views on what the sink really writes, with another engine in place of
-- Kafka's. Not checked: Kafka's engine itself, against a broker.
--
-- Kafka hands a message over at least once: after a failure rows may come twice, as no token is there to know them by.

CREATE TABLE IF NOT EXISTS sluice.kafka_events
(
    event             LowCardinality(String),
    ts                DateTime64(6, 'UTC'),
    instance          LowCardinality(String),
    worker            UInt32,
    incarnation       UInt64,
    origin            UInt64,
    session_id        UInt64,
    listener          LowCardinality(String),
    protocol          LowCardinality(String),
    cluster           LowCardinality(String),
    upstream          LowCardinality(String),
    client            String,
    database          LowCardinality(String),
    user              LowCardinality(String),
    application       LowCardinality(String),
    duration_ns       UInt64,
    -- of an exchange
    ttfb_ns           UInt64,
    proxy_ns          UInt64,
    request_offset    UInt64,
    request_bytes     UInt64,
    response_bytes    UInt64,
    rows_sent         UInt64,
    rows_affected     UInt64,
    rows_matched      UInt64,
    batch_size        UInt32,
    seq               UInt32,
    turn              UInt32,
    `index`           UInt16,
    transaction       UInt32,
    story             UInt32,
    kind              LowCardinality(String),
    operation         LowCardinality(String),
    digest            String,
    status            LowCardinality(String),
    severity          LowCardinality(String),
    policy            LowCardinality(String),
    verdict           LowCardinality(String),
    shadow_policy     LowCardinality(String),
    shadow_verdict    LowCardinality(String),
    policy_snapshot   LowCardinality(String),
    error_class       LowCardinality(String),
    replies           LowCardinality(String),
    flags             UInt32,
    weight            Float32,
    trace_id          String,
    parent_span_id    String,
    attributes        Map(String, String),
    -- of a session
    local             LowCardinality(String),
    driver            LowCardinality(String),
    server_version    LowCardinality(String),
    session_kind      LowCardinality(String),
    tls               Bool,
    opaque            LowCardinality(String),
    reason            LowCardinality(String),
    received_bytes    UInt64,
    sent_bytes        UInt64,
    exchanges         UInt64,
    -- of a digest
    summary           String,
    collection        String,
    text              String
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = 'kafka:9092',
    kafka_topic_list = 'sluice.exchanges',
    kafka_group_name = 'clickhouse',
    kafka_format = 'JSONEachRow',
    kafka_num_consumers = 1,
    kafka_handle_error_mode = 'stream',
    input_format_skip_unknown_fields = 1,
    input_format_json_read_numbers_as_strings = 1,
    date_time_input_format = 'best_effort';

CREATE MATERIALIZED VIEW IF NOT EXISTS sluice.kafka_exchanges_mv TO sluice.exchanges AS
SELECT
    ts, duration_ns, ttfb_ns, proxy_ns, request_offset, request_bytes, response_bytes, rows_sent, rows_affected, rows_matched, batch_size,
    instance, worker, incarnation, origin, session_id, seq, turn, `index`, transaction, story,
    listener, protocol, cluster, upstream, database, user, application,
    toIPv6OrDefault(if(startsWith(client, '['), extract(client, '^\\[([^\\]%]*)'), extract(client, '^(.*):[^:]*$'))) AS client_ip,
    kind, operation, digest, status, severity, policy, verdict, shadow_policy, shadow_verdict, policy_snapshot,
    CAST(toString(error_class), 'Enum8(\'ok\' = 0, \'error\' = 1, \'denied\' = 2, \'cancelled\' = 3, \'lost\' = 4, \'skipped\' = 5, \'redirected\' = 6)') AS error_class,
    CAST(toString(replies), 'Enum8(\'one\' = 0, \'many\' = 1, \'none\' = 2, \'endless\' = 3)') AS replies,
    flags, weight,
    -- The caller's trace only: what an exchange has of its own needs no room (0001_exchanges.sql).
    toFixedString(if(parent_span_id = '', '', unhex(trace_id)), 16) AS trace_id,
    toFixedString(unhex(parent_span_id), 8) AS parent_span_id,
    attributes
FROM sluice.kafka_events
WHERE event = 'exchange' AND length(_error) = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS sluice.kafka_sessions_mv TO sluice.sessions AS
SELECT
    ts,
    CAST(if(event = 'session.start', 'start', 'end'), 'Enum8(\'start\' = 0, \'end\' = 1)') AS event,
    duration_ns, received_bytes, sent_bytes, exchanges,
    instance, worker, incarnation, origin, session_id, reason,
    listener, protocol, cluster, upstream, client,
    toIPv6OrDefault(if(startsWith(client, '['), extract(client, '^\\[([^\\]%]*)'), extract(client, '^(.*):[^:]*$'))) AS client_ip,
    local, database, user, application, driver, server_version, session_kind, tls, opaque
FROM sluice.kafka_events
WHERE kafka_events.event IN ('session.start', 'session.end') AND length(_error) = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS sluice.kafka_digests_mv TO sluice.digests AS
SELECT
    protocol, digest, operation, summary, collection, text,
    toDateTime64(ts, 3, 'UTC') AS first_seen,
    toDateTime64(ts, 3, 'UTC') AS last_seen
FROM sluice.kafka_events
WHERE event = 'digest' AND length(_error) = 0;
