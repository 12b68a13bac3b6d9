import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { MAX_OPEN } from './downstream.ts';
import {
  array,
  bulk,
  command,
  error,
  integer,
  join,
  nil,
  nil3,
  nilArray,
  ok,
  queued,
  raw,
  say,
  status,
} from './testing/builders.ts';
import { envoy, own, play, RememberedKeys, stage } from './testing/story.ts';

import { tells } from './testing/tells.ts';

describe('one command, one reply', () => {
  const LINES = ['SET user:1 x', 'GET user:1', 'LRANGE queue 0 -1', 'CONFIG GET maxmemory', 'PING', 'INCR hits'];
  tells(
    'kinds, digests, rows',
    [
      ['>', say(...LINES)],
      [
        '<',
        join(
          ok,
          bulk('x'),
          array(bulk('a'), bulk('b')),
          array(bulk('maxmemory'), bulk('0')),
          status('PONG'),
          integer(5),
        ),
      ],
    ],
    [
      'set | SET user:* | ok',
      'get | GET user:* | ok | returned 1 | pipelined hit',
      'lrange | LRANGE queue | ok | returned 2 | pipelined hit',
      'config|get | CONFIG GET | ok | returned 2 | pipelined',
      'ping | PING | ok | pipelined',
      'incr | INCR hits | ok | returned 1 | pipelined',
    ],
    (on) => {
      expect(own(on, 'pipelined')).toBe(5);
      expect(envoy(on, 'downstream_rq_total')).toBe(6);
      expect(envoy(on, 'command.config_get.total')).toBe(1);
      expect(envoy(on, 'command.get.success')).toBe(1);
      expect(on.harness.ended.map((x) => x.requestBytes)).toEqual(LINES.map((line) => say(line).length));
      expect(on.harness.ended.map((x) => x.replyBytes)).toEqual([5, 7, 18, 26, 7, 4]);
    },
  );

  tells(
    'errors by their code, redirects are none',
    [
      ['>', say('GET a', 'GET b', 'GET c', 'GET d', 'EVAL x 0', 'NOSUCH.THING 1', 'GET e')],
      [
        '<',
        join(
          error('WRONGTYPE Operation against a key'),
          error('MOVED 1 10.0.0.1:6379'),
          error('ASK 1 10.0.0.1:6379'),
          error('something went wrong'),
          error('MY-CODE of a script'),
          error("ERR unknown command 'NOSUCH.THING'"),
          raw('!10\r\nSYNTAX bad\r\n'),
        ),
      ],
    ],
    [
      'get | GET a | error | WRONGTYPE',
      'get | GET b | redirected | MOVED | pipelined',
      'get | GET c | redirected | ASK | pipelined',
      'get | GET d | error | ERR | pipelined',
      'eval | EVAL 11f6ad8ec52a2984abaafd7c3b516503785c2072 | error | MY-CODE | pipelined',
      'unknown | UNKNOWN | error | ERR | pipelined',
      'get | GET e | error | SYNTAX | pipelined',
    ],
    (on) => {
      expect(envoy(on, 'command.get.total')).toBe(5);
      expect(envoy(on, 'command.get.error')).toBe(3);
      expect(envoy(on, 'command.get.success')).toBe(0);
      expect(envoy(on, 'command.unknown.error')).toBe(1);
      expect([own(on, 'redirects'), own(on, 'bypass_hint'), own(on, 'unknown_commands')]).toEqual([2, 2, 1]);
      expect(own(on, 'scripts')).toBe(1);
    },
  );

  const NULLS = join(nil, nil3, nilArray);
  const reads: readonly (readonly [line: string, reply: Uint8Array, want: 'hit' | 'miss' | ''])[] = [
    ['GET a', bulk('x'), 'hit'],
    ['GET a', bulk(''), 'hit'],
    ['GET a', nil, 'miss'],
    ['HGET a f', nil3, 'miss'],
    ['HMGET a f g', array(nil, nil), 'miss'],
    ['HMGET a f g', array(nil, bulk('x')), 'hit'],
    ['HGETALL a', array(), 'miss'],
    ['EXISTS a', integer(0), 'miss'],
    ['EXISTS a', integer(1), 'hit'],
    ['EXISTS a b', integer(1), ''],
    ['LLEN a', integer(0), 'miss'],
    ['ZRANK a m', integer(0), 'hit'],
    ['TTL a', integer(-2), 'miss'],
    ['TTL a', integer(-1), 'hit'],
    ['TYPE a', status('none'), 'miss'],
    ['TYPE a', status('string'), 'hit'],
    ['GETDEL a', nil, 'miss'],
    ['MGET a b', array(bulk('x'), bulk('y')), 'hit'],
    ['MGET a b', array(bulk('x'), nil), 'miss'],
    ['GET a', error('WRONGTYPE no'), ''],
    ['SINTER a b', array(), ''],
    ['LPOP a', nil, ''],
    ['HSCAN a 0', array(bulk('0'), array()), ''],
  ];
  for (const [line, reply, want] of reads)
    test(`${line} answered ${JSON.stringify(String(reply))}: ${want || 'neither hit nor miss'}`, () => {
      const on = play([
        ['>', say(line)],
        ['<', reply],
      ]);
      const flags = on.harness.ended[0]!.flags;
      expect((flags & Flag.hit) !== 0).toBe(want === 'hit');
      expect((flags & Flag.miss) !== 0).toBe(want === 'miss');
    });

  test('MGET counts hits and misses by key', () => {
    const on = play([
      ['>', say('MGET a b c')],
      ['<', array(bulk('x'), nil, nil)],
    ]);
    expect([own(on, 'hits'), own(on, 'misses')]).toEqual([1, 2]);
    expect(NULLS.length).toBe(13);
  });

  tells(
    'a command that the table does not have is told by its name once the server has served it, where it is like a module’s',
    [
      ['>', say('JSON.GET a', 'json.get a', 'JSON.SET a', 'renamed', 'MULTI', 'FT.SEARCH i', 'FT.NONE', 'EXEC')],
      ['<', join(bulk('x'), bulk('x'), error('ERR no'), ok, ok, queued, error('ERR no'), error('EXECABORT no'))],
      ['>', say('MULTI', 'FT.SEARCH i', 'EXEC', 'FT.SEARCH i', 'JSON.GET')],
      ['<', join(ok, queued, array(nil), nil, error('ERR no'))],
      ['>', say('FT.SEARCH')],
      ['<', error('ERR no')],
    ],
    [
      'unknown | JSON.GET | ok | returned 1',
      'unknown | JSON.GET | ok | returned 1 | pipelined',
      'unknown | UNKNOWN | error | ERR | pipelined',
      'unknown | UNKNOWN | ok | pipelined',
      'multi | MULTI | ok | pipelined | transaction 1',
      'unknown | UNKNOWN | error | ERR | inTransaction pipelined | transaction 1',
      'unknown | UNKNOWN | skipped | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | error | EXECABORT | inTransaction pipelined | transaction 1',
      'multi | MULTI | ok | transaction 2',
      'unknown | FT.SEARCH | ok | inTransaction pipelined untimed | transaction 2',
      'exec | EXEC | ok | inTransaction pipelined | transaction 2',
      'unknown | FT.SEARCH | ok | pipelined',
      'unknown | JSON.GET | error | ERR | pipelined',
      'unknown | FT.SEARCH | error | ERR',
    ],
  );
  tells(
    'inline commands, empty lines between',
    [
      ['>', raw('\r\nGET user:1\r\n\r\nset a "b c"\n')],
      ['<', join(nil, ok)],
    ],
    ['get | GET user:* | ok | miss', 'set | SET a | ok | pipelined'],
    (on) => expect(own(on, 'inline')).toBe(2),
  );

  test('times: from the first byte of the request to the last of the reply', () => {
    const on = stage();
    const { harness } = on;
    const seen: number[][] = [];
    const end = harness.end.bind(harness);
    harness.end = (x) => {
      seen.push([x.requestFirstByteAt, x.forwardedAt > 0 ? 1 : 0, x.replyFirstByteAt, x.replyLastByteAt]);
      end(x);
    };
    const bytes = say('GET a');
    harness.feed(Side.downstream, bytes.subarray(0, 4)); // 1001
    harness.feed(Side.downstream, bytes.subarray(4)); // 1002
    harness.feed(Side.upstream, raw('$1')); // 1003
    harness.feed(Side.upstream, raw('\r\nx\r\n')); // 1004
    harness.finish();
    expect(seen).toEqual([[1001, 0, 1003, 1004]]);
    const id = on.stats.list.find(({ name }) => name === 'redis.p.command.get.latency')!.id;
    expect(on.stats.histogram(id).count).toBe(1);
    expect(on.stats.histogram(id).sum).toBeCloseTo(0.003);
  });

  test('a client that has said all it wants still gets its answers; what is open at the end is lost', () => {
    const { harness, stats } = stage();
    harness.feed(Side.downstream, say('GET a', 'GET b'));
    harness.hangUp(Side.downstream);
    harness.feed(Side.upstream, nil);
    harness.hangUp(Side.upstream);
    expect(harness.ended.map((x) => x.outcome)).toEqual([0, 4]);
    expect(stats.value('sluice.redis.p.lost')).toBe(1);
  });
});

