import { clientCaused } from './client-caused.ts';

/** One recording rule. */
export interface Rule {
  readonly record: string;
  readonly expr: string;
}

export interface RuleGroup {
  readonly name: string;
  /** How often it is evaluated; '' = as often as Prometheus does everything. */
  readonly interval: string;
  readonly rules: readonly Rule[];
}

/** What is slow, in seconds. An edge of the classic buckets, and written alike in every exposition format. */
export const SLOW_SECONDS = '0.25';

/** Windows of the burn rates, their seconds, and how often they are worth computing anew. */
const WINDOWS = [
  ['5m', 300, ''],
  ['30m', 1800, ''],
  ['1h', 3600, ''],
  ['2h', 7200, '1m'],
  ['6h', 21_600, '1m'],
  ['1d', 86_400, '5m'],
  ['3d', 259_200, '5m'],
] as const;
type Window = (typeof WINDOWS)[number];

/** Labels that are summed away: of `error:…`, and of the histogram, which has those of process and operation as well. */
const LEVELS = [
  ['listener', 'db_namespace, error_type'],
  ['listener_database', 'error_type'],
] as const;

const DURATION = 'db_client_operation_duration_seconds';
/** Every operation that ended, those too that have no duration: what a dying server lost, waits, untimed ones. */
const CALLS = 'sluice_operation_calls_total';
const DIGEST = 'sluice_digest_duration_seconds';
/** Series that found no room of their own are folded into one without a listener. */
const NAMED = 'sluice_listener!=""';

/** How a histogram is read: `classic` from its `_bucket`, `_sum` and `_count` series, `native` from itself. */
export type Form = 'classic' | 'native';

const count = (form: Form, name: string, selector: string, window: string): string =>
  form === 'classic'
    ? `rate(${name}_count{${selector}}[${window}])`
    : `histogram_count(rate(${name}{${selector}}[${window}]))`;

/**
 * Operations a second by database and error. A series of an error is often born with the incident, and rate() does not see
 * what it began with: sixty operations lost at once would be none. So a series that was not there at the window's beginning,
 * while its Sluice was, counts in full. Not where the page is cut to the busiest series: there one may come back with an old
 * number.
 */
const calls = ([window, seconds]: Window): Rule => {
  const series = `${CALLS}{${NAMED}}`;
  return {
    record: `error:sluice_operation_calls:rate${window}`,
    expr: `sum without (instance, db_operation_name) (
  (
    ${series} unless ${series} offset ${window}
    and on (job, instance) up offset ${window} == 1
    unless on (job, instance) ${CALLS}{otel_metric_overflow="true"}
  ) / ${seconds}
  or
  rate(${series}[${window}])
)`,
  };
};

/** Ratios of failed and slow operations; in both forms the names that are recorded are the same. */
export const ratioRules = (form: Form): RuleGroup[] =>
  WINDOWS.map((window) => ({
    name: `sluice-ratios-${window[0]}`,
    interval: window[2],
    rules: [
      calls(window),
      ...LEVELS.flatMap(([level, without]) => [
        ...failures(level, without, window[0]),
        ...slowness(form, level, `instance, db_operation_name, ${without}`, window[0]),
      ]),
    ],
  }));

/** What the stock alerts read of queries, logins and servers. */
export const otherRules = (form: Form): RuleGroup[] => [
  { name: 'sluice-digests', interval: '', rules: digests(form) },
  traffic(),
  kafka(),
];

/** Of all operations. */
function failures(level: string, without: string, window: string): Rule[] {
  const all = `${level}:sluice_operation_calls:rate${window}`;
  const sum = (selector: string) => `sum without (${without}) (error:sluice_operation_calls:rate${window}${selector})`;
  // A ratio of nothing is no ratio; no failure at all is 0, not absent.
  const perOperation = (selector: string) => `${sum(`{${selector}}`)}\n  / (${all} > 0)\nor\n(${all} > 0) * 0`;
  return [
    { record: all, expr: sum('') },
    { record: `${level}:sluice_errors_per_operation:ratio_rate${window}`, expr: perOperation('error_type!=""') },
    {
      record: `${level}:sluice_failures_per_operation:ratio_rate${window}`,
      expr: perOperation(`error_type!="", error_type!~"${clientCaused()}"`),
    },
  ];
}

/** Of the operations that have a duration. */
function slowness(form: Form, level: string, without: string, window: string): Rule[] {
  const all = `${level}:${DURATION}_count:rate${window}`;
  const fast =
    form === 'classic'
      ? `sum without (le, ${without}) (\n      rate(${DURATION}_bucket{le="${SLOW_SECONDS}", ${NAMED}}[${window}])\n    )`
      : `${all}\n    * histogram_fraction(0, ${SLOW_SECONDS}, sum without (${without}) (rate(${DURATION}{${NAMED}}[${window}])))`;
  return [
    { record: all, expr: `sum without (${without}) (${count(form, DURATION, NAMED, window)})` },
    {
      record: `${level}:sluice_slow_per_operation:ratio_rate${window}`,
      // Rates of two series are never quite of one moment: not below 0.
      expr: `clamp_min(\n  1 - (\n    ${fast}\n  ) / (${all} > 0),\n  0\n)`,
    },
  ];
}

