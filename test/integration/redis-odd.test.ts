import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { type Dice, dice, ODD_BEGINS, oddTalk } from '../support/redis-odd-talk.ts';
import { atOnce, redisStage, statOf } from '../support/redis-stage.ts';

const stage = redisStage();

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
  await poll(`${name} is answered`, () => heard.includes(token), { withinMs: 20_000, everyMs: 5 });
  socket.end();
  await once(socket, 'close');
}

test.each([1, 2, 3])(
  'pipelines that know no bounds, 40 connections at once, seed %i: both counted the same',
  async (seed) => {
    const { ledger, server, sluice } = stage;
    await server.ask(...ODD_BEGINS);
    await atOnce(40, (n) => talk(dice(seed * 7919 + n), `client ${n}`));
    const { commands } = await ledger.expectEqual();
    for (const name of ['exec', 'discard', 'reset', 'subscribe', 'client|reply', 'hello', 'watch', 'client|tracking'])
      expect([name, (commands[name]?.calls ?? 0) > 20]).toEqual([name, true]);
    const faults = ['redis.redis.downstream_cx_protocol_error', 'sluice.redis.redis.lost'];
    expect(await Promise.all(faults.map((name) => statOf(sluice, name)))).toEqual([0, 0]);
  },
);
