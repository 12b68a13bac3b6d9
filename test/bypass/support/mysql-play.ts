import { expect } from 'vitest';
import { Command } from '../../../protocol-filters/mysql/commands.ts';
import { mysql } from '../../../protocol-filters/mysql/index.ts';
import { CAPABILITIES, client, server } from '../../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C, ServerStatus } from '../../../protocol-filters/mysql/wire.ts';
import { Flag, Outcome, VerdictCode } from '../../../src/exchange/exchange.ts';
import { Side } from '../../../src/exchange/side.ts';
import { seeded } from '../../../src/net/simulated.ts';
import { filterEnv } from '../../support/filter-env.ts';
import { SessionHarness } from '../../support/session-harness.ts';
import { boundOf } from '../../support/story.ts';
import { judgeOf } from './harness-engine.ts';
import type { MysqlCase } from './mysql.ts';
import { piecesOf } from './row.ts';

export const HIDDEN = /forbidden|vault/i;

/** What can be told of a session, however its bytes were cut. */
interface Told {
  readonly toServer: string;
  /** Of that, what came behind the login. */
  readonly afterLogin: string;
  /** One letter a reply: o for OK, e for a server's error, d for a denial. */
  readonly replies: string;
  readonly closed: boolean;
  readonly ended: string;
}

/** Each packet of a stream: its payload. */
export function payloadsOf(bytes: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUIntLE(at, 3);
    payloads.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return payloads;
}

const DENIED = Buffer.from('denied by policy "');
export const isDenial = (payload: Buffer): boolean => payload[0] === 0xff && payload.includes(DENIED);

/** An OK that others of the same text follow. */
const isMore = (payload: Buffer): boolean =>
  payload[0] === 0 && payload.length === 7 && (payload.readUInt16LE(3) & ServerStatus.moreResultsExist) !== 0;

/** Plays a case before the real engine: whole, byte by byte, and cut at each offset. All must tell the same. */
export function playCase(one: MysqlCase): void {
  if (one.lines !== undefined) {
    playLines(one, one.lines);
    return;
  }
  if (one.breaks !== undefined) {
    playBreaks(one, one.breaks);
    return;
  }
  const bound = boundOf(mysql, { options: mysql.options.parse(one.options ?? {}) }, filterEnv());
  const judge = judgeOf(one.policies, mysql);
  const stream = Buffer.concat(one.says.map(({ bytes }) => bytes));
  let first: Told | null = null;
  for (const pieces of waysOf(one.opens ?? stream, one.fewCuts === true)) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const wire = new ScriptedServer(harness, one);
    wire.greet();
    if (one.opens === undefined) wire.logIn();
    for (const piece of pieces) wire.say(piece);
    const told = wire.told();
    if (one.secret !== undefined) checkSecret(one.secret, harness);
    // Where it closes, what is still under way depends on how it came.
    if (told.closed) {
      check(one, told);
      continue;
    }
    if (first === null) {
      first = told;
      check(one, told);
    } else if (JSON.stringify(told) !== JSON.stringify(first)) expect(told).toEqual(first);
  }
}

const SHORT_BYTES = 2048;
const SOME_CUTS = 30;

/** Every cut of what is short; byte by byte and some cuts of what is not; megabytes near the joints of packets. */
function* waysOf(stream: Buffer, few: boolean): Iterable<Buffer[]> {
  const { length } = stream;
  if ((length <= SHORT_BYTES && !few) || process.env['SLUICE_EVERY_CUT'] === '1') {
    yield* piecesOf(stream);
    return;
  }
  const random = seeded(length);
  const some = Array.from({ length: SOME_CUTS }, () => 1 + Math.floor(random() * (length - 1)));
  const joints = [1, 3, 4, 5, 4100, 0xff_ffff, 0xff_ffff + 4, 0xff_ffff + 8, length >> 1, length - 30, length - 1];
  yield [stream];
  if (length < 10_000) yield Array.from(stream, (byte) => Buffer.of(byte));
  for (const at of length < 100_000 ? some : joints)
    if (at > 0 && at < length) yield [stream.subarray(0, at), stream.subarray(at)];
}

