import { appOnly, many, no, ok, redisRow } from './support/redis.ts';

/** What each cut of a stream tells is what the whole one told; the suite plays every case of the corpus twice besides. */
export const row = redisRow(
  'X-13',
  'the same stream tells the same',
  ['R14', 'R15'],
  [
    {
      name: 'of all kinds',
      retells: true,
      sends: [
        ok('one', 'get', 'app:1'),
        no('del', 'forbidden:1'),
        ok('OK', 'set', 'app:2', 'x'),
        no('mget', 'app:1', 'forbidden:1'),
        ok('-ERR', 'select', '99'),
        ok('PONG', 'ping'),
      ],
    },
    {
      name: 'twice in one',
      retells: true,
      sends: [ok('one', 'get', 'app:1'), no('del', 'forbidden:1'), ok('one', 'get', 'app:1'), no('del', 'forbidden:1')],
    },
    {
      name: 'in a transaction',
      retells: true,
      sends: [
        ok('OK', 'multi'),
        ok('QUEUED', 'set', 'app:2', 'x'),
        no('get', 'forbidden:1'),
        ok('-EXECABORT', 'exec'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'in an allow list, and only denied ones',
      retells: true,
      policies: appOnly,
      sends: [no('del', 'forbidden:1'), no('flushall'), no('keys', '*')],
    },
    {
      name: 'replies of several parts',
      retells: true,
      usable: false,
      sends: [
        many(['[subscribe app:c 1]', '[subscribe app:d 2]'], 'subscribe', 'app:c', 'app:d'),
        no('subscribe', 'forbidden:c'),
      ],
    },
  ],
);
