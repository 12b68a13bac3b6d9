import { closes, ok, raw, redisRow } from './support/redis.ts';

const cut = (name: string, size: number, key: number) => ({
  name,
  sends: [ok('PONG', 'ping'), closes(`*2\r\n$${size}\r\nDEL\r\n$${key}\r\nforbidden:1\r\n*1\r\n$4\r\nPING\r\n`)],
});

/** A length that is one off leads to bytes that are no command. */
export const row = redisRow(
  'X-03',
  'lengths that are one off',
  ['R3'],
  [
    cut('a name that is shorter', 2, 11),
    cut('a name that is longer', 4, 11),
    cut('a key that is shorter', 3, 10),
    cut('a key that is longer', 3, 12),
    {
      name: 'a key that ends in the next command',
      sends: [
        raw('denied', '*2\r\n$3\r\nDEL\r\n$15\r\nforbidden:1\r\n*1\r\n'),
        raw('denied', '$4\r\n'),
        raw('denied', 'PING\r\n'),
        ok('PONG', 'ping'),
      ],
    },
  ],
);
