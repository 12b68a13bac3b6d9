import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { client, server } from './testing/builders.ts';
import { CUTS } from './testing/checks.ts';
import { login, own, play, type Script, stage, told } from './testing/story.ts';

const batch = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
/** A command and its answer: does the session go on? */
const alive: Script = [
  ['>', client.ping()],
  ['<', server.ok()],
];

describe('who it is later', () => {
  const change = (lines: Script): Script => [...login, ['>', client.changeUser({ database: 'audit' })], ...lines];

  test('MY-11: COM_CHANGE_USER moves the identity on OK only, through a dialogue of its own', () => {
    const script = change([
      ['<', server.authSwitch('mysql_native_password', 1)],
      ['>', client.auth(Buffer.alloc(20), 2)],
      ['<', server.ok({}, 3)],
      ...alive,
    ]);
    for (const cut of CUTS) {
      const on = play(script, {}, cut);
      expect(told(on)).toEqual(['change_user | change user | ok', 'ping | ping | ok']);
      expect(on.harness.facts).toMatchObject({ user: 'bob', database: 'audit' });
      expect([own(on, 'user_changes'), own(on, 'user_change_failures')]).toEqual([1, 0]);
      expect(on.harness.opaqueReasons).toEqual([]);
    }
  });

  test('MY-11: a refused change leaves the old identity, and a server that goes on is read on', () => {
    for (const lines of [
      [['<', server.err(1045, '28000')]],
      [
        ['<', server.authSwitch('mysql_native_password', 1)],
        ['>', client.auth(Buffer.alloc(20), 2)],
        ['<', server.err(1045, '28000', 'no', 3)],
      ],
    ] as Script[]) {
      const on = play(change([...lines, ...alive]));
      expect(told(on)).toEqual(['change_user | change user | error | 1045', 'ping | ping | ok']);
      expect(on.harness.facts).toMatchObject({ user: 'ann', database: 'shop' });
      expect([own(on, 'user_changes'), own(on, 'user_change_failures')]).toEqual([0, 1]);
    }
  });

  test('MY-11: a query pipelined behind it is a query, before the dialogue and within it', () => {
    const { harness } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    harness.feed(Side.downstream, batch(client.changeUser(), client.query('select 1')));
    harness.feed(Side.upstream, server.authSwitch('mysql_native_password', 1));
    harness.feed(Side.downstream, client.query('select 2, 2'));
    harness.feed(Side.downstream, client.auth(Buffer.alloc(20), 2));
    harness.feed(Side.upstream, batch(server.ok({}, 3), server.result(['1']), server.result(['2'])));
    harness.finish();
    expect(harness.ended.map((x) => `${x.kind} ${x.text} ${x.outcome}`)).toEqual([
      'change_user change user 0',
      'query select ? 0',
      'query select ?, ? 0',
    ]);
    expect(harness.opaqueReasons).toEqual([]);
  });

  test('statements and transactions are gone with a reset and with a change', () => {
    for (const [request, reply] of [
      [client.resetConnection(), server.ok()],
      [client.changeUser(), server.ok()],
      // Servers clean up before they look at who it is.
      [client.changeUser(), server.err(1045, '28000')],
    ] as const) {
      const on = play([
        ...login,
        ['>', client.prepare('select 1')],
        ['<', server.prepared(1, 0, 1)],
        ['>', client.query('begin')],
        ['<', server.ok({ status: 3 })],
        ['>', request],
        ['<', reply],
        ['>', client.execute(1)],
        ['<', server.err(1243, 'HY000')],
      ]);
      expect(told(on).at(-1)).toBe('execute | execute of a statement not seen prepared | error | 1243 | prepared');
      expect(own(on, 'transactions_rollback')).toBe(1);
      expect(own(on, 'unknown_statements')).toBe(1);
    }
  });

  test('MY-12: the database follows COM_INIT_DB, USE and session tracking, on OK only', () => {
    const steps: [string, Script, string][] = [
      [
        'a failing COM_INIT_DB',
        [
          ['>', client.initDb('no')],
          ['<', server.err(1049)],
        ],
        'shop',
      ],
      [
        'COM_INIT_DB',
        [
          ['>', client.initDb('a')],
          ['<', server.ok()],
        ],
        'a',
      ],
      [
        'a failing USE',
        [
          ['>', client.query('use nowhere')],
          ['<', server.err(1049)],
        ],
        'a',
      ],
      [
        'USE',
        [
          ['>', client.query('/* x */ USE `b``c`')],
          ['<', server.ok()],
        ],
        'b`c',
      ],
      [
        'USE among others',
        [
          ['>', client.query('use d; select 1')],
          ['<', batch(server.ok({ status: 10 }), server.result(['1'], 2, 2))],
        ],
        'd',
      ],
      [
        'tracked',
        [
          ['>', client.query('call moves()')],
          ['<', server.ok({ track: server.trackSchema('e') })],
        ],
        'e',
      ],
    ];
    const { harness } = stage();
    for (const [who, bytes] of login) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    for (const [name, lines, want] of steps) {
      for (const [who, bytes] of lines) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
      expect({ name, database: harness.facts.database }).toEqual({ name, database: want });
    }
  });
});
