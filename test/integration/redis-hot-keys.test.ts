import { describe, expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { atOnce, ioredis, redisStage } from '../support/redis-stage.ts';

interface KeyRow {
  readonly key: string;
  readonly calls: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly over: { readonly calls: number; readonly bytes: number; readonly seconds: number };
}
interface KeyAnswer {
  readonly keys: readonly KeyRow[];
  readonly listeners: readonly { readonly calls: number; readonly bytes: number }[];
}

describe('hot keys and big keys', () => {
  const stage = redisStage({}, { concurrency: 2 });
  const keys = (sort: string) => stage.sluice.getJson<KeyAnswer>(`/api/queries?by=key&sort=${sort}&limit=20`);

  test('of a skewed load over 3,000 keys: the hottest by calls, the big value by bytes, exactly as the clients count them', async () => {
    const clients = await atOnce(8, () => ioredis(stage.sluice.port, { protocol: 2, enableReadyCheck: false }));
    const calls = new Map<string, number>();
    const touch = (key: string) => calls.set(key, (calls.get(key) ?? 0) + 1);
    await Promise.all(
      clients.map(async (client, n) => {
        for (let round = 0; round < 10; round++) {
          const pipeline = client.pipeline();
          for (let i = 0; i < 100; i++) {
            // Half of all calls go to one key, a quarter to a second, the rest to thousands.
            const key =
              i % 2 === 0 ? 'hot:first' : i % 4 === 1 ? 'hot:second' : `cold:${(n * 1000 + round * 100 + i) % 3000}`;
            touch(key);
            if (i % 3 === 0) pipeline.set(key, 'v');
            else pipeline.get(key);
          }
          await pipeline.exec();
        }
      }),
    );
    const big = 'x'.repeat(300_000);
    for (let i = 0; i < 5; i++) {
      await clients[i]!.set('big:report', big);
      await clients[i]!.get('big:report');
    }
    const total = [...calls.values()].reduce((sum, n) => sum + n, 10);
    const byCalls = await poll('all is told', async () => {
      const answer = await keys('calls');
      return answer.listeners[0]?.calls === total && answer;
    });
    expect(byCalls.keys.slice(0, 2).map(({ key }) => key)).toEqual(['hot:first', 'hot:second']);
    for (const { key, calls: counted, over } of byCalls.keys.slice(0, 2)) {
      const truth = calls.get(key)!;
      expect(counted).toBeGreaterThanOrEqual(truth);
      expect(counted - over.calls).toBeLessThanOrEqual(truth);
    }
    const [biggest] = (await keys('bytes')).keys;
    expect(biggest).toMatchObject({ key: 'big:report' });
    const truth =
      5 * (`*3\r\n$3\r\nset\r\n$10\r\nbig:report\r\n$300000\r\n\r\n`.length + 300_000 + 5) +
      5 * (`*2\r\n$3\r\nget\r\n$10\r\nbig:report\r\n$300000\r\n\r\n`.length + 300_000);
    expect(biggest!.bytes).toBeGreaterThanOrEqual(truth);
    expect(biggest!.bytes - biggest!.over.bytes).toBeLessThanOrEqual(truth);
    expect((await keys('time')).keys.length).toBeGreaterThan(0);
    for (const client of clients) client.disconnect();
  });
});
