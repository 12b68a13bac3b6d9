import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLIENT_CAUSED, clientCaused } from './client-caused.ts';
import { ruleFiles } from './generate.ts';

const HERE = import.meta.dirname;
const DOCS = path.resolve(HERE, '../../docs');

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface TestFile {
  readonly rule_files: readonly string[];
  readonly group_eval_order: readonly string[];
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly { readonly exp_labels: object; readonly exp_annotations?: object }[];
    }[];
  }[];
}

const yaml = <T>(...file: string[]): T => parse(readFileSync(path.join(HERE, ...file), 'utf8')) as T;
const filesOf = (folder: string) => readdirSync(path.join(HERE, folder)).map((name) => path.join(folder, name));
const rulesOf = (folder: string): Rule[] =>
  filesOf(folder).flatMap((file) => yaml<RuleFile>(file).groups.flatMap(({ rules }) => rules));
const rules = rulesOf('rules');
const alerts = rules.filter(({ alert }) => alert !== undefined);
const names = [...new Set(alerts.map(({ alert }) => alert!))];
const tests = filesOf('tests').map((file) => yaml<TestFile>(file));
const checks = tests.flatMap((file) => file.tests.flatMap((one) => one.alert_rule_test));

/** Names of samples that docs/metrics.md knows. */
function documented(): Set<string> {
  const rows = readFileSync(path.join(DOCS, 'metrics.md'), 'utf8').matchAll(/^\| `([a-z0-9_<>]+)` \| (\w+) \|/gm);
  return new Set(
    [...rows].flatMap(([, name, type]) =>
      type === 'histogram' ? [name!, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name!],
    ),
  );
}

/** Metric names of an expression: words before a selector, and words of our prefixes that stand alone. */
function metricsOf(expr: string): string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '""')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right) ?\([^)]*\)/g, '');
  const labels = new Set([...bare.matchAll(/([a-z_]+) ?(?:=~|!~|!=|=)(?!=) ?""/g)].map(([, label]) => label!));
  const words = bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [];
  return words.filter(
    (word) =>
      word === 'up' || (/^(?:[a-z_]+:|sluice_|envoy_|db_client_|nodejs_|process_)/.test(word) && !labels.has(word)),
  );
}

test('the generated rules are current', () => {
  for (const [file, text] of ruleFiles())
    expect(readFileSync(path.join(HERE, file), 'utf8') === text ? '' : `${file}: run generate.ts`).toBe('');
});

test('rules and native rules record the same', () => {
  const recorded = (list: readonly Rule[]) => list.flatMap(({ record }) => record ?? []).sort();
  expect(recorded(rulesOf('rules-native'))).toEqual(recorded(rules));
});

