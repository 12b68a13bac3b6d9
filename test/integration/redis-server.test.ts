import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import {
  REDIS_PASSWORD,
  startRealRedis,
  startRedisCluster,
  startRedisReplica,
  startRedisSentinel,
} from '../support/real-redis.ts';
import { redisBenchmark, redisCli } from '../support/redis-cli.ts';
import { command, RedisError, RedisWire } from '../support/redis-wire.ts';

beforeEach((ctx) => void needs(ctx, 'redis'));

describe('the test server', () => {
  test('counts what clients do, and not what is asked of it directly', async () => {
    const server = await startRealRedis();
    expect(server.version).toMatch(/^[7-9]\./);
    await server.ask('set', 'a', 1);
    await server.ask('config', 'set', 'maxmemory', '100mb');
    expect([...(await server.commandStats())]).toEqual([]);
    const wire = await RedisWire.to(server.port);
    await wire.send('set', 'a', 1);
    expect(await wire.send('lpush', 'a', 'x')).toEqual(new RedisError(WRONG_TYPE));
    expect(await wire.send('get')).toBeInstanceOf(RedisError);
    await wire.end();
    expect(Object.fromEntries(await server.commandStats())).toEqual({
      set: { calls: 1, rejected: 0, failed: 0 },
      lpush: { calls: 1, rejected: 0, failed: 1 },
      get: { calls: 0, rejected: 1, failed: 0 },
    });
    expect(Object.fromEntries(await server.errorStats())).toEqual({ WRONGTYPE: 1, ERR: 1 });
    await server.stop();
    expect(existsSync(server.home)).toBe(false);
  });

  test('has a user who may not do everything, and says why it does not start', async () => {
    const server = await startRealRedis();
    const as = ['--user', 'limited', '--pass', REDIS_PASSWORD, '--no-auth-warning'];
    expect((await redisCli(server.port, 'get app:1\nget other\n', as)).stdout).toBe(
      '\nNOPERM this user has no permissions to access one of the keys used as arguments\n\n',
    );
    expect(await redisBenchmark(server.port, { tests: ['set'], requests: 100, pipeline: 10 })).toContain('SET:');
    await server.stop();
    await expect(startRealRedis({ 'no-such-directive': 'yes' })).rejects.toThrow(/Bad directive/);
  });

  test('comes with a replica and a sentinel', async () => {
    const server = await startRealRedis();
    const [replica, sentinel] = await Promise.all([startRedisReplica(server.port), startRedisSentinel(server.port)]);
    await server.ask('set', 'a', 1);
    await poll('the replica has it', async () => (await replica.ask('get', 'a')) === '1');
    expect(await sentinel.ask('sentinel', 'get-master-addr-by-name', 'main')).toEqual([
      '127.0.0.1',
      String(server.port),
    ]);
    await Promise.all([server, replica, sentinel].map((each) => each.stop()));
  });

  test('comes as a cluster of two', async () => {
    const cluster = await startRedisCluster();
    const [first, second] = cluster.nodes;
    const wire = await RedisWire.to(first.port);
    expect(await wire.send('get', 'foo')).toEqual(new RedisError(`MOVED 12182 127.0.0.1:${second.port}`));
    await cluster.migrate(await cluster.slotOf('bar'));
    expect(await wire.send('get', 'bar')).toEqual(new RedisError(`ASK 5061 127.0.0.1:${second.port}`));
    await wire.end();
    await cluster.stop();
  });
});

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

test('a killed test leaves neither server nor files behind', async () => {
  const module = path.resolve(import.meta.dirname, '../support/real-redis.ts');
  const script = `import { startRealRedis } from ${JSON.stringify(module)};
    const { pid, home } = await startRealRedis();
    console.log(JSON.stringify({ pid, home }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  const { pid, home } = JSON.parse(String(line)) as { pid: number; home: string };
  expect(existsSync(home)).toBe(true);
  child.kill('SIGKILL');
  await poll('the folder is gone', () => !existsSync(home));
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
});

test('the wire client reads every type of RESP2 and RESP3, however it is cut', async () => {
  const server = await startRealRedis();
  const wire = await RedisWire.to(server.port);
  await wire.send('hello', 3);
  const kinds = ['string', 'integer', 'null', 'array', 'set', 'map', 'bignum', 'true', 'false', 'verbatim'];
  for (const byte of Buffer.concat(kinds.map((kind) => command('debug', 'protocol', kind))))
    wire.write(Buffer.of(byte));
  const replies = [];
  for (const _ of kinds) replies.push(await wire.next());
  expect(replies).toEqual([
    'Hello World',
    12345,
    null,
    [0, 1, 2],
    [0, 1, 2],
    [0, false, 1, true, 2, false],
    1234567999999999999999999999999999999n,
    true,
    false,
    'txt:This is a verbatim\nstring',
  ]);
  await wire.end();
  await server.stop();
});
