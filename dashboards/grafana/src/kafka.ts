import { connectFailures } from './connection-panels.ts';
import { dashboard } from './dashboard.ts';
import { groups } from './kafka-groups.ts';
import { ALL_FILTERS, own, ownBy } from './kafka-promql.ts';
import { batches, topics } from './kafka-topics.ts';
import { UIDS } from './links.ts';
import { errorRatioBy, errorsByCode, latencyHeatmap, p99By, slow } from './operation-panels.ts';
import { stat, type Tile, timeseries } from './panels.ts';
import { placeholder } from './placeholder.ts';
import { DURATION, INSTANCE, observed, quantile, rate, sum } from './promql.ts';
import { topQueries } from './query-tables.ts';
import { chosen } from './sql.ts';
import { promql, promqlWithExemplars } from './targets.ts';
import { CLUSTER_VARIABLE, CLUSTERS, operationVariables, ROLLUP_VARIABLES, statPrefix } from './variables.ts';

/** Kafka has no databases: there is nothing to choose. */
const VARIABLES = operationVariables('kafka').filter(({ name }) => name !== 'database');
const KAFKA = `${INSTANCE},sluice_listener=~"$listener",db_system_name="kafka"`;
const SCOPE = ["r.protocol = 'kafka'", chosen('r.listener', 'listener')];
const API = { what: 'API', label: 'db_operation_name' };
const LISTENER = { what: 'listener', label: 'sluice_listener' };
const QUANTILES = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
] as const;

/** What people look for at a Kafka cluster, as far as its traffic tells. */
export const kafka = dashboard({
  uid: UIDS.kafka,
  title: 'Sluice: Kafka',
  description:
    'Kafka as its traffic shows it. What brokers alone know (under-replicated partitions, ISR changes, disks, log sizes, what other ways lead to them) is not here.',
  tags: ['kafka'],
  variables: [
    ...VARIABLES,
    statPrefix({ before: 'envoy_kafka_', after: '_request_unknown' }),
    CLUSTER_VARIABLE,
    ...ROLLUP_VARIABLES,
  ],
  sections: [
    { title: 'Requests', tiles: [requests(), errors(), underWay(), errorRatioBy(KAFKA, LISTENER)] },
    {
      title: 'Latency',
      tiles: [
        latencyOf('Produce'),
        latencyOf('Fetch'),
        p99By(KAFKA, API),
        fetchWait(),
        latencyHeatmap(KAFKA),
        slow(KAFKA, 'db_operation_name'),
      ],
    },
    { title: 'Topics', tiles: topics() },
    { title: 'Consumer groups', tiles: groups() },
    { title: 'Record batches', tiles: batches() },
    {
      title: 'Clients',
      tiles: [
        software(),
        connections(),
        requestsByClient(),
        network(),
        throttle(),
        throttleTime(),
        logins(),
        connectFailures(CLUSTERS),
      ],
    },
    { title: 'Ways around the proxy', tiles: [bypass(), addresses(), closed()] },
    { title: 'Errors', tiles: [errorsByCode(KAFKA, 'name'), errorsByTopic(), special(), decoding()] },
    { title: 'Requests by load', tiles: [topQueries(SCOPE, 20)] },
  ],
});

function requests(): Tile {
  return timeseries({
    title: 'Requests by API',
    description: `Requests a second, the 15 busiest APIs. ${ALL_FILTERS}`,
    unit: 'reqps',
    stacked: true,
    targets: [ownBy('api_requests', ['api'])],
  });
}

function errors(): Tile {
  return timeseries({
    title: 'Errors by API and name',
    description: `Error codes in responses a second, each field that is not 0: a response about ten partitions may have ten. Some belong to ordinary life (NOT_LEADER_OR_FOLLOWER after a move, REBALANCE_IN_PROGRESS). ${ALL_FILTERS}`,
    unit: 'ops',
    stacked: true,
    targets: [ownBy('error', ['api', 'code'])],
  });
}

function underWay(): Tile {
  return timeseries({
    title: 'Requests under way',
    description:
      'Requests that wait for their response now, Fetch requests that wait for producers among them, and connections that are open, by filter. Prometheus.',
    unit: 'short',
    targets: [
      promql(sum('sluice_kafka_requests_active', INSTANCE, ['stat_prefix']), 'requests {{stat_prefix}}'),
      promql(sum('sluice_kafka_connections_active', INSTANCE, ['stat_prefix']), 'connections {{stat_prefix}}'),
    ],
  });
}

function latencyOf(api: string): Tile {
  return timeseries({
    title: `Latency of ${api}`,
    description: `From the first byte of a request to the last of its response, quantiles. ${api === 'Fetch' ? 'Those that waited for producers are not in it.' : 'Those with acks=0 have no response and are not in it.'} Prometheus, \`${DURATION}\`.`,
    unit: 's',
    targets: QUANTILES.map(([name, q]) =>
      promqlWithExemplars(quantile(q, DURATION, `${KAFKA},db_operation_name="${api}"`), name),
    ),
  });
}

function fetchWait(): Tile {
  return timeseries({
    title: 'Fetch: waits for producers',
    description: `How long Fetch requests waited that found nothing new, quantiles: up to fetch.max.wait.ms, and no latency. Consumers that are up to date wait most of the time. ${ALL_FILTERS}`,
    unit: 's',
    targets: QUANTILES.map(([name, q]) => promql(quantile(q, 'sluice_kafka_fetch_wait_seconds', INSTANCE), name)),
  });
}

