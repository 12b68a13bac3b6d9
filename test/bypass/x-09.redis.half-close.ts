import { ok, raw, redisRow } from './support/redis.ts';

/** What is held when a side ends never leaves. */
export const row = redisRow(
  'X-09',
  'a side that ends',
  ['R1'],
  [
    ...[5, 12, 20, 30].map((bytes) => ({
      name: `the client ends ${bytes} bytes into a command`,
      sends: [ok('one', 'get', 'app:1'), raw('nothing', '*2\r\n$3\r\nDEL\r\n$11\r\nforbidden:1\r\n'.slice(0, bytes))],
      usable: false,
    })),
    {
      name: 'in the middle of an allowed one',
      sends: [ok('one', 'get', 'app:1'), raw('nothing', '*3\r\n$3\r\nSET\r\n$5\r\napp:2\r\n$3\r\nab')],
      usable: false,
      keys: { 'app:2': null },
    },
  ],
);
