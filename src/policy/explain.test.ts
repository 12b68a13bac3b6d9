import { describe, expect, test } from 'vitest';
import { explain } from './explain.ts';
import { policySet, VOCABULARY, type Wish } from './policy.fixture.ts';

const limit = (bounds: Wish['limit']): Wish => ({ action: 'limit', ...(bounds ? { limit: bounds } : {}) });

/** `field[item]:column text` */
const told = (wishes: readonly Wish[]): string[] =>
  explain(policySet(wishes), VOCABULARY, 'test').map(
    ({ policy, field, item, column, text, kind }) =>
      `${policy} ${field}${item < 0 ? '' : `[${item}]`}${column > 0 ? `:${column}` : ''} ${text}${kind === 'error' ? '' : ` (${kind})`}`,
  );

const faults: [name: string, policies: Wish[], faults: string[]][] = [
  [
    'nothing',
    [
      {
        action: 'deny',
        users: ['a*'],
        clients: ['10.0.0.0/8', '::1'],
        operations: ['SELECT', 'delete'],
        targets: ['hr.*', '$unresolved'],
        when: 'limit > 3',
      },
    ],
    [],
  ],
  ['an empty name', [{ action: 'deny', users: ['a', ''] }], ['0 users[1] "" is empty: write "*" for anybody']],
  ['a lone backslash', [{ action: 'deny', applications: ['a\\'] }], ['0 applications[0] "a\\\\" ends with a lone \\']],
  [
    'no address',
    [{ action: 'deny', clients: ['localhost'] }],
    ['0 clients[0] "localhost" is no address or range: write 10.0.0.0/8, 2001:db8::/32 or one address'],
  ],
  [
    'a prefix too long',
    [{ action: 'deny', clients: ['10.0.0.0/33'] }],
    ['0 clients[0] "10.0.0.0/33" has no prefix length from 0 to 32 behind the /'],
  ],
  [
    'a prefix too short',
    [{ action: 'deny', clients: ['10.0.0.1/8'] }],
    ['0 clients[0] "10.0.0.1/8" has bits behind its prefix: /8 does not reach to the end of 10.0.0.1'],
  ],
  [
    'a verb misspelled',
    [{ action: 'deny', operations: ['slect'] }],
    ['0 operations[0] "slect" is no verb or operation of test; did you mean "select"?'],
  ],
  [
    'an operation misspelled',
    [{ action: 'deny', operations: ['config sets'] }],
    ['0 operations[0] "config sets" is no verb or operation of test; did you mean "CONFIG SET"?'],
  ],
  [
    'no verb at all',
    [{ action: 'deny', operations: ['produce'] }],
    [
      '0 operations[0] "produce" is no verb or operation of test; verbs are select, insert, delete, call, admin, code, session, transaction',
    ],
  ],
  [
    'a target that can match nothing',
    [{ action: 'deny', targets: ['ok', 'Pay'] }],
    ['0 targets[1] "Pay" can match nothing: names are lower case'],
  ],
  [
    'unresolved misspelled',
    [{ action: 'deny', targets: ['$unresolve'] }],
    ['0 targets[0] "$unresolve" can match nothing; did you mean "$unresolved"?'],
  ],
  [
    'unresolved beside verbs',
    [{ action: 'allow', operations: ['select'], targets: ['hr.*', '$unresolved'] }],
    ['0 targets[1] "$unresolved" cannot be allowed to verbs, for nobody knows what it does: name operations, or none'],
  ],
  ['unresolved beside operations', [{ action: 'allow', operations: ['DO', 'select'], targets: ['$unresolved'] }], []],
  ['an empty target', [{ action: 'deny', targets: [''] }], ['0 targets[0] "" is empty: write "*" for any']],
  ['a condition', [{ action: 'deny', when: 'true && usr == ""' }], ['0 when:9 Unknown variable: usr']],
  [
    'several',
    [
      { action: 'deny', users: [''], when: '1' },
      { action: 'deny', targets: ['A'] },
    ],
    [
      '0 users[0] "" is empty: write "*" for anybody',
      '0 when:1 is int, and must be bool',
      '1 targets[0] "A" can match nothing: names are lower case',
    ],
  ],
  ['a limit of a deny', [{ action: 'deny', limit: { rows: 1 } }], ['0 limit is of action limit, and this is deny']],
  [
    'a limit without one',
    [limit(undefined)],
    ['0 limit limits nothing: give it rate, concurrent, rows, bytes or idle_in_transaction'],
  ],
  [
    'an empty limit',
    [limit({})],
    ['0 limit limits nothing: give it rate, concurrent, rows, bytes or idle_in_transaction'],
  ],
  [
    'a rate of nothing',
    [limit({ rate: { count: 0, perMs: 1000, burst: 1 } })],
    ['0 limit.rate must let at least one operation pass'],
  ],
  [
    'an idle limit of operations',
    [{ ...limit({ idleInTransactionMs: 1 }), operations: ['select'] }],
    ['0 operations means nothing to idle_in_transaction, which is about connections and not about operations'],
  ],
  [
    'an idle limit with others, of operations',
    [{ ...limit({ idleInTransactionMs: 1, rows: 5 }), operations: ['select'] }],
    [],
  ],
  [
    'rows of whom',
    [limit({ rows: 5, per: 'digest' })],
    ['0 limit.per means nothing where neither rate nor concurrent is limited'],
  ],
];
for (const [name, wishes, expected] of faults) test(`fault: ${name}`, () => expect(told(wishes)).toEqual(expected));

