import { appOnly, no, ok, policies, redisRow } from './support/redis.ts';

const ALL = [
  ['keys', '*'],
  ['keys', 'app:*'],
  ['scan', '0'],
  ['scan', '0', 'match', 'app:*'],
  ['randomkey'],
  ['dbsize'],
  ['flushdb'],
  ['flushall', 'async'],
  ['swapdb', '0', '1'],
  ['client', 'tracking', 'on', 'bcast', 'prefix', 'app:'],
  ['cluster', 'getkeysinslot', '1', '1'],
];

/** What touches all keys is not granted by a rule about some of them, and is denied where some are. */
export const row = redisRow(
  'RD-08',
  'commands about all keys',
  ['R7'],
  [
    {
      name: 'an allow list of a prefix',
      policies: appOnly,
      sends: [...ALL.map((words) => no(...words)), ok('one', 'get', 'app:1')],
    },
    { name: 'a deny list of a prefix', sends: [...ALL.map((words) => no(...words)), ok('one', 'get', 'app:1')] },
    {
      name: 'an allow list of one database',
      policies: policies({ action: 'allow', targets: ['0/*'] }),
      sends: [no('flushall'), no('swapdb', '0', '1'), ok('one', 'get', 'app:1')],
      keys: { 'app:1': 'one' },
    },
    {
      name: 'granted for reading, not for FLUSHDB',
      policies: policies({ action: 'allow', operations: ['keyspace', 'read'] }),
      sends: [ok('*', 'dbsize'), ok('*', 'randomkey'), no('flushdb'), no('flushall')],
      unseen: /flush/,
    },
  ],
);
