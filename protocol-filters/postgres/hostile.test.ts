import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import { client, cstr, frame, i16, i32, server } from './testing/builders.ts';
import { byteByByte, envoy, login, own, pieces, play, type Script, said, stage, told } from './testing/story.ts';
import { Backend as B, Frontend as F } from './wire.ts';

const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const allow = { enforces: true, judge: () => null };
const head = (type: number, length: number): Buffer => batch(Buffer.of(type), i32(length));

/** Name, what comes after login, the fault. */
const faults: [string, Script, string][] = [
  ['an unknown type of the client', [['>', frame(0x7a)]], 'unknown_type'],
  ['an unknown type of the server', [['<', frame(0x7a)]], 'unknown_type'],
  ['a backend type from the client', [['>', frame(B.readyForQuery, Buffer.from('I'))]], 'unknown_type'],
  ['a password after authentication', [['>', client.password()]], 'out_of_order'],
  ['Sync with a body', [['>', head(F.sync, 8)]], 'oversized'],
  ['Query below the header', [['>', head(F.query, 3)]], 'undersized'],
  ['Query of 2^31 bytes', [['>', head(F.query, 0x80000000)]], 'oversized'],
  ['DataRow of -1 bytes', [['<', head(B.dataRow, 0xffffffff)]], 'oversized'],
  ['ReadyForQuery of two bytes', [['<', head(B.readyForQuery, 6)]], 'oversized'],
  ['Bind too short for its fields', [['>', head(F.bind, 8)]], 'undersized'],
  ['a completion that nobody waits for', [['<', server.complete('SELECT 1')]], 'unexpected_reply'],
  ['a row that nobody waits for', [['<', server.row()]], 'unexpected_reply'],
  ['ReadyForQuery that nobody waits for', [['<', server.ready()]], 'unexpected_reply'],
  ['a second AuthenticationOk', [['<', server.authenticationOk()]], 'unexpected_reply'],
  [
    'BindComplete before ParseComplete',
    [
      ['>', batch(client.extended('select 1'), client.sync())],
      ['<', server.bindComplete()],
    ],
    'unexpected_reply',
  ],
  [
    'two completions of one statement',
    [
      ['>', client.query('select 1')],
      ['<', batch(server.complete('SELECT 1'), server.complete('SELECT 1'))],
    ],
    'unexpected_reply',
  ],
  [
    'COPY data that nobody asked for',
    [
      ['>', client.query('select 1')],
      ['<', server.copyData('x')],
    ],
    'unexpected_reply',
  ],
  [
    'PortalSuspended for a simple query',
    [
      ['>', client.query('select 1')],
      ['<', server.suspended()],
    ],
    'unexpected_reply',
  ],
  [
    'a query while the server takes data',
    [
      ['>', client.query('copy t from stdin')],
      ['<', server.copyIn()],
      ['>', client.query('select 1')],
    ],
    'out_of_order',
  ],
  [
    'a query that was sent ahead of a COPY',
    [
      ['>', batch(client.query('copy t from stdin'), client.query('select 1'))],
      ['<', server.copyIn()],
    ],
    'out_of_order',
  ],
  ['garbage', [['>', Buffer.from('\u0001\u0002garbage')]], 'unknown_type'],
  ['HTTP from the server', [['<', Buffer.from('HTTP/1.1 400 Bad Request\r\n')]], 'oversized'],
];

