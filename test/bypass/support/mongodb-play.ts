import { deserialize } from 'bson';
import { expect } from 'vitest';
import { type MongodbOptions, mongodb } from '../../../protocol-filters/mongodb/index.ts';
import { opMsg, opReply } from '../../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { Flag, Outcome, VerdictCode } from '../../../src/exchange/exchange.ts';
import { Side } from '../../../src/exchange/side.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { filterEnv } from '../../support/filter-env.ts';
import type { MongoServer } from '../../support/mongo-server/server.ts';
import { MongoWire, type Reply, readReply } from '../../support/mongo-wire.ts';
import { poll } from '../../support/poll.ts';
import { type EndedExchange, SessionHarness } from '../../support/session-harness.ts';
import { boundOf } from '../../support/story.ts';
import type { GatePlane } from './gate-plane.ts';
import { judgeOf } from './harness-engine.ts';
import type { MongoCase, Part } from './mongodb.ts';
import { cutsOf, piecesOf } from './row.ts';

export const optionsOf = (wishes: Partial<MongodbOptions> | undefined): MongodbOptions =>
  ({ ...(mongodb.options.parse({}) as MongodbOptions), ...wishes }) as MongodbOptions;

/** Above it a stream is cut at some places only, and never byte by byte. */
const LONG_BYTES = 20_000;

/** Whole messages at the beginning of a stream. */
function messagesIn(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 16 <= stream.length; ) {
    const size = stream.readInt32LE(at);
    if (at + size > stream.length) break;
    messages.push(stream.subarray(at, at + size));
    at += size;
  }
  return messages;
}

/** The body of a request that a scripted server reads; `{}` where it is no OP_MSG in the plain. */
function commandIn(message: Buffer): Record<string, unknown> {
  const opcode = message.readInt32LE(12);
  try {
    if (opcode === 2013 && message[20] === 0) {
      const size = message.readInt32LE(21);
      return deserialize(message.subarray(21, 21 + size), { promoteValues: false });
    }
    if (opcode === 2004) return deserialize(message.subarray(message.indexOf(0, 20) + 9));
  } catch {
    // Whatever it is, it was let through.
  }
  return {};
}

const isSilent = (message: Buffer): boolean => message.readInt32LE(12) === 2013 && (message.readInt32LE(16) & 2) !== 0;

/** `ping` or `abortTransaction` on admin, with the id of what was denied. */
function isStandIn(message: Buffer, id: number): boolean {
  if (message.readInt32LE(4) !== id) return false;
  const body = commandIn(message);
  const [name = ''] = Object.keys(body);
  if (message.readInt32LE(12) === 2004) return name === 'isMaster';
  return body['$db'] === 'admin' && /^(ping|abortTransaction)$/.test(name);
}

/** Those that are read before the connection closes. */
function readParts(parts: readonly Part[]): readonly Part[] {
  const end = parts.findIndex(({ fate }) => fate === 'closes');
  return end < 0 ? parts : parts.slice(0, end + 1);
}

/** What left for the server is, message by message, what was allowed, and a stand-in for each that was denied. */
function checkSent(sent: Buffer, parts: readonly Part[], mayStop: boolean): void {
  const messages = messagesIn(sent);
  if (messages.reduce((sum, message) => sum + message.length, 0) !== sent.length)
    expect(sent.toString('hex')).toBe('whole messages');
  const want = parts.filter(({ fate }) => fate === 'allowed' || fate === 'denied');
  messages.forEach((message, i) => {
    const part = want[i];
    const isRight = part?.fate === 'allowed' ? message.equals(part.bytes) : part && isStandIn(message, part.id);
    if (isRight !== true)
      expect(describe(message)).toBe(part === undefined ? 'nothing more' : `${part.fate} ${part.says}`);
  });
  if (!mayStop && messages.length < want.length) expect(messages.length).toBe(want.length);
}

const describe = (message: Buffer): string => JSON.stringify(commandIn(message));