/**
 * One series each digest, to be joined, whatever several versions of Sluice call it: two would make the join fail, and an
 * arbitrary one of them another alert each time.
 */
const INFO = 'max without (instance) (sluice_digest_info)';
const INFOS = `count without (instance, db_system_name, db_query_summary) (${INFO})`;
const DIGEST_INFO = `(
  ${INFO}
  unless on (job, digest)
  ${INFOS} > 1
)
or
label_replace((${INFOS} > 1) * 0 + 1, "db_query_summary", "several", "", "")`;

function digests(form: Form): Rule[] {
  const without = 'instance';
  const own = 'digest!="other"';
  const quantile =
    form === 'classic'
      ? `sum without (${without}) (rate(${DIGEST}_bucket{${own}}[30m]))`
      : `sum without (${without}) (rate(${DIGEST}{${own}}[30m]))`;
  const seconds = (selector: string) =>
    form === 'classic' ? `rate(${DIGEST}_sum${selector}[10m])` : `histogram_sum(rate(${DIGEST}${selector}[10m]))`;
  return [
    {
      record: 'digest:sluice_digest_calls:rate30m',
      expr: `sum without (${without}) (rate(sluice_digest_calls_total{${own}}[30m]))`,
    },
    { record: `digest:${DIGEST}:quantile99_rate30m`, expr: `histogram_quantile(0.99, ${quantile})` },
    {
      record: `digest:sluice_digest_seconds_per_second:ratio_rate10m`,
      expr: `sum without (${without}) (${seconds(`{${own}}`)})\n/ ignoring (digest) group_left ()\n(sum without (${without}, digest) (${seconds('')}) > 0)`,
    },
    {
      record: 'digest:sluice_digest_reply_bytes_per_call:ratio_rate5m',
      expr: `sum without (${without}) (rate(sluice_digest_reply_bytes_total{${own}}[5m]))\n/\n(sum without (${without}) (rate(sluice_digest_calls_total{${own}}[5m])) > 0)`,
    },
    { record: 'digest:sluice_digest_info:max', expr: DIGEST_INFO },
  ];
}

/** Counters of refused logins by protocol, and the labels that make no difference here. */
const LOGIN_FAILURES: Readonly<Record<string, { readonly counter: string; readonly without?: string }>> = {
  postgres: { counter: 'sluice_postgres_login_failures_total' },
  mysql: { counter: 'sluice_mysql_login_failures_total' },
  redis: { counter: 'sluice_redis_login_failures_total' },
  mongodb: { counter: 'sluice_mongodb_auth_login_failures_total', without: 'instance, mechanism' },
  zookeeper: { counter: 'sluice_zookeeper_login_failures_total' },
  kafka: { counter: 'sluice_kafka_auth_login_failures_total', without: 'instance, mechanism' },
};

/** What hangs on no histogram. */
function traffic(): RuleGroup {
  const logins = (window: string) =>
    Object.entries(LOGIN_FAILURES)
      .map(([protocol, { counter, without = 'instance' }]) => {
        const rate = `sum without (${without}) (rate(${counter}[${window}]))`;
        return `label_replace(${rate}, "protocol", "${protocol}", "", "")`;
      })
      .join('\nor\n');
  return {
    name: 'sluice-traffic',
    interval: '',
    rules: [
      { record: 'listener:sluice_login_failures:rate5m', expr: logins('5m') },
      { record: 'listener:sluice_login_failures:rate1d', expr: logins('1d') },
      {
        record: 'cluster:envoy_cluster_upstream_cx_connect_fail_per_upstream_cx_total:ratio_rate5m',
        expr: 'sum without (instance) (rate(envoy_cluster_upstream_cx_connect_fail[5m]))\n/\n(sum without (instance) (rate(envoy_cluster_upstream_cx_total[5m])) > 0)',
      },
    ],
  };
}

/**
 * Kafka. Lag is what each Sluice has heard: of several the greatest, not the sum. `other` holds groups that found no room:
 * which, changes.
 */
function kafka(): RuleGroup {
  const named = 'group!="other"';
  const sum = (counter: string, window: string) =>
    `sum without (instance) (rate(sluice_kafka_${counter}_total[${window}]))`;
  return {
    name: 'sluice-kafka-traffic',
    interval: '',
    rules: [
      {
        record: 'group:sluice_consumer_group_lag_sum:max',
        expr: `max without (instance) (sluice_consumer_group_lag_sum{${named}})`,
      },
      {
        record: 'group:sluice_consumer_group_committed_messages:rate15m',
        expr: `sum without (instance) (rate(sluice_consumer_group_committed_messages_total{${named}}[15m]))`,
      },
      {
        record: 'group:sluice_kafka_group_rebalances:increase15m',
        expr: `sum without (instance) (increase(sluice_kafka_group_rebalances_total{${named}}[15m]))`,
      },
      {
        record: 'listener:sluice_kafka_refused_records_per_record:ratio_rate5m',
        expr: `${sum('refused_records', '5m')}\n/\n(${sum('refused_records', '5m')} + ${sum('produced_records', '5m')} > 0)`,
      },
    ],
  };
}