function software(): Tile {
  return timeseries({
    title: 'Connections by client software',
    description: `Connections begun a second, by what clients say they are (ApiVersions from version 3 on; kafkajs and older clients say nothing). ${ALL_FILTERS}`,
    unit: 'cps',
    stacked: true,
    targets: [ownBy('software_connections', ['software', 'version'])],
  });
}

function connections(): Tile {
  return timeseries({
    title: 'Connections begun',
    description: `Connections a second, those of other brokers among them. ${ALL_FILTERS}`,
    unit: 'cps',
    targets: [own('connections', 'all'), own('broker_connections', 'of brokers')],
  });
}

function requestsByClient(): Tile {
  return timeseries({
    title: 'Requests by client',
    description: `Requests a second by client id (\`_\`: without one), the 15 busiest. The first ones have series of their own (option clients), the rest is \`other\`. ${ALL_FILTERS}`,
    unit: 'reqps',
    stacked: true,
    targets: [ownBy('client_requests', ['client'])],
  });
}

function network(): Tile {
  return timeseries({
    title: 'Network traffic',
    description: `Bytes a second of requests and responses. ${ALL_FILTERS}`,
    unit: 'Bps',
    targets: [own('request_bytes', 'requests'), own('response_bytes', 'responses')],
  });
}

function throttle(): Tile {
  return timeseries({
    title: 'Throttled responses',
    description: `Responses a second that tell the client to slow down (quotas), by client. ${ALL_FILTERS}`,
    unit: 'ops',
    targets: [own('throttled', 'all'), ownBy('client_throttled', ['client'])],
  });
}

function throttleTime(): Tile {
  return timeseries({
    title: 'Throttle time',
    description: `Seconds a second for which clients were told to be quiet, all together. ${ALL_FILTERS}`,
    unit: 'short',
    targets: [promql(observed('sluice_kafka_throttle_time_seconds', INSTANCE), 'throttle time')],
  });
}

function logins(): Tile {
  return timeseries({
    title: 'Logins',
    description: `Logins a second that brokers accepted and refused, by SASL mechanism, and those on connections that had one before. ${ALL_FILTERS}`,
    unit: 'ops',
    targets: [
      ownBy('auth_logins', ['mechanism'], 'accepted {{mechanism}}'),
      ownBy('auth_login_failures', ['mechanism'], 'refused {{mechanism}}'),
      own('reauthentications', 'again'),
    ],
  });
}

function bypass(): Tile {
  return stat({
    title: 'Bypass hints',
    description:
      'Responses within the time range that name addresses of brokers past this proxy, with rewriting off: clients that follow them are not seen. Remedy: rewrite: auto. Prometheus.',
    unit: 'short',
    width: 6,
    height: 8,
    warn: [1, 100],
    targets: [promql(`sum (increase(sluice_kafka_bypass_hint_total{${INSTANCE}}[$__range]))`)],
  });
}

function addresses(): Tile {
  return timeseries({
    title: 'Addresses in responses',
    description: `Responses a second whose addresses were rewritten, that lead past this proxy, from which versions were taken (ApiVersions), and brokers that no rule maps. ${ALL_FILTERS}`,
    unit: 'ops',
    width: 9,
    targets: [
      own('rewritten_replies', 'rewritten'),
      own('bypass_hint', 'past this proxy'),
      own('clamped_api_versions', 'versions clamped'),
      own('unmapped_brokers', 'brokers without a rule'),
    ],
  });
}

function closed(): Tile {
  return timeseries({
    title: 'Connections closed by rule',
    description: `Connections a second that were closed because an API is not allowed, because a response could not be read that had to be rewritten, or because there is no local address for a broker. ${ALL_FILTERS}`,
    unit: 'cps',
    width: 9,
    targets: [
      own('closed_denied_key', 'API not allowed'),
      own('closed_undecodable', 'unreadable response'),
      own('closed_no_door', 'no local address'),
    ],
  });
}

function errorsByTopic(): Tile {
  return timeseries({
    title: 'Errors by topic',
    description: `Error codes of a topic and its partitions a second, the 15 busiest. ${ALL_FILTERS}`,
    unit: 'ops',
    stacked: true,
    targets: [ownBy('topic_errors', ['topic'])],
  });
}

function special(): Tile {
  return timeseries({
    title: 'Special traffic',
    description: `Requests a second that were pipelined, lost with their connection, or come from fetch sessions that the broker had dropped; responses that nobody waits for; sessions that could not be read any more. ${ALL_FILTERS}`,
    unit: 'ops',
    targets: [
      own('pipelined', 'pipelined'),
      own('lost', 'lost'),
      own('fetch_sessions_lost', 'lost fetch sessions'),
      own('unpaired', 'unexpected responses'),
      own('opaque_sessions', 'unreadable sessions'),
    ],
  });
}

function decoding(): Tile {
  const of = placeholder('stat_prefix');
  const envoys = (name: string, legend: string) => promql(rate(`envoy_kafka_${of}_${name}`, INSTANCE), legend);
  return timeseries({
    title: 'Messages not decoded',
    description:
      'Requests and responses a second of APIs and versions that are not known, and those that could not be decoded, of the filter that is chosen. They pass all the same. Prometheus, Envoy’s stats.',
    unit: 'ops',
    targets: [
      envoys('request_unknown', 'unknown requests'),
      envoys('request_failure', 'unreadable requests'),
      envoys('response_unknown', 'unknown responses'),
      envoys('response_failure', 'unreadable responses'),
    ],
  });
}
