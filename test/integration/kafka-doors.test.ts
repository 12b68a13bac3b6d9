import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/config/snapshot.ts';
import { systemClock } from '../../src/net/clock.ts';
import { SocketNetwork } from '../../src/net/socket-network.ts';
import { createLogger } from '../../src/server/log.ts';
import { WorkerPool } from '../../src/server/worker-pool.ts';
import { systemResolve } from '../../src/upstream/dns.ts';
import { freePort } from '../support/free-port.ts';
import { clusterConfig, listenerConfig, planeOn, snapshotOf } from '../support/plane-parts.ts';
import { poll } from '../support/poll.ts';
import { rolePids } from '../support/roles.ts';

// Doors over real sockets, in worker processes and in one process. Servers greet with their name and end; no protocol
// filter asks for doors here (kafka-addresses.test.ts shows that), the test does.

const servers: Server[] = [];
const byName = new Map<string, number>();
const folder = mkdtempSync(join(tmpdir(), 'sluice-doors-'));

async function greeter(name: string, serve = (socket: Socket): unknown => socket.end(name)): Promise<void> {
  const server = createServer((socket) => serve(socket.on('error', () => {})));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const { port } = server.address() as { port: number };
  byName.set(name, port);
}
const upstream = (name: string) => `127.0.0.1:${byName.get(name)}`;

/** What the server behind a port says; or Node's code, or `closed` without a word. */
const hear = (port: number, host = '127.0.0.1'): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host });
    socket.setTimeout(5000, () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })));
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('close', () => resolve(text || 'closed'));
  });

beforeAll(async () => {
  await Promise.all(['b1', 'b2', 'b3'].map((name) => greeter(name)));
  await greeter('echo', (socket) => socket.pipe(socket));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(folder, { recursive: true, force: true });
});

/** Sluice's data path, as the primary has it. */
interface Path {
  readonly log: string[];
  apply(snapshot: Snapshot): Promise<void>;
  /** The ports of doors to these, once they are known; 0 = refused. */
  ask(...upstreams: string[]): Promise<number[]>;
  stop(): Promise<void>;
}

const logOf = (log: string[]) => ({
  writableLength: 0,
  write: (line: string) => log.push(line.trimEnd().slice(25)) > 0,
});

function pathOf(size: number): Path {
  const log: string[] = [];
  if (size === 0) {
    const parts = planeOn(new SocketNetwork(), systemClock, {}, Math.random, systemResolve);
    const book = parts.doors.book.of('kafka');
    return {
      log: parts.log,
      apply: async (snapshot) => expect(await parts.doors.apply(snapshot)).toEqual([]),
      ask: async (...upstreams) => {
        const ports = (): (number | null)[] => upstreams.map((one) => book.port(one, () => {}));
        await poll('doors are known', () => !ports().includes(null));
        return ports() as number[];
      },
      stop: () => parts.plane.close(),
    };
  }
  let told = 0;
  const pool = new WorkerPool({
    size,
    socket: join(folder, 'nobody.sock'),
    log: createLogger({ role: 'primary', output: logOf(log) }),
    onGone: () => {},
    onDoors: () => told++,
  });
  return {
    log,
    apply: async (snapshot) => {
      const claim = await pool.claim(snapshot);
      expect(claim.refused).toEqual([]);
      expect(await pool.apply(claim.snapshot)).toEqual([]);
    },
    ask: async (...upstreams) => {
      const before = told;
      pool.doors.ask(upstreams.map((one) => ({ listener: 'kafka', upstream: one })));
      await poll('doors are known', () => told > before);
      return upstreams.map((one) => pool.doors.known.find((door) => door.upstream === one)?.port ?? 0);
    },
    stop: () => pool.kill(),
  };
}

function snapshotAt(port: number): Snapshot {
  const address = { kind: 'ip' as const, host: '127.0.0.1', port };
  const listener = listenerConfig({ listener: { name: 'kafka', address, doors: { firstPort: 0, count: 200 } } });
  const endpoints = ['b1', 'b2'].map((name) => ({
    address: { kind: 'ip' as const, host: '127.0.0.1', port: byName.get(name)! },
    weight: 1,
  }));
  const cluster = clusterConfig({ endpoints, dnsLookupFamily: 'V4_PREFERRED' });
  return { ...snapshotOf(), listeners: [listener], clusters: [cluster] };
}

