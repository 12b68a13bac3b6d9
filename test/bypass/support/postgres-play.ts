import net from 'node:net';
import { expect } from 'vitest';
import { postgres } from '../../../protocol-filters/postgres/index.ts';
import { client, server } from '../../../protocol-filters/postgres/testing/builders.ts';
import { Frontend as F } from '../../../protocol-filters/postgres/wire.ts';
import { Outcome, VerdictCode } from '../../../src/exchange/exchange.ts';
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
import { breakReal, playBreaks } from './postgres-breaks.ts';
import { FakePostgres } from './postgres-fake.ts';
import { SECRET, type Truth } from './postgres-truth.ts';
import { cutsOf, piecesOf } from './row.ts';

/** What a client has read: the SQLSTATE of each error, and the status of each ReadyForQuery. */
export interface Heard {
  readonly codes: string[];
  ready: string;
  /** ParameterStatus, and rows: for what a test looks at. */
  readonly rows: string[];
}

/** Reads the server's messages; `bytes` may end within one. Returns how far it came. */
export function hear(heard: Heard, bytes: Buffer): number {
  let at = 0;
  while (bytes.length - at >= 5) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (bytes.length < end) break;
    const type = String.fromCharCode(bytes[at]!);
    const body = bytes.subarray(at + 5, end);
    if (type === 'Z') heard.ready += String.fromCharCode(body[0]!);
    else if (type === 'E') heard.codes.push(/(?:^|\0)C(\w{5})\0/.exec(body.toString('latin1'))?.[1] ?? '');
    else if (type === 'D') heard.rows.push(body.toString('latin1'));
    at = end;
  }
  return at;
}

function checkHeard(each: PgCase, heard: Heard): void {
  if (each.closes !== true && heard.codes.join() !== each.codes.join()) expect(heard.codes).toEqual(each.codes);
  if (each.closes === true && heard.codes.length > 0) expect(each.codes).toContain(heard.codes.at(-1));
  if (each.ready !== undefined && heard.ready !== each.ready) expect(heard.ready).toBe(each.ready);
  if (heard.rows.some((row) => row.includes(SECRET))) expect(heard.rows).toEqual('no row of pay');
}

function checkSent(each: PgCase, sent: Buffer): void {
  for (const never of each.never ?? ['pay']) {
    const at = sent.indexOf(never);
    if (at >= 0) expect(sent.toString('latin1')).not.toContain(never.toString());
  }
}

/** Cuts one send after another: all sends whole but one. */
function* ways(each: PgCase): Generator<readonly (readonly Buffer[])[]> {
  const wholes = each.sends.map((bytes) => [bytes]);
  yield wholes;
  for (let i = 0; i < each.sends.length; i++) {
    const bytes = each.sends[i]!;
    const cuts = cutsOf(bytes.length);
    for (const pieces of piecesOf(bytes, bytes.length > 20_000 ? cuts.filter((_, n) => n % 20 === 0) : cuts)) {
      if (bytes.length > 20_000 && pieces.length > 2) continue; // byte by byte takes too long
      yield wholes.map((one, n) => (n === i ? pieces : one));
    }
  }
}

/** Plays what both sides say, each line cut at each of its offsets. */
function playLines(each: PgCase, lines: NonNullable<PgCase['lines']>): void {
  const bound = boundOf(postgres, {}, filterEnv());
  const judge = judgeOf(each.policies, postgres);
  const wholes = lines.map(([, bytes]) => [bytes]);
  const ways: Buffer[][][] = [wholes];
  lines.forEach(([, bytes], i) => {
    for (const pieces of piecesOf(bytes)) ways.push(wholes.map((one, n) => (n === i ? pieces : one)));
  });
  for (const way of ways) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    if (each.startup !== null) {
      harness.feed(Side.downstream, each.startup ?? startup());
      harness.feed(Side.upstream, server.welcome());
    }
    lines.forEach(([who], i) => {
      for (const piece of way[i]!) harness.feed(who === '>' ? Side.downstream : Side.upstream, piece);
    });
    checkEnd(each, harness);
  }
}