describe.each(['rules', 'rules-native'])('%s', (folder) => {
  const list = rulesOf(folder);
  const known = documented();
  const recorded = new Set(rules.flatMap(({ record }) => record ?? []));

  test('every metric that is read exists: in docs/metrics.md, recorded here, or of Prometheus itself', () => {
    for (const { expr, record, alert } of list) {
      const read = metricsOf(expr);
      expect({ rule: record ?? alert, reads: read.length > 0 }).toEqual({ rule: record ?? alert, reads: true });
      const unknown = read.filter((name) => name !== 'up' && !known.has(name) && !recorded.has(name));
      expect({ rule: record ?? alert, unknown }).toEqual({ rule: record ?? alert, unknown: [] });
    }
  });

  test('what is recorded is called level:metric:operations, and sums without labels instead of by some', () => {
    for (const { record, expr } of list) {
      if (record === undefined) continue;
      expect(record).toMatch(/^(error|listener|listener_database|digest|cluster|group):[a-z0-9_]+:[a-z0-9_]+$/);
      expect(expr).not.toMatch(/\bby \(/);
    }
  });
});

test('the check above can fail', () => {
  expect(metricsOf('sum without (instance) (rate(sluice_nothing_total{role="a"}[5m])) > 0')).toEqual([
    'sluice_nothing_total',
  ]);
  expect(metricsOf('a:sluice_b:c * on (digest) group_left (sluice_listener) up{sluice_listener!=""}')).toEqual([
    'a:sluice_b:c',
    'up',
  ]);
  expect(documented().has('sluice_nothing_total')).toBe(false);
});

test('every error class of the client is meant, and no failure of the service is among them', () => {
  const all = new RegExp(`^(?:${clientCaused()})$`);
  for (const code of [
    'denied',
    'cancelled',
    '23505',
    '1062',
    '42P01',
    '25P02',
    '28P01',
    '1045',
    '1064',
    'WRONGTYPE',
    'ERR',
    '11000',
    '13',
    '18',
    '26',
    '59',
    '121',
    '251',
    'NONODE',
    'BADVERSION',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'TOPIC_AUTHORIZATION_FAILED',
    'SASL_AUTHENTICATION_FAILED',
    'REBALANCE_IN_PROGRESS',
    'MEMBER_ID_REQUIRED',
    'INVALID_CONFIG',
    'MESSAGE_TOO_LARGE',
  ])
    expect({ code, clients: all.test(code) }).toEqual({ code, clients: true });
  for (const code of [
    'lost',
    'error',
    '53300',
    '57P01',
    '08006',
    '40001',
    '40P01',
    'XX000',
    '25006',
    '1040',
    '1205',
    '1213',
    '2006',
  ].concat([
    '1', // InternalError
    '6', // HostUnreachable
    '43', // CursorNotFound
    '50', // MaxTimeMSExpired
    '64', // WriteConcernFailed
    '89', // NetworkTimeout
    '91', // ShutdownInProgress
    '112', // WriteConflict
    '189', // PrimarySteppedDown
    '10107', // NotWritablePrimary
    '11600', // InterruptedAtShutdown
    'CONNECTIONLOSS',
    'SESSIONEXPIRED',
    'NOT_LEADER_OR_FOLLOWER',
    'NOT_COORDINATOR',
    'NOT_ENOUGH_REPLICAS',
    'REQUEST_TIMED_OUT',
    'UNKNOWN_SERVER_ERROR',
    'INVALID_PRODUCER_ID_MAPPING',
    'KAFKA_STORAGE_ERROR',
    'CORRUPT_MESSAGE',
    '3024',
    'OOM',
    'LOADING',
    'READONLY',
    'MISCONF',
    'CLUSTERDOWN',
    'MASTERDOWN',
    'TRYAGAIN',
    'BUSY',
    'NOREPLICAS',
  ]))
    expect({ code, clients: all.test(code) }).toEqual({ code, clients: false });
  expect(clientCaused()).not.toMatch(/["\\\n]/);
  expect(CLIENT_CAUSED.every(([, why]) => why !== '')).toBe(true);
});

describe('every alert', () => {
  test('of the stock is there', () => {
    expect(names.sort()).toEqual(
      [
        'AuthFailureSpike',
        'ConfigReloadFailed',
        'ConnectionSaturation',
        'DatabaseErrorBudgetBurn',
        'DecodingStopped',
        'DigestRegression',
        'ErrorBudgetBurn',
        'EventLoopLag',
        'HighErrorRatio',
        'KafkaBypass',
        'KafkaConsumerLagGrowing',
        'KafkaConsumerStuck',
        'KafkaProduceErrors',
        'KafkaRebalanceStorm',
        'KafkaRewritingFails',
        'LatencyBurn',
        'NewDigestHot',
        'PolicyDenySpike',
        'RedisBigReply',
        'SinkBacklog',
        'SinkFailing',
        'SluiceDown',
        'TelemetryDropping',
        'UpstreamUnreachable',
        'WorkerRestarting',
      ].sort(),
    );
  });

  const runbook = existsSync(path.join(DOCS, 'alerts.md')) ? readFileSync(path.join(DOCS, 'alerts.md'), 'utf8') : '';
  const anchors = [...runbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name!);

  test.each(alerts.map((rule) => [`${rule.alert} ${rule.labels?.['window'] ?? ''}`, rule] as const))(
    '%s says all that is needed',
    (_, rule) => {
      expect(['critical', 'warning', 'info']).toContain(rule.labels?.['severity']);
      expect(rule.labels?.['component']).toMatch(/^(slo|sluice|database|upstream|security|policy|telemetry)$/);
      expect(Object.keys(rule.annotations ?? {}).sort()).toEqual([
        'dashboard_url',
        'description',
        'runbook_url',
        'summary',
      ]);
      expect(rule.annotations?.['runbook_url']).toBe(`docs/alerts.md#${rule.alert!.toLowerCase()}`);
      expect(rule.annotations?.['description']).toMatch(/\.$/);
      expect(anchors).toContain(rule.alert);
      // In rules' own texts only the series' labels are known, not those that the rule adds.
      for (const own of Object.keys(rule.labels ?? {}))
        expect(JSON.stringify(rule.annotations)).not.toContain(`$labels.${own} `);
    },
  );

  test.each(names)('%s is tested: it fires, with its texts, and it does not', (name) => {
    const own = checks.filter(({ alertname }) => alertname === name);
    expect(own.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
    expect(own.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
    for (const { exp_alerts } of own)
      for (const { exp_annotations } of exp_alerts) expect(exp_annotations).toBeDefined();
  });

  test('has a paragraph of its own, and no paragraph is left over', () => {
    expect(anchors.toSorted()).toEqual(names.toSorted());
  });

  test('has a paragraph that names metrics as they are', () => {
    const known = new Set([...documented(), ...rules.flatMap(({ record }) => record ?? [])]);
    const told = [...runbook.matchAll(/`((?:[a-z]+:)?(?:sluice|envoy|process|nodejs|db)_[a-z0-9_:]+)`/g)];
    expect(told.length).toBeGreaterThan(8);
    expect(told.map(([, name]) => name!).filter((name) => !known.has(name))).toEqual([]);
  });

  test('links to a dashboard that exists', () => {
    const folder = path.resolve(HERE, '../grafana/dashboards/Sluice');
    for (const { annotations } of alerts) {
      const uid = /^\/d\/([a-z-]+)(?:\?|$)/.exec(annotations?.['dashboard_url'] ?? '')?.[1];
      expect({ uid, there: existsSync(path.join(folder, `${uid}.json`)) }).toEqual({ uid, there: true });
    }
  });
});

test('tests evaluate recordings before what reads them', () => {
  for (const file of tests) {
    const groups = file.rule_files.flatMap((name) => yaml<RuleFile>('tests', name).groups.map((group) => group.name));
    expect(file.group_eval_order).toEqual(groups);
    expect(file.rule_files[0]).toMatch(/ratios|recording/);
  }
});