/** A side is gone at each offset: nothing that was held leaves, and every exchange ends once (the harness throws). */
function playBreaks(one: MysqlCase, [who, how]: NonNullable<MysqlCase['breaks']>): void {
  const bound = boundOf(mysql, { options: mysql.options.parse(one.options ?? {}) }, filterEnv());
  const judge = judgeOf(one.policies, mysql);
  const stream = one.opens ?? Buffer.concat(one.says.map(({ bytes }) => bytes));
  for (let cut = 1; cut <= stream.length; cut++) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    const wire = new ScriptedServer(harness, one);
    wire.greet();
    if (one.opens === undefined) wire.logIn();
    wire.say(stream.subarray(0, cut));
    const left = harness.sent(Side.upstream);
    harness.hangUp(who === 'client' ? Side.downstream : Side.upstream, how);
    harness.finish();
    expect(harness.sent(Side.upstream).length, 'nothing leaves behind the break').toBe(left.length);
    if (HIDDEN.test(left.toString('latin1'))) expect(left.toString('latin1')).not.toMatch(HIDDEN);
  }
}

/** Each line cut at each of its offsets. The first one is the server's greeting. */
function playLines(one: MysqlCase, lines: NonNullable<MysqlCase['lines']>): void {
  const bound = boundOf(mysql, { options: mysql.options.parse(one.options ?? {}) }, filterEnv());
  const judge = judgeOf(one.policies, mysql);
  const closes = one.serverCloses === true || one.says.some(({ fate }) => fate === 'closes');
  const wholes = lines.map(([, bytes]) => [bytes]);
  const ways = [wholes];
  lines.forEach(([, bytes], i) => {
    for (const pieces of piecesOf(bytes)) ways.push(wholes.map((whole, n) => (n === i ? pieces : whole)));
  });
  for (const way of ways) {
    const harness = new SessionHarness({ bound, judge, enforces: true });
    lines.forEach(([who], i) => {
      for (const piece of way[i]!) harness.feed(who === '>' ? Side.downstream : Side.upstream, piece);
    });
    const heard = harness.sent(Side.downstream);
    if (one.hears !== undefined && !heard.equals(one.hears))
      expect(heard.toString('hex')).toBe(one.hears.toString('hex'));
    expect(harness.sent(Side.upstream).toString('latin1')).not.toMatch(one.hidden ?? HIDDEN);
    expect(harness.closed !== '', `closed: ${harness.closed}`).toBe(closes);
    harness.finish();
    if (one.secret !== undefined) checkSecret(one.secret, harness);
  }
}

/** Everything that leaves a session besides its bytes. */
function checkSecret(secret: string, harness: SessionHarness): void {
  const { ended, asked, asides, confirmed, learned, opaqueReasons, closed, facts } = harness;
  const all = JSON.stringify([ended, asked, asides, confirmed, learned, opaqueReasons, closed, facts]);
  for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')])
    if (all.includes(form)) expect(all).not.toContain(form);
}

const PING = client.ping();

function check(one: MysqlCase, told: Told): void {
  expect(told.toServer, 'what left').not.toMatch(one.hidden ?? HIDDEN);
  const closes = one.says.some(({ fate }) => fate === 'closes');
  expect(told.closed, 'closed').toBe(closes || one.opens !== undefined || one.serverCloses === true);
  if (told.closed) return;
  if (one.says.every(({ fate }) => fate !== 'mute')) {
    // What is allowed leaves as it came, and a ping for what is not.
    const out = one.says.map(({ fate, bytes }) => (fate === 'denied' ? PING : bytes));
    expect(told.afterLogin, 'what left').toBe(Buffer.concat(out).toString('latin1'));
  }
  const want = one.says.map(({ fate }) => (fate === 'denied' ? 'd' : fate === 'mute' ? '' : 'o')).join('');
  expect(told.replies.replaceAll('e', 'o'), 'replies, in order').toBe(want);
}

/** A server that says OK to everything it is sent, in the protocol's form. */
class ScriptedServer {
  readonly #harness: SessionHarness;
  readonly #case: MysqlCase;
  #read = 0;
  #commands = 0;
  #statements = 0;
  #loggedIn = false;
  #afterLogin = 0;
  #login = 0;

  constructor(harness: SessionHarness, one: MysqlCase) {
    this.#harness = harness;
    this.#case = one;
  }

