import { expect } from 'vitest';
import { type RedisOptions, redis } from '../../../protocol-filters/redis/index.ts';
import { Flag, Outcome, VerdictCode } from '../../../src/exchange/exchange.ts';
import { Side } from '../../../src/exchange/side.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { filterEnv } from '../../support/filter-env.ts';
import { poll } from '../../support/poll.ts';
import type { RealRedis } from '../../support/real-redis.ts';
import { RedisError, RedisWire, type Reply, ReplyReader } from '../../support/redis-wire.ts';
import { SessionHarness } from '../../support/session-harness.ts';
import { boundOf } from '../../support/story.ts';
import type { GatePlane } from './gate-plane.ts';
import { judgeOf } from './harness-engine.ts';
import type { Part, RedisCase } from './redis.ts';
import { FakeRedis } from './redis-fake.ts';
import { cutsOf, piecesOf } from './row.ts';

/** A reply in one line: `OK`, `-NOPERM …`, `(nil)`, `[a b]`. */
export function show(reply: Reply): string {
  if (reply === null) return '(nil)';
  if (reply instanceof RedisError) return `-${reply.text}`;
  return Array.isArray(reply) ? `[${reply.map(show).join(' ')}]` : String(reply);
}

const STAND_IN = Buffer.from('*1\r\n$13\r\nsluice.denied\r\n');
/** In capitals: cases say it in small letters. */
const STAND_IN_OF_EXEC = Buffer.from('*1\r\n$7\r\nDISCARD\r\n');
export const optionsOf = (wishes: Partial<RedisOptions> | undefined): RedisOptions => ({
  ...redis.options.parse({}),
  ...wishes,
});
const bytesOf = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(({ bytes }) => bytes));

/** Those that are read before the connection closes. */
function readParts(parts: readonly Part[]): readonly Part[] {
  const end = parts.findIndex(({ fate }) => fate === 'closes');
  return end < 0 ? parts : parts.slice(0, end + 1);
}

const agrees = (got: string, want: string): boolean =>
  want === '*' || got === want || (want.startsWith('-') && (got === want || got.startsWith(`${want} `)));

/** Replies as a case wants them; where the connection closes, an error may be said before. */
function checkReplies(got: readonly string[], parts: readonly Part[], closes: boolean, isFake: boolean): void {
  const want = parts.flatMap(({ replies, fate }) =>
    // The stand-in of a server has other data: what counts is which replies are errors.
    isFake && fate === 'allowed' ? replies.map((reply) => (reply.startsWith('-') ? '-' : '*')) : replies,
  );
  // A connection that closes has answered what it was sent before, and may say why it closes.
  const rest = closes && got.at(-1)?.startsWith('-ERR Protocol') ? got.slice(0, -1) : got;
  const isSame =
    (closes ? rest.length <= want.length : rest.length === want.length) &&
    rest.every((reply, i) =>
      want[i] === '-'
        ? reply.startsWith('-')
        : agrees(reply, want[i]!) && (want[i] !== '*' || !reply.startsWith('-NOPERM')),
    );
  if (!isSame) expect(rest).toEqual(want);
}

