import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { judgeOf } from '../../test/bypass/support/harness-engine.ts';
import type { Judge } from '../../test/support/session-harness.ts';
import { postgres } from './index.ts';
import { deniedResponse, failingCall, failingParse, failingQuery, failingStep } from './refuse.ts';
import { client, cstr, frame, server } from './testing/builders.ts';
import {
  byteByByte,
  type Cut,
  envoy,
  login,
  own,
  pieces,
  play,
  type Script,
  said,
  stage,
  told,
  whole,
} from './testing/story.ts';
import { Frontend as F } from './wire.ts';

const policies = policySet([{ name: 'hands_off', action: 'deny', targets: ['pay'], message: 'hands off' }]);
const judge: Judge = judgeOf(policies, postgres);
const enforced = { judge, enforces: true };
const WHY = { policy: 'hands_off', message: 'hands off', kind: 'policy' as const, closes: false };
const native = deniedResponse(WHY);
const unread = (why: string): Buffer =>
  deniedResponse({ ...WHY, message: `denied by policy: what this operation does cannot be known (${why})` });
const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
/** What the real server says about a stand-in. */
const failed = server.error('42601');

interface Case {
  readonly name: string;
  /** After login. */
  readonly script: Script;
  /** What the server must have received, after the startup message. */
  readonly toServer: Uint8Array;
  /** What the client must have received, after the welcome. */
  readonly toClient: Uint8Array;
  readonly told: string[];
}

const denied = (text: string, more = ''): string =>
  `query | ${text} | denied | 42501 |${more} denied | policy hands_off`;
const deniedRun = (text: string): string => `execute | ${text} | denied | 42501 | denied | policy hands_off`;