  greet(): void {
    const capabilities = CAPABILITIES | C.queryAttributes;
    this.#harness.feed(
      Side.upstream,
      server.greeting({ version: '10.11.19-MariaDB', capabilities, ...this.#case.greeting }),
    );
  }

  logIn(): void {
    this.#harness.feed(Side.downstream, client.login41({ user: 'open', ...this.#case.login }));
    this.#answer();
    this.#afterLogin = this.#harness.sent(Side.downstream).length;
    this.#login = this.#harness.sent(Side.upstream).length;
  }

  say(piece: Buffer): void {
    if (this.#harness.closed !== '') return;
    this.#harness.feed(Side.downstream, piece);
    this.#answer();
  }

  /** Answers all that has left, again and again: what was held may leave then. */
  #answer(): void {
    if (this.#case.opens !== undefined) return; // the server takes its time
    for (;;) {
      const sent = this.#harness.sent(Side.upstream);
      const rest = sent.subarray(this.#read);
      if (this.#harness.closed !== '' || rest.length < 4) return;
      let end = 0;
      let bytes = 0xff_ffff;
      for (; bytes === 0xff_ffff; end += 4 + bytes) {
        if (rest.length < end + 4) return;
        bytes = rest.readUIntLE(end, 3);
      }
      if (rest.length < end) return;
      this.#read += end;
      const reply = this.#replyTo(rest.subarray(4, end));
      if (reply !== null) this.#harness.feed(Side.upstream, reply);
    }
  }

  #replyTo(payload: Buffer): Buffer | null {
    if (!this.#loggedIn) {
      this.#loggedIn = true;
      return server.ok({}, 2);
    }
    const own = this.#case.answers?.(payload, this.#commands++) ?? null;
    if (own !== null) return own.length === 0 ? null : own;
    switch (payload[0]) {
      case Command.stmtPrepare:
        return server.prepared(++this.#statements);
      case Command.stmtClose:
      case Command.stmtSendLongData:
      case Command.quit:
        return null;
      case Command.fieldList:
      case Command.stmtFetch:
        return server.end();
      case Command.statistics:
        return server.ok();
      case Command.query:
        return this.#results(payload.toString('latin1', 1));
      default:
        return server.ok({ status: this.#status });
    }
  }

  #status = 2;

  /** An OK for each statement; and the modes that MariaDB tells of in each. */
  #results(text: string): Buffer {
    const mode = /sql_mode\s*=\s*(.*)/i.exec(text)?.[1];
    if (mode !== undefined && !mode.includes('@')) {
      this.#status = 2;
      if (/no_backslash/i.test(mode)) this.#status |= ServerStatus.noBackslashEscapes;
      if (/ansi|mssql|oracle|^4/i.test(mode)) this.#status |= ServerStatus.ansiQuotes;
    }
    const plain = text.replaceAll(/'[^']*'/g, '').replaceAll(/\/\*.*?\*\//g, '');
    const count = Math.max(1, plain.split(';').filter((part) => part.trim() !== '').length);
    return Buffer.concat(
      Array.from({ length: count }, (_, i) =>
        server.ok({ status: this.#status | (i < count - 1 ? ServerStatus.moreResultsExist : 0) }, 1 + i),
      ),
    );
  }

  told(): Told {
    const harness = this.#harness;
    const closed = harness.closed !== '';
    harness.hangUp(Side.downstream);
    harness.hangUp(Side.upstream);
    const sent = harness.sent(Side.downstream).subarray(this.#afterLogin);
    const replies = payloadsOf(sent).map((payload) =>
      isDenial(payload) ? 'd' : payload[0] === 0xff ? 'e' : isMore(payload) ? '' : 'o',
    );
    expect(harness.openExchanges).toBe(0);
    for (const x of harness.ended)
      if ((x.flags & Flag.denied) !== 0) {
        // One event, that says who denied it (R15).
        expect(x.verdict).toBe(VerdictCode.denied);
        expect(x.policy).not.toBe('');
        if (!closed && this.#case.answers === undefined) expect(x.outcome).toBe(Outcome.denied);
      }
    return {
      toServer: harness.sent(Side.upstream).toString('latin1'),
      afterLogin: harness.sent(Side.upstream).toString('latin1', this.#login),
      replies: replies.join(''),
      closed,
      ended: harness.ended
        .map((x) => `${x.kind} ${x.text} ${x.outcome} ${x.code} ${x.verdict} ${x.policy} ${x.index}`)
        .join('\n'),
    };
  }
}
