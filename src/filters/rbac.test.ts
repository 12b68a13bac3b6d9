import { describe, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import { Exchange, VERDICT_NAMES, VerdictCode } from '../exchange/exchange.ts';
import type { Access, OperationFacts } from '../exchange/operation-facts.ts';
import type { Judgement, Turn } from '../exchange/protocol-filter.ts';
import { SessionFacts } from '../exchange/session-facts.ts';
import type { NetworkFilter } from '../net/filter.ts';
import type { RbacConfig, Rule, RuleSet } from '../policy/rbac/rbac-config.ts';
import { rbac } from './rbac.ts';

// The link alone, asked about turns. Before a real server: test/integration/rbac-postgres.test.ts.

const ANY: Rule = { is: 'any' };
const touches = (table: string): Rule => ({
  is: 'metadata',
  match: {
    namespace: 'sluice.operation',
    path: ['targets'],
    value: { is: 'list', oneOf: { is: 'string', match: { is: 'exact', text: table, ignoreCase: false } } },
    invert: false,
  },
});
const asksUnresolved: Rule = {
  is: 'metadata',
  match: {
    namespace: 'sluice.operation',
    path: ['unresolved'],
    value: { is: 'string', match: { is: 'exact', text: 'never', ignoreCase: false } },
    invert: false,
  },
};
const rules = (action: 'ALLOW' | 'DENY' | 'LOG', ...named: [string, Rule][]): RuleSet => ({
  kind: 'rules',
  action,
  policies: named.map(([name, permission]) => ({
    name,
    permissions: [permission],
    principals: [ANY],
    condition: null,
  })),
});
const configOf = (wishes: Partial<RbacConfig>): RbacConfig => ({
  stat_prefix: 'r',
  shadow_rules_stat_prefix: '',
  enforcement_type: 'CONTINUOUS',
  delay_deny: 0,
  enforced: null,
  shadow: null,
  ...wishes,
});

const facts = (
  operation: string,
  accesses: readonly (readonly [string, string])[],
  unresolved = '',
): OperationFacts => ({
  operation,
  accesses: accesses.map(([verb, name]): Access => ({ verb, type: name === '' ? '' : 'table', schema: '', name })),
  unresolved,
  hasWhere: true,
  limit: -1,
  stages: [],
  categories: [],
});
const orders = facts('SELECT', [['select', 'orders']]);
const secret = facts('SELECT', [['select', 'secret']]);
const joined = facts('SELECT', [
  ['select', 'orders'],
  ['select', 'secret'],
]);
const begin = facts('BEGIN', [['transaction', '']]);
const nothing = facts('SELECT', []);
const opaque = facts('DO', [], 'runs text');
const program = facts('COPY', [
  ['select', 'orders'],
  ['program', ''],
]);

/** A link of a live connection, and what it is asked with. */
async function linkOf(config: RbacConfig) {
  let link: NetworkFilter | null = null;
  let update: ((next: RbacConfig | null) => boolean) | null = null;
  const simulated = await SimulatedPlane.start({
    link: (_config, { clock, stats }) => {
      const build = rbac(config, { clock, stats, protocol: postgres });
      update = (next) => build.update!(next as unknown as Record<string, unknown> | null);
      return (callbacks) => {
        link = build(callbacks);
        return link;
      };
    },
  });
  const { client } = simulated.pair();
  const session = new SessionFacts(1, 'postgres', 'l', '10.0.0.1:1', '10.0.0.2:2', 0);
  const ask = (...operations: OperationFacts[]) => {
    const judgement: Judgement = {
      verdict: 0,
      policy: '',
      shadowVerdict: 0,
      shadowPolicy: '',
      policySnapshot: '',
      maxRows: 0,
      maxReplyBytes: 0,
    };
    const x = new Exchange();
    x.session = session;
    const turn: Turn = { from: 0, to: 1, complete: true, ops: [x], facts: operations };
    const verdict = link!.onTurn!(turn, session, judgement);
    return { verdict, judgement };
  };
  return {
    simulated,
    client,
    ask,
    session,
    link: link! as NetworkFilter,
    update: update! as (next: RbacConfig | null) => boolean,
  };
}

describe('one message', () => {
  const deny = configOf({ enforced: rules('DENY', ['d', touches('secret')]) });
  const allow = configOf({ enforced: rules('ALLOW', ['a', touches('orders')]) });
  const told = configOf({ enforced: rules('DENY', ['d', touches('secret')], ['e', asksUnresolved]) });
  const log = configOf({ enforced: rules('LOG', ['l', touches('secret')]) });
  const CASES: readonly (readonly [string, RbacConfig, readonly OperationFacts[], string, string])[] = [
    ['not denied', deny, [orders], 'allow', ''],
    ['denied', deny, [secret], 'deny', 'd'],
    ['denied for one of its tables', deny, [joined], 'deny', 'd'],
    ['denied for one of its operations', deny, [orders, secret, orders], 'deny', 'd'],
    ['nobody knows what it does', deny, [opaque], 'deny', 'sluice.unresolved'],
    ['it does more than its tables tell', deny, [program], 'deny', 'sluice.unresolved'],
    ['nobody knows, and a rule has looked', told, [opaque], 'allow', ''],
    ['a transaction', deny, [begin], 'allow', ''],
    ['allowed', allow, [orders], 'allow', 'a'],
    ['not allowed', allow, [secret], 'deny', 'sluice.not_allowed'],
    ['one operation does not allow the next', allow, [orders, secret], 'deny', 'sluice.not_allowed'],
    ['allowed by one of its tables, as in Envoy', allow, [joined], 'allow', 'a'],
    ['a transaction has no table', allow, [begin], 'allow', ''],
    ['nothing is touched', allow, [nothing], 'allow', ''],
    ['nobody knows, where a list allows', allow, [opaque], 'deny', 'sluice.unresolved'],
    ['logging denies nothing', log, [opaque, secret], 'allow', ''],
  ];
  for (const [name, config, operations, verdict, policy] of CASES)
    test(name, async () => {
      const { ask, link } = await linkOf(config);
      const seen = ask(...operations);
      expect([seen.verdict, seen.judgement.policy]).toEqual([verdict, policy]);
      expect(VERDICT_NAMES[seen.judgement.verdict]).toBe(verdict === 'deny' ? 'denied' : 'allowed');
      if (verdict === 'deny')
        expect(link.denial).toEqual({
          policy,
          message: expect.stringMatching(/^denied by policy/) as string,
          kind: 'policy',
          closes: true,
        });
    });

  test('shadow rules tell, and deny nothing', async () => {
    const { ask, simulated } = await linkOf(configOf({ shadow: rules('DENY', ['s', touches('secret')]) }));
    expect(ask(orders).judgement).toMatchObject({
      verdict: VerdictCode.none,
      shadowVerdict: VerdictCode.allowed,
      shadowPolicy: '',
    });
    expect(ask(secret)).toMatchObject({
      verdict: 'allow',
      judgement: { verdict: VerdictCode.none, shadowVerdict: VerdictCode.denied, shadowPolicy: 's' },
    });
    expect(ask(opaque).judgement).toMatchObject({
      shadowVerdict: VerdictCode.denied,
      shadowPolicy: 'sluice.unresolved',
    });
    expect([simulated.stat('r.rbac.shadow_allowed'), simulated.stat('r.rbac.shadow_denied')]).toEqual([1, 2]);
  });

  test('one evaluation a message, in the counters', async () => {
    const { ask, simulated } = await linkOf(deny);
    for (const one of [orders, orders, secret]) ask(one, orders);
    expect([simulated.stat('r.rbac.allowed'), simulated.stat('r.rbac.denied')]).toEqual([2, 1]);
  });
});

describe('what is remembered', () => {
  const ofUser: Rule = {
    is: 'metadata',
    match: {
      namespace: 'sluice.operation',
      path: ['user'],
      value: { is: 'string', match: { is: 'exact', text: 'ann', ignoreCase: false } },
      invert: false,
    },
  };
  test('is of one user: another is judged anew', async () => {
    const { ask, session } = await linkOf(configOf({ enforced: rules('DENY', ['u', ofUser]) }));
    for (const [user, verdict] of [
      ['ann', 'deny'],
      ['ben', 'allow'],
      ['ben', 'allow'],
      ['ann', 'deny'],
    ] as const) {
      session.user = user;
      expect(ask(orders).verdict).toBe(verdict);
    }
  });
  test('more operations than there are places', async () => {
    const { ask } = await linkOf(configOf({ enforced: rules('DENY', ['d', touches('t7')]) }));
    const many = Array.from({ length: 100 }, (_, i) => facts('SELECT', [['select', `t${i}`]]));
    for (let round = 0; round < 3; round++)
      for (const [i, one] of many.entries()) expect(ask(one).verdict).toBe(i === 7 ? 'deny' : 'allow');
  });
});

describe('a reload', () => {
  const deny = configOf({ enforced: rules('DENY', ['d', touches('secret')]) });
  test('the next message is judged by the new rules', async () => {
    const { ask, update } = await linkOf(deny);
    expect(ask(orders).verdict).toBe('allow');
    expect(update(configOf({ enforced: rules('DENY', ['o', touches('orders')]) }))).toBe(true);
    expect(ask(orders).judgement.policy).toBe('o');
    expect(ask(secret).verdict).toBe('allow');
  });
  test('a connection from before: what passes already cannot be refused in its place, so it closes at once', async () => {
    const { ask, link, update } = await linkOf(configOf({ shadow: deny.enforced, delay_deny: 60_000 }));
    expect(update({ ...deny, delay_deny: 60_000 })).toBe(true);
    expect(ask(secret).verdict).toBe('deny');
    expect(link.denial?.closes).toBe(true);
  });
  test('the filter is gone: nothing is decided any more', async () => {
    const { ask, update } = await linkOf(deny);
    expect(update(null)).toBe(true);
    expect(ask(secret)).toMatchObject({ verdict: 'allow', judgement: { verdict: VerdictCode.none } });
  });
  test('another way of enforcing needs other links', async () => {
    const { update } = await linkOf(deny);
    expect(update(configOf({ enforcement_type: 'ONE_TIME_ON_FIRST_BYTE' }))).toBe(false);
  });
});

test('an address that is denied whatever will be asked: at the first byte', async () => {
  const { client, simulated } = await linkOf(
    configOf({
      enforced: rules('DENY', ['d', { is: 'ip', of: 'remote', range: { address_prefix: '0.0.0.0', prefix_len: 0 } }]),
    }),
  );
  client.send('x');
  simulated.run();
  expect(client.ended || client.closed !== null).toBe(true);
  expect(simulated.stat('r.rbac.denied')).toBe(1);
});
