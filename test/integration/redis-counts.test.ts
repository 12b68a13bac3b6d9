import { describe, expect, test } from 'vitest';
import { REDIS_PASSWORD } from '../support/real-redis.ts';
import { redisBenchmark, redisCli, runRedisProgram } from '../support/redis-cli.ts';
import { greetings, rowsOf } from '../support/redis-ledger.ts';
import { atOnce, errorOf, ioredis, nodeRedis, redisStage } from '../support/redis-stage.ts';
import { command, RedisWire } from '../support/redis-wire.ts';

/** What the server's INFO commandstats counts, our rows have to have. It counts a refused command apart from its calls, as `rejected`; for both of us here it is a call that failed. */
describe('counts are exact', () => {
  const stage = redisStage({}, { concurrency: 2 });

  test('redis-benchmark: 64 connections without pipelining, 64 with 50 commands at once, one with 1,000', async () => {
    const { ledger, sluice } = stage;
    const tests = ['ping_inline', 'ping_mbulk', 'set', 'get', 'incr', 'lpush', 'rpush', 'lpop', 'rpop', 'sadd', 'hset'];
    tests.push('spop', 'zadd', 'zpopmin', 'lrange_100', 'mset');
    for (const [connections, pipeline, requests] of [
      [64, 1, 640],
      [64, 50, 3200],
      [1, 1000, 2000],
    ] as const)
      await redisBenchmark(sluice.port, { tests, requests, connections, pipeline, keyspace: 100 });
    const { commands } = await ledger.expectEqual();
    for (const name of ['set', 'get', 'incr', 'lpush', 'mset'])
      expect(commands[name]!.calls).toBeGreaterThanOrEqual(5840);
  });

  test('redis-cli: a script of commands, and --pipe', async () => {
    const script = `set cli:1 a
get cli:1
get cli:1 too many
lpush cli:1 x
object encoding cli:1
client no-such
no-such-command
multi
incr cli:2
get
exec
type cli:1
`;
    for (const args of [[], ['-3']]) expect((await redisCli(stage.sluice.port, script, args)).code).toBe(0);
    const bulk = Array.from({ length: 5000 }, (_, n) => command('set', `bulk:${n}`, n));
    const piped = await runRedisProgram('redis-cli', stage.sluice.port, ['--pipe'], Buffer.concat(bulk));
    expect(piped.stdout).toContain('errors: 0, replies: 5000');
    const { commands, errors } = await stage.ledger.expectEqual({ client: 2, unknown: 2 });
    expect(commands).toMatchObject({ set: { calls: 5002, errors: 0 }, lpush: { calls: 2, errors: 2 } });
    expect(errors).toMatchObject({ WRONGTYPE: 2, EXECABORT: 2 });
  });

  test('ioredis: 64 connections, half of them in RESP3, pipelines of every kind of reply', async () => {
    await atOnce(64, async (n) => {
      const client = await ioredis(stage.sluice.port, { protocol: n % 2 === 0 ? 2 : 3 });
      for (let i = 0; i < 5; i++) {
        const pipeline = client.pipeline();
        pipeline.set(`ioredis:${n}`, i).get(`ioredis:${n}`).get('absent').incr('together').lpush(`ioredis:${n}`, 'x');
        pipeline.hset(`cart:${n}`, { apples: i, pears: 2 }).hgetall(`cart:${n}`).hmget(`cart:${n}`, 'apples', 'plums');
        pipeline
          .sadd('tags', `t${n}`)
          .smismember('tags', 't1', 'none')
          .zadd('board', i, `m${n}`)
          .zscore('board', `m${n}`);
        pipeline.zrange('board', '0', '-1', 'WITHSCORES').call('nosuch', 'x').config('GET', 'maxmemory');
        pipeline
          .xadd('events', '*', 'n', String(n))
          .xrange('events', '-', '+', 'COUNT', 3)
          .echo('x'.repeat(n * 100));
        await pipeline.exec();
      }
      client.disconnect();
    });
    const { commands, errors } = await stage.ledger.expectEqual({ ...greetings(64), unknown: 320 });
    expect(commands).toMatchObject({
      get: { calls: 640 },
      'config|get': { calls: 320 },
      lpush: { calls: 320, errors: 320 },
    });
    // Each connection tells of its library, which 7.0 does not know: two commands in RESP2 and RESP3 alike.
    expect(errors).toEqual({ WRONGTYPE: 320, ERR: 320 + 128 });
  });

  test('redis: RESP3, commands of one tick in one write', async () => {
    await atOnce(16, async (n) => {
      const client = await nodeRedis(stage.sluice.port);
      await Promise.all([
        ...Array.from({ length: 50 }, (_, i) => client.set(`node:${n}:${i}`, 'v')),
        ...Array.from({ length: 50 }, (_, i) => client.get(`node:${n}:${i * 2}`)),
        client.hSet(`map:${n}`, { a: '1', b: '2' }),
        client.hGetAll(`map:${n}`),
        client.mGet([`node:${n}:1`, 'absent']),
      ]);
      expect(await errorOf(client.lPush(`node:${n}:1`, 'x'))).toContain('WRONGTYPE');
      await client.close();
    });
    const { commands } = await stage.ledger.expectEqual(greetings(0, 16));
    expect(commands).toMatchObject({ set: { calls: 800 }, get: { calls: 800 }, lpush: { calls: 16, errors: 16 } });
  });

  test('transactions: EXEC, DISCARD, EXECABORT, an error inside, a watched key that changed', async () => {
    const client = await ioredis(stage.sluice.port);
    for (let i = 0; i < 3; i++) {
      await client.multi().set('tx', i).incr('tx').get('tx').exec();
      await errorOf(
        client
          .multi()
          .set('tx', i)
          .call('nosuch')
          .exec()
          .then((all) => Promise.reject(all?.[1]?.[0])),
      );
      await client.multi().set('tx', 'text').incr('tx').lpush('tx', 'x').exec();
      await client.multi({ pipeline: false });
      await client.set('tx', 9);
      await client.set('tx', 9);
      await client.discard();
      await client.watch('tx');
      await stage.server.ask('set', 'tx', 5);
      expect(await client.multi().del('tx').exec()).toBeNull();
    }
    await errorOf(client.call('exec') as Promise<unknown>);
    await errorOf(client.call('discard') as Promise<unknown>);
    client.disconnect();
    const { commands, errors } = await stage.ledger.expectEqual({ ...greetings(1), unknown: 3 });
    // Ran: three SETs of the first and of the third kind. What was discarded, aborted or lost to WATCH is no call on either side.
    expect(commands).toMatchObject({
      set: { calls: 6, errors: 0 },
      incr: { calls: 6, errors: 3 },
      lpush: { calls: 3, errors: 3 },
      multi: { calls: 15 },
      exec: { calls: 13, errors: 4 },
      discard: { calls: 4, errors: 1 },
    });
    expect(commands['del']).toBeUndefined();
    expect(errors).toMatchObject({ EXECABORT: 3, WRONGTYPE: 3 });
  });

  test('scripts and functions: the server also counts what they call, we count what was asked', async () => {
    const client = await ioredis(stage.sluice.port);
    client.defineCommand('bump', {
      numberOfKeys: 1,
      lua: "redis.call('set', KEYS[1], 1) redis.call('incr', KEYS[1]) return redis.call('incr', KEYS[1])",
    });
    const scripted = client as typeof client & { bump(key: string): Promise<number> };
    for (let i = 0; i < 10; i++) expect(await scripted.bump(`scripted:${i}`)).toBe(3);
    await client.function(
      'LOAD',
      "#!lua name=shop\nredis.register_function('look', function(k) return redis.call('get', k[1]) end)",
    );
    for (let i = 0; i < 5; i++) await client.fcall('look', 1, 'scripted:1');
    await errorOf(client.evalsha('f'.repeat(40), 0));
    await errorOf(client.eval("return redis.error_reply('MINE no luck')", 0));
    await errorOf(client.eval("return redis.call('lpush', KEYS[1], 'x')", 1, 'scripted:1'));
    client.disconnect();
    const inner = { set: 10, incr: 20, get: 5, lpush: 1 };
    await stage.ledger.expectEqual(greetings(1), ({ commands, errors }) => {
      for (const [name, calls] of Object.entries(inner)) {
        expect(commands[name]!.calls).toBe(calls); // all of them from within
        delete commands[name];
      }
      expect(errors['WRONGTYPE']).toBe(1); // the LPUSH's own, and the EVAL's on the wire: counted once
    });
  });

  test('errors of every kind, by command and by prefix', async () => {
    await stage.server.ask('config', 'set', 'maxmemory', '0');
    const wire = await RedisWire.to(stage.sluice.port);
    const limited = await RedisWire.to(stage.sluice.port);
    await limited.send('auth', 'limited', 'wrong');
    await limited.send('auth', 'limited', REDIS_PASSWORD);
    for (let i = 0; i < 4; i++) {
      await wire.send('set', 'err', 'text');
      await wire.send('incr', 'err');
      await wire.send('lpush', 'err', 'x');
      await wire.send('set', 'err');
      await wire.send('set', 'err', 'x', 'nonsense');
      await wire.send('nosuch', 'x');
      await wire.send('config', 'nosuch');
      await wire.send('config');
      await wire.send('config', 'set', 'nosuch', 'x');
      await wire.send('select', '99');
      await wire.send('xgroup', 'create', 'nostream', 'g', '0');
      await wire.send('xreadgroup', 'group', 'nogroup', 'me', 'streams', 'nostream', '>');
      await wire.send('evalsha', 'f'.repeat(40), 0);
      await wire.send('hello', 9);
      await limited.send('get', 'err');
      await limited.send('set', 'app:1', 'x');
      await limited.send('flushall');
      await limited.send('multi');
      await limited.send('get', 'err');
      await limited.send('exec');
    }
    await Promise.all([wire.end(), limited.end()]);
    const { errors } = await stage.ledger.expectEqual({ unknown: 4, config: 4 });
    expect(errors).toMatchObject({
      WRONGTYPE: 4,
      NOPERM: 16,
      WRONGPASS: 1,
      NOSCRIPT: 4,
      NOPROTO: 4,
      EXECABORT: 4,
      NOGROUP: 4,
    });
  });

  test('hits and misses are those of the server for reads of whole keys', async () => {
    const { server, sluice } = stage;
    const keyspace = async () => {
      const stats = await server.info('stats');
      return { hits: Number(stats.get('keyspace_hits')), misses: Number(stats.get('keyspace_misses')) };
    };
    const sum = async () => {
      const text = await sluice.getText('/stats');
      const of = (name: string) => Number(new RegExp(`^sluice\\.redis\\..*\\.${name}: (\\d+)`, 'm').exec(text)?.[1]);
      return { hits: of('hits'), misses: of('misses') };
    };
    const [serverBefore, sluiceBefore] = [await keyspace(), await sum()];
    await atOnce(8, async (n) => {
      const client = await ioredis(sluice.port, { protocol: n % 2 === 0 ? 2 : 3 });
      const pipeline = client.pipeline();
      for (let i = 0; i < 40; i++) pipeline.get(`hit:${n}:${i % 20}`).set(`hit:${n}:${i}`, i);
      pipeline
        .mget(`hit:${n}:0`, `hit:${n}:1`, 'absent', 'absent')
        .strlen('absent')
        .getdel(`hit:${n}:0`)
        .get(`hit:${n}:0`);
      pipeline.hgetall('absent').lrange('absent', 0, -1).type(`hit:${n}:1`).ttl('absent').exists(`hit:${n}:1`);
      await pipeline.exec();
      client.disconnect();
    });
    await stage.ledger.expectEqual(greetings(8));
    const [serverAfter, sluiceAfter] = [await keyspace(), await sum()];
    const want = { hits: serverAfter.hits - serverBefore.hits, misses: serverAfter.misses - serverBefore.misses };
    expect(want).toEqual({ hits: 8 * (20 + 2 + 1 + 2), misses: 8 * (20 + 2 + 1 + 1 + 2 + 1) });
    expect({ hits: sluiceAfter.hits - sluiceBefore.hits, misses: sluiceAfter.misses - sluiceBefore.misses }).toEqual(
      want,
    );
    const gets = (await rowsOf(sluice)).filter(({ text }) => text === 'GET hit:*:*');
    expect(gets.map(({ calls, hits, misses }) => [calls, hits, misses])).toEqual([[8 * 41, 8 * 20, 8 * 21]]);
  });

  test('per digest: command and key pattern, as the clients counted them', async () => {
    const own = new Map<string, number>();
    const count = (digest: string) => own.set(digest, (own.get(digest) ?? 0) + 1);
    await atOnce(8, async (n) => {
      const client = await ioredis(stage.sluice.port);
      for (let i = 0; i < 30; i++) {
        const pipeline = client.pipeline();
        pipeline
          .set(`d:user:${n * 1000 + i}`, 'x')
          .get(`d:user:${i}`)
          .hset(`d:cart:${n}:items`, 'a', i)
          .del(`d:gone:${i}`);
        for (const digest of ['SET d:user:*', 'GET d:user:*', 'HSET d:cart:*:items', 'DEL d:gone:*']) count(digest);
        if (i % 3 === 0) {
          pipeline.zincrby('d:board', 1, `m${i}`);
          count('ZINCRBY d:board');
        }
        await pipeline.exec();
      }
      client.disconnect();
    });
    await stage.ledger.expectEqual(greetings(8));
    const rows = (await rowsOf(stage.sluice)).filter(({ text }) => / d:/.test(text));
    expect(Object.fromEntries(rows.map(({ text, calls }) => [text, calls]))).toEqual(Object.fromEntries(own));
  });
});
