import { Binary, serialize } from 'bson';
import { describe, expect, test } from 'vitest';
import type { SessionFacts } from '../../src/exchange/session-facts.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { MECHANISMS } from './mechanisms.ts';
import { firstBatch, own, play, type Stage, Talk } from './testing/story.ts';
import { threeWays } from './testing/three-ways.ts';
import { type Doc, opQuery, opReply } from './testing/wire-bytes.ts';

const payload = (text: string | Uint8Array): Binary =>
  new Binary(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
const CLIENT = {
  application: { name: 'checkout' },
  driver: { name: 'nodejs|Mongoose', version: '7.9.0|9.0.1' },
  os: { type: 'Linux', name: 'linux', architecture: 'x64', version: '6.1' },
  platform: 'Node.js v24',
};
const REPLY = { ismaster: true, maxWireVersion: 21, ok: 1 };
const facts = (on: Stage, ...names: (keyof SessionFacts)[]): unknown[] => names.map((name) => on.harness.facts[name]);

describe('hello', () => {
  const CASES: readonly (readonly [name: string, say: (t: Talk) => Talk, want: readonly unknown[]])[] = [
    [
      'says who the client is',
      (t) => t.say({ hello: 1, client: CLIENT }, REPLY),
      ['checkout', 'nodejs|Mongoose 7.9.0|9.0.1', '7.0'],
    ],
    [
      'an old name of it',
      (t) => t.say({ isMaster: 1, client: CLIENT }, REPLY),
      ['checkout', 'nodejs|Mongoose 7.9.0|9.0.1', '7.0'],
    ],
    [
      'in an OP_QUERY',
      (t) =>
        t
          .raw('>', opQuery('admin.$cmd', { ismaster: 1, client: CLIENT }, { requestId: 1 }))
          .raw('<', opReply([REPLY], { responseTo: 1 })),
      ['checkout', 'nodejs|Mongoose 7.9.0|9.0.1', '7.0'],
    ],
    [
      'without an application',
      (t) => t.say({ hello: 1, client: { driver: { name: 'pymongo' } } }, REPLY),
      ['', 'pymongo', '7.0'],
    ],
    [
      'said again without it: what was known stays',
      (t) => t.say({ hello: 1, client: CLIENT }, REPLY).say({ hello: 1 }, REPLY),
      ['checkout', 'nodejs|Mongoose 7.9.0|9.0.1', '7.0'],
    ],
    [
      'is not believed where the server refuses it',
      (t) => t.say({ hello: 1, client: CLIENT }, { ok: 0, code: 186 }),
      ['', '', ''],
    ],
    ['of a server nobody knows', (t) => t.say({ hello: 1 }, { ...REPLY, maxWireVersion: 99 }), ['', '', '']],
    ['a client that is no document', (t) => t.say({ hello: 1, client: 'x' }, REPLY), ['', '', '7.0']],
    [
      'pymongo, whose version ends with an empty place',
      (t) => t.say({ hello: 1, client: { driver: { name: 'PyMongo|c', version: '4.20.0|' } } }, REPLY),
      ['', 'PyMongo|c 4.20.0', '7.0'],
    ],
    [
      'names that are no strings',
      (t) => t.say({ hello: 1, client: { application: { name: 5 }, driver: { name: [1] } } }, REPLY),
      ['', '', '7.0'],
    ],
  ];
  for (const [name, say, want] of CASES)
    threeWays(
      name,
      () => say(new Talk()).script,
      (on) => expect(facts(on, 'application', 'driver', 'serverVersion')).toEqual(want),
    );

  test('buildInfo says the version more exactly', () => {
    const on = play(
      new Talk().say({ hello: 1 }, REPLY).say({ buildInfo: 1 }, { version: '7.0.14' }).say({ hello: 1 }, REPLY).script,
    );
    expect(on.harness.facts.serverVersion).toBe('7.0.14');
  });

  test('names are cut', () => {
    const client = { application: { name: 'a'.repeat(500) }, driver: { name: 'd'.repeat(500), version: '1' } };
    const on = play(new Talk().say({ hello: 1, client }, REPLY).script);
    expect(on.harness.facts.application).toHaveLength(128);
    expect(on.harness.facts.driver).toHaveLength(130);
  });
});

describe('compressors', () => {
  const CASES: readonly (readonly [name: string, reply: object, want: Record<string, number>])[] = [
    ['none', REPLY, {}],
    ['the first that both have', { ...REPLY, compression: ['zstd', 'snappy'] }, { zstd: 1 }],
    ['an empty list', { ...REPLY, compression: [] }, {}],
    ['one nobody knows', { ...REPLY, compression: ['lz4'] }, {}],
    ['no list', { ...REPLY, compression: 'zlib' }, {}],
  ];
  for (const [name, reply, want] of CASES)
    test(`${name}, once a connection`, () => {
      const on = play(new Talk().say({ hello: 1 }, reply).say({ hello: 1 }, reply).script);
      for (const compressor of ['noop', 'snappy', 'zlib', 'zstd'])
        expect(on.stats.value(`sluice.mongodb.p.compression.${compressor}.sessions`)).toBe(want[compressor] ?? 0);
    });
});

describe('the kind of a session', () => {
  const awaited = { hello: 1, topologyVersion: { processId: 1, counter: 1 }, maxAwaitTimeMS: 10_000 };
  const CASES: readonly (readonly [name: string, say: (t: Talk) => Talk, kind: string])[] = [
    ['one hello: any client begins so', (t) => t.say({ hello: 1 }), ''],
    ['nothing but hello', (t) => t.say({ hello: 1 }).say({ hello: 1 }), 'monitor'],
    ['one that awaits', (t) => t.say(awaited), 'monitor'],
    ['one whose client is closed while it awaits', (t) => t.say({ hello: 1 }).ask(awaited), 'monitor'],
    ['hello again, and then something else', (t) => t.say({ hello: 1 }).say({ hello: 1 }).say({ ping: 1 }), ''],
    ['hello among others', (t) => t.say({ hello: 1 }).say({ ping: 1 }).say({ hello: 1 }), ''],
  ];
  for (const [name, say, kind] of CASES)
    test(name, () => expect(play(say(new Talk()).script).harness.facts.kind).toBe(kind));
});

describe('logins: a user is known when the server says done', () => {
  const start = (mechanism: string, text: string | Uint8Array): Doc => ({
    saslStart: 1,
    mechanism,
    payload: payload(text),
    autoAuthorize: 1,
    $db: 'admin',
  });
  const more = { saslContinue: 1, conversationId: 1, payload: payload('c=biws,r=n,p=x'), $db: 'admin' };
  const goes = { conversationId: 1, done: false, payload: payload('r=n,s=c2FsdA==,i=4096') };
  const done = { conversationId: 1, done: true, payload: payload('v=x') };
  const refused = { ok: 0, code: 18, codeName: 'AuthenticationFailed' };
  const scram = (name: string) => start('SCRAM-SHA-256', `n,,n=${name},r=nonce`);
  const logIn = (t: Talk, name: string) => t.say(scram(name), goes).say(more, done);

  const CASES: readonly (readonly [
    name: string,
    say: (t: Talk) => Talk,
    user: string,
    counted: readonly [mechanism: string, logins: number, failures: number],
  ])[] = [
    ['SCRAM-SHA-256', (t) => logIn(t, 'alice'), 'alice', ['SCRAM-SHA-256', 1, 0]],
    [
      'SCRAM with a last empty exchange',
      (t) =>
        t
          .say(scram('alice'), goes)
          .say(more, { ...done, done: false })
          .say(more, done),
      'alice',
      ['SCRAM-SHA-256', 1, 0],
    ],
    [
      'SCRAM-SHA-1',
      (t) => t.say(start('SCRAM-SHA-1', 'n,,n=bob,r=nonce'), goes).say(more, done),
      'bob',
      ['SCRAM-SHA-1', 1, 0],
    ],
    ['SCRAM: a comma and an equals sign in the name', (t) => logIn(t, 'a=2Cb=3Dc'), 'a,b=c', ['SCRAM-SHA-256', 1, 0]],
    ['SCRAM: an escape that there is not', (t) => logIn(t, 'a=2cb'), '', ['SCRAM-SHA-256', 1, 0]],
    [
      'SCRAM: an authorization identity before it',
      (t) => t.say(start('SCRAM-SHA-256', 'n,a=root,n=alice,r=x'), goes).say(more, done),
      'alice',
      ['SCRAM-SHA-256', 1, 0],
    ],
    ['SCRAM: not done', (t) => t.say(scram('alice'), goes), '', ['SCRAM-SHA-256', 0, 0]],
    ['SCRAM: refused at the end', (t) => t.say(scram('alice'), goes).say(more, refused), '', ['SCRAM-SHA-256', 0, 1]],
    ['SCRAM: refused at once', (t) => t.say(scram('alice'), refused), '', ['SCRAM-SHA-256', 0, 1]],
    ['PLAIN', (t) => t.say(start('PLAIN', '\0carol\0secret'), done), 'carol', ['PLAIN', 1, 0]],
    ['PLAIN without its password', (t) => t.say(start('PLAIN', '\0carol'), done), '', ['PLAIN', 1, 0]],
    [
      'OIDC with a principal',
      (t) => t.say(start('MONGODB-OIDC', serialize({ n: 'dora' })), goes).say(more, done),
      'dora',
      ['MONGODB-OIDC', 1, 0],
    ],
    [
      'OIDC with a token',
      (t) => t.say(start('MONGODB-OIDC', serialize({ jwt: 'eyJ' })), done),
      '',
      ['MONGODB-OIDC', 1, 0],
    ],
    [
      'AWS says no name',
      (t) => t.say(start('MONGODB-AWS', serialize({ r: payload('x'), p: 110 })), goes).say(more, done),
      '',
      ['MONGODB-AWS', 1, 0],
    ],
    ['a mechanism without a name here', (t) => t.say(start('SCRAM-SHA-999', 'x'), done), '', ['other', 1, 0]],
    [
      'X509 by authenticate',
      (t) => t.say({ authenticate: 1, mechanism: 'MONGODB-X509', user: 'CN=eve', $db: '$external' }),
      'CN=eve',
      ['MONGODB-X509', 1, 0],
    ],
    [
      'X509: the name the server reads in the certificate',
      (t) => t.say({ authenticate: 1, mechanism: 'MONGODB-X509' }, { dbname: '$external', user: 'CN=eve,O=x' }),
      'CN=eve,O=x',
      ['MONGODB-X509', 1, 0],
    ],
    [
      'the one of old',
      (t) => t.say({ authenticate: 1, user: 'frank', nonce: 'n', key: 'k' }),
      'frank',
      ['MONGODB-CR', 1, 0],
    ],
    [
      'begun within hello',
      (t) =>
        t
          .say(
            { hello: 1, speculativeAuthenticate: { ...(scram('alice') as object), db: 'admin' }, $db: 'admin' },
            { ...REPLY, speculativeAuthenticate: goes },
          )
          .say(more, done),
      'alice',
      ['SCRAM-SHA-256', 1, 0],
    ],
    [
      'begun within hello, and passed over by the server',
      (t) => t.say({ hello: 1, speculativeAuthenticate: scram('alice'), $db: 'admin' }, REPLY).say(more, done),
      '',
      ['SCRAM-SHA-256', 0, 0],
    ],
    [
      'X509 within hello is done with it',
      (t) =>
        t.say(
          { hello: 1, speculativeAuthenticate: { authenticate: 1, mechanism: 'MONGODB-X509', db: '$external' } },
          { ...REPLY, speculativeAuthenticate: { dbname: '$external', user: 'CN=eve', mechanism: 'MONGODB-X509' } },
        ),
      'CN=eve',
      ['MONGODB-X509', 1, 0],
    ],
    [
      'two users, as old servers let them: the last one',
      (t) => logIn(logIn(t, 'alice'), 'bob'),
      'bob',
      ['SCRAM-SHA-256', 2, 0],
    ],
    [
      'a login that fails takes nobody’s name',
      (t) => logIn(t, 'alice').say(scram('bob'), refused),
      'alice',
      ['SCRAM-SHA-256', 1, 1],
    ],
    ['logout', (t) => logIn(t, 'alice').say({ logout: 1 }), '', ['SCRAM-SHA-256', 1, 0]],
    [
      'logout that fails',
      (t) => logIn(t, 'alice').say({ logout: 1 }, { ok: 0, code: 13 }),
      'alice',
      ['SCRAM-SHA-256', 1, 0],
    ],
  ];
  for (const [name, say, user, [mechanism, logins, failures]] of CASES)
    threeWays(
      name,
      () => say(new Talk()).script,
      (on) => {
        expect(on.harness.facts.user).toBe(user);
        const counted = (stat: string) => on.stats.value(`sluice.mongodb.p.auth.${mechanism}.${stat}`);
        expect([counted('logins'), counted('login_failures')]).toEqual([logins, failures]);
      },
    );

  test('MG-15 a command behind a login that is not done is nobody’s', () => {
    const t = new Talk().say(scram('alice'), goes).ask(more).ask({ find: 'a' });
    const [login, find] = [t.requestId - 1, t.requestId];
    t.answer(done, { responseTo: login }).answer(firstBatch(0, 'shop.a'), { responseTo: find });
    const users = play(t.script).harness.confirmed.map((change) => change.user ?? '-');
    expect(users.at(-1)).toBe('-'); // the database of find, confirmed after the user
    expect(users).toContain('alice');
  });

  test('every mechanism of the table is told apart', () => {
    const t = new Talk();
    for (const mechanism of MECHANISMS) t.say(start(mechanism, ''), refused);
    const on = play(t.script);
    for (const mechanism of MECHANISMS)
      expect(on.stats.value(`sluice.mongodb.p.auth.${mechanism}.login_failures`)).toBe(1);
  });
});

describe('bypass', () => {
  const LONG = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example:27017`;
  const warnings: string[] = [];
  const env = { ...filterEnv(), warn: (text: string) => void warnings.push(text) };
  // The harness's client came to 127.0.0.1:2.
  const CASES: readonly (readonly [name: string, reply: object, hints: number])[] = [
    ['a standalone server names nobody', {}, 0],
    ['mongos names nobody', { msg: 'isdbgrid' }, 0],
    ['a replica set', { hosts: ['a:27017', 'b:27017'], me: 'a:27017', primary: 'a:27017' }, 1],
    ['one that names how the client came', { hosts: ['127.0.0.1:2'], me: '127.0.0.1:2', primary: '127.0.0.1:2' }, 0],
    ['by another word', { hosts: ['localhost:2'], me: 'localhost:2' }, 0],
    ['and a second member', { hosts: ['127.0.0.1:2', 'b:27017'], me: '127.0.0.1:2' }, 1],
    ['a passive one', { hosts: ['127.0.0.1:2'], passives: ['c:27017'], me: '127.0.0.1:2' }, 1],
    ['an arbiter', { hosts: ['127.0.0.1:2'], arbiters: ['c:27017'] }, 1],
    ['me alone', { me: 'a:27017' }, 1],
    ['the primary alone', { primary: 'a:27017' }, 1],
    ['by a name in other letters', { hosts: ['Proxy.Example:27017'], me: 'PROXY.example:27017' }, 0],
    ['by a long name', { hosts: [LONG], me: LONG }, 0],
    ['by a name that the operator gave', { hosts: ['proxy.example:27017'], me: 'proxy.example:27017' }, 0],
  ];
  for (const [name, reply, hints] of CASES)
    test(name, () => {
      const options = { collections: 64, cursors: 10, addresses: ['proxy.example:27017', LONG], strict_cursors: false };
      const on = play(new Talk().say({ hello: 1 }, { ...REPLY, ...reply }).script, { options });
      expect(own(on, 'bypass_hint')).toBe(hints);
    });

  test('is said once, with the remedy', () => {
    const reply = { ...REPLY, hosts: ['a:27017'], me: 'a:27017' };
    const on = play(new Talk().say({ hello: 1 }, reply).say({ hello: 1 }, reply).script, { env });
    expect(own(on, 'bypass_hint')).toBe(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('directConnection=true');
    expect(warnings[0]).toContain('rewrite_hello');
    expect(warnings[0]).toContain('If all of them say so, nothing is amiss');
  });
});