const cases: Case[] = [
  {
    name: 'simple',
    script: [
      ['>', client.query('select * from pay')],
      ['<', batch(failed, server.ready())],
    ],
    toServer: failingQuery(),
    toClient: batch(native, server.ready()),
    told: [denied('select * from pay')],
  },
  {
    name: 'several statements: one denied statement denies the message',
    script: [
      ['>', client.query('insert into log values (1); delete from hr.pay; select 1')],
      ['<', batch(failed, server.ready())],
    ],
    toServer: failingQuery(),
    toClient: batch(native, server.ready()),
    told: [
      'query | insert into log values (?+) | denied | 42501 | denied batch | policy hands_off',
      'query | delete from hr.pay | denied | 42501 | denied batch | policy hands_off',
      'query | select ? | denied | 42501 | denied batch | policy hands_off',
    ],
  },
  {
    name: 'in a transaction: it fails for the server too',
    script: [
      ['>', client.query('begin')],
      ['<', batch(server.complete('BEGIN'), server.ready('T'))],
      ['>', client.query('update pay set a = 1')],
      ['<', batch(failed, server.ready('E'))],
      ['>', client.query('commit')],
      ['<', batch(server.complete('ROLLBACK'), server.ready('I'))],
    ],
    toServer: batch(client.query('begin'), failingQuery(), client.query('commit')),
    toClient: batch(
      server.complete('BEGIN'),
      server.ready('T'),
      native,
      server.ready('E'),
      server.complete('ROLLBACK'),
      server.ready('I'),
    ),
    told: [
      'query | begin | ok | transaction 1',
      'query | update pay set a = ? | denied | 42501 | inTransaction denied | transaction 1 | policy hands_off',
      'query | commit | ok | inTransaction | transaction 1',
    ],
  },
  {
    name: 'extended, denied at Parse: nothing of the batch leaves but its stand-in and its Sync',
    script: [
      ['>', batch(client.extended('select * from pay'), client.sync())],
      ['<', batch(failed, server.ready())],
    ],
    toServer: batch(failingParse(Buffer.alloc(0)), client.sync()),
    toClient: batch(native, server.ready()),
    told: [deniedRun('select * from pay')],
  },
  {
    name: 'extended, a named statement denied at Parse, without an Execute',
    script: [
      ['>', batch(client.parse('select * from pay', 's'), client.describe('s', 'S'), client.sync())],
      ['<', batch(failed, server.ready())],
    ],
    toServer: batch(failingParse(Buffer.from('s')), client.sync()),
    toClient: batch(native, server.ready()),
    told: ['parse | select * from pay | denied | 42501 | denied | policy hands_off'],
  },
  {
    name: 'in the middle of a batch: what came before is not committed, what comes after does not run',
    script: [
      [
        '>',
        batch(
          client.extended('insert into log values (1)'),
          client.extended('delete from pay'),
          client.extended('insert into log values (2)'),
          client.sync(),
        ),
      ],
      ['<', batch(server.extended('INSERT 0 1'), failed, server.ready())],
    ],
    toServer: batch(client.extended('insert into log values (1)'), failingParse(Buffer.alloc(0)), client.sync()),
    toClient: batch(server.extended('INSERT 0 1'), native, server.ready()),
    told: [
      'execute | insert into log values (?+) | ok | affected 1',
      'execute | delete from pay | denied | 42501 | pipelined denied | policy hands_off',
      'execute | insert into log values (?+) | skipped | pipelined',
    ],
  },
  {
    name: 'a query within a denied batch is dropped with it: nothing behind it waits for its answer',
    script: [
      [
        '>',
        batch(
          client.extended('select 1 from pay'),
          client.query('do $$ begin end $$'),
          client.extended('select 1'),
          client.sync(),
        ),
      ],
      ['<', batch(failed, server.ready())],
      ['>', client.query('select 2')],
      ['<', batch(server.complete('SELECT 1'), server.ready())],
    ],
    toServer: batch(failingParse(Buffer.alloc(0)), client.sync(), client.query('select 2')),
    toClient: batch(native, server.ready(), server.complete('SELECT 1'), server.ready()),
    told: [
      'execute | select ? from pay | denied | 42501 | denied | policy hands_off',
      'query | do ? | skipped | pipelined',
      'execute | select ? | skipped | pipelined',
      'query | select ? | ok | affected 1',
    ],
  },
  {
    name: 'pipelined batches: only the denied one fails, in its place',
    script: [
      [
        '>',
        batch(
          client.extended('select 1'),
          client.sync(),
          client.extended('select 2 from pay'),
          client.sync(),
          client.extended('select 3, 3'),
          client.sync(),
        ),
      ],
      ['<', batch(server.extended('SELECT 1', 1), server.ready())],
      ['<', batch(failed, server.ready())],
      ['<', batch(server.extended('SELECT 1', 1), server.ready())],
    ],
    toServer: batch(
      client.extended('select 1'),
      client.sync(),
      failingParse(Buffer.alloc(0)),
      client.sync(),
      client.extended('select 3, 3'),
      client.sync(),
    ),
    toClient: batch(
      server.extended('SELECT 1', 1),
      server.ready(),
      native,
      server.ready(),
      server.extended('SELECT 1', 1),
      server.ready(),
    ),
    told: [
      'execute | select ? | ok | returned 1',
      'execute | select ? from pay | denied | 42501 | pipelined denied | policy hands_off',
      'execute | select ?, ? | ok | returned 1 | pipelined',
    ],
  },
  {
    name: 'COPY in of a denied table: the data that was sent ahead is ignored by the server',
    script: [
      ['>', batch(client.query('copy pay from stdin'), client.copyData('1\n'), client.copyDone())],
      ['<', batch(failed, server.ready())],
    ],
    toServer: batch(failingQuery(), client.copyData('1\n'), client.copyDone()),
    toClient: batch(native, server.ready()),
    told: [denied('copy pay from stdin')],
  },
  {
    name: 'COPY out of a denied table',
    script: [
      ['>', client.query('copy (select * from pay) to stdout')],
      ['<', batch(failed, server.ready())],
    ],
    toServer: failingQuery(),
    toClient: batch(native, server.ready()),
    told: [denied('copy(select * from pay) to stdout')],
  },
  {
    name: 'a function call: nobody knows what it touches',
    script: [
      ['>', client.functionCall()],
      ['<', batch(server.error('42883'), server.ready())],
    ],
    toServer: failingCall(),
    toClient: batch(
      deniedResponse({
        policy: 'sluice.not_allowed',
        message: 'no policy allows fastpath on every function',
        kind: 'policy' as const,
        closes: false,
      }),
      server.ready(),
    ),
    told: ['function_call | function call by oid | denied | 42501 | denied | policy sluice.not_allowed'],
  },
  {
    name: 'DO hides code',
    script: [
      ['>', client.query('do $$ begin delete from pay; end $$')],
      ['<', batch(failed, server.ready())],
    ],
    toServer: failingQuery(),
    toClient: batch(unread('runs code that nobody can read'), server.ready()),
    told: [denied('do ?')],
  },
  {
    name: 'a statement that was not seen being prepared: the server says so, and should it have one, it does not run',
    script: [
      ['>', batch(client.bind('ghost'), client.execute(), client.sync())],
      ['<', batch(server.error('26000'), server.ready())],
    ],
    toServer: batch(client.bind('ghost'), failingStep(), client.sync()),
    toClient: batch(server.error('26000'), server.ready()),
    told: ['execute | execute of a statement not seen prepared | denied | 26000 | denied | policy hands_off'],
  },
  {
    name: 'SQL EXECUTE runs what PREPARE named',
    script: [
      ['>', client.query('prepare p as select 1')],
      ['<', batch(server.complete('PREPARE'), server.ready())],
      ['>', client.query('execute p')],
      ['<', batch(server.rowDescription(), server.row(), server.complete('SELECT 1'), server.ready())],
      ['>', client.query('execute q')],
      ['<', batch(failed, server.ready())],
    ],
    toServer: batch(client.query('prepare p as select 1'), client.query('execute p'), failingQuery()),
    toClient: batch(
      server.complete('PREPARE'),
      server.ready(),
      server.rowDescription(),
      server.row(),
      server.complete('SELECT 1'),
      server.ready(),
      unread('runs a statement that was prepared'),
      server.ready(),
    ),
    told: ['query | prepare p as select ? | ok', 'query | select ? | ok | returned 1 | prepared', denied('execute q')],
  },
  {
    name: 'text that is no UTF-8',
    script: [
      ['>', frame(F.query, Buffer.from([0x73, 0x65, 0xc3, 0x28]), cstr(''))],
      ['<', batch(failed, server.ready())],
    ],
    toServer: failingQuery(),
    toClient: batch(
      deniedResponse({
        policy: 'sluice.unreadable',
        message: 'the text is not valid UTF-8',
        kind: 'policy' as const,
        closes: false,
      }),
      server.ready(),
    ),
    told: expect.arrayContaining([expect.stringContaining('policy sluice.unreadable')]) as unknown as string[],
  },
];

