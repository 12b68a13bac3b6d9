import { closes, ok, redisRow } from './support/redis.ts';

const first = ok('PONG', 'ping');

/** Anything but CRLF is read in two ways by two servers. */
export const row = redisRow(
  'RD-02',
  'terminators',
  ['R3', 'R6'],
  [
    {
      name: 'two bytes behind a bulk that are no CRLF',
      sends: [first, closes('*2\r\n$3\r\nGETxx$11\r\nforbidden:1\r\n')],
    },
    { name: 'CR CR behind a bulk', sends: [first, closes('*2\r\n$3\r\nGET\r\r$11\r\nforbidden:1\r\n')] },
    { name: 'a bare LF behind a bulk', sends: [first, closes('*2\r\n$3\r\nGET\n$11\r\nforbidden:1\r\n')] },
    { name: 'a bare LF behind the count', sends: [first, closes('*2\n$3\r\nGET\r\n$11\r\nforbidden:1\r\n')] },
    { name: 'a bare LF behind a length', sends: [first, closes('*2\r\n$3\nGET\r\n$11\r\nforbidden:1\r\n')] },
    { name: 'CR and another byte behind a length', sends: [first, closes('*2\r\n$3\rxGET\r\n$11\r\nforbidden:1\r\n')] },
    { name: 'LF CR', sends: [first, closes('*2\r\n$3\r\nGET\n\r$11\r\nforbidden:1\r\n')] },
    { name: 'in the first command', sends: [closes('*2\r\n$3\r\nDEL\r.$11\r\nforbidden:1\r\n')] },
  ],
);
