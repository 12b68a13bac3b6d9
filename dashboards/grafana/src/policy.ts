import { dashboard } from './dashboard.ts';
import { ROW_TO_QUERY, rowToTopQueries, UIDS } from './links.ts';
import { stat, type Tile, table, timeseries } from './panels.ts';
import { placeholder } from './placeholder.ts';
import { INSTANCE, rate } from './promql.ts';
import { samples } from './query-tables.ts';
import { EXCHANGES, inSums, inTable, SUMMARIES } from './sql.ts';
import { clickhouse, promql } from './targets.ts';
import { INSTANCE_VARIABLE, ROLLUP_VARIABLES, SCOPE, SCOPE_VARIABLES, TRACES } from './variables.ts';

const DENIED = ["r.error_class = 'denied'", ...SCOPE];
const WOULD_BE = ["r.shadow_verdict = 'denied'", ...SCOPE];
/** Of an exchange: a policy by name, and what stands for none. */
const named = (column: string): string => `if(r.${column} = '', '(none)', r.${column})`;

/** What policies say, whom they refuse, and whom those in shadow mode would. */
export const policy = dashboard({
  uid: UIDS.policy,
  title: 'Sluice: policy',
  description:
    'What policies refused: which ones, whom, which queries; and what those in shadow mode would refuse. Empty where there are none.',
  tags: ['policy'],
  variables: [...ROLLUP_VARIABLES, ...SCOPE_VARIABLES, INSTANCE_VARIABLE, TRACES],
  sections: [
    { title: 'Refused', tiles: [...numbers(), verdicts(), refusedByPolicy()] },
    {
      title: 'Whom and what',
      tiles: [
        policies('Policies', 'What each policy refused', 'policy', DENIED),
        refusedCallers(),
        refusedQueries(),
        snapshots(),
      ],
    },
    {
      title: 'Shadow mode: what would be refused',
      tiles: [
        wouldBeRefused(),
        policies('Policies in shadow mode', 'What each policy would refuse', 'shadow_policy', WOULD_BE),
        wouldBeQueries(),
      ],
    },
    {
      title: 'Samples',
      tiles: [
        samples({
          title: 'Latest refused samples',
          description: 'The last exchanges that a policy refused. What is refused is never sampled away.',
          conditions: DENIED,
          order: 'r.ts',
        }),
      ],
    },
  ],
});

function numbers(): Tile[] {
  return [
    stat({
      title: 'Refused',
      description: 'Exchanges refused within the time range. ClickHouse, the rollup that fits the time range.',
      unit: 'short',
      width: 6,
      targets: [clickhouse(`SELECT sum(r.denied) AS value\n${inSums(...SCOPE)}`, 'table')],
    }),
    stat({
      title: 'Part refused',
      description: 'Of all exchanges. ClickHouse, the rollup that fits the time range.',
      unit: 'percentunit',
      width: 6,
      targets: [
        clickhouse(`SELECT sum(r.denied) / greatest(sum(r.exchanges), 1) AS value\n${inSums(...SCOPE)}`, 'table'),
      ],
    }),
    stat({
      title: 'Failed logins',
      description:
        'Logins a second that servers of Postgres and Redis refused (those of MySQL stand on its own dashboard). Not a policy of Sluice, and often beside one. Prometheus.',
      unit: 'ops',
      width: 12,
      targets: [
        promql(rate('sluice_postgres_login_failures_total', INSTANCE), 'Postgres'),
        promql(rate('sluice_redis_login_failures_total', INSTANCE), 'Redis'),
      ],
    }),
  ];
}

function verdicts(): Tile {
  return timeseries({
    title: 'Verdicts',
    description:
      'Messages a second that were judged, by what was said: enforced, and in shadow mode. One message may hold several operations. Prometheus.',
    unit: 'ops',
    targets: [
      promql(rate('sluice_policy_verdicts_total', INSTANCE, { by: ['mode', 'verdict'] }), '{{mode}} {{verdict}}'),
    ],
  });
}

function refusedByPolicy(): Tile {
  const sql = `SELECT $__timeInterval(r.ts) AS time, ${named('policy')} AS policy, sum(r.weight) / $__interval_s AS refused
${inTable(EXCHANGES, ...DENIED)}
GROUP BY time, policy ORDER BY time`;
  return timeseries({
    title: 'Refused by policy',
    description: 'Exchanges a second, by the policy that refused them. ClickHouse, `exchanges`.',
    unit: 'ops',
    stacked: true,
    legend: placeholder('__field.labels.policy'),
    targets: [clickhouse(sql, 'timeseries')],
  });
}

function wouldBeRefused(): Tile {
  const sql = `SELECT $__timeInterval(r.ts) AS time, ${named('shadow_policy')} AS policy, sum(r.weight) / $__interval_s AS refused
${inTable(EXCHANGES, ...WOULD_BE)}
GROUP BY time, policy ORDER BY time`;
  return timeseries({
    title: 'Would be refused, by policy',
    description:
      'Exchanges a second that a policy in shadow mode would have refused, by policy. They went on all the same. ClickHouse, `exchanges`.',
    unit: 'ops',
    stacked: true,
    legend: placeholder('__field.labels.policy'),
    targets: [clickhouse(sql, 'timeseries')],
  });
}

