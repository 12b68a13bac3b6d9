import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type KafkaCluster, startKafkaBroker } from '../support/kafka-broker/index.ts';
import { KafkaWire } from '../support/kafka-wire.ts';
import { poll } from '../support/poll.ts';
import { rolePids } from '../support/roles.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

// Doors as the one who runs Sluice sees them: what clients are told, the log, the admin pages, reload, workers that die.
// The brokers are the strict stand-in of test/support/kafka-broker.

let cluster: KafkaCluster;
const folder = mkdtempSync(join(tmpdir(), 'sluice-doors-'));
const running: RunningSluice[] = [];

let alone: KafkaCluster;
let single: RunningSluice;

beforeAll(async () => {
  cluster = await startKafkaBroker({ brokers: 2, topics: { orders: 2 } });
  alone = await startKafkaBroker({ brokers: 1, topics: { orders: 1 } });
  single = await runSluice({ upstreams: [`kafka://127.0.0.1:${alone.brokers[0]!.port}`], concurrency: 0 });
  running.push(single);
});
afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await Promise.all([cluster.stop(), alone.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** What a client that comes by this port is told of the brokers: `1 127.0.0.1:19093`, by id. */
async function brokersBy(port: number): Promise<string[]> {
  const client = await KafkaWire.connect(port);
  const { brokers } = await client.ask('Metadata', 4, { topics: null, allowAutoTopicCreation: false });
  client.socket.destroy();
  return (brokers as { nodeId: number; host: string; port: number }[])
    .map(({ nodeId, host, port: at }) => `${nodeId} ${host}:${at}`)
    .sort();
}
const doorLines = ({ stderr }: RunningSluice): string[] =>
  stderr()
    .split('\n')
    .filter((line) => line.includes('is reached at'))
    .map((line) => line.slice(line.indexOf('listener')));

describe('two brokers', () => {
  let proxy: RunningSluice;
  let port: number;
  const file = join(folder, 'sluice.yaml');
  const configure = (more = '') => {
    const [b1, b2] = cluster.brokers.map((broker) => `127.0.0.1:${broker.port}`);
    writeFileSync(file, `proxies:\n  - {upstream: "kafka://${b1},${b2}", listen: "127.0.0.1:${port}"${more}}\n`);
  };
  beforeAll(async () => {
    port = await freePort();
    configure();
    proxy = await runSluice({ concurrency: 2, listenPort: 0, args: ['-c', file] });
    running.push(proxy);
  });

  test('are named as ports of the listener, in the order of their names, whoever asks', async () => {
    const asked = await Promise.all(Array.from({ length: 16 }, () => brokersBy(port)));
    const [first] = asked;
    for (const one of asked) expect(one).toEqual(first);
    const ports = [doorOf(first!, 1), doorOf(first!, 2)];
    expect(first).toEqual([`1 127.0.0.1:${ports[0]}`, `2 127.0.0.1:${ports[1]}`]);
    expect(Math.min(...ports)).toBeGreaterThan(port);
    const [b1, b2] = cluster.brokers.map((broker) => broker.port);
    expect(ports[0]! < ports[1]!).toBe(b1! < b2!);
    expect(doorLines(proxy).sort()).toEqual(
      [
        `listener kafka: 127.0.0.1:${b1} is reached at 127.0.0.1:${ports[0]}`,
        `listener kafka: 127.0.0.1:${b2} is reached at 127.0.0.1:${ports[1]}`,
      ].sort(),
    );
    expect(await brokersBy(ports[0]!)).toEqual(first);
  });

  test('each door leads to its broker', async () => {
    const named = await brokersBy(port);
    for (const { id, journal } of cluster.brokers) {
      const before = journal.clients['led']?.['Metadata'] ?? 0;
      const client = await KafkaWire.connect(doorOf(named, id), '127.0.0.1', { clientId: 'led' });
      await client.ask('Metadata', 4, { topics: null, allowAutoTopicCreation: false });
      client.socket.destroy();
      expect(cluster.brokers.find((one) => one.id === id)!.journal.clients['led']?.['Metadata']).toBe(before + 1);
    }
  });

  test('the admin pages show them', async () => {
    const named = await brokersBy(port);
    const [b1] = cluster.brokers;
    const at = `127.0.0.1:${doorOf(named, 1)}`;
    await poll('facts know of the doors', async () => (await proxy.getText('/listeners')).includes(at));
    expect((await proxy.getText('/listeners')).split('\n')).toEqual(
      expect.arrayContaining([`kafka::127.0.0.1:${port}`, `kafka::${at}::127.0.0.1:${b1!.port}`]),
    );
    const { listener_statuses } = await proxy.getJson<{ listener_statuses: unknown[] }>('/listeners?format=json');
    expect(listener_statuses).toContainEqual({
      name: 'kafka',
      local_address: at,
      protocol: 'kafka',
      upstream: `127.0.0.1:${b1!.port}`,
    });
    const { configs } = await proxy.getJson<{ configs: Record<string, unknown>[] }>('/config_dump');
    expect(configs.at(-1)).toMatchObject({
      '@type': 'type.googleapis.com/sluice.admin.v1.DoorsConfigDump',
      doors: expect.arrayContaining([{ listener: 'kafka', address: at, upstream: `127.0.0.1:${b1!.port}` }]),
    });
  });

  test('workers that are killed, and a reload: the doors stay the same and are served', async () => {
    const named = await brokersBy(port);
    const { workers } = rolePids(proxy.pid);
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    expect(await brokersBy(doorOf(named, 2))).toEqual(named);
    configure(', connect_timeout: 3s');
    proxy.process.kill('SIGHUP');
    await poll('reloaded', () => proxy.stderr().includes('configuration applied'));
    expect(await brokersBy(doorOf(named, 1))).toEqual(named);
    expect(doorLines(proxy)).toHaveLength(2);
  });

  test('a client that outlived a restart and knows a door only is told of all, by the same ports', async () => {
    const named = await brokersBy(port);
    await proxy.stop();
    proxy = await runSluice({ concurrency: 2, listenPort: 0, args: ['-c', file] });
    running.push(proxy);
    const first = await poll('a door is listened on', () => brokersBy(doorOf(named, 1)));
    expect(first).toEqual(named);
    expect(await brokersBy(doorOf(named, 2))).toEqual(named);
  });

  test('no port free for all brokers: the client is closed rather than led past, and the cause is told once', async () => {
    const named = await brokersBy(port);
    const first = await freePort();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen({ host: '127.0.0.1', port: first + 1 }, resolve));
    configure(`, broker_ports: {first: ${first}, count: 2}`);
    proxy.process.kill('SIGHUP');
    const told = () =>
      brokersBy(port).then(
        (one) => one.join(),
        (error: Error) => error.message,
      );
    await poll('reloaded', async () => (await told()) !== named.join());
    expect(await told()).toBe('the connection was closed');
    expect(proxy.stderr().match(/no port leads to \S+: no port of its range is free/g)).toHaveLength(1);
    await expect(KafkaWire.connect(doorOf(named, 1))).rejects.toThrow('ECONNREFUSED');
    await new Promise((resolve) => taken.close(resolve));
  });

  test('without rewriting any more the doors are closed, and what is told is what the brokers say', async () => {
    configure(', rewrite: false');
    proxy.process.kill('SIGHUP');
    const real = cluster.brokers.map(({ id, port: at }) => `${id} 127.0.0.1:${at}`);
    await poll('reloaded', async () => (await brokersBy(port)).join() === real.join());
    expect((await proxy.getText('/listeners')).trim()).toBe(`kafka::127.0.0.1:${port}`);
  });
});

const doorOf = (named: readonly string[], id: number): number =>
  Number(named.find((one) => one.startsWith(`${id} `))!.split(':')[1]);

test('one broker: the listener’s own port leads to it', async () => {
  const [{ port }] = alone.brokers as [KafkaCluster['brokers'][0]];
  const proxy = single;
  expect(await brokersBy(proxy.port)).toEqual([`1 127.0.0.1:${proxy.port}`]);
  expect(
    (await proxy.getText('/listeners'))
      .trim()
      .split('\n')
      .filter((line) => line.includes('::127.0.0.1::')),
  ).toEqual([]);
  expect(doorLines(proxy)).toEqual([`listener kafka: 127.0.0.1:${port} is reached at 127.0.0.1:${proxy.port}`]);
});
