import { describe, expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { REDIS_PASSWORD } from '../support/real-redis.ts';
import { greetings, rowsOf } from '../support/redis-ledger.ts';
import { ioredis, redisStage, statOf } from '../support/redis-stage.ts';
import { command, RedisError, RedisWire } from '../support/redis-wire.ts';
import type { RunningSluice } from '../support/run-sluice.ts';

const own = (sluice: RunningSluice, name: string) => statOf(sluice, `sluice.redis.redis.${name}`);
const rowOf = async (sluice: RunningSluice, text: string) => (await rowsOf(sluice)).find((each) => each.text === text);

describe('clients that go, and the server at last', () => {
  const stage = redisStage();

  test('with commands in flight: those are lost, and the next connection is exact', async () => {
    const { ledger, server, sluice } = stage;
    const wire = await RedisWire.to(sluice.port);
    wire.write(Buffer.concat([command('blpop', 'gone:1', 0), command('get', 'gone:2')]));
    await poll('it waits', async () => (await server.info('clients')).get('blocked_clients') === '1');
    wire.socket.resetAndDestroy();
    await poll('the server has seen it go', async () => (await server.info('clients')).get('blocked_clients') === '0');
    const client = await ioredis(sluice.port);
    for (let i = 0; i < 20; i++) await client.incr('gone:3');
    client.disconnect();
    await ledger.expectEqual(greetings(1), ({ commands, errors }) => {
      // The server ran the BLPOP, whose answer nobody heard, and never came to the GET.
      commands['blpop'] = { calls: 1, errors: 1 };
      commands['get'] = { calls: 1, errors: 1 };
      errors['lost'] = 2;
    });
    expect(await rowOf(sluice, 'BLPOP gone:*')).toMatchObject({ calls: 1, lost: 1 });
    expect(await rowOf(sluice, 'GET gone:*')).toMatchObject({ calls: 1, lost: 1 });
  });

  test('bytes that the server refuses: the client reads why, decoding has ended, counted once; the next connection is exact', async () => {
    const { ledger, sluice } = stage;
    const stats = async () =>
      [
        await statOf(sluice, 'redis.redis.downstream_cx_protocol_error'),
        await own(sluice, 'opaque.foreign_protocol.sessions'),
      ] as const;
    const before = await stats();
    for (const [bytes, why] of REFUSED) {
      const wire = await RedisWire.to(sluice.port);
      expect(await wire.send('get', 'fine:1')).toBeNull();
      wire.write(bytes);
      const reply = await wire.next();
      expect([bytes, reply instanceof RedisError ? reply.text : reply]).toEqual([bytes, why]);
      await poll('the server has closed', () => wire.closed);
    }
    // Dropped without a word.
    const http = await RedisWire.to(sluice.port);
    http.write('POST / HTTP/1.1\r\nHost: example.org\r\n\r\n');
    expect(await http.next()).toBeUndefined();
    await poll('all are counted', async () => {
      const [errors, foreign] = await stats();
      return errors - before[0] === REFUSED.length + 1 && foreign - before[1] === 1;
    });
    const next = await RedisWire.to(sluice.port);
    expect(await next.send('ping')).toBe('PONG');
    await next.end();
    await ledger.expectEqual({}, ({ errors }) => {
      // The server counts its last words as errors; they answer no command.
      expect(errors).toEqual({ ERR: REFUSED.length });
      delete errors['ERR'];
    });
  });

  test('a server that asks for a password: NOAUTH and WRONGPASS are errors of their commands, logins are counted, the password stands nowhere', async () => {
    const { ledger, server, sluice } = stage;
    await server.ask('config', 'set', 'requirepass', REDIS_PASSWORD);
    const wire = await RedisWire.to(sluice.port);
    expect(await wire.send('get', 'a')).toMatchObject({ prefix: 'NOAUTH' });
    expect(await wire.send('auth', 'wrong')).toMatchObject({ prefix: 'WRONGPASS' });
    wire.write(Buffer.concat([command('get', 'a'), command('auth', REDIS_PASSWORD), command('get', 'a')]));
    expect([await wire.next(), await wire.next(), await wire.next()]).toEqual([expect.any(RedisError), 'OK', null]);
    await wire.end();
    const hello = await RedisWire.to(sluice.port);
    expect(await hello.send('hello', 3)).toMatchObject({ prefix: 'NOAUTH' });
    await hello.send('hello', 3, 'auth', 'default', REDIS_PASSWORD);
    await hello.end();
    const { errors } = await ledger.expectEqual();
    expect(errors).toEqual({ NOAUTH: 3, WRONGPASS: 1 });
    expect([await own(sluice, 'logins'), await own(sluice, 'login_failures')]).toEqual([2, 1]);
    for (const route of ['/api/queries', '/api/connections', '/stats', '/metrics', '/config_dump'])
      expect(await sluice.getText(route)).not.toContain(REDIS_PASSWORD);
    await server.ask('config', 'set', 'requirepass', '');
  });

  test('a server that is killed: what was in flight is lost, once; what was queued is skipped; clients are closed', async () => {
    const { server, sluice } = stage;
    const waiting = await RedisWire.to(sluice.port);
    const pipeline = [
      command('set', 'in:1', 1),
      command('blpop', 'nothing', 0),
      command('get', 'in:1'),
      command('get', 'in:1'),
    ];
    waiting.write(Buffer.concat(pipeline));
    expect(await waiting.next()).toBe('OK');
    const queued = await RedisWire.to(sluice.port);
    await queued.send('multi');
    expect(await queued.send('decr', 'in:2')).toBe('QUEUED');
    await poll('it waits', async () => (await server.info('clients')).get('blocked_clients') === '1');
    process.kill(server.pid, 'SIGKILL');
    expect(await waiting.next()).toBeUndefined();
    expect(await queued.next()).toBeUndefined();
    await poll('both are counted', async () => (await rowOf(sluice, 'GET in:*')) && rowOf(sluice, 'DECR in:*'));
    expect(await rowOf(sluice, 'GET in:*')).toMatchObject({ calls: 2, lost: 2, errors: { lost: 2 } });
    expect(await rowOf(sluice, 'BLPOP nothing')).toMatchObject({ calls: 1, lost: 1, time: { total_s: 0 } });
    expect(await rowOf(sluice, 'SET in:*')).toMatchObject({ calls: 1, lost: 0, errors: {} });
    expect(await rowOf(sluice, 'DECR in:*')).toMatchObject({ calls: 0, lost: 0, skipped: 1, errors: {} });
    // Nothing is there to be dialled any more.
    const late = await RedisWire.to(sluice.port);
    expect(await late.send('ping')).toBeUndefined();
    const active = ['redis.redis.downstream_cx_active', 'redis.redis.downstream_rq_active'];
    await poll('nothing is left', async () =>
      (await Promise.all(active.map((name) => statOf(sluice, name)))).every((n) => n === 0),
    );
  });
});

/** What a client may say, and how Redis 7.0 takes leave of it. */
const REFUSED: readonly (readonly [bytes: string, why: string])[] = [
  ['*x\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*2147483648\r\n', 'ERR Protocol error: invalid multibulk length'],
  ['*2\r\n$3\r\nGET\r\n$-3\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*2\r\n$3\r\nGET\r\n$629145600\r\n', 'ERR Protocol error: invalid bulk length'],
  ['*2\r\n$3\r\nGET\r\n:1\r\n', "ERR Protocol error: expected '$', got ':'"],
  ['get "a\r\n', 'ERR Protocol error: unbalanced quotes in request'],
];
