import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { greetings } from '../support/redis-ledger.ts';
import { type Dice, dice, oddTalk, prepareOddTalk } from '../support/redis-odd-talk.ts';
import { atOnce, ioredis, redisStage, statOf } from '../support/redis-stage.ts';

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

const stage = redisStage({}, { concurrency: 2 });

const keys = (sort: string) => stage.sluice.getJson<KeyAnswer>(`/api/queries?by=key&sort=${sort}&limit=20`);

test('hot keys of a skewed load over 3,000 keys: the hottest by calls, the big value by bytes, exactly as the clients count them', async () => {
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
  await stage.ledger.expectEqual(greetings(8));
});

/** One connection that says it all in writes of any size, and leaves when its last word is echoed. */
async function talk(roll: Dice, name: string): Promise<void> {
  const socket = connect({ port: stage.sluice.port, host: '127.0.0.1', noDelay: true });
  const token = `the end of ${name}`;
  let heard = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard = (heard + text).slice(-200);
  });
  const bytes = oddTalk(roll, 60, token);
  for (let at = 0, size = 0; at < bytes.length; at += size) {
    size = 1 + roll(bytes.length);
    socket.write(bytes.subarray(at, at + size));
  }
  await poll(`${name} is answered`, () => heard.includes(token), { everyMs: 5 });
  socket.end();
  await once(socket, 'close');
}

test.each([1, 2, 3])(
  'pipelines that know no bounds, 40 connections at once, seed %i: both counted the same',
  async (seed) => {
    const { ledger, server, sluice } = stage;
    await prepareOddTalk(server);
    await atOnce(40, (n) => talk(dice(seed * 7919 + n), `client ${n}`));
    const { commands } = await ledger.expectEqual();
    for (const name of ['exec', 'discard', 'reset', 'subscribe', 'client|reply', 'hello', 'watch', 'client|tracking'])
      expect([name, (commands[name]?.calls ?? 0) > 20]).toEqual([name, true]);
    const faults = ['redis.redis.downstream_cx_protocol_error', 'sluice.redis.redis.lost'];
    expect(await Promise.all(faults.map((name) => statOf(sluice, name)))).toEqual([0, 0]);
  },
);
