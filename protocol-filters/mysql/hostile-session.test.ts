import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { COMMANDS, Reply } from './commands.ts';
import { CAPABILITIES, client, cstr, packet, server, u8, u16, u24, zeros } from './testing/builders.ts';
import { expectFault, expectTold } from './testing/checks.ts';
import { login, loginAs, mariadbLogin, own, pieces, play, type Script, said, stage, told } from './testing/story.ts';
import { Capability as C } from './wire.ts';

const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const NEXT: Script = [
  ['>', client.ping()],
  ['<', server.ok()],
];
/** A header that declares so many bytes. */
const head = (length: number, sequence: number): Buffer => batch(u24(length), u8(sequence));

test('MY-10: several statements are split whether the capability was agreed on or not', () => {
  const on = play([
    ...loginAs({ capabilities: CAPABILITIES & ~C.multiStatements }),
    ['>', client.query('select 1; rename table a to b')],
    ['<', server.err(1064)],
    ...NEXT,
  ]);
  expect(told(on)).toEqual([
    'query | select ? | error | 1064 | batch',
    'query | rename table a to b | skipped | batch',
    'ping | ping | ok',
  ]);
  expect(own(on, 'multi_statements')).toBe(1);
});

describe('MY-13: prepared statements', () => {
  test('above 10,000 they are not kept, and their executions are unknown', () => {
    const { harness, stats } = stage();
    const value = (name: string): number => stats.value(`sluice.mysql.p.${name}`)!;
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    const prepare = client.prepare('select 1');
    for (let id = 1; id <= 10_002; id += 6) {
      harness.feed(Side.downstream, batch(...Array.from({ length: 6 }, () => prepare)));
      harness.feed(Side.upstream, batch(...Array.from({ length: 6 }, (_, i) => server.prepared(id + i))));
    }
    expect([value('statements_prepared'), value('untracked_statements')]).toEqual([10_002, 2]);
    harness.feed(Side.downstream, batch(client.execute(10_002), client.execute(10_000)));
    harness.feed(Side.upstream, batch(server.ok(), server.ok()));
    expect(harness.ended.map((x) => x.text)).toEqual(['execute of a statement not seen prepared', 'select ?']);
    expect(value('unknown_statements')).toBe(1);
    harness.finish();
  });
  test('CLOSE and SEND_LONG_DATA have no reply, and too short ones are a fault', () => {
    expectTold(
      [...login, ['>', batch(client.close(9), client.longData(9, 0, 'x'), client.ping())], ['<', server.ok()]],
      ['ping | ping | ok'],
    );
    for (const command of [0x17, 0x18, 0x19, 0x1c, 0xfa])
      expectFault([...login, ['>', client.command(command, u8(1))]], 'truncated');
  });
  test('a prepare with parameters and columns, the EOF deprecated and not', () => {
    for (const capabilities of [CAPABILITIES, CAPABILITIES & ~C.deprecateEof])
      for (const [parameters, columns] of [
        [0, 0],
        [2, 0],
        [0, 3],
        [2, 3],
      ] as const)
        expectTold(
          [
            ...loginAs({ capabilities }),
            ['>', client.prepare('select 1')],
            ['<', server.prepared(1, parameters, columns, capabilities)],
            ['>', client.execute(1)],
            ['<', server.result(['1'], 2, 1, capabilities)],
          ],
          ['execute | select ? | ok | returned 1 | prepared'],
        );
  });
});

test('MY-14: PREPARE, EXECUTE and EXECUTE IMMEDIATE are statements like others, the result is theirs', () => {
  expectTold(
    [
      ...login,
      ['>', client.query("prepare p from 'select a from t where b = ?'")],
      ['<', server.ok()],
      ['>', client.query('execute p using @a')],
      ['<', server.result(['1', '2'])],
      ['>', client.query('execute p using @a; do 1')],
      ['<', batch(server.result(['1'], 0x000a), server.ok({}, 5))],
      ['>', client.query("execute immediate 'call q()'")],
      ['<', batch(server.result(['1'], 0x000a), server.result(['2'], 0x000a, 5), server.ok({}, 9))],
      ['>', client.query('deallocate prepare p')],
      ['<', server.ok()],
      ...NEXT,
    ],
    [
      'query | prepare p from ? | ok',
      'query | execute p using @? | ok | returned 2',
      'query | execute p using @? | ok | returned 1 | batch',
      'query | do ? | ok | batch',
      'query | execute immediate ? | ok | returned 2',
      'query | deallocate prepare ? | ok',
      'ping | ping | ok',
    ],
  );
});

