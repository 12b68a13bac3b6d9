import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Endpoint } from '../../test/support/endpoint.ts';
import {
  clusterConfig,
  filterChain,
  LISTENER,
  listenerConfig,
  type PlaneWishes,
  SERVER,
  snapshotOf,
} from '../../test/support/plane-parts.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import { ipAddress } from '../net/address.ts';
import { FilterStatus } from '../net/filter.ts';
import { seeded } from '../net/simulated.ts';

const OTHER = ipAddress('10.0.0.3', 5432);
const NOISE = randomBytes(64 * 1024);
const bytesFrom = (random: () => number, length: number) => {
  const at = Math.floor(random() * (NOISE.length - length));
  return NOISE.subarray(at, at + length);
};
const endpointAt = (host: string) => ({ address: { kind: 'ip' as const, host, port: 5432 }, weight: 1 });

describe('transparency', () => {
  test('bytes in are bytes out, both ways, under any segmentation, delay, kernel size and limit', async () => {
    const RUNS = 1000;
    let carried = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = seeded(seed);
      const limit = 2 ** Math.floor(random() * 18);
      const simulated = await SimulatedPlane.start(
        {
          cluster: { perConnectionBufferLimitBytes: limit },
          listener: { perConnectionBufferLimitBytes: limit },
          tcp: random() < 0.3 ? { max_early_data_bytes: Math.floor(random() * 100) } : {},
        },
        { seed, kernelBytes: Math.floor(random() * 4096) },
      );
      const up = bytesFrom(random, Math.floor(random() * random() * 20_000));
      const down = bytesFrom(random, Math.floor(random() * random() * 20_000));
      const client = simulated.dial();
      dribble(simulated, client, up, random);
      simulated.run(random() * 3);
      const server = await serverOf(simulated);
      dribble(simulated, server, down, random);
      stall(simulated, client, random);
      stall(simulated, server, random);
      simulated.run();
      if (!server.bytes.equals(up) || !client.bytes.equals(down)) throw new Error(`seed ${seed}: bytes differ`);
      if (client.closed?.how !== 'fin' || server.closed?.how !== 'fin')
        throw new Error(`seed ${seed}: not closed by FIN`);
      if (simulated.network.peakPending > limit + 64 * 1024) throw new Error(`seed ${seed}: too much pending`);
      if (simulated.stat('tcp.db.downstream_cx_rx_bytes_total') !== up.length)
        throw new Error(`seed ${seed}: rx count`);
      if (seed % 10 === 0) simulated.expectBalanced();
      carried += up.length + down.length;
    }
    expect(carried).toBeGreaterThan(RUNS * 5000);
  });

  /** Sends in random pieces, at once or by and by, then FIN. */
  function dribble(simulated: SimulatedPlane, from: Endpoint, bytes: Buffer, random: () => number): void {
    let at = 0;
    const next = () => {
      const size = Math.ceil(random() * 4096);
      from.send(bytes.subarray(at, at + size));
      at += size;
      if (at >= bytes.length) from.end();
      else if (random() < 0.5) next();
      else simulated.clock.after(random() * 2, next);
    };
    next();
  }

  function stall(simulated: SimulatedPlane, reader: Endpoint, random: () => number): void {
    if (random() < 0.5) return;
    simulated.clock.after(random() * 3, () => reader.transport.readDisable(true));
    simulated.clock.after(3 + random() * 10, () => reader.transport.readDisable(false));
  }

  async function serverOf(simulated: SimulatedPlane): Promise<Endpoint> {
    for (let i = 0; simulated.servers.length === 0; i++) {
      if (i > 1000) throw new Error('the server was not dialled');
      simulated.run(1);
    }
    return simulated.servers[0]!;
  }
});

