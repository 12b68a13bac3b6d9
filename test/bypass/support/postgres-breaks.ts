import net from 'node:net';
import { expect } from 'vitest';
import { postgres } from '../../../protocol-filters/postgres/index.ts';
import { Side } from '../../../src/exchange/side.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { filterEnv } from '../../support/filter-env.ts';
import { poll } from '../../support/poll.ts';
import { SessionHarness } from '../../support/session-harness.ts';
import { boundOf } from '../../support/story.ts';
import type { GatePlane } from './gate-plane.ts';
import { judgeOf } from './harness-engine.ts';
import type { PgCase } from './postgres.ts';
import { startup } from './postgres.ts';
import { FakePostgres } from './postgres-fake.ts';
import { SECRET, type Truth } from './postgres-truth.ts';
import { cutsOf } from './row.ts';

type Breaks = NonNullable<PgCase['breaks']>;

/** A side is gone at each offset of the stream: what was held never leaves, and each exchange ends once (the harness throws). */
export function playBreaks(each: PgCase, [who, how]: Breaks): void {
  const bound = boundOf(postgres, {}, filterEnv());
  const judge = judgeOf(each.policies, postgres);
  const stream = Buffer.concat(each.startup === null ? each.sends : [each.startup ?? startup(), ...each.sends]);
  for (const cut of [...cutsOf(stream.length), stream.length]) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const fake = new FakePostgres();
    let served = 0;
    harness.feed(Side.downstream, stream.subarray(0, cut));
    for (let out = harness.sent(Side.upstream); out.length > served; out = harness.sent(Side.upstream)) {
      const said = fake.read(out.subarray(served));
      served = out.length;
      if (said.length > 0) harness.feed(Side.upstream, said);
    }
    harness.hangUp(who === 'client' ? Side.downstream : Side.upstream, how);
    harness.finish();
    const left = harness.sent(Side.upstream);
    expect(left.length, 'nothing leaves behind the break').toBe(served);
    for (const never of each.never ?? ['pay']) if (left.includes(never)) expect(left.toString('latin1')).toBe('');
  }
}

const CUTS = 3;

/** The same before a real server: the client resets its socket, or the server ends the session. */
export async function breakReal(each: PgCase, [who]: Breaks, plane: GatePlane, truth: Truth): Promise<void> {
  const stream = Buffer.concat(each.sends);
  const random = seeded(stream.length);
  const cuts = [stream.length, ...Array.from({ length: CUTS }, () => 1 + Math.floor(random() * (stream.length - 1)))];
  for (const cut of cuts) {
    const socket = net.connect({ host: '127.0.0.1', port: plane.port, noDelay: true });
    let bytes = Buffer.alloc(0);
    let closed = false;
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      closed = true;
    });
    socket.write(startup());
    await poll('logged in', () => closed || bytes.includes('Z\0\0\0\x05I'), { everyMs: 2 });
    socket.write(stream.subarray(0, cut));
    if (who === 'client') socket.resetAndDestroy();
    else {
      await truth.hangUp();
      await poll('the client is told', () => closed, { everyMs: 2 });
      socket.destroy();
    }
    await poll('nobody is connected', () => plane.connections().length === 0, { everyMs: 2 });
    await plane.settled();
    expect(plane.counts.sessions).toBe(0);
    const { pay } = await truth.held();
    expect(pay).toBe(`${SECRET} ${SECRET} ${SECRET} ${SECRET}`);
  }
  await truth.reset();
}