test("MY-16: versioned comments are code by the server's own flavour and version", () => {
  const textOf = (start: Script, text: string): string =>
    play([...start, ['>', client.query(text)], ['<', server.result([])]]).harness.ended.at(-1)!.text;
  const old = loginAs();
  expect(textOf(old, 'select /*!80000 1 + */ 1')).toBe('select ? + ?');
  expect(textOf(old, 'select /*!99999 1 + */ 1')).toBe('select ?');
  expect(textOf(old, 'select /*M!100000 1 + */ 1')).toBe('select ?');
  expect(textOf(mariadbLogin(), 'select /*M!100000 1 + */ 1')).toBe('select ? + ?');
  expect(textOf(old, 'select /*+ MAX_EXECUTION_TIME(9) */ a # b\n from t -- c')).toBe('select a from t');
});

test('MY-18, MY-19: introducers are literals; backticks and blanks in names', () => {
  const on = play([
    ...login,
    ['>', client.query("select N'a', _utf8'b', x'61', 0x62, b'1' from `a``b` . `c`")],
    ['<', server.result([])],
  ]);
  expect(on.harness.ended[0]!.text).toBe('select ?, ?, ?, ?, ? from `a``b`.c');
});

describe('MY-15: every first byte of a command', () => {
  test('all 256, each refused by the server: an exchange of that name, or none where there is no reply', () => {
    for (let byte = 0; byte < 256; byte++) {
      const { name, reply } = COMMANDS[byte]!;
      const on = play([
        ...login,
        ['>', client.command(byte, zeros(16))],
        ...(reply === Reply.none ? [] : ([['<', server.err(1047, '08S01')]] as Script)),
        ...NEXT,
      ]);
      expect({ byte, opaque: on.harness.opaqueReasons }).toEqual({ byte, opaque: [] });
      expect(on.stats.value(`sluice.mysql.p.command.${name}.total`)).toBeGreaterThan(0);
      expect(told(on).at(-1)).toBe('ping | ping | ok');
      expect(on.harness.ended.length).toBe(reply === Reply.none ? 1 : 2);
    }
  });
  test('an unknown command that is answered by anything but an error: not our protocol', () => {
    for (const byte of [0x22, 0x60, 0xc8, 0xff])
      expectFault([...login, ['>', client.command(byte)], ['<', server.ok()]], 'unknown_type');
  });
});

describe('MY-17: sql_mode', () => {
  const quoted = client.query('select "a" from t');
  const text = (script: Script): string =>
    play([...script, ['>', quoted], ['<', server.result([])]]).harness.ended.at(-1)!.text;
  test('as the text sets it, on OK only', () => {
    expect(text(login)).toBe('select ? from t');
    expect(text([...login, ['>', client.query("set sql_mode = 'ANSI_QUOTES'")], ['<', server.ok()]])).not.toBe(
      'select ? from t',
    );
    expect(text([...login, ['>', client.query("set sql_mode = 'ANSI_QUOTES'")], ['<', server.err()]])).toBe(
      'select ? from t',
    );
  });
  test('as a prepared statement sets it, when it is run', () => {
    const prepared: Script = [...login, ['>', client.prepare("set sql_mode = 'ansi'")], ['<', server.prepared(1)]];
    expect(text(prepared)).toBe('select ? from t');
    expect(text([...prepared, ['>', client.execute(1)], ['<', server.ok()]])).not.toBe('select ? from t');
  });
  test('as the server tracks it', () => {
    const track = server.trackVariable('sql_mode', 'ANSI_QUOTES,STRICT_ALL_TABLES');
    expect(text([...login, ['>', client.query('call modes()')], ['<', server.ok({ track })]])).not.toBe(
      'select ? from t',
    );
  });
  test('a reset and a change of user go back to what the login found', () => {
    const set: Script = [...login, ['>', client.query("set sql_mode = 'ANSI_QUOTES'")], ['<', server.ok()]];
    for (const request of [client.resetConnection(), client.changeUser()])
      expect(text([...set, ['>', request], ['<', server.ok()]])).toBe('select ? from t');
    const found: Script = [
      ...login.slice(0, 2),
      ['<', server.ok({ track: server.trackVariable('sql_mode', 'ANSI_QUOTES') }, 2)],
    ];
    const reset: Script = [
      ['>', client.resetConnection()],
      ['<', server.ok()],
    ];
    expect(text([...found, ['>', client.query("set sql_mode = ''")], ['<', server.ok()]])).toBe('select ? from t');
    expect(text([...found, ['>', client.query("set sql_mode = ''")], ['<', server.ok()], ...reset])).not.toBe(
      'select ? from t',
    );
  });
  test('as MariaDB tells it with every status', () => {
    const on: Script = [...mariadbLogin(), ['>', client.ping()], ['<', server.ok({ status: 0x8002 })]];
    expect(text(on)).not.toBe('select ? from t');
    expect(text([...on, ['>', client.ping()], ['<', server.ok()]])).toBe('select ? from t');
  });
  test('NO_BACKSLASH_ESCAPES, by the status', () => {
    const escaped = client.query("select 'a\\' as b, 'c'");
    const textAfter = (status: number): string =>
      play([
        ...login,
        ['>', client.ping()],
        ['<', server.ok({ status })],
        ['>', escaped],
        ['<', server.result([])],
      ]).harness.ended.at(-1)!.text;
    expect(textAfter(0x0202)).toBe('select ? as b, ?');
    expect(textAfter(0x0002)).not.toBe('select ? as b, ?');
  });
});