describe('half-close', () => {
  test('the client ends first: the server may go on for as long as it likes', async () => {
    const simulated = await SimulatedPlane.start();
    const { client, server } = simulated.pair();
    client.send('all I want').end();
    simulated.run();
    expect([server.text, server.ended, client.ended]).toEqual(['all I want', true, false]);
    server.send('here ');
    simulated.run();
    server.send('it is').end();
    simulated.run();
    expect([client.text, client.ended, client.closed?.how]).toEqual(['here it is', true, 'fin']);
    simulated.expectBalanced();
  });

  test('the server ends first: the client may still send', async () => {
    const simulated = await SimulatedPlane.start();
    const { client, server } = simulated.pair();
    server.send('bye').end();
    simulated.run();
    expect([client.text, client.ended, server.ended]).toEqual(['bye', true, false]);
    client.send('one more').end();
    simulated.run();
    expect([server.text, server.ended, server.closed?.how]).toEqual(['one more', true, 'fin']);
    simulated.expectBalanced();
  });

  test('FIN comes after the bytes, also where these wait for a slow reader', async () => {
    const simulated = await SimulatedPlane.start({}, { kernelBytes: 1000 });
    const { client, server } = simulated.pair();
    client.end();
    simulated.run();
    client.transport.readDisable(true);
    server.send(Buffer.alloc(300_000, 'x')).end();
    simulated.run(60_000); // much longer than any linger
    expect(server.closed?.how).toBe('fin');
    expect(simulated.parts.plane.active).toBe(1);
    client.transport.readDisable(false);
    simulated.run();
    expect([client.bytes.length, client.closed?.how]).toEqual([300_000, 'fin']);
    simulated.expectBalanced();
  });

  test('the client ends before the server is connected', async () => {
    const simulated = await SimulatedPlane.start({}, { delay: () => 5 });
    const client = simulated.dial();
    simulated.run(6);
    client.send('early').end();
    simulated.run();
    const [server] = simulated.servers;
    expect([server!.text, server!.ended]).toEqual(['early', true]);
    server!.send('answer').end();
    simulated.run();
    expect([client.text, client.closed?.how]).toEqual(['answer', 'fin']);
    simulated.expectBalanced();
  });
});

describe('reset', () => {
  type Step = (simulated: SimulatedPlane) => { client: Endpoint; server: Endpoint | null };
  const states: Record<string, Step> = {
    'while connecting': (simulated) => {
      simulated.network.silence(SERVER);
      const client = simulated.dial();
      simulated.run(10);
      return { client, server: null };
    },
    'while connecting, with early data': (simulated) => {
      simulated.network.silence(SERVER);
      const client = simulated.dial();
      client.send('early');
      simulated.run(10);
      return { client, server: null };
    },
    'while connecting, after the client ended': (simulated) => {
      simulated.network.silence(SERVER);
      const client = simulated.dial();
      client.send('early').end();
      simulated.run(10);
      return { client, server: null };
    },
    established: (simulated) => simulated.pair(),
    'with bytes on their way': (simulated) => {
      const pair = simulated.pair();
      pair.client.send('question');
      pair.server.send('answer');
      return pair;
    },
    'after the client ended': (simulated) => {
      const pair = simulated.pair();
      pair.client.end();
      simulated.run();
      return pair;
    },
    'after the server ended': (simulated) => {
      const pair = simulated.pair();
      pair.server.end();
      simulated.run();
      return pair;
    },
  };
  for (const [name, reach] of Object.entries(states)) {
    test(`from the client, ${name}`, async () => {
      const simulated = await SimulatedPlane.start({ cluster: { connectTimeoutMs: 1e6 } });
      const { client, server } = reach(simulated);
      client.reset();
      simulated.run(100);
      expect(server?.closed?.how ?? 'reset').toBe('reset');
      expect(simulated.parts.plane.active).toBe(0);
      simulated.run();
      simulated.expectBalanced();
    });
    if (name.startsWith('while')) continue;
    test(`from the server, ${name}`, async () => {
      const simulated = await SimulatedPlane.start();
      const { client, server } = reach(simulated);
      server!.reset();
      simulated.run();
      expect(client.closed).toEqual({ how: 'reset', code: 'ECONNRESET' });
      simulated.expectBalanced();
      expect(simulated.stat('cluster.db.upstream_cx_destroy_remote')).toBe(1);
    });
  }

  test('from a server whose client is slow: seen when the client has taken what came before', async () => {
    const simulated = await SimulatedPlane.start(
      { listener: { perConnectionBufferLimitBytes: 10_000 } },
      { kernelBytes: 1000 },
    );
    const { client, server } = simulated.pair();
    client.transport.readDisable(true);
    server.send(Buffer.alloc(200_000, 'x'));
    simulated.run();
    server.reset();
    simulated.run();
    expect(simulated.parts.plane.active).toBe(1);
    client.transport.readDisable(false);
    simulated.run();
    expect(client.closed?.how).toBe('reset');
    simulated.expectBalanced();
  });
});

