import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AddressConfig } from '../../src/config/snapshot.ts';
import { ipAddress } from '../../src/net/address.ts';
import { systemClock } from '../../src/net/clock.ts';
import { seeded } from '../../src/net/simulated.ts';
import { SocketNetwork, type SocketNetworkOptions } from '../../src/net/socket-network.ts';
import { Endpoint } from '../support/endpoint.ts';
import { exchangeNoise, type Told } from '../support/noise.ts';
import { allowedMs } from '../support/pace.ts';
import { clusterConfig, listenerConfig, type PlaneParts, planeOn, snapshotOf } from '../support/plane-parts.ts';
import { poll } from '../support/poll.ts';

// The data path on real sockets: what the simulated network cannot show.

const MEGABYTE = 1 << 20;
const PROXY_PROCESS = path.resolve(import.meta.dirname, '../support/tcp-proxy-process.ts');
const KINDS = ['v4', 'v6', 'unix'] as const;
type Kind = (typeof KINDS)[number];

let folder: string;
let nextPath = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-transport-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const addressOf = (kind: Kind): AddressConfig =>
  kind === 'unix'
    ? { kind: 'pipe', path: path.join(folder, `${nextPath++}.sock`) }
    : { kind: 'ip', host: kind === 'v4' ? '127.0.0.1' : '::1', port: 0 };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const call of undo.splice(0).reverse()) await call();
});

/** A plain Node server; `accepted` are its ends of the connections. */
async function serverOn(kind: Kind): Promise<{ address: AddressConfig; server: Server; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    accepted.push(socket);
  });
  const address = addressOf(kind);
  await new Promise<void>((resolve) =>
    address.kind === 'pipe'
      ? server.listen(address.path, resolve)
      : server.listen({ host: address.host, port: 0 }, resolve),
  );
  undo.push(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const bound = server.address();
  const port = bound && typeof bound === 'object' ? bound.port : 0;
  return { address: address.kind === 'ip' ? { ...address, port } : address, server, accepted };
}

interface Wishes {
  readonly front?: Kind;
  readonly back?: Kind;
  readonly limit?: number;
  readonly idleTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly network?: SocketNetworkOptions;
}

interface Proxied extends PlaneParts {
  readonly accepted: Socket[];
  readonly server: Server;
  dial(): Socket;
  /** A client and the server's end of its connection. */
  pair(): Promise<[client: Socket, server: Socket]>;
  stat(name: string): number;
  /** Everything is over and was counted so. */
  balanced(): Promise<void>;
}

async function proxy(wishes: Wishes = {}): Promise<Proxied> {
  const { address, server, accepted } = await serverOn(wishes.back ?? 'v4');
  const parts = planeOn(new SocketNetwork(wishes.network), systemClock);
  const limit = wishes.limit ?? 1 << 20;
  const front = addressOf(wishes.front ?? 'v4');
  const snapshot = {
    ...snapshotOf({ maxConnections: wishes.maxConnections ?? 1000 }),
    clusters: [clusterConfig({ endpoints: [{ address, weight: 1 }], perConnectionBufferLimitBytes: limit })],
    listeners: [
      listenerConfig({
        tcp: { idle_timeout: wishes.idleTimeoutMs ?? 0 },
        listener: { address: front, perConnectionBufferLimitBytes: limit },
      }),
    ],
  };
  expect(await parts.plane.apply(snapshot)).toEqual([]);
  undo.push(() => parts.plane.close());
  const where = parts.plane.listeners()[0]!.address;
  const dial = () => {
    const target =
      front.kind === 'pipe' ? { path: front.path } : { host: front.host, port: Number(/\d+$/.exec(where)![0]) };
    const socket = connect({ ...target, allowHalfOpen: true });
    socket.on('error', () => {});
    undo.push(() => socket.destroy());
    return socket;
  };
  const stat = (name: string) => parts.stats.value(name) ?? Number.NaN;
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...parts,
    accepted,
    server,
    dial,
    stat,
    pair() {
      // One at a time, so that it is known whose server's end it is.
      const pair = last.then(async (): Promise<[Socket, Socket]> => {
        const before = accepted.length;
        const client = dial();
        return [client, await poll('the server is dialled', () => accepted[before], { everyMs: 2 })];
      });
      last = pair;
      return pair;
    },
    async balanced() {
      await poll('everything is over', () => parts.plane.active === 0 && stat('cluster.db.upstream_cx_active') === 0);
      expect(parts.errors).toEqual([]);
      expect(stat('listener.front.downstream_cx_destroy')).toBe(stat('listener.front.downstream_cx_total'));
      expect(stat('cluster.db.upstream_cx_destroy')).toBe(stat('cluster.db.upstream_cx_total'));
    },
  };
}

