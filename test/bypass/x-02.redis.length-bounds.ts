import { closes, no, ok, raw, redisRow } from './support/redis.ts';

/** Every length goes forward by a byte at least, or ends the connection. */
export const row = redisRow(
  'X-02',
  'lengths at their bounds',
  ['R3', 'R12'],
  [
    ...['-2', '-2147483648', '2147483648', '4294967295', '99999999999'].map((size) => ({
      name: `a bulk of ${size}`,
      sends: [ok('PONG', 'ping'), closes(`*2\r\n$3\r\nDEL\r\n$${size}\r\nforbidden:1\r\n`)],
    })),
    { name: 'a bulk of 0', sends: [raw('denied', '*2\r\n$3\r\nDEL\r\n$0\r\n\r\n'), ok('one', 'get', 'app:1')] },
    { name: 'a bulk of 1', sends: [ok('0', 'del', 'x'), no('del', 'x', 'forbidden:1')] },
    { name: 'fewer than no arguments', sends: [raw('nothing', '*-2147483648\r\n'), no('del', 'forbidden:1')] },
    { name: 'too many arguments', sends: [ok('PONG', 'ping'), closes('*2147483647\r\n$3\r\nDEL\r\n')] },
  ],
);