const cuts: [string, Cut][] = [
  ['whole', whole],
  ['byte by byte', byteByByte],
  ['in sevens', pieces([7])],
  ['odd', pieces([1, 13, 2, 40])],
];

describe('denials', () => {
  for (const { name, script, toServer, toClient, told: want } of cases)
    for (const [how, cut] of cuts)
      test(`${name}, ${how}`, () => {
        const on = play([...login, ...script], enforced, cut);
        expect(on.harness.closed).toBe('');
        expect(on.harness.sent(Side.downstream).subarray(server.welcome().length).toString('latin1')).toBe(
          Buffer.from(toClient).toString('latin1'),
        );
        expect(on.harness.sent(Side.upstream).subarray(client.startup().length).toString('latin1')).toBe(
          Buffer.from(toServer).toString('latin1'),
        );
        expect(told(on)).toEqual(want);
        expect(own(on, 'denied')).toBe(1);
        expect(own(on, 'stand_ins')).toBe(1);
      });

  test('a denial goes back to the tap: after it replies stream again', () => {
    const on = play([...login, ...cases[0]!.script], enforced);
    expect(on.harness.gear(Side.upstream)).toBe('tap');
    expect(on.harness.gear(Side.downstream)).toBe('gate');
  });

  test('an observed session is asked and denies nothing', () => {
    const script: Script = [
      ...login,
      ['>', client.query('select * from pay')],
      ['<', batch(server.rowDescription(), server.complete('SELECT 0'), server.ready())],
    ];
    const on = play(script, { judge });
    expect(on.harness.asked.map(({ verdict }) => verdict)).toEqual(['deny']);
    expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
    expect(told(on)).toEqual(['query | select * from pay | ok']);
    expect(envoy(on, 'statements_parsed')).toBe(1);
  });

  test('prepared statements are judged again when they run', () => {
    let strict = false;
    const on = play(
      [
        ...login,
        ['>', batch(client.parse('select * from pay', 's'), client.sync())],
        ['<', batch(server.parseComplete(), server.ready())],
      ],
      { enforces: true, judge: (turn) => (strict ? judge(turn) : null) },
    );
    expect(on.harness.asked.map(({ kind }) => kind)).toEqual(['parse']);
    const { harness } = stage({ enforces: true, judge: (turn) => (strict ? judge(turn) : null) });
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.downstream, batch(client.parse('select * from pay', 's'), client.bind('s'), client.sync()));
    harness.feed(Side.upstream, batch(server.parseComplete(), server.bindComplete(), server.ready()));
    strict = true;
    harness.feed(Side.downstream, batch(client.bind('s'), client.execute(), client.sync()));
    harness.feed(Side.upstream, batch(failed, server.ready()));
    harness.finish();
    expect(harness.sent(Side.upstream).subarray(-batch(failingStep(), client.sync()).length)).toEqual(
      batch(failingStep(), client.sync()),
    );
  });

  test('a verdict that comes later holds the message and all behind it', () => {
    let known = false;
    const { harness } = stage({ enforces: true, judge: (turn) => (known ? judge(turn) : 'later') });
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    const before = harness.sent(Side.upstream).length;
    harness.feed(Side.downstream, client.query('select 1'));
    harness.feed(Side.downstream, client.query('select 2'));
    expect(harness.sent(Side.upstream).length).toBe(before);
    known = true;
    harness.decide();
    expect(harness.sent(Side.upstream).subarray(before)).toEqual(
      batch(client.query('select 1'), client.query('select 2')),
    );
  });
});

