import { Cluster } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { startRealRedis, startRedisCluster, startRedisReplica, startRedisSentinel } from '../support/real-redis.ts';
import { greetings, openLedger, rowsOf } from '../support/redis-ledger.ts';
import { ioredis, statOf } from '../support/redis-stage.ts';
import { RedisError, RedisWire } from '../support/redis-wire.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  await Promise.all(cleanups.map((cleanup) => cleanup()));
});
const started = <T extends { stop(): Promise<unknown> }>(part: T): T => {
  cleanups.push(() => part.stop());
  return part;
};
const sluiceBefore = async (port: number): Promise<RunningSluice> =>
  started(await runSluice({ upstreams: [`redis://127.0.0.1:${port}`], concurrency: 1 }));
const own = (sluice: RunningSluice, name: string) => statOf(sluice, `sluice.redis.redis.${name}`);
const warnings = (sluice: RunningSluice) =>
  `${sluice.stderr()}${sluice.stdout()}`.split('\n').filter((line) => line.includes('past this proxy'));

/** All that this file needs, started at once: processes take longer than tests. */
async function startAll() {
  const around = async () => {
    const cluster = started(await startRedisCluster());
    return { cluster, sluices: await Promise.all(cluster.nodes.map(({ port }) => sluiceBefore(port))) };
  };
  const single = async () => {
    // The sentinel talks to its own server, which must not be the one whose commands are counted.
    const [server, watched] = await Promise.all([startRealRedis(), startRealRedis()]);
    const sentinel = await startRedisSentinel(watched.port);
    for (const each of [server, watched, sentinel]) started(each);
    const [sluice, guide] = await Promise.all([server, sentinel].map(({ port }) => sluiceBefore(port)));
    return { server, watched, sluice: sluice!, guide: guide! };
  };
  const [first, second] = await Promise.all([around(), single()]);
  return { ...first, ...second };
}
let all: Awaited<ReturnType<typeof startAll>>;
beforeEach(async (ctx) => {
  needs(ctx, 'redis');
  all ??= await startAll();
});

