import { no, ok, policies, redisRow } from './support/redis.ts';

const only3 = policies({ action: 'allow', targets: ['3/app:*'] });
const not0 = policies({ action: 'deny', targets: ['0/app:*', 'forbidden:*'] });
const select = (db: string) => ok('OK', 'select', db);

/** A key is a key of a database: the one that the server has confirmed. */
export const row = redisRow(
  'RD-09',
  'databases',
  ['R8'],
  [
    {
      name: 'pipelined behind SELECT',
      policies: only3,
      sends: [no('get', 'app:1'), select('3'), ok('of 3', 'get', 'app:1'), select('0'), no('get', 'app:1')],
    },
    {
      name: 'a SELECT that fails',
      policies: only3,
      sends: [
        ok('-ERR', 'select', '99'),
        no('get', 'app:1'),
        select('3'),
        ok('-ERR', 'select', '-1'),
        ok('of 3', 'get', 'app:1'),
      ],
    },
    {
      name: 'a SELECT of no number',
      policies: not0,
      sends: [ok('-ERR', 'select', '03x'), no('get', 'app:1'), select('3'), ok('of 3', 'get', 'app:1')],
    },
    {
      name: 'RESET goes back',
      policies: only3,
      sends: [select('3'), ok('of 3', 'get', 'app:1'), ok('RESET', 'reset'), no('get', 'app:1')],
    },
    {
      name: 'COPY and MOVE into another one',
      policies: only3,
      sends: [
        select('3'),
        no('copy', 'app:1', 'app:2', 'db', '5'),
        no('copy', 'app:1', 'app:2', 'replace', 'DB', '0'),
        no('move', 'app:1', '5'),
        no('copy', 'app:1', 'app:2', 'db', '05'),
        no('copy', 'app:1', 'app:2', 'db', '3', 'db', '4'),
      ],
    },
    {
      name: 'SELECT within MULTI',
      policies: only3,
      sends: [
        select('3'),
        ok('OK', 'multi'),
        ok('QUEUED', 'select', '0'),
        no('get', 'app:1'),
        ok('-EXECABORT', 'exec'),
        ok('of 3', 'get', 'app:1'),
      ],
    },
    {
      name: 'SELECT within MULTI that is discarded',
      policies: only3,
      sends: [
        select('3'),
        ok('OK', 'multi'),
        ok('QUEUED', 'select', '0'),
        ok('OK', 'discard'),
        ok('of 3', 'get', 'app:1'),
      ],
    },
    {
      name: 'SELECT within MULTI that is run',
      policies: only3,
      sends: [select('3'), ok('OK', 'multi'), ok('QUEUED', 'select', '0'), ok('*', 'exec'), no('get', 'app:1')],
    },
    {
      name: 'denied in the first one only',
      policies: not0,
      sends: [
        no('set', 'app:1', 'x'),
        select('3'),
        ok('OK', 'set', 'app:1', 'x'),
        select('0'),
        no('set', 'app:1', 'x'),
      ],
      keys: { 'app:1': 'one' },
    },
  ],
);
