import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { attributesOf, type OtlpReceiver, startOtlpReceiver, type Tree } from '../support/otlp-receiver.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const QUERIES = 60;

const far: OtlpReceiver[] = [];
let server: RealPostgres;
let sluice: RunningSluice;
let folder: string;
let port: number;

beforeAll(async () => {
  far.push(await startOtlpReceiver({ protocol: 'http' }), await startOtlpReceiver({ protocol: 'grpc' }));
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-otlp-'));
  server = await startRealPostgres('debian');
  port = await freePort();
  const file = path.join(folder, 'sluice.json');
  const [http, grpc] = far;
  await writeFile(
    file,
    JSON.stringify({
      proxies: [{ name: 'front', listen: `127.0.0.1:${port}`, upstream: `postgres://127.0.0.1:${server.port}` }],
      sinks: [
        { type: 'otlp', name: 'http', url: http!.url, compression: 'gzip', interval: '200ms' },
        // Where this one goes stands in the environment.
        { type: 'otlp', name: 'grpc', protocol: 'grpc', interval: '200ms' },
      ],
      spool: { path: path.join(folder, 'spool') },
    }),
  );
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: grpc!.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-token=from%20the%20environment',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  };
  sluice = await runSluice({ args: ['-c', file], concurrency: 2, env });
});
afterAll(async () => {
  await sluice?.stop();
  await server?.stop();
  for (const one of far) await one.close();
  await rm(folder, { recursive: true, force: true });
});

/** What a client does, and what of it is sampled by its caller. */
async function talk(): Promise<void> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'web',
  });
  await client.connect();
  for (let i = 0; i < QUERIES; i++) await client.query(`select ${i} as one /*traceparent='00-${TRACE}-${PARENT}-01'*/`);
  for (let i = 0; i < 10; i++) await client.query(`select ${i} as two /*traceparent='00-${TRACE}-${PARENT}-00'*/`);
  for (let i = 0; i < 5; i++)
    await expect(client.query('select * from no_such_table')).rejects.toThrow('no_such_table');
  await client.end();
}

const named = (records: readonly Tree[], name: string) => records.filter((record) => record['eventName'] === name);
const queriesIn = (records: readonly Tree[]) => [...named(records, 'sluice.query')];
const by = (records: readonly Tree[], key: string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const record of records) {
    const value = String(attributesOf(record)[key] ?? '');
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
};
const SELECT_ONE = 'select ? as one';

