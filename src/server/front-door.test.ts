import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { AddressConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import { refusal } from './bind.ts';
import { FrontDoor } from './front-door.ts';
import { preflight } from './preflight.ts';

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
  envoyAccessLogs: [],
  options: {},
  doors: null,
});
const snapshot = (listeners: ListenerConfig[]): Snapshot => ({
  version: '1',
  node: { id: '', cluster: '' },
  admin: null,
  metrics: null,
  process: {
    concurrency: 1,
    drainTimeoutMs: 1,
    digestRows: 1,
    showLiterals: false,
    maxConnections: 1,
    sampling: { maxPerSecond: 0, slowMs: 1000 },
  },
  sinks: [],
  spoolPath: null,
  statsSinks: [],
  statsFlushIntervalMs: 5000,
  statsConfig: { matcher: null, histogramBuckets: [] },
  listeners,
  clusters: [],
});

const doors: FrontDoor[] = [];
const aDoor = (): FrontDoor => {
  const door = new FrontDoor((_at, socket) => socket.destroy());
  doors.push(door);
  return door;
};
afterEach(() => {
  for (const door of doors.splice(0)) door.close();
});
const ports = ({ listeners }: Snapshot): number[] =>
  listeners.map(({ address }) => (address.kind === 'ip' ? address.port : 0));
const attempt = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve('connected'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('connect', () => socket.destroy());
  });

test('all addresses that are taken are told, each with who wanted it, and nothing is opened', async () => {
  const [a, b, free] = [await taken(), await taken(), await taken()];
  await new Promise((resolve) => open.pop()!.close(resolve));
  const { refused } = await aDoor().claim(
    snapshot([listener('pg', ip(a)), listener('free', ip(free)), listener('my', ip(b))]),
  );
  expect(refused.map(refusal)).toEqual([
    `listener pg: cannot listen on 127.0.0.1:${a}: the address is already in use (EADDRINUSE)`,
    `listener my: cannot listen on 127.0.0.1:${b}: the address is already in use (EADDRINUSE)`,
  ]);
  expect(await attempt(free)).toBe('ECONNREFUSED');
});

test('two listeners on one address: the second is refused', async () => {
  const port = await taken();
  await new Promise((resolve) => open.pop()!.close(resolve));
  const { refused } = await aDoor().claim(snapshot([listener('one', ip(port)), listener('two', ip(port))]));
  expect(refused.map(({ who, code }) => `${who} ${code}`)).toEqual(['listener two EADDRINUSE']);
});

test('an address that is not ours is named so', async () => {
  const { refused } = await aDoor().claim(snapshot([listener('far', ip(5432, '192.0.2.1'))]));
  expect(refused.map(refusal)).toEqual([
    'listener far: cannot listen on 192.0.2.1:5432: not an address of this machine (EADDRNOTAVAIL)',
  ]);
});

test('a port that nobody chose moves to the next free one, not to one that another listener asks for, and stays', async () => {
  const port = await taken();
  const door = aDoor();
  const wanted = snapshot([listener('auto', ip(port), true), listener('fixed', ip(port + 1))]);
  const first = await door.claim(wanted);
  expect([first.refused, ports(first.snapshot)[1]]).toEqual([[], port + 1]);
  expect(ports(first.snapshot)[0]).toBeGreaterThan(port + 1);
  await new Promise((resolve) => open.pop()!.close(resolve));
  expect((await door.claim(wanted)).snapshot).toEqual(first.snapshot);
});

test('port 0 is what the kernel chose, and the same again at the next reading', async () => {
  const door = aDoor();
  const first = await door.claim(snapshot([listener('any', ip(0))]));
  expect(ports(first.snapshot)[0]).toBeGreaterThan(0);
  expect((await door.claim(snapshot([listener('any', ip(0))]))).snapshot).toEqual(first.snapshot);
});

test('a claim that is refused leaves open what was open; what a snapshot leaves out is closed when it is applied', async () => {
  const door = aDoor();
  const one = await door.claim(snapshot([listener('one', ip(0))]));
  const [port] = ports(one.snapshot) as [number];
  await door.claim(snapshot([listener('two', ip(await taken()))]));
  expect(await attempt(port)).toBe('connected');
  door.keepOnly(snapshot([]));
  expect(await attempt(port)).toBe('ECONNREFUSED');
});

test('a door that was closed opens nothing any more, also not for a claim that was under way', async () => {
  const door = aDoor();
  const claim = door.claim(snapshot([listener('late', ip(0))]));
  door.close();
  expect((await claim).refused).toMatchObject([{ code: 'ECANCELED' }]);
});

test('a port that is given back within the patience is free', async () => {
  const port = await taken();
  expect(await preflight('admin', ip(port))).toMatchObject({ code: 'EADDRINUSE' });
  setTimeout(() => open.pop()!.close(), 60);
  expect(await preflight('admin', ip(port), 2000)).toBe(null);
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
  const { refused } = await aDoor().claim(
    snapshot([listener('stale', at(stale)), listener('file', at(file)), listener('live', at(live))]),
  );
  expect(refused.map(({ who }) => who)).toEqual(['listener file', 'listener live']);
  expect(readFileSync(file, 'utf8')).toBe('precious');
  rmSync(folder, { recursive: true });
});

/** Listens on a unix socket and is killed: the file stays. */
const DIE_LISTENING =
  'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';

test('a door is open beside what a snapshot names, on all its places or on none', async () => {
  const [port, busy] = [await taken(), await taken()];
  await new Promise((resolve) => open.splice(0, 1)[0]!.close(resolve));
  const came: string[] = [];
  const door = new FrontDoor((at, socket) => {
    came.push(at);
    socket.destroy();
  });
  doors.push(door);
  expect(await door.openDoor([ip(port), ip(busy)], null)).toBe('EADDRINUSE');
  expect(await attempt(port)).toBe('ECONNREFUSED');
  expect(await door.openDoor([ip(port)], 5)).toBeNull();
  expect(await attempt(port)).toBe('connected');
  expect(came).toEqual([`127.0.0.1:${port}`]);
  // A listener whose port nobody chose goes on to the next.
  const { snapshot: claimed } = await door.claim(snapshot([listener('a', ip(port), true)]));
  expect(ports(claimed)[0]).toBeGreaterThan(port);
  door.keepOnly(snapshot([]));
  expect(await attempt(port)).toBe('connected');
  door.closeDoor([ip(port)]);
  expect(await attempt(port)).toBe('ECONNREFUSED');
  expect(await door.openDoor([ip(port)], null)).toBeNull();
  door.close();
  expect(await attempt(port)).toBe('ECONNREFUSED');
});

test('a door makes way for a new listener at a port that somebody chose; not for one that is refused for another', async () => {
  const [port, busy] = [await taken(), await taken()];
  await new Promise((resolve) => open.splice(0, 1)[0]!.close(resolve));
  const door = aDoor();
  expect(await door.openDoor([ip(port)], null)).toBeNull();
  const wrong = await door.claim(snapshot([listener('a', ip(port, '0.0.0.0')), listener('b', ip(busy))]));
  expect(wrong.refused).toMatchObject([{ who: 'listener b' }]);
  expect(await attempt(port)).toBe('connected');
  door.closeDoor([ip(port)]); // it is the door that was opened again
  expect(await attempt(port)).toBe('ECONNREFUSED');
  expect(await door.openDoor([ip(port)], null)).toBeNull();
  expect((await door.claim(snapshot([listener('a', ip(port, '0.0.0.0'))]))).refused).toEqual([]);
  door.closeDoor([ip(port)]); // as the keeper does with the new snapshot
  expect(await attempt(port)).toBe('connected');
});
