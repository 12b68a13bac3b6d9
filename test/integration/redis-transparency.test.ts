import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { rssBytes } from '../bench/proc.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';
import { greetings, openLedger, rowsOf } from '../support/redis-ledger.ts';
import { ioredis, nodeRedis, redisStage, statOf } from '../support/redis-stage.ts';
import { command, RedisError, RedisWire } from '../support/redis-wire.ts';
import { rolePids } from '../support/roles.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';
import { startTrickleProxy, type TrickleProxy } from '../support/trickle-proxy.ts';

const MIB = 1 << 20;

describe('in pieces of one to five bytes, both ways', () => {
  let server: RealRedis | undefined;
  let behind: TrickleProxy | undefined;
  let before: TrickleProxy | undefined;
  let sluice: RunningSluice | undefined;
  beforeEach(async (ctx) => {
    needs(ctx, 'redis');
    server = await startRealRedis();
    behind = await startTrickleProxy(server.port, [1, 1, 3, 1, 2, 5]);
    sluice = await runSluice({ upstreams: [`redis://127.0.0.1:${behind.port}`], concurrency: 1 });
    before = await startTrickleProxy(sluice.port, [1, 2, 1, 1, 4]);
  });
  afterAll(async () => {
    await before?.close();
    await sluice?.stop();
    await behind?.close();
    await server?.stop();
  });

  test('clients see the same, and counts are exact', async () => {
    const ledger = await openLedger(server!, sluice!);
    const old = await ioredis(before!.port, { protocol: 2, connectionName: 'slow', enableReadyCheck: false });
    const young = await nodeRedis(before!.port);
    const value = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 256));
    await old.set('tricky', value);
    expect(await old.getBuffer('tricky')).toEqual(value);
    await old.mset('a', '\r\n', 'b', '$3\r\nfoo\r\n', 'c', '');
    expect(await young.mGet(['a', 'b', 'c', 'd'])).toEqual(['\r\n', '$3\r\nfoo\r\n', '', null]);
    await young.hSet('map', { one: '1', two: '2' });
    expect({ ...(await young.hGetAll('map')) }).toEqual({ one: '1', two: '2' });
    expect(await old.multi().incr('n').lpush('a', 'x').get('n').exec()).toMatchObject([
      [null, 1],
      [expect.objectContaining({ message: expect.stringContaining('WRONGTYPE') })],
      [null, '1'],
    ]);
    const wire = await RedisWire.to(before!.port);
    for (const byte of Buffer.concat([command('get', 'a'), Buffer.from('get "\\x61"\r\n'), command('nosuch')]))
      wire.write(Buffer.of(byte));
    expect([await wire.next(), await wire.next(), await wire.next()]).toEqual(['\r\n', '\r\n', expect.any(RedisError)]);
    await wire.end();
    old.disconnect();
    await young.close();
    const { commands } = await ledger.expectEqual({ ...greetings(1, 1), unknown: 1 });
    expect(commands).toMatchObject({
      get: { calls: 4, errors: 0 },
      lpush: { calls: 1, errors: 1 },
      mget: { calls: 1 },
    });
    const gets = (await rowsOf(sluice!)).filter(({ operation }) => operation === 'GET');
    expect(gets.map(({ text, calls }) => `${text} ${calls}`).sort()).toEqual(['GET a 2', 'GET n 1', 'GET tricky 1']);
  });
});

describe('what is large', () => {
  const stage = redisStage();
  const row = async (text: string) => (await rowsOf(stage.sluice)).find((each) => each.text === text);

  test('64 MiB there and back, four times: every byte arrives, the worker stays flat', async () => {
    const size = 64 * MIB;
    const chunk = Buffer.alloc(MIB, 'sluice ');
    const { workers } = rolePids(stage.sluice.pid);
    const worker = workers[0]!;
    // Once before the measurement: buffers grow to their size.
    const once64 = async () => {
      const socket = connect({ port: stage.sluice.port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      let received = 0;
      let differs = false;
      let [head, wanted] = [0, 0];
      socket.on('data', (bytes: Buffer) => {
        // The value repeats: each byte is known by its offset.
        for (let i = 0; i < bytes.length; i += 4099) {
          const at = received + i - head;
          if (at >= 0 && at < size && wanted > size && bytes[i] !== chunk[at % MIB]) differs = true;
        }
        received += bytes.length;
      });
      const heard = (bytes: number) =>
        poll('the reply has come', () => received >= bytes, { withinMs: 30_000, everyMs: 5 });
      socket.write(`*3\r\n$3\r\nSET\r\n$6\r\nbig:64\r\n$${size}\r\n`);
      for (let sent = 0; sent < size; sent += MIB) if (!socket.write(chunk)) await once(socket, 'drain');
      socket.write('\r\n');
      await heard('+OK\r\n'.length);
      received = 0;
      head = `$${size}\r\n`.length;
      wanted = head + size + 2;
      socket.write(command('get', 'big:64'));
      await heard(wanted);
      expect([received, differs]).toEqual([wanted, false]);
      socket.destroy();
    };
    await once64();
    const before = rssBytes(worker);
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, rssBytes(worker));
    }, 10);
    for (let i = 0; i < 3; i++) await once64();
    clearInterval(timer);
    expect((peak - before) / MIB).toBeLessThan(24);
    const counted = (text: string) =>
      poll('all are counted', async () => {
        const seen = await row(text);
        return seen?.calls === 4 && seen;
      });
    const sets = await counted('SET big:*');
    expect(sets.request_bytes).toBe(4 * (`*3\r\n$3\r\nSET\r\n$6\r\nbig:64\r\n$${size}\r\n`.length + size + 2));
    const gets = await counted('GET big:*');
    expect(gets).toMatchObject({ hits: 4, misses: 0, reply_bytes: 4 * (`$${size}\r\n`.length + size + 2) });
  });

  test('an array of 100,000 elements, and a map of as many in RESP3, between other commands of one pipeline', async () => {
    const wire = await RedisWire.to(stage.sluice.port);
    await wire.send('hello', 3);
    const items = Array.from({ length: 100_000 }, (_, n) => `item ${n}`);
    for (let at = 0; at < items.length; at += 10_000) {
      const some = items.slice(at, at + 10_000);
      await stage.server.ask('rpush', 'list', ...some);
      await stage.server.ask('hset', 'map', ...some.flatMap((item) => [item, 'v']));
    }
    wire.write(
      Buffer.concat([
        ...[command('get', 'absent'), command('lrange', 'list', 0, -1), command('incr', 'n')],
        ...[command('hgetall', 'map'), command('incr', 'n')],
      ]),
    );
    expect(await wire.next()).toBeNull();
    expect(await wire.next()).toEqual(items);
    expect(await wire.next()).toBe(1);
    expect(await wire.next()).toHaveLength(200_000);
    expect(await wire.next()).toBe(2);
    await wire.end();
    await stage.ledger.expectEqual();
    expect(await statOf(stage.sluice, 'redis.redis.downstream_cx_protocol_error')).toBe(0);
  });
});
