import { describe, expect, test } from 'vitest';
import { array, bulk, error, join, nil, ok, pubsub, queued, say, status } from './testing/builders.ts';
import { own, play } from './testing/story.ts';
import { tells } from './testing/tells.ts';

describe('RD-12: CLIENT REPLY', () => {
  tells(
    'SKIP: itself and the next; OFF: all up to ON',
    [
      ['>', say('CLIENT REPLY SKIP', 'SET a 1', 'GET a')],
      ['<', bulk('1')],
      ['>', say('CLIENT REPLY OFF', 'SET a 2', 'CLIENT REPLY SKIP', 'GET a', 'CLIENT REPLY ON', 'GET a')],
      ['<', join(ok, bulk('2'))],
      ['>', say('CLIENT REPLY NEVER', 'CLIENT REPLY')],
      ['<', join(error('ERR syntax error'), error('ERR wrong number'))],
    ],
    [
      'client|reply | CLIENT REPLY | ok',
      'set | SET a | ok',
      'get | GET a | ok | returned 1 | hit',
      'client|reply | CLIENT REPLY | ok',
      'set | SET a | ok',
      'client|reply | CLIENT REPLY | ok',
      'get | GET a | ok',
      'client|reply | CLIENT REPLY | ok',
      'get | GET a | ok | returned 1 | pipelined hit',
      'client|reply | CLIENT REPLY | error | ERR',
      'client|reply | CLIENT REPLY | error | ERR | pipelined',
    ],
    (on) => {
      expect(own(on, 'no_reply')).toBe(6);
      expect(on.harness.ended.filter((x) => x.replies === 2).length).toBe(6);
    },
  );
  tells(
    'subscriptions are confirmed and RESET is answered all the same',
    [
      ['>', say('CLIENT REPLY OFF', 'SUBSCRIBE c')],
      ['<', pubsub(2, 'subscribe', 'c', 1)],
      ['>', say('RESET', 'PING')],
      ['<', join(status('RESET'), status('PONG'))],
    ],
    [
      'client|reply | CLIENT REPLY | ok',
      'subscribe | SUBSCRIBE c | ok',
      'reset | RESET | ok',
      'ping | PING | ok | pipelined',
    ],
  );
  tells(
    'a whole transaction in silence; ON within one that is heard',
    [
      ['>', say('CLIENT REPLY OFF', 'MULTI', 'SET a 1', 'EXEC', 'CLIENT REPLY ON')],
      ['<', ok],
      ['>', say('MULTI', 'CLIENT REPLY ON', 'EXEC')],
      ['<', join(ok, queued, array(ok))],
      ['>', say('MULTI x', 'CLIENT REPLY SKIP', 'PING', 'PING')],
      ['<', join(error('ERR no'), status('PONG'))],
    ],
    [
      'client|reply | CLIENT REPLY | ok',
      'multi | MULTI | ok',
      'set | SET a | ok',
      'exec | EXEC | ok',
      'client|reply | CLIENT REPLY | ok',
      'multi | MULTI | ok | transaction 1',
      'client|reply | CLIENT REPLY | ok | inTransaction pipelined untimed | transaction 1',
      'exec | EXEC | ok | inTransaction pipelined | transaction 1',
      'client|reply | CLIENT REPLY | ok',
      'ping | PING | ok',
      'multi | MULTI | error | ERR',
      'ping | PING | ok | pipelined',
    ],
  );

  const UNCLEAR: readonly (readonly [name: string, lines: readonly string[], replies: Uint8Array])[] = [
    ['OFF within MULTI', ['MULTI', 'CLIENT REPLY OFF', 'EXEC'], join(ok, queued, queued)],
    ['ON within a MULTI that nobody heard', ['CLIENT REPLY OFF', 'MULTI', 'CLIENT REPLY ON', 'GET a'], nil],
    ['SKIP before MULTI', ['CLIENT REPLY SKIP', 'MULTI', 'GET a'], queued],
    ['SKIP before RESET', ['CLIENT REPLY SKIP', 'RESET', 'GET a'], nil],
  ];
  for (const [name, lines, replies] of UNCLEAR)
    test(`${name} cannot be followed`, () => {
      const on = play([
        ['>', say(...lines)],
        ['<', replies],
      ]);
      expect(on.harness.opaqueReasons).toEqual(['ambiguous']);
    });
});
