import { describe, expect, test } from 'vitest';
import { digests } from '../../../test/support/filter-env.ts';
import { SimulatedPlane } from '../../../test/support/simulated-plane.ts';
import { kafka } from '../index.ts';
import { ApiKey } from '../schema/api.ts';
import { type Exchanged, type Random, randomOf, randomTraffic, replyFrame } from '../testing/random-traffic.ts';

/** More of them: KAFKA_SEEDS. */
const SEEDS = Number(process.env['KAFKA_SEEDS'] ?? 25);
const CLIENTS_SEE = '10.0.0.1';
const FIRST_PORT = 20_000;

/** The filter as it stands in a chain, where the simulated plane has neither its configuration nor digests. */
const protocol: typeof kafka = {
  ...kafka,
  bind: (_config, _options, env) => {
    const config = kafka.config.parse({ stat_prefix: 'p' });
    return kafka.bind(config, kafka.options.parse({ rewrite: 'auto' }), { ...env, digests });
  },
};

async function planeOf(seed: number, random: Random): Promise<SimulatedPlane> {
  const doors = { firstPort: FIRST_PORT, count: 50 };
  const perConnectionBufferLimitBytes = [100, 5000, 1 << 20][random(3)]!;
  const wishes = { protocol, listener: { doors, perConnectionBufferLimitBytes } };
  return SimulatedPlane.start(wishes, { seed, kernelBytes: [50, 2000, 1 << 16][random(3)]! });
}

/** Bytes and doors on their way; doors open in promises. */
async function settle(plane: SimulatedPlane, ms = 60): Promise<void> {
  for (let i = 0; i < ms; i++) {
    plane.run(1);
    for (let turn = 0; turn < 6; turn++) await Promise.resolve();
  }
}

interface Talk {
  readonly plane: SimulatedPlane;
  /** What the client has got. */
  readonly got: () => Buffer;
}

/** A broker answers what has come whole; `cut`: it says no more than so many bytes, and hangs up. */
async function talk(seed: number, cut: 'never' | 'fin' | 'reset'): Promise<Talk & { traffic: Exchanged[] }> {
  const random = randomOf(seed);
  const traffic = randomTraffic(15, random);
  const plane = await planeOf(seed, random);
  const client = plane.dial();
  const replies = traffic.map((each) => (each.reply === null ? Buffer.alloc(0) : replyFrame(each)));
  let left = cut === 'never' ? Number.POSITIVE_INFINITY : random(Buffer.concat(replies).length);
  const halfCloses = cut === 'never' && random(2) === 0;
  await settle(plane, 5);
  let answered = 0;
  let said = 0;
  const answer = (): void => {
    const server = plane.servers[0];
    if (server === undefined || left === 0) return;
    for (; answered < traffic.length; answered++) {
      const asked = traffic.slice(0, answered + 1).reduce((sum, { request }) => sum + request.length, 0);
      if (server.bytes.length < asked) return;
      const reply = replies[answered]!.subarray(0, left);
      left -= reply.length;
      if (reply.length > 0) server.send(reply);
      if (left > 0) continue;
      if (cut === 'fin') server.end();
      else server.reset();
      return;
    }
    if (server.ended) server.end();
  };
  for (const { request } of traffic) {
    client.send(request);
    if (++said === traffic.length && halfCloses) client.end();
    if (random(3) > 0) continue;
    await settle(plane, 1 + random(4));
    answer();
  }
  for (let i = 0; i < 40 && client.closed === null; i++) {
    await settle(plane, 10);
    answer();
  }
  if (halfCloses) expect(client.ended, `seed ${seed}`).toBe(true);
  client.end();
  await settle(plane, 10);
  plane.servers[0]?.end();
  await settle(plane, 10);
  plane.run(20_000); // sockets linger
  return { plane, traffic, got: () => client.bytes };
}

function expectedOf(plane: SimulatedPlane, traffic: readonly Exchanged[]): (Buffer | null)[] {
  const book = plane.parts.doors.book.of('front');
  const rename = (host: string, port: number) => ({
    host: CLIENTS_SEE,
    port: book.port(`${host}:${port}`, () => {}) ?? 0,
  });
  return traffic
    .filter(({ reply }) => reply !== null)
    .map((each) => (each.key === ApiKey.apiVersions ? null : replyFrame(each, rename)));
}

/** Whole replies, one by one; what comes last may be cut. */
function expectReplies(got: Buffer, expected: readonly (Buffer | null)[], isWhole: boolean, seed: number): void {
  let at = 0;
  for (const frame of expected) {
    if (!isWhole && at === got.length) return;
    const bytes = got.length - at < 4 ? got.length - at : Math.min(got.length - at, 4 + got.readInt32BE(at));
    if (frame !== null)
      expect(frame.subarray(0, bytes).equals(got.subarray(at, at + bytes)), `seed ${seed}`).toBe(true);
    if (frame !== null && isWhole) expect(bytes, `seed ${seed}`).toBe(frame.length);
    at += bytes;
  }
  expect(at, `seed ${seed}`).toBe(got.length);
}

describe('over wires that cut, delay and back up, no address of a broker reaches a client', () => {
  test('and every reply does, whoever ends first', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { plane, traffic, got } = await talk(seed, 'never');
      expect(got().includes('upstream'), `seed ${seed}`).toBe(false);
      expectReplies(got(), expectedOf(plane, traffic), true, seed);
      plane.expectBalanced();
    }
  });
  for (const how of ['fin', 'reset'] as const)
    test(`when the broker hangs up in the midst of it (${how})`, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { plane, traffic, got } = await talk(seed + 5000, how);
        expect(got().includes('upstream'), `seed ${seed}`).toBe(false);
        expectReplies(got(), expectedOf(plane, traffic), false, seed);
        plane.expectBalanced();
      }
    });
});