describe('real traffic, over HTTP and gRPC at once', () => {
  beforeAll(async () => {
    await Promise.all([talk(), talk()]);
    await poll(
      'all has arrived',
      () =>
        far.every(
          (one) =>
            named(one.logs(), 'sluice.session.end').length === 2 &&
            queriesIn(one.logs()).length === 150 &&
            one.spans().length === 130,
        ),
      { withinMs: 60_000 },
    ).catch((error) => {
      const seen = far.map((one) => [queriesIn(one.logs()).length, one.spans().length, one.logs().length]);
      throw new Error(`${error} ${JSON.stringify(seen)}\n${sluice.stderr()}`);
    });
  });

  test('a record for each exchange, a span for each that is sampled', () => {
    for (const { logs, spans } of far) {
      expect(by(queriesIn(logs()), 'db.query.text')).toMatchObject({
        [SELECT_ONE]: 2 * QUERIES,
        'select ? as two': 20,
      });
      expect(by(queriesIn(logs()), 'error.type')).toEqual({ '': 140, '42P01': 10 });
      expect(by(spans(), 'db.query.text')).toEqual({ [SELECT_ONE]: 2 * QUERIES, 'select * from no_such_table': 10 });
      expect(new Set(spans().map(({ spanId }) => spanId)).size).toBe(130);
      expect(named(logs(), 'sluice.session.start').length).toBe(2);
    }
  });

  test('a query says who, what, where and how long', () => {
    for (const { logs, spans } of far) {
      const record = queriesIn(logs()).find((one) => attributesOf(one)['db.query.text'] === SELECT_ONE)!;
      const want = {
        'db.system.name': 'postgresql',
        'db.namespace': 'postgres',
        'server.address': '127.0.0.1',
        'server.port': server.port,
        'client.address': '127.0.0.1',
        'user.name': 'postgres',
        'sluice.application': 'web',
        'sluice.listener': 'front',
        'sluice.outcome': 'ok',
        'sluice.rows.sent': 1,
      };
      expect(attributesOf(record)).toMatchObject(want);
      expect(record).toMatchObject({ traceId: TRACE, severityNumber: 9 });
      const span = spans().find(({ spanId }) => spanId === record['spanId'])!;
      expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, kind: 3 });
      const took = Number(BigInt(String(span['endTimeUnixNano'])) - BigInt(String(span['startTimeUnixNano']))) / 1e9;
      expect(took).toBeGreaterThan(0);
      expect(took).toBeCloseTo(Number(attributesOf(record)['sluice.duration.total']), 6);
      const failed = spans().find((one) => attributesOf(one)['error.type'] === '42P01')!;
      expect(failed).toMatchObject({ status: { code: 2, message: '42P01' } });
    }
  });

  test('both transports carried the same', () => {
    const ids = far.map(({ logs }) =>
      queriesIn(logs())
        .map(({ traceId, spanId }) => `${traceId} ${spanId}`)
        .sort(),
    );
    expect(ids[0]).toEqual(ids[1]);
  });

  test('the environment was heard', () => {
    const [{ headers, tree }] = far[1]!.requests as [OtlpReceiver['requests'][number]];
    expect(headers).toMatchObject({ 'x-token': 'from the environment' });
    const [group] = Object.values(tree)[0] as [{ resource: Tree }];
    expect(attributesOf(group.resource)).toMatchObject({
      'service.name': 'sluice',
      'deployment.environment.name': 'test',
    });
  });

  test('metrics say what /metrics says', async () => {
    const page = await sluice.getText('/metrics');
    const counts = [...page.matchAll(/^db_client_operation_duration_seconds_count\{(.*)\} (\d+)$/gm)];
    const exposed = counts.map(([, labels, count]) => `${labels!.split(',').sort().join(',')} ${count}`).sort();
    expect(exposed.length).toBeGreaterThan(1);
    for (const one of far) {
      one.clear();
      const metric = await poll('metrics', () =>
        one.metrics().find(({ name }) => name === 'db.client.operation.duration'),
      );
      const { dataPoints } = metric['exponentialHistogram'] as { dataPoints: Tree[] };
      const sent = dataPoints.map((point) => {
        const labels = Object.entries(attributesOf(point)).map(
          ([key, value]) => `${key.replaceAll('.', '_')}="${String(value)}"`,
        );
        return `${labels.sort().join(',')} ${String(point['count'])}`;
      });
      expect(sent.sort()).toEqual(exposed);
      for (const point of dataPoints) {
        const { bucketCounts } = point['positive'] as { bucketCounts: string[] };
        expect(bucketCounts.reduce((sum, n) => sum + Number(n), 0)).toBe(Number(point['count']));
      }
      const produced = one.metrics().find(({ name }) => name === 'sluice.sink.produced')!['sum'] as {
        dataPoints: Tree[];
      };
      expect(produced.dataPoints.map((point) => point['asInt'])).toEqual(['150', '150', '150', '150']);
    }
  });
});

test('a receiver that fails in every way costs nothing but time', async () => {
  const [http, grpc] = far;
  for (const one of far) one.clear();
  let n = 0;
  const ways = [
    { kind: 'status', code: 500 },
    { kind: 'half' },
    { kind: 'reset' },
    { kind: 'status', code: 429, retryAfterSeconds: 1 },
  ] as const;
  http!.answer((signal) => (signal === 'logs' && n < ways.length ? ways[n++]! : { kind: 'ok' }));
  let failures = 0;
  grpc!.answer((signal) => (signal === 'logs' && failures++ < 3 ? { kind: 'status', code: 14 } : { kind: 'ok' }));
  await talk();
  await poll('all has arrived', () => far.every((one) => queriesIn(one.logs()).length >= 75), { withinMs: 60_000 });
  await poll('the sinks are well', async () => {
    const stats = await sluice.getText('/stats?filter=^sluice.sink');
    const value = (name: string) => Number(new RegExp(`^sluice\\.sink\\.${name}: (\\d+)$`, 'm').exec(stats)?.[1]);
    return (
      value('http-logs.delivered') === 225 && value('grpc-logs.delivered') === 225 && value('http-logs.dropped') === 0
    );
  });
  for (const one of far) expect(queriesIn(one.logs()).length).toBe(75);
});
