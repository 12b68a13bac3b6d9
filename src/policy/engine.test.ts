import { describe, expect, test } from 'vitest';
import { VERDICT_NAMES, VerdictCode } from '../exchange/exchange.ts';
import type { OperationFacts } from '../exchange/operation-facts.ts';
import { compilePolicies } from './engine.ts';
import {
  noJudgement,
  op,
  policySet,
  RecordingObserver,
  sessionOf,
  turnOf,
  VOCABULARY,
  type Wish,
} from './policy.fixture.ts';

const ENV = { protocol: 'test', listener: 'front', workers: 1, now: () => 0 };

/** `allowed p1`, `denied p2`, and what shadow mode said behind a bar. */
function judged(
  wishes: readonly Wish[],
  facts: readonly OperationFacts[],
  { session = sessionOf(), unparsed = 'deny' as 'deny' | 'allow', vocabulary = VOCABULARY } = {},
): string {
  const engine = compilePolicies(policySet(wishes, unparsed), vocabulary, ENV);
  const judgement = noJudgement();
  const turn = turnOf(facts, session);
  const denial = engine.ask(engine.standing(session), turn, session, judgement, new RecordingObserver(), 0, true);
  expect(denial !== null).toBe(judgement.verdict === VerdictCode.denied);
  expect(denial?.policy ?? '').toBe(denial === null ? '' : judgement.policy);
  const said = [`${VERDICT_NAMES[judgement.verdict]} ${judgement.policy}`.trim()];
  if (judgement.shadowVerdict !== VerdictCode.none)
    said.push(`${VERDICT_NAMES[judgement.shadowVerdict]} ${judgement.shadowPolicy}`.trim());
  return said.join(' | ');
}

const deny = (wish: Partial<Wish> = {}): Wish => ({ ...wish, action: 'deny' });
const allow = (wish: Partial<Wish> = {}): Wish => ({ ...wish, action: 'allow' });

const unresolved = op('DO', [], { unresolved: 'runs text' });
const SELECT_PAY = op('SELECT', ['select pay']);

