import { describe, expect, test } from 'vitest';
import { Exchange } from '../../src/exchange/exchange.ts';
import { Side } from '../../src/exchange/side.ts';
import { digests } from '../../test/support/filter-env.ts';
import { redis } from './index.ts';
import { array, bulk, error, hello, join, ok, raw, say, status } from './testing/builders.ts';
import { byteByByte, own, play, RememberedKeys, type Script, stage } from './testing/story.ts';

const facts = (script: Script) => {
  const { user, database, application, driver, serverVersion, kind } = play(script, {}, byteByByte).harness.facts;
  return { user, database, application, driver, serverVersion, kind };
};
const START = { user: 'default', database: '0', application: '', driver: '', serverVersion: '', kind: '' };

type Case = readonly [name: string, script: Script, want: Partial<typeof START>];
const CASES: readonly Case[] = [
  ['nothing is known', [], { user: '' }],
  [
    'no login: what is served shows the default user',
    [
      ['>', say('GET a')],
      ['<', bulk('x')],
    ],
    {},
  ],
  [
    'no login, and what is refused shows nothing; nor what anybody may say',
    [
      ['>', say('GET a', 'GET', 'HELLO 3', 'RESET', 'QUIT')],
      ['<', join(error('NOAUTH Authentication required.'), error('ERR no'), error('NOAUTH no'), status('RESET'), ok)],
    ],
    { user: '' },
  ],
  ...['WRONGTYPE no', 'NOPERM no', 'MOVED 1 10.0.0.1:1', 'LOADING no'].map(
    (text): Case => [
      `no login: ${text} is said to the default user`,
      [
        ['>', say('GET a')],
        ['<', error(text)],
      ],
      {},
    ],
  ),
  [
    'a refused login changes nobody',
    [
      ['>', say('PING', 'AUTH ann secret', 'PING')],
      ['<', join(status('PONG'), error('WRONGPASS no'), status('PONG'))],
    ],
    {},
  ],
  [
    'after RESET the default user is to be shown again',
    [
      ['>', say('AUTH ann secret', 'RESET', 'PING')],
      ['<', join(ok, status('RESET'), status('PONG'))],
    ],
    {},
  ],
  [
    'AUTH without a reply: nobody knows, whatever is served',
    [
      ['>', say('CLIENT REPLY SKIP', 'AUTH ann secret', 'PING')],
      ['<', status('PONG')],
    ],
    { user: '' },
  ],
  [
    'MONITOR shows the default user too',
    [
      ['>', say('MONITOR')],
      ['<', ok],
    ],
    { kind: 'monitor' },
  ],
  [
    'AUTH with a password alone',
    [
      ['>', say('AUTH secret')],
      ['<', ok],
    ],
    {},
  ],
  [
    'AUTH with a user',
    [
      ['>', say('AUTH ann secret')],
      ['<', ok],
    ],
    { user: 'ann' },
  ],
  [
    'AUTH that is refused',
    [
      ['>', say('AUTH ann secret')],
      ['<', error('WRONGPASS no')],
    ],
    { user: '' },
  ],
  [
    'AUTH inline',
    [
      ['>', raw('AUTH ann secret\r\n')],
      ['<', ok],
    ],
    { user: 'ann' },
  ],
  [
    'SELECT',
    [
      ['>', say('SELECT 7')],
      ['<', ok],
    ],
    { database: '7' },
  ],
  [
    'SELECT that is refused',
    [
      ['>', say('SELECT 77')],
      ['<', error('ERR DB index is out of range')],
    ],
    { user: '' },
  ],
  [
    'RD-09 SELECT, pipelined',
    [
      ['>', say('SELECT 7', 'SELECT 8', 'SELECT 99')],
      ['<', join(ok, ok, error('ERR no'))],
    ],
    { database: '8' },
  ],
  [
    'SELECT within MULTI',
    [
      ['>', say('MULTI', 'SELECT 3', 'EXEC')],
      ['<', join(ok, status('QUEUED'), array(ok))],
    ],
    { database: '3' },
  ],
  [
    'SELECT that was discarded',
    [
      ['>', say('MULTI', 'SELECT 3', 'DISCARD')],
      ['<', join(ok, status('QUEUED'), ok)],
    ],
    {},
  ],
  [
    'HELLO',
    [
      ['>', say('HELLO 3')],
      ['<', hello(3)],
    ],
    { serverVersion: '7.0.15' },
  ],
  [
    'HELLO of RESP2',
    [
      ['>', say('HELLO')],
      ['<', hello(2)],
    ],
    { serverVersion: '7.0.15' },
  ],
  [
    'HELLO of a Valkey',
    [
      ['>', say('HELLO 3')],
      ['<', hello(3, 'valkey', '8.0.1')],
    ],
    { serverVersion: 'valkey 8.0.1' },
  ],
  [
    'RD-14 HELLO with all',
    [
      ['>', say('HELLO 3 AUTH ann secret SETNAME shop')],
      ['<', hello(3)],
    ],
    { user: 'ann', application: 'shop', serverVersion: '7.0.15' },
  ],
  [
    'RD-14 HELLO that is refused',
    [
      ['>', say('HELLO 3 AUTH ann secret SETNAME shop')],
      ['<', error('WRONGPASS no')],
    ],
    { user: '' },
  ],
  [
    'HELLO with a name first',
    [
      ['>', say('hello 3 setname shop auth ann secret')],
      ['<', hello(3)],
    ],
    { user: 'ann', application: 'shop', serverVersion: '7.0.15' },
  ],
  [
    'CLIENT SETNAME',
    [
      ['>', say('CLIENT SETNAME shop')],
      ['<', ok],
    ],
    { application: 'shop' },
  ],
  [
    'CLIENT SETINFO',
    [
      ['>', say('CLIENT SETINFO LIB-NAME ioredis', 'CLIENT SETINFO lib-ver 5.4')],
      ['<', join(ok, ok)],
    ],
    { driver: 'ioredis/5.4' },
  ],
  [
    'CLIENT SETINFO that the server does not know',
    [
      ['>', say('CLIENT SETINFO LIB-NAME ioredis')],
      ['<', error('ERR Unknown')],
    ],
    { user: '' },
  ],
  [
    'RD-14 RESET: all as at the start, but what cannot change',
    [
      ['>', say('HELLO 3 AUTH ann secret SETNAME shop', 'SELECT 4', 'CLIENT SETINFO LIB-NAME x', 'RESET')],
      ['<', join(hello(3), ok, ok, status('RESET'))],
    ],
    { user: '', driver: 'x', serverVersion: '7.0.15' },
  ],
  ['SELECT without a reply: nobody knows', [['>', say('CLIENT REPLY SKIP', 'SELECT 4')]], { user: '', database: '' }],
  [
    'REPLCONF',
    [
      ['>', say('REPLCONF listening-port 1')],
      ['<', ok],
    ],
    { kind: 'replication' },
  ],
];

