import { no, ok, redisRow } from './support/redis.ts';

/** Replies that nobody reads: what is denied stays denied; how much memory they take is shown in redis-gate.test.ts. */
export const row = redisRow(
  'RD-18',
  'unread replies',
  ['R12', 'R9'],
  [
    {
      name: 'hundreds of PINGs before a denied command',
      sends: [...Array.from({ length: 100 }, () => ok('PONG', 'ping')), no('del', 'forbidden:1'), ok('PONG', 'ping')],
    },
    {
      name: 'hundreds of denied commands',
      sends: [...Array.from({ length: 60 }, () => no('get', 'forbidden:1')), ok('one', 'get', 'app:1')],
    },
  ],
);