const cases: [name: string, policies: Wish[], facts: OperationFacts[], said: string][] = [
  ['nobody has said anything', [], [SELECT_PAY], ''],
  ['a deny of everything', [deny()], [SELECT_PAY], 'denied p1'],
  ['a deny of another table', [deny({ targets: ['log'] })], [SELECT_PAY], 'allowed'],
  ['a deny of the table', [deny({ targets: ['pay'] })], [SELECT_PAY], 'denied p1'],
  [
    'of two denies the first is named',
    [deny({ targets: ['p*'] }), deny({ targets: ['pay'] })],
    [SELECT_PAY],
    'denied p1',
  ],
  ['one of several accesses', [deny({ targets: ['pay'] })], [op('SELECT', ['select log', 'select pay'])], 'denied p1'],
  ['one of several operations', [deny({ targets: ['pay'] })], [op('SELECT', ['select log']), SELECT_PAY], 'denied p1'],
  ['a deny wins over an allow before it', [allow(), deny({ targets: ['pay'] })], [SELECT_PAY], 'denied p2'],
  // schemas
  ['a schema that is not said may be that one', [deny({ targets: ['hr.pay'] })], [SELECT_PAY], 'denied p1'],
  ['another schema', [deny({ targets: ['hr.pay'] })], [op('SELECT', ['select it.pay'])], 'allowed'],
  ['a name in any schema', [deny({ targets: ['pay'] })], [op('SELECT', ['select it.pay'])], 'denied p1'],
  ['all of a schema', [deny({ targets: ['hr.pay'] })], [op('DELETE', ['delete table hr.'])], 'denied p1'],
  ['all of another schema', [deny({ targets: ['hr.pay'] })], [op('DELETE', ['delete table it.'])], 'allowed'],
  [
    'an allow with a schema, where none is said',
    [allow({ targets: ['hr.pay'] })],
    [SELECT_PAY],
    'denied sluice.not_allowed',
  ],
  ['an allow with the schema', [allow({ targets: ['hr.pay'] })], [op('SELECT', ['select hr.pay'])], 'allowed p1'],
  ['an allow of any schema', [allow({ targets: ['pay'] })], [op('SELECT', ['select it.pay'])], 'allowed p1'],
  [
    'all of a schema, where one table is allowed',
    [allow({ targets: ['hr.p*'] })],
    [op('DELETE', ['delete table hr.'])],
    'denied sluice.not_allowed',
  ],
  [
    'all of a schema that is allowed',
    [allow({ targets: ['hr.*'] })],
    [op('DELETE', ['delete table hr.'])],
    'allowed p1',
  ],
  [
    'a name that is a star is one name',
    [allow({ targets: ['hr.\\*'] })],
    [op('DELETE', ['delete hr.*'])],
    'allowed p1',
  ],
  // all names that begin so
  [
    'an open name, of which one is denied',
    [deny({ targets: ['pay_old'] })],
    [op('SELECT', ['select pay…'])],
    'denied p1',
  ],
  ['an open name, of which none is denied', [deny({ targets: ['log*'] })], [op('SELECT', ['select pay…'])], 'allowed'],
  [
    'an open name, of which only some are allowed',
    [allow({ targets: ['pay_*'] })],
    [op('SELECT', ['select pay…'])],
    'denied sluice.not_allowed',
  ],
  [
    'an open name, of which only itself is allowed',
    [allow({ targets: ['pay'] })],
    [op('SELECT', ['select pay…'])],
    'denied sluice.not_allowed',
  ],
  [
    'an open name, of which all are allowed',
    [allow({ targets: ['pa*'] })],
    [op('SELECT', ['select pay…'])],
    'allowed p1',
  ],
  // types
  ['a type', [deny({ targets: ['function=sleep'] })], [op('SELECT', ['call function sleep'])], 'denied p1'],
  ['a table of that name', [deny({ targets: ['function=sleep'] })], [op('SELECT', ['select table sleep'])], 'allowed'],
  ['no resource is none of them', [deny({ targets: ['p*'] })], [op('CONFIG SET', ['admin'])], 'allowed'],
  [
    'no resource, where a table is allowed',
    [allow({ targets: ['p*'] })],
    [op('CONFIG SET', ['admin'])],
    'denied sluice.not_allowed',
  ],
  ['no resource, where any is allowed', [allow({ targets: ['*'] })], [op('CONFIG SET', ['admin'])], 'allowed p1'],
  // operations
  ['a verb', [deny({ operations: ['delete'] })], [op('SELECT', ['select a', 'delete b'])], 'denied p1'],
  ['a verb in capitals', [deny({ operations: ['DELETE'] })], [op('SELECT', ['delete b'])], 'denied p1'],
  ['an operation', [deny({ operations: ['config set'] })], [op('CONFIG SET', ['admin'])], 'denied p1'],
  [
    'a letter that only looks like one',
    [deny({ operations: ['config set'] })],
    [op('CONF\u0130G SET', ['admin'])],
    'allowed',
  ],
  [
    'verb and target must meet in one access',
    [deny({ operations: ['delete'], targets: ['pay'] })],
    [op('SELECT', ['delete log', 'select pay'])],
    'allowed',
  ],
  [
    'an allowed verb is not the operation of that name',
    [allow({ operations: ['select'] })],
    [op('SELECT', ['select a', 'delete b'])],
    'denied sluice.not_allowed',
  ],
  [
    'an allowed operation is all that it does',
    [allow({ operations: ['truncate'] })],
    [op('TRUNCATE', ['delete b'])],
    'allowed p1',
  ],
  [
    'an allowed operation on its targets',
    [allow({ operations: ['truncate'], targets: ['a'] })],
    [op('TRUNCATE', ['delete b'])],
    'denied sluice.not_allowed',
  ],
  ['a denied verb is the operation of that name too', [deny({ operations: ['select'] })], [op('SELECT')], 'denied p1'],
  // allow lists
  [
    'each access by another policy',
    [allow({ targets: ['a'] }), allow({ targets: ['b'] })],
    [op('SELECT', ['select b', 'select a'])],
    'allowed p2',
  ],
  [
    'one access by none',
    [allow({ targets: ['a'] })],
    [op('SELECT', ['select a', 'select b'])],
    'denied sluice.not_allowed',
  ],
  [
    'one operation by none',
    [allow({ targets: ['a'] })],
    [op('SELECT', ['select a']), op('SELECT', ['select b'])],
    'denied sluice.not_allowed',
  ],
  ['nothing at all is done', [allow({ targets: ['a'] })], [op('SELECT')], 'allowed'],
  ['nothing at all is done, where everything is denied', [deny()], [op('SELECT')], 'denied p1'],
  ['nothing at all is done, where a table is denied', [deny({ targets: ['a'] })], [op('SELECT')], 'allowed'],
  ['what every session needs', [allow({ targets: ['a'] })], [op('BEGIN', ['transaction'])], 'allowed'],
  ['what every session needs, where everything is denied', [deny()], [op('BEGIN', ['transaction'])], 'allowed'],
  [
    'what every session needs, denied by its verb',
    [deny({ operations: ['transaction'] })],
    [op('BEGIN', ['transaction'])],
    'denied p1',
  ],
  [
    'what every session needs, denied by its operation',
    [deny({ operations: ['begin'] })],
    [op('BEGIN', ['transaction'])],
    'denied p1',
  ],
  // subjects
  ['another user', [deny({ users: ['bob'] })], [SELECT_PAY], 'allowed'],
  ['the user', [deny({ users: ['bob', 'an*'] })], [SELECT_PAY], 'denied p1'],
  ['user and database', [deny({ users: ['ann'], databases: ['other'] })], [SELECT_PAY], 'allowed'],
  ['application and driver', [deny({ applications: ['w*'], drivers: ['pg'] })], [SELECT_PAY], 'denied p1'],
  ['a client of the range', [deny({ clients: ['192.168.0.0/16', '10.0.0.0/8'] })], [SELECT_PAY], 'denied p1'],
  ['a client of another range', [deny({ clients: ['192.168.0.0/16'] })], [SELECT_PAY], 'allowed'],
  [
    'an allow for another user is a list for this one',
    [allow({ users: ['bob'] })],
    [SELECT_PAY],
    'denied sluice.not_allowed',
  ],
  // unresolved
  ['unresolved, nothing is enforced', [deny({ mode: 'shadow' })], [unresolved], ' | denied p1'],
  [
    'unresolved, a deny of somebody else',
    [deny({ users: ['bob'], targets: ['a'] })],
    [unresolved],
    'denied sluice.unresolved',
  ],
  ['unresolved may touch any table', [deny({ operations: ['delete'], targets: ['a'] })], [unresolved], 'denied p1'],
  ['unresolved, allowed by its name', [allow({ targets: ['$unresolved'] })], [unresolved], 'allowed p1'],
  ['unresolved, everything is allowed but it', [allow()], [unresolved], 'denied sluice.unresolved'],
  ['unresolved, any target is allowed but it', [allow({ targets: ['*'] })], [unresolved], 'denied sluice.unresolved'],
  [
    'unresolved, allowed of another operation',
    [allow({ operations: ['begin'], targets: ['$unresolved'] })],
    [unresolved],
    'denied sluice.unresolved',
  ],
  [
    'unresolved, allowed of its operation',
    [allow({ operations: ['do'], targets: ['$unresolved'] })],
    [unresolved],
    'allowed p1',
  ],
  [
    'unresolved, what is known of it is not allowed',
    [allow({ targets: ['$unresolved'] })],
    [op('DO', ['select a'], { unresolved: 'x' })],
    'denied sluice.not_allowed',
  ],
  [
    'unresolved, all of it is allowed',
    [allow({ targets: ['$unresolved', 'a'] })],
    [op('DO', ['select a'], { unresolved: 'x' })],
    'allowed p1',
  ],
  ['unresolved denied by name', [deny({ targets: ['$unresolved'] })], [unresolved], 'denied p1'],
  ['unresolved denied by name, of something known', [deny({ targets: ['$unresolved'] })], [SELECT_PAY], 'allowed'],
  [
    'unresolved denied by name, of another operation',
    [deny({ operations: ['begin'], targets: ['$unresolved'] })],
    [unresolved],
    'denied sluice.unresolved',
  ],
  ['nothing is told of the message', [deny({ targets: ['a'] })], [], 'denied p1'],
  // guarded
  [
    'a guarded verb, under a deny of something else',
    [deny({ targets: ['a'] })],
    [op('SELECT', ['code'])],
    'denied sluice.not_allowed',
  ],
  ['a guarded verb, where everything is allowed', [allow()], [op('SELECT', ['code'])], 'denied sluice.not_allowed'],
  ['a guarded verb that is named', [allow({ operations: ['code'] })], [op('SELECT', ['code'])], 'allowed p1'],
  [
    'a guarded verb of an allowed operation',
    [allow({ operations: ['do'] })],
    [op('DO', ['code'])],
    'denied sluice.not_allowed',
  ],
  // shadow
  ['shadow mode is told of, and nothing else', [deny({ mode: 'shadow' })], [SELECT_PAY], ' | denied p1'],
  ['both modes', [deny({ targets: ['x'] }), deny({ mode: 'shadow' })], [SELECT_PAY], 'allowed | denied p2'],
  [
    'an allow in shadow mode makes a list in shadow mode',
    [allow({ mode: 'shadow', targets: ['a'] })],
    [SELECT_PAY],
    ' | denied sluice.not_allowed',
  ],
  [
    'a deny in shadow mode hides no enforced one',
    [deny({ mode: 'shadow' }), deny()],
    [SELECT_PAY],
    'denied p2 | denied p1',
  ],
  // conditions
  [
    'a condition that holds',
    [deny({ when: '!has_where' })],
    [op('DELETE', ['delete a'], { hasWhere: false })],
    'denied p1',
  ],
  ['a condition that does not', [deny({ when: '!has_where' })], [op('DELETE', ['delete a'])], 'allowed'],
  ['a deny whose condition cannot be evaluated', [deny({ when: 'targets[9] == ""' })], [SELECT_PAY], 'denied p1'],
  [
    'an allow whose condition cannot be evaluated',
    [allow({ when: 'targets[9] == ""' })],
    [SELECT_PAY],
    'denied sluice.not_allowed',
  ],
  [
    'a condition is about one operation of the message',
    [deny({ when: 'limit > 10' })],
    [op('SELECT', [], { limit: 5 }), op('SELECT', [], { limit: 50 })],
    'denied p1',
  ],
];
describe('verdicts', () => {
  for (const [name, wishes, facts, said] of cases) test(name, () => expect(judged(wishes, facts)).toBe(said));
});

