import { closes, no, ok, redisRow } from './support/redis.ts';

/** After an error nothing is believed of what the server might still read. */
export const row = redisRow(
  'X-08',
  'after an error',
  ['R3'],
  [
    {
      name: 'an error in the middle of a long command',
      options: { max_held_bytes: 1024 },
      sends: [ok('*', 'set', 'app:2', 'x'.repeat(2000)), no('del', 'forbidden:1')],
      says: ['-ERR max bulk\r\n'],
    },
    {
      name: 'a protocol error of the client',
      sends: [ok('PONG', 'ping'), closes('*1\r\n+PING\r\n*2\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n')],
    },
    {
      name: 'a denied command behind a failed one',
      sends: [ok('-ERR', 'select', '99'), no('del', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
  ],
);
