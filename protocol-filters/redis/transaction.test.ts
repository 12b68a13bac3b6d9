import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import {
  array,
  error,
  hello,
  integer,
  join,
  nil,
  nil3,
  nilArray,
  ok,
  pubsub,
  queued,
  raw,
  say,
} from './testing/builders.ts';
import { own, type Script, stage } from './testing/story.ts';

import { tells } from './testing/tells.ts';

describe('transactions', () => {
  const multi: Script = [
    ['>', say('MULTI')],
    ['<', ok],
    ['>', say('SET a 1', 'GET a')],
    ['<', join(queued, queued)],
  ];
  tells(
    'EXEC answers what was queued, each by its element',
    [...multi, ['>', say('EXEC', 'GET b')], ['<', join(array(ok, error('WRONGTYPE no')), nil)]],
    [
      'multi | MULTI | ok | transaction 1',
      'set | SET a | ok | inTransaction untimed | transaction 1',
      'get | GET a | error | WRONGTYPE | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | ok | inTransaction | transaction 1',
      'get | GET b | ok | pipelined miss',
    ],
    (on) => {
      expect(own(on, 'transactions')).toBe(1);
      expect(on.harness.ended.map((x) => x.replyBytes)).toEqual([5, 14, 24, 4, 5]);
      expect(on.stats.value('redis.p.command.set.success')).toBe(1);
      expect(on.stats.histogram(on.stats.list.find(({ name }) => name.endsWith('set.latency'))!.id).count).toBe(0);
    },
  );
  tells(
    'pipelined in one write, two after each other',
    [
      ['>', say('MULTI', 'SET a 1', 'EXEC', 'MULTI', 'INCR a', 'EXEC')],
      ['<', join(ok, queued, array(ok), ok, queued, array(integer(2)))],
    ],
    [
      'multi | MULTI | ok | transaction 1',
      'set | SET a | ok | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | ok | inTransaction pipelined | transaction 1',
      'multi | MULTI | ok | pipelined | transaction 2',
      'incr | INCR a | ok | returned 1 | inTransaction pipelined untimed | transaction 2',
      'exec | EXEC | ok | inTransaction pipelined | transaction 2',
    ],
  );
  tells(
    'DISCARD',
    [...multi, ['>', say('DISCARD')], ['<', ok]],
    [
      'multi | MULTI | ok | transaction 1',
      'set | SET a | skipped | inTransaction untimed | transaction 1',
      'get | GET a | skipped | inTransaction pipelined untimed | transaction 1',
      'discard | DISCARD | ok | inTransaction | transaction 1',
    ],
    (on) => expect([own(on, 'transactions_discarded'), own(on, 'skipped')]).toEqual([1, 2]),
  );
  tells(
    'a watched key was changed',
    [...multi, ['>', say('EXEC')], ['<', nilArray]],
    [
      'multi | MULTI | ok | transaction 1',
      'set | SET a | skipped | inTransaction untimed | transaction 1',
      'get | GET a | skipped | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | ok | inTransaction | transaction 1',
    ],
    (on) => expect(own(on, 'transactions_aborted')).toBe(1),
  );
  tells(
    'a command refused when it was queued',
    [
      ...multi,
      ['>', say('GET', 'EXEC')],
      ['<', join(error("ERR wrong number of arguments for 'get' command"), error('EXECABORT Transaction discarded'))],
    ],
    [
      'multi | MULTI | ok | transaction 1',
      'get | GET | error | ERR | inTransaction | transaction 1',
      'set | SET a | skipped | inTransaction untimed | transaction 1',
      'get | GET a | skipped | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | error | EXECABORT | inTransaction pipelined | transaction 1',
    ],
  );
  tells(
    'within MULTI a second MULTI and WATCH fail and change nothing; so do EXEC and DISCARD without it',
    [
      ['>', say('EXEC', 'DISCARD', 'MULTI', 'MULTI', 'WATCH a', 'GET a', 'EXEC')],
      [
        '<',
        join(
          error('ERR EXEC without MULTI'),
          error('ERR DISCARD without MULTI'),
          ok,
          error('ERR MULTI calls'),
          error('ERR WATCH'),
          queued,
          array(nil),
        ),
      ],
    ],
    [
      'exec | EXEC | error | ERR',
      'discard | DISCARD | error | ERR | pipelined',
      'multi | MULTI | ok | pipelined | transaction 1',
      'multi | MULTI | error | ERR | inTransaction pipelined | transaction 1',
      'watch | WATCH a | error | ERR | inTransaction pipelined | transaction 1',
      'get | GET a | ok | inTransaction pipelined untimed miss | transaction 1',
      'exec | EXEC | ok | inTransaction pipelined | transaction 1',
    ],
  );
  tells('the connection ends within MULTI: what was queued was never run', multi, [
    'multi | MULTI | ok | transaction 1',
    'set | SET a | skipped | inTransaction untimed | transaction 1',
    'get | GET a | skipped | inTransaction pipelined untimed | transaction 1',
  ]);
  tells(
    'a push between the elements of EXEC’s reply (servers up to 7.0)',
    [
      ['>', say('HELLO 3', 'SUBSCRIBE c', 'MULTI', 'PUBLISH c x', 'GET a', 'EXEC')],
      ['<', join(hello(3), pubsub(3, 'subscribe', 'c', 1), ok, queued, queued)],
      ['<', join(raw('*2\r\n'), pubsub(3, 'message', 'c', 'x'), integer(1), nil3)],
    ],
    [
      'hello | HELLO | ok | returned 5',
      'subscribe | SUBSCRIBE c | ok | pipelined',
      'multi | MULTI | ok | pipelined | transaction 1',
      'publish | PUBLISH c | ok | returned 1 | inTransaction pipelined untimed | transaction 1',
      'get | GET a | ok | inTransaction pipelined untimed miss | transaction 1',
      'exec | EXEC | ok | inTransaction pipelined | transaction 1',
    ],
    (on) => {
      expect(on.harness.asides).toEqual(['< message 31']);
      expect(on.harness.ended.reduce((sum, x) => sum + x.replyBytes, 31)).toBe(on.harness.sent(Side.downstream).length);
    },
  );
  test('the state of the transaction is there to see', () => {
    const { harness } = stage();
    const { facts } = harness;
    const states: string[] = [];
    const turn = (line: string, reply: Uint8Array) => {
      harness.feed(Side.downstream, say(line));
      harness.feed(Side.upstream, reply);
      states.push(`${facts.transactionState} ${harness.session.quiet}`);
    };
    turn('GET a', nil);
    turn('MULTI', ok);
    turn('GET a', queued);
    turn('GET', error('ERR no'));
    turn('EXEC', error('EXECABORT no'));
    harness.finish();
    expect(states).toEqual([' true', 'in_transaction false', 'in_transaction false', 'failed false', 'idle true']);
  });
});
