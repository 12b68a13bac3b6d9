import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { kafka } from '../../../protocol-filters/kafka/index.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { type KafkaCluster, startKafkaBroker } from '../../support/kafka-broker/index.ts';
import { poll } from '../../support/poll.ts';
import { type GatePlane, startGatePlane } from './gate-plane.ts';
import type { KafkaCase } from './kafka.ts';
import { breakReal } from './kafka-breaks.ts';
import { sentOf } from './kafka-fake.ts';
import { byteByByte, type Cut, compareReplies, compareSent, cutAt, whole } from './kafka-play.ts';

const TOPICS = { orders: 2, 'orders-2': 1, 'orders-3': 1, forbidden: 2 };
/** Byte by byte each is a write of its own. */
const MOST_WRITES = 600;
const SEED = 20;
const CUTS = 3;

/** The whole data path before a strict broker, whose own record of frames is the truth. */
export class KafkaTruth {
  readonly cluster: KafkaCluster;
  readonly #frames: Buffer[];
  readonly #planes = new Map<string, GatePlane>();

  private constructor(cluster: KafkaCluster, frames: Buffer[]) {
    this.cluster = cluster;
    this.#frames = frames;
  }

  static async start(): Promise<KafkaTruth> {
    const frames: Buffer[] = [];
    const cluster = await startKafkaBroker({
      topics: TOPICS,
      verify: 'none',
      onFrame: (frame) => void frames.push(Buffer.from(frame)),
    });
    return new KafkaTruth(cluster, frames);
  }

  async play(each: KafkaCase): Promise<void> {
    const plane = await this.#planeOf(each);
    if (each.breaks !== undefined) {
      await plane.setPolicies(each.policies);
      const all = each.rounds((topic) => this.#idOf(topic)).flat();
      await breakReal(all, each.breaks, plane, this.cluster, () =>
        this.#frames.map((frame) => ({ sent: sentOf(frame) })),
      );
      return;
    }
    const random = seeded(SEED);
    const cuts: Cut[] = [whole];
    const bytes = Buffer.concat(
      each.rounds((topic) => this.#idOf(topic)).flatMap((round) => round.map((said) => said.bytes)),
    );
    if (bytes.length <= MOST_WRITES) cuts.push(byteByByte);
    for (let i = 0; i < CUTS; i++) cuts.push(cutAt(1 + Math.floor(random() * (bytes.length - 1))));
    for (const cut of cuts) await this.#playOnce(each, plane, cut);
  }

  async #playOnce(each: KafkaCase, plane: GatePlane, cut: Cut): Promise<void> {
    await plane.setPolicies(each.policies);
    this.#frames.length = 0;
    plane.ended.length = 0;
    const rounds = each.rounds((topic) => this.#idOf(topic));
    const socket = connect({ host: plane.host, port: plane.port, noDelay: true });
    let received = Buffer.alloc(0);
    let isClosed = false;
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      isClosed = true;
    });
    await once(socket, 'connect');
    let replies = 0;
    for (const [i, round] of rounds.entries()) {
      const policies = each.policiesBefore?.[i];
      if (policies !== undefined) await plane.setPolicies(policies);
      for (const piece of cut(Buffer.concat(round.map((said) => said.bytes)))) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      replies += round.filter(({ codes }) => codes !== null).length;
      await poll(`${replies} replies`, () => isClosed || framesOf(received) >= replies, {
        everyMs: 1,
      });
    }
    if (each.closes !== undefined) await poll('the connection ends', () => isClosed, { everyMs: 1 });
    else expect(isClosed).toBe(false);
    socket.destroy();
    await poll('the session has ended', () => plane.counts.sessions === 0, { everyMs: 1 });
    await poll('every exchange has ended', () => plane.counts.begun === plane.counts.ended, { everyMs: 1 });
    const all = rounds.flat();
    compareSent(
      all,
      this.#frames.map((frame) => ({ bytes: sized(frame), sent: sentOf(frame) })),
    );
    compareReplies(all, received);
    const denied = plane.ended.filter((x) => x.outcome === 'denied');
    for (const x of denied) expect([x.verdict, x.policy === '']).toEqual(['denied', false]);
    expect(denied.length > 0).toBe((each.denied ?? all.filter(({ leaves }) => leaves !== 'same').length) > 0);
    const wrong = plane.log.filter((line) => line.startsWith('error '));
    expect(wrong).toEqual([]);
  }

  #idOf(topic: string): string {
    return this.cluster.topic(topic)?.id ?? 'ee'.repeat(16);
  }

  async #planeOf(each: KafkaCase): Promise<GatePlane> {
    const key = JSON.stringify(each.options ?? {});
    const known = this.#planes.get(key);
    if (known !== undefined) return known;
    const { host, port } = this.cluster.brokers[0]!;
    const plane = await startGatePlane({
      protocol: kafka,
      policies: each.policies,
      upstream: { host, port },
      options: { ...each.options },
    });
    this.#planes.set(key, plane);
    return plane;
  }

  async stop(): Promise<void> {
    for (const plane of this.#planes.values()) await plane.stop();
    await this.cluster.stop();
  }
}

function framesOf(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length; count++) {
    at += 4 + bytes.readInt32BE(at);
    if (at > bytes.length) break;
  }
  return count;
}

function sized(frame: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(frame.length);
  return Buffer.concat([size, frame]);
}
