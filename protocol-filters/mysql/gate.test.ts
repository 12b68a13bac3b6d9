import { describe, expect, test } from 'vitest';
import { Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Denial, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { mysqlParserReady } from '../../test/support/mysql-gated.ts';
import { type HarnessOptions, SessionHarness } from '../../test/support/session-harness.ts';
import { boundOf } from '../../test/support/story.ts';
import { mysql } from './index.ts';
import { CAPABILITIES, client, packet, server } from './testing/builders.ts';
import { Capability } from './wire.ts';

await mysqlParserReady();

const WHY: Denial = { policy: 'p', message: 'no', kind: 'policy', closes: false };
const touches = (name: string) => (turn: Turn) =>
  turn.facts.some(({ accesses }) => accesses.some((access) => access.name === name));

/** A session that is logged in, before a judge. */
function session(options: Partial<HarnessOptions> = {}): {
  on: SessionHarness;
  say: (...bytes: Buffer[]) => void;
  answer: (bytes: Buffer) => void;
  sent: () => string;
  got: () => Buffer;
} {
  const judge = options.judge ?? ((turn: Turn) => (touches('pay')(turn) ? WHY : null));
  const on = new SessionHarness({ bound: boundOf(mysql, {}, filterEnv()), judge, enforces: true, ...options });
  on.feed(Side.upstream, server.greeting({ version: '10.11.19-MariaDB' }));
  on.feed(Side.downstream, client.login41());
  on.feed(Side.upstream, server.ok({}, 2));
  let [toServer, toClient] = [on.sent(Side.upstream).length, on.sent(Side.downstream).length];
  return {
    on,
    say: (...bytes) => on.feed(Side.downstream, Buffer.concat(bytes)),
    answer: (bytes) => on.feed(Side.upstream, bytes),
    sent: () => {
      const bytes = on.sent(Side.upstream).subarray(toServer);
      toServer += bytes.length;
      return bytes.toString('latin1');
    },
    got: () => {
      const bytes = on.sent(Side.downstream).subarray(toClient);
      toClient += bytes.length;
      return bytes;
    },
  };
}

test('a denied statement: a ping leaves, and its OK becomes the error', () => {
  const { on, say, answer, sent, got } = session();
  say(client.query('select * from pay'));
  expect(sent()).toBe('\x01\0\0\0\x0e');
  answer(server.ok());
  const error = got();
  expect(error.readUInt8(4)).toBe(0xff);
  expect(error.readUInt16LE(5)).toBe(1142);
  expect(error.toString('utf8', 7)).toBe('#42000no (denied by policy "p")');
  expect(error[3]).toBe(1);
  expect(on.ended).toMatchObject([
    { outcome: Outcome.denied, code: '1142', severity: '42000', policy: 'p', verdict: VerdictCode.denied },
  ]);
  on.finish();
});

test('a denial that closes: the error, and the end', () => {
  const { on, say, sent, got } = session({ judge: (turn) => (touches('pay')(turn) ? { ...WHY, closes: true } : null) });
  say(client.query('select * from pay'));
  expect(sent()).toBe('');
  expect(got().readUInt16LE(5)).toBe(1227);
  expect(on.closed).not.toBe('');
  on.hangUp(Side.upstream);
  expect(on.openExchanges).toBe(0);
  expect(on.ended).toMatchObject([{ outcome: Outcome.denied, policy: 'p' }]);
});

test('after an error that nobody asked for nothing more is sent', () => {
  const { on, say, answer, sent, got } = session();
  answer(server.err(1053, '08S01', 'shutdown'));
  expect(got().readUInt16LE(5)).toBe(1053);
  say(client.query('select 1'));
  expect(sent()).toBe('');
  on.hangUp(Side.upstream);
});

test('MariaDB’s prepare and execution in one: the execution leaves when the number is known', () => {
  const { say, answer, sent } = session();
  say(client.prepare('select 1'), client.execute(0xffff_ffff));
  expect(sent()).toContain('select 1');
  expect(sent()).toBe('');
  answer(server.prepared(5));
  expect(sent().charCodeAt(4)).toBe(0x17);
});

describe('last words', () => {
  const idle: Denial = { policy: 'p', message: 'idle', kind: 'limit', closes: true };

  test('of a connection where nothing is under way', () => {
    const { on } = session();
    expect(Buffer.from(on.session.expel!(idle)!).readUInt16LE(5)).toBe(4031);
  });
  test('none while a reply is under way', () => {
    const { on, say } = session();
    say(client.query('select 1'));
    expect(on.session.expel!(idle)).toBe(null);
  });
  test('in the greeting’s place', () => {
    const on = new SessionHarness({ bound: boundOf(mysql, {}, filterEnv()), judge: () => null, enforces: true });
    const last = Buffer.from(on.session.expel!(WHY)!);
    expect([last[3], last[4], last.readUInt16LE(5)]).toEqual([0, 0xff, 1227]);
  });
});

describe('replies above a limit', () => {
  const rows = (count: number): Buffer => server.result(Array.from({ length: count }, (_, i) => `row ${i}`));

  for (const [name, limits, reply, left] of [
    ['rows', { rows: 2 }, rows(5), 2],
    ['bytes', { bytes: 100 }, rows(50), -1],
  ] as const)
    test(`${name}: an error in a row’s place, and nothing of the rest`, () => {
      for (let cut = 1; cut < reply.length; cut += 3) {
        const { on, say, answer, got } = session({ limits });
        say(client.query('select a from t'));
        answer(reply.subarray(0, cut));
        answer(reply.subarray(cut));
        const received = got();
        const shown = received.toString('latin1');
        expect(shown).toContain('#42000too many');
        expect(shown.endsWith('(denied by policy "limit")')).toBe(true);
        if (left >= 0) expect(shown.match(/row \d/g)?.length).toBe(left);
        expect(on.ended).toMatchObject([{ outcome: Outcome.denied, code: '1226' }]);
        expect(on.ended[0]!.flags & Flag.denied).not.toBe(0);
        say(client.query('select 2'));
        answer(server.ok());
        expect(got().equals(server.ok())).toBe(true);
        on.finish();
      }
    });

  test('as many as allowed: untouched', () => {
    const { on, say, answer, got } = session({ limits: { rows: 5 } });
    say(client.query('select a from t'));
    answer(rows(5));
    expect(got().equals(rows(5))).toBe(true);
    on.finish();
  });
});

test('shadow: bytes flow as they are, and policies are asked all the same', () => {
  const { on, say, answer, sent } = session({ enforces: false });
  say(client.query('select * from pay'));
  expect(sent()).toContain('select * from pay');
  answer(server.ok());
  expect(on.asked.map(({ verdict }) => verdict)).toEqual(['deny']);
  on.finish();
});

test('a greeting offers less than the server can, byte for byte the same else', () => {
  const env = filterEnv();
  const on = new SessionHarness({ bound: boundOf(mysql, {}, env), judge: () => null, enforces: true });
  const offered = CAPABILITIES | Capability.compress | Capability.ssl;
  on.feed(Side.upstream, server.greeting({ capabilities: offered }));
  const left = CAPABILITIES & ~Capability.localFiles;
  expect(on.sent(Side.downstream).equals(server.greeting({ capabilities: left }))).toBe(true);
  expect(env.stats.value('sluice.mysql.p.capabilities_removed')).toBe(1);
});

test('a login’s claim to files is taken back', () => {
  const { on } = session();
  const login = on.sent(Side.upstream);
  expect(login[4]! & 0x80).toBe(0);
  expect(login.length).toBe(client.login41().length);
});

test('a file that LOAD DATA asked for is data', () => {
  const bound = boundOf(mysql, { options: mysql.options.parse({ local_infile: 'allow' }) }, filterEnv());
  const { on, say, answer, sent } = session({ bound });
  say(client.query("load data local infile 'x' into table t"));
  answer(server.infile('x'));
  sent();
  say(packet(2, Buffer.from('\x03delete from pay')), packet(3));
  expect(sent()).toContain('delete from pay');
  answer(server.ok({}, 4));
  expect(on.ended).toMatchObject([{ outcome: Outcome.ok }]);
});

test('a denied statement whose stand-in is never answered stays denied', () => {
  const { on, say } = session();
  say(client.query('select * from pay'));
  on.finish();
  expect(on.ended).toMatchObject([{ outcome: Outcome.denied, verdict: VerdictCode.denied, policy: 'p' }]);
});
