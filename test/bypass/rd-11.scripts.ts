import { forbidden, no, ok, policies, redisRow } from './support/redis.ts';

const DEL = "return redis.call('del','forbidden:1')";
const everything = policies({ action: 'allow', operations: [], targets: [] });
const scripts = policies({ action: 'allow', operations: ['script'] }, { action: 'allow', targets: ['app:*'] });

/** Keys that a script declares are advice: scripts are denied unless they are allowed by their name. */
export const row = redisRow(
  'RD-11',
  'scripts',
  ['R4', 'R7'],
  [
    { name: 'EVAL of an undeclared key', sends: [no('eval', DEL, '0'), ok('one', 'get', 'app:1')] },
    {
      name: 'EVAL that declares another key',
      sends: [no('eval', DEL, '1', 'app:1'), no('eval_ro', "return redis.call('get','forbidden:1')", '1', 'app:1')],
    },
    {
      name: 'by SHA-1, and functions',
      sends: [
        no('evalsha', 'a'.repeat(40), '0'),
        no('evalsha_ro', 'a'.repeat(40), '0'),
        no('fcall', 'f', '0'),
        no('fcall_ro', 'f', '1', 'app:1'),
      ],
    },
    {
      name: 'loading them',
      sends: [
        no('script', 'load', DEL),
        no('function', 'load', '#!lua name=x\nredis.register_function("f", function() end)'),
        no('function', 'restore', 'x'),
        no('function', 'flush'),
        no('script', 'flush'),
      ],
    },
    {
      name: 'an allow of everything does not mean scripts',
      policies: everything,
      sends: [no('eval', DEL, '0'), no('fcall', 'f', '0'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'allowed by name',
      policies: scripts,
      sends: [ok('1', 'eval', 'return 1', '0'), ok('one', 'get', 'app:1'), no('get', 'other')],
    },
    {
      name: 'allowed by name, of a key that is not',
      policies: scripts,
      sends: [no('eval', 'return 1', '1', 'forbidden:1'), ok('1', 'eval', 'return 1', '1', 'app:1')],
    },
    {
      name: 'within MULTI',
      policies: forbidden,
      sends: [ok('OK', 'multi'), no('eval', DEL, '0'), ok('-EXECABORT', 'exec')],
    },
  ],
);
