import { describe, expect, test } from 'vitest';
import { Endpoint } from '../../test/support/endpoint.ts';
import { clusterConfig, listenerConfig, type PlaneWishes, SERVER, snapshotOf } from '../../test/support/plane-parts.ts';
import { type Script, type ScriptedSession, scriptedProtocol } from '../../test/support/scripted-protocol.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import type { Door } from '../exchange/protocol-filter.ts';
import { Side } from '../exchange/side.ts';
import { ipAddress } from '../net/address.ts';

const DOOR = ipAddress('10.0.0.1', 6433);
const SECOND = ipAddress('10.0.0.1', 6434);
const BROKER = ipAddress('10.0.0.8', 9092);

const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * A server's reply is a list of hosts; the session answers with where each is reached, once all are known. Replies are
 * held meanwhile.
 */
function rewriting(): { script: Script; doors: (Door | null)[][]; sessions: ScriptedSession[] } {
  const doors: (Door | null)[][] = [];
  const script: Script = {
    open: ({ host }) => host.setGear(Side.upstream, 'gate'),
    upstream: ({ host }, text, at) => {
      const found = text.split(' ').map((upstream) => host.door(upstream));
      doors.push(found);
      if (found.includes(null)) return at;
      const reply = found.map((door) => `${door!.host}:${door!.port}`).join(' ');
      host.replace(Side.upstream, at, at + text.length, Buffer.from(reply));
      host.clear(Side.upstream, at + text.length);
      return undefined;
    },
  };
  return { script, doors, sessions: [] };
}

const start = async (wishes: PlaneWishes = {}, wire: Parameters<typeof SimulatedPlane.start>[1] = {}) => {
  const { script, doors, sessions } = rewriting();
  const all: PlaneWishes = {
    protocol: scriptedProtocol(script, sessions, 'server'),
    ...wishes,
    listener: { doors: { firstPort: 0, count: 2 }, ...wishes.listener },
    // Two hosts: neither is behind the listener's own port alone.
    cluster: {
      endpoints: [SERVER, SERVER].map(({ host, port }) => ({ address: { kind: 'ip', host, port }, weight: 1 })),
      ...wishes.cluster,
    },
  };
  const resolve = async (name: string) => {
    if (name !== 'b2.example') throw new Error('ENOTFOUND');
    return ['10.0.0.8'];
  };
  const simulated = await SimulatedPlane.start(all, { resolve, ...wire });
  return { simulated, wishes: all, doors, sessions };
};

/** A client whose server has named these hosts, and has the reply. */
const told = async (simulated: SimulatedPlane, ...upstreams: string[]) => {
  const { client, server } = simulated.pair();
  server.send(upstreams.join(' '));
  simulated.run(5);
  for (let i = 0; i < 20; i++) await turn();
  simulated.run(5);
  return client;
};