describe('MY-23: the server speaks first', () => {
  for (const [name, bytes] of [
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['a login', client.login41()],
    ['one byte', u8(0)],
  ] as const)
    test(`a client that does not wait: ${name}`, () => expectFault([['>', bytes]], 'foreign_protocol'));

  const greetings: [string, Uint8Array, string][] = [
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'foreign_protocol'],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'foreign_protocol'],
    ['a greeting with sequence id 1', packet(1, u8(10), cstr('8.0.36'), zeros(40)), 'foreign_protocol'],
    ['protocol 11', packet(0, u8(11), cstr('9.9'), zeros(60)), 'unsupported_version'],
    ['a greeting that ends too early', packet(0, u8(10), cstr('8.0.36'), u16(1)), 'truncated'],
    ['a version without its NUL', packet(0, u8(10), Buffer.from('8.0.36')), 'truncated'],
    ['an empty greeting', packet(0), 'truncated'],
  ];
  for (const [name, bytes, fault] of greetings)
    test(`the server says ${name}`, () => expectFault([['<', bytes]], fault));

  test('a login that is too long, or too short', () => {
    expectFault(
      [
        ['<', server.greeting()],
        ['>', head(200_000, 1)],
      ],
      'oversized',
    );
    expectFault(
      [
        ['<', server.greeting()],
        ['>', packet(1, u16(C.protocol41))],
      ],
      'truncated',
    );
  });
  test('a client that is silent is quiet', () => {
    const { harness } = stage();
    expect(harness.session.quiet).toBe(true);
    harness.feed(Side.upstream, server.greeting());
    expect(harness.session.quiet).toBe(true);
    harness.feed(Side.upstream, server.err(4031, 'HY000', 'timeout', 1));
    expect(harness.opaqueReasons).toEqual([]);
  });
});

describe('errors that nobody asked for', () => {
  test('the server ends an idle connection', () => {
    for (const sequence of [0, 1, 5]) {
      const on = play([...login, ...NEXT, ['<', server.err(4031, 'HY000', 'The client was disconnected', sequence)]]);
      expect(on.harness.opaqueReasons).toEqual([]);
      expect(on.harness.asides).toEqual([expect.stringMatching(/^< error /)]);
      expect(own(on, 'errors')).toBe(1);
    }
  });
  test('a command that the server refuses before it is whole is an exchange, and what comes of it later is not', () => {
    const query = client.query(`select '${'x'.repeat(5000)}'`);
    const { harness } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    harness.feed(Side.downstream, query.subarray(0, 2000));
    harness.feed(Side.upstream, server.err(1153, '08S01', 'packet too large', 1));
    expect(harness.ended[0]).toMatchObject({ kind: 'query', code: '1153', outcome: 1, requestBytes: 2000 });
    harness.feed(Side.downstream, query.subarray(2000));
    harness.feed(Side.downstream, client.ping());
    harness.feed(Side.upstream, server.ok());
    harness.finish();
    expect(harness.ended.map((x) => x.kind)).toEqual(['query', 'ping']);
    expect(harness.opaqueReasons).toEqual([]);
  });
  test('KILL QUERY, KILL and the limits of time are cancellations', () => {
    for (const code of [1317, 1927, 1969, 3024]) {
      const on = play([...login, ['>', client.query('select sleep(9)')], ['<', server.err(code, '70100')]]);
      expect(told(on)).toEqual([`query | select sleep(?) | cancelled | ${code}`]);
      expect(on.harness.ended[0]!.severity).toBe('70100');
    }
  });
});

