import { describe, expect, test } from 'vitest';
import type { PolicyConfig } from '../policy/policy-config.ts';
import { badText, goodText } from './fixtures/loading.ts';
import { policiesOf, policyFilters } from './fixtures/policies.ts';
import { printYaml } from './yaml-source.ts';

const PROXIES = `proxies:
  - { name: shop, upstream: "postgres://127.0.0.1:5432" }
  - { name: archive, upstream: "postgres://127.0.0.1:5433" }
`;

const anyone: Omit<PolicyConfig, 'name' | 'action'> = {
  mode: 'enforce',
  users: [],
  databases: [],
  applications: [],
  drivers: [],
  clients: [],
  operations: [],
  targets: [],
  when: '',
  message: '',
  limit: null,
};

test('every field, in the short form', async () => {
  const { snapshot } = await goodText(
    `${PROXIES}unparsed: allow
policies:
  - name: no drops
    proxies: shop
    action: deny
    mode: shadow
    users: [app, "rep*"]
    databases: shop
    applications: [web]
    drivers: pg
    clients: [10.0.0.0/8, "::1"]
    operations: [drop, DROP TABLE]
    targets: [public.*, $unresolved]
    when: user != 'dba'
    message: ask the DBAs
  - name: reads
    action: allow
    users: "*"
    operations: select
    targets: "*"
  - action: limit
    users: reporting
    limit: { rate: 6000/10m, burst: 20, concurrent: 5, rows: 10000, idle_in_transaction: 1.5s, per: application }
`,
    policyFilters,
  );
  const reads = { ...anyone, name: 'reads', action: 'allow', operations: ['select'] };
  const limit: PolicyConfig = {
    ...anyone,
    name: 'limit_reporting',
    action: 'limit',
    users: ['reporting'],
    limit: {
      rate: { count: 6000, perMs: 600_000, burst: 20 },
      concurrent: 5,
      rows: 10_000,
      bytes: 0,
      idleInTransactionMs: 1500,
      per: 'application',
    },
  };
  expect(policiesOf(snapshot, 'shop')).toEqual({
    unparsed: 'allow',
    policies: [
      {
        name: 'no drops',
        action: 'deny',
        mode: 'shadow',
        users: ['app', 'rep*'],
        databases: ['shop'],
        applications: ['web'],
        drivers: ['pg'],
        clients: ['10.0.0.0/8', '::1'],
        operations: ['drop', 'DROP TABLE'],
        targets: ['public.*', '$unresolved'],
        when: "user != 'dba'",
        message: 'ask the DBAs',
        limit: null,
      },
      reads,
      limit,
    ],
  });
  expect(policiesOf(snapshot, 'archive')).toEqual({ unparsed: 'allow', policies: [reads, limit] });
});

test('a proxy has policies of its own before those of all, and its own word on what nobody can read', async () => {
  const { snapshot, expanded } = await goodText(
    `proxies:
  - upstream: postgres://127.0.0.1:5432
    name: shop
    unparsed: allow
    policies:
      - { action: deny, operations: drop, databases: shop }
  - tcp://127.0.0.1:7000
policies:
  - { action: deny, operations: drop, users: app, proxies: [shop] }
`,
    policyFilters,
  );
  const set = policiesOf(snapshot, 'shop')!;
  expect(set.policies.map(({ name }) => name)).toEqual(['deny_drop', 'deny_app_drop']);
  expect(set.unparsed).toBe('allow');
  expect(policiesOf(snapshot, 'tcp')).toBeNull();
  // What expand prints is the same configuration.
  const again = await goodText(printYaml(expanded), policyFilters);
  expect(again.snapshot).toEqual(snapshot);
});

test('names are derived from what is said, and numbered where they are taken', async () => {
  const policies = ['deny_drop', null, null]
    .map((name, i) => `  - { ${name ? `name: ${name}, ` : ''}action: deny, operations: drop, when: "limit == ${i}" }\n`)
    .join('');
  const { snapshot } = await goodText(`${PROXIES}policies:\n${policies}`, policyFilters);
  expect(policiesOf(snapshot, 'shop')!.policies.map(({ name }) => name)).toEqual([
    'deny_drop',
    'deny_drop_2',
    'deny_drop_3',
  ]);
});

