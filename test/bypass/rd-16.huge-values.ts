import { appOnly, no, ok, policies, redisRow } from './support/redis.ts';

const options = { max_held_bytes: 1024 };
const big = 'x'.repeat(1500);

/** Of a long command the first bytes are judged, where they hold all its keys. */
export const row = redisRow(
  'RD-16',
  'huge values',
  ['R1', 'R7', 'R12'],
  [
    {
      name: 'a value that is longer than what is held',
      options,
      policies: appOnly,
      sends: [ok('OK', 'set', 'app:2', big), ok('one', 'get', 'app:1')],
      keys: { 'app:2': big },
    },
    {
      name: 'of a denied key',
      options,
      sends: [no('set', 'forbidden:9', big), no('append', 'forbidden:1', big), ok('one', 'get', 'app:1')],
    },
    {
      name: 'of a denied key, by an allow list',
      options,
      policies: appOnly,
      sends: [no('set', 'forbidden:9', big), no('setrange', 'forbidden:1', '0', big), ok('one', 'get', 'app:1')],
    },
    {
      name: 'keys behind it',
      options,
      sends: [no('mset', 'app:2', big, 'forbidden:1', 'x'), ok('one', 'get', 'app:1')],
      keys: { 'app:2': null },
    },
    {
      name: 'keys behind it that nobody can know',
      options,
      sends: [no('mset', 'app:2', big, 'app:3', 'x'), ok('one', 'get', 'app:1')],
      keys: { 'app:2': null },
    },
    {
      name: 'a keyword behind it',
      options,
      policies: policies({ action: 'allow', operations: ['write'], targets: ['app:*'] }),
      sends: [no('set', 'app:2', big, 'get'), ok('OK', 'set', 'app:3', big), ok('OK', 'set', 'app:2', 'x')],
      keys: { 'app:2': 'x' },
    },
    {
      name: 'a key longer than what is held',
      options,
      sends: [no('get', `forbidden:${big}`), no('del', 'app:1', big, 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'within MULTI',
      options,
      sends: [
        ok('OK', 'multi'),
        ok('QUEUED', 'set', 'app:2', big),
        no('set', 'forbidden:9', big),
        ok('-EXECABORT', 'exec'),
      ],
      keys: { 'app:2': null },
    },
    {
      name: 'pipelined',
      options,
      sends: [ok('OK', 'set', 'app:2', big), no('set', 'forbidden:9', big), ok('OK', 'set', 'app:3', 'y')],
      keys: { 'app:3': 'y' },
    },
  ],
);
