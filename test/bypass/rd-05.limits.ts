import { closes, forbidden, no, ok, raw, redisRow } from './support/redis.ts';

/** Claims of size are claims: they are bounded, and cost nothing. */
export const row = redisRow(
  'RD-05',
  'limits',
  ['R12', 'R13'],
  [
    {
      name: 'one argument too many',
      sends: [ok('PONG', 'ping'), closes('*1048577\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n')],
    },
    {
      name: 'as many arguments as there may be, of which two come',
      sends: [raw('nothing', '*1048576\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n')],
      usable: false,
    },
    {
      name: 'a bulk of one byte too many',
      sends: [ok('PONG', 'ping'), closes('*2\r\n$3\r\nDEL\r\n$536870913\r\nforbidden:1\r\n')],
    },
    { name: 'a bulk of 2^31', sends: [closes('*2\r\n$3\r\nDEL\r\n$2147483648\r\nforbidden:1\r\n')] },
    {
      name: 'a bulk of 512 MB that is a key',
      sends: [raw('denied', '*2\r\n$3\r\nGET\r\n$536870912\r\nforbidden:1')],
      usable: false,
    },
    {
      name: 'before the first answer, more than what is held',
      policies: forbidden,
      options: { max_held_bytes: 1024 },
      sends: [
        no('mget', ...Array.from({ length: 100 }, (_, i) => `forbidden:${i}`), 'x'.repeat(500)),
        ok('one', 'get', 'app:1'),
      ],
    },
  ],
);
