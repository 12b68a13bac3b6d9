import { describe, expect, test } from 'vitest';
import { Flag, Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Denial, Turn } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type HarnessOptions, SessionHarness } from '../../test/support/session-harness.ts';
import { boundOf } from '../../test/support/story.ts';
import { MAX_OPEN } from './downstream.ts';
import { type ZookeeperOptions, zookeeper } from './index.ts';
import {
  ask,
  asked,
  connected,
  connectRequest,
  event,
  join,
  Mode,
  reply,
  request,
  STAT,
  strings,
  textStat,
} from './testing/builders.ts';

const DENIAL: Denial = { policy: 'p', message: 'no', kind: 'policy', closes: false };
const [NOAUTH, THROTTLEDOP] = [-102, -127];
const STAND_IN = ask.exists('/');

const noNo = (turn: Turn): Denial | null =>
  turn.facts.some(({ accesses }) => accesses.some(({ name }) => name === '/no')) ? DENIAL : null;

function gated(more: Partial<HarnessOptions> & { readonly options?: Partial<ZookeeperOptions> } = {}): SessionHarness {
  const options = { ...zookeeper.options.parse({}), ...more.options };
  const bound = boundOf(zookeeper, { options }, filterEnv());
  return new SessionHarness({ bound, judge: noNo, enforces: true, ...more });
}
const [down, up] = [Side.downstream, Side.upstream] as const;
/** A session that the server has granted. */
function begun(more: Parameters<typeof gated>[0] = {}): SessionHarness {
  const on = gated(more);
  on.feed(down, connectRequest());
  on.feed(up, connected());
  return on;
}
/** What left behind the session's beginning. */
const sentUp = (on: SessionHarness): string => on.sent(up).subarray(connectRequest().length).toString('hex');
const sentDown = (on: SessionHarness): string => on.sent(down).subarray(connected().length).toString('hex');
const hex = (...parts: readonly Uint8Array[]): string => join(...parts).toString('hex');

test.each([true, false])(
  'above the cap each request says what judged it, and where it stood (enforced: %s)',
  (enforces) => {
    const on = begun({ enforces });
    const count = MAX_OPEN + 3;
    const asks = Array.from({ length: count }, (_, i) => request(i + 1, ask.getData('/a')));
    on.feed(down, join(...asks));
    on.snapshot++;
    on.feed(up, join(...asks.map((_, i) => reply(i + 1, 0, textStat('x')))));
    const [first, each] = [connectRequest().length, asks[0]!.length];
    const places = asks.map((_, i) => `snapshot 1 at ${first + i * each} + ${each}`);
    expect(on.places).toEqual([`snapshot 1 at 0 + ${first}`, ...places]);
    expect(on.ended.at(-1)).toMatchObject({ verdict: enforces ? VerdictCode.allowed : VerdictCode.none });
    expect(on.ended.at(-1)!.flags & Flag.untimed).not.toBe(0);
    on.finish();
  },
);