describe('replies that lead past the proxy', () => {
  test('MOVED and ASK are redirected, no errors; each is a hint; the warning stands in the log once, with the remedy', async () => {
    const { cluster, sluices } = all;
    const [first, second] = cluster.nodes;
    const sluice = sluices[0]!;
    const ledger = await openLedger(first, sluice);
    const wire = await RedisWire.to(sluice.port);
    for (let i = 0; i < 5; i++) {
      expect(await wire.send('get', 'foo')).toEqual(new RedisError(`MOVED 12182 127.0.0.1:${second.port}`));
      expect(await wire.send('set', 'bar', i)).toBe('OK');
    }
    await cluster.migrate(await cluster.slotOf('hello'));
    expect(await wire.send('get', 'hello')).toEqual(new RedisError(`ASK 866 127.0.0.1:${second.port}`));
    expect(await wire.send('mget', 'foo', 'bar')).toMatchObject({ prefix: 'CROSSSLOT' });
    await wire.send('cluster', 'slots');
    await wire.send('cluster', 'shards');
    await wire.end();
    // The server has MOVED and ASK among its errors; we do not.
    const { errors } = await ledger.expectEqual({}, ({ errors }) => {
      expect(errors).toMatchObject({ MOVED: 5, ASK: 1 });
      delete errors['MOVED'];
      delete errors['ASK'];
    });
    expect(errors).toEqual({ CROSSSLOT: 1 });
    const gets = (await rowsOf(sluice)).filter(({ operation }) => operation === 'GET');
    expect(gets.map(({ text, calls, redirected, errors }) => [text, calls, redirected, errors]).sort()).toEqual([
      ['GET foo', 5, 5, {}],
      ['GET hello', 1, 1, {}],
    ]);
    await poll('hints are counted', async () => (await own(sluice, 'bypass_hint')) === 8);
    await expect.poll(() => own(sluice, 'redirects')).toBe(6);
    expect(warnings(sluice)).toHaveLength(1);
    expect(warnings(sluice)[0]).toMatch(/cluster-announce-ip/);
  });

  test('with the remedy in place a cluster client stays with the proxies, and is counted whole', async () => {
    const { sluices } = all;
    const { nodes } = all.cluster;
    await Promise.all(
      nodes.map((node, i) => node.ask('config', 'set', 'cluster-announce-port', String(sluices[i]!.port))),
    );
    await poll('both know the proxies', async () => {
      const said = await Promise.all(nodes.map(async (node) => String(await node.ask('cluster', 'nodes'))));
      return said.every((text) => sluices.every(({ port }) => text.includes(`127.0.0.1:${port}@`)));
    });
    const ledgers = await Promise.all(nodes.map((node, i) => openLedger(node, sluices[i]!)));
    const client = new Cluster([{ host: '127.0.0.1', port: sluices[0]!.port }], {
      redisOptions: { disableClientInfo: true },
    });
    for (let i = 0; i < 100; i++) await client.set(`key:${i}`, i);
    for (let i = 0; i < 100; i++) expect(await client.get(`key:${i}`)).toBe(String(i));
    client.disconnect();
    const counts = [];
    for (const ledger of ledgers) counts.push((await ledger.expectEqual()).commands);
    expect(counts[0]!['get']!.calls + counts[1]!['get']!.calls).toBe(100);
    expect(counts.every((commands) => commands['get']!.calls > 20)).toBe(true);
  });

  test('SENTINEL', async () => {
    const { watched, guide: sluice } = all;
    const wire = await RedisWire.to(sluice.port);
    expect(await wire.send('sentinel', 'get-master-addr-by-name', 'main')).toEqual(['127.0.0.1', String(watched.port)]);
    expect(await wire.send('sentinel', 'get-master-addr-by-name', 'nosuch')).toBeNull(); // leads nowhere
    await wire.send('sentinel', 'masters');
    await wire.end();
    await poll('it is counted', async () => (await own(sluice, 'bypass_hint')) === 2);
    expect(warnings(sluice)).toHaveLength(1);
  });
});

test('a replica syncs through the proxy; its stream is endless and no latency, clients beside it are exact', async () => {
  const { server, sluice } = all;
  const ledger = await openLedger(server, sluice);
  await server.ask('set', 'before', 'x'.repeat(100_000));
  const replica = started(await startRedisReplica(sluice.port));
  await poll('it is in sync', async () => (await replica.info('replication')).get('master_link_status') === 'up');
  const client = await ioredis(sluice.port);
  for (let i = 0; i < 50; i++) await client.set(`after:${i}`, i);
  expect(await client.wait(1, 5000)).toBe(1);
  expect(await replica.ask('get', 'after:49')).toBe('49');
  expect(await replica.ask('strlen', 'before')).toBe(100_000);
  client.disconnect();
  await replica.stop();
  const { commands } = await ledger.expectEqual(greetings(1), (counted) => {
    // What a replica acknowledges belongs to its stream: after PSYNC there are no commands and no replies.
    expect(counted.commands['replconf']!.calls).toBeGreaterThan(2);
    counted.commands['replconf'] = { calls: 2, errors: 0 };
  });
  expect(commands).toMatchObject({ psync: { calls: 1 }, set: { calls: 50 }, wait: { calls: 1 } });
  const psync = (await rowsOf(sluice)).find(({ operation }) => operation === 'PSYNC');
  expect(psync).toMatchObject({ calls: 1, lost: 0, time: { total_s: 0 }, wait: null });
  expect(psync!.reply_bytes).toBeGreaterThan(0);
  const stats = ['sluice.redis.redis.replication_sessions', 'redis.redis.downstream_cx_protocol_error'];
  expect(await Promise.all(stats.map((name) => statOf(sluice, name)))).toEqual([1, 0]);
});