describe('dialling', () => {
  test('refused: the client is reset, and the counters say why', async () => {
    const simulated = await SimulatedPlane.start({}, { server: false });
    const client = simulated.dial();
    simulated.run();
    expect(client.closed?.how).toBe('reset');
    expect(simulated.stat('cluster.db.upstream_cx_connect_fail')).toBe(1);
    expect(simulated.stat('cluster.db.upstream_cx_connect_timeout')).toBe(0);
    expect(simulated.stat('cluster.db.upstream_cx_connect_attempts_exceeded')).toBe(1);
    expect(simulated.parts.plane.hosts()).toMatchObject([{ cxActive: 0, cxTotal: 1, cxConnectFail: 1 }]);
    simulated.expectBalanced();
  });

  test('no answer: given up after connect_timeout, for each attempt', async () => {
    const simulated = await SimulatedPlane.start({
      cluster: { connectTimeoutMs: 250 },
      tcp: { max_connect_attempts: 3 },
    });
    simulated.network.silence(SERVER);
    const client = simulated.dial();
    simulated.run(740);
    expect(client.closed).toBeNull();
    simulated.run(20);
    expect(client.closed?.how).toBe('reset');
    expect(simulated.stat('cluster.db.upstream_cx_connect_timeout')).toBe(3);
    expect(simulated.stat('cluster.db.upstream_cx_connect_fail')).toBe(3);
    expect(simulated.stat('cluster.db.upstream_cx_destroy_local')).toBe(3);
    simulated.run();
    simulated.expectBalanced();
  });

  test('another host takes over within max_connect_attempts, and gets the early data', async () => {
    const simulated = await SimulatedPlane.start({
      cluster: { endpoints: [endpointAt('10.0.0.9'), endpointAt(SERVER.host)] },
      tcp: { max_connect_attempts: 2 },
    });
    for (let i = 0; i < 4; i++) {
      const client = simulated.dial();
      client.send(`hello ${i}`);
      simulated.run();
      expect(simulated.servers[i]!.text).toBe(`hello ${i}`);
      client.end();
      simulated.servers[i]!.end();
      simulated.run();
    }
    expect(simulated.stat('cluster.db.upstream_cx_connect_fail')).toBeGreaterThan(0);
    expect(simulated.stat('cluster.db.upstream_cx_connect_attempts_exceeded')).toBe(0);
    simulated.expectBalanced();
  });

  test('no host: closed, counted', async () => {
    const simulated = await SimulatedPlane.start({ cluster: { endpoints: [] } });
    const client = simulated.dial();
    client.send('early');
    simulated.run();
    expect(client.closed?.how).toBe('reset');
    expect(simulated.stat('cluster.db.upstream_cx_none_healthy')).toBe(1);
    simulated.expectBalanced();
  });

  test('unknown cluster: closed, counted', async () => {
    const simulated = await SimulatedPlane.start({ tcp: { cluster: 'nobody' } });
    const client = simulated.dial();
    simulated.run();
    expect(client.closed?.how).toBe('reset');
    expect(simulated.stat('tcp.db.downstream_cx_no_route')).toBe(1);
    simulated.expectBalanced();
  });

  test('ON_DOWNSTREAM_DATA: the server is dialled with the first byte', async () => {
    const simulated = await SimulatedPlane.start({
      tcp: { upstream_connect_mode: 'ON_DOWNSTREAM_DATA', max_early_data_bytes: 10 },
    });
    const client = simulated.dial();
    simulated.run();
    expect(simulated.servers).toHaveLength(0);
    client.send('x');
    simulated.run();
    expect(simulated.servers[0]!.text).toBe('x');
    client.reset();
    simulated.run();
    simulated.expectBalanced();
  });

  test('early data above its limit stops the client until the server is connected', async () => {
    const simulated = await SimulatedPlane.start(
      { tcp: { max_early_data_bytes: 1000 }, cluster: { connectTimeoutMs: 1e9 } },
      { segment: (n) => Math.min(n, 400) },
    );
    simulated.network.silence(SERVER);
    const client = simulated.dial();
    client.send(Buffer.alloc(5000, 'e'));
    simulated.run(1000);
    expect(simulated.stat('tcp.db.downstream_cx_rx_bytes_total')).toBe(1200);
    expect(simulated.stat('tcp.db.early_data_received_count_total')).toBe(1);
    expect(simulated.stat('tcp.db.downstream_flow_control_paused_reading_total')).toBe(1);
    client.reset();
    simulated.run(100);
    expect(simulated.parts.plane.active).toBe(1); // a stopped client is not heard
    await simulated.parts.plane.close();
    simulated.run();
    simulated.expectBalanced();
  });

  test('a cluster that is still resolving: clients wait, and learn of success or failure', async () => {
    let answer!: (ips: readonly string[]) => void;
    let fail!: (error: Error) => void;
    const simulated = await SimulatedPlane.start(
      {
        cluster: {
          type: 'STRICT_DNS',
          endpoints: [{ address: { kind: 'ip', host: 'db.internal', port: 5432 }, weight: 1 }],
        },
      },
      {
        resolve: () =>
          new Promise((resolve, reject) => {
            answer = resolve;
            fail = reject;
          }),
      },
    );
    const first = simulated.dial();
    first.send('waits');
    simulated.run(100);
    fail(new Error('SERVFAIL'));
    await settled();
    simulated.run(100);
    expect(first.closed?.how).toBe('reset');
    simulated.run(5000); // the next refresh
    answer([SERVER.host]);
    await settled();
    const second = simulated.dial();
    simulated.run(100);
    expect(second.closed).toBeNull();
    expect(simulated.servers).toHaveLength(1);
    await simulated.parts.plane.close();
    second.end();
    simulated.servers[0]!.end();
    simulated.run(20_000);
    simulated.expectBalanced();
  });

  test('a cluster that is removed while it resolves: who waits for it still gets its host', async () => {
    let answer!: (ips: readonly string[]) => void;
    const wishes: PlaneWishes = {
      cluster: {
        type: 'LOGICAL_DNS',
        endpoints: [{ address: { kind: 'ip', host: 'db.internal', port: 5432 }, weight: 1 }],
      },
    };
    const simulated = await SimulatedPlane.start(wishes, {
      resolve: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const client = simulated.dial();
    client.send('x');
    simulated.run(10);
    await simulated.parts.plane.apply({ ...snapshotOf(wishes), clusters: [] });
    answer([SERVER.host, OTHER.host]);
    await settled();
    simulated.run(10);
    expect(simulated.servers[0]!.text).toBe('x');
    client.reset();
    simulated.run(2000);
    expect(simulated.stat('cluster.db.membership_total')).toBe(0);
    simulated.expectBalanced();
  });
});

describe('flow', () => {
  const LIMIT = 32 * 1024;
  const wishes: PlaneWishes = {
    listener: { perConnectionBufferLimitBytes: LIMIT },
    cluster: { perConnectionBufferLimitBytes: LIMIT },
  };
  const ONE_READ = 64 * 1024;
  const LOAD = 1 << 20;

  test('a slow client stops the server, and frees it again', async () => {
    const simulated = await SimulatedPlane.start(wishes, { kernelBytes: 4096 });
    const { client, server } = simulated.pair();
    client.transport.readDisable(true);
    feed(server, LOAD);
    simulated.run();
    expect(simulated.stat('cluster.db.upstream_cx_rx_bytes_total')).toBeLessThan(LIMIT + ONE_READ + 4096);
    client.transport.readDisable(false);
    simulated.run();
    expect(client.bytes.length).toBe(LOAD);
    expect(simulated.network.peakPending).toBeLessThanOrEqual(LIMIT + ONE_READ);
    const paused = simulated.stat('cluster.db.upstream_flow_control_paused_reading_total');
    expect(paused).toBeGreaterThan(0);
    expect(simulated.stat('cluster.db.upstream_flow_control_resumed_reading_total')).toBe(paused);
    client.reset();
    simulated.run();
    simulated.expectBalanced();
  });

  test('a slow server stops the client, and frees it again', async () => {
    const simulated = await SimulatedPlane.start(wishes, { kernelBytes: 4096 });
    const { client, server } = simulated.pair();
    server.transport.readDisable(true);
    feed(client, LOAD);
    simulated.run();
    expect(simulated.stat('tcp.db.downstream_cx_rx_bytes_total')).toBeLessThan(LIMIT + ONE_READ + 4096);
    server.transport.readDisable(false);
    simulated.run();
    expect(server.bytes.length).toBe(LOAD);
    expect(simulated.network.peakPending).toBeLessThanOrEqual(LIMIT + ONE_READ);
    for (const [one, other] of [
      ['tcp.db.downstream_flow_control_paused_reading_total', 'tcp.db.downstream_flow_control_resumed_reading_total'],
      ['cluster.db.upstream_flow_control_backed_up_total', 'cluster.db.upstream_flow_control_drained_total'],
    ] as const) {
      expect(simulated.stat(one)).toBeGreaterThan(0);
      expect(simulated.stat(other)).toBe(simulated.stat(one));
    }
    server.reset();
    simulated.run();
    simulated.expectBalanced();
  });

  /** Writes as fast as it is taken, without piling up on its own side. */
  function feed(from: Endpoint, total: number): void {
    let left = total;
    const next = () => {
      while (left > 0 && from.transport.pending <= 16 * 1024) {
        const size = Math.min(left, 16 * 1024);
        from.send(Buffer.alloc(size, 'x'));
        left -= size;
      }
    };
    from.transport.setWatermark(16 * 1024);
    from.onDrain = next;
    next();
  }
});

describe('idle timeout', () => {
  const idle = (milliseconds: number): PlaneWishes => ({ tcp: { idle_timeout: milliseconds } });

  test('closes a connection on which nothing moved, and one that is still connecting', async () => {
    const simulated = await SimulatedPlane.start({ ...idle(1000), cluster: { connectTimeoutMs: 1e9 } });
    const { client, server } = simulated.pair();
    simulated.network.silence(SERVER);
    const waiting = simulated.dial();
    simulated.run(990);
    expect([client.ended, waiting.ended]).toEqual([false, false]);
    simulated.run(10);
    expect([client.ended, server.ended, waiting.ended]).toEqual([true, true, true]);
    expect(simulated.stat('tcp.db.idle_timeout')).toBe(2);
    simulated.run(2000);
    client.end();
    server.end();
    waiting.end();
    simulated.run();
    simulated.expectBalanced();
  });

  test('bytes from either side put it off; it is off at 0', async () => {
    const simulated = await SimulatedPlane.start(idle(1000));
    const { client, server } = simulated.pair();
    for (let i = 0; i < 10; i++) {
      simulated.run(700);
      (i % 2 ? client : server).send('x');
    }
    expect(simulated.stat('tcp.db.idle_timeout')).toBe(0);
    simulated.run(1100);
    expect(simulated.stat('tcp.db.idle_timeout')).toBe(1);
    const never = await SimulatedPlane.start(idle(0));
    const pair = never.pair();
    never.run(1e9);
    expect(pair.client.ended).toBe(false);
  });

  test('a delay above what setTimeout can does not fire at once', async () => {
    const simulated = await SimulatedPlane.start(idle(2 ** 33));
    const { client } = simulated.pair();
    simulated.run(2 ** 32);
    expect(client.ended).toBe(false);
  });
});

describe('connection limit', () => {
  test('above it connections are refused and counted; service recovers', async () => {
    const simulated = await SimulatedPlane.start({ maxConnections: 2 });
    const clients = [simulated.dial(), simulated.dial(), simulated.dial()];
    simulated.run();
    expect(clients.map((client) => client.ended)).toEqual([false, false, true]);
    expect(simulated.stat('listener.front.downstream_cx_overflow')).toBe(1);
    expect(simulated.stat('listener.front.downstream_cx_total')).toBe(2);
    clients[0]!.reset();
    clients[2]!.end();
    simulated.run();
    const another = simulated.dial();
    simulated.run();
    expect(another.ended).toBe(false);
    expect(simulated.servers).toHaveLength(3);
    for (const client of [clients[1]!, another]) client.reset();
    simulated.run();
    simulated.expectBalanced();
  });
});

describe('errors of our own', () => {
  test('a filter that cannot be built costs its connection, and nothing else', async () => {
    let broken = true;
    const simulated = await SimulatedPlane.start({
      judge: () => {
        if (broken) throw new Error('bug');
        return { name: 'fine' };
      },
    });
    const client = simulated.dial();
    simulated.run();
    expect(client.ended).toBe(true);
    expect(simulated.parts.errors).toHaveLength(1);
    expect(simulated.stat('sluice.listener.front.internal_errors')).toBe(1);
    broken = false;
    client.end();
    const { server } = simulated.pair();
    expect(server).toBeDefined();
    server.reset();
    simulated.run();
    simulated.parts.errors.length = 0;
    simulated.expectBalanced();
  });

  test('a throw in the middle of the server’s bytes ends that connection alone', async () => {
    const simulated = await SimulatedPlane.start({
      judge: () => ({
        name: 'careless',
        onWrite: (buf, start, end) => {
          if (buf.toString('latin1', start, end) === 'boom') throw new Error('bug');
          return FilterStatus.Continue;
        },
      }),
    });
    const one = simulated.pair();
    const two = simulated.pair();
    one.server.send('boom');
    two.server.send('fine');
    simulated.run();
    expect([one.client.ended, two.client.text]).toEqual([true, 'fine']);
    one.client.end();
    one.server.end();
    two.client.reset();
    simulated.run();
    expect(simulated.parts.errors.splice(0)).toHaveLength(1);
    simulated.expectBalanced();
  });
});

describe('drain', () => {
  test('stops accepting, lets finish, cuts at the limit', async () => {
    const simulated = await SimulatedPlane.start();
    const leaves = simulated.pair();
    const stays = simulated.pair();
    let drained = false;
    const drain = simulated.parts.plane.drain(1000).then(() => {
      drained = true;
    });
    await settled();
    const late = simulated.dial();
    simulated.run(10);
    expect(late.closed).toEqual({ how: 'error', code: 'ECONNREFUSED' });
    leaves.client.send('still served').end();
    simulated.run(10);
    leaves.server.end();
    simulated.run(10);
    expect([leaves.server.text, leaves.client.closed?.how]).toEqual(['still served', 'fin']);
    await settled();
    expect(drained).toBe(false);
    simulated.run(1000);
    await drain;
    expect([stays.client.ended, stays.server.ended]).toEqual([true, true]);
    expect(simulated.stat('sluice.listener.front.drained_cut')).toBe(1);
    stays.client.end();
    stays.server.end();
    simulated.run();
    simulated.expectBalanced();
  });

  test('with nothing open it is over at once', async () => {
    const simulated = await SimulatedPlane.start();
    await simulated.parts.plane.drain(1e9);
    simulated.expectBalanced();
  });

  test('close() cuts everything now', async () => {
    const simulated = await SimulatedPlane.start();
    const { client, server } = simulated.pair();
    await simulated.parts.plane.close();
    expect(simulated.parts.plane.active).toBe(0);
    simulated.run();
    expect([client.ended, server.ended]).toEqual([true, true]);
    client.end();
    server.end();
    simulated.run();
    simulated.expectBalanced();
  });
});

describe('snapshots', () => {
  const other = { kind: 'ip' as const, host: '10.0.0.1', port: 7000 };

  test('listeners and clusters come, change and go without touching open connections', async () => {
    const simulated = await SimulatedPlane.start();
    const { plane } = simulated.parts;
    await Endpoint.listen(simulated.network, OTHER, simulated.servers);
    const before = simulated.pair();
    const first = snapshotOf();

    // A second listener to a second cluster; the first changes its limit.
    const second = listenerConfig({
      tcp: { cluster: 'db2', stat_prefix: 'db2' },
      listener: { name: 'second', address: other },
    });
    const changed = listenerConfig({ listener: { perConnectionBufferLimitBytes: 4096 } });
    const clusters = [...first.clusters, clusterConfig({ name: 'db2', endpoints: [endpointAt(OTHER.host)] })];
    expect(await plane.apply({ ...first, version: '2', listeners: [changed, second], clusters })).toEqual([]);
    expect(plane.listeners()).toEqual([
      { name: 'front', address: '10.0.0.1:6432' },
      { name: 'second', address: '10.0.0.1:7000' },
    ]);
    const viaSecond = simulated.dial(ipAddress('10.0.0.1', 7000));
    simulated.run();
    expect(simulated.servers.at(-1)!.transport.local.text).toBe(OTHER.text);
    const onChanged = simulated.pair();
    expect(onChanged.server).not.toBe(before.server);

    // Both go, and their clusters.
    expect(await plane.apply({ ...first, version: '3', listeners: [], clusters: [] })).toEqual([]);
    expect(plane.listeners()).toEqual([]);
    for (const { client, server } of [before, onChanged]) {
      client.send('still');
      server.send('here');
      simulated.run();
      expect([server.text, client.text]).toEqual(['still', 'here']);
    }
    const refused = simulated.dial();
    simulated.run();
    expect(refused.closed?.code).toBe('ECONNREFUSED');

    // And come back.
    expect(await plane.apply(first)).toEqual([]);
    const again = simulated.pair();
    for (const { client } of [before, onChanged, again]) client.reset();
    viaSecond.reset();
    simulated.run();
    simulated.expectBalanced();
  });

  test('an unchanged listener keeps its door and its counters; an equal snapshot changes nothing', async () => {
    const simulated = await SimulatedPlane.start();
    simulated.pair();
    expect(await simulated.parts.plane.apply(structuredClone(snapshotOf()))).toEqual([]);
    simulated.pair();
    expect(simulated.stat('listener.front.downstream_cx_total')).toBe(2);
  });

  test('a changed listener that keeps its address refuses nobody in between', async () => {
    const simulated = await SimulatedPlane.start();
    const applied = simulated.parts.plane.apply({
      ...snapshotOf(),
      listeners: [listenerConfig({ listener: { perConnectionBufferLimitBytes: 1 } })],
    });
    for (let i = 0; i < 20; i++) {
      const client = simulated.dial();
      simulated.run();
      expect(client.closed).toBeNull();
      await Promise.resolve();
    }
    await applied;
  });

  test('what cannot be listened on is told, and the listener stays as it was', async () => {
    const simulated = await SimulatedPlane.start();
    await Endpoint.listen(simulated.network, ipAddress('10.0.0.1', 7000), []);
    const moved = listenerConfig({ listener: { address: other } });
    expect(await simulated.parts.plane.apply({ ...snapshotOf(), listeners: [moved] })).toEqual([
      { listener: 'front', address: other, code: 'EADDRINUSE' },
    ]);
    expect(simulated.parts.plane.listeners()).toEqual([{ name: 'front', address: LISTENER.text }]);
    simulated.pair();
  });

  test('a listener with several addresses: all or none', async () => {
    const simulated = await SimulatedPlane.start();
    const third = { kind: 'ip' as const, host: '10.0.0.1', port: 7001 };
    await Endpoint.listen(simulated.network, ipAddress('10.0.0.1', 7001), []);
    const both = listenerConfig({ listener: { name: 'both', address: other, additionalAddresses: [third] } });
    const failures = await simulated.parts.plane.apply({ ...snapshotOf(), listeners: [both] });
    expect(failures).toHaveLength(1);
    expect(simulated.parts.plane.listeners()).toEqual([]);
    const client = simulated.dial(ipAddress('10.0.0.1', 7000));
    simulated.run();
    expect(client.closed?.code).toBe('ECONNREFUSED');
  });

  test('a listener may take over the address of one that goes, also under another name', async () => {
    const simulated = await SimulatedPlane.start();
    const renamed = listenerConfig({ listener: { name: 'renamed' } });
    expect(await simulated.parts.plane.apply({ ...snapshotOf(), listeners: [renamed] })).toEqual([]);
    expect(simulated.parts.plane.listeners()).toEqual([{ name: 'renamed', address: LISTENER.text }]);
    simulated.pair();
    expect(simulated.parts.plane.connections()[0]!.listener).toBe('renamed');
  });

  test('a connection keeps the chain and the cluster it began with', async () => {
    const simulated = await SimulatedPlane.start({
      tcp: { upstream_connect_mode: 'ON_DOWNSTREAM_DATA', max_early_data_bytes: 9 },
    });
    await Endpoint.listen(simulated.network, OTHER, simulated.servers);
    const early = simulated.dial();
    simulated.run();
    await simulated.parts.plane.apply({
      ...snapshotOf(),
      listeners: [{ ...listenerConfig(), filterChains: [{ name: '', filters: filterChain({}) }] }],
      clusters: [clusterConfig({ endpoints: [endpointAt(OTHER.host)] })],
    });
    early.send('x');
    simulated.run();
    expect(simulated.servers[0]!.transport.local.text).toBe(SERVER.text);
    simulated.pair();
    expect(simulated.servers[1]!.transport.local.text).toBe(OTHER.text);
  });
});

test('connections() tells who is there', async () => {
  const simulated = await SimulatedPlane.start();
  simulated.network.silence(SERVER);
  simulated.dial();
  simulated.run(5);
  expect(simulated.parts.plane.connections()).toMatchObject([{ state: 'connecting', upstream: '' }]);
  simulated.network.silence(SERVER, false);
  const { client, server } = simulated.pair();
  client.send('12345');
  server.send('123');
  simulated.run(5);
  simulated.run(1000);
  expect(simulated.parts.plane.connections()[1]).toMatchObject({
    listener: 'front',
    protocol: 'tcp',
    client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    upstream: SERVER.text,
    state: 'active',
    bytesReceived: 5,
    bytesSent: 3,
    idleMs: expect.closeTo(1005, -1),
    exchanges: 0,
  });
});

/** Lets promises that are ready run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
