import { no, ok, policies, redisRow } from './support/redis.ts';

const hard = `${'*a'.repeat(400)}*b`;

/** A pattern takes no longer for a name that is made for it. */
export const row = redisRow(
  'RD-20',
  'patterns',
  ['R12'],
  [
    {
      name: 'a name made for backtracking',
      policies: policies({ action: 'deny', targets: [hard, 'forbidden:*'] }),
      sends: [ok('(nil)', 'get', 'a'.repeat(1200)), no('get', `${'a'.repeat(1200)}b`)],
    },
    {
      name: 'a star in the name is a star',
      policies: policies({ action: 'allow', targets: ['app:\\*', 'app:1'] }),
      sends: [ok('one', 'get', 'app:1'), ok('(nil)', 'get', 'app:*'), no('get', 'app:2'), no('get', 'forbidden:1')],
    },
  ],
);