describe('unparsed: allow', () => {
  const told: [name: string, policies: Wish[], facts: OperationFacts[], said: string][] = [
    [
      'what is known of it is still judged',
      [allow({ targets: ['b'] })],
      [op('DO', ['select a'], { unresolved: 'x' })],
      'denied sluice.not_allowed',
    ],
    ['it passes a list', [allow({ targets: ['b'] })], [unresolved], 'allowed'],
    ['but no deny of a target: it may be that one', [deny({ targets: ['b'] })], [unresolved], 'denied p1'],
    ['a deny of another operation lets it pass', [deny({ operations: ['begin'] })], [unresolved], 'allowed'],
  ];
  for (const [name, wishes, facts, said] of told)
    test(name, () => expect(judged(wishes, facts, { unparsed: 'allow' })).toBe(said));
});

test('names of who is asking are bytes: two that are no text are never one that is allowed', () => {
  const who = (user: string) =>
    judged([allow({ users: ['caf\ufffd'] })], [SELECT_PAY], { session: sessionOf({ user }) });
  expect(who('caf\ufffd')).toBe('denied sluice.not_allowed');
  expect(judged([allow({ users: ['café'] })], [SELECT_PAY], { session: sessionOf({ user: 'café' }) })).toBe(
    'allowed p1',
  );
  expect(judged([deny({ users: ['caf*'] })], [SELECT_PAY], { session: sessionOf({ user: 'caf\ufffd' }) })).toBe(
    'denied p1',
  );
});