describe('what is held', () => {
  const open = () => stage(enforced).harness;
  const sentAfter = (harness: ReturnType<typeof open>, bytes: number): Buffer =>
    harness.sent(Side.upstream).subarray(bytes);

  test('everything behind the startup message, until the server is ready', () => {
    const harness = open();
    const query = client.query('select 1');
    harness.feed(Side.downstream, batch(client.startup(), query));
    expect(harness.sent(Side.upstream)).toEqual(client.startup());
    harness.feed(Side.upstream, server.authenticationOk());
    expect(harness.sent(Side.upstream)).toEqual(client.startup());
    harness.feed(Side.upstream, server.welcome().subarray(server.authenticationOk().length));
    expect(harness.sent(Side.upstream)).toEqual(batch(client.startup(), query));
  });

  test('a query in the place of a password closes', () => {
    const harness = open();
    harness.feed(Side.downstream, batch(client.startup(), client.query('select 1')));
    harness.feed(Side.upstream, server.authentication(3));
    expect(harness.closed).toBe('opaque:out_of_order');
    expect(harness.sent(Side.upstream)).toEqual(client.startup());
  });

  test('a password waits for the question', () => {
    const harness = open();
    harness.feed(Side.downstream, batch(client.startup(), client.password()));
    expect(harness.sent(Side.upstream)).toEqual(client.startup());
    harness.feed(Side.upstream, server.authentication(3));
    expect(harness.sent(Side.upstream)).toEqual(batch(client.startup(), client.password()));
  });

  test('SSLRequest is answered here, and what comes behind it is read as what it is', () => {
    const harness = open();
    harness.feed(Side.downstream, batch(client.ssl(), client.startup(), client.query('select * from pay')));
    expect(harness.sent(Side.downstream).toString()).toBe('N');
    expect(harness.sent(Side.upstream)).toEqual(client.startup());
    harness.feed(Side.upstream, server.welcome());
    expect(sentAfter(harness, client.startup().length)).toEqual(failingQuery());
  });

  test('a second SSLRequest closes', () => {
    const harness = open();
    harness.feed(Side.downstream, batch(client.ssl(), client.ssl()));
    expect(harness.closed).toBe('opaque:out_of_order');
  });

  const changes: [string, string][] = [
    ['SET', 'set standard_conforming_strings = off'],
    ['SET LOCAL', 'set local standard_conforming_strings to off'],
    ['quoted', 'set "standard_conforming_strings" to off'],
    ['SET NAMES', "set names 'SJIS'"],
    ['set_config', "select set_config('standard_conforming_strings', 'off', false)"],
    ['RESET ALL', 'reset all'],
  ];
  for (const [name, text] of changes)
    test(`text behind ${name} waits for its ReadyForQuery and is read as the server then reads`, () => {
      const harness = stage({
        judge,
        enforces: true,
      }).harness;
      harness.feed(Side.downstream, client.startup());
      harness.feed(Side.upstream, server.welcome());
      const before = harness.sent(Side.upstream).length;
      // With backslash escapes on, this is one harmless string; with them off the second statement is real.
      const sly = client.query("select '\\'; delete from log; --'");
      harness.feed(Side.downstream, batch(client.query(text), sly));
      expect(sentAfter(harness, before)).toEqual(client.query(text));
      harness.feed(
        Side.upstream,
        batch(server.complete('SET'), server.parameter('standard_conforming_strings', 'off'), server.ready()),
      );
      expect(sentAfter(harness, before)).toEqual(batch(client.query(text), sly));
      expect(harness.asked.at(-1)!.ops).toEqual(['select ?']);
    });

  test('text behind a change within its own batch cannot be claimed', () => {
    const { harness } = stage(enforced);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    const before = harness.sent(Side.upstream).length;
    const change = client.extended('set standard_conforming_strings = off');
    harness.feed(Side.downstream, batch(change, client.extended('select 1'), client.sync()));
    expect(sentAfter(harness, before)).toEqual(batch(change, failingParse(Buffer.alloc(0)), client.sync()));
  });

  test('a portal of a statement that failed in an earlier batch: nobody waits for it', () => {
    const { harness } = stage(enforced);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.downstream, batch(client.extended('select 1, 1'), client.sync()));
    harness.feed(Side.upstream, batch(server.error('42601'), server.ready('E')));
    const before = harness.sent(Side.upstream).length;
    const late = batch(client.execute(), client.sync());
    harness.feed(Side.downstream, late);
    expect(sentAfter(harness, before)).toEqual(late);
  });

  test('an ordinary SET holds nothing', () => {
    const { harness } = stage(enforced);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    const before = harness.sent(Side.upstream).length;
    const both = batch(client.query("set application_name = 'x'"), client.query('select 1'));
    harness.feed(Side.downstream, both);
    expect(sentAfter(harness, before)).toEqual(both);
  });

  test('in a transaction that touched the settings, text waits behind everything: an error would give them back', () => {
    const { harness } = stage(enforced);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.downstream, client.query('begin'));
    harness.feed(Side.upstream, batch(server.complete('BEGIN'), server.ready('T')));
    harness.feed(Side.downstream, client.query('set standard_conforming_strings = off'));
    harness.feed(
      Side.upstream,
      batch(server.complete('SET'), server.parameter('standard_conforming_strings', 'off'), server.ready('T')),
    );
    const before = harness.sent(Side.upstream).length;
    harness.feed(Side.downstream, batch(client.query('select 1/0'), client.query('select 2')));
    expect(sentAfter(harness, before)).toEqual(client.query('select 1/0'));
  });

  test('an encoding that is not ASCII-safe denies all text', () => {
    const { harness } = stage(enforced);
    harness.feed(Side.downstream, client.startup());
    harness.feed(
      Side.upstream,
      batch(server.welcome().subarray(0, -6), server.parameter('client_encoding', 'SJIS'), server.ready()),
    );
    harness.feed(Side.downstream, client.query('select 1'));
    expect(sentAfter(harness, client.startup().length)).toEqual(failingQuery());
    harness.feed(Side.upstream, batch(failed, server.ready()));
    expect(harness.sent(Side.downstream).toString('latin1')).toContain('client_encoding SJIS is not ASCII-safe');
  });

  test('nothing is forwarded after the server has said FATAL', () => {
    const { harness } = stage(enforced);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.upstream, server.error('57P01', 'FATAL'));
    const before = harness.sent(Side.upstream).length;
    harness.feed(Side.downstream, client.query('select 1'));
    expect(harness.sent(Side.upstream).length).toBe(before);
  });

  test('a large Bind is judged by its names and streams on; a denied one is swallowed to its end', () => {
    for (const deny of [false, true]) {
      const { harness } = stage({
        enforces: true,
        judge: (turn) =>
          deny && turn.ops[0]!.kind === 'bind'
            ? { policy: 'p', message: 'no', kind: 'policy' as const, closes: false }
            : null,
      });
      harness.feed(Side.downstream, client.startup());
      harness.feed(Side.upstream, server.welcome());
      const parse = batch(client.parse('select $1', 's'), client.sync());
      harness.feed(Side.downstream, parse);
      harness.feed(Side.upstream, batch(server.parseComplete(), server.ready()));
      const before = harness.sent(Side.upstream).length;
      const bind = client.bind('s', '', 'x'.repeat(5000));
      harness.feed(Side.downstream, bind.subarray(0, 1000));
      expect(sentAfter(harness, before)).toEqual(deny ? failingStep() : bind.subarray(0, 1000));
      harness.feed(Side.downstream, bind.subarray(1000, 3000));
      harness.feed(Side.downstream, batch(bind.subarray(3000), client.execute(), client.sync()));
      expect(sentAfter(harness, before)).toEqual(
        deny ? batch(failingStep(), client.sync()) : batch(bind, client.execute(), client.sync()),
      );
    }
  });
});