for (const size of [0, 1, 2])
  describe(`${size} workers`, () => {
    let path: Path;
    let port: number;
    let snapshot: Snapshot;
    beforeAll(async () => {
      path = pathOf(size);
      port = await freePort();
      snapshot = snapshotAt(port);
      await path.apply(snapshot);
    });
    afterAll(() => path.stop());

    test('each door leads to its host; whoever connects the moment it is known, in any worker, is served', async () => {
      const [b2, b3, none] = await path.ask(upstream('b2'), upstream('b3'), 'nonsense');
      expect(none).toBe(0);
      const all = await Promise.all(Array.from({ length: 64 }, (_, i) => hear(i % 2 === 0 ? b2! : b3!)));
      expect(all).toEqual(Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? 'b2' : 'b3')));
      expect(['b1', 'b2']).toContain(await hear(port));
      for (const [host, at] of [
        [upstream('b2'), b2],
        [upstream('b3'), b3],
      ])
        expect(
          path.log.filter((line) => line.includes(`${host} is`)).map((line) => line.replace(/^\S+ \S+ /, '')),
        ).toEqual([`listener kafka: ${host} is reached at 127.0.0.1:${at}`]);
    });

    test('a host that cannot be reached, or has no address: the client is reset', async () => {
      const ports = await path.ask(`127.0.0.1:${await freePort()}`, 'nowhere.invalid:9092');
      expect(await Promise.all(ports.map((door) => hear(door)))).toEqual(['ECONNRESET', 'ECONNRESET']);
    });

    test('a name is resolved by the settings of the cluster', async () => {
      const [door] = await path.ask(`localhost:${byName.get('b3')}`);
      expect(await hear(door!)).toBe('b3');
    });

    test('a port that is taken is gone round', async () => {
      const next = Math.max(...(await path.ask(upstream('b3'), `localhost:${byName.get('b3')}`))) + 1;
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen({ host: '127.0.0.1', port: next }, resolve));
      const [door] = await path.ask(`localhost:${byName.get('b1')}`);
      expect(door).toBeGreaterThan(next);
      expect(await hear(door!)).toBe('b1');
      await new Promise((resolve) => taken.close(resolve));
    });

    if (size > 0)
      test('a worker that is killed: doors stay open and the same, and the new worker serves them as well', async () => {
        const doors = await path.ask(upstream('b2'), upstream('b3'));
        const workers = () => rolePids(process.pid).workers;
        const [victim] = workers();
        process.kill(victim!, 'SIGKILL');
        // Who connects meanwhile waits for a worker, where there is no other.
        expect(await hear(doors[1]!)).toBe('b3');
        await poll('another worker', () => workers().length === size && !workers().includes(victim!));
        expect(await path.ask(upstream('b2'), upstream('b3'))).toEqual(doors);
        const all = await Promise.all(Array.from({ length: 32 }, () => hear(doors[0]!)));
        expect(new Set(all)).toEqual(new Set(['b2']));
      });

    test('another configuration keeps the doors, one without the listener closes them; open connections live on', async () => {
      const [door, lasting] = await path.ask(upstream('b3'), upstream('echo'));
      const client = connect({ port: lasting!, host: '127.0.0.1' });
      await once(client, 'connect');
      const said = async (text: string): Promise<string> => {
        client.write(text);
        return String((await once(client, 'data'))[0]);
      };
      expect(await said('hello')).toBe('hello');
      const changed = { ...snapshot.listeners[0]!, statPrefix: 'changed' };
      await path.apply({ ...snapshot, version: '2', listeners: [changed] });
      expect(await path.ask(upstream('b3'))).toEqual([door]);
      expect(await hear(door!)).toBe('b3');
      const address = { kind: 'ip' as const, host: '127.0.0.1', port: await freePort() };
      await path.apply({ ...snapshot, version: '3', listeners: [{ ...changed, name: 'other', address }] });
      expect(await hear(door!)).toBe('ECONNREFUSED');
      expect(await said('still here')).toBe('still here');
      client.destroy();
      await path.apply({ ...snapshot, version: '4' });
      expect(await path.ask(upstream('b3'))).toEqual([door]);
      expect(await hear(door!)).toBe('b3');
    });

    test('200 doors, and no more', async () => {
      const ports = await path.ask(...Array.from({ length: 250 }, (_, i) => `127.0.${i}.1:${byName.get('b3')}`));
      const open = ports.filter((one) => one > 0);
      expect([open.length, new Set(open).size]).toEqual([200, 200]);
      expect(path.log.filter((line) => line.startsWith('warning'))).toEqual([
        expect.stringMatching(/listener kafka: no port leads to 127\.0\.\d+\.1:\d+: all 200 are in use$/),
      ]);
    });
  });