describe('RD-15: waiting', () => {
  tells(
    'what waits, and what waits behind it, is no latency',
    [
      ['>', say('BLPOP q 0', 'GET a')],
      ['<', join(array(bulk('q'), bulk('x')), nil)],
      ['>', say('XREAD BLOCK 5 STREAMS s $', 'XREAD STREAMS block 0', 'WAIT 1 100')],
      ['<', join(nilArray, nilArray, integer(0))],
      ['>', say('GET a')],
      ['<', nil],
    ],
    [
      'blpop | BLPOP q | ok | returned 2 | waits',
      'get | GET a | ok | pipelined untimed miss',
      'xread | XREAD s | ok | waits',
      'xread | XREAD block | ok | pipelined untimed',
      'wait | WAIT | ok | returned 1 | pipelined waits',
      'get | GET a | ok | miss',
    ],
    (on) => {
      expect(own(on, 'blocking')).toBe(3);
      expect(on.stats.histogram(on.stats.list.find(({ name }) => name.endsWith('get.latency'))!.id).count).toBe(1);
    },
  );
  tells(
    'a MULTI that is refused is none, a group may be called BLOCK',
    [
      ['>', say('MULTI x', 'BLPOP q 1')],
      ['<', join(error('ERR no'), nilArray)],
      ['>', say('MULTI')],
      ['<', error('NOPERM no')],
      ['>', say('BLPOP q 1')],
      ['<', nilArray],
      ['>', say('XREADGROUP GROUP block block STREAMS s >', 'XREADGROUP GROUP g c COUNT 1 BLOCK 9 STREAMS s >')],
      ['<', join(nilArray, nilArray)],
    ],
    [
      'multi | MULTI | error | ERR',
      'blpop | BLPOP q | ok | pipelined waits',
      'multi | MULTI | error | NOPERM',
      'blpop | BLPOP q | ok | waits',
      'xreadgroup | XREADGROUP s | ok',
      'xreadgroup | XREADGROUP s | ok | pipelined waits',
    ],
  );
  tells(
    'within MULTI nothing waits',
    [
      ['>', say('MULTI', 'BLPOP q 0', 'EXEC')],
      ['<', join(ok, queued, array(nilArray))],
      ['>', say('GET a')],
      ['<', nil],
    ],
    [
      'multi | MULTI | ok | transaction 1',
      'blpop | BLPOP q | ok | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | ok | inTransaction pipelined | transaction 1',
      'get | GET a | ok | miss',
    ],
  );
});

