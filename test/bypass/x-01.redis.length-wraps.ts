import { closes, no, ok, raw, redisRow } from './support/redis.ts';

/** We see what the server sees: a length that has wrapped makes real commands of what follows. */
export const row = redisRow(
  'X-01',
  'lengths that wrap',
  ['R2', 'R12'],
  [
    {
      name: 'the tail of a message that ended early',
      sends: [ok('OK', 'set', 'app:2', ''), no('del', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'a bulk of 2^32 + 5',
      sends: [
        ok('PONG', 'ping'),
        closes('*2\r\n$3\r\nGET\r\n$4294967301\r\napp:1\r\n*2\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n'),
      ],
    },
    {
      name: '2^32 + 2 arguments',
      sends: [
        ok('PONG', 'ping'),
        closes('*4294967298\r\n$3\r\nGET\r\n$5\r\napp:1\r\n*2\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n'),
      ],
    },
    {
      name: 'a value that holds a command',
      sends: [
        ok('OK', 'set', 'app:2', '*2\r\n$3\r\nDEL\r\n$5\r\nother\r\n'),
        raw('allowed', '*2\r\n$3\r\nGET\r\n$5\r\nother\r\n', '2'),
      ],
    },
  ],
);
