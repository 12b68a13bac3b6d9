import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { AddressConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import { preflight, refusal } from './preflight.ts';

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve));
});

const taken = async (): Promise<number> => {
  const server = createServer();
  open.push(server);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return (server.address() as { port: number }).port;
};

const ip = (port: number, host = '127.0.0.1'): AddressConfig => ({ kind: 'ip', host, port });
const listener = (name: string, address: AddressConfig, autoPort = false): ListenerConfig => ({
  name,
  statPrefix: '',
  address,
  autoPort,
  additionalAddresses: [],
  perConnectionBufferLimitBytes: 1,
  tcpBacklogSize: null,
  filterChains: [],
  accessLogs: [],
  options: {},
});
const snapshot = (listeners: ListenerConfig[], admin: AddressConfig | null = null): Snapshot => ({
  version: '1',
  node: { id: '', cluster: '' },
  admin: admin && { address: admin },
  metrics: null,
  process: { concurrency: 1, drainTimeoutMs: 1, digestRows: 1, showLiterals: false, maxConnections: 1 },
  listeners,
  clusters: [],
});

test('all addresses that are taken are told, each with who wanted it', async () => {
  const [a, b] = [await taken(), await taken()];
  const { refused } = await preflight(snapshot([listener('pg', ip(a)), listener('free', ip(0))], ip(b)));
  expect(refused.map(refusal)).toEqual([
    `listener pg: cannot listen on 127.0.0.1:${a}: the address is already in use (EADDRINUSE)`,
    `admin: cannot listen on 127.0.0.1:${b}: the address is already in use (EADDRINUSE)`,
  ]);
});

test('two listeners on one address: the second is refused', async () => {
  const port = await taken();
  await new Promise((resolve) => open.pop()!.close(resolve));
  const { refused } = await preflight(snapshot([listener('one', ip(port)), listener('two', ip(port))]));
  expect(refused.map(({ who, code }) => `${who} ${code}`)).toEqual(['listener two EADDRINUSE']);
});

test('an address that is not ours is named so', async () => {
  const { refused } = await preflight(snapshot([listener('far', ip(5432, '192.0.2.1'))]));
  expect(refused.map(refusal)).toEqual([
    'listener far: cannot listen on 192.0.2.1:5432: not an address of this machine (EADDRNOTAVAIL)',
  ]);
});

test('a port that nobody chose moves to the next free one, and not to one that another listener asks for', async () => {
  const port = await taken();
  const { snapshot: chosen, refused } = await preflight(
    snapshot([listener('auto', ip(port), true), listener('fixed', ip(port + 1))]),
  );
  const [auto, fixed] = chosen.listeners.map(({ address }) => (address.kind === 'ip' ? address.port : 0));
  expect([refused, fixed]).toEqual([[], port + 1]);
  expect(auto).toBeGreaterThan(port + 1);
});

test('what this process holds itself is not asked for again', async () => {
  const port = await taken();
  const held = new Set([`127.0.0.1:${port}`]);
  const { snapshot: same, refused } = await preflight(snapshot([listener('pg', ip(port), true)]), { held });
  expect([refused, same.listeners[0]!.address]).toEqual([[], ip(port)]);
});

test('an admin port that is given back within the patience is no problem', async () => {
  const port = await taken();
  setTimeout(() => open.pop()!.close(), 60);
  expect((await preflight(snapshot([], ip(port)), { patienceMs: 2000 })).refused).toEqual([]);
});

test('a socket file left over by a process that died is removed, any other file is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-preflight-'));
  const [stale, file, live] = ['stale', 'file', 'live'].map((name) => join(folder, name)) as [string, string, string];
  spawnSync(process.execPath, ['-e', DIE_LISTENING, stale]);
  expect(statSync(stale).isSocket()).toBe(true);
  writeFileSync(file, 'precious');
  const server = createServer();
  open.push(server);
  await new Promise<void>((resolve) => server.listen({ path: live }, resolve));
  const at = (path: string): AddressConfig => ({ kind: 'pipe', path });
  const { refused } = await preflight(
    snapshot([listener('stale', at(stale)), listener('file', at(file)), listener('live', at(live))]),
  );
  expect(refused.map(({ who }) => who)).toEqual(['listener file', 'listener live']);
  expect(readFileSync(file, 'utf8')).toBe('precious');
});

/** Listens on a unix socket and is killed: the file stays. */
const DIE_LISTENING =
  'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