describe('a denial', () => {
  test('takes its place among the answers, under its number', () => {
    const on = begun();
    on.feed(down, asked(1, ask.getData('/a'), ask.getData('/no'), ask.getData('/b')));
    expect(sentUp(on)).toBe(hex(request(1, ask.getData('/a')), request(2, STAND_IN), request(3, ask.getData('/b'))));
    const answers = join(reply(1, 0, textStat('x')), event(3, '/w'), reply(2, 0, STAT), reply(3, 0, textStat('y')));
    for (const byte of answers) on.feed(up, Uint8Array.of(byte));
    expect(sentDown(on)).toBe(
      hex(reply(1, 0, textStat('x')), event(3, '/w'), reply(2, NOAUTH), reply(3, 0, textStat('y'))),
    );
    expect(on.gear(up)).toBe('tap');
    on.finish();
    expect(on.ended.map(({ text, verdict, outcome, code }) => [text, verdict, outcome, code])).toEqual([
      ['connect', VerdictCode.allowed, Outcome.ok, ''],
      ['getData /a', VerdictCode.allowed, Outcome.ok, ''],
      ['getData /no', VerdictCode.denied, Outcome.denied, 'NOAUTH'],
      ['getData /b', VerdictCode.allowed, Outcome.ok, ''],
    ]);
  });

  test('that comes after a watch was left takes no event away; to leave another one is denied', () => {
    let strict = false;
    const on = begun({ judge: (turn) => (strict ? noNo(turn) : null) });
    on.feed(down, asked(1, ask.getData('/no', true)));
    on.feed(up, reply(1, 0, textStat('x')));
    strict = true;
    on.feed(up, event(3, '/no'));
    on.feed(down, asked(2, ask.getData('/no', true)));
    on.feed(up, reply(2, 0, STAT));
    expect(sentDown(on)).toBe(hex(reply(1, 0, textStat('x')), event(3, '/no'), reply(2, NOAUTH)));
    on.finish();
  });

  test('by a limit is THROTTLEDOP', () => {
    const on = begun({ judge: (turn) => (noNo(turn) === null ? null : { ...DENIAL, kind: 'limit' }) });
    on.feed(down, asked(1, ask.setData('/no', 'x')));
    on.feed(up, reply(1, 0, STAT));
    expect(sentDown(on)).toBe(hex(reply(1, THROTTLEDOP)));
  });

  test('whatever the server answers the stand-in', () => {
    const on = begun();
    on.feed(down, asked(1, ask.getData('/no')));
    on.feed(up, reply(1, -124));
    expect(sentDown(on)).toBe(hex(reply(1, NOAUTH)));
    on.finish();
  });

  test('an answer that came before the stand-in was sent is none', () => {
    const on = begun();
    on.feed(down, asked(1, ask.getData('/a')));
    on.feed(up, join(reply(1, 0, textStat('x')), reply(2, 0, STAT).subarray(0, 10)));
    on.feed(down, asked(2, ask.getData('/no')));
    on.feed(up, reply(2, 0, STAT).subarray(10));
    expect(on.closed).toBe('opaque:unexpected_reply');
  });

  test('of the session itself closes', () => {
    const on = gated({ judge: () => DENIAL });
    on.feed(down, connectRequest());
    expect([on.closed, on.sent(up).length, on.sent(down).length]).toEqual(['denied', 0, 0]);
    expect(on.ended.map(({ outcome, verdict }) => [outcome, verdict])).toEqual([[Outcome.denied, VerdictCode.denied]]);
  });

  test('that closes ends the connection without words', () => {
    const on = begun({ judge: (turn) => (noNo(turn) === null ? null : { ...DENIAL, closes: true }) });
    on.feed(down, asked(1, ask.getData('/no')));
    expect([on.closed, sentUp(on), sentDown(on)]).toEqual(['denied', '', '']);
  });
});

test('verdicts that come later: the request is read again', () => {
  let decided = false;
  const on = begun({ judge: (turn) => (decided || turn.facts[0]!.operation === 'connect' ? noNo(turn) : 'later') });
  const said = asked(1, ask.getData('/a'), ask.getData('/no'));
  for (const byte of said) on.feed(down, Uint8Array.of(byte));
  expect(sentUp(on)).toBe('');
  decided = true;
  on.decide();
  expect(sentUp(on)).toBe(hex(request(1, ask.getData('/a')), request(2, STAND_IN)));
  on.feed(up, join(reply(1, 0, textStat('x')), reply(2, 0, STAT)));
  on.finish();
  expect(on.ended.length).toBe(3);
});

test('shadow: nothing changes on the wire, everything is asked', () => {
  const on = begun({ enforces: false });
  const said = asked(1, ask.getData('/no'), ask.getData('//x'), { op: 99, body: Buffer.alloc(4) });
  on.feed(down, said);
  on.feed(up, join(reply(1, 0, textStat('x')), reply(2, -8), reply(3, -6)));
  on.finish();
  expect(sentUp(on)).toBe(hex(said));
  expect(on.asked.map(({ kind, verdict }) => [kind, verdict])).toEqual([
    ['connect', 'allow'],
    ['getData', 'deny'],
    ['getData', 'allow'],
    ['unknown', 'allow'],
  ]);
});

