import { Bson } from '../../protocol-filters/mongodb/bson/bson-type.ts';
import { bsonString, i32, rawDoc } from '../../protocol-filters/mongodb/testing/wire-bytes.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import {
  type Answers,
  caseOf,
  closes,
  FINE,
  held,
  type MongoCase,
  type MongoRow,
  no,
  ok,
  type Part,
  sends,
  TOUCHES,
  unreadable,
} from './support/mongodb.ts';

const plain = (user: string) => Buffer.from(`\0${user}\0pw`);
const start = (user: string) => ({ saslStart: 1, mechanism: 'PLAIN', payload: plain(user), $db: '$external' });
const scram = (user: string) => ({
  saslStart: 1,
  mechanism: 'SCRAM-SHA-256',
  payload: Buffer.from(`n,,n=${user},r=abc`),
  $db: 'admin',
});
const go = { saslContinue: 1, conversationId: 1, payload: Buffer.alloc(0), $db: 'admin' };
const hello = (user: string) => ({
  hello: 1,
  $db: 'admin',
  speculativeAuthenticate: { saslStart: 1, mechanism: 'PLAIN', payload: plain(user), db: '$external' },
});
/** Servers take it so, too. */
const encoded = (user: string) => ({ saslStart: 1, mechanism: 'PLAIN', payload: plain(user).toString('base64') });
/** Ann may not touch the canary, everybody else may. */
const policies = policySet([
  { action: 'deny', name: 'hands_off', users: ['ann', 'a,n=n', 'w\u00e9'], targets: ['secret'] },
]);
const nobody = policySet([{ action: 'allow', name: 'ann', users: ['ann'], targets: ['secret', 'orders'] }]);

const yes: Answers = () => undefined;
const failing: Answers = (command) =>
  'saslStart' in command || 'saslContinue' in command || 'hello' in command
    ? { ok: 0, code: 18, codeName: 'AuthenticationFailed' }
    : undefined;
const never: Answers = (command) =>
  'saslStart' in command || 'saslContinue' in command || 'hello' in command || 'logout' in command ? null : undefined;
const two: Answers = (command) =>
  'saslStart' in command ? { ok: 1, done: false, conversationId: 1, payload: Buffer.alloc(0) } : undefined;
const spoken: Answers = (command) =>
  'hello' in command
    ? {
        ok: 1,
        maxWireVersion: 25,
        speculativeAuthenticate: { done: true, conversationId: 1, payload: Buffer.alloc(0) },
      }
    : undefined;

const of = (
  name: string,
  answers: Answers,
  wishes: Partial<MongoCase>,
  ...steps: ((id: number) => Part)[]
): MongoCase => ({
  ...caseOf(name, { policies, answers, notReal: 'a scripted login; mongodb-gate logs in with SCRAM', ...wishes }),
  sends: sends(...steps),
});
const payload = (user: string): [number, string, Buffer] => [
  Bson.binary,
  'payload',
  Buffer.concat([i32(plain(user).length), Buffer.of(0), plain(user)]),
];
const twice = rawDoc(
  [Bson.int32, 'hello', i32(1)],
  [
    Bson.document,
    'speculativeAuthenticate',
    rawDoc([Bson.string, 'mechanism', bsonString('PLAIN')], payload('ann'), payload('bob')),
  ],
  [Bson.string, '$db', bsonString('admin')],
);
const denied = { policy: 'sluice.not_allowed' };

export const row: MongoRow = {
  id: 'MG-15',
  title: 'who asks',
  rules: ['R8', 'R13'],
  cases: [
    of('a denied delete behind a login, in one go', yes, {}, ok(start('ann')), no(TOUCHES), ok(FINE)),
    of(
      'what nobody may is not allowed behind a login that fails',
      failing,
      { policies: nobody },
      ok(start('ann')),
      no(TOUCHES, denied),
      no(FINE, denied),
    ),
    of(
      'what only ann may, behind her login',
      yes,
      { policies: nobody },
      no(FINE, denied),
      ok(start('ann')),
      ok(FINE),
      ok(TOUCHES),
    ),
    of(
      'behind a login that is not answered all is held',
      never,
      {},
      ok(FINE),
      ok(start('ann'), { replies: 0 }),
      held(TOUCHES),
      held(FINE),
    ),
    of(
      'two steps: the first is not enough',
      two,
      { policies: nobody },
      ok(scram('ann')),
      no(FINE, denied),
      ok(go),
      ok(FINE),
    ),
    of('a login within hello', spoken, {}, ok(hello('ann')), no(TOUCHES), ok(FINE)),
    of(
      'a login within hello that the server passes over',
      yes,
      { policies: nobody },
      ok(hello('ann')),
      no(FINE, denied),
    ),
    of('behind a hello that is not answered all is held', never, {}, ok(hello('ann'), { replies: 0 }), held(FINE)),
    of(
      'another user on the same connection',
      yes,
      {},
      ok(start('ann')),
      unreadable(start('bob')),
      no(TOUCHES),
      unreadable(hello('bob')),
      no(TOUCHES),
    ),
    of('the same user again', yes, {}, ok(start('ann')), ok(start('ann')), no(TOUCHES)),
    of(
      'logout makes nobody of her',
      yes,
      {},
      ok(start('ann')),
      ok({ logout: 1, $db: 'other' }),
      no(TOUCHES),
      unreadable(start('bob')),
    ),
    of('a comma and an equals sign in her name', yes, {}, ok(scram('a=2Cn=3Dn')), no(TOUCHES)),
    of('a name beyond ASCII', yes, {}, ok(start('w\u00e9')), no(TOUCHES)),
    of('a payload twice', yes, {}, closes(twice)),
    of(
      'a payload in base64, and another name beside it',
      yes,
      { policies: nobody },
      unreadable({ ...start('bob'), payload: plain('bob').toString('base64'), user: 'ann' }),
      no(TOUCHES, denied),
      unreadable({ ...hello('bob'), speculativeAuthenticate: { ...encoded('bob'), user: 'ann' } }),
      no(TOUCHES, denied),
    ),
    of(
      'a login by name with a payload beside',
      yes,
      {},
      unreadable({ authenticate: 1, user: 'ann', nonce: 'n', key: 'k', payload: plain('bob'), $db: 'shop' }),
    ),
    of(
      'a payload behind 60 KB',
      yes,
      {},
      ok({ saslStart: 1, mechanism: 'PLAIN', junk: 'x'.repeat(60_000), payload: plain('ann'), $db: '$external' }),
      no(TOUCHES),
    ),
    of(
      'a payload behind many documents',
      yes,
      {},
      ok({
        saslStart: 1,
        junk: Array.from({ length: 5000 }, () => ({})),
        mechanism: 'PLAIN',
        payload: plain('ann'),
        $db: '$external',
      }),
      no(TOUCHES),
    ),
    of(
      'a login within hello behind 60 KB',
      spoken,
      {},
      ok(Object.assign({ hello: 1, client: { a: 'x'.repeat(55_000) } }, hello('ann'))), // the command's name stays first
      no(TOUCHES),
    ),
    of('a payload in base64 that hides her name', yes, {}, unreadable({ ...encoded('ann'), $db: '$external' })),
    of('a login of 70 KB', yes, {}, closes({ ...start('ann'), padding: 'x'.repeat(70_000) })),
    of(
      'X.509: the server says who it is',
      (command) => ('authenticate' in command ? { ok: 1, user: 'ann', dbname: '$external' } : undefined),
      {},
      ok({ authenticate: 1, mechanism: 'MONGODB-X509', user: 'bob', $db: '$external' }),
      no(TOUCHES),
    ),
  ],
};