describe('who is talking', () => {
  for (const [name, script, want] of CASES) test(name, () => expect(facts(script)).toEqual({ ...START, ...want }));

  test('logins are counted', () => {
    const on = play([
      ['>', say('AUTH a', 'AUTH ann b', 'HELLO 3 AUTH ann c', 'HELLO 3 AUTH ann d', 'HELLO 3')],
      ['<', join(error('WRONGPASS no'), ok, error('WRONGPASS no'), hello(3), hello(3))],
    ]);
    expect([own(on, 'logins'), own(on, 'login_failures'), own(on, 'resp3_sessions')]).toEqual([2, 2, 1]);
  });
});

test('passwords are kept nowhere: not in a digest, not in a key, not in the session', () => {
  const keys = new RememberedKeys();
  const lines = [
    'AUTH s3cret',
    'AUTH ann s3cret',
    'HELLO 3 AUTH ann s3cret SETNAME shop',
    'CONFIG SET requirepass s3cret',
    'CONFIG SET masterauth s3cret',
    'ACL SETUSER ann on >s3cret ~*',
    'MIGRATE 10.0.0.1 6379 k 0 5000 AUTH s3cret',
    'MIGRATE 10.0.0.1 6379 k 0 5000 COPY AUTH2 ann s3cret KEYS k',
    'SET k s3cret',
    'EVAL s3cret 0',
    's3cret',
    'my.s3cret', // like the command of a module
  ];
  for (const bytes of [say(...lines), raw(lines.map((line) => `${line}\r\n`).join(''))])
    for (const cut of [undefined, byteByByte]) {
      // Inline, a mistyped first word would be another protocol.
      const on = play([['>', join(say('PING'), bytes)]], { env: { keys } }, cut);
      const { harness } = on;
      const seen = [
        ...harness.ended.map(({ kind, text, code, digest }) => [kind, text, code, digest?.summary, digest?.targets]),
        harness.facts,
        harness.confirmed,
        keys.touched,
        on.stats.list.map(({ name }) => name),
      ];
      expect(harness.ended.length).toBe(lines.length + 1);
      expect(JSON.stringify(seen)).not.toContain('s3cret');
    }
});

test('metadata: commands and key patterns, no keys', () => {
  const on = stage();
  on.harness.feed(Side.downstream, say('GET user:17'));
  const seen: Exchange[] = [];
  const end = on.harness.end.bind(on.harness);
  on.harness.end = (each) => {
    seen.push(Object.assign(new Exchange(), { kind: each.kind, digest: each.digest, session: each.session }));
    end(each);
  };
  on.harness.feed(Side.upstream, bulk('x'));
  on.harness.finish();
  const told = redis.metadata([
    ...seen,
    Object.assign(new Exchange(), { kind: 'ping', digest: digests.named('redis', 'PING', 'PING') }),
  ]);
  expect(told['sluice.filters.network.redis']).toEqual({ commands: ['get', 'ping'], keys: { 'user:*': ['read'] } });
  expect(told['sluice.query']).toMatchObject({
    protocol: 'redis',
    operations: ['GET', 'PING'],
    relations: ['user:*'],
    kind: 'get',
    database: '0',
  });
});
