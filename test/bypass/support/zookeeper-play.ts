import { connect } from 'node:net';
import { expect } from 'vitest';
import { zookeeper } from '../../../protocol-filters/zookeeper/index.ts';
import { Flag, Outcome, VerdictCode } from '../../../src/exchange/exchange.ts';
import { Side } from '../../../src/exchange/side.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { filterEnv } from '../../support/filter-env.ts';
import { poll } from '../../support/poll.ts';
import type { RealZooKeeper } from '../../support/real-zookeeper.ts';
import { SessionHarness } from '../../support/session-harness.ts';
import { boundOf } from '../../support/story.ts';
import { ask, ERROR_NAMES, Op, readStat } from '../../support/zookeeper-requests.ts';
import { connectRequest, ZooKeeperWire } from '../../support/zookeeper-wire.ts';
import type { GatePlane } from './gate-plane.ts';
import { judgeOf } from './harness-engine.ts';
import { cutsOf, piecesOf } from './row.ts';
import type { Part, ZooKeeperCase } from './zookeeper.ts';
import { FakeZooKeeper } from './zookeeper-fake.ts';

const CONNECT: Part = { bytes: connectRequest(), fate: 'allowed', error: null };
const partsOf = (each: ZooKeeperCase): readonly Part[] => (each.bare ? each.sends : [CONNECT, ...each.sends]);
const bytesOf = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(({ bytes }) => bytes));

function readParts(parts: readonly Part[]): readonly Part[] {
  const end = parts.findIndex(({ fate }) => fate === 'closes');
  return end < 0 ? parts : parts.slice(0, end + 1);
}

/** Packets of a stream, behind their lengths; what is no whole packet last. */
function packetsOf(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = bytes.readInt32BE(at);
    if (length < 0 || at + 4 + length > bytes.length) break;
    packets.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return packets;
}

/** Errors of the replies behind the session's beginning, in their order; events are none. */
function errorsIn(bytes: Buffer): string[] {
  return packetsOf(bytes)
    .slice(1)
    .filter((packet) => packet.length >= 16 && packet.readInt32BE(0) !== -1)
    .map((packet) => {
      const code = packet.readInt32BE(12);
      return code === 0 ? '' : (ERROR_NAMES[code] ?? String(code));
    });
}

function checkReplies(got: readonly string[], parts: readonly Part[], closes: boolean, isFake: boolean): void {
  const want = parts.flatMap(({ error, fate }) => (error === null ? [] : [isFake && fate === 'allowed' ? '*' : error]));
  const isSame =
    (closes ? got.length <= want.length : got.length === want.length) &&
    got.every((error, i) => error === want[i] || (want[i] === '*' && error !== 'NOAUTH'));
  if (!isSame) expect(got).toEqual(want);
}

/** A read of the root: what stands for a denied request. */
const isStandIn = (packet: Buffer): boolean =>
  packet.length === 14 && packet.readInt32BE(4) === Op.exists && packet.toString('latin1', 12, 13) === '/';

