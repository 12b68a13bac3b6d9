import { many, mutely, no, ok, policies, redisRow } from './support/redis.ts';

const granted = policies(
  { action: 'deny', targets: ['forbidden:*'] },
  { action: 'allow', operations: ['client_reply'] },
  { action: 'allow', operations: [], targets: [] },
);
const reply = (mode: string) => many(mode === 'on' ? ['OK'] : [], 'client', 'reply', mode);

/** Where replies vanish, so do ours. */
export const row = redisRow(
  'RD-12',
  'CLIENT REPLY',
  ['R9', 'R8'],
  [
    {
      name: 'denied by default',
      sends: [
        no('client', 'reply', 'off'),
        ok('one', 'get', 'app:1'),
        no('CLIENT', 'REPLY', 'SKIP'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'OFF, denied, ON',
      policies: granted,
      sends: [
        reply('off'),
        mutely(no('del', 'forbidden:1')),
        mutely(ok('', 'set', 'app:2', 'x')),
        reply('on'),
        ok('one', 'get', 'app:1'),
      ],
      keys: { 'app:2': 'x' },
    },
    {
      name: 'SKIP of a denied one',
      policies: granted,
      sends: [reply('skip'), mutely(no('del', 'forbidden:1')), ok('one', 'get', 'app:1'), no('get', 'forbidden:1')],
    },
    {
      name: 'SKIP, then a denied one with its reply',
      policies: granted,
      sends: [reply('skip'), mutely(ok('', 'get', 'app:1')), no('get', 'forbidden:1'), ok('one', 'get', 'app:1')],
    },
    {
      name: 'what must be answered is denied in silence',
      policies: granted,
      sends: [
        reply('off'),
        mutely(no('auth', 'app', 'x')),
        mutely(no('select', '3')),
        mutely(no('multi')),
        mutely(no('hello', '3')),
        reply('on'),
        ok('one', 'get', 'app:1'),
      ],
    },
    {
      name: 'within MULTI',
      policies: granted,
      sends: [ok('OK', 'multi'), no('client', 'reply', 'off'), ok('-EXECABORT', 'exec')],
    },
  ],
);
