import { no, ok, policies, raw, redisRow } from './support/redis.ts';

const forApp = policies({ action: 'allow', users: ['app'], targets: ['app:*'] });
const only3 = policies({ action: 'allow', targets: ['3/app:*'] });
const inMulti = policies(
  { action: 'deny', operations: ['write'], when: "transaction_state != 'in_transaction'" },
  { action: 'deny', targets: ['forbidden:*'] },
);
const held = (part: ReturnType<typeof ok>) => ({ ...part, fate: 'nothing' as const, replies: [] });
const login = ok('OK', 'auth', 'app', 'good');

/** What changes the meaning of what follows is answered first. `never`: the server does not answer, and nothing follows. */
export const row = redisRow(
  'X-06',
  'behind a change',
  ['R8'],
  [
    {
      name: 'AUTH, never answered',
      policies: forApp,
      sends: [{ ...login, replies: [] }, held(ok('', 'get', 'app:1'))],
      says: [''],
      usable: false,
    },
    {
      name: 'SELECT, never answered',
      policies: only3,
      sends: [{ ...ok('', 'select', '3'), replies: [] }, held(ok('', 'get', 'app:1'))],
      says: [''],
      usable: false,
    },
    {
      name: 'HELLO, never answered',
      policies: forApp,
      sends: [{ ...ok('', 'hello', '3', 'auth', 'app', 'good'), replies: [] }, held(ok('', 'get', 'app:1'))],
      says: [''],
    },
    {
      name: 'MULTI, never answered',
      sends: [{ ...ok('', 'multi'), replies: [] }, held(ok('', 'set', 'app:2', 'x')), held(no('del', 'forbidden:1'))],
      says: [''],
    },
    { name: 'SELECT, refused', policies: only3, sends: [ok('-ERR', 'select', '77'), no('get', 'app:1')] },
    {
      name: 'MULTI, refused',
      policies: inMulti,
      sends: [ok('-ERR', 'multi', 'x'), no('set', 'app:2', 'x')],
      keys: { 'app:2': null },
    },
    {
      name: 'MULTI, agreed',
      policies: inMulti,
      sends: [ok('OK', 'multi'), ok('QUEUED', 'set', 'app:2', 'x'), ok('[OK]', 'exec'), no('set', 'app:2', 'y')],
      keys: { 'app:2': 'x' },
    },
    {
      name: 'DISCARD',
      policies: inMulti,
      sends: [ok('OK', 'multi'), ok('QUEUED', 'set', 'app:2', 'x'), ok('OK', 'discard'), no('set', 'app:2', 'y')],
      keys: { 'app:2': null },
    },
    {
      name: 'half a command behind it',
      policies: only3,
      sends: [ok('OK', 'select', '3'), ok('of 3', 'get', 'app:1'), raw('nothing', '*2\r\n$3\r\nGET\r\n$11\r\nforbi')],
      usable: false,
    },
  ],
);