/** Plays a case through the session with the real engine and a scripted server, cut in every way. */
export function playCut(each: ZooKeeperCase): void {
  const options = { ...zookeeper.options.parse({}), ...each.options };
  const bound = boundOf(zookeeper, { options }, filterEnv());
  const judge = judgeOf(each.policies, zookeeper);
  const all = partsOf(each);
  const parts = readParts(all);
  const closes = parts.at(-1)?.fate === 'closes' || each.serverCloses === true;
  const allowed = bytesOf(parts.filter(({ fate }) => fate === 'allowed'));
  const denied = parts.filter(({ fate }) => fate === 'denied').length;
  const stream = bytesOf(all);
  const cuts = stream.length > 4096 ? cutsOf(stream.length).filter((_, i) => i % 6 === 0) : cutsOf(stream.length);
  let told = '';
  for (const pieces of piecesOf(stream, cuts)) {
    if (stream.length > 8192 && pieces.length > 2) continue;
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const fake = new FakeZooKeeper(each.says);
    let sent = 0;
    for (const piece of each.breaks === undefined ? pieces : pieces.slice(0, 1)) {
      harness.feed(Side.downstream, piece);
      for (let out = harness.sent(Side.upstream); out.length > sent; out = harness.sent(Side.upstream)) {
        const said = fake.read(out.subarray(sent));
        sent = out.length;
        if (said.length > 0) harness.feed(Side.upstream, said);
      }
    }
    if (each.breaks !== undefined) {
      harness.hangUp(each.breaks[0] === 'client' ? Side.downstream : Side.upstream, each.breaks[1]);
      harness.finish();
      const left = Buffer.concat(fake.seen.filter((packet) => !isStandIn(packet.subarray(4))));
      if (!allowed.subarray(0, left.length).equals(left)) expect(left.toString('hex')).toBe('what is allowed');
      continue;
    }
    const out = harness.sent(Side.upstream);
    const left = each.bare ? out : Buffer.concat(fake.seen.filter((packet) => !isStandIn(packet.subarray(4))));
    const isRight = closes ? allowed.subarray(0, left.length).equals(left) : left.equals(allowed);
    if (!isRight) expect(left.toString('hex')).toBe(allowed.toString('hex'));
    if (!each.bare && fake.seen.reduce((sum, packet) => sum + packet.length, 0) !== out.length)
      expect(out.toString('hex')).toBe('packets and nothing else');
    if (closes !== (harness.closed !== '')) expect(harness.closed).toBe(closes ? 'closed' : '');
    const back = harness.sent(Side.downstream);
    if (!each.bare && each.says === undefined) checkReplies(errorsIn(back), parts, closes, true);
    harness.finish();
    const refused = harness.ended.filter(({ verdict }) => verdict === VerdictCode.denied);
    const isCounted =
      refused.length === denied || ((each.says !== undefined || closes) && refused.length <= denied + 1);
    if (!isCounted || refused.some(({ outcome, policy }) => outcome !== Outcome.denied || policy === ''))
      expect(harness.ended.map(({ text, verdict, policy }) => [text, verdict, policy])).toEqual(`${denied} denied`);
    if (each.retells !== true) continue;
    const tells = eventsOf(harness);
    if (told !== '' && tells !== told) expect(tells).toBe(told);
    told = tells;
  }
}

/** What ended, but for what the pieces decide: whether another was open when it began. */
const eventsOf = (harness: SessionHarness): string =>
  JSON.stringify(harness.ended.map(({ digest: _, flags, ...rest }) => ({ ...rest, flags: flags & ~Flag.pipelined })));

function toldBy(harness: SessionHarness): string {
  const told = harness.ended.map(({ digest: _, ...rest }) => rest);
  return JSON.stringify([told, harness.closed, harness.sent(Side.upstream), harness.sent(Side.downstream)]);
}

/** What a case tells, twice: the same stream in the same pieces has one story (threats X-13). */
export function tellTwice(each: ZooKeeperCase): readonly [string, string] {
  const tell = (): string => {
    const options = { ...zookeeper.options.parse({}), ...each.options };
    const bound = boundOf(zookeeper, { options }, filterEnv());
    const harness = new SessionHarness({ bound, judge: judgeOf(each.policies, zookeeper), enforces: true });
    const fake = new FakeZooKeeper(each.says);
    let sent = 0;
    harness.feed(Side.downstream, bytesOf(partsOf(each)));
    for (let out = harness.sent(Side.upstream); out.length > sent; out = harness.sent(Side.upstream)) {
      const said = fake.read(out.subarray(sent));
      sent = out.length;
      if (said.length > 0) harness.feed(Side.upstream, said);
    }
    harness.finish();
    return toldBy(harness);
  };
  return [tell(), tell()];
}

const NODES: readonly (readonly [path: string, data: string])[] = [
  ['/app', 'root'],
  ['/app/a', 'one'],
  ['/app/b', 'two'],
  ['/other', 'x'],
  ['/forbidden', 'canary'],
  ['/forbidden/x', 'canary'],
];

