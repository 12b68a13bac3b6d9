import { no, ok, redisRow } from './support/redis.ts';

/** What stands behind a command that waits, waits too: a refusal as well. */
export const row = redisRow(
  'RD-15',
  'blocking commands',
  ['R9'],
  [
    {
      name: 'behind BLPOP',
      sends: [ok('(nil)', 'blpop', 'app:none', '0.05'), no('del', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'between two of them',
      sends: [
        ok('(nil)', 'blpop', 'app:none', '0.02'),
        no('get', 'forbidden:1'),
        ok('(nil)', 'blpop', 'app:none', '0.02'),
        no('del', 'forbidden:1'),
      ],
    },
    {
      name: 'a denied one that would wait',
      sends: [
        no('blpop', 'forbidden:l', '0'),
        no('xread', 'block', '0', 'streams', 'forbidden:x', '$'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'the login behind one',
      sends: [ok('(nil)', 'blpop', 'app:none', '0.02'), ok('-ERR', 'auth', 'x'), no('del', 'forbidden:1')],
      notReal: 'AUTH without a password set is answered otherwise by version',
    },
  ],
);
