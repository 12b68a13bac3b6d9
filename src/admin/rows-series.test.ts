import { expect, test } from 'vitest';
import { OperationSeries, OVERFLOW } from '../digest/rows/rows-operations.ts';
import { renderPrometheus } from '../stats/prometheus.ts';
import { durationSeries, systemOf } from './rows-series.ts';

const labels = {
  protocol: 'postgres',
  listener: 'pg',
  database: 'shop',
  operation: 'SELECT',
  code: '',
  overflow: false,
};
const series = (of: typeof labels, calls: number): OperationSeries => {
  const one = new OperationSeries(of);
  for (let i = 0; i < calls; i++) one.time.record(0.01);
  return one;
};

test('operations become series of the duration metric; an error is told apart by error_type alone', () => {
  const got = durationSeries([series(OVERFLOW, 0), series(labels, 2), series({ ...labels, code: '42P01' }, 1)]);
  const named = {
    db_system_name: 'postgresql',
    db_namespace: 'shop',
    db_operation_name: 'SELECT',
    sluice_listener: 'pg',
  };
  expect(got.map((one) => [one.labels, one.histogram.count])).toEqual([
    [named, 2],
    [{ ...named, error_type: '42P01' }, 1],
  ]);
  expect(durationSeries([series(OVERFLOW, 3)])[0]?.labels).toEqual({ otel_metric_overflow: 'true' });
});

test('hits, misses, redirects and waits go with their operation, also where nothing was timed', () => {
  const get = Object.assign(series({ ...labels, protocol: 'redis', operation: 'GET' }, 1), { hits: 3, misses: 1 });
  const wait = series(labels, 1).time;
  const pop = Object.assign(series({ ...labels, protocol: 'redis', operation: 'BLPOP' }, 0), { wait });
  const moved = Object.assign(series({ ...labels, protocol: 'redis', operation: 'SET' }, 0), { redirected: 2 });
  const idle = series({ ...labels, operation: 'nothing' }, 0);
  const got = durationSeries([get, pop, moved, idle]);
  expect(got.map(({ labels, hits, misses, redirected, wait }) => [labels, hits, misses, redirected, wait])).toEqual([
    [expect.objectContaining({ db_system_name: 'redis', db_operation_name: 'GET' }), 3, 1, 0, null],
    [expect.objectContaining({ db_operation_name: 'BLPOP' }), 0, 0, 0, wait],
    [expect.objectContaining({ db_operation_name: 'SET' }), 0, 0, 2, null],
  ]);
  const page = renderPrometheus({ stats: [], durations: got, digests: [], processes: [] }, { strict: true });
  const own = 'db_namespace="shop",db_operation_name="GET",sluice_listener="pg"';
  expect(page).toContain(`sluice_operation_hits_total{db_system_name="redis",${own}} 3\n`);
  expect(page).toContain(`sluice_operation_misses_total{db_system_name="redis",${own}} 1\n`);
  expect(page).toMatch(/sluice_operation_redirected_total\{.*"SET".*\} 2\n/);
  expect(page).toMatch(/sluice_operation_wait_seconds_count\{.*"BLPOP".*\} 1\n/);
  expect(page).not.toMatch(/sluice_operation_(hits|wait).*"SET"/);
  expect(page).not.toMatch(/db_client_operation_duration_seconds_count.*"BLPOP"/);
});

test('Kafka has the series of all protocols, and those of the conventions for messaging beside them', () => {
  const kafka = (operation: string, numbers: Partial<OperationSeries>, code = ''): OperationSeries =>
    Object.assign(series({ ...labels, protocol: 'kafka', database: '', operation, code }, 2), { calls: 2, ...numbers });
  const got = durationSeries([
    kafka('Produce', { batched: 30, returned: 0 }),
    kafka('Produce', { batched: 4 }, 'NOT_LEADER_OR_FOLLOWER'),
    kafka('Fetch', { batched: 3, returned: 29 }),
    kafka('OffsetCommit', {}),
    kafka('TxnOffsetCommit', {}),
    kafka('Metadata', { batched: 7 }),
    series(labels, 1),
  ]);
  const named = (name: string, type: string, operation: string) => ({
    messaging_system: 'kafka',
    messaging_operation_name: name,
    messaging_operation_type: type,
    sluice_operation: operation,
    sluice_listener: 'pg',
  });
  const { messaging_operation_type: _, ...metadata } = named('Metadata', '', 'Metadata');
  const send = named('send', 'send', 'Produce');
  expect(got.map(({ messaging }) => messaging)).toEqual([
    { labels: send, sent: 30, consumed: null },
    { labels: { ...send, error_type: 'NOT_LEADER_OR_FOLLOWER' }, sent: 4, consumed: null },
    { labels: named('poll', 'receive', 'Fetch'), sent: null, consumed: 29 },
    { labels: named('commit', 'settle', 'OffsetCommit'), sent: null, consumed: null },
    { labels: named('commit', 'settle', 'TxnOffsetCommit'), sent: null, consumed: null },
    { labels: metadata, sent: null, consumed: null },
    undefined,
  ]);
  const page = renderPrometheus({ stats: [], durations: got, digests: [], processes: [] }, { strict: true });
  const of = 'sluice_operation="Produce",sluice_listener="pg"';
  const produce = `messaging_system="kafka",messaging_operation_name="send",messaging_operation_type="send",${of}`;
  expect(page).toContain(`messaging_client_sent_messages_total{${produce}} 30\n`);
  expect(page).toContain(`messaging_client_sent_messages_total{${produce},error_type="NOT_LEADER_OR_FOLLOWER"} 4\n`);
  expect(page).toContain(`messaging_client_operation_duration_seconds_bucket{${produce},le="0.075"} 2\n`);
  expect(page).toMatch(/messaging_client_consumed_messages_total\{.*"Fetch".*\} 29\n/);
  expect(page).toMatch(/db_client_operation_duration_seconds_count\{db_system_name="kafka",.*"Produce".*\} 2\n/);
  expect(page).toContain('sluice_operation_calls_total{db_system_name="kafka",');
  expect(page).not.toMatch(/messaging_\w+\{.*postgresql/);
});

test.each([
  ['postgres', 'postgresql'],
  ['mysql', 'mysql'],
  ['redis', 'redis'],
])('%s is %s to OpenTelemetry', (protocol, system) => expect(systemOf(protocol)).toBe(system));

test('an operation that was lost with its connection is an error in the counter, and has no duration', () => {
  const lost = Object.assign(series({ ...labels, code: 'lost' }, 0), { calls: 2 });
  const fine = Object.assign(series(labels, 3), { calls: 4 });
  const durations = durationSeries([lost, fine]);
  const page = renderPrometheus({ stats: [], durations, digests: [], processes: [] }, { strict: true });
  const own = 'db_system_name="postgresql",db_namespace="shop",db_operation_name="SELECT",sluice_listener="pg"';
  expect(page).toContain(`sluice_operation_calls_total{${own},error_type="lost"} 2\n`);
  expect(page).toContain(`sluice_operation_calls_total{${own}} 4\n`);
  expect(page).toContain(`db_client_operation_duration_seconds_count{${own}} 3\n`);
  expect(page).not.toContain('db_client_operation_duration_seconds_count{error_type="lost"');
  expect(page.match(/^db_client_operation_duration_seconds_count/gm)).toHaveLength(1);
});
