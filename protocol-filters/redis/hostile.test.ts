import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outcome } from '../../src/exchange/exchange.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import {
  array,
  attribute,
  bulk,
  command,
  error,
  hello,
  integer,
  join,
  nil,
  nil3,
  ok,
  pubsub,
  push,
  queued,
  raw,
  say,
  status,
} from './testing/builders.ts';
import { byteByByte, envoy, own, pieces, play, RememberedKeys, type Script, stage, told } from './testing/story.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldBytes = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Bytes flow on unchanged; decoding ends for one reason, said once, however the bytes were cut. */
function opaque(name: string, script: Script, fault: Fault): void {
  test(name, () => {
    const isLong = script.some(([, bytes]) => bytes.length > 8192);
    for (const cut of [
      undefined,
      isLong ? pieces([997]) : byteByByte,
      isLong ? pieces([4001, 5, 1]) : pieces([2, 5, 1]),
    ]) {
      const more: Script = [...script, ['>', say('GET a')], ['<', nil]];
      const { harness, stats } = play(more, {}, cut);
      expect(harness.opaqueReasons).toEqual([fault]);
      expect(harness.sent(Side.upstream).equals(join(...more.flatMap(([who, b]) => (who === '>' ? [b] : []))))).toBe(
        true,
      );
      expect(harness.sent(Side.downstream).equals(join(...more.flatMap(([who, b]) => (who === '<' ? [b] : []))))).toBe(
        true,
      );
      expect(stats.value(`sluice.redis.p.opaque.${fault}.sessions`)).toBe(1);
      expect(stats.value('redis.p.downstream_cx_protocol_error')).toBe(1);
      expect(stats.value('redis.p.downstream_rq_active')).toBe(0);
      expect(stats.value('redis.p.downstream_cx_active')).toBe(0);
    }
  });
}
const first = say('PING');
const pong = status('PONG');
const REQUESTS: readonly (readonly [name: string, bytes: Uint8Array, fault: Fault])[] = [
  ['RD-01 an inline command whose quotes do not end', raw('GET "a\r\n'), 'truncated'],
  ['RD-01 an inline command of more than 64 KiB', raw(`ECHO ${'x'.repeat(65_536)}\r\n`), 'oversized'],
  ['RD-02 a bulk string that ends otherwise', raw('*1\r\n$3\r\nGETxx'), 'ambiguous'],
  ['RD-02 a count that ends with LF alone', raw('*1\n$4\nPING\n'), 'ambiguous'],
  ['RD-03 a count with a sign', raw('*+1\r\n$4\r\nPING\r\n'), 'ambiguous'],
  ['RD-03 a length with a leading zero', raw('*1\r\n$04\r\nPING\r\n'), 'ambiguous'],
  ['RD-04 an argument that is null', raw('*1\r\n$-1\r\n'), 'undersized'],
  ['RD-05 a million arguments and one', raw('*1048577\r\n$4\r\nMSET\r\n'), 'oversized'],
  ['RD-05 an argument above 512 MB', raw('*2\r\n$3\r\nGET\r\n$536870913\r\n'), 'oversized'],
  ['RD-19 an HTTP request between commands', raw('POST / HTTP/1.1\r\nHost: x\r\n\r\n'), 'foreign_protocol'],
  ['RD-19 its Host line', raw('Host: x\r\n'), 'foreign_protocol'],
  ['RD-19 GET of HTTP', raw('GET / HTTP/1.1\r\n'), 'foreign_protocol'],
];
const REPLIES: readonly (readonly [name: string, bytes: Uint8Array, fault: Fault])[] = [
  ['RD-17 aggregates 33 deep', raw(`${'*1\r\n'.repeat(33)}:1\r\n`), 'oversized'],
  ['RD-17 an error with CR in it', raw('-ERR a\rb\r\n'), 'ambiguous'],
  ['RD-17 a string of 512 MB and one', raw('$536870913\r\n'), 'oversized'],
  ['RD-17 a type that RESP does not have', raw('@1\r\n'), 'unknown_type'],
  ['X-07 a reply too many', join(pong, pong), 'unexpected_reply'],
  [
    'X-07 a message to somebody who is not subscribed, RESP2',
    join(pong, pubsub(2, 'message', 'c', 'x')),
    'unexpected_reply',
  ],
];