function checkEnd(each: PgCase, harness: SessionHarness): void {
  checkSent(each, harness.sent(Side.upstream));
  if (each.hears !== undefined && !harness.sent(Side.downstream).equals(each.hears))
    expect(harness.sent(Side.downstream).toString('latin1')).toBe(each.hears.toString('latin1'));
  if ((harness.closed !== '') !== (each.closes === true))
    expect(harness.closed).toBe(each.closes === true ? 'closed' : '');
  harness.finish();
  // Each denied message is told of once and says by whom (R15).
  const refused = harness.ended.filter(({ verdict }) => verdict === VerdictCode.denied);
  const least = each.denied ?? each.codes.filter((code) => code === '42501').length;
  if (refused.length < least || refused.some(({ outcome, policy }) => outcome !== Outcome.denied || policy === ''))
    expect(harness.ended.map(({ text, verdict, policy }) => [text, verdict, policy])).toEqual(`${least} denied`);
}

/** All that a case tells, but times: what must be the same each time (threats X-13). */
export function eventsOf(each: PgCase): string {
  const bound = boundOf(postgres, {}, filterEnv());
  const harness = new SessionHarness({ bound, judge: judgeOf(each.policies, postgres), enforces: true });
  const fake = new FakePostgres();
  let served = 0;
  for (const bytes of [...(each.startup === null ? [] : [each.startup ?? startup()]), ...each.sends]) {
    harness.feed(Side.downstream, bytes);
    for (let out = harness.sent(Side.upstream); out.length > served; out = harness.sent(Side.upstream)) {
      const said = fake.read(out.subarray(served));
      served = out.length;
      if (said.length > 0) harness.feed(Side.upstream, said);
    }
  }
  harness.finish();
  return toldBy(harness);
}

/** Plays a case through the session with the real engine and a scripted server, cut in every way. */
export function playCut(each: PgCase): void {
  if (each.lines !== undefined) {
    playLines(each, each.lines);
    return;
  }
  if (each.breaks !== undefined) {
    playBreaks(each, each.breaks);
    return;
  }
  const bound = boundOf(postgres, {}, filterEnv());
  const judge = judgeOf(each.policies, postgres);
  const first = each.startup === undefined ? startup() : each.startup;
  let told = '';
  for (const sends of ways(each)) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const fake = new FakePostgres();
    let served = 0;
    const serve = (): void => {
      for (let out = harness.sent(Side.upstream); out.length > served; out = harness.sent(Side.upstream)) {
        const said = fake.read(out.subarray(served));
        served = out.length;
        if (said.length > 0) harness.feed(Side.upstream, said);
      }
    };
    if (first !== null) harness.feed(Side.downstream, first);
    serve();
    const loginBytes = first === null ? 0 : harness.sent(Side.downstream).length;
    for (const pieces of sends) {
      for (const piece of pieces) {
        harness.feed(Side.downstream, piece);
        // A real server says nothing before the end of a batch: what is compared must not depend on it.
        if (each.retells !== true) serve();
      }
      serve();
    }
    const heard: Heard = { codes: [], ready: '', rows: [] };
    const bytes = harness.sent(Side.downstream).subarray(loginBytes);
    hear(heard, withoutAnswers(bytes));
    if (first === null) heard.ready = heard.ready.slice(1);
    checkHeard(each, heard);
    if (each.fin === true) harness.hangUp(Side.downstream);
    checkEnd(each, harness);
    if (each.retells !== true) continue;
    const tells = toldBy(harness);
    if (told !== '' && tells !== told) expect(tells).toBe(told);
    told = tells;
  }
}

const toldBy = (harness: SessionHarness): string =>
  JSON.stringify([harness.closed, harness.asked, harness.ended], (key, value) =>
    key === 'digest' ? undefined : value,
  );

/** Without the one-byte answers to requests for encryption. */
const withoutAnswers = (bytes: Buffer): Buffer => {
  let at = 0;
  while (
    bytes[at] === 0x4e &&
    (bytes.length - at < 5 || bytes[at + 1] === 0x4e || bytes[at + 1] === 0x52 || bytes[at + 1] === 0x45)
  )
    at++;
  return bytes.subarray(at);
};

