import { describe, expect, test } from 'vitest';
import { OUTCOME_NAMES, VERDICT_NAMES } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { judgeOf } from '../../test/bypass/support/harness-engine.ts';
import type { SessionHarness } from '../../test/support/session-harness.ts';
import { postgres } from './index.ts';
import { client, server } from './testing/builders.ts';
import { byteByByte, type Cut, login, play, type Script, stage, whole } from './testing/story.ts';

/** Each verdict is told by one exchange, however its message ends (threats R15). */

const judge = judgeOf(policySet([{ name: 'hands_off', action: 'deny', targets: ['pay'] }]), postgres);
const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const failed = server.error('42601');

const told = ({ ended }: SessionHarness): string[] =>
  ended.map(
    ({ kind, text, outcome, code, verdict, policy }) =>
      `${kind} | ${text} | ${OUTCOME_NAMES[outcome]} ${code} | ${VERDICT_NAMES[verdict]} ${policy}`,
  );

const cases: readonly (readonly [name: string, script: Script, want: readonly string[]])[] = [
  [
    'a Parse that was allowed and fails at the server',
    [
      ['>', batch(client.parse('select * from log', 's'), client.sync())],
      ['<', batch(server.error('42P01'), server.ready())],
    ],
    ['parse | select * from log | error 42P01 | allowed '],
  ],
  [
    'with its Execute behind it, which it belongs to',
    [
      ['>', batch(client.extended('select * from log'), client.sync())],
      ['<', batch(server.error('42P01'), server.ready())],
    ],
    ['execute | select * from log | error 42P01 | allowed '],
  ],
  [
    'a Bind that fails, of a statement of before',
    [
      ['>', batch(client.parse('select * from log', 's'), client.sync())],
      ['<', batch(server.parseComplete(), server.ready())],
      ['>', batch(client.bind('s'), client.sync())],
      ['<', batch(server.error('22P02'), server.ready())],
      ['>', batch(client.bind('s'), client.execute(), client.sync())],
      ['<', batch(server.error('22P02'), server.ready())],
    ],
    ['parse | select * from log | error 22P02 | allowed ', 'execute | select * from log | error 22P02 | allowed '],
  ],
  [
    'nothing of an earlier step stays at its place in the ring',
    [
      ...Array.from(
        { length: 9 },
        (): Script => [
          ['>', batch(client.parse('select * from log', 's'), client.close('s'), client.sync())],
          ['<', batch(server.parseComplete(), server.closeComplete(), server.ready())],
        ],
      ).flat(),
      ['>', batch(client.bind('gone'), client.sync())],
      ['<', batch(server.error('26000'), server.ready())],
    ],
    ['parse | execute of a statement not seen prepared | error 26000 |  '],
  ],
  [
    'a denied Parse behind one that fails: the server discards its stand-in',
    [
      ['>', batch(client.parse('select * from log', 's'), client.parse('select * from pay', 't'), client.sync())],
      ['<', batch(failed, server.ready())],
    ],
    [
      'parse | select * from log | error 42601 | allowed ',
      'parse | select * from pay | denied 42501 | denied hands_off',
    ],
  ],
  [
    'a denied Parse and its Execute, behind one that fails',
    [
      ['>', batch(client.extended('select * from log'), client.extended('select * from pay'), client.sync())],
      ['<', batch(failed, server.ready())],
    ],
    [
      'execute | select * from log | error 42601 | allowed ',
      'execute | select * from pay | denied 42501 | denied hands_off',
    ],
  ],
  [
    'what the server discards was allowed',
    [
      ['>', batch(client.extended('select * from log'), client.extended('select * from other'), client.sync())],
      ['<', batch(failed, server.ready())],
    ],
    ['execute | select * from log | error 42601 | allowed ', 'execute | select * from other | skipped  | allowed '],
  ],
  [
    'a denied Parse whose stand-in is not answered any more',
    [['>', batch(client.parse('select * from pay', 's'), client.sync())]],
    ['parse | select * from pay | denied 42501 | denied hands_off'],
  ],
  [
    'a Parse that has failed, and the connection ends before its Sync',
    [
      ['>', batch(client.parse('select * from log', 's'), client.flush())],
      ['<', server.error('42P01')],
    ],
    ['parse | select * from log | error 42P01 | allowed '],
  ],
  [
    'a text that cannot be read, without a statement, and no answer to its stand-in',
    [['>', client.query('/* \xff */')]],
    ['query | no statement | denied 42501 | denied sluice.unreadable'],
  ],
  [
    'a statement that is cancelled, and those behind it',
    [
      ['>', client.query('select * from log; select * from other')],
      ['<', batch(server.error('57014'), server.ready())],
    ],
    ['query | select * from log | cancelled 57014 | allowed ', 'query | select * from other | skipped  | allowed '],
  ],
  [
    'a COPY whose connection ends',
    [
      ['>', client.query('copy log from stdin')],
      ['<', server.copyIn()],
      ['>', client.copyData('1\n')],
    ],
    ['query | copy log from stdin | lost  | allowed '],
  ],
  [
    'a function call, which needs a policy by its name',
    [
      ['>', client.functionCall()],
      ['<', batch(failed, server.ready())],
    ],
    ['function_call | function call by oid | denied 42501 | denied sluice.not_allowed'],
  ],
];

describe('each verdict has its exchange', () => {
  test('a session that is let in with more than a plain one has', () => {
    for (const [enforces, want] of [
      [true, 'startup | startup | ok  | allowed '],
      [false, 'startup | startup | ok  |  '],
    ] as const) {
      const on = stage({ enforces, judge: () => null });
      on.harness.feed(Side.downstream, client.startup({ user: 'ann', database: 'shop', role: 'boss' }));
      on.harness.feed(Side.upstream, server.welcome());
      on.harness.finish();
      expect(told(on.harness)).toEqual([want]);
    }
  });

  for (const [name, script, want] of cases)
    for (const cut of [whole, byteByByte] as Cut[])
      test(`${name}${cut === whole ? '' : ', byte by byte'}`, () => {
        const on = play([...login, ...script], { judge, enforces: true }, cut);
        expect(told(on.harness)).toEqual(want);
      });

  test('a portal that was bound before policies changed is judged when it runs, and when it goes on', () => {
    let strict = false;
    const { harness } = stage({ enforces: true, judge: (turn) => (strict ? judge(turn) : null) });
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.downstream, client.query('begin'));
    harness.feed(Side.upstream, batch(server.complete('BEGIN'), server.ready('T')));
    const open = batch(client.parse('select * from pay', 's'), client.bind('s', 'c'), client.execute('c', 1));
    harness.feed(Side.downstream, batch(open, client.bind('s', 'd'), client.sync()));
    const answer = batch(server.parseComplete(), server.bindComplete(), server.row(), server.suspended());
    harness.feed(Side.upstream, batch(answer, server.bindComplete(), server.ready('T')));
    const before = harness.sent(Side.upstream).length;
    strict = true;
    for (const portal of ['c', 'd']) {
      harness.feed(Side.downstream, batch(client.execute(portal, 1), client.sync()));
      harness.feed(Side.upstream, batch(failed, server.ready('E')));
    }
    expect(harness.sent(Side.upstream).subarray(before).includes('c\0')).toBe(false);
    harness.finish();
    expect(told(harness)).toEqual([
      'query | begin | ok  | allowed ',
      'execute | select * from pay | ok  | allowed ',
      'execute | select * from pay | denied 42501 | denied hands_off',
      'execute | select * from pay | denied 42501 | denied hands_off',
    ]);
  });
});
