import { closes, no, ok, raw, redisRow } from './support/redis.ts';

/** Legal commands, in a state that does not have them; and replies from a client. */
export const row = redisRow(
  'X-12',
  'wrong states',
  ['R4'],
  [
    {
      name: 'EXEC and DISCARD without MULTI',
      sends: [ok('-ERR', 'exec'), ok('-ERR', 'discard'), no('del', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'MULTI within MULTI',
      sends: [
        ok('OK', 'multi'),
        ok('-ERR', 'multi'),
        no('get', 'forbidden:1'),
        ok('*', 'exec'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'replies from a client',
      sends: [
        ok('PONG', 'ping'),
        raw('denied', '+OK\r\n'),
        raw('denied', '-ERR x\r\n'),
        raw('denied', ':1\r\n'),
        ok('one', 'get', 'app:1'),
      ],
    },
    { name: 'an array of something else', sends: [ok('PONG', 'ping'), closes('*2\r\n:1\r\n$11\r\nforbidden:1\r\n')] },
    { name: 'a nested array', sends: [ok('PONG', 'ping'), closes('*2\r\n*1\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n')] },
    {
      name: 'a push from a client',
      sends: [
        ok('PONG', 'ping'),
        raw('denied', '>2\r\n'),
        raw('denied', '$3\r\n'),
        raw('denied', 'DEL\r\n'),
        raw('denied', '$11\r\n'),
        raw('denied', 'forbidden:1\r\n'),
      ],
    },
  ],
);