/** How many ReadyForQuery messages a piece of a conversation is answered by. */
function answersTo(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; bytes.length - at >= 5; ) {
    const type = bytes[at]!;
    if (type === F.query || type === F.sync || type === F.functionCall) count++;
    at += 1 + Math.max(4, bytes.readUInt32BE(at + 1));
  }
  return count;
}

const ALIVE = client.query('select 41 + 1 as alive');

/** Plays a case before a real server, through real sockets. */
export async function playReal(each: PgCase, plane: GatePlane, truth: Truth, modes: readonly string[]): Promise<void> {
  if (each.breaks !== undefined) {
    await breakReal(each, each.breaks, plane, truth);
    return;
  }
  let told = '';
  for (const mode of each.retells === true ? [...modes, ...modes] : modes) {
    plane.ended.length = 0;
    const heard = await converse(each, plane.port, mode);
    checkHeard(each, heard);
    if (each.retells === true) {
      await plane.settled();
      const tells = JSON.stringify(plane.ended, (key, value) => (key === 'session' ? undefined : value));
      expect(plane.ended.length).toBeGreaterThan(0);
      if (told !== '') expect(tells).toBe(told);
      told = tells;
    }
    const held = await truth.held();
    const secret = `${SECRET} ${SECRET} ${SECRET} ${SECRET}`;
    if (held.log !== '' || held.pay !== secret) await truth.reset();
    if (held.pay !== secret || held.log !== (each.log ?? ''))
      expect([mode, held]).toEqual([mode, { pay: secret, log: each.log ?? '' }]);
  }
}

async function converse(each: PgCase, port: number, mode: string): Promise<Heard> {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  const heard: Heard = { codes: [], ready: '', rows: [] };
  let bytes = Buffer.alloc(0);
  let closed = false;
  let skip = each.startup === null ? answersOfNegotiation(each) : 0;
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (skip > 0) {
      const taken = Math.min(skip, bytes.length);
      skip -= taken;
      bytes = bytes.subarray(taken);
    }
    bytes = bytes.subarray(hear(heard, bytes));
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  const until = (count: number): Promise<unknown> =>
    poll(`${count} ready, ${mode}; heard ${heard.codes} ${heard.ready}`, () => closed || heard.ready.length >= count, {
      everyMs: 2,
    });
  try {
    let count = 0;
    if (each.startup !== null) {
      socket.write(each.startup ?? startup());
      await until(++count);
    }
    for (const send of each.sends) {
      await write(socket, send, mode);
      count = each.answers ?? count + (each.startup === null ? 1 : answersTo(send));
      if (each.closes !== true || (each.startup !== null && send !== each.sends.at(-1))) await until(count);
    }
    if (each.fin === true) socket.end();
    if (each.closes === true) await poll(`closed, ${mode}`, () => closed, { everyMs: 2 });
    else if (each.ready?.endsWith('I')) {
      socket.write(ALIVE);
      await until(count + 1);
      if (!heard.rows.at(-1)?.includes('42')) expect(heard).toEqual('alive');
      heard.ready = heard.ready.slice(0, -1);
    }
    heard.ready = heard.ready.slice(1);
    return heard;
  } finally {
    socket.destroy();
  }
}

/** Bytes that answer requests for encryption: one each. */
const answersOfNegotiation = (each: PgCase): number => {
  let count = 0;
  for (const send of each.sends)
    for (let at = 0; at + 8 <= send.length && [80877103, 80877104].includes(send.readInt32BE(at + 4)); at += 8) count++;
  return count;
};

async function write(socket: net.Socket, bytes: Buffer, mode: string): Promise<void> {
  if (mode === 'whole' || bytes.length > 5000) {
    socket.write(bytes);
    return;
  }
  const random = seeded(Number(mode) || 1);
  const cut = 1 + Math.floor(random() * (bytes.length - 1));
  const pieces =
    mode === 'byte by byte'
      ? Array.from(bytes, (byte) => Buffer.of(byte))
      : [bytes.subarray(0, cut), bytes.subarray(cut)];
  for (const piece of pieces) {
    if (socket.destroyed) return;
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
