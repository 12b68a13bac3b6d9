import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { REDIS_PASSWORD, redisProgram } from '../support/real-redis.ts';
import { greetings, rowsOf } from '../support/redis-ledger.ts';
import { atOnce, errorOf, ioredis, nodeRedis, redisStage, statOf } from '../support/redis-stage.ts';
import { command, RedisWire } from '../support/redis-wire.ts';

interface ConnectionRow {
  readonly client: string;
  readonly user: string;
  readonly database: string;
  readonly application: string;
  readonly state: string;
}

const own = (name: string) => `sluice.redis.redis.${name}`;

const stage = redisStage({}, { args: ['--access-log', '-'] });

describe('who is talking', () => {
  const connections = async () =>
    (await stage.sluice.getJson<{ connections: ConnectionRow[] }>('/api/connections')).connections;
  /** What /api/connections says of one that is open now, once it says what is wanted. */
  const expectConnection = async (want: Partial<ConnectionRow>) => {
    let seen: ConnectionRow[] = [];
    const same = async () => {
      seen = await connections();
      return seen.some((row) =>
        Object.entries(want).every(([field, value]) => row[field as keyof ConnectionRow] === value),
      );
    };
    await poll('the connection is shown', same).catch(() => expect(seen).toContainEqual(expect.objectContaining(want)));
  };

  test('ACL user, database and client name are shown once the server has agreed, and as they change', async () => {
    const client = await ioredis(stage.sluice.port, {
      username: 'limited',
      password: REDIS_PASSWORD,
      db: 3,
      connectionName: 'shop',
      protocol: 2,
      enableReadyCheck: false,
    });
    await client.get('app:1');
    await expectConnection({ user: 'limited', database: '3', application: 'shop' });
    expect(await errorOf(client.select(99))).toContain('out of range');
    expect(await errorOf(client.auth('limited', 'wrong'))).toContain('WRONGPASS');
    await client.get('app:1');
    await expectConnection({ user: 'limited', database: '3', application: 'shop' });
    await client.select(5);
    await client.auth('default', 'any');
    await client.client('SETNAME', 'till');
    await client.get('app:1');
    await expectConnection({ user: 'default', database: '5', application: 'till' });
    client.disconnect();
    await stage.ledger.expectEqual(greetings(1));
  });

  test('HELLO says it all at once; RESET takes it back; a pipelined SELECT holds for what stands behind it', async () => {
    const wire = await RedisWire.to(stage.sluice.port);
    await wire.send('hello', 3, 'auth', 'limited', REDIS_PASSWORD, 'setname', 'kiosk');
    await expectConnection({ user: 'limited', database: '0', application: 'kiosk' });
    wire.write(Buffer.concat([command('get', 'app:first'), command('select', 7), command('get', 'app:second')]));
    for (let left = 3; left > 0; left--) await wire.next();
    await expectConnection({ user: 'limited', database: '7', application: 'kiosk' });
    await wire.send('reset');
    await wire.send('get', 'app:third');
    await expectConnection({ database: '0', application: '' });
    await wire.end();
    const where = await poll('all is counted', async () => {
      const seen = new Map<string, string>();
      for (const database of ['0', '7'])
        for (const { text } of await rowsOf(stage.sluice, `&database=${database}`)) seen.set(text, database);
      return seen.has('GET app:third') && Object.fromEntries(seen);
    });
    await stage.ledger.expectEqual();
    expect(where).toMatchObject({ 'GET app:first': '0', 'GET app:second': '7', 'GET app:third': '0' });
  });

  test('the access log has user, database, name, command and key pattern, and no password and no value', async () => {
    const client = await nodeRedis(stage.sluice.port, {
      username: 'limited',
      password: REDIS_PASSWORD,
      database: 2,
      name: 'shop',
    });
    await client.get('app:12345');
    await client.close();
    const lines = () =>
      stage.sluice
        .stdout()
        .split('\n')
        .filter((line) => line.startsWith('{'));
    const line = await poll('it is logged', () =>
      lines().find((each) => each.includes('GET app:*') && each.includes('"shop"')),
    );
    await stage.ledger.expectEqual(greetings(0, 1));
    expect(line).toContain('"limited"');
    expect(lines().join('\n')).not.toContain(REDIS_PASSWORD);
    expect(lines().join('\n')).not.toContain('app:12345');
  });
});

