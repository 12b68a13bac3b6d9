import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { factsSocketIn, startGenerator } from '../support/event-generator-report.ts';
import { freePort } from '../support/free-port.ts';
import { attributesOf, startOtlpReceiver, type Tree } from '../support/otlp-receiver.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// Sluice's own operation by OpenTelemetry's SDK: in the facts process, where OTEL_* asks for it, and nowhere else.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-own-'));
  closers.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** The scripts that each process of a Sluice had loaded when it ended, by the role's own module (Node writes them). */
function loadedBy(coverage: string, role: string): string[] {
  const reports = readdirSync(coverage).map(
    (file) => JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: { url: string }[] },
  );
  const urls = reports.map(({ result }) => result.map(({ url }) => url));
  return urls.filter((loaded) => loaded.some((url) => url.endsWith(`/src/server/${role}.ts`))).flat();
}
/** All but the interfaces (@opentelemetry/api), which prom-client brings along and which do nothing by themselves. */
const isOpenTelemetry = (url: string): boolean => /\/@opentelemetry\/(?!api\/)/.test(url);

/** What the end of a Sluice takes here and now that has nothing to tell. */
let plainEndMs = 0;

test('without one no module of OpenTelemetry is loaded, in no process', async () => {
  const coverage = folder();
  const sluice = await runSluice({
    upstreams: ['postgres://127.0.0.1:1'],
    concurrency: 1,
    env: { OTEL_SERVICE_NAME: 'our-sluice', NODE_V8_COVERAGE: coverage },
  });
  closers.push(() => sluice.stop('SIGKILL'));
  await sluice.getText('/stats');
  const stopped = performance.now();
  expect(await sluice.stop('SIGTERM', 60_000)).toMatchObject({ code: 0 });
  plainEndMs = performance.now() - stopped;
  for (const role of ['facts', 'worker', 'primary']) {
    const loaded = loadedBy(coverage, role);
    expect(loaded.length, role).toBeGreaterThan(10);
    expect(loaded.filter(isOpenTelemetry), role).toEqual([]);
  }
});

/** It is not held up by telemetry: an exporter would try for 10 s. */
async function endsInTime(sluice: RunningSluice): Promise<void> {
  const stopped = performance.now();
  expect(await sluice.stop('SIGTERM', 60_000)).toMatchObject({ code: 0 });
  expect(performance.now() - stopped).toBeLessThan(8000 + 4 * plainEndMs);
}

test('with an endpoint: spans and metrics of the facts process arrive, of nothing else', async () => {
  const receiver = await startOtlpReceiver({ protocol: 'http' });
  closers.push(() => receiver.close());
  const coverage = folder();
  const home = folder();
  const config = join(home, 'sluice.yaml');
  writeFileSync(
    config,
    `proxies: [{listen: '127.0.0.1:${await freePort()}', upstream: 'postgres://127.0.0.1:1'}]
sinks: [{type: kafka, brokers: ['127.0.0.1:1'], spool_bytes: 0}]
`,
  );
  const sluice = await runSluice({
    args: ['-c', config],
    concurrency: 1,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_METRIC_EXPORT_TIMEOUT: '400',
      OTEL_SERVICE_NAME: 'our-sluice',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      NODE_V8_COVERAGE: coverage,
      TMPDIR: home,
    },
  });
  closers.push(() => sluice.stop('SIGKILL'));
  await sluice.getText('/stats');
  await fetch(`${sluice.adminUrl}/no/such/path`);
  const spans = (name: string) => receiver.spans().filter((span) => span['name'] === name);
  await poll(
    'the spans',
    () => spans('GET /stats').length > 0 && spans('apply configuration').length > 0 && spans('GET').length > 0,
  );
  const request = spans('GET /stats')[0]!;
  expect(attributesOf(request)).toMatchObject({ 'http.route': '/stats', 'http.response.status_code': 200 });
  const took = BigInt(String(request['endTimeUnixNano'])) - BigInt(String(request['startTimeUnixNano']));
  expect(Number(took)).toBeGreaterThan(0);
  expect(Math.abs(Number(BigInt(String(request['endTimeUnixNano'])) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  expect(attributesOf(spans('GET')[0]!)).toMatchObject({ 'http.response.status_code': 404 });
  expect(attributesOf(spans('apply configuration')[0]!)).toMatchObject({
    'sluice.configuration.listeners': 1,
    'sluice.configuration.clusters': 1,
    'sluice.configuration.sinks': 1,
  });
  const generator = startGenerator(factsSocketIn(home)!, { rate: 2000, seconds: 1 });
  expect((await generator.report).dropped).toBe(0);
  await poll('a delivery', () => spans('deliver kafka').length > 0);
  const [delivery] = spans('deliver kafka');
  expect(delivery!['status']).toMatchObject({ message: 'no connection to a broker: ECONNREFUSED' });
  expect(attributesOf(delivery!)).toMatchObject({ 'sluice.sink.name': 'kafka', 'sluice.sink.outcome': 'later' });
  await poll('the metrics', () => {
    const names = new Set(receiver.metrics().map((metric) => metric['name']));
    return METRICS.every((name) => names.has(name));
  });
  const carried = () => receiver.metrics().filter((metric) => metric['name'] === 'sluice.events.exchanges');
  await poll('exchanges that arrived', () =>
    carried().some((metric) => pointsOf(metric).some((point) => Number(point['asInt'] ?? point['asDouble']) === 2000)),
  );
  const resources = receiver.requests.flatMap(
    ({ tree }) => (tree['resourceSpans'] ?? tree['resourceMetrics']) as Tree[],
  );
  for (const { resource } of resources) {
    expect(attributesOf(resource as Tree)).toMatchObject({
      'service.name': 'our-sluice',
      'sluice.role': 'facts',
      'deployment.environment.name': 'test',
    });
  }
  const before = receiver.spans().length;
  await sluice.getText('/ready');
  await endsInTime(sluice);
  expect(receiver.spans().length, 'the last spans leave at the end').toBeGreaterThan(before);
  expect(loadedBy(coverage, 'facts').some(isOpenTelemetry)).toBe(true);
  expect(loadedBy(coverage, 'worker').filter(isOpenTelemetry)).toEqual([]);
});

const METRICS = [
  'http.server.request.duration',
  'nodejs.eventloop.delay.p99',
  'nodejs.eventloop.utilization',
  'process.memory.usage',
  'process.cpu.time',
  'v8js.memory.heap.used',
  'sluice.events.exchanges',
  'sluice.sink.deliver.duration',
  'sluice.sink.exchanges',
  'sluice.sink.queue.exchanges',
  'sluice.sink.queue.size',
];

const pointsOf = (metric: Tree): Tree[] =>
  ['gauge', 'sum', 'histogram'].flatMap((kind) => ((metric[kind] as Tree | undefined)?.['dataPoints'] ?? []) as Tree[]);

test('a collector that is not there costs a line in the log, not one an attempt, and no traffic; the end is not held up', async () => {
  const sluice = await runSluice({
    upstreams: ['postgres://127.0.0.1:1'],
    concurrency: 1,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_METRIC_EXPORT_TIMEOUT: '100',
    },
  });
  closers.push(() => sluice.stop('SIGKILL'));
  const told = () =>
    sluice
      .stderr()
      .split('\n')
      .filter((line) => line.includes('telemetry of Sluice itself'));
  await poll('a line', async () => (await sluice.getText('/stats')) && told().length > 0, { withinMs: 60_000 });
  await endsInTime(sluice);
  expect(told().length).toBeLessThanOrEqual(4);
});
