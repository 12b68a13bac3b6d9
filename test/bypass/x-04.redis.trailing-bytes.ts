import { closes, ok, raw, redisRow } from './support/redis.ts';

/** What stands behind a command is the next one, and is read as one. */
export const row = redisRow(
  'X-04',
  'bytes behind a command',
  ['R6'],
  [
    {
      name: 'an argument too many',
      sends: [
        ok('one', 'get', 'app:1'),
        raw('denied', '$11\r\n'),
        raw('denied', 'forbidden:1\r\n'),
        ok('one', 'get', 'app:1'),
      ],
    },
    { name: 'blanks', sends: [ok('one', 'get', 'app:1'), raw('nothing', '  \r\n'), ok('one', 'get', 'app:1')] },
    { name: 'a NUL', sends: [ok('one', 'get', 'app:1'), closes('\0*2\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n')] },
  ],
);
