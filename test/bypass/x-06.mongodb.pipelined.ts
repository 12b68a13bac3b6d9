import { policySet } from '../../src/policy/policy.fixture.ts';
import { type Answers, caseOf, FINE, held, type MongoRow, no, ok, TOUCHES } from './support/mongodb.ts';

const login = (user: string) => ({
  saslStart: 1,
  mechanism: 'PLAIN',
  payload: Buffer.from(`\0${user}\0pw`),
  $db: '$external',
});
const hello = (name: string) => ({
  hello: 1,
  $db: 'admin',
  client: { application: { name }, driver: { name: 'd', version: '1' }, os: { type: 'x' } },
});
const byApplication = policySet([{ action: 'deny', name: 'hands_off', applications: ['till'], targets: ['secret'] }]);
const byUser = policySet([{ action: 'deny', name: 'hands_off', users: ['ann'], targets: ['secret'] }]);
const never: Answers = (command) => ('hello' in command || 'saslStart' in command ? null : undefined);
const failing: Answers = (command) =>
  'saslStart' in command ? { ok: 0, code: 18, codeName: 'AuthenticationFailed' } : undefined;
const scripted = { notReal: 'a scripted login' };

export const row: MongoRow = {
  id: 'X-06',
  title: 'what stands behind a message that changes how it is judged',
  rules: ['R8'],
  cases: [
    caseOf(
      'a hello that names its program',
      { policies: byApplication },
      ok(hello('till')),
      no({ find: 'secret' }),
      ok(FINE),
    ),
    caseOf('a hello of another program', { policies: byApplication }, ok(hello('desk')), ok({ find: 'secret' })),
    caseOf(
      'a hello that is never answered',
      { policies: byApplication, answers: never, ...scripted },
      ok(hello('till'), { replies: 0 }),
      held(TOUCHES),
      held(FINE),
    ),
    caseOf('a login', { policies: byUser, ...scripted }, ok(login('ann')), no(TOUCHES), ok(FINE)),
    caseOf(
      'a login that fails',
      { policies: byUser, answers: failing, ...scripted },
      ok(login('ann')),
      ok(FINE),
      ok({ count: 'secret' }),
    ),
    caseOf(
      'a login that is never answered',
      { policies: byUser, answers: never, ...scripted },
      ok(login('ann'), { replies: 0 }),
      held(TOUCHES),
    ),
    caseOf(
      'two logins in one go, the second of another',
      { policies: byUser, ...scripted },
      ok(login('ann')),
      no(login('bob'), { policy: 'sluice.unreadable' }),
      no(TOUCHES),
    ),
    caseOf(
      'hello, login and a denied one in one go',
      { policies: byUser, ...scripted },
      ok(hello('till')),
      ok(login('ann')),
      no(TOUCHES),
      ok(FINE),
    ),
  ],
};
