import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const TYPES = 'type.googleapis.com/envoy';
const received: string[] = [];
const lines = () => received.flatMap((text) => text.split('\n'));
const statsd = createSocket('udp4');
statsd.on('message', (message) => received.push(message.toString()));
/** Says back what it hears. */
const echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
let otlp: OtlpReceiver;
let sluice: RunningSluice;
let folder: string;
let port: number;

beforeAll(async () => {
  statsd.bind(0, '127.0.0.1');
  echo.listen(0, '127.0.0.1');
  await Promise.all([once(statsd, 'listening'), once(echo, 'listening')]);
  otlp = await startOtlpReceiver({ protocol: 'grpc' });
  port = await freePort();
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-stats-'));
  const file = path.join(folder, 'sluice.json');
  await writeFile(file, JSON.stringify(configuration()));
  sluice = await runSluice({ args: ['-c', file], concurrency: 1 });
});
afterAll(async () => {
  await sluice?.stop();
  await otlp?.close();
  statsd.close();
  echo.close();
  await rm(folder, { recursive: true, force: true });
});

const socketAddress = (to: number) => ({ socket_address: { address: '127.0.0.1', port_value: to } });
const cluster = (name: string, to: number) => ({
  name,
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(to) } }] }],
  },
});

/** Only what Envoy knows as well: this file is an Envoy file. */
function configuration(): object {
  const proxy = { '@type': `${TYPES}.extensions.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'echo' };
  const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: { ...proxy, cluster: 'echo' } }];
  return {
    static_resources: {
      listeners: [{ name: 'echo', address: socketAddress(port), filter_chains: [{ filters }] }],
      clusters: [
        cluster('echo', (echo.address() as AddressInfo).port),
        cluster('collector', Number(new URL(otlp.url).port)),
      ],
    },
    stats_flush_interval: '0.2s',
    stats_sinks: [
      {
        name: 'envoy.stat_sinks.dog_statsd',
        typed_config: {
          '@type': `${TYPES}.config.metrics.v3.DogStatsdSink`,
          address: socketAddress(statsd.address().port),
          prefix: 'edge',
        },
      },
      {
        name: 'envoy.stat_sinks.open_telemetry',
        typed_config: {
          '@type': `${TYPES}.extensions.stat_sinks.open_telemetry.v3.SinkConfig`,
          grpc_service: { envoy_grpc: { cluster_name: 'collector' }, timeout: '60s' },
        },
      },
    ],
    stats_config: {
      stats_matcher: {
        exclusion_list: { patterns: [{ prefix: 'listener.' }, { safe_regex: { regex: 'tcp\\..*_active' } }] },
      },
      histogram_bucket_settings: [{ match: { suffix: 'upstream_cx_connect_ms' }, buckets: [1000, 2000] }],
    },
  };
}

async function talk(): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write('hello');
  await once(socket, 'data');
  socket.end();
  await once(socket, 'close');
}

test('counters arrive as what they gained, by statsd and by OTLP', async () => {
  for (let n = 0; n < 3; n++) await talk();
  const dialled = () =>
    lines()
      .map((line) => /^edge\.cluster\.upstream_cx_total:(\d+)\|c\|#envoy\.cluster_name:echo$/.exec(line)?.[1])
      .reduce((sum, n) => sum + Number(n ?? 0), 0);
  await poll('statsd has three', () => dialled() === 3);
  await talk();
  await poll('statsd has one more', () => dialled() === 4);
  await poll('and how long it took', () =>
    lines().some((line) => /^edge\.cluster\.upstream_cx_connect_ms:[\d.]+\|ms/.test(line)),
  );
  await poll('OTLP has four', () => JSON.stringify(otlp.metrics()).includes('cluster.upstream_cx_total'));
});

test('what the matcher leaves out is nowhere', async () => {
  const stats = await poll('four are counted', async () => {
    const text = await sluice.getText('/stats');
    return text.includes('cluster.echo.upstream_cx_total: 4\n') && text;
  });
  expect(stats).toContain('tcp.echo.downstream_cx_total: 4\n');
  expect(stats).not.toMatch(/^listener\./m);
  expect(stats).not.toMatch(/^tcp\..*_active/m);
  const page = await sluice.getText('/metrics');
  expect(page).not.toContain('envoy_listener_');
  expect(lines().filter((line) => line.startsWith('edge.listener.'))).toEqual([]);
});

test('a histogram has the buckets that were asked for', async () => {
  const page = await sluice.getText('/metrics');
  const bounds = page.match(/(?<=^envoy_cluster_upstream_cx_connect_ms_bucket\{envoy_cluster_name="echo",le=")[^"]+/gm);
  expect(bounds).toEqual(['1000', '2000', '+Inf']);
});

test('the sinks count themselves', async () => {
  const stats = await poll('both have flushed', async () => {
    const text = await sluice.getText('/stats?filter=stats_sink');
    return (text.match(/flushes: [1-9]/g)?.length ?? 0) === 2 && text;
  });
  expect(stats).toMatch(/^sluice\.stats_sink\.envoy\.stat_sinks\.dog_statsd\.flushes: [1-9]/m);
  expect(stats).toMatch(/^sluice\.stats_sink\.envoy\.stat_sinks\.dog_statsd\.failures: 0$/m);
  expect(stats).toMatch(/^sluice\.stats_sink\.envoy\.stat_sinks\.open_telemetry\.failures: 0$/m);
});
