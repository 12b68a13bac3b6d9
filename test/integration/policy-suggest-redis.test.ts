import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';
import { startRealRedis } from '../support/real-redis.ts';
import { runSluice, sluice } from '../support/run-sluice.ts';

// Of a protocol whose digests hold patterns and not names: what was seen of Redis becomes a policy under which it goes on.

test('suggest, test, enforce', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-suggest-'));
  const [log, file] = [path.join(folder, 'exchanges.jsonl'), path.join(folder, 'sluice.yaml')];
  const [server, port] = [await startRealRedis(), await freePort()];
  const write = (policies: string) =>
    writeFileSync(
      file,
      `concurrency: 1\naccess_log: ${log}\nproxies:\n  - { name: cache, upstream: "${server.url}", listen: "127.0.0.1:${port}" }\n${policies}`,
    );
  write('');
  const proxy = await runSluice({ args: ['-c', file] });
  const use = async <T>(work: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis({ host: '127.0.0.1', port, connectionName: 'web', retryStrategy: null });
    redis.on('error', () => {});
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  };
  const traffic = () =>
    use(async (redis) => [
      await redis.set('user:1', 'secret-value'),
      await redis.get('user:1'),
      await redis.del('user:1'),
      await redis.lpush('jobs:mail', 'a'),
      await redis.multi().incr('count:hits').expire('count:hits', 100).exec(),
      await redis.del('count:hits'),
      await redis.del('jobs:mail'),
      await redis.publish('news', 'x'),
      await redis.ping(),
    ]);
  try {
    const before = await traffic();
    await poll('all is logged', () => readFileSync(log, 'utf8').split('"event":"exchange"').length > 12);
    const suggested = await sluice(['policy', 'suggest', '--from', log]);
    expect([suggested.stderr, suggested.code]).toEqual(['', 0]);
    expect(suggested.stdout).toContain('user:*');
    expect(suggested.stdout).not.toContain('secret-value');
    write(suggested.stdout);
    const tried = await sluice(['policy', 'test', '-c', file, '--against', log]);
    expect(tried.stdout).toMatch(/: of \d+ exchanges none would be denied\n/);
    await poll('it is enforced', async () => /config_reload_success\S* 1\b/.test(await proxy.getText('/metrics')));
    expect(await traffic()).toEqual(before);
    const others = await use(async (redis) => [
      await redis.get('card:1').catch((error: Error) => error.message),
      await redis.flushall().catch((error: Error) => error.message),
      await redis.get('user:2'),
    ]);
    expect(others).toEqual([expect.stringMatching(/^NOPERM /), expect.stringMatching(/^NOPERM /), null]);
  } finally {
    await proxy.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