test('a server that may fold names: denies match without regard to case, allows do not', () => {
  const vocabulary = { ...VOCABULARY, foldsDenied: true };
  const facts = [op('SELECT', ['select hr.Pay'])];
  expect(judged([deny({ targets: ['hr.pay'] })], facts, { vocabulary })).toBe('denied p1');
  expect(judged([allow({ targets: ['hr.pay'] })], facts, { vocabulary })).toBe('denied sluice.not_allowed');
  expect(judged([deny({ targets: ['hr.pay'] })], facts)).toBe('allowed');
});

test('what the client is told', () => {
  const why = (wish: Wish, facts: OperationFacts) => {
    const engine = compilePolicies(policySet([wish]), VOCABULARY, ENV);
    const session = sessionOf();
    return engine.ask(
      engine.standing(session),
      turnOf([facts]),
      session,
      noJudgement(),
      new RecordingObserver(),
      0,
      true,
    );
  };
  expect(why(deny(), SELECT_PAY)).toMatchObject({ message: 'this operation is denied by policy', kind: 'policy' });
  expect(why(deny({ message: 'ask Eve' }), SELECT_PAY)).toMatchObject({ message: 'ask Eve', closes: false });
  expect(why(deny({ targets: ['pay'] }), SELECT_PAY)?.access).toEqual(SELECT_PAY.accesses[0]);
  expect(why(allow({ targets: ['x'] }), op('SELECT', ['select hr.pay']))).toMatchObject({
    message: 'no policy allows select on hr.pay',
    access: { name: 'pay' },
  });
  expect(why(allow({ targets: ['x'] }), op('DELETE', ['delete table hr.']))?.message).toBe(
    'no policy allows delete on all of hr',
  );
  expect(why(allow({ targets: ['x'] }), op('SELECT', ['admin']))?.message).toBe('no policy allows admin');
  const unknown = op('DO', ['select log'], { unresolved: 'does not parse' });
  expect(why(deny({ targets: ['pay'], message: 'hands off' }), unknown)).toMatchObject({
    policy: 'p1',
    message: 'denied by policy: what this operation does cannot be known (does not parse)',
    access: null,
  });
  expect(why(deny({ targets: ['log'], message: 'hands off' }), unknown)?.message).toBe('hands off');
  expect(why(deny({ targets: ['$unresolved'], message: 'no code' }), unknown)?.message).toBe('no code');
  expect(why(deny({ message: 'nothing' }), unknown)?.message).toBe('nothing');
  const odd = op('SELECT', [`select a\r\n\u0000${'x'.repeat(500)}`]);
  expect(why(allow({ targets: ['x'] }), odd)?.message).toMatch(/^no policy allows select on a\?\?\?x+…$/);
});