/** A connection to the real server that is kept for all cases. */
export class Truth {
  readonly server: RealZooKeeper;
  readonly #wire: ZooKeeperWire;
  #before = '';

  private constructor(server: RealZooKeeper, wire: ZooKeeperWire) {
    this.server = server;
    this.#wire = wire;
  }

  static async of(server: RealZooKeeper): Promise<Truth> {
    const wire = await ZooKeeperWire.to(server.port, { timeoutMs: 40_000 });
    for (const [path, data] of NODES) await wire.done(ask.create(path, data));
    return new Truth(server, wire);
  }

  async reset(): Promise<void> {
    const children = (await this.#wire.done(ask.getChildren('/app'))).strings();
    for (const child of children.filter((name) => name !== 'a' && name !== 'b'))
      await this.#wire.done(ask.delete(`/app/${child}`));
    this.#before = await this.#state();
  }

  /** Versions, data and children of all that is forbidden. */
  async #state(): Promise<string> {
    const parts: string[] = [];
    for (const path of ['/forbidden', '/forbidden/x']) {
      const r = await this.#wire.done(ask.getData(path));
      const data = String(r.buffer());
      const { version, cversion, aversion, numChildren } = readStat(r);
      parts.push([path, data, version, cversion, aversion, numChildren].join(' '));
    }
    return `${parts.join('; ')}; ${(await this.#wire.done(ask.getChildren('/'))).strings().sort().join(' ')}`;
  }

  async untouched(): Promise<void> {
    expect(await this.#state()).toBe(this.#before);
  }

  async stop(): Promise<void> {
    this.#wire.socket.destroy();
    await this.server.stop();
  }
}

/** Plays a case through the data plane before the real server: whole, byte by byte, and at three seeded cuts. */
export async function playReal(each: ZooKeeperCase, plane: GatePlane, truth: Truth): Promise<void> {
  await plane.setPolicies(each.policies);
  const all = partsOf(each);
  const parts = readParts(all);
  const closes = parts.at(-1)?.fate === 'closes';
  const stream = bytesOf(all);
  const random = seeded(stream.length);
  const cuts = [0, 1, 2].map(() => 1 + Math.floor(random() * (stream.length - 1)));
  let told = '';
  for (const pieces of piecesOf(stream, cuts)) {
    if (stream.length > 4096 && pieces.length > 2) continue;
    await truth.reset();
    plane.ended.length = 0;
    const said: Buffer[] = [];
    const socket = connect({ port: plane.port, host: '127.0.0.1', noDelay: true });
    let closed = false;
    socket.on('error', () => {});
    socket.on('data', (bytes) => void said.push(bytes));
    socket.on('close', () => {
      closed = true;
    });
    for (const piece of each.breaks === undefined ? pieces : pieces.slice(0, 1)) {
      socket.write(piece);
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    if (each.breaks !== undefined) {
      socket.resetAndDestroy();
      await poll('nobody is connected', () => plane.connections().length === 0, { everyMs: 1 });
      await truth.untouched();
      continue;
    }
    const count = parts.filter(({ error }) => error !== null).length;
    await poll(
      `${each.name}: replies`,
      () => closed || (!closes && !each.bare && errorsIn(Buffer.concat(said)).length >= count && said.length > 0),
      { everyMs: 1 },
    );
    socket.destroy();
    const back = Buffer.concat(said);
    if (each.bare) expect(back.toString('latin1')).toMatch(each.answer ?? /^$/);
    else checkReplies(errorsIn(back), parts, closes, false);
    expect(back.includes('canary')).toBe(false);
    await truth.untouched();
    await plane.settled();
    if (!closes) {
      const denied = plane.ended.filter(({ verdict }) => verdict === 'denied').length;
      expect(denied).toBe(parts.filter(({ fate }) => fate === 'denied').length);
    }
    if (each.retells !== true) continue;
    const tells = JSON.stringify(plane.ended, (key, value) =>
      key === 'session' || key === 'flags' ? undefined : value,
    );
    if (told !== '' && tells !== told) expect(tells).toBe(told);
    told = tells;
  }
}
