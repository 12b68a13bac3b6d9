import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type EndedExchange, SessionHarness } from '../../test/support/session-harness.ts';
import { TestDoors } from '../../test/support/test-doors.ts';
import { kafka } from './index.ts';
import { ApiKey } from './schema/api.ts';
import {
  type Exchanged,
  type Random,
  type Rename,
  randomOf,
  randomTraffic,
  replyFrame,
} from './testing/random-traffic.ts';

/** Told to a client, but not by its address. */
const FIRST_PORT = 19_093;

interface Line {
  readonly side: Side;
  readonly bytes: Buffer;
}

/** Who speaks when: a reply comes after its request, at most `window` of them are waited for. */
function scriptOf(traffic: readonly Exchanged[], window: number, random: Random): Line[] {
  const lines: Line[] = [];
  const waiting: Exchanged[] = [];
  const answer = (): void => {
    lines.push({ side: Side.upstream, bytes: replyFrame(waiting.shift()!) });
  };
  for (const each of traffic) {
    while (waiting.length >= window || (waiting.length > 0 && random(3) === 0)) answer();
    lines.push({ side: Side.downstream, bytes: each.request });
    if (each.reply !== null) waiting.push(each);
  }
  while (waiting.length > 0) answer();
  return lines;
}

interface Played {
  readonly sent: Buffer;
  readonly asked: Buffer;
  readonly events: readonly string[];
  readonly turns: readonly string[];
  readonly stats: string;
  readonly doors: readonly string[];
}

/** `random`: cut anywhere; `mixes`: replies and requests come in between each other, too, and doors open when they will. */
function play(lines: readonly Line[], rewrite: false | 'auto', random: Random | null, mixes = false): Played {
  const env = filterEnv();
  const bound = kafka.bind(kafka.config.parse({ stat_prefix: 'p' }), kafka.options.parse({ rewrite }), env);
  const doors = new TestDoors({ firstPort: FIRST_PORT, held: mixes });
  const harness = new SessionHarness({ bound, doors });
  const open = (): void => {
    if (doors.waiting.length > 0) doors.open(doors.waiting[0]);
  };
  const feed = (side: Side, bytes: Buffer): void => {
    harness.feed(side, bytes);
    if (random !== null && random(4) === 0) open();
  };
  const all = mixes ? mixed(lines, random!) : joined(lines, random !== null);
  for (const { side, bytes } of all) for (const piece of cutUp(bytes, random)) feed(side, piece);
  while (doors.waiting.length > 0) open();
  expect([harness.closed, harness.opaqueReasons]).toEqual(['', []]);
  expect(harness.session.quiet).toBe(true);
  harness.finish();
  return {
    sent: harness.sent(Side.downstream),
    asked: harness.sent(Side.upstream),
    events: harness.ended.map(eventOf),
    turns: turnsOf(harness.ended),
    stats: statsOf(env.stats),
    doors: doors.asked,
  };
}

/** Lines of one side that follow each other come as one. */
function joined(lines: readonly Line[], joins: boolean): Line[] {
  const out: Line[] = [];
  for (const line of lines) {
    const last = out.at(-1);
    if (joins && last?.side === line.side)
      out[out.length - 1] = { side: line.side, bytes: Buffer.concat([last.bytes, line.bytes]) };
    else out.push(line);
  }
  return out;
}

/** Requests may come earlier than they did, in part, while replies to others come. */
function mixed(lines: readonly Line[], random: Random): Line[] {
  const out: Line[] = [];
  const later: Line[] = [];
  for (const line of lines) {
    if (line.side === Side.upstream) {
      later.push(line);
      continue;
    }
    // As much of the replies as stands before this request, some of it after the request's first bytes.
    const at = random(line.bytes.length);
    const first = later.splice(0, random(later.length + 1));
    out.push(...first, { side: line.side, bytes: line.bytes.subarray(0, at) });
    const reply = later.shift();
    if (reply !== undefined) {
      const half = random(reply.bytes.length);
      out.push({ side: reply.side, bytes: reply.bytes.subarray(0, half) });
      out.push({ side: line.side, bytes: line.bytes.subarray(at) });
      out.push({ side: reply.side, bytes: reply.bytes.subarray(half) });
    } else out.push({ side: line.side, bytes: line.bytes.subarray(at) });
    out.push(...later.splice(0));
  }
  return [...out, ...later].filter(({ bytes }) => bytes.length > 0);
}