describe('bad policies are told in their place', () => {
  const ofOne = (fields: string): string => `${PROXIES}policies:\n  - { proxies: shop, ${fields} }\n`;
  const LIMIT = 'action: limit, limit:';
  const cases: Record<string, [text: string, problems: string[]]> = {
    'no list': [`${PROXIES}policies: deny`, ['4:11 policies: "deny" is not a list']],
    'no value': [`${PROXIES}policies:`, ['4:1 policies: has no value']],
    'none in it': [`${PROXIES}policies: []`, ['4:11 policies: is empty']],
    'no map': [`${PROXIES}policies: [deny]`, ['4:12 policies[0]: "deny" is not a map']],
    'no action': [ofOne('users: a'), ['5:5 policies[0].action: is required']],
    'an unknown action': [ofOne('action: alow'), ['5:30 policies[0].action: "alow" is none of allow, deny, limit']],
    'an unknown field': [ofOne('action: deny, user: a'), ['5:36 policies[0].user: unknown field, did you mean users?']],
    'an unknown mode': [ofOne('action: deny, mode: on'), ['5:42 policies[0].mode: "on" is none of enforce, shadow']],
    'a proxy that is not there': [
      `${PROXIES}policies:\n  - { proxies: [shop, shopp], action: deny }\n`,
      ['5:23 policies[0].proxies[1]: "shopp" is not a proxy, did you mean "shop"?'],
    ],
    'no proxies at all': [
      `${PROXIES}policies:\n  - { proxies: [], action: deny }\n`,
      ['5:16 policies[0].proxies: is empty: leave it out for all proxies'],
    ],
    'an empty pattern': [ofOne('action: deny, users: ""'), ['5:43 policies[0].users: is empty']],
    'no pattern': [ofOne('action: deny, users: []'), ['5:43 policies[0].users: is empty']],
    'a number for a pattern': [
      ofOne('action: deny, users: 5'),
      ['5:43 policies[0].users: 5 is neither a string nor a list'],
    ],
    'any and others': [
      ofOne('action: deny, users: ["*", a]'),
      ['5:43 policies[0].users: "*" is any: the others say nothing beside it'],
    ],
    'an allow that leaves out what it is about': [
      ofOne('action: allow, users: a'),
      [
        '5:5 policies[0].operations: is required of an allow; "*" is any',
        '5:5 policies[0].targets: is required of an allow; "*" is any',
      ],
    ],
    'names twice': [
      `${PROXIES}policies:\n  - { name: a, action: deny, users: x }\n  - { name: a, action: deny, users: y }\n`,
      ['6:13 policies[1].name: "a" is already the name of a policy'],
    ],
    "a name of Sluice's own": [
      `${PROXIES}policies:\n  - { name: sluice.not_allowed, action: deny, users: x }\n`,
      ['5:13 policies[0].name: "sluice.not_allowed": names in sluice. are Sluice\'s own'],
    ],
    'the name of another list': [
      `proxies:
  - upstream: postgres://127.0.0.1:5432
    policies: [{ name: a, action: deny, users: x }]
policies: [{ name: a, action: deny, users: y }]`,
      ['4:20 policies[0].name: "a" is already the name of a policy'],
    ],
    'a limit that is none': [ofOne('action: limit'), ['5:5 policies[0].limit: is required of action limit']],
    'a limit of nothing': [
      ofOne(`${LIMIT} { per: user }`),
      ['5:44 policies[0].limit: limits nothing: give it one of rate, concurrent, rows, bytes, idle_in_transaction'],
    ],
    'a limit on a deny': [
      ofOne('action: deny, limit: { rows: 1 }'),
      ['5:43 policies[0].limit: is of action limit, and this is deny'],
    ],
    'a rate that is none': [
      ofOne(`${LIMIT} { rate: fast }`),
      ['5:52 policies[0].limit.rate: "fast" is not a rate such as "100/s" or "6000/m"'],
    ],
    'a rate of nothing': [
      ofOne(`${LIMIT} { rate: 0/s }`),
      ['5:52 policies[0].limit.rate: "0/s" is not a rate such as "100/s" or "6000/m"'],
    ],
    'a burst without a rate': [
      ofOne(`${LIMIT} { rows: 5, burst: 5 }`),
      ['5:55 policies[0].limit.burst: goes with rate'],
    ],
    'a burst of nothing': [
      ofOne(`${LIMIT} { rate: 1/s, burst: 0 }`),
      ['5:64 policies[0].limit.burst: 0 is not a whole number above 0'],
    ],
    'a size that is none': [
      ofOne(`${LIMIT} { bytes: 5 miles }`),
      [
        '5:46 policies[0].limit.bytes: postgres has replies that cannot be cut: there is nothing to limit',
        '5:53 policies[0].limit.bytes: "5 miles" is not a size such as 100MB, 64KiB or 4096',
      ],
    ],
    'a time that is none': [
      ofOne(`${LIMIT} { idle_in_transaction: 30 }`),
      ['5:67 policies[0].limit.idle_in_transaction: 30 is not a duration such as "250ms", "5s" or "1h"'],
    ],
    'a limit that its protocol cannot keep': [
      ofOne(`${LIMIT} { bytes: 1MB }`),
      ['5:46 policies[0].limit.bytes: postgres has replies that cannot be cut: there is nothing to limit'],
    ],
    'an unknown field of a limit': [
      ofOne(`${LIMIT} { row: 5 }`),
      [
        '5:44 policies[0].limit: limits nothing: give it one of rate, concurrent, rows, bytes, idle_in_transaction',
        '5:46 policies[0].limit.row: unknown field, did you mean rows?',
      ],
    ],
    'bytes without a protocol': [
      'proxies: [{ name: raw, upstream: "tcp://127.0.0.1:1" }]\npolicies: [{ action: deny }]',
      [
        '2:12 policies[0]: is for all proxies. "raw": policies judge requests, and it has no protocol filter that reads them; give it the proxies that it is for',
      ],
    ],
    'a protocol that only observes': [
      'proxies: ["mysql://127.0.0.1:1"]\npolicies: [{ action: deny, proxies: mysql }]',
      ['2:37 policies[0].proxies: "mysql": policies deny, and mysql cannot refuse yet: it only observes'],
    ],
    'unparsed with nothing to it': [
      'proxies: ["postgres://127.0.0.1:1"]\nunparsed: allow',
      ['2:1 unparsed: is read where there are policies, and there are none'],
    ],
    'an unparsed that is none': [
      `${PROXIES}unparsed: maybe\npolicies: [{ action: deny, users: a }]`,
      ['4:11 unparsed: "maybe" is none of deny, allow'],
    ],
    'words of another protocol': [
      ofOne('action: deny, operations: [slect], targets: [Orders]'),
      [
        '5:49 policies[0].operations[0]: "slect" is no verb or operation of postgres; did you mean "select"?',
        '5:67 policies[0].targets[0]: "Orders" matches nothing: the server folds names to lower case',
      ],
    ],
    'a range that is none': [
      ofOne('action: deny, clients: 10.0.0.1/8'),
      ['5:45 policies[0].clients: "10.0.0.1/8" has bits behind its prefix: /8 does not reach to the end of 10.0.0.1'],
    ],
  };
  for (const [what, [text, problems]] of Object.entries(cases))
    test(what, async () => expect(await badText(text, policyFilters)).toEqual(problems));
});

test('a condition that is none is told with its place inside the expression', async () => {
  const [problem] = await badText(`${PROXIES}policies:\n  - action: deny\n    when: user == && 1\n`, policyFilters);
  expect(problem).toMatch(/^6:11 policies\[0\]\.when: at character \d+ of "user == && 1": /);
});

test('a policy that another one leaves nothing to is told', async () => {
  const problems = await badText(
    `${PROXIES}policies:
  - { action: deny, operations: drop }
  - { name: some, action: deny, operations: drop, users: app }
`,
    policyFilters,
  );
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^6:5 policies\[1\]: /);
});
