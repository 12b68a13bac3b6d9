import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { which } from '../../scripts/debian-packages.mjs';
import type { PolicySetConfig } from '../../src/policy/policy-config.ts';
import { freePort } from '../support/free-port.ts';
import { startGuarded } from '../support/guarded-process.ts';
import { poll } from '../support/poll.ts';
import { runSluice } from '../support/run-sluice.ts';
import { BENCH_POLICIES } from './policy/policies.ts';
import { type Role, sluiceRoles } from './proc.ts';

/** The configurations that are compared; `direct` is no proxy at all. */
export const SETUPS = [
  'direct',
  'haproxy',
  'pgbouncer',
  'tcp_proxy',
  'postgres',
  'policies',
  'mysql',
  'redis',
  'mongodb',
  'zookeeper',
  'kafka',
] as const;
export type SetupName = (typeof SETUPS)[number];

export interface Setup<N extends string = SetupName> {
  readonly name: N;
  readonly port: number;
  /** All its processes. The one on the data path is named in DATA_PATH. */
  readonly roles: readonly Role[];
  stop(): Promise<void>;
}

/** The role that carries the bytes; its CPU is what ratios compare. */
export const DATA_PATH: ReadonlySet<string> = new Set(['haproxy', 'pgbouncer', 'worker']);

/** Programs that a setup needs, by setup. */
export const isAvailable = (name: SetupName): boolean =>
  name !== 'haproxy' && name !== 'pgbouncer' ? true : which(name) !== null;

/** Starts a configuration in front of 127.0.0.1:upstreamPort, one data path process each, and waits until it accepts. */
export async function startSetup(name: SetupName, upstreamPort: number): Promise<Setup> {
  switch (name) {
    case 'direct':
      return { name, port: upstreamPort, roles: [], stop: async () => {} };
    case 'haproxy':
      return startProgram(name, haproxyConfig(await freePort(), upstreamPort), (file) => ['-db', '-f', file]);
    case 'pgbouncer':
      return startProgram(name, pgbouncerConfig(await freePort(), upstreamPort), (file) => ['-q', file]);
    case 'tcp_proxy':
      return startOwn(name, `tcp://127.0.0.1:${upstreamPort}`);
    case 'policies':
      return startPolicies(name, upstreamPort);
    default:
      return startOwn(name, `${name}://127.0.0.1:${upstreamPort}`);
  }
}

async function startOwn(name: SetupName, upstream: string): Promise<Setup> {
  const running = await runSluice({ upstreams: [upstream], concurrency: 1 });
  const roles = sluiceRoles(running.pid);
  return { name, port: running.port, roles, stop: () => running.stop().then(() => undefined) };
}

/** Postgres' filter with ten policies that are enforced. */
async function startPolicies(name: SetupName, upstreamPort: number): Promise<Setup> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-bench-policies-'));
  const file = path.join(folder, 'sluice.yaml');
  const port = await freePort();
  const proxy = { upstream: `postgres://127.0.0.1:${upstreamPort}`, listen: `127.0.0.1:${port}` };
  writeFileSync(file, stringify({ proxies: [proxy], policies: shortForm(BENCH_POLICIES) }));
  const running = await runSluice({ args: ['-c', file], concurrency: 1 });
  const stop = async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { name, port, roles: sluiceRoles(running.pid), stop };
}

/** As an operator writes them: an allow says whom, what and where. */
const shortForm = ({ policies }: PolicySetConfig) =>
  policies.map((policy) => {
    const said: Record<string, unknown> = { name: policy.name, action: policy.action };
    for (const field of LISTS) {
      if (policy[field].length > 0) said[field] = policy[field];
      else if (policy.action === 'allow' && NEEDED.has(field)) said[field] = '*';
    }
    return said;
  });
const LISTS = ['users', 'databases', 'applications', 'clients', 'operations', 'targets'] as const;
const NEEDED: ReadonlySet<string> = new Set(['users', 'operations', 'targets']);

interface Config {
  readonly port: number;
  readonly text: string;
}

async function startProgram(
  name: 'haproxy' | 'pgbouncer',
  config: Config,
  args: (file: string) => string[],
): Promise<Setup> {
  const folder = mkdtempSync(path.join(tmpdir(), `sluice-bench-${name}-`));
  chmodSync(folder, 0o755);
  const file = path.join(folder, 'config');
  writeFileSync(file, config.text);
  const program = which(name);
  if (program === null) throw new Error(`${name} is not installed`);
  // PgBouncer refuses root.
  const as = name === 'pgbouncer' && process.getuid?.() === 0 ? postgresUser() : {};
  const log = path.join(folder, 'log');
  const running = await startGuarded([program, ...args(file)], { ...as, cwd: folder, log });
  const stop = async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  await poll(`${name} accepts`, () => accepts(config.port)).catch(async (error: Error) => {
    const said = readFileSync(log, 'utf8').slice(-500);
    await stop();
    throw new Error(`${error.message}: ${said}`);
  });
  return { name, port: config.port, roles: [{ name, pid: running.pid }], stop };
}

const haproxyConfig = (port: number, upstreamPort: number): Config => ({
  port,
  text: `
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen database
  bind 127.0.0.1:${port}
  server upstream 127.0.0.1:${upstreamPort}
`,
});

const pgbouncerConfig = (port: number, upstreamPort: number): Config => ({
  port,
  text: `
[databases]
* = host=127.0.0.1 port=${upstreamPort} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = session
max_client_conn = 5000
default_pool_size = 5000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
`,
});

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