/** What the client reads: to each its own answer, in the order of the requests. */
function checkReplies(replies: readonly Reply[], parts: readonly Part[], mayStop: boolean): void {
  const want = parts.flatMap((part) => Array.from({ length: part.replies }, () => part));
  replies.forEach((reply, i) => {
    const part = want[i];
    if (part === undefined) {
      if (mayStop && i === want.length && reply.doc['ok'] === 0) return; // last words
      expect(reply.doc).toBe('nothing more');
      return;
    }
    const { ok, code, codeName, errmsg } = reply.doc;
    const isOurs = String(errmsg ?? '').includes('denied by policy');
    if (part.fate === 'allowed') {
      if (isOurs) expect(reply.doc).toBe(`allowed: ${part.says}`);
      return;
    }
    if (reply.responseTo !== part.id) expect(reply.responseTo).toBe(part.id);
    const name = code === 462 ? 'IngressRequestRateLimitExceeded' : 'Unauthorized';
    const named = part.policy === null || String(errmsg).includes(`denied by policy "${part.policy}"`);
    if (ok !== 0 || code !== part.code || codeName !== name || !isOurs || !named)
      expect(reply.doc).toEqual({
        ok: 0,
        code: part.code,
        codeName: name,
        errmsg: `denied by policy "${part.policy}"`,
      });
  });
  if (!mayStop && replies.length < want.length) expect(replies.length).toBe(want.length);
}

/** A server that breaks the protocol: whatever the client has read, to what was denied nothing came before the denial. */
function checkFirst(replies: readonly Buffer[], parts: readonly Part[]): void {
  for (const { fate, id } of parts) {
    if (fate !== 'denied') continue;
    const first = replies.find((reply) => reply.length >= 16 && reply.readInt32LE(8) === id);
    if (first !== undefined) expect(readReply(first).doc).toMatchObject({ ok: 0, code: 13 });
  }
}

/** What a server says that a case does not script. */
function usualAnswer(command: Record<string, unknown>): Record<string, unknown> {
  const [name = ''] = Object.keys(command);
  const ns = `${String(command['$db'])}.${String(command[name])}`;
  switch (name) {
    case 'hello':
    case 'isMaster':
    case 'ismaster':
      return { isWritablePrimary: true, maxWireVersion: 25, ok: 1 };
    case 'saslStart':
    case 'saslContinue':
      return { conversationId: 1, done: true, payload: Buffer.alloc(0), ok: 1 };
    case 'find':
    case 'aggregate':
      return { cursor: { firstBatch: [], id: 0n, ns }, ok: 1 };
    default:
      return { ok: 1 };
  }
}

/** A server that says what it is told to, in order. */
class Scripted {
  #read = 0;
  #replyId = 1000;
  readonly #harness: SessionHarness;
  readonly #case: MongoCase;

  constructor(harness: SessionHarness, each: MongoCase) {
    this.#harness = harness;
    this.#case = each;
  }