/** How a socket ends: 'end' for FIN first, else the error's code. */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('end', () => resolve('end'));
    socket.resume();
  });
}

describe('bytes in are bytes out', () => {
  const MB = 1 << 20;
  for (const lean of [true, false]) {
    test(`10 connections at once over v4, v6 and unix sockets, ${lean ? 'into lent buffers' : "by 'data' events"}`, async () => {
      const random = seeded(lean ? 1 : 2);
      const pairs: [Kind, Kind][] = KINDS.flatMap((front) => KINDS.map((back): [Kind, Kind] => [front, back]));
      const each = 2 * MB;
      await Promise.all(
        [...pairs, ['v4', 'v4'] as [Kind, Kind]].map(async ([front, back], index) => {
          // Large and small limits, large and small writes, slow readers on either side.
          const proxied = await proxy({ front, back, limit: index % 2 ? MB : 32 * 1024, network: { lean } });
          const [client, server] = await proxied.pair();
          const chunk = index % 3 === 0 ? 3000 : 500_000;
          const one = exchangeNoise(client, { bytes: each, chunk, stalls: index % 2 === 0, random });
          const two = exchangeNoise(server, { bytes: each, chunk, stalls: index % 4 < 2, random });
          expectSame(await one, await two, each);
          await proxied.balanced();
        }),
      );
    });
  }

  test('20 MB each way through one connection with slow readers: memory stays at the limits', async () => {
    const random = seeded(3);
    const proxied = await proxy({ limit: MB });
    const [client, server] = await proxied.pair();
    let peak = 0;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const watch = setInterval(() => {
      collectGarbage(); // what is still held, not what nobody has swept up yet
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }, 20);
    const options = { bytes: 20 * MB, chunk: 200_000, stalls: true, random };
    const [one, two] = await Promise.all([exchangeNoise(client, options), exchangeNoise(server, options)]);
    clearInterval(watch);
    expectSame(one, two, 20 * MB);
    // Both directions' limit, buffers whose slices wait, and what the two ends of the test hold themselves.
    expect(peak).toBeLessThan(16 * MB);
    await proxied.balanced();
  });

  test('many slow readers of large replies: a buffer that is lent is nobody else’s until it was written', async () => {
    const random = seeded(4);
    const proxied = await proxy({ limit: 200_000 });
    await Promise.all(
      Array.from({ length: 24 }, async () => {
        const [client, server] = await proxied.pair();
        const one = exchangeNoise(client, { bytes: 1000, chunk: 100, stalls: true, random });
        const two = exchangeNoise(server, { bytes: MB, chunk: 300_000, stalls: false, random });
        expectSame(await one, await two, 1000, MB);
      }),
    );
    await proxied.balanced();
  });

  function expectSame(one: Told, two: Told, sentByOne: number, sentByTwo = sentByOne): void {
    expect([two.received, two.receivedBytes]).toEqual([one.sent, sentByOne]);
    expect([one.received, one.receivedBytes]).toEqual([two.sent, sentByTwo]);
  }
});

describe('a limit below Node’s own', () => {
  for (const lean of [true, false]) {
    test(`a reader that stood still gets everything, ${lean ? 'lent buffers' : "'data' events"}`, async () => {
      const proxied = await proxy({ limit: 16 * 1024, network: { lean } });
      const [client, server] = await proxied.pair();
      client.pause();
      const total = 16 << 20; // more than all kernels take
      server.write(Buffer.alloc(total, 'x'));
      const seen = await poll('the server is stopped', async () => {
        const before = proxied.stat('cluster.db.upstream_cx_rx_bytes_total');
        await new Promise((resolve) => setTimeout(resolve, 50));
        const now = proxied.stat('cluster.db.upstream_cx_rx_bytes_total');
        return now > 0 && now === before && now;
      });
      expect(seen).toBeLessThan(total);
      let got = 0;
      client.on('data', (data) => {
        got += data.length;
      });
      client.resume();
      await poll('everything arrives', () => got === total);
    });
  }
});

