import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import {
  array,
  bulk,
  error,
  hello,
  join,
  nil,
  ok,
  pubsub,
  push,
  queued,
  raw,
  say,
  status,
} from './testing/builders.ts';
import { own, play, stage, told } from './testing/story.ts';

import { tells } from './testing/tells.ts';

describe('publish and subscribe', () => {
  for (const proto of [2, 3] as const)
    tells(
      `RESP${proto}: confirmations end the command, messages belong to none`,
      [
        ['>', join(say(`HELLO ${proto}`), say('SUBSCRIBE a b'))],
        ['<', join(hello(proto), pubsub(proto, 'subscribe', 'a', 1), pubsub(proto, 'message', 'a', 'hi'))],
        ['<', pubsub(proto, 'subscribe', 'b', 2)],
        ['>', say('PSUBSCRIBE p*', 'SSUBSCRIBE s')],
        ['<', join(pubsub(proto, 'psubscribe', 'p*', 3), pubsub(proto, 'ssubscribe', 's', 1))],
        ['<', join(pubsub(proto, 'smessage', 's', 'hi'), pubsub(proto, 'message', 'b', 'hi'))],
        ['>', say('UNSUBSCRIBE', 'PUNSUBSCRIBE p*', 'SUNSUBSCRIBE')],
        ['<', join(pubsub(proto, 'unsubscribe', 'b', 2), pubsub(proto, 'unsubscribe', 'a', 1))],
        ['<', join(pubsub(proto, 'punsubscribe', 'p*', 0), pubsub(proto, 'sunsubscribe', 's', 0))],
        ['>', say('UNSUBSCRIBE', 'LRANGE l 0 -1')],
        ['<', join(pubsub(proto, 'unsubscribe', null, 0), array(bulk('message'), bulk('a'), bulk('b')))],
      ],
      [
        `hello | HELLO | ok | returned ${proto === 3 ? 5 : 10}`,
        'subscribe | SUBSCRIBE a | ok | pipelined',
        'psubscribe | PSUBSCRIBE p* | ok',
        'ssubscribe | SSUBSCRIBE s | ok | pipelined',
        'unsubscribe | UNSUBSCRIBE | ok',
        'punsubscribe | PUNSUBSCRIBE p* | ok | pipelined',
        'sunsubscribe | SUNSUBSCRIBE | ok | pipelined',
        'unsubscribe | UNSUBSCRIBE | ok',
        'lrange | LRANGE l | ok | returned 3 | pipelined hit',
      ],
      (on) => {
        expect(on.harness.asides.map((aside) => aside.split(' ')[1])).toEqual(['message', 'message', 'message']);
        expect(own(on, 'messages')).toBe(3);
        expect(on.harness.confirmed.map(({ kind }) => kind).filter((kind) => kind !== undefined)).toEqual([
          'pubsub',
          '',
        ]);
      },
    );
  tells(
    'RESP2: in between only a few commands are allowed; PING answers with an array',
    [
      ['>', say('SUBSCRIBE a', 'PING', 'GET x', 'UNSUBSCRIBE a', 'PING')],
      ['<', join(pubsub(2, 'subscribe', 'a', 1), array(bulk('pong'), bulk('')), error('ERR only (P|S)SUBSCRIBE'))],
      ['<', join(pubsub(2, 'unsubscribe', 'a', 0), status('PONG'))],
    ],
    [
      'subscribe | SUBSCRIBE a | ok',
      'ping | PING | ok | returned 2 | pipelined',
      'get | GET x | error | ERR | pipelined',
      'unsubscribe | UNSUBSCRIBE a | ok | pipelined',
      'ping | PING | ok | pipelined',
    ],
  );
  tells(
    'RESP3: a reply that looks like a message is a reply, invalidations and other pushes are asides',
    [
      ['>', say('HELLO 3', 'SUBSCRIBE a', 'LRANGE l 0 -1')],
      ['<', join(hello(3), pubsub(3, 'subscribe', 'a', 1), push(bulk('invalidate'), array(bulk('k'))))],
      ['<', join(push(bulk('tracking-redir-broken')), pubsub(3, 'sunsubscribe', 's', 0))],
      ['<', array(bulk('message'), bulk('a'), bulk('b'))],
    ],
    [
      'hello | HELLO | ok | returned 5',
      'subscribe | SUBSCRIBE a | ok | pipelined',
      'lrange | LRANGE l | ok | returned 3 | pipelined hit',
    ],
    (on) => {
      expect(on.harness.asides.map((aside) => aside.split(' ')[1])).toEqual(['invalidate', 'push', 'push']);
      expect(own(on, 'pushes')).toBe(3);
    },
  );
  tells(
    'a subscription that is refused',
    [
      ['>', say('SUBSCRIBE a b', 'PING')],
      ['<', join(error('NOPERM no'), status('PONG'))],
    ],
    ['subscribe | SUBSCRIBE a | error | NOPERM', 'ping | PING | ok | pipelined'],
  );
  test('a subscription that is refused in silence: what comes next answers another command', () => {
    const on = play([
      ['>', say('CLIENT REPLY OFF', 'SUBSCRIBE', 'CLIENT REPLY ON')],
      ['<', ok],
    ]);
    expect(on.harness.opaqueReasons).toEqual(['unexpected_reply']);
  });
  test('a subscription within MULTI cannot be followed', () => {
    const on = play([
      ['>', say('MULTI', 'SUBSCRIBE a b')],
      ['<', join(ok, queued)],
    ]);
    expect(on.harness.opaqueReasons).toEqual(['ambiguous']);
  });
});