function cutUp(bytes: Buffer, random: Random | null): Buffer[] {
  if (random === null) return [bytes];
  const most = [1, 3, 20, 300, 5000][random(5)]!;
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(most);
    out.push(bytes.subarray(at, at + size));
    at += size;
  }
  return out;
}

function eventOf({ digest, disorder, ...rest }: EndedExchange): string {
  expect(disorder).toBe('');
  return JSON.stringify({ ...rest, digest: digest?.summary });
}

/** What does not depend on who was heard first. */
const turnsOf = (ended: readonly EndedExchange[]): string[] =>
  ended
    .filter(({ index }) => index === 0)
    .sort((a, b) => a.turn - b.turn)
    .map(({ turn, kind, requestBytes, replyBytes }) => `${turn} ${kind} ${requestBytes} ${replyBytes}`);

/** All counters; of times nobody can say the same twice. */
const statsOf = (stats: ReturnType<typeof filterEnv>['stats']): string =>
  stats.list
    .filter(({ name }) => !/time|latency|wait|duration|untimed|pipelined|waits/.test(name))
    .map(({ name }) => `${name} ${stats.value(name)}`)
    .sort()
    .join('\n');

const isClamped = ({ key }: Exchanged): boolean => key === ApiKey.apiVersions;

/** More of them: KAFKA_SEEDS. */
const SEEDS = Number(process.env['KAFKA_SEEDS'] ?? 60);

describe('random traffic of all APIs and versions, told by another encoder', () => {
  test('passes byte for byte, and tells the same however it is cut', () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomOf(seed);
      const traffic = randomTraffic(12, random);
      const lines = scriptOf(traffic, 1 + random(6), random);
      const whole = play(lines, false, null);
      expect(whole.sent.equals(bytesOf(lines, Side.upstream)), `seed ${seed}`).toBe(true);
      for (const mixes of [false, true]) {
        const cut = play(lines, false, random, mixes);
        expect(cut.sent.equals(whole.sent), `seed ${seed}`).toBe(true);
        expect(cut.asked.equals(whole.asked), `seed ${seed}`).toBe(true);
        expect(cut.turns, `seed ${seed}`).toEqual(whole.turns);
        if (mixes) continue;
        expect(cut.stats, `seed ${seed}`).toBe(whole.stats);
        expect(cut.events, `seed ${seed}`).toEqual(whole.events);
      }
    }
  });

  test('leaves with other addresses and nothing else changed, however it is cut and doors open', () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomOf(seed + 1000);
      const traffic = randomTraffic(12, random);
      const lines = scriptOf(traffic, 1 + random(6), random);
      const whole = play(lines, 'auto', null);
      const plain = play(lines, false, null);
      expect(whole.events, `seed ${seed}`).toEqual(plain.events);
      expect(whole.sent.includes('upstream'), `seed ${seed}`).toBe(false);
      expectFrames(whole, traffic, seed);
      for (const mixes of [false, true]) {
        const cut = play(lines, 'auto', random, mixes);
        expect(cut.sent.includes('upstream'), `seed ${seed}`).toBe(false);
        expect(cut.asked.equals(whole.asked), `seed ${seed}`).toBe(true);
        expectFrames(cut, traffic, seed);
        expect(cut.turns, `seed ${seed}`).toEqual(whole.turns);
        if (mixes) continue;
        expect(cut.stats, `seed ${seed}`).toBe(whole.stats);
        expect(cut.events, `seed ${seed}`).toEqual(whole.events);
      }
    }
  });
});

const bytesOf = (lines: readonly Line[], side: Side): Buffer =>
  Buffer.concat(lines.filter((line) => line.side === side).map(({ bytes }) => bytes));

/** What the other encoder would have written with the doors' addresses. */
function expectFrames({ sent, doors }: Played, traffic: readonly Exchanged[], seed: number): void {
  const rename: Rename = (host, port) => ({ host: '127.0.0.1', port: FIRST_PORT + doors.indexOf(`${host}:${port}`) });
  let at = 0;
  for (const each of traffic.filter(({ reply }) => reply !== null)) {
    const frame = sent.subarray(at, at + 4 + sent.readInt32BE(at));
    at += frame.length;
    const where = `seed ${seed}: ${each.api} v${each.version}`;
    if (isClamped(each)) expect(frame.readInt32BE(4), where).toBe(each.id);
    else expect(frame.equals(replyFrame(each, rename)), where).toBe(true);
  }
  expect(at).toBe(sent.length);
}