describe('a door', () => {
  test('is opened when a session asks, and the session goes on once all are there', async () => {
    const { simulated, doors } = await start();
    const client = await told(simulated, 'b2.example:9092', '10.0.0.8:9092');
    expect(client.text).toBe('10.0.0.1:6434 10.0.0.1:6433');
    expect(doors).toEqual([
      [null, null],
      [
        { host: '10.0.0.1', port: 6434 },
        { host: '10.0.0.1', port: 6433 },
      ],
    ]);
    expect(simulated.parts.log).toEqual([
      'info [doors] listener front: 10.0.0.8:9092 is reached at 10.0.0.1:6433',
      'info [doors] listener front: b2.example:9092 is reached at 10.0.0.1:6434',
    ]);
    // The next connection does not wait.
    await told(simulated, 'b2.example:9092');
    expect(doors.at(-1)).toEqual([{ host: '10.0.0.1', port: 6434 }]);
    expect(doors).toHaveLength(3);
  });

  test('leads to its host, through the same chain, counted in the same stats', async () => {
    const { simulated, sessions } = await start();
    const brokers: Endpoint[] = [];
    await Endpoint.listen(simulated.network, BROKER, brokers);
    const first = await told(simulated, 'b2.example:9092');
    const client = simulated.dial(DOOR);
    simulated.run(5);
    for (let i = 0; i < 5; i++) await turn();
    simulated.run(5);
    client.send('hello');
    simulated.run(5);
    expect(brokers.map(({ text }) => text)).toEqual(['hello']);
    expect(sessions).toHaveLength(2);
    const { facts } = sessions[1]!.host;
    expect([facts.listener, facts.protocol, facts.upstreamAddress, facts.localAddress, facts.cluster]).toEqual([
      'front',
      'scripted',
      '10.0.0.8:9092',
      '10.0.0.1:6433',
      'db',
    ]);
    // It may name hosts in its turn; the client is told of them by the address that it came by.
    brokers[0]!.send('b2.example:9092');
    simulated.run(5);
    expect(client.text).toBe('10.0.0.1:6433');
    expect(simulated.stat('listener.front.downstream_cx_total')).toBe(2);
    expect(simulated.stat('cluster.db.upstream_cx_total')).toBe(2);
    expect(simulated.stat('tcp.db.downstream_cx_total')).toBe(2);
    const ofBroker = simulated.parts.plane.hosts().find(({ address }) => address === '10.0.0.8:9092');
    expect(ofBroker).toEqual({ cluster: 'db', address: '10.0.0.8:9092', cxActive: 1, cxTotal: 1, cxConnectFail: 0 });
    for (const one of [first, client]) one.end();
    for (const one of [...brokers, ...simulated.servers]) one.end();
    simulated.run();
    simulated.expectBalanced();
  });

  test('to a host that does not answer, or has no address: the client is reset, with the usual flags', async () => {
    const { simulated } = await start();
    await told(simulated, '10.0.0.9:9092', 'nowhere.example:9092');
    for (const [door, flags, reason] of [
      [DOOR, 'UF,URX', 'upstream_connect_failure:ECONNREFUSED'],
      [SECOND, 'UH', 'no_healthy_upstream'],
    ] as const) {
      const client = simulated.dial(door);
      simulated.run(10);
      for (let i = 0; i < 5; i++) await turn();
      simulated.run(10);
      expect(client.closed?.how).toBe('reset');
      const { connections, log } = simulated.parts.observer;
      expect(log.at(-1)).toBe(`session end ${reason}`);
      expect(connections.at(-1)?.responseFlags).toBe(flags);
    }
    expect(simulated.stat('cluster.db.upstream_cx_none_healthy')).toBe(1);
    const cannot = (name: string) => `warn cluster db: ${name}, as a server calls itself or another, cannot be reached`;
    const lines = () => simulated.parts.log.slice(2).map((line) => line.replace(/ from here .*/, ''));
    expect(lines()).toEqual([cannot('10.0.0.9:9092'), cannot('nowhere.example:9092')]);
    // It starts.
    await Endpoint.listen(simulated.network, ipAddress('10.0.0.9', 9092), []);
    for (let i = 0; i < 2; i++) simulated.dial(DOOR);
    simulated.run(10);
    expect(lines().slice(2)).toEqual(['info cluster db: 10.0.0.9:9092 is reached again']);
  });

  test('retries go to the next address of its name', async () => {
    const { simulated } = await start(
      { tcp: { max_connect_attempts: 3 } },
      { resolve: async () => ['10.0.0.6', '10.0.0.7', '10.0.0.8'] },
    );
    const brokers: Endpoint[] = [];
    await Endpoint.listen(simulated.network, BROKER, brokers);
    await told(simulated, 'b2.example:9092');
    simulated.dial(DOOR);
    for (let i = 0; i < 5; i++) {
      simulated.run(5);
      await turn();
    }
    expect(brokers).toHaveLength(1);
    expect(simulated.parts.observer.log).not.toContain('session end');
    // The one that answered is the first to be tried from now on.
    simulated.dial(DOOR);
    simulated.run(10);
    expect(brokers).toHaveLength(2);
    expect(simulated.stat('cluster.db.upstream_cx_connect_fail')).toBe(2);
    expect(simulated.parts.log.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('beyond the number allowed, a name that is none, a listener without: port 0', async () => {
    const { simulated } = await start({ listener: { doors: { firstPort: 0, count: 1 } } });
    expect((await told(simulated, 'b1.example:9092', 'b2.example:9092', 'x')).text).toBe(
      '10.0.0.1:6433 10.0.0.1:0 10.0.0.1:0',
    );
    const { simulated: without } = await start({ listener: { doors: null } });
    expect((await told(without, 'b1.example:9092')).text).toBe(':0');
  });

  test('a port that is taken is gone round', async () => {
    const { simulated } = await start({ listener: { doors: { firstPort: 0, count: 3 } } });
    await simulated.network.listen(ipAddress('10.0.0.1', 6435), (transport) => transport.destroy());
    expect((await told(simulated, 'b1:9092', 'b2:9092', 'b3:9092')).text).toBe(
      '10.0.0.1:6433 10.0.0.1:6434 10.0.0.1:6436',
    );
  });

  test('a client that leaves while it waits is not told', async () => {
    const { simulated, doors } = await start();
    const { client, server } = simulated.pair();
    server.send('b2.example:9092');
    simulated.run(5);
    client.transport.destroy(true);
    simulated.run(5);
    for (let i = 0; i < 20; i++) await turn();
    expect(doors).toHaveLength(1);
    expect(simulated.parts.errors).toEqual([]);
  });
});

describe('before any host is named', () => {
  test('as many doors as the cluster has hosts lead to its choice; who came by one leaves when it leads elsewhere', async () => {
    const { simulated } = await start();
    for (let i = 0; i < 20; i++) await turn();
    const [early, other] = [simulated.dial(DOOR), simulated.dial(SECOND)];
    simulated.run(5);
    expect(simulated.servers).toHaveLength(2);
    simulated.servers[0]!.send('10.0.0.8:9092');
    simulated.run(5);
    for (let i = 0; i < 20; i++) await turn();
    simulated.run(5);
    // It was told of the host first: at the same port, which leads there from now on.
    expect(early.text).toBe('10.0.0.1:6433');
    expect([early.ended, other.ended]).toEqual([true, false]);
    expect(simulated.parts.observer.log).toContain('session end drain');
    const brokers: Endpoint[] = [];
    await Endpoint.listen(simulated.network, BROKER, brokers);
    simulated.dial(DOOR);
    simulated.run(5);
    expect(brokers).toHaveLength(1);
  });
});

describe('limits', () => {
  test('max_connections and drain count connections of doors as all others', async () => {
    const { simulated } = await start({ maxConnections: 2 });
    const brokers: Endpoint[] = [];
    await Endpoint.listen(simulated.network, BROKER, brokers);
    await told(simulated, '10.0.0.8:9092');
    const led = simulated.dial(DOOR);
    const third = simulated.dial(DOOR);
    simulated.run(10);
    expect([led.ended, third.ended]).toEqual([false, true]);
    expect(simulated.stat('listener.front.downstream_cx_overflow')).toBe(1);
    const drained = simulated.parts.plane.drain(1000);
    for (let i = 0; i < 5; i++) await turn();
    simulated.run();
    await drained;
    expect(led.ended).toBe(true);
    const late = simulated.dial(DOOR);
    simulated.run(10);
    expect(late.closed?.code).toBe('ECONNREFUSED');
  });
});

describe('another configuration', () => {
  const openDoor = async () => {
    const started = await start();
    const brokers: Endpoint[] = [];
    await Endpoint.listen(started.simulated.network, BROKER, brokers);
    await told(started.simulated, '10.0.0.8:9092');
    const open = started.simulated.dial(DOOR);
    started.simulated.run(10);
    return { ...started, brokers, open };
  };
  const dials = (simulated: SimulatedPlane): string => {
    const client = simulated.dial(DOOR);
    simulated.run(10);
    return client.closed === null ? 'open' : client.closed.code || client.closed.how;
  };

  test('that changes the listener keeps the door, for the changed listener', async () => {
    const { simulated, wishes, brokers } = await openDoor();
    const changed = { ...wishes, listener: { ...wishes.listener, statPrefix: 'changed' } };
    expect(await simulated.parts.doors.apply(snapshotOf(changed))).toEqual([]);
    expect(dials(simulated)).toBe('open');
    expect(brokers).toHaveLength(2);
    expect(simulated.stat('listener.changed.downstream_cx_total')).toBe(1);
    expect(simulated.parts.doors.addresses.map(({ upstream }) => upstream)).toEqual(['10.0.0.8:9092', '']);
  });

  test('that is without the listener closes the door; open connections live on', async () => {
    const { simulated, wishes, brokers, open } = await openDoor();
    const other = {
      ...snapshotOf(wishes),
      listeners: [
        { ...listenerConfig(), name: 'other', address: { kind: 'ip' as const, host: '10.0.0.1', port: 7000 } },
      ],
    };
    expect(await simulated.parts.doors.apply(other)).toEqual([]);
    expect(dials(simulated)).toBe('ECONNREFUSED');
    open.send('still here');
    simulated.run(5);
    expect(brokers[0]!.text).toBe('still here');
    // And back: the same port.
    await simulated.parts.doors.apply(snapshotOf(wishes));
    expect(dials(simulated)).toBe('ECONNREFUSED');
    expect((await told(simulated, '10.0.0.7:9092', '10.0.0.8:9092')).text).toBe('10.0.0.1:6434 10.0.0.1:6433');
    expect(dials(simulated)).toBe('open');
  });

  test('whose cluster has one host: the listener’s own port is its door', async () => {
    const { simulated, wishes } = await openDoor();
    const cluster = clusterConfig();
    await simulated.parts.doors.apply({ ...snapshotOf(wishes), clusters: [cluster] });
    expect((await told(simulated, '10.0.0.2:5432', '10.0.0.8:9092')).text).toBe('10.0.0.1:6432 10.0.0.1:6433');
  });
});