/** Plays a case through the session with the real engine and a scripted server, cut in every way. */
export function playCut(each: RedisCase): void {
  const bound = boundOf(redis, { options: optionsOf(each.options) }, filterEnv());
  const judgeBefore = judgeOf(each.policies, redis);
  const judgeAfter = judgeOf(each.reload?.policies ?? each.policies, redis);
  const parts = readParts(each.sends);
  const reloadsAt = bytesOf(parts.slice(0, each.reload?.after ?? parts.length)).length;
  const closes = parts.at(-1)?.fate === 'closes' || each.serverCloses === true;
  const allowed = bytesOf(parts.filter(({ fate }) => fate === 'allowed'));
  const denied = parts.filter(({ fate }) => fate === 'denied').length;
  const stream = bytesOf(each.sends);
  const cuts = stream.length > 4096 ? cutsOf(stream.length).filter((_, i) => i % 6 === 0) : cutsOf(stream.length);
  let told = '';
  for (const pieces of piecesOf(stream, cuts)) {
    if (stream.length > 4096 && pieces.length > 2) continue; // byte by byte takes too long
    const harness = new SessionHarness({
      bound,
      judge: (turn) => (harness.snapshot === 1 ? judgeBefore : judgeAfter)(turn),
      enforces: true,
    });
    const fake = new FakeRedis(each.says);
    let sent = 0;
    const serve = (): void => {
      for (let out = harness.sent(Side.upstream); out.length > sent; out = harness.sent(Side.upstream)) {
        const said = fake.read(out.subarray(sent));
        sent = out.length;
        if (said.length > 0) harness.feed(Side.upstream, said);
      }
    };
    let said = 0;
    for (const piece of each.breaks === undefined ? pieces : pieces.slice(0, 1)) {
      const rest = Math.max(0, Math.min(piece.length, reloadsAt - said));
      said += piece.length;
      if (rest > 0) harness.feed(Side.downstream, piece.subarray(0, rest));
      serve();
      if (each.reload !== undefined && said >= reloadsAt && harness.snapshot === 1) harness.snapshot++;
      if (rest < piece.length) harness.feed(Side.downstream, piece.subarray(rest));
      serve();
    }
    if (each.breaks !== undefined) {
      harness.hangUp(each.breaks[0] === 'client' ? Side.downstream : Side.upstream, each.breaks[1]);
      harness.finish();
      const out = without(harness.sent(Side.upstream), STAND_IN);
      if (!allowed.subarray(0, out.length).equals(out)) expect(out.toString('latin1')).toBe('what is allowed');
      continue;
    }
    for (let late = fake.unblock(); late.length > 0; late = fake.unblock()) {
      harness.feed(Side.upstream, late);
      serve();
    }
    const left = without(without(harness.sent(Side.upstream), STAND_IN), STAND_IN_OF_EXEC);
    // Of a connection that closes, what came before may still be held for an answer: never more than what is allowed.
    const isRight = closes ? allowed.subarray(0, left.length).equals(left) : left.equals(allowed);
    if (!isRight) expect(left.toString('latin1')).toBe(allowed.toString('latin1'));
    if (fake.broken !== '') expect(fake.broken).toBe('');
    if (closes !== (harness.closed !== '')) expect(harness.closed).toBe(closes ? 'closed' : '');
    if (each.says === undefined) {
      const replies = new ReplyReader().push(harness.sent(Side.downstream)).map(show);
      checkReplies(replies, parts, closes, true);
    }
    harness.finish();
    // Each denied command is one exchange, and says so (R15).
    const refused = harness.ended.filter(({ verdict }) => verdict === VerdictCode.denied);
    const isCounted = refused.length === denied || (each.says !== undefined && refused.length <= denied);
    if (!isCounted || refused.some(({ outcome, policy }) => outcome !== Outcome.denied || policy === ''))
      expect(harness.ended.map(({ text, verdict, policy }) => [text, verdict, policy])).toEqual(`${denied} denied`);
    if (each.retells !== true) continue;
    const tells = eventsOf(harness);
    if (told !== '' && tells !== told) expect(tells).toBe(told);
    told = tells;
  }
}

function without(bytes: Buffer, part: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (let found = bytes.indexOf(part); found >= 0; found = bytes.indexOf(part, at)) {
    pieces.push(bytes.subarray(at, found));
    at = found + part.length;
  }
  return Buffer.concat([...pieces, bytes.subarray(at)]);
}

/** What ended, but for what the pieces decide: whether another was open when it began. */
const eventsOf = (harness: SessionHarness): string =>
  JSON.stringify(harness.ended.map(({ digest: _, flags, ...rest }) => ({ ...rest, flags: flags & ~Flag.pipelined })));

function toldBy(harness: SessionHarness): string {
  const told = harness.ended.map(({ digest: _, ...rest }) => rest);
  return JSON.stringify([told, harness.closed, harness.sent(Side.upstream), harness.sent(Side.downstream)]);
}