  serve(): void {
    for (let done = false; !done; ) {
      const messages = messagesIn(this.#harness.sent(Side.upstream));
      done = this.#read >= messages.length;
      for (const message of messages.slice(this.#read)) {
        this.#read++;
        if (!isSilent(message)) this.#answer(message);
      }
    }
  }

  #answer(message: Buffer): void {
    const command = commandIn(message);
    const id = message.readInt32LE(4);
    const scripted = this.#case.answers?.(command, id, message);
    if (scripted === null) return;
    const answer = scripted ?? usualAnswer(command);
    const isQuery = message.readInt32LE(12) === 2004;
    const ids = { requestId: ++this.#replyId, responseTo: id };
    const all = Array.isArray(answer)
      ? (answer as readonly Buffer[])
      : [isQuery ? opReply([answer as Record<string, unknown>], ids) : opMsg(answer as Record<string, unknown>, ids)];
    for (const bytes of all) if (this.#harness.closed === '') this.#harness.feed(Side.upstream, bytes);
  }
}

/** The same pieces, none of which has bytes of two messages. */
function cutAt(pieces: readonly Buffer[], parts: readonly Part[]): Buffer[] {
  const out: Buffer[] = [];
  let left = parts[0]!.bytes.length;
  let next = 1;
  for (let rest of pieces)
    while (rest.length > 0) {
      const piece = rest.subarray(0, left);
      out.push(piece);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      if (left === 0) left = parts[next++]?.bytes.length ?? 0;
    }
  return out;
}

/** Whether another one was open when it came, and how long it was, hangs on when the answers did. */
const told = (ended: readonly EndedExchange[]): string =>
  JSON.stringify(ended, (key, value) =>
    key === 'digest' || key === 'disorder'
      ? undefined
      : key === 'flags'
        ? value & ~(Flag.pipelined | Flag.untimed)
        : value,
  );

/** Cases of a row that are cut at every offset; the others of it at a third of them each, in turn. */
const CUT_ALL = 6;

/**
 * Plays a case through the session with the real engine and a scripted server: whole, byte by byte, and cut in two anywhere.
 * `place` is its place in its row. SLUICE_EVERY_CUT=1: each case at every offset.
 */
export function playCut(each: MongoCase, place: number): void {
  let judge = judgeOf(each.policies, mongodb);
  const parts = readParts(each.sends);
  const closes = parts.at(-1)?.fate === 'closes' || each.breaks === true;
  const denied = parts.filter(({ fate }) => fate === 'denied').length;
  const stream = Buffer.concat(each.sends.map(({ bytes }) => bytes));
  const isLong = stream.length > LONG_BYTES;
  const all = cutsOf(stream.length);
  const isAll = process.env['SLUICE_EVERY_CUT'] === '1';
  // Of streams above 300 bytes a third of the sample.
  const isThin = place >= CUT_ALL || (stream.length > 301 && all.length < stream.length - 1);
  const every = isLong ? (stream.length > 10 * LONG_BYTES ? 150 : 40) : isAll || !isThin ? 1 : 3;
  const cuts = all.filter((_, i) => i % every === place % every);
  const options = { options: optionsOf(each.options) };
  let bound = boundOf(mongodb, options, filterEnv());
  let first: string | null = null;
  for (const pieces of piecesOf(stream, cuts)) {
    if (isLong && pieces.length > 2) continue;
    if (each.fresh === true) {
      bound = boundOf(mongodb, options, filterEnv());
      judge = judgeOf(each.policies, mongodb);
    }
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const server = new Scripted(harness, each);
    for (const piece of each.stepwise === true ? cutAt(pieces, each.sends) : pieces) {
      harness.feed(Side.downstream, piece);
      server.serve();
    }
    if (each.ends === 'fin') harness.hangUp(Side.downstream, 'fin');
    server.serve();
    if (each.ends === 'reset') harness.hangUp(Side.downstream, 'reset');
    checkSent(harness.sent(Side.upstream), parts, closes);
    if (closes !== (harness.closed !== '')) expect(harness.closed).toBe(closes ? 'closed' : '');
    const replies = messagesIn(harness.sent(Side.downstream));
    if (each.breaks === true) checkFirst(replies, parts);
    else checkReplies(replies.map(readReply), parts, closes || each.ends === 'reset');
    harness.finish();
    // Each denied command is one exchange, and says so (R15).
    const refused = harness.ended.filter(({ verdict }) => verdict === VerdictCode.denied);
    const isTold = refused.every(({ outcome, policy }) => outcome === Outcome.denied && policy !== '');
    const most = denied + (parts.at(-1)?.fate === 'closes' ? 1 : 0);
    if (each.breaks !== true && (refused.length < denied || refused.length > most || !isTold))
      expect(harness.ended.map(({ text, verdict, policy }) => [text, verdict, policy])).toEqual(`${denied} denied`);
    // However it was cut, the story is the same.
    first ??= told(harness.ended);
    if (told(harness.ended) !== first && !closes) expect(told(harness.ended)).toBe(first);
  }
}

// ---- before the strict server

/** What stands in the place of what is denied, as the journal has it. */
const STAND_IN = /^(ping|abortTransaction|isMaster) admin\.$/;
const SEED: readonly (readonly [database: string, collection: string])[] = [
  ['shop', 'secret'],
  ['forbidden', 't'],
];
/** What changes nothing in the server. */
const READS = new Set(['find', 'count', 'ping', 'hello', 'isMaster', 'explain', 'abortTransaction']);
const CANARY = { _id: 1, canary: 'as it was' };

/** The stand-in for MongoDB with its canaries, and a connection of its own to it. */
export class Truth {
  readonly server: MongoServer;
  readonly direct: MongoWire;
  #cleanAt = 0;
  #isUsed = true;

  constructor(server: MongoServer, direct: MongoWire) {
    this.server = server;
    this.direct = direct;
  }

  /** All as it was at the beginning. Returns where the journal stands. */
  async reset(before: readonly Record<string, unknown>[] = []): Promise<number> {
    const { commands } = this.server.journal;
    if (before.length === 0 && !this.#isUsed && commands.slice(this.#cleanAt).every(({ name }) => READS.has(name)))
      return commands.length;
    this.#isUsed = before.length > 0;
    for (const database of ['shop', 'forbidden', 'other']) await this.direct.ask({ dropDatabase: 1, $db: database });
    for (const [$db, insert] of SEED) await this.direct.ask({ insert, $db, documents: [CANARY] });
    const orders = [1, 2, 3].map((_id) => ({ _id, total: _id * 10 }));
    await this.direct.ask({ insert: 'orders', $db: 'shop', documents: orders });
    for (const command of before) {
      const { doc } = await this.direct.ask({ $db: 'shop', ...command });
      if (doc['ok'] !== 1) throw new Error(JSON.stringify(doc));
    }
    this.#cleanAt = commands.length;
    return commands.length;
  }

  /** What it did since then, but for stand-ins. */
  did(since: number): string[] {
    return this.server.journal.commands
      .slice(since)
      .map(({ name, database, collection }) => `${name} ${database}.${collection}`)
      .filter((line) => !STAND_IN.test(line));
  }

  /** All that is forbidden is as it was. */
  async untouched(): Promise<void> {
    for (const [$db, find] of SEED) {
      const { doc } = await this.direct.ask({ find, $db });
      expect((doc['cursor'] as { firstBatch: unknown[] }).firstBatch).toEqual([CANARY]);
    }
  }
}

/** Seven bytes a piece. */
const CRUMB = 7;

/**
 * Plays a case through the data plane before the strict server: whole, byte by byte, and at three seeded cuts. The later
 * cases of a row in crumbs and at one cut.
 */
export async function playReal(each: MongoCase, place: number, plane: GatePlane, truth: Truth): Promise<void> {
  await plane.setPolicies(each.policies);
  const stream = Buffer.concat(each.sends.map(({ bytes }) => bytes));
  const random = seeded(stream.length + place);
  const isThin = place >= CUT_ALL && process.env['SLUICE_EVERY_CUT'] !== '1';
  const cuts = (isThin ? [0] : [0, 1, 2]).map(() => 1 + Math.floor(random() * (stream.length - 1)));
  const parts = readParts(each.sends);
  const closes = parts.at(-1)?.fate === 'closes';
  const allowed = parts.filter(({ fate, says }) => fate === 'allowed' && !STAND_IN.test(says)).map(({ says }) => says);
  for (const all of piecesOf(stream, cuts)) {
    if (stream.length > LONG_BYTES && all.length > 2) continue;
    const pieces = isThin && all.length > 2 ? crumbsOf(stream) : all;
    const since = await truth.reset(each.before);
    plane.ended.length = 0;
    const client = await MongoWire.to(plane.port);
    try {
      for (const piece of pieces) {
        client.write(piece);
        if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
      }
      const replies = await repliesTo(client, parts, closes);
      checkReplies(replies, parts, closes);
      if (!closes) expect((await client.ask({ ping: 1, $db: 'shop' }, { requestId: 1 << 20 })).doc['ok']).toBe(1);
    } finally {
      client.socket.destroy();
    }
    await plane.settled();
    await poll('the connection is over', () => plane.counts.sessions === 0, { everyMs: 1 });
    const did = truth.did(since).filter((line) => !line.startsWith('ping shop.'));
    if (closes) expect(allowed.slice(0, did.length)).toEqual(did);
    else expect(did).toEqual(allowed.filter((line) => !line.startsWith('ping shop.')));
    await truth.untouched();
    const denied = plane.ended.filter(({ verdict }) => verdict === 'denied');
    const least = parts.filter(({ fate }) => fate === 'denied').length;
    expect(denied.length).toBeGreaterThanOrEqual(closes ? 0 : least);
    expect(denied.length).toBeLessThanOrEqual(least + (closes ? 1 : 0));
  }
}

const crumbsOf = (stream: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(stream.length / CRUMB) }, (_, i) => stream.subarray(i * CRUMB, (i + 1) * CRUMB));

async function repliesTo(client: MongoWire, parts: readonly Part[], closes: boolean): Promise<Reply[]> {
  const count = parts.reduce((sum, { replies }) => sum + replies, 0);
  const replies: Reply[] = [];
  while (closes || replies.length < count) {
    const reply = await client.next();
    if (reply === null) break;
    replies.push(reply);
  }
  return replies;
}