describe('commands that wait, listen or keep silent', () => {
  const row = async (text: string) => (await rowsOf(stage.sluice)).find((each) => each.text === text);

  test('BLPOP of 1.5 s is no latency, but a wait', async () => {
    const [client, other] = await atOnce(2, () => ioredis(stage.sluice.port, { protocol: 2 }));
    const began = performance.now();
    const popped = client!.blpop('jobs', 300);
    await poll('it waits', async () => (await stage.server.info('clients')).get('blocked_clients') === '1');
    expect(await other!.blpop('nothing:here', 1.5)).toBeNull();
    await stage.server.ask('rpush', 'jobs', 'a');
    expect(await popped).toEqual(['jobs', 'a']);
    const [waitedS, askedAt] = [(performance.now() - began) / 1000, performance.now()];
    await client!.get('after:1');
    const tookS = (performance.now() - askedAt) / 1000;
    const waited = await poll('it is counted', () => row('BLPOP nothing:here'));
    expect(waited).toMatchObject({ calls: 1, errors: {}, waits: 1, time: { total_s: 0, max_s: 0 } });
    expect(waited.wait!.total_s).toBeGreaterThan(1.4);
    expect(waited.wait!.total_s).toBeLessThan(waitedS);
    const got = (await poll('it is counted', () => row('BLPOP jobs')))!;
    expect(got).toMatchObject({ calls: 1, waits: 1, time: { total_s: 0 } });
    expect(got.wait!.total_s).toBeGreaterThan(1.4);
    expect(got.wait!.total_s).toBeLessThan(waitedS);
    // What came after it was not slowed down by it.
    const after = await poll('it is counted', () => row('GET after:*'));
    expect(after.time.max_s).toBeGreaterThan(0);
    expect(after.time.max_s).toBeLessThan(tookS);
    for (const each of [client, other]) each!.disconnect();
    await stage.ledger.expectEqual(greetings(2));
  });

  test('Pub/Sub in RESP2 and RESP3: messages are counted apart, and what follows is exact', async () => {
    const before = await statOf(stage.sluice, own('messages'));
    const old = await ioredis(stage.sluice.port, { protocol: 2 });
    const young = await nodeRedis(stage.sluice.port);
    let heard = 0;
    old.on('message', () => heard++);
    await old.subscribe('news', 'weather');
    await young.subscribe('news', () => void heard++);
    for (let i = 0; i < 50; i++) {
      await stage.server.ask('publish', 'news', `n${i}`);
      if (i % 10 === 0) await young.get(`between:${i}`); // RESP3 goes on with commands
    }
    await poll('all are heard', () => heard === 100);
    await old.unsubscribe('news', 'weather');
    await young.unsubscribe('news');
    for (let i = 0; i < 20; i++) {
      await old.incr('counter:old');
      await young.incr('counter:young');
    }
    old.disconnect();
    await young.close();
    const { commands } = await stage.ledger.expectEqual(greetings(1, 1));
    expect(commands).toMatchObject({
      subscribe: { calls: 2 },
      unsubscribe: { calls: 2 },
      incr: { calls: 40 },
      get: { calls: 5 },
    });
    await expect.poll(async () => (await statOf(stage.sluice, own('messages'))) - before).toBe(100);
  });

  test('MONITOR: what it shows is counted apart; RESET ends it, and what follows is exact', async () => {
    const before = await statOf(stage.sluice, own('monitor_lines'));
    const wire = await RedisWire.to(stage.sluice.port);
    expect(await wire.send('monitor')).toBe('OK');
    for (let i = 0; i < 30; i++) await stage.server.ask('set', `watched:${i}`, i);
    for (let i = 0; i < 30; i++) expect(await wire.next()).toContain(`"watched:${i}"`);
    expect(await wire.send('reset')).toBe('RESET');
    for (let i = 0; i < 10; i++) expect(await wire.send('get', `watched:${i}`)).toBe(String(i));
    await wire.end();
    // A real redis-cli, which never ends it.
    const cli = spawn(redisProgram('redis-cli'), ['-p', String(stage.sluice.port), 'monitor'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let shown = '';
    cli.stdout.on('data', (bytes) => {
      shown += bytes;
    });
    await poll('it listens', () => shown.startsWith('OK'));
    await stage.server.ask('set', 'watched:last', 1);
    await poll('it is shown', () => shown.includes('watched:last'));
    cli.kill('SIGKILL');
    await once(cli, 'exit');
    const { commands } = await stage.ledger.expectEqual();
    expect(commands).toMatchObject({ monitor: { calls: 2, errors: 0 }, get: { calls: 10 }, reset: { calls: 1 } });
    await poll('the lines are counted', async () => (await statOf(stage.sluice, own('monitor_lines'))) - before >= 31);
  });

  test('CLIENT REPLY OFF and SKIP: commands without replies are counted, and what follows is exact', async () => {
    const wire = await RedisWire.to(stage.sluice.port);
    const silent = Array.from({ length: 200 }, (_, i) => command('incr', `silent:${i % 7}`));
    wire.write(Buffer.concat([command('client', 'reply', 'off'), ...silent, command('client', 'reply', 'on')]));
    expect(await wire.next()).toBe('OK');
    wire.write(
      Buffer.concat([command('client', 'reply', 'skip'), command('incr', 'silent:0'), command('get', 'silent:0')]),
    );
    expect(await wire.next()).toBe('30');
    for (let i = 0; i < 10; i++) await wire.send('get', 'silent:1');
    expect(await wire.send('lpush', 'silent:1', 'x')).toMatchObject({ prefix: 'WRONGTYPE' });
    await wire.end();
    const { commands } = await stage.ledger.expectEqual();
    expect(commands).toMatchObject({ incr: { calls: 201 }, get: { calls: 11 }, 'client|reply': { calls: 3 } });
  });

  test('client-side caching: invalidations are pushes, and what follows is exact', async () => {
    const before = await statOf(stage.sluice, own('pushes'));
    const wire = await RedisWire.to(stage.sluice.port);
    await wire.send('hello', 3);
    await wire.send('client', 'tracking', 'on');
    for (let i = 0; i < 40; i++) {
      await stage.server.ask('set', 'cached:1', i);
      expect(await wire.send('get', 'cached:1')).toBe(String(i));
    }
    await stage.server.ask('set', 'cached:1', 'last');
    await poll('the last has come', () => wire.pushes.length === 40);
    await wire.end();
    const { commands } = await stage.ledger.expectEqual();
    expect(commands).toMatchObject({ get: { calls: 40 }, 'client|tracking': { calls: 1 } });
    await expect.poll(async () => (await statOf(stage.sluice, own('pushes'))) - before).toBe(40);
  });
});