describe('limits of replies', () => {
  const cases = [
    ['more children', { rows: 2 }, ask.getChildren('/a'), strings('1', '2', '3'), true],
    ['as many children', { rows: 3 }, ask.getChildren('/a'), strings('1', '2', '3'), false],
    ['more bytes', { bytes: 100 }, ask.getData('/a'), textStat('x'.repeat(50)), true],
    ['as many bytes', { bytes: 142 }, ask.getData('/a'), textStat('x'.repeat(50)), false],
  ] as const;
  for (const [name, limits, asks, body, isCut] of cases)
    for (const how of ['whole', 'byte by byte'])
      test(`${name}, ${how}`, () => {
        const on = begun({ limits: 'bytes' in limits && limits.bytes === 100 ? { bytes: 100 } : limits });
        on.feed(down, asked(1, asks, ask.exists('/b')));
        const said = join(reply(1, 0, body), reply(2, -101));
        if (how === 'whole') on.feed(up, said);
        else for (const byte of said) on.feed(up, Uint8Array.of(byte));
        expect(sentDown(on)).toBe(hex(isCut ? reply(1, THROTTLEDOP) : reply(1, 0, body), reply(2, -101)));
        on.finish();
        expect(on.ended.slice(1).map(({ outcome }) => outcome)).toEqual([
          isCut ? Outcome.denied : Outcome.ok,
          Outcome.ok,
        ]);
      });
});

test('all of it is counted', () => {
  const env = filterEnv();
  const on = new SessionHarness({
    bound: boundOf(zookeeper, {}, env),
    judge: noNo,
    enforces: true,
    limits: { bytes: 90 },
  });
  on.feed(down, join(connectRequest(), asked(1, ask.getData('/no'), ask.getData('/a'))));
  on.feed(up, connected());
  on.feed(up, join(reply(1, 0, STAT), reply(2, 0, textStat('x'.repeat(20)))));
  on.finish();
  const counts = ['denied', 'stand_ins', 'held', 'cut'].map((name) => env.stats.value(`sluice.zookeeper.p.${name}`));
  expect(counts).toEqual([1, 1, 1, 1]);
});

test('what is held when the client ends never leaves', () => {
  const on = begun();
  on.feed(down, asked(1, ask.delete('/a')).subarray(0, 12));
  on.hangUp(down);
  expect(sentUp(on)).toBe('');
  on.finish();
});

describe('facts', () => {
  const tell = (asks: Parameters<typeof asked>[1]): string[] => {
    const told: string[] = [];
    const on = begun({
      judge: (turn) => {
        if (turn.facts[0]!.operation !== 'connect')
          for (const { operation, accesses } of turn.facts)
            told.push(
              [operation, ...accesses.map(({ verb, name, open }) => `${verb} ${name}${open ? '…' : ''}`)].join('; '),
            );
        return null;
      },
    });
    on.feed(down, asked(1, asks));
    return told;
  };
  const cases: readonly (readonly [name: string, asks: Parameters<typeof asked>[1], want: readonly string[]])[] = [
    ['a read', ask.getData('/a'), ['getData; read /a']],
    ['a sequential node', ask.create('/a/n-', '', { mode: Mode.persistentSequential }), ['create; create /a/n-…']],
    ['a multi', ask.multi([ask.check('/a'), ask.delete('/b')]), ['multi', 'check; read /a', 'delete; delete /b']],
    ['a watch', ask.addWatch('/a'), ['addWatch; watch /a; read /a']],
    ['a recursive watch', ask.addWatch('/a', 1), ['addWatch; watch /a; read /a; watch /a/…; read /a/…']],
    ['a recursive watch of all', ask.addWatch('/', 1), ['addWatch; watch /; read /; watch /…; read /…']],
    [
      'watches set again',
      ask.setWatches({ data: ['/a'], child: ['/b'] }),
      ['setWatches; watch /a; read /a; watch /b; read /b'],
    ],
    ['a beginning', ask.getEphemerals('/a/b'), ['getEphemerals; read /a/b…']],
    ['reconfig', ask.reconfig(null, '1', null), ['reconfig; admin ; write /zookeeper/config']],
    ['whoAmI', ask.whoAmI(), ['whoAmI; session ']],
    ['an ACL', ask.getACL('/a'), ['getACL; acl /a']],
  ];
  test.each(cases.map(([name, asks, want]) => ({ name, asks, want })))('$name', ({ asks, want }) => {
    expect(tell(asks)).toEqual(want);
  });
});

describe('targets', () => {
  test.each([
    ['/app', '/app'],
    ['/app/*', '/app/*'],
    ['path=/app', '/app'],
    ['*', '*'],
    ['*/lock', '*/lock'],
    ['/', '/'],
  ])('%s', (target, name) => expect(zookeeper.vocabulary!.target(target)).toMatchObject({ name }));
  test.each(['app', '', '/app/', '//app', '/app/../x', '/./x'])('%j can match nothing', (target) => {
    expect(zookeeper.vocabulary!.target(target)).toHaveProperty('fault');
  });
});