describe('half-close', () => {
  for (const kind of KINDS) {
    test(`both ways, ${kind}`, async () => {
      const proxied = await proxy({ front: kind, back: kind });
      const [client, server] = await proxied.pair();
      const heard = (socket: Socket) => {
        let text = '';
        socket.setEncoding('latin1').on('data', (more) => {
          text += more;
        });
        return once(socket, 'end').then(() => text);
      };
      const [atServer, atClient] = [heard(server), heard(client)];
      client.end('question');
      expect(await atServer).toBe('question');
      server.write('the answer ');
      server.end('comes late');
      expect(await atClient).toBe('the answer comes late');
      await proxied.balanced();
    });
  }

  test('the server ends first', async () => {
    const proxied = await proxy();
    const [client, server] = await proxied.pair();
    server.end('bye');
    client.resume();
    await once(client, 'end');
    const heard = once(server.setEncoding('latin1'), 'data');
    client.end('one more');
    expect(await heard).toEqual(['one more']);
    await proxied.balanced();
  });

  test('a slow reader gets everything after both have ended, however long it takes', async () => {
    const proxied = await proxy();
    const [client, server] = await proxied.pair();
    client.pause();
    client.end();
    server.resume();
    await once(server, 'end');
    const total = 12 << 20;
    server.end(Buffer.alloc(total, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than any linger
    let got = 0;
    client.on('data', (data) => {
      got += data.length;
    });
    client.resume();
    await once(client, 'end');
    expect(got).toBe(total);
    await proxied.balanced();
  });
});

describe('reset', () => {
  test.each(['v4', 'v6'] as const)('from the client is a reset at the server, %s', async (kind) => {
    const proxied = await proxy({ front: kind, back: kind });
    const [client, server] = await proxied.pair();
    const end = endOf(server);
    client.write('x');
    await once(server, 'data');
    client.resetAndDestroy();
    expect(await end).toBe('ECONNRESET');
    await proxied.balanced();
  });

  test.each(['v4', 'v6'] as const)('from the server is a reset at the client, %s', async (kind) => {
    const proxied = await proxy({ front: kind, back: kind });
    const [client, server] = await proxied.pair();
    const end = endOf(client);
    server.write('x');
    await once(client, 'data');
    server.resetAndDestroy();
    expect(await end).toBe('ECONNRESET');
    await proxied.balanced();
  });

  test('unix sockets know no reset: the other side ends, and nothing throws', async () => {
    const proxied = await proxy({ front: 'unix', back: 'v4' });
    const [client, server] = await proxied.pair();
    const end = endOf(client);
    server.resetAndDestroy();
    expect(['end', 'ECONNRESET']).toContain(await end);
    const turned = await proxy({ front: 'v4', back: 'unix' });
    const [other, behind] = await turned.pair();
    const behindEnd = endOf(behind);
    other.resetAndDestroy();
    expect(['end', 'ECONNRESET']).toContain(await behindEnd);
    await proxied.balanced();
    await turned.balanced();
  });

  test('a server that is not there: the client is reset', async () => {
    const proxied = await proxy();
    proxied.server.close();
    const client = proxied.dial();
    expect(await endOf(client)).toBe('ECONNRESET');
    expect(proxied.stat('cluster.db.upstream_cx_connect_fail')).toBe(1);
    await proxied.balanced();
  });
});

describe('a peer that answers and hangs up while the other still sends', () => {
  /** What a socket hears to its end, and how that ended. */
  function hear(socket: Socket): Promise<{ text: string; end: string }> {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    return endOf(socket).then((end) => ({ text, end }));
  }

  /** Bytes wait for it in its kernel, and are not read: to close it now is to reset the connection. */
  async function leaveUnread(socket: Socket, from: Socket, bytesRead: () => number): Promise<void> {
    socket.pause();
    const before = bytesRead();
    const more = 150_000; // Node reads some tens of KB into its own buffer, a unix socket takes about 200 KB
    from.write(Buffer.alloc(more));
    await poll('they are on their way', () => bytesRead() === before + more);
    await new Promise(setImmediate); // what was read has been written
  }

  const ways: [Kind, Kind, boolean][] = KINDS.flatMap((kind) =>
    [true, false].map((lean) => [kind, kind, lean] as [Kind, Kind, boolean]),
  );
  const names = ways.map(([front, back, lean]) => ({
    front,
    back,
    lean,
    reads: lean ? 'lent buffers' : "'data' events",
  }));

  // In one process the order is known: the proxy hears the one that goes on first, writes, and is told of the reset.
  test.each(names)('the client hears the server, $front, $reads', async ({ front, back, lean }) => {
    const proxied = await proxy({ front, back, network: { lean } });
    const [client, server] = await proxied.pair();
    await leaveUnread(server, client, () => proxied.stat('cluster.db.upstream_cx_tx_bytes_total'));
    const heard = hear(client);
    client.write('more');
    server.write('too much');
    server.destroy();
    const { text, end } = await heard;
    expect([text, end]).toEqual([
      'too much',
      front === 'unix' ? expect.stringMatching(/end|ECONNRESET/) : 'ECONNRESET',
    ]);
    await proxied.balanced();
  });

  test.each(names)('the server hears the client, $front, $reads', async ({ front, back, lean }) => {
    const proxied = await proxy({ front, back, network: { lean } });
    const [client, server] = await proxied.pair();
    await leaveUnread(client, server, () => proxied.stat('cluster.db.upstream_cx_rx_bytes_total'));
    const heard = hear(server);
    server.write('more');
    client.write('that is all');
    client.destroy();
    const { text, end } = await heard;
    expect([text, end]).toEqual([
      'that is all',
      front === 'unix' ? expect.stringMatching(/end|ECONNRESET/) : 'ECONNRESET',
    ]);
    await proxied.balanced();
  });

  const PATTERN = Buffer.from(Array.from({ length: 251 }, (_, i) => i));

  /** The server talks, is stopped because the client does not listen, hangs up, and the proxy has noticed by writing. */
  async function hangUpUnheard(proxied: Proxied): Promise<{ client: Socket; read: number }> {
    const [client, server] = await proxied.pair();
    client.pause();
    const read = () => proxied.stat('cluster.db.upstream_cx_rx_bytes_total');
    server.write(Buffer.alloc(16 << 20, PATTERN));
    let before = -1;
    await poll(
      'the server is stopped',
      () => {
        const stands = read() > 0 && read() === before;
        before = read();
        return stands;
      },
      { everyMs: 50 },
    );
    await leaveUnread(server, client, () => proxied.stat('cluster.db.upstream_cx_tx_bytes_total'));
    server.destroy();
    client.write('more');
    const sent = proxied.stat('cluster.db.upstream_cx_tx_bytes_total');
    await poll('the proxy has written', () => proxied.stat('cluster.db.upstream_cx_tx_bytes_total') > sent);
    return { client, read: read() };
  }

  test('a client that did not listen for a while hears what had come', async () => {
    const proxied = await proxy({ limit: 64 * 1024 });
    const { client, read } = await hangUpUnheard(proxied);
    expect(proxied.plane.active).toBe(1);
    const sent = proxied.stat('cluster.db.upstream_cx_tx_bytes_total');
    client.write('this goes nowhere');
    await poll('it is counted', () => proxied.stat('cluster.db.upstream_cx_tx_bytes_total') > sent);
    const chunks: Buffer[] = [];
    client.on('data', (data) => chunks.push(data));
    const end = endOf(client);
    expect(await end).toBe('ECONNRESET');
    const heard = Buffer.concat(chunks);
    expect(heard.length).toBeGreaterThan(read);
    expect(heard.length).toBe(proxied.stat('cluster.db.upstream_cx_rx_bytes_total')); // the reset threw nothing away
    expect(heard.equals(Buffer.alloc(heard.length, PATTERN))).toBe(true);
    await proxied.balanced();
  });

  test('a client that never listens is cut at the flush limit', async () => {
    const proxied = await proxy({ limit: 64 * 1024, network: { flushStallMs: 200 } });
    const both = openSockets();
    await hangUpUnheard(proxied);
    await proxied.balanced();
    await poll('no socket of the proxy is left', () => openSockets() <= both + 1); // the client's own
  });

  test('a reset right behind the end: nothing is left open', async () => {
    const before = openSockets();
    const network = new SocketNetwork();
    const accepted: Endpoint[] = [];
    const acceptor = await Endpoint.listen(network, ipAddress('127.0.0.1', 0), accepted, (peer) => {
      peer.send('bye').end().reset();
    });
    undo.push(() => acceptor.close());
    const client = Endpoint.dial(network, acceptor.address);
    await poll('the client hears it', () => client.text === 'bye' && (client.ended || client.closed !== null));
    await poll('it is over', () => accepted[0]?.closed);
    client.transport.destroy();
    await acceptor.close();
    await poll('no socket is left', () => openSockets() <= before);
  });

  test('100 times in a process of its own: all hear it, as they do without a proxy', async () => {
    const refusal = 'x'.repeat(1000);
    const { address, server } = await serverOn('v4');
    server.on('connection', (socket: Socket) => {
      let read = 0;
      socket.on('data', (data) => {
        read += data.length;
        if (read < 64 * 1024 || socket.destroyed) return;
        socket.write(refusal);
        socket.destroy(); // the rest is unread
      });
    });
    const direct = address.kind === 'ip' ? address.port : 0;
    const child = spawn(process.execPath, [PROXY_PROCESS, String(direct)], { stdio: ['pipe', 'pipe', 'inherit'] });
    undo.push(() => child.kill('SIGKILL'));
    const through = Number((await once(createInterface({ input: child.stdout }), 'line'))[0]);
    // Node's own client loses an answer to its failed write; it has none where one write is all it sends.
    const plain = (port: number): Promise<string> => {
      const client = connect({ host: '127.0.0.1', port });
      client.write(Buffer.alloc(MEGABYTE));
      return hear(client).then(({ text }) => text);
    };
    const persistent = (port: number): Promise<string> =>
      new Promise((resolve) => {
        const client = new Endpoint();
        Object.assign(client, {
          onConnect: () => {
            for (let i = 0; i < 80; i++) client.send(Buffer.alloc(64 * 1024));
          },
          onClose: () => resolve(client.text),
        });
        client.transport = new SocketNetwork().connect(ipAddress('127.0.0.1', port), client);
      });
    for (const client of [plain, persistent]) {
      const heardAt = async (port: number) => {
        let heard = 0;
        for (let i = 0; i < 100; i++) if ((await client(port)) === refusal) heard++;
        return heard;
      };
      const [without, withIt] = [await heardAt(direct), await heardAt(through)];
      expect(without).toBeGreaterThanOrEqual(95); // else the comparison says nothing
      expect(withIt).toBeGreaterThanOrEqual(95);
    }
  });
});

describe('a peer that vanishes', () => {
  test('without a word: the idle timeout ends both sides', async () => {
    const proxied = await proxy({ idleTimeoutMs: 100 });
    const [client, server] = await proxied.pair();
    client.pause();
    expect(await endOf(server)).toBe('end');
    expect(proxied.stat('tcp.db.idle_timeout')).toBe(1);
    await proxied.balanced();
  });

  test('with bytes still to take: it is cut at the flush limit', async () => {
    const proxied = await proxy({ idleTimeoutMs: 200, network: { flushStallMs: 200 } });
    const [client, server] = await proxied.pair();
    const both = openSockets(); // the two of the test, and the two of the proxy
    client.pause();
    const end = endOf(server);
    server.write(Buffer.alloc(16 << 20));
    await poll('the proxy lets go', () => proxied.plane.active === 0);
    server.end();
    await poll('of its sockets too', () => openSockets() <= both - 3);
    expect(await end).toMatch(/end|ECONNRESET|EPIPE/);
  });
});

describe('limits', () => {
  test('above the connection limit clients are refused cleanly, and service recovers', async () => {
    const proxied = await proxy({ maxConnections: 8 });
    const held = await Promise.all(Array.from({ length: 8 }, () => proxied.pair()));
    expect(proxied.plane.active).toBe(8);
    for (let i = 0; i < 20; i++) expect(await endOf(proxied.dial())).toMatch(/end|ECONNRESET/);
    expect(proxied.stat('listener.front.downstream_cx_overflow')).toBe(20);
    for (const [client] of held) client.destroy();
    for (const [, server] of held) server.end();
    await proxied.balanced();
    const [client, server] = await proxied.pair();
    client.end('x');
    expect((await once(server.setEncoding('latin1'), 'data'))[0]).toBe('x');
  });
});

test('at the descriptor limit connections are refused cleanly; the process lives, and service recovers', async () => {
  const { address, accepted } = await serverOn('v4');
  const upstream = address.kind === 'ip' ? address.port : 0;
  const limited = 'ulimit -n 256; exec "$0" "$@"';
  const child = spawn('sh', ['-c', limited, process.execPath, PROXY_PROCESS, String(upstream)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  undo.push(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  const port = Number((await once(lines, 'line'))[0]);
  const ask = async () => {
    const line = once(lines, 'line');
    child.stdin.write('\n');
    return JSON.parse(String((await line)[0])) as { active: number; overflow: number; failed: number };
  };
  const clients = Array.from({ length: 400 }, () => connect({ host: '127.0.0.1', port }));
  let refused = 0;
  for (const client of clients) {
    client.on('error', () => {});
    client.on('close', () => refused++);
    client.resume();
  }
  const seen = await poll('all were taken or refused', async () => {
    const now = await ask();
    return now.active + now.overflow === 400 && now;
  });
  expect(seen).toEqual({ active: 96, overflow: 304, failed: 0 }); // two descriptors each, and some for everything else
  await poll('the refused know it', () => refused === 400 - seen.active);
  await poll('the others have their server', () => accepted.length === seen.active);
  const released = performance.now();
  for (const client of clients) client.destroy();
  for (const socket of accepted) socket.end();
  await poll('all are gone', async () => (await ask()).active === 0);
  const client = connect({ host: '127.0.0.1', port });
  undo.push(() => client.destroy());
  client.end('x');
  await poll('service recovers', () => accepted.length === seen.active + 1);
  const tookMs = performance.now() - released;
  expect(tookMs).toBeLessThan(await allowedMs(1000));
});

describe('listening', () => {
  test('a listener goes while connections are open: at once, and they live on', async () => {
    const proxied = await proxy();
    const [client, server] = await proxied.pair();
    const began = performance.now();
    expect(await proxied.plane.apply({ ...snapshotOf(), listeners: [], clusters: [] })).toEqual([]);
    expect(performance.now() - began).toBeLessThan(20_000); // whoever waits for them waits for ever
    expect(await endOf(proxied.dial())).toBe('ECONNREFUSED');
    client.write('still here');
    expect(String((await once(server, 'data'))[0])).toBe('still here');
    client.destroy();
    server.end();
    await proxied.balanced();
  });

  test('a drain reaches open connections', async () => {
    const proxied = await proxy();
    const [client, server] = await proxied.pair();
    const ends = Promise.all([endOf(client), endOf(server)]);
    await proxied.plane.drain(50);
    expect(await ends).toEqual(['end', 'end']);
    expect(proxied.stat('sluice.listener.front.drained_cut')).toBe(1);
    await proxied.balanced();
  });

  const at = (where: string, mode?: number): AddressConfig =>
    mode === undefined ? { kind: 'pipe', path: where } : { kind: 'pipe', path: where, mode };
  const listenOn = async (address: AddressConfig) => {
    const parts = planeOn(new SocketNetwork(), systemClock);
    undo.push(() => parts.plane.close());
    return parts.plane.apply({ ...snapshotOf(), listeners: [listenerConfig({ listener: { address } })] });
  };

  test('a unix socket gets its mode; one left over by a dead process is replaced, one in use is not', async () => {
    const where = path.join(folder, 'front.sock');
    // What a killed process leaves: bound, and nobody listens.
    const left = createServer().listen(where);
    await once(left, 'listening');
    const kept = path.join(folder, 'kept.sock');
    renameSync(where, kept);
    left.close();
    await once(left, 'close');
    renameSync(kept, where);
    expect(await listenOn(at(where, 0o600))).toEqual([]);
    expect(statSync(where).mode & 0o777).toBe(0o600);
    expect(await listenOn(at(where))).toMatchObject([{ code: 'EADDRINUSE' }]);
    expect(existsSync(where)).toBe(true);
  });

  test('an ordinary file in its place is left alone', async () => {
    const where = path.join(folder, 'precious.txt');
    writeFileSync(where, 'data');
    expect(await listenOn(at(where))).toMatchObject([{ code: 'EADDRINUSE' }]);
    expect(statSync(where).size).toBe(4);
  });
});

test('64 clients in quick succession: nothing stays behind, nothing waits for a second', async () => {
  const proxied = await proxy();
  proxied.server.on('connection', (socket: Socket) => {
    socket.on('data', () => socket.end('bye'));
    socket.on('end', () => socket.end());
  });
  const before = openSockets();
  const began = performance.now();
  let done = 0;
  const oneAfterAnother = async () => {
    for (let i = 0; i < 15; i++) {
      const client = proxied.dial();
      client.write('hello');
      client.resume();
      await once(client, 'end');
      client.end();
      await once(client, 'close');
      done++;
    }
  };
  await Promise.all(Array.from({ length: 64 }, oneAfterAnother));
  expect(done).toBe(64 * 15);
  await proxied.balanced();
  await poll('all sockets are gone', () => openSockets() <= before, { withinMs: await allowedMs(500) });
  expect(proxied.stat('listener.front.downstream_cx_total')).toBe(done);
  const tookMs = performance.now() - began;
  expect(tookMs).toBeLessThan(await allowedMs(10_000));
});

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const openSockets = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'PipeWrap').length;