/** What a case tells, twice: the same stream in the same pieces has one story (threats X-13). */
export function tellTwice(each: RedisCase): readonly [string, string] {
  const tell = (): string => {
    const bound = boundOf(redis, { options: optionsOf(each.options) }, filterEnv());
    const harness = new SessionHarness({ bound, judge: judgeOf(each.policies, redis), enforces: true });
    const fake = new FakeRedis(each.says);
    let sent = 0;
    harness.feed(Side.downstream, bytesOf(each.sends));
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

/** What stands in the server before each play. No policy of the corpus lets it be touched. */
const CANARIES: Readonly<Record<string, string>> = { 'forbidden:1': 'canary', 'forbidden:2': 'canary' };
const SETUP: readonly (readonly string[])[] = [
  ['flushall'],
  ['function', 'flush'],
  ...Object.entries(CANARIES).map(([key, value]) => ['set', key, value]),
  ['hset', 'forbidden:h', 'f', 'canary'],
  ['rpush', 'forbidden:l', 'canary'],
  ['sadd', 'forbidden:s', 'canary'],
  ['zadd', 'forbidden:z', '1', 'canary'],
  ['xadd', 'forbidden:x', '1-1', 'f', 'canary'],
  ['select', '3'],
  ['set', 'app:1', 'of 3'],
  ['select', '0'],
  ['set', 'app:1', 'one'],
  ['set', 'other', '2'],
];

/** Connections to the real server that are kept for all cases. */
export class Truth {
  readonly server: RealRedis;
  readonly direct: RedisWire;
  readonly #monitor: RedisWire;
  readonly #lines: string[] = [];
  #marks = 0;

  private constructor(server: RealRedis, direct: RedisWire, monitor: RedisWire) {
    this.server = server;
    this.direct = direct;
    this.#monitor = monitor;
    void this.#listen();
  }

  static async of(server: RealRedis): Promise<Truth> {
    const [direct, monitor] = await Promise.all([RedisWire.to(server.port), RedisWire.to(server.port)]);
    await monitor.send('monitor');
    return new Truth(server, direct, monitor);
  }

  async #listen(): Promise<void> {
    for (let line = await this.#monitor.next(); line !== undefined; line = await this.#monitor.next())
      this.#lines.push(String(line));
  }

  async say(...words: readonly string[]): Promise<string> {
    return show((await this.direct.send(...words)) ?? null);
  }

  async reset(more: readonly (readonly string[])[] = []): Promise<void> {
    for (const words of [...SETUP, ...more]) {
      const reply = await this.say(...words);
      if (reply.startsWith('-')) throw new Error(`${words.join(' ')}: ${reply}`);
    }
    await this.mark();
    this.#lines.length = 0;
  }

  /** What the server ran since reset(), as MONITOR shows it. */
  async mark(): Promise<readonly string[]> {
    const mark = `mark-${++this.#marks}`;
    await this.say('echo', mark);
    await poll('MONITOR shows the mark', () => this.#lines.some((line) => line.includes(mark)), { everyMs: 1 });
    return this.#lines.filter((line) => !line.includes('"mark-'));
  }

  /** All that is forbidden is as it was. */
  async untouched(): Promise<void> {
    const found: string[] = [];
    for (const [key, value] of Object.entries(CANARIES)) if ((await this.say('get', key)) !== value) found.push(key);
    if ((await this.say('hgetall', 'forbidden:h')) !== '[f canary]') found.push('forbidden:h');
    if ((await this.say('lrange', 'forbidden:l', '0', '-1')) !== '[canary]') found.push('forbidden:l');
    if ((await this.say('smembers', 'forbidden:s')) !== '[canary]') found.push('forbidden:s');
    if ((await this.say('zrange', 'forbidden:z', '0', '-1')) !== '[canary]') found.push('forbidden:z');
    if ((await this.say('xlen', 'forbidden:x')) !== '1') found.push('forbidden:x');
    if ((await this.say('keys', 'forbidden:*')).split(' ').length !== 7) found.push('other keys forbidden:*');
    expect(found).toEqual([]);
  }

  async stop(): Promise<void> {
    this.#monitor.socket.destroy();
    this.direct.socket.destroy();
    await this.server.stop();
  }
}

/** Plays a case through the data plane before the real server: whole, byte by byte, and at three seeded cuts. */
export async function playReal(each: RedisCase, plane: GatePlane, truth: Truth): Promise<void> {
  const stream = bytesOf(each.sends);
  const random = seeded(stream.length);
  const cuts = [0, 1, 2].map(() => 1 + Math.floor(random() * (stream.length - 1)));
  const parts = readParts(each.sends);
  const closes = parts.at(-1)?.fate === 'closes';
  let told = '';
  for (const pieces of piecesOf(stream, cuts)) {
    if (stream.length > 4096 && pieces.length > 2) continue;
    await plane.setPolicies(each.policies);
    await truth.reset(each.before);
    plane.ended.length = 0;
    const client = await RedisWire.to(plane.port);
    if (each.breaks !== undefined) {
      await send(client, pieces.slice(0, 1));
      client.socket.resetAndDestroy();
      await poll('nobody is connected', () => plane.connections().length === 0, { everyMs: 1 });
      expect((await truth.mark()).filter((line) => /forbidden/.test(line))).toEqual([]);
      await truth.untouched();
      continue;
    }
    try {
      const replies = await sayReloading(client, pieces, parts, each, plane);
      replies.push(...(await repliesTo(client, parts.slice(each.reload?.after ?? 0), closes, each, truth)));
      checkReplies(replies, parts, closes, false);
    } finally {
      client.socket.destroy();
    }
    const lines = await truth.mark();
    expect(lines.filter((line) => (each.unseen ?? /forbidden/).test(line))).toEqual([]);
    for (const [key, value] of Object.entries(each.keys ?? {}))
      expect(await truth.say('get', key), key).toBe(value ?? '(nil)');
    await truth.untouched();
    await plane.settled();
    const denied = plane.ended.filter(({ verdict }) => verdict === 'denied');
    expect(denied.length).toBe(parts.filter(({ fate }) => fate === 'denied').length);
    if (each.retells !== true) continue;
    const tells = JSON.stringify(plane.ended, (key, value) =>
      key === 'session' || key === 'flags' ? undefined : value,
    );
    if (told !== '' && tells !== told) expect(tells).toBe(told);
    told = tells;
  }
}

async function send(client: RedisWire, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (client.closed) return;
    client.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** All of the pieces; where policies change, the replies that came before that. */
async function sayReloading(
  client: RedisWire,
  pieces: readonly Buffer[],
  parts: readonly Part[],
  { reload }: RedisCase,
  plane: GatePlane,
): Promise<string[]> {
  if (reload === undefined) {
    await send(client, pieces);
    return [];
  }
  const first = parts.slice(0, reload.after);
  const stream = Buffer.concat(pieces);
  const at = bytesOf(first).length;
  client.write(stream.subarray(0, at));
  const replies: string[] = [];
  for (let i = first.flatMap((part) => part.replies).length; i > 0; i--)
    replies.push(show((await client.next()) ?? null));
  await plane.setPolicies(reload.policies);
  const cut = at + (pieces[0]!.length % (stream.length - at));
  await send(client, [stream.subarray(at, cut), stream.subarray(cut)]);
  return replies;
}

async function repliesTo(
  client: RedisWire,
  parts: readonly Part[],
  closes: boolean,
  each: RedisCase,
  truth: Truth,
): Promise<string[]> {
  const count = parts.reduce((sum, { replies }) => sum + replies.length, 0);
  const replies: string[] = [];
  for (const words of each.meanwhile ?? []) await truth.say(...words);
  if (closes) {
    for (let reply = await client.next(); reply !== undefined; reply = await client.next()) replies.push(show(reply));
    return replies;
  }
  for (let i = 0; i < count; i++) {
    const reply = await client.next();
    if (reply === undefined) return [...replies, '(closed)'];
    replies.push(show(reply));
  }
  if (each.usable === false) return replies;
  // Nothing more came, and the connection is of use.
  const last = await client.send('echo', 'usable');
  return last === 'usable' ? replies : [...replies, show(last ?? null)];
}