describe('too many', () => {
  test('above 10,000 open commands observing goes on untimed, and finds its way back', () => {
    const { harness, stats } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    const block = batch(...Array.from({ length: 1000 }, () => client.query('select 1')));
    for (let i = 0; i < 12; i++) harness.feed(Side.downstream, block);
    expect(harness.begun).toBe(12_000);
    expect(stats.value('sluice.mysql.p.untimed')).toBe(2000);
    const answers = batch(...Array.from({ length: 1000 }, () => server.result(['1'])));
    for (let i = 0; i < 12; i++) harness.feed(Side.upstream, answers);
    expect(harness.opaqueReasons).toEqual([]);
    expect(harness.session.quiet).toBe(true);
    harness.feed(Side.downstream, client.query('select 2, 2'));
    harness.feed(Side.upstream, server.result(['1']));
    expect(harness.ended.at(-1)).toMatchObject({ text: 'select ?, ?', flags: 0, outcome: 0, rowsReturned: 1 });
    harness.finish();
  });
  test('above 65,536 answers decoding ends', () => {
    const { harness } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    const block = batch(...Array.from({ length: 10_000 }, () => client.ping()));
    for (let i = 0; i < 7; i++) harness.feed(Side.downstream, block);
    expect(harness.opaqueReasons).toEqual(['too_many_in_flight']);
    expect(harness.openExchanges).toBe(0);
  });
  test('a text of 7,000 statements', () => {
    const replies = Array.from({ length: 7000 }, (_, i) => server.ok({ status: i === 6999 ? 2 : 10 }, (i + 1) & 0xff));
    const on = play([...login, ['>', client.query('do 1;'.repeat(7000))], ['<', batch(...replies)], ...NEXT]);
    expect(on.harness.ended.length).toBe(7001);
    expect(on.harness.opaqueReasons).toEqual([]);
  });
});

describe('whatever comes', () => {
  test('noise from either side never throws and never changes a byte', () => {
    const line = fc.tuple(fc.constantFrom('>' as const, '<' as const), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.boolean(), (lines, loggedIn) => {
        const script: Script = loggedIn ? [...login, ...lines] : lines;
        const on = play(script);
        expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
        expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
        expect(on.harness.opaqueReasons.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 400 },
    );
  });

  test('packets of any payload, well framed, in any order never throw', () => {
    const line = fc.tuple(
      fc.constantFrom('>' as const, '<' as const),
      fc.uint8Array({ maxLength: 24 }),
      fc.integer({ min: 0, max: 4 }),
    );
    for (const start of [
      login,
      loginAs({ capabilities: CAPABILITIES | C.queryAttributes }),
      mariadbLogin(0x1d),
      loginAs({ capabilities: C.protocol41 }),
    ])
      fc.assert(
        fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
          const script: Script = [
            ...start,
            ...lines.map(([who, payload, id]) => [who, packet(who === '>' ? 0 : id, payload)] as const),
          ];
          const on = play(script, {}, pieces([5, 1, 30]));
          expect(on.harness.opaqueReasons.length).toBeLessThanOrEqual(1);
          expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
        }),
        { numRuns: 150 },
      );
  });

  test('messages in any order never throw', () => {
    const of = (builders: Record<string, unknown>): fc.Arbitrary<Uint8Array> => {
      const calls = Object.values(builders).filter((call) => typeof call === 'function') as ((
        ...args: unknown[]
      ) => Buffer)[];
      return fc.integer({ min: 0, max: calls.length - 1 }).map((i) => {
        try {
          return Buffer.from(calls[i]!());
        } catch {
          return client.query('select 1');
        }
      });
    };
    const line = fc.oneof(
      of(client).map((bytes) => ['>', bytes] as const),
      of(server).map((bytes) => ['<', bytes] as const),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const script: Script = [...login, ...lines];
        expect(play(script).harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