describe('what cannot be read', () => {
  for (const [name, bytes, fault] of REQUESTS) opaque(name, [['>', join(first, bytes)]], fault);
  for (const [name, bytes, fault] of REPLIES)
    opaque(
      name,
      [
        ['>', first],
        ['<', bytes],
      ],
      fault,
    );
  opaque('RD-19 HTTP from the start', [['>', raw('POST / HTTP/1.1\r\n\r\n')]], 'foreign_protocol');
  opaque('RD-19 TLS from the start', [['>', raw('\x16\x03\x01\0\xc8')]], 'encrypted');
  opaque('X-11 a first word that is no command', [['>', raw('EHLO example.org\r\n')]], 'foreign_protocol');
  opaque(
    'X-07 EXEC with an element too few',
    [
      ['>', say('MULTI', 'GET a', 'EXEC')],
      ['<', join(ok, queued, array())],
    ],
    'unexpected_reply',
  );
  opaque(
    'X-07 EXEC with an element too many',
    [
      ['>', say('MULTI', 'GET a', 'EXEC')],
      ['<', join(ok, queued, array(nil, nil))],
    ],
    'unexpected_reply',
  );

  test('what is open when decoding ends was lost, once', () => {
    const on = play([
      ['>', join(say('GET a', 'GET b'), raw('*x\r\n'))],
      ['<', join(nil, nil)],
    ]);
    expect(on.harness.ended.map((x) => x.outcome)).toEqual([Outcome.lost, Outcome.lost]);
  });

  test('a server that will not serve says so before any command', () => {
    const on = play([
      ['>', raw('*1\r\n')],
      ['<', error('ERR max number of clients reached')],
    ]);
    expect(on.harness.opaqueReasons).toEqual([]);
    expect(on.harness.asides).toEqual(['< refused 36']);
  });
});

