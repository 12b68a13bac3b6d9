import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { redis } from '../../protocol-filters/redis/index.ts';
import { which } from '../../scripts/debian-packages.mjs';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { needs } from '../support/needs.ts';
import { type RealRedis, startRealRedis } from '../support/real-redis.ts';
import { redisCli } from '../support/redis-cli.ts';
import { command, RedisWire } from '../support/redis-wire.ts';

const MESSAGE = 'hands off';
const DENIED = `NOPERM denied by policy "canary": ${MESSAGE}`;
const POLICIES = policySet([
  { name: 'canary', action: 'deny', targets: ['forbidden:*', 'channel=forbidden:*'], message: MESSAGE },
]);

/** Real clients before the gate: what they report of a denial, and that they go on as if the server had refused. */
describe('the gate before a real Redis', () => {
  let server: RealRedis;
  let plane: GatePlane;
  const clients: { destroy(): void }[] = [];

  beforeAll(async () => {
    if (which('redis-server') === null) return;
    server = await startRealRedis();
    plane = await startGatePlane({
      protocol: redis,
      policies: POLICIES,
      upstream: { host: '127.0.0.1', port: server.port },
    });
  });
  beforeEach(async (ctx) => {
    needs(ctx, 'redis');
    await plane.setPolicies(POLICIES);
    await server.ask('flushall');
    await server.ask('set', 'forbidden:1', 'canary');
    plane.ended.length = 0;
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await plane?.stop();
    await server?.stop();
  });

  const ioredis = async (): Promise<Redis> => {
    const client = new Redis({ host: '127.0.0.1', port: plane.port, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => {});
    await client.connect();
    clients.push({ destroy: () => client.disconnect() });
    return client;
  };
  const nodeRedis = async (RESP: 2 | 3 = 3) => {
    const client = createClient({ url: `redis://127.0.0.1:${plane.port}`, RESP, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };

  test('ioredis: commands, a pipeline, a transaction, a subscription', async () => {
    const client = await ioredis();
    await expect(client.get('forbidden:1')).rejects.toMatchObject({ name: 'ReplyError', message: DENIED });
    expect(await client.set('a', '1')).toBe('OK');
    const piped = await client.pipeline().get('a').del('forbidden:1').incr('a').exec();
    expect(piped!.map(([error, reply]) => error?.message ?? reply)).toEqual(['1', DENIED, 2]);
    await expect(client.multi().incr('a').del('forbidden:1').incr('a').exec()).rejects.toMatchObject({
      message: expect.stringContaining('EXECABORT'),
    });
    expect(await client.get('a')).toBe('2');
    await expect(client.subscribe('forbidden:c')).rejects.toMatchObject({ message: DENIED });
    await expect(client.eval('return 1', 0)).rejects.toMatchObject({ message: expect.stringContaining('NOPERM') });
    expect(await server.ask('get', 'forbidden:1')).toBe('canary');
    const denied = plane.ended.filter(({ verdict }) => verdict === 'denied');
    expect(denied.map(({ kind, policy, code, outcome }) => `${kind} ${policy} ${code} ${outcome}`)).toEqual([
      'get canary NOPERM denied',
      'del canary NOPERM denied',
      'del canary NOPERM denied',
      'subscribe canary NOPERM denied',
      expect.stringMatching(/^eval .* NOPERM denied$/),
    ]);
  });

  for (const RESP of [2, 3] as const)
    test(`node-redis, RESP${RESP}: commands, a transaction, messages between`, async () => {
      const client = await nodeRedis(RESP);
      await expect(client.get('forbidden:1')).rejects.toMatchObject({ message: DENIED });
      expect(await client.set('a', '1')).toBe('OK');
      await expect(client.multi().incr('a').del('forbidden:1').exec()).rejects.toThrow(/EXECABORT|NOPERM/);
      const other = await nodeRedis(RESP);
      const heard: string[] = [];
      await other.subscribe('news', (message) => void heard.push(message));
      for (let i = 0; i < 20; i++)
        await Promise.all([
          client.publish('news', String(i)),
          expect(client.del('forbidden:1')).rejects.toMatchObject({ message: DENIED }),
        ]);
      await expect.poll(() => heard.length).toBe(20);
      expect(await client.get('a')).toBe('1');
      expect(await server.ask('get', 'forbidden:1')).toBe('canary');
    });

  test('redis-cli says the error as the server would', async () => {
    const { stdout } = await redisCli(plane.port, 'get forbidden:1\nset a 1\n');
    expect(stdout).toContain(DENIED);
    expect(stdout).toContain('OK');
  });

  test('live connections are judged by new policies, and by the old ones never again', async () => {
    const client = await ioredis();
    expect(await client.get('a')).toBeNull();
    await plane.setPolicies(policySet([{ name: 'none', action: 'deny', targets: ['a'] }]));
    await expect(client.get('a')).rejects.toMatchObject({ message: expect.stringContaining('"none"') });
    expect(await client.get('forbidden:1')).toBe('canary');
    await plane.setPolicies(POLICIES);
    expect(await client.get('a')).toBeNull();
  });

  test('ioredis: a transaction that was queued under older policies is judged by the newest at EXEC', async () => {
    const client = await ioredis();
    const queue = async (): Promise<void> => {
      await client.watch('w');
      await client.multi({ pipeline: false });
      expect(await client.set('a', '1')).toBe('QUEUED');
      expect(await client.set('b', '1')).toBe('QUEUED');
    };
    await queue();
    await plane.setPolicies(policySet([{ name: 'no b', action: 'deny', targets: ['b'], message: MESSAGE }]));
    await expect(client.exec()).rejects.toMatchObject({ message: `NOPERM denied by policy "no b": ${MESSAGE}` });
    expect([await server.ask('exists', 'a', 'b'), await client.get('a')]).toEqual([0, null]);
    await client.set('w', 'changed'); // nothing watches it any more
    expect(await client.multi().set('a', '2').get('w').exec()).toEqual([
      [null, 'OK'],
      [null, 'changed'],
    ]);
    await plane.setPolicies(policySet([{ name: 'no c', action: 'deny', targets: ['c'] }]));
    await queue();
    await plane.setPolicies(POLICIES);
    expect(await client.exec()).toHaveLength(2);
    expect(await server.ask('get', 'b')).toBe('1');
    await plane.settled();
    const told = plane.ended.filter(({ kind }) => kind === 'exec' || kind === 'set');
    expect(told.map(({ kind, outcome, verdict, policy }) => `${kind} ${outcome} ${verdict} ${policy}`.trim())).toEqual([
      ...['set skipped allowed', 'set skipped allowed', 'exec denied denied no b', 'set ok allowed'],
      ...['set ok allowed', 'exec ok allowed', 'set ok allowed', 'set ok allowed', 'exec ok allowed'],
    ]);
  });

  test('limits: operations of a second, elements and bytes of a reply', async () => {
    const limit = (name: string, more: object) => policySet([{ name, action: 'limit', limit: more }]);
    await server.ask('rpush', 'l', ...Array.from({ length: 50 }, (_, i) => i));
    await server.ask('set', 'big', 'x'.repeat(5000));
    await plane.setPolicies(limit('rows', { rows: 10 }));
    const client = await ioredis();
    await expect(client.lrange('l', 0, -1)).rejects.toMatchObject({ message: expect.stringContaining('"rows"') });
    expect(await client.lrange('l', 0, 9)).toHaveLength(10);
    await plane.setPolicies(limit('bytes', { bytes: 1000 }));
    await expect(client.get('big')).rejects.toMatchObject({ message: expect.stringContaining('"bytes"') });
    expect(await client.getrange('big', 0, 3)).toBe('xxxx');
    await plane.setPolicies(limit('rate', { rate: { count: 1, perMs: 60_000, burst: 2 }, per: 'all' }));
    const replies = await Promise.allSettled([1, 2, 3, 4].map(() => client.get('a')));
    expect(replies.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  });

  test('limits of replies are at EXEC what they are by then', async () => {
    const rows = (most: number) => policySet([{ name: 'rows', action: 'limit', limit: { rows: most } }]);
    await server.ask('rpush', 'l', ...Array.from({ length: 50 }, (_, i) => i));
    for (const [before, after] of [
      [10, 100],
      [100, 10],
    ] as const) {
      await plane.setPolicies(rows(before));
      const client = await ioredis();
      await client.multi({ pipeline: false });
      await client.lrange('l', 0, -1);
      await plane.setPolicies(rows(after));
      if (after > before) expect((await client.exec())![0]![1]).toHaveLength(50);
      else await expect(client.exec()).rejects.toThrow(/closed/i); // part of the reply has left
    }
  });

  test('shadow: everything runs, and what would have been denied is told', async () => {
    const shadow = POLICIES.policies.map((policy) => ({ ...policy, mode: 'shadow' as const }));
    await plane.setPolicies({ ...POLICIES, policies: shadow });
    const client = await ioredis();
    expect(await client.get('forbidden:1')).toBe('canary');
    await plane.settled();
    const seen = plane.ended.find(({ kind }) => kind === 'get');
    expect(seen).toMatchObject({ verdict: '', shadowVerdict: 'denied', shadowPolicy: 'canary', outcome: 'ok' });
  });

  test('RD-16 a value of 100 MB streams through: nearly nothing of it is held', async () => {
    const wire = await RedisWire.to(plane.port);
    await wire.send('ping');
    const size = 100 << 20;
    const before = process.memoryUsage();
    let most = 0;
    wire.write(Buffer.concat([command('SET', 'a', '').subarray(0, -6), Buffer.from(`$${size}\r\n`)]));
    const chunk = Buffer.alloc(1 << 20, 0x78);
    for (let sent = 0; sent < size; sent += chunk.length) {
      if (!wire.socket.write(chunk)) await new Promise((resolve) => wire.socket.once('drain', resolve));
      const { heapUsed, external } = process.memoryUsage();
      most = Math.max(most, heapUsed + external - before.heapUsed - before.external);
    }
    wire.write('\r\n');
    expect(await wire.next()).toBe('OK');
    expect(await server.ask('strlen', 'a')).toBe(size);
    expect(most).toBeLessThan(64 << 20);
    await wire.end();
  });

  test('RD-18 replies that nobody reads cost a bounded memory', async () => {
    const wire = await RedisWire.to(plane.port);
    await wire.send('set', 'a', 'x'.repeat(10_000));
    wire.socket.pause();
    const before = process.memoryUsage();
    const gets = Buffer.concat(Array.from({ length: 1000 }, () => command('GET', 'a')));
    for (let i = 0; i < 10; i++) wire.write(gets); // 100 MB of replies
    await expect.poll(() => plane.connections().length).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    const { heapUsed, external } = process.memoryUsage();
    expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(48 << 20);
    wire.socket.destroy();
  });
});