describe('memory', () => {
  const engineOf = (wishes: Wish[]) => compilePolicies(policySet(wishes), VOCABULARY, ENV);

  test('sessions with the same policies share it', () => {
    const engine = engineOf([deny({ users: ['bob'] }), deny({ users: ['b*'] })]);
    expect(engine.standing(sessionOf({ user: 'ann' }))).toBe(engine.standing(sessionOf({ user: 'amy' })));
    expect(engine.standing(sessionOf({ user: 'bob' }))).not.toBe(engine.standing(sessionOf({ user: 'ben' })));
  });

  test('where a condition looks at the session, nobody shares it', () => {
    const engine = engineOf([deny({ when: 'user == "bob"' })]);
    expect(engine.standing(sessionOf())).not.toBe(engine.standing(sessionOf()));
  });

  test('what depends on the time is asked each time', () => {
    let now = Date.UTC(2026, 0, 1, 3);
    const night = policySet([deny({ when: 'hour < 6' })]);
    const engine = compilePolicies(night, VOCABULARY, { ...ENV, now: () => now });
    const session = sessionOf();
    const standing = engine.standing(session);
    const ask = () =>
      engine.ask(standing, turnOf([SELECT_PAY]), session, noJudgement(), new RecordingObserver(), 0, true);
    expect(ask()).not.toBeNull();
    now = Date.UTC(2026, 0, 1, 7);
    expect(ask()).toBeNull();
  });

  test('operations that never come again do not fill it', () => {
    const engine = engineOf([deny({ targets: ['pay'] })]);
    const session = sessionOf();
    const standing = engine.standing(session);
    for (let i = 0; i < 3000; i++) {
      const facts = i % 2 === 0 ? op('SELECT', ['select pay']) : op('SELECT', ['select log']);
      const denial = engine.ask(standing, turnOf([facts]), session, noJudgement(), new RecordingObserver(), 0, true);
      expect(denial !== null).toBe(i % 2 === 0);
    }
  });
});

test('what cannot be refused on this connection is told of in shadow mode', () => {
  const engine = compilePolicies(policySet([deny()]), VOCABULARY, ENV);
  const session = sessionOf();
  const judgement = noJudgement();
  const asked = turnOf([SELECT_PAY]);
  expect(engine.ask(engine.standing(session), asked, session, judgement, new RecordingObserver(), 0, false)).toBeNull();
  expect(judgement).toMatchObject({ verdict: VerdictCode.none, shadowVerdict: VerdictCode.denied, shadowPolicy: 'p1' });
});

test('what it is', () => {
  const is = (wishes: Wish[]) => {
    const { enforces, cuts, enforced, shadow } = compilePolicies(policySet(wishes), VOCABULARY, ENV);
    return { enforces, cuts, enforced, shadow };
  };
  expect(is([deny({ mode: 'shadow' })])).toEqual({ enforces: false, cuts: false, enforced: 0, shadow: 1 });
  expect(is([deny(), deny({ mode: 'shadow' })])).toEqual({ enforces: true, cuts: false, enforced: 1, shadow: 1 });
  expect(is([{ action: 'limit', limit: { rows: 1 } }])).toMatchObject({ enforces: true, cuts: true });
  expect(is([{ action: 'limit', mode: 'shadow', limit: { rows: 1 } }])).toMatchObject({ enforces: false, cuts: false });
  expect(is([{ action: 'limit', limit: { concurrent: 1 } }])).toMatchObject({ enforces: true, cuts: false });
  expect(is([{ action: 'limit', limit: { idleInTransactionMs: 1 } }])).toMatchObject({ enforces: false, cuts: false });
});

test('versions grow', () => {
  const first = compilePolicies(policySet([deny()]), VOCABULARY, ENV);
  expect(compilePolicies(policySet([deny()]), VOCABULARY, ENV, first).version).toBe(first.version + 1);
});
