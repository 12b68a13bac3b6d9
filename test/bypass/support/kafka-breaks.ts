import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { Side } from '../../../src/exchange/side.ts';
import { seeded } from '../../../src/net/simulated.ts';
import type { KafkaCluster } from '../../support/kafka-broker/index.ts';
import { poll } from '../../support/poll.ts';
import { SessionHarness } from '../../support/session-harness.ts';
import type { GatePlane } from './gate-plane.ts';
import type { KafkaCase, Said } from './kafka.ts';
import { FakeBroker, type Frame } from './kafka-fake.ts';
import { named, type Prepared } from './kafka-play.ts';
import { cutsOf } from './row.ts';

/** What reached a broker before the end is what may leave, in its order, up to some message. */
function isBeginning(all: readonly Said[], frames: readonly Pick<Frame, 'sent'>[]): void {
  const want = all.filter(({ leaves }) => leaves !== 'nothing').map(({ bytes, leaves }) => named(bytes, leaves));
  expect(frames.map(({ sent }) => `${sent.api} ${sent.version} #${sent.correlationId}`)).toEqual(
    want.slice(0, frames.length),
  );
}

/** A side is gone at each offset of each round: every exchange ends once (the harness throws), and nothing held leaves. */
export function playBreaks({ each, bound, rounds, judge }: Prepared, [who, how]: Breaks): void {
  const stream = Buffer.concat(rounds.flat().map(({ bytes }) => bytes));
  for (const cut of [...cutsOf(stream.length), stream.length]) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const broker = new FakeBroker(each.answers);
    harness.feed(Side.downstream, stream.subarray(0, cut));
    for (let before = -1; before !== harness.sent(Side.upstream).length; ) {
      before = harness.sent(Side.upstream).length;
      for (const reply of broker.serve(harness.sent(Side.upstream))) harness.feed(Side.upstream, reply);
    }
    const left = harness.sent(Side.upstream).length;
    harness.hangUp(who === 'client' ? Side.downstream : Side.upstream, how);
    harness.finish();
    expect(harness.sent(Side.upstream).length, 'nothing leaves behind the break').toBe(left);
    isBeginning(rounds.flat(), broker.frames);
  }
}

type Breaks = NonNullable<KafkaCase['breaks']>;
const CUTS = 3;

/** The same with real sockets: the client resets its own, or the broker drops all of its. */
export async function breakReal(
  all: readonly Said[],
  [who]: Breaks,
  plane: GatePlane,
  cluster: KafkaCluster,
  frames: () => readonly Pick<Frame, 'sent'>[],
): Promise<void> {
  const stream = Buffer.concat(all.map(({ bytes }) => bytes));
  const random = seeded(stream.length);
  for (const cut of [stream.length, ...Array.from({ length: CUTS }, () => 1 + Math.floor(random() * stream.length))]) {
    const before = frames().length;
    const socket = connect({ host: plane.host, port: plane.port, noDelay: true });
    let isClosed = false;
    socket.on('error', () => {});
    socket.on('close', () => {
      isClosed = true;
    });
    socket.resume();
    await once(socket, 'connect');
    socket.write(stream.subarray(0, cut));
    await poll('the plane has it', () => plane.connections().length > 0, { everyMs: 1 });
    if (who === 'client') socket.resetAndDestroy();
    else {
      const isOpen = () => cluster.journal.connections.some(({ open }) => open);
      await poll('the broker has it', isOpen, { everyMs: 1 });
      cluster.drop();
      await poll('the client is told', () => isClosed, { everyMs: 1 });
    }
    await poll('nobody is connected', () => plane.connections().length === 0, { everyMs: 1 });
    await poll('nor to the broker', () => cluster.journal.connections.every(({ open }) => !open), { everyMs: 1 });
    await plane.settled();
    expect(plane.counts.sessions).toBe(0);
    isBeginning(all, frames().slice(before));
  }
}