describe('what reads strangely', () => {
  test('RD-01 quotes and escapes: the same key as in an array', () => {
    const keys = new RememberedKeys();
    play(
      [
        ['>', join(raw('GET "d\\x65l"\r\n'), say('GET del'))],
        ['<', join(nil, nil)],
      ],
      { env: { keys } },
    );
    expect(keys.touched.map((line) => line.split(' ')[0])).toEqual(['del', 'del']);
  });

  test('RD-04 a million empty requests between commands are nothing', () => {
    const { harness, stats } = stage();
    const empty = raw('*0\r\n*-1\r\n\r\n\n'.repeat(2500));
    const before = heldBytes();
    for (let i = 0; i < 100; i++) harness.session.onDownstream(empty, 0, empty.length, i * empty.length);
    expect(heldBytes() - before).toBeLessThan(4 << 20);
    expect(harness.begun).toBe(0);
    expect(stats.value('redis.p.downstream_rq_total')).toBe(0);
    harness.finish();
  });

  test('RD-06 names: ASCII case folding and no other', () => {
    const on = play([
      [
        '>',
        join(
          say('PING'),
          say('gEt a', 'config SET a b', 'CONFIG', 'CONFIG nosuch', 'HMSET a b c'),
          command(Buffer.from('ſet'), 'a'),
          command(Buffer.from('\u212aEYS'), 'a'),
          command('get\0', 'a'),
        ),
      ],
    ]);
    expect(on.harness.ended.map((x) => x.kind)).toEqual([
      'ping',
      'get',
      'config|set',
      'config',
      'config',
      'hmset',
      'unknown',
      'unknown',
      'unknown',
    ]);
    expect(own(on, 'unknown_commands')).toBe(3);
    expect(envoy(on, 'command.unknown.total')).toBe(3);
  });

  test('RD-08 commands of the whole keyspace name no key', () => {
    const keys = new RememberedKeys();
    const lines = [
      'SCAN 0 MATCH a*',
      'KEYS a*',
      'RANDOMKEY',
      'DBSIZE',
      'FLUSHALL',
      'SWAPDB 0 1',
      'CLIENT TRACKING ON BCAST PREFIX a',
    ];
    const on = play(
      [
        ['>', say(...lines)],
        ['<', join(...lines.map(() => ok))],
      ],
      { env: { keys } },
    );
    expect(keys.touched).toEqual([]);
    expect(on.harness.ended.flatMap((x) => x.digest?.targets ?? [])).toEqual([]);
  });

  test('RD-10 MULTI with a refused command: nothing ran, nothing is a call', () => {
    const on = play([
      ['>', say('MULTI', 'SET a 1', 'NOSUCH', 'EXEC')],
      ['<', join(ok, queued, error('ERR unknown'), error('EXECABORT'))],
    ]);
    expect(told(on)).toEqual([
      'multi | MULTI | ok | transaction 1',
      'unknown | UNKNOWN | error | ERR | inTransaction pipelined | transaction 1',
      'set | SET a | skipped | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | error | EXECABORT | inTransaction pipelined | transaction 1',
    ]);
  });

  test('RD-11 a script is known by its SHA-1, called by text or by sum', () => {
    const on = play([['>', say('EVAL x 0', 'EVALSHA 11F6AD8EC52A2984ABAAFD7C3B516503785C2072 0', 'FCALL f 1 k')]]);
    expect(on.harness.ended.map((x) => x.text)).toEqual([
      'EVAL 11f6ad8ec52a2984abaafd7c3b516503785c2072',
      'EVALSHA 11f6ad8ec52a2984abaafd7c3b516503785c2072',
      'FCALL f',
    ]);
  });

  test('RD-13 pushes and attributes between all replies', () => {
    const aside = join(push(bulk('invalidate'), nil3), push(bulk('message'), bulk('c'), bulk('x')));
    const replies = [hello(3), nil3, join(attribute(bulk('a'), bulk('b')), bulk('x')), array(integer(1)), ok];
    const script: Script = [
      ['>', say('HELLO 3', 'GET a', 'GET b', 'LRANGE l 0 -1', 'SET a 1')],
      ['<', join(...replies.flatMap((reply) => [aside, reply]), aside)],
    ];
    for (const cut of [undefined, byteByByte]) {
      const on = play(script, {}, cut);
      expect(on.harness.ended.map((x) => `${x.kind} ${x.outcome} ${x.replyBytes}`)).toEqual(
        replies.map((reply, i) => `${['hello', 'get', 'get', 'lrange', 'set'][i]} 0 ${reply.length}`),
      );
      expect(on.harness.asides.length).toBe(12);
    }
  });

  test('RD-16 a value of 100 MB: flat memory, and its bytes are counted', () => {
    const { harness } = stage();
    const { session } = harness;
    const size = 100 << 20;
    const piece = Buffer.alloc(65_536, 0x78);
    let at = 0;
    const feed = (bytes: Buffer): void => {
      session.onDownstream(bytes, 0, bytes.length, at);
      at += bytes.length;
    };
    const before = heldBytes();
    feed(raw(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${size}\r\n`));
    for (let sent = 0; sent < size; sent += piece.length) feed(piece);
    expect(heldBytes() - before).toBeLessThan(1 << 20);
    feed(raw('\r\n'));
    harness.feed(Side.upstream, ok);
    expect(harness.ended[0]?.requestBytes).toBe(at);
    harness.finish();
  });

  test('RD-16 a million elements, each way: flat memory', () => {
    const { harness } = stage();
    const { session } = harness;
    const keys = Buffer.concat(Array.from({ length: 1000 }, () => bulk('k')));
    const values = Buffer.concat(Array.from({ length: 1000 }, () => nil));
    const before = heldBytes();
    let [down, up] = [0, 0];
    const header = raw('*1000001\r\n$4\r\nMGET\r\n');
    down = session.onDownstream(header, 0, header.length, down);
    for (let i = 0; i < 1000; i++) down = session.onDownstream(keys, 0, keys.length, down);
    const count = raw('*1000000\r\n');
    up = session.onUpstream(count, 0, count.length, up);
    for (let i = 0; i < 1000; i++) up = session.onUpstream(values, 0, values.length, up);
    expect(heldBytes() - before).toBeLessThan(1 << 20);
    expect(harness.ended.map((x) => [x.rowsReturned, x.replyBytes])).toEqual([[1_000_000, 5_000_010]]);
    harness.finish();
  });

  test('RD-18 a client that never reads: above the cap decoding ends, memory with it', () => {
    const { harness } = stage();
    const { session } = harness;
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => say('PING')));
    for (let i = 0; i < 1000 && harness.opaqueReasons.length === 0; i++)
      session.onDownstream(pings, 0, pings.length, i * pings.length);
    expect(harness.opaqueReasons).toEqual(['too_many_in_flight']);
    expect(harness.openExchanges).toBe(0);
    harness.finish();
  });

  test('RD-21 the code of an error is a short word, whatever stands in it', () => {
    const texts = [
      '',
      ' ',
      'lower case',
      `${'A'.repeat(33)} x`,
      'ERR\0x',
      'A\tB',
      '1ABC x',
      'Ünicode x',
      'OK',
      `${'A'.repeat(32)} x`,
    ];
    const on = play([
      ['>', say(...texts.map(() => 'GET a'))],
      ['<', join(...texts.map(error))],
    ]);
    expect(on.harness.ended.map((x) => x.code)).toEqual([
      'ERR',
      'ERR',
      'ERR',
      'ERR',
      'ERR',
      'ERR',
      'ERR',
      'ERR',
      'OK',
      'A'.repeat(32),
    ]);
  });
});

describe('noise', () => {
  const SOME = [
    say('GET a'),
    say('MULTI', 'EXEC'),
    say('SUBSCRIBE a'),
    ok,
    nil,
    queued,
    array(nil),
    hello(3),
    raw('*'),
    raw('$5'),
    raw('\r\n'),
    raw('>2\r\n'),
  ];
  test('RD-17 nothing that is said makes a session throw, and nothing stays open', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.oneof(fc.constantFrom(...SOME), fc.uint8Array({ maxLength: 30 }))), {
          maxLength: 40,
        }),
        (lines) => {
          const on = play(lines.map(([client, bytes]) => [client ? '>' : '<', bytes]));
          expect(on.harness.opaqueReasons.length).toBeLessThanOrEqual(1);
          expect(on.harness.begun).toBe(on.harness.ended.length);
          expect([envoy(on, 'downstream_rq_active'), envoy(on, 'downstream_cx_active')]).toEqual([0, 0]);
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('X-13 the same stream tells the same twice', () => {
    const script: Script = [
      ['>', say('MULTI', 'GET a', 'EXEC', 'GET b')],
      ['<', join(ok, queued, array(nil), nil)],
    ];
    expect(told(play(script))).toEqual(told(play(script)));
  });
});