describe('what cannot be read', () => {
  for (const [name, script, fault] of faults) {
    test(`${name}: observed, the bytes flow on and it is counted once`, () => {
      const more: Script = [
        ['>', Buffer.from('tail of the client')],
        ['<', Buffer.from('tail of the server')],
      ];
      const full = [...login, ...script, ...more];
      for (const cut of [undefined, byteByByte, pieces([3, 8])]) {
        const on = play(full, {}, cut);
        expect(on.harness.opaqueReasons).toEqual([fault]);
        expect(own(on, `opaque.${fault}.sessions`)).toBe(1);
        expect(on.harness.sent(Side.upstream).equals(said(full, '>'))).toBe(true);
        expect(on.harness.sent(Side.downstream).equals(said(full, '<'))).toBe(true);
        expect(on.harness.openExchanges).toBe(0);
      }
    });

    test(`${name}: enforced, the connection closes with a native error where there is room for one`, () => {
      const on = play([...login, ...script], allow);
      const { harness } = on;
      // The gate asks more of a message than the tap: a Bind without its fields is none.
      expect(harness.closed).toMatch(/^opaque:/);
      expect(harness.sent(Side.downstream).toString('latin1')).toContain('VFATAL\0C08P01');
      expect(harness.openExchanges).toBe(0);
    });
  }

  const bodies: [string, Buffer][] = [
    ['Query without its NUL', frame(F.query, Buffer.from('select 1'))],
    ['Query with a NUL inside', frame(F.query, cstr('select 1'), cstr('; drop table t'))],
    ['Parse with trailing bytes', frame(F.parse, cstr(''), cstr('select 1'), i16(0), Buffer.of(1))],
    ['Parse with more types than bytes', frame(F.parse, cstr(''), cstr('select 1'), i16(2), i32(1))],
    [
      'Bind whose value runs out of its frame',
      frame(F.bind, cstr(''), cstr(''), i16(0), i16(1), i32(99), Buffer.alloc(4)),
    ],
    ['Bind with 32,767 values and none', frame(F.bind, cstr(''), cstr(''), i16(0), i16(0x7fff), i16(0))],
    ['Bind with a length of -2', frame(F.bind, cstr(''), cstr(''), i16(0), i16(1), i32(-2), i16(0))],
    ['Execute without its NUL', frame(F.execute, Buffer.from('abcdef'))],
    ['Describe of something else', frame(F.describe, Buffer.from('X'), cstr('s'))],
    ['Close with trailing bytes', frame(F.close, Buffer.from('S'), cstr('s'), Buffer.of(0))],
  ];
  for (const [name, bytes] of bodies)
    test(`${name}: enforced closes, observed leaves it to the server`, () => {
      const strict = play([...login, ['>', bytes]], allow).harness;
      expect(strict.closed).toBe('opaque:truncated');
      expect(strict.sent(Side.upstream)).toEqual(client.startup());
      const on = play([...login, ['>', bytes], ['<', batch(server.error('08P01'), server.ready())]]);
      expect(on.harness.opaqueReasons.filter((reason) => reason !== 'unexpected_reply')).toEqual([]);
      expect(on.harness.sent(Side.upstream)).toEqual(batch(client.startup(), bytes));
    });

  test('noise from either side never throws and never changes a byte', () => {
    const line = fc.tuple(fc.constantFrom('>' as const, '<' as const), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.boolean(), (lines, loggedIn) => {
        const script: Script = loggedIn ? [...login, ...lines] : lines;
        const on = play(script);
        expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
        expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
        expect(on.harness.opaqueReasons.length).toBeLessThanOrEqual(1);
        play(script, allow);
      }),
      { numRuns: 300 },
    );
  });

  test('messages in any order never throw: what is legal is read, what is not is said once', () => {
    const of = (builders: Record<string, unknown>): fc.Arbitrary<Uint8Array> => {
      const calls = Object.values(builders) as ((...args: string[]) => Buffer)[];
      return fc.integer({ min: 0, max: calls.length - 1 }).map((i) => {
        try {
          return calls[i]!('select 1');
        } catch {
          return client.sync();
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
        const on = play(script);
        expect(on.harness.sent(Side.upstream).equals(said(script, '>'))).toBe(true);
        expect(on.harness.sent(Side.downstream).equals(said(script, '<'))).toBe(true);
        play(script, allow);
        play(script, {
          enforces: true,
          judge: () => ({ policy: 'all', message: 'no', kind: 'policy' as const, closes: false }),
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('too many', () => {
  test('above 10,000 open executions observing goes on untimed, and finds its way back', () => {
    const { harness, stats } = stage();
    const count = (name: string): number | undefined => stats.value(`sluice.postgres.p.${name}`);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    const one = batch(client.parse('select 1'), client.bind(), client.execute(), client.sync());
    const block = batch(...Array.from({ length: 1000 }, () => one));
    for (let i = 0; i < 12; i++) harness.feed(Side.downstream, block);
    expect(harness.begun).toBe(12_000);
    const answer = batch(server.parseComplete(), server.bindComplete(), server.complete('SELECT 0'), server.ready());
    const answers = batch(...Array.from({ length: 1000 }, () => answer));
    for (let i = 0; i < 12; i++) harness.feed(Side.upstream, answers);
    expect(harness.opaqueReasons).toEqual([]);
    expect(count('untimed')).toBe(2_000);
    expect(harness.ended.filter((x) => x.flags & Flag.untimed).length).toBe(2_000);
    expect(harness.session.quiet).toBe(true);
    // And now as before.
    harness.feed(Side.downstream, one);
    harness.feed(Side.upstream, answer);
    expect(harness.ended.at(-1)).toMatchObject({ text: 'select ?', flags: 0, outcome: 0 });
    harness.finish();
  });

  test('an error whose Sync stands above the cap is told all the same', () => {
    const { harness } = stage();
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    const run = batch(client.bind('s'), client.execute());
    harness.feed(
      Side.downstream,
      batch(client.parse('select 1', 's'), ...Array.from({ length: 11_000 }, () => run), client.sync()),
    );
    harness.feed(
      Side.upstream,
      batch(server.parseComplete(), server.bindComplete(), server.error('22012'), server.ready()),
    );
    harness.finish();
    expect(harness.opaqueReasons).toEqual([]);
    expect(harness.ended.filter((x) => x.code === '22012').length).toBe(1);
    expect(harness.ended.length).toBe(11_000);
  });

  test('a query of 20,000 statements is counted, not timed', () => {
    const on = play([
      ...login,
      ['>', client.query('select 1;'.repeat(7_000))],
      ['<', batch(...Array.from({ length: 7_000 }, () => server.complete('SELECT 1')), server.ready())],
    ]);
    expect(on.harness.ended.length).toBe(7_000);
    expect(on.harness.opaqueReasons).toEqual([]);
  });

  test('an enforced session closes instead', () => {
    const { harness } = stage(allow);
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    const block = batch(...Array.from({ length: 1000 }, () => client.query('select 1')));
    for (let i = 0; i < 11 && !harness.closed; i++) harness.feed(Side.downstream, block);
    expect(harness.closed).toBe('opaque:too_many_in_flight');
  });

  test('above 10,000 prepared statements their executions are unknown', () => {
    const { harness, stats } = stage();
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    for (let i = 0; i < 10_002; i += 6) {
      const names = Array.from({ length: 6 }, (_, k) => `s${i + k}`);
      harness.feed(Side.downstream, batch(...names.map((name) => client.parse('select 1', name)), client.sync()));
      harness.feed(Side.upstream, batch(...names.map(() => server.parseComplete()), server.ready()));
    }
    expect(stats.value('sluice.postgres.p.untracked_statements')).toBe(2);
    harness.feed(Side.downstream, batch(client.bind('s10001'), client.execute(), client.sync()));
    harness.feed(Side.upstream, batch(server.bindComplete(), server.complete('SELECT 0'), server.ready()));
    expect(harness.ended.at(-1)!.text).toBe('execute of a statement not seen prepared');
    expect(stats.value('sluice.postgres.p.unknown_statements')).toBe(1);
  });
});

describe('what else is counted', () => {
  test("Envoy's counters, once per complete message", () => {
    const on = play(
      [
        ...login,
        ['>', client.query('begin')],
        ['<', batch(server.complete('BEGIN'), server.ready('T'))],
        ['>', client.query('insert into t values (1)')],
        ['<', batch(server.complete('INSERT 0 1'), server.ready('T'))],
        ['>', client.query('rollback')],
        ['<', batch(server.complete('ROLLBACK'), server.ready())],
        ['>', client.query('selec')],
        ['<', batch(server.error('42601'), server.ready())],
        ['>', batch(client.extended('update t set a = 1'), client.sync())],
        ['<', batch(server.extended('UPDATE 1'), server.ready())],
        ['>', client.query('delete from t; create table u ()')],
        [
          '<',
          batch(
            server.complete('DELETE 1'),
            server.notice('NOTICE'),
            server.notice('DEBUG2'),
            server.notice('WARNING'),
            server.notice('INFO'),
            server.notice('LOG'),
            server.notice('ODD'),
            server.complete('CREATE TABLE'),
            server.ready(),
          ),
        ],
        ['>', client.query('select 1')],
        ['<', batch(server.complete('SELECT 1'), server.error('XX000', 'PANIC'))],
        ['<', server.error('57P01', 'FATAL')],
        ['<', server.error('57P01', 'ODD')],
      ],
      {},
      byteByByte,
    );
    const counts = {
      statements: 7,
      statements_insert: 1,
      statements_update: 1,
      statements_delete: 1,
      statements_select: 1,
      statements_other: 3,
      statements_parsed: 6,
      statements_parse_error: 1,
      transactions: 5,
      transactions_commit: 4,
      transactions_rollback: 1,
      errors: 4,
      errors_error: 1,
      errors_fatal: 1,
      errors_panic: 1,
      errors_unknown: 1,
      notices: 6,
      notices_notice: 1,
      notices_debug: 1,
      notices_warning: 1,
      notices_info: 1,
      notices_log: 1,
      notices_unknown: 1,
      messages_frontend: 11,
      messages_unknown: 0,
    };
    for (const [name, want] of Object.entries(counts)) expect(`${name} ${envoy(on, name)}`).toBe(`${name} ${want}`);
    expect(envoy(on, 'messages')).toBe(envoy(on, 'messages_frontend') + envoy(on, 'messages_backend'));
  });

  test('an unknown message counts as one', () => {
    const on = play([...login, ['>', frame(0x7a)]]);
    expect([envoy(on, 'messages_unknown'), envoy(on, 'messages')]).toEqual([1, 8]);
  });

  test('COPY volumes, notifications, empty queries, losses', () => {
    const on = play([
      ...login,
      ['>', client.query('copy t from stdin')],
      ['<', server.copyIn()],
      ['>', batch(client.copyData('12345'), client.copyDone())],
      ['<', batch(server.complete('COPY 3'), server.ready(), server.notification())],
      ['>', client.query('copy t to stdout')],
      [
        '<',
        batch(
          server.copyOut(),
          server.copyData('1234567'),
          server.copyDone(),
          server.complete('COPY 2'),
          server.ready(),
        ),
      ],
      ['>', client.query('')],
      ['<', batch(server.empty(), server.ready())],
      ['>', client.functionCall()],
      ['<', batch(server.error('42501'), server.ready())],
      ['>', batch(client.query('select nope; select 1'), client.query('select 2'))],
      ['<', batch(server.error('42703'), server.ready())],
    ]);
    const counts = {
      copy_in_bytes: 5,
      copy_in_rows: 3,
      copy_out_bytes: 7,
      copy_out_rows: 2,
      notifications: 1,
      empty_queries: 1,
      function_calls: 1,
      skipped: 1,
      lost: 1,
    };
    for (const [name, want] of Object.entries(counts)) expect(`${name} ${own(on, name)}`).toBe(`${name} ${want}`);
    expect(on.harness.asides).toContain(`< notification ${server.notification().length}`);
    expect(told(on).at(-1)).toBe('query | select ? | lost | pipelined');
  });

  test('an endless exchange reports its progress, not more than once a second', () => {
    const { harness } = stage();
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.downstream, client.query('START_REPLICATION 0/0'));
    harness.feed(Side.upstream, server.copyBoth());
    for (let i = 0; i < 30; i++) {
      harness.time += 200;
      harness.feed(Side.upstream, server.copyData('wal'));
    }
    expect(harness.progressed).toBe(6);
    harness.feed(Side.upstream, batch(server.copyDone(), server.complete('COPY 0'), server.ready()));
    expect(harness.ended.length).toBe(1);
  });
});

describe('leaving', () => {
  test('quiet is: logged in, nothing open, no transaction, no message half said', () => {
    const { harness } = stage();
    const { session } = harness;
    expect([session.quiet, session.farewell()]).toEqual([true, null]);
    const startup = client.startup();
    harness.feed(Side.downstream, startup.subarray(0, 3));
    expect(session.quiet).toBe(false);
    harness.feed(Side.downstream, startup.subarray(3));
    expect(session.quiet).toBe(false);
    harness.feed(Side.upstream, server.welcome());
    expect(session.quiet).toBe(true);
    expect(Buffer.from(session.farewell()!).toString('latin1')).toContain('C57P01');
    harness.feed(Side.downstream, client.query('begin').subarray(0, 2));
    expect(session.quiet).toBe(false);
    harness.feed(Side.downstream, client.query('begin').subarray(2));
    expect(session.quiet).toBe(false);
    harness.feed(Side.upstream, batch(server.complete('BEGIN'), server.ready('T')));
    expect(session.quiet).toBe(false);
    harness.feed(Side.downstream, client.query('commit'));
    harness.feed(Side.upstream, batch(server.complete('COMMIT'), server.ready()));
    expect(session.quiet).toBe(true);
  });

  test('a client that has half-closed still gets its answers; a dead connection ends everything once', () => {
    const { harness } = stage();
    harness.feed(Side.downstream, client.startup());
    harness.feed(Side.upstream, server.welcome());
    harness.feed(Side.downstream, batch(client.query('select 1'), client.query('select 2')));
    harness.hangUp(Side.downstream, 'fin');
    harness.feed(Side.upstream, batch(server.complete('SELECT 1'), server.ready()));
    expect(harness.ended.length).toBe(1);
    for (const how of ['reset', 'error', 'fin'] as const) harness.hangUp(Side.upstream, how);
    expect(harness.ended.map((x) => x.outcome)).toEqual([0, 4]);
    harness.finish();
  });
});
