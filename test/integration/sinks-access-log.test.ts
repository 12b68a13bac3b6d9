import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// One Sluice from a configuration in Envoy's form. Without the listener of Postgres it is an Envoy file; what Envoy writes
// for it is what src/access-log/envoy-parity.test.ts holds.

const folder = mkdtempSync(path.join(tmpdir(), 'sluice-access-log-'));
const at = (name: string): string => path.join(folder, name);
const textOf = (name: string): string => readFileSync(at(name), 'utf8');
const linesOf = (name: string): string[] => textOf(name).split('\n').slice(0, -1);
const jsonOf = (name: string): Record<string, unknown>[] => linesOf(name).map((line) => JSON.parse(line));

/** Answers "pong!!" to whatever it hears. */
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.write('pong!!'));
});
const closedPort = freePort();
const ports = { plain: freePort(), down: freePort(), postgres: freePort() };
let http: OtlpReceiver;
let grpc: OtlpReceiver;
let postgres: RealPostgres;
let sluice: RunningSluice;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  [http, grpc, postgres] = await Promise.all([
    startOtlpReceiver({ protocol: 'http' }),
    startOtlpReceiver({ protocol: 'grpc' }),
    startRealPostgres('debian'),
  ]);
  writeFileSync(
    at('format.txt'),
    '%ACCESS_LOG_TYPE% %UPSTREAM_CLUSTER% %BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS%\n',
  );
  writeFileSync(at('sluice.json'), JSON.stringify(await configuration()));
  sluice = await runSluice({ args: ['-c', at('sluice.json')], concurrency: 2 });
});
afterAll(async () => {
  await sluice?.stop();
  await Promise.all([http?.close(), grpc?.close(), postgres?.stop()]);
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const TYPES = 'type.googleapis.com/envoy.extensions';
const socketAddress = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const cluster = (name: string, port: number, more = {}) => ({
  name,
  ...more,
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
  },
});
const fileLog = (name: string, log_format: object, filter?: object) => ({
  name: 'envoy.access_loggers.file',
  ...(filter && { filter }),
  typed_config: { '@type': `${TYPES}.access_loggers.file.v3.FileAccessLog`, path: at(name), log_format },
});
const otelLog = (fields: object) => ({
  name: 'envoy.access_loggers.open_telemetry',
  typed_config: {
    '@type': `${TYPES}.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig`,
    buffer_flush_interval: '0.1s',
    body: { string_value: '%ACCESS_LOG_TYPE% %DURATION%' },
    attributes: { values: [{ key: 'sent', value: { string_value: '%BYTES_SENT%' } }] },
    ...fields,
  },
});
const tcpProxy = (to: string, logs: object[], more = {}) => ({
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: {
    '@type': `${TYPES}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: to,
    cluster: to,
    access_log: logs,
    ...more,
  },
});

async function configuration(): Promise<object> {
  const ended = { log_type_filter: { types: ['TcpConnectionEnd'] } };
  const plain = tcpProxy(
    'plain',
    [
      fileLog('plain.txt', { text_format_source: { filename: at('format.txt') } }),
      fileLog(
        'plain.json',
        {
          json_format: {
            id: '%CONNECTION_ID%',
            stream: '%STREAM_ID%',
            net: { from: '%DOWNSTREAM_REMOTE_ADDRESS%', to: '%UPSTREAM_HOST%' },
            ms: '%DURATION%',
            sni: '%REQUESTED_SERVER_NAME%',
          },
        },
        ended,
      ),
      otelLog({
        log_name: 'http',
        http_service: { http_uri: { uri: 'http://collector/v1/logs', cluster: 'http', timeout: '60s' } },
      }),
      otelLog({
        stat_prefix: 'old',
        common_config: { log_name: 'grpc', grpc_service: { envoy_grpc: { cluster_name: 'grpc' } } },
      }),
    ],
    { access_log_options: { flush_access_log_on_connected: true, access_log_flush_interval: '0.2s' } },
  );
  const refused = { and_filter: { filters: [ended, { response_flag_filter: { flags: ['UF'] } }] } };
  const down = tcpProxy(
    'down',
    [
      fileLog(
        'down.json',
        {
          json_format: {
            flags: '%RESPONSE_FLAGS%',
            long: '%RESPONSE_FLAGS_LONG%',
            host: '%UPSTREAM_HOST%',
            remote: '%UPSTREAM_REMOTE_ADDRESS%',
            attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
            why: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
          },
        },
        refused,
      ),
      fileLog('no-flags.txt', { text_format: 'never\n' }, { response_flag_filter: { flags: ['NC', 'UH'] } }),
    ],
    { max_connect_attempts: 2 },
  );
  const sql = {
    name: 'envoy.filters.network.postgres_proxy',
    typed_config: { '@type': `${TYPES}.filters.network.postgres_proxy.v3alpha.PostgresProxy`, stat_prefix: 'pg' },
  };
  const tables = 'envoy.filters.network.postgres_proxy';
  const database = tcpProxy('postgres', [
    fileLog('postgres.json', {
      json_format: {
        user: '%SLUICE(user)%',
        exchanges: '%SLUICE(exchanges)%',
        tables: `%DYNAMIC_METADATA(${tables})%`,
        kind: '%DYNAMIC_METADATA(sluice.query:kind)%',
      },
    }),
  ]);
  const own = [
    {
      path: at('own.txt'),
      connections: false,
      log_format: { text_format: '%SLUICE(user)% | %SLUICE(summary)% | %SLUICE(rows_sent)%\n' },
    },
  ];
  const chain = (...filters: object[]) => [{ name: 'main', filters }];
  return {
    node: { id: 'node-1', cluster: 'edge' },
    static_resources: {
      listeners: [
        {
          name: 'plain',
          address: socketAddress(await ports.plain),
          access_log: [fileLog('listener.txt', { text_format: '%ACCESS_LOG_TYPE% %FILTER_CHAIN_NAME%\n' })],
          filter_chains: chain(plain),
        },
        { name: 'down', address: socketAddress(await ports.down), filter_chains: chain(down) },
        {
          name: 'postgres',
          address: socketAddress(await ports.postgres),
          filter_chains: chain(sql, database),
          metadata: { filter_metadata: { sluice: { access_log: own } } },
        },
      ],
      clusters: [
        cluster('plain', (server.address() as AddressInfo).port),
        cluster('down', await closedPort),
        cluster('postgres', postgres.port),
        cluster('http', Number(new URL(http.url).port)),
        cluster('grpc', Number(new URL(grpc.url).port), { http2_protocol_options: {} }),
      ],
    },
  };
}

/** Says `text`, waits for the answer and for whatever is to happen while it stays, and leaves. Gives the address it spoke from. */
async function talk(port: number, text: string, stay: () => unknown = () => {}): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  // A proxy that finds no server may have reset it before we hear that it was connected.
  await Promise.race([once(socket, 'connect').catch(() => {}), closed]);
  const from = `127.0.0.1:${socket.localPort}`;
  const heard = new Promise<void>((resolve) => void socket.once('data', () => resolve()));
  socket.write(text);
  await Promise.race([heard, closed]);
  await stay();
  socket.end();
  await closed;
  return from;
}
const stat = async (name: string): Promise<number> =>
  Number(/: (\d+)/.exec(await sluice.getText(`/stats?filter=^${name}$`))?.[1] ?? Number.NaN);

test('a plain connection: each state, in text and JSON, and for the listener', async () => {
  const whole = 'TcpPeriodic plain 11 6 -';
  let stayedMs = 0;
  const from = await talk(await ports.plain, 'hello world', async () => {
    const began = performance.now();
    await poll(
      'its state is logged now and then',
      () => linesOf('plain.txt').filter((line) => line === whole).length > 1,
    );
    stayedMs = performance.now() - began;
  });
  const lines = await poll(
    'the end is logged',
    () => linesOf('plain.txt').some((line) => line.startsWith('TcpConnectionEnd')) && linesOf('plain.txt'),
  );
  expect(lines[0]).toBe('TcpUpstreamConnected plain 0 0 -');
  // On a busy machine the first of them may come before the bytes do.
  const periodic = lines.slice(1, -1);
  for (const line of periodic.slice(0, periodic.indexOf(whole))) expect(line).toMatch(/^TcpPeriodic plain (0|11) 0 -$/);
  expect(new Set(periodic.slice(periodic.indexOf(whole)))).toEqual(new Set([whole]));
  expect(lines.at(-1)).toBe('TcpConnectionEnd plain 11 6 -');
  const [json, ...others] = await poll('a line of JSON', () => jsonOf('plain.json').length > 0 && jsonOf('plain.json'));
  expect(others).toEqual([]);
  expect(json).toEqual({
    id: expect.any(Number),
    stream: expect.stringMatching(/^[0-9a-f-]{36}$/),
    net: { from, to: `127.0.0.1:${(server.address() as AddressInfo).port}` },
    ms: expect.any(Number),
    sni: null,
  });
  expect(json!['ms']).toBeGreaterThanOrEqual(Math.floor(stayedMs));
  await poll('the listener logs it', () => textOf('listener.txt') === 'NotSet main\n');
});

test('the same to OpenTelemetry, over HTTP and gRPC', async () => {
  for (const [receiver, name, written] of [
    [http, 'http', 'logs_written'],
    [grpc, 'grpc', 'old.logs_written'],
  ] as const) {
    const bodies = () => receiver.logs().map(({ body }) => (body as { stringValue: string }).stringValue);
    await poll(`the end over ${name}`, () => bodies().some((body) => body.startsWith('TcpConnectionEnd')));
    expect(bodies()[0]).toMatch(/^TcpUpstreamConnected \d+$/);
    expect(receiver.logs().at(-1)!['attributes']).toEqual([{ key: 'sent', value: { stringValue: '6' } }]);
    const [{ resource } = { resource: null }] = receiver.requests[0]!.tree['resourceLogs'] as unknown as [
      { resource: unknown },
    ];
    expect(resource).toEqual({
      attributes: [
        ['log_name', name],
        ['zone_name', ''],
        ['cluster_name', 'edge'],
        ['node_name', 'node-1'],
      ].map(([key, stringValue]) => ({ key, value: { stringValue } })),
    });
    const counter = `access_logs.open_telemetry_access_log.${written}`;
    await poll('they are counted', async () => (await stat(counter)) === receiver.logs().length);
  }
});

test('a server that cannot be reached: its flags, and filters on them', async () => {
  await talk(await ports.down, 'hello');
  const [line] = await poll('it is logged', () => jsonOf('down.json').length > 0 && jsonOf('down.json'));
  expect(line).toEqual({
    flags: 'UF,URX',
    long: 'UpstreamConnectionFailure,UpstreamRetryLimitExceeded',
    host: `127.0.0.1:${await closedPort}`,
    remote: null,
    attempts: 2,
    why: 'delayed_connect_error:_Connection_refused',
  });
});

test('behind a protocol filter: its metadata, our own fields, and our own log in a format', async () => {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: await ports.postgres,
    user: 'postgres',
    database: 'postgres',
  });
  await client.connect();
  await client.query('create table "line\nbreak" (id int)');
  await client.query('select id from "line\nbreak"');
  await client.end();
  const [line] = await poll(
    'the connection is logged',
    () => jsonOf('postgres.json').length > 0 && jsonOf('postgres.json'),
  );
  expect(line).toMatchObject({
    user: 'postgres',
    exchanges: 2,
    tables: { 'line\nbreak.postgres': ['select'] },
    kind: 'query',
  });
  const own = await poll('exchanges are logged', () => linesOf('own.txt').length >= 2 && linesOf('own.txt'));
  expect(own).toHaveLength(2);
  expect(own[1]).toMatch(/^postgres \| SELECT .*line\\u000abreak.* \| 0$/);
});

test('rotation by /reopen_logs: what follows is in the new file, and nothing is lost', async () => {
  const before = linesOf('plain.json').length;
  renameSync(at('plain.json'), at('plain.json.1'));
  const reopened = await fetch(`${sluice.adminUrl}/reopen_logs`, { method: 'POST' });
  expect(reopened.status).toBe(200);
  const from = await talk(await ports.plain, 'again');
  const lines = await poll('the new file has a line', () => jsonOf('plain.json').length > 0 && jsonOf('plain.json'));
  expect(lines.map(({ net }) => net)).toMatchObject([{ from }]);
  expect(linesOf('plain.json.1')).toHaveLength(before);
});

test('every line is accounted for', async () => {
  const files = ['plain.txt', 'plain.json', 'plain.json.1', 'listener.txt', 'down.json', 'postgres.json', 'own.txt'];
  const inFiles = () => files.reduce((sum, name) => sum + linesOf(name).length, 0);
  await poll('the counters agree', async () => {
    const counters = ['sluice.access_log.written', 'filesystem.write_buffered', 'filesystem.write_total_buffered'];
    const counts = await Promise.all(counters.map(stat));
    const lines = inFiles();
    expect(counts).toEqual([lines, lines, 0]);
    return true;
  });
  expect(existsSync(at('no-flags.txt'))).toBe(false); // a file is opened when it has its first line
  for (const name of [
    'sluice.access_log.dropped',
    'sluice.access_log.failures',
    'filesystem.write_failed',
    'filesystem.reopen_failed',
  ])
    expect(await stat(name), name).toBe(0);
  expect(await stat('filesystem.write_completed')).toBeGreaterThan(3);
});
