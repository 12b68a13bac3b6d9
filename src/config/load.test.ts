import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bad, CREDENTIALS, good, goodText } from './fixtures/loading.ts';
import { fullForm, samplePostgres, shortForm } from './fixtures/samples.ts';
import type { LoadEnv } from './load.ts';
import type { Snapshot } from './snapshot.ts';
import { tcpProxyConfig } from './tcp-proxy-schema.ts';
import { printYaml } from './yaml-source.ts';

const TCP = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const PG = samplePostgres.typeUrl;

describe('good files', () => {
  test('the smallest short form', async () => {
    const { snapshot } = await goodText('proxies: [postgres://127.0.0.1]');
    expect(snapshot.version).toMatch(/^[0-9a-f]{16}$/);
    expect(snapshot).toMatchObject({
      node: { id: '', cluster: '' },
      admin: { address: { kind: 'ip', host: '127.0.0.1', port: 9901 } },
      metrics: null,
      process: { concurrency: null, drainTimeoutMs: 30_000, digestRows: 10_000, showLiterals: false },
      listeners: [
        {
          name: 'postgres',
          statPrefix: '',
          address: { kind: 'ip', host: '127.0.0.1', port: 15432 },
          autoPort: true,
          perConnectionBufferLimitBytes: 1_048_576,
          accessLogs: [],
          options: { postgres: { refuse_ssl: false } },
          filterChains: [
            {
              name: '',
              filters: [
                { typeUrl: PG, config: { stat_prefix: 'postgres', enable_sql_parsing: true } },
                {
                  typeUrl: TCP,
                  config: {
                    stat_prefix: 'postgres',
                    cluster: 'postgres',
                    idle_timeout: 3_600_000,
                    max_connect_attempts: 1,
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'postgres',
          type: 'STATIC',
          lbPolicy: 'ROUND_ROBIN',
          connectTimeoutMs: 5000,
          endpoints: [{ address: { kind: 'ip', host: '127.0.0.1', port: 5432 }, weight: 1 }],
        },
      ],
    });
  });

  test('every field of the short form arrives', async () => {
    const { snapshot } = await goodText(shortForm);
    expect(snapshot.process).toEqual({
      concurrency: 2,
      drainTimeoutMs: 1500,
      digestRows: 500,
      showLiterals: true,
      maxConnections: 100,
      sampling: { maxPerSecond: 20_000, slowMs: 1000 },
    });
    expect(snapshot.admin).toEqual({ address: { kind: 'ip', host: '127.0.0.1', port: 9000 } });
    expect(snapshot.metrics).toEqual({ address: { kind: 'ip', host: '0.0.0.0', port: 9100 } });
    const [postgres, orders, raw] = snapshot.listeners;
    expect(postgres?.accessLogs).toEqual([{ path: '-', exchanges: true, connections: true, format: null }]);
    expect(orders).toMatchObject({
      address: { kind: 'ip', host: '127.0.0.1', port: 6432 },
      autoPort: false,
      perConnectionBufferLimitBytes: 65536,
      accessLogs: [{ path: 'orders.log', exchanges: true, connections: false }],
      options: { postgres: { refuse_ssl: true } },
    });
    expect(orders?.filterChains[0]?.filters.map((filter) => filter.config)).toMatchObject([
      { stat_prefix: 'orders', enable_sql_parsing: false },
      { stat_prefix: 'orders', cluster: 'orders', idle_timeout: 3_600_000, max_connect_attempts: 3 },
    ]);
    expect(raw).toMatchObject({ address: { kind: 'pipe', path: '/tmp/raw.sock' }, options: {} });
    expect(snapshot.clusters[1]).toMatchObject({
      type: 'STRICT_DNS',
      lbPolicy: 'LEAST_REQUEST',
      connectTimeoutMs: 250,
      perConnectionBufferLimitBytes: 65536,
      dnsLookupFamily: 'V4_PREFERRED',
      endpoints: [{ address: { host: 'db1.example', port: 5432 } }, { address: { host: 'db2.example', port: 5432 } }],
    });
  });

  test('every field of the full form arrives', async () => {
    const { snapshot } = await goodText(fullForm);
    const { version: _, ...content } = snapshot;
    expect(content).toEqual({
      node: { id: 'gate-1', cluster: 'shop' },
      admin: { address: { kind: 'ip', host: '127.0.0.1', port: 9901 } },
      metrics: { address: { kind: 'ip', host: '::1', port: 9100 } },
      process: {
        concurrency: 2,
        drainTimeoutMs: 5000,
        digestRows: 100,
        showLiterals: false,
        maxConnections: 1000,
        sampling: { maxPerSecond: 20_000, slowMs: 1000 },
      },
      sinks: [],
      spoolPath: null,
      statsSinks: [],
      statsFlushIntervalMs: 5000,
      statsConfig: { matcher: null, histogramBuckets: [] },
      listeners: [
        {
          name: 'orders',
          statPrefix: 'in',
          address: { kind: 'ip', host: '127.0.0.1', port: 15432 },
          autoPort: true,
          doors: null,
          additionalAddresses: [{ kind: 'pipe', path: '/tmp/orders.sock', mode: 0o660 }],
          perConnectionBufferLimitBytes: 32768,
          tcpBacklogSize: 128,
          filterChains: [
            {
              name: 'main',
              filters: [
                {
                  name: samplePostgres.filterName,
                  typeUrl: PG,
                  config: { stat_prefix: 'orders', enable_sql_parsing: false },
                },
                {
                  name: 'envoy.filters.network.tcp_proxy',
                  typeUrl: TCP,
                  config: {
                    stat_prefix: 'orders',
                    cluster: 'orders',
                    idle_timeout: 250,
                    max_connect_attempts: 2,
                    upstream_connect_mode: 'ON_DOWNSTREAM_DATA',
                    max_early_data_bytes: 65536,
                    access_log_flush_interval: 0,
                    flush_access_log_on_connected: false,
                  },
                },
              ],
            },
          ],
          accessLogs: [{ path: '/tmp/orders.log', exchanges: true, connections: false, format: null }],
          envoyAccessLogs: [],
          options: { postgres: { refuse_ssl: true } },
        },
      ],
      clusters: [
        {
          name: 'orders',
          type: 'STRICT_DNS',
          lbPolicy: 'LEAST_REQUEST',
          choiceCount: 3,
          connectTimeoutMs: 1000,
          perConnectionBufferLimitBytes: 65536,
          dnsRefreshRateMs: 10_000,
          dnsLookupFamily: 'V4_ONLY',
          endpoints: [{ address: { kind: 'ip', host: 'db1.example', port: 5432 }, weight: 2 }],
        },
      ],
    });
  });

  test('JSON is read as well, and gives the same snapshot', async () => {
    const { snapshot, expanded } = await goodText(fullForm);
    expect((await goodText(JSON.stringify(expanded, null, '\t'))).snapshot).toEqual(snapshot);
  });

  test('a listener without a name is called by its address', async () => {
    const { snapshot } = await goodText(
      fullForm.replace('    - name: orders\n      stat_prefix: in', '    - stat_prefix: in'),
    );
    expect(snapshot.listeners[0]?.name).toBe('127.0.0.1:15432');
  });

  test('default ports: upstream + 10000, the next where the file has it already, from 10000 again above the last', async () => {
    const { snapshot } = await goodText(`proxies:
      - postgres://db1:5432
      - postgres://db2:5432
      - { upstream: "tcp://h:1", listen: "127.0.0.1:15434" }
      - postgres://db3:5432
      - tcp://h:65535
      - { upstream: "postgres://unix:/run/pg/.s.PGSQL.5432" }`);
    expect(
      snapshot.listeners.map(({ name, address, autoPort }) => [name, address.kind === 'ip' && address.port, autoPort]),
    ).toEqual([
      ['postgres', 15432, true],
      ['postgres_2', 15433, true],
      ['tcp', 15434, false],
      ['postgres_3', 15435, true],
      ['tcp_2', 19999, true],
      ['postgres_4', 15436, true],
    ]);
    expect(snapshot.clusters.map((cluster) => cluster.type).join(' ')).toBe(
      'STRICT_DNS STRICT_DNS STRICT_DNS STRICT_DNS STRICT_DNS STATIC',
    );
  });

  test('the admin page of the short form can be turned off, the postgresql scheme is the postgres one', async () => {
    const { snapshot } = await goodText('proxies: [postgresql://127.0.0.1]\nadmin: false');
    expect(snapshot.admin).toBeNull();
    expect(snapshot.listeners[0]?.filterChains[0]?.filters[0]?.typeUrl).toBe(PG);
  });

  test('anchors and aliases', async () => {
    const { snapshot } = await goodText(
      'proxies:\n  - { upstream: "tcp://127.0.0.1:1", idle_timeout: &t 5s }\n  - { upstream: "tcp://127.0.0.1:2", idle_timeout: *t }',
    );
    expect(snapshot.listeners.map((one) => one.filterChains[0]?.filters[0]?.config['idle_timeout'])).toEqual([
      5000, 5000,
    ]);
  });

  test('snapshots are frozen all the way down', async () => {
    const { snapshot, expanded } = await goodText(shortForm);
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(snapshot)).toBe(true);
    expect(frozen(expanded)).toBe(true);
  });

  test('equal content has an equal version, other content another', async () => {
    const version = async (text: string) => (await goodText(text)).snapshot.version;
    expect(await version(`# a comment\n${shortForm}`)).toBe(await version(shortForm));
    expect(await version(shortForm.replace('digest_rows: 500', 'digest_rows: 501'))).not.toBe(await version(shortForm));
  });
});

describe('expand', () => {
  const forms = {
    shortForm,
    fullForm,
    smallest: 'proxies: [postgres://127.0.0.1]',
    sockets: 'proxies: [{upstream: "postgres://unix:/a", listen: "unix:/b"}]\nadmin: "unix:/c"',
    awkward:
      'proxies: [{name: "yes", upstream: "tcp://a:1"}, {name: "0o17", upstream: "tcp://a:2"}, {name: "ü: #", upstream: "tcp://a:3"}]',
  };
  for (const [what, text] of Object.entries(forms)) {
    test(`${what}: the expansion means the same and expands to itself`, async () => {
      const first = await goodText(text);
      const printed = printYaml(first.expanded);
      const second = await good({ file: 'expanded.yaml', text: printed });
      expect(second.snapshot).toEqual(first.snapshot);
      expect(printYaml(second.expanded)).toBe(printed);
    });
  }

  test('what is printed', async () => {
    const { expanded } = await goodText('proxies: [{name: a, upstream: "tcp://127.0.0.1:7000", idle_timeout: 1.5m}]');
    expect(printYaml(expanded)).toBe(`admin:
  address:
    socket_address:
      address: 127.0.0.1
      port_value: 9901
static_resources:
  listeners:
    - name: a
      address:
        socket_address:
          address: 127.0.0.1
          port_value: 17000
      filter_chains:
        - filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": ${TCP}
                stat_prefix: a
                cluster: a
                idle_timeout: 90s
      metadata:
        filter_metadata:
          sluice:
            auto_port: true
  clusters:
    - name: a
      type: STATIC
      load_assignment:
        cluster_name: a
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address:
                      address: 127.0.0.1
                      port_value: 7000
`);
  });
});

describe('names that do not resolve', () => {
  const text = 'proxies:\n  - postgres://db1\n  - {upstream: [tcp://db2:1, db1:2, 127.0.0.1:1]}';
  const lookup = async (host: string) => {
    if (host === 'db1') throw Object.assign(new Error('getaddrinfo ENOTFOUND db1'), { code: 'ENOTFOUND' });
  };

  test('are problems when asked for, each place told, each name asked once', async () => {
    const asked: string[] = [];
    const env: LoadEnv = {
      resolve: true,
      lookup: (host, family) => {
        asked.push(`${host} ${family}`);
        return lookup(host);
      },
    };
    expect(await bad({ file: 'f.yaml', text }, env)).toEqual([
      '2:5 proxies[0]: "db1" does not resolve (ENOTFOUND)',
      '3:30 proxies[1].upstream[1]: "db1" does not resolve (ENOTFOUND)',
    ]);
    expect(asked.sort()).toEqual(['db1 0', 'db2 0']);
  });

  test('are left alone otherwise', async () => expect(await bad({ file: 'f.yaml', text }, { lookup })).toEqual([]));
});

describe('the command line', () => {
  const admin = (snapshot: Snapshot) => snapshot.admin?.address;

  test('URLs, with and without addresses', async () => {
    const { snapshot } = await good({ urls: ['postgres://db', 'tcp://db:1'], listen: ['127.0.0.1:0', 'unix:/a'] });
    expect(snapshot.listeners.map(({ name, address, autoPort }) => ({ name, address, autoPort }))).toEqual([
      { name: 'postgres', address: { kind: 'ip', host: '127.0.0.1', port: 0 }, autoPort: false },
      { name: 'tcp', address: { kind: 'pipe', path: '/a' }, autoPort: false },
    ]);
    expect((await good({ urls: ['postgres://db'] })).snapshot.listeners[0]).toMatchObject({ autoPort: true });
    const named = await good({ urls: ['postgres://db', 'tcp://db:1'], names: ['shop', 'raw'] });
    expect(named.snapshot.listeners.map(({ name }) => name)).toEqual(['shop', 'raw']);
    expect(await bad({ urls: ['postgres://db', 'tcp://db:1'], names: ['shop', 'shop'] })).toEqual([
      'command line --name 2: "shop" is already the name of URL 1',
    ]);
  });

  test('options win over the file, in both forms', async () => {
    const overrides = {
      admin: '127.0.0.1:1',
      metrics: '127.0.0.1:2',
      concurrency: 0,
      showLiterals: true,
      accessLog: '-',
    };
    for (const text of [shortForm, fullForm, 'proxies: [tcp://127.0.0.1:1]']) {
      const { snapshot } = await good({ file: 'f.yaml', text, overrides });
      expect(admin(snapshot)).toEqual({ kind: 'ip', host: '127.0.0.1', port: 1 });
      expect(snapshot.metrics?.address).toEqual({ kind: 'ip', host: '127.0.0.1', port: 2 });
      expect(snapshot.process).toMatchObject({ concurrency: 0, showLiterals: true });
      for (const listener of snapshot.listeners)
        expect(listener.accessLogs).toEqual([{ path: '-', exchanges: true, connections: true, format: null }]);
    }
  });

  test('a history is one more sink, beside those of the file, in both forms', async () => {
    const overrides = { history: '/var/history' };
    const sink = { type: 'clickhouse', name: 'history', path: '/var/history', url: null };
    for (const text of [shortForm, fullForm, 'proxies: [tcp://127.0.0.1:1]'])
      expect((await good({ file: 'f.yaml', text, overrides })).snapshot.sinks.at(-1)).toMatchObject(sink);
    const { snapshot } = await good({ file: 'f.yaml', text: 'proxies: [tcp://h:1]\nsinks: [{type: otlp}]', overrides });
    expect(snapshot.sinks.map(({ name }) => name)).toEqual(['otlp', 'history']);
    expect(
      await bad({ file: 'f.yaml', text: 'proxies: [tcp://h:1]\nsinks: [{type: otlp, name: history}]', overrides }),
    ).toEqual(['command line --history: "history" is already the name of sinks[0]']);
    expect(await bad({ urls: ['tcp://h:1'], overrides: { history: '' } })).toEqual([
      'command line --history: is empty',
    ]);
  });

  test('what is wrong with options is said of the options', async () => {
    const overrides = { admin: 'nowhere', metrics: '127.0.0.1:70000', concurrency: -1, accessLog: '' };
    expect(await bad({ urls: ['postgres://u:pw@h', 'tcp://h:1'], listen: ['x', '127.0.0.1:5'], overrides })).toEqual([
      `command line URL 1: ${CREDENTIALS}`,
      'command line --listen 1: "x" has no port',
      'command line --admin: "nowhere" has no port',
      'command line --metrics: "127.0.0.1:70000" has a port above 65535',
      'command line --concurrency: -1 is below 0',
      'command line --access-log: is empty',
    ]);
  });
});

describe('files', () => {
  test('are read, and what cannot be read is said', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-config-'));
    try {
      const file = join(dir, 'sluice.yaml');
      await writeFile(file, shortForm);
      expect((await good({ file })).snapshot).toEqual((await goodText(shortForm)).snapshot);
      expect(await bad({ file: join(dir, 'none.yaml') })).toEqual([`${join(dir, 'none.yaml')}: no such file`]);
      expect(await bad({ file: dir })).toEqual([`${dir}: is a directory`]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

test('the parsed tcp_proxy has its defaults', () => {
  expect(tcpProxyConfig.parse({ stat_prefix: 'a', cluster: 'b' })).toEqual({
    stat_prefix: 'a',
    cluster: 'b',
    idle_timeout: 3_600_000,
    max_connect_attempts: 1,
    upstream_connect_mode: 'IMMEDIATE',
    max_early_data_bytes: null,
    access_log: [],
    access_log_flush_interval: 0,
    flush_access_log_on_connected: false,
    flush_access_log_on_start: false,
  });
  expect(tcpProxyConfig.parse({ stat_prefix: 'a', cluster: 'b', idle_timeout: '0s' }).idle_timeout).toBe(0);
});