describe('what never ends', () => {
  const line = status('1700000000.000001 [0 127.0.0.1:5] "GET" "k"');
  tells(
    'MONITOR, with replies between its lines; RESET ends it',
    [
      ['>', say('MONITOR')],
      ['<', join(ok, line)],
      ['>', say('PING', 'RESET', 'GET a')],
      ['<', join(status('PONG'), line, status('RESET'), nil)],
    ],
    [
      'ping | PING | ok',
      'monitor | MONITOR | ok | returned 2 | endless',
      'reset | RESET | ok | pipelined',
      'get | GET a | ok | pipelined miss',
    ],
    (on) => {
      expect(own(on, 'monitor_lines')).toBe(2);
      expect(on.harness.confirmed.map(({ kind }) => kind).filter((kind) => kind !== undefined)).toEqual([
        'monitor',
        '',
      ]);
    },
  );
  tells(
    'MONITOR again has no reply, before RESET',
    [
      ['>', say('MONITOR', 'MONITOR', 'PING', 'MONITOR', 'RESET', 'MONITOR', 'MONITOR', 'RESET', 'GET a')],
      ['<', join(ok, status('PONG'), line, status('RESET'), ok, line, status('RESET'), nil)],
    ],
    [
      'monitor | MONITOR | ok | pipelined',
      'ping | PING | ok | pipelined',
      'monitor | MONITOR | ok | pipelined',
      'monitor | MONITOR | ok | returned 1 | endless',
      'reset | RESET | ok | pipelined',
      'monitor | MONITOR | ok | pipelined',
      'monitor | MONITOR | ok | returned 1 | pipelined | endless',
      'reset | RESET | ok | pipelined',
      'get | GET a | ok | pipelined miss',
    ],
    (on) => expect(own(on, 'no_reply')).toBe(3),
  );
  test('a replica’s link is counted, not read', () => {
    const on = play([
      ['>', say('PING', 'REPLCONF listening-port 7000', 'PSYNC ? -1')],
      ['<', join(status('PONG'), ok, status('FULLRESYNC 0123 0'), raw('$5\r\nREDIS\xff\xfe*9\r\nnot RESP at all'))],
      ['>', raw('\0\0 nor this')],
    ]);
    expect(told(on).at(-1)).toBe('psync | PSYNC | ok | pipelined | endless');
    const last = on.harness.ended.at(-1)!;
    expect([last.requestBytes, last.replyBytes]).toEqual([say('PSYNC ? -1').length + 11, 20 + 4 + 7 + 4 + 15]);
    expect([on.harness.facts.kind, own(on, 'replication_sessions')]).toEqual(['replication', 1]);
    expect(on.harness.opaqueReasons).toEqual([]);
  });
  test('a link that the server refuses is an error like any', () => {
    const on = play([
      ['>', say('PSYNC ? -1', 'PING')],
      ['<', join(error('NOMASTERLINK no'), status('PONG'))],
    ]);
    expect(told(on)).toEqual(['psync | PSYNC | error | NOMASTERLINK', 'ping | PING | ok | pipelined']);
  });
  test('they report progress at most once a second', () => {
    const { harness } = stage();
    harness.feed(Side.downstream, say('MONITOR'));
    harness.feed(Side.upstream, ok);
    for (let i = 0; i < 2500; i++) harness.feed(Side.upstream, line); // one a millisecond
    expect(harness.progressed).toBe(3);
    harness.finish();
  });
});