function policies(title: string, what: string, column: string, conditions: readonly string[]): Tile {
  const sql = `SELECT ${named(column)} AS policy, sum(r.weight) AS refused, uniq(r.user) AS users,
  uniq(r.digest) AS queries, max(r.ts) AS latest
${inTable(EXCHANGES, ...conditions)}
GROUP BY policy ORDER BY refused DESC LIMIT 100`;
  return table({
    title,
    description: `${what} within the time range. ClickHouse, \`exchanges\`.`,
    targets: [clickhouse(sql, 'table')],
    columns: [
      { name: 'policy', title: 'Policy' },
      { name: 'refused', title: 'Refused', unit: 'short', bar: true },
      { name: 'users', title: 'Users', unit: 'short' },
      { name: 'queries', title: 'Queries', unit: 'short' },
      { name: 'latest', title: 'Latest' },
    ],
    width: 12,
  });
}

/** Each is a state of the file: who asks which one judged finds it here, and in `sluice check`. */
function snapshots(): Tile {
  const sql = `SELECT r.listener AS listener, r.policy_snapshot AS snapshot, min(r.ts) AS first, max(r.ts) AS last,
  sum(r.weight) AS judged, sumIf(r.weight, r.verdict = 'denied') AS refused
${inTable(EXCHANGES, "r.policy_snapshot != ''", ...SCOPE)}
GROUP BY listener, snapshot ORDER BY last DESC LIMIT 100`;
  return table({
    title: 'Which policies judged',
    description:
      'Snapshots of the policies within the time range, by the name that `sluice check` prints of a file. ClickHouse, `exchanges`.',
    targets: [clickhouse(sql, 'table')],
    columns: [
      { name: 'listener', title: 'Listener' },
      { name: 'snapshot', title: 'Snapshot' },
      { name: 'first', title: 'First' },
      { name: 'last', title: 'Last' },
      { name: 'judged', title: 'Judged', unit: 'short', bar: true },
      { name: 'refused', title: 'Refused', unit: 'short' },
    ],
  });
}

function wouldBeQueries(): Tile {
  const sql = `WITH heaviest AS (
  SELECT r.digest AS digest, any(r.protocol) AS protocol, ${named('shadow_policy')} AS policy, sum(r.weight) AS refused,
    groupUniqArray(5)(r.user) AS users
  ${inTable(EXCHANGES, ...WOULD_BE)}
  GROUP BY digest, policy ORDER BY refused DESC LIMIT 50
)
SELECT if(d.summary = '', heaviest.digest, d.summary) AS summary, heaviest.protocol AS protocol, policy,
  arrayStringConcat(users, ', ') AS callers, refused, heaviest.digest AS digest
FROM heaviest LEFT JOIN ${SUMMARIES} USING (digest)
ORDER BY refused DESC`;
  return table({
    title: 'Queries that would be refused',
    description: 'What stops working when the policies in shadow mode are enforced. ClickHouse, `exchanges`.',
    targets: [clickhouse(sql, 'table')],
    columns: [
      { name: 'summary', title: 'Query', width: 400, links: [ROW_TO_QUERY] },
      { name: 'protocol', title: 'Protocol' },
      { name: 'policy', title: 'Policy' },
      { name: 'callers', title: 'Users' },
      { name: 'refused', title: 'Would be refused', unit: 'short', bar: true },
      { name: 'digest', title: 'Digest', links: [ROW_TO_QUERY] },
    ],
    width: 12,
  });
}

function refusedCallers(): Tile {
  const sql = `SELECT r.user AS user, r.application AS application, r.database AS database, r.listener AS listener,
  sum(r.denied) AS refused, sum(r.exchanges) AS exchanges
${inSums(...SCOPE)}
GROUP BY user, application, database, listener HAVING refused > 0 ORDER BY refused DESC LIMIT 100`;
  return table({
    title: 'Refused callers',
    description: 'Who was refused, and how much they sent. ClickHouse, the rollup that fits the time range.',
    targets: [clickhouse(sql, 'table')],
    columns: [
      { name: 'user', title: 'User', links: [rowToTopQueries('user')] },
      { name: 'application', title: 'Application', links: [rowToTopQueries('application')] },
      { name: 'database', title: 'Database', links: [rowToTopQueries('database')] },
      { name: 'listener', title: 'Listener' },
      { name: 'refused', title: 'Refused', unit: 'short', bar: true },
      { name: 'exchanges', title: 'Exchanges', unit: 'short' },
    ],
    width: 12,
  });
}

function refusedQueries(): Tile {
  const sql = `WITH heaviest AS (
  SELECT r.digest AS digest, any(r.protocol) AS protocol, sum(r.denied) AS refused, sum(r.exchanges) AS exchanges
  ${inSums(...SCOPE)}
  GROUP BY digest HAVING refused > 0 ORDER BY refused DESC LIMIT 50
)
SELECT if(d.summary = '', heaviest.digest, d.summary) AS summary, heaviest.protocol AS protocol, refused, exchanges, heaviest.digest AS digest
FROM heaviest LEFT JOIN ${SUMMARIES} USING (digest)
ORDER BY refused DESC`;
  return table({
    title: 'Refused queries',
    description:
      'Queries that were refused, and how often they were sent in all. ClickHouse, the rollup that fits the time range.',
    targets: [clickhouse(sql, 'table')],
    columns: [
      { name: 'summary', title: 'Query', width: 400, links: [ROW_TO_QUERY] },
      { name: 'protocol', title: 'Protocol' },
      { name: 'refused', title: 'Refused', unit: 'short', bar: true },
      { name: 'exchanges', title: 'Exchanges', unit: 'short' },
      { name: 'digest', title: 'Digest', links: [ROW_TO_QUERY] },
    ],
  });
}
