import { no, ok, policies, redisRow } from './support/redis.ts';

const forApp = policies({ action: 'allow', users: ['app'], targets: ['app:*'] });
const notForApp = policies(
  { action: 'deny', users: ['app'], targets: ['app:*'] },
  { action: 'deny', targets: ['forbidden:*'] },
);
const before = [['acl', 'setuser', 'app', 'reset', 'on', '>good', '~*', '&*', '+@all']];
const login = ok('OK', 'auth', 'app', 'good');
const refused = ok('-WRONGPASS', 'auth', 'app', 'bad');

/** Who somebody is changes with the server's OK, and what stands behind waits for it. */
export const row = redisRow(
  'RD-14',
  'identity',
  ['R8'],
  [
    {
      name: 'pipelined behind a login',
      before,
      policies: forApp,
      sends: [no('get', 'app:1'), login, ok('one', 'get', 'app:1'), no('get', 'other')],
    },
    {
      name: 'pipelined behind a login that fails',
      before,
      policies: forApp,
      sends: [refused, no('get', 'app:1'), login, ok('one', 'get', 'app:1')],
    },
    {
      name: 'a failed login changes nothing',
      before,
      policies: forApp,
      sends: [login, refused, ok('one', 'get', 'app:1')],
    },
    {
      name: 'denied to the one who logs in',
      before,
      policies: notForApp,
      sends: [ok('one', 'get', 'app:1'), login, no('get', 'app:1'), refused, no('get', 'app:1')],
    },
    {
      name: 'by HELLO',
      before,
      policies: forApp,
      sends: [ok('*', 'hello', '2', 'auth', 'app', 'good'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'by a HELLO that fails',
      before,
      policies: forApp,
      sends: [ok('-WRONGPASS', 'hello', '2', 'auth', 'app', 'bad'), no('get', 'app:1')],
    },
    {
      name: 'by a HELLO that fails behind its AUTH',
      before,
      policies: notForApp,
      sends: [
        no('hello', '2', 'auth', 'app', 'good', 'nonsense'),
        no('hello', '2', 'auth', 'app', 'good', 'setname', 'a b'),
        no('hello', '2', 'auth', 'app', 'good', 'auth', 'app', 'bad'),
        ok('default', 'acl', 'whoami'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'by a HELLO whose client is called AUTH',
      before,
      policies: notForApp,
      sends: [ok('*', 'hello', '2', 'setname', 'auth', 'auth', 'app', 'good'), no('get', 'app:1')],
    },
    {
      name: 'RESET forgets',
      before,
      policies: forApp,
      sends: [login, ok('one', 'get', 'app:1'), ok('RESET', 'reset'), no('get', 'app:1')],
    },
    {
      name: 'RESET within MULTI',
      before,
      policies: forApp,
      sends: [login, ok('OK', 'multi'), ok('QUEUED', 'set', 'app:2', 'x'), ok('RESET', 'reset'), no('get', 'app:1')],
      keys: { 'app:2': null },
    },
    {
      name: 'AUTH within MULTI',
      before,
      policies: notForApp,
      sends: [ok('OK', 'multi'), no('auth', 'app', 'good'), ok('-EXECABORT', 'exec'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'names that cannot be told from others',
      before,
      policies: notForApp,
      sends: [
        no('auth', Buffer.from('a\xffp', 'latin1'), 'x'),
        no('auth', 'a'.repeat(129), 'x'),
        no('hello', '2', 'auth', Buffer.from('\xc0', 'latin1'), 'x'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'names that a client gives itself',
      before,
      policies: policies({ action: 'deny', applications: ['bad'], targets: ['app:*'] }),
      sends: [ok('one', 'get', 'app:1'), ok('OK', 'client', 'setname', 'bad'), no('get', 'app:1')],
    },
  ],
);