describe('bounds', () => {
  test('above the cap commands are told when their reply is there, untimed, and in order', () => {
    const many = MAX_OPEN + 3;
    const keys = new RememberedKeys();
    const { harness, stats } = stage({ env: { keys } });
    harness.feed(
      Side.downstream,
      join(...Array.from({ length: many }, () => say('GET a')), say('SELECT 2', 'SET b 1')),
    );
    expect(harness.begun).toBe(MAX_OPEN);
    harness.feed(
      Side.upstream,
      join(...Array.from({ length: many }, (_, i) => (i < MAX_OPEN ? nil : bulk('x'))), ok, error('OOM no')),
    );
    harness.finish();
    const late = harness.ended
      .slice(MAX_OPEN)
      .map((x) => `${x.kind} ${x.text} ${x.turn} ${x.requestBytes} ${x.replyBytes} ${x.code}`);
    expect(late).toEqual([
      ...[1, 2, 3].map((i) => `get GET a ${MAX_OPEN + i} 20 7 `),
      `select SELECT ${MAX_OPEN + 4} 23 5 `,
      `set SET b ${MAX_OPEN + 5} 27 9 OOM`,
    ]);
    expect(harness.ended.slice(MAX_OPEN).every((x) => (x.flags & Flag.untimed) !== 0)).toBe(true);
    expect(harness.facts.database).toBe('2');
    expect(stats.value('sluice.redis.p.untimed')).toBe(5);
    expect(stats.value('sluice.redis.p.hits')).toBe(3);
    expect(keys.touched.length).toBe(MAX_OPEN);
  });

  test('the connection ends above the cap: every command is lost once', () => {
    const { harness } = stage();
    harness.feed(Side.downstream, join(...Array.from({ length: MAX_OPEN + 7 }, () => say('PING'))));
    harness.finish();
    expect(harness.ended.length).toBe(MAX_OPEN + 7);
    expect(harness.ended.every((x) => x.outcome === 4)).toBe(true);
  });

  test('keys are told at the end, with bytes and latency; the first of several', () => {
    const keys = new RememberedKeys();
    const key = 'k'.repeat(200);
    play(
      [
        ['>', say('MSET a 1 b 2', 'PING', `GET ${key}`, 'BLPOP q 0', 'CLIENT REPLY SKIP', 'DEL gone')],
        ['<', join(ok, status('PONG'), nil, nilArray)],
      ],
      { env: { keys } },
    );
    expect(keys.touched).toEqual(['gone 23', 'a 47', `${'k'.repeat(129)} 226`, 'q 34']);
    expect(keys.ms).toEqual([0, 1, 1, 0]);
  });
});

test('replies that lead past the proxy: counted each time, said once', () => {
  const said: string[] = [];
  const on = play(
    [
      [
        '>',
        say(
          'CLUSTER SLOTS',
          'SENTINEL get-master-addr-by-name m',
          'SENTINEL get-master-addr-by-name n',
          'ROLE',
          'CLUSTER INFO',
        ),
      ],
      ['<', join(array(integer(1)), array(bulk('10.0.0.1'), bulk('6379')), nilArray, array(bulk('master')), bulk('x'))],
    ],
    { env: { warn: (text) => void said.push(text) } },
  );
  expect(own(on, 'bypass_hint')).toBe(3);
  expect(said.length).toBe(1);
  expect(said[0]).toContain('cluster-announce-ip');
});

test('a session that reads nothing holds nothing, and dials with its first byte', () => {
  const { harness } = stage();
  expect(harness.connects).toEqual([]);
  expect(harness.session.quiet).toBe(true);
  expect(harness.session.farewell()).toBeNull();
  harness.feed(Side.downstream, command('PING').subarray(0, 3));
  expect(harness.connects).toEqual(['']);
  expect(harness.session.quiet).toBe(false);
  expect(harness).toBeInstanceOf(SessionHarness);
  harness.finish();
});