const d = (wish: Partial<Wish> = {}): Wish => ({ ...wish, action: 'deny' });
const a = (wish: Partial<Wish> = {}): Wish => ({ ...wish, action: 'allow' });
const reach: [name: string, policies: Wish[], unreachable: number[]][] = [
  ['a deny behind a wider one', [d({ targets: ['hr.*'] }), d({ targets: ['hr.pay'] })], [1]],
  ['a deny before a wider one', [d({ targets: ['hr.pay'] }), d({ targets: ['hr.*'] })], []],
  ['the wider one has a condition', [d({ targets: ['hr.*'], when: 'limit > 1' }), d({ targets: ['hr.pay'] })], []],
  ['the narrower one has a condition', [d({ targets: ['hr.*'] }), d({ targets: ['hr.pay'], when: 'limit > 1' })], [1]],
  ['the wider one is of other users', [d({ users: ['a*'] }), d({ users: ['bob'] })], []],
  ['the wider one is of more users', [d({ users: ['a*'] }), d({ users: ['ann', 'amy'] })], [1]],
  ['the wider one is of some users', [d({ users: ['ann'] }), d()], []],
  ['ranges', [d({ clients: ['10.0.0.0/8'] }), d({ clients: ['10.1.0.0/16'] })], [1]],
  ['other ranges', [d({ clients: ['10.1.0.0/16'] }), d({ clients: ['10.0.0.0/8'] })], []],
  ['operations', [d({ operations: ['select', 'delete'] }), d({ operations: ['DELETE'] })], [1]],
  ['other operations', [d({ operations: ['select'] }), d({ operations: ['select', 'delete'] })], []],
  ['targets of another type', [d({ targets: ['function=*'] }), d({ targets: ['sleep'] })], []],
  ['any type', [d({ targets: ['s*'] }), d({ targets: ['function=sleep'] })], [1]],
  ['unresolved is part of each deny of targets', [d({ targets: ['pay'] }), d({ targets: ['$unresolved'] })], [1]],
  ['another mode', [d({ mode: 'shadow' }), d({ targets: ['pay'] })], []],
  ['an allow that is denied', [a({ users: ['ann'], targets: ['pay'] }), d({ users: ['an*'] })], [0]],
  ['an allow of which a part is denied', [a({ targets: ['hr.*'] }), d({ targets: ['hr.pay'] })], []],
  ['what every session needs is denied by name behind a deny of all', [d(), d({ operations: ['transaction'] })], []],
  ['the same again', [a({ targets: ['pay'] }), a({ targets: ['pay'], name: 'other', message: 'x' })], [1]],
  ['allows may overlap', [a({ targets: ['hr.*'] }), a({ targets: ['hr.pay'] })], []],
  ['the same limit again', [limit({ rows: 1 }), limit({ rows: 1 })], [1]],
  ['two limits', [limit({ rows: 1 }), limit({ bytes: 1 })], []],
];
describe('unreachable', () => {
  for (const [name, wishes, unreachable] of reach)
    test(name, () => {
      const found = explain(policySet(wishes), VOCABULARY, 'test');
      expect(found.filter(({ kind }) => kind === 'unreachable').map(({ policy }) => policy)).toEqual(unreachable);
      expect(found.filter(({ kind }) => kind === 'error')).toEqual([]);
    });

  test('which one hides it is told', () => {
    expect(told([d({ name: 'all' }), d({ targets: ['pay'] })])).toEqual([
      '1  is never reached: all of it is denied by "all" before it (unreachable)',
    ]);
    expect(told([a({ targets: ['pay'] }), d({ name: 'all' })])).toEqual([
      '0  allows nothing: all of it is denied by "all" (unreachable)',
    ]);
    expect(told([d(), d({ name: 'twice' })])).toEqual(['1  says the same as "p1" before it (unreachable)']);
  });
});
