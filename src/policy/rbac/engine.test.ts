import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileRuleSet } from './engine.ts';
import { inputOf, peerOf } from './input.fixture.ts';
import type { MetadataMatch, PolicyRules, Rule, RuleSet, ValueMatch } from './rbac-config.ts';
import type { Metadata, RbacInput } from './rbac-input.ts';
import { OPERATION_NAMESPACE } from './reads.ts';
import { Tri } from './tri.ts';

// What each rule means is held against a real Envoy (test/integration/filters-envoy.test.ts). Here: how they combine, what
// is not known yet, and random rules against a model without any cleverness.

const ANY: Rule = { is: 'any' };
const NEVER: Rule = { is: 'never' };
const table = (name: string): Rule => ({
  is: 'metadata',
  match: { namespace: 'ns', path: [name], value: { is: 'present', value: true }, invert: false },
});
const policy = (name: string, permission: Rule, principal: Rule = ANY): PolicyRules => ({
  name,
  permissions: [permission],
  principals: [principal],
  condition: null,
});
const rules = (action: 'ALLOW' | 'DENY' | 'LOG', ...policies: PolicyRules[]): RuleSet => ({
  kind: 'rules',
  action,
  policies,
});
const judge = (set: RuleSet, metadata: Metadata | null) => {
  const { allowed, policy: name } = compileRuleSet(set).judge(inputOf({ metadata }));
  return [allowed, name];
};

describe('what is not known yet', () => {
  const pay = { ns: { pay: 1 } };
  const CASES: readonly (readonly [string, RuleSet, Metadata | null, readonly [Tri, string]])[] = [
    ['a list of what is allowed', rules('ALLOW', policy('p', table('pay'))), null, [Tri.maybe, '']],
    ['the same, known', rules('ALLOW', policy('p', table('pay'))), pay, [Tri.yes, 'p']],
    ['the same, known to be something else', rules('ALLOW', policy('p', table('x'))), pay, [Tri.no, '']],
    ['of another principal', rules('ALLOW', policy('p', table('pay'), NEVER)), null, [Tri.no, '']],
    ['a list of what is denied', rules('DENY', policy('p', table('pay'))), null, [Tri.maybe, '']],
    ['denied whatever it is', rules('DENY', policy('p', table('pay')), policy('q', ANY)), null, [Tri.no, 'q']],
    ['allowed whatever it is', rules('ALLOW', policy('p', table('pay')), policy('q', ANY)), null, [Tri.yes, 'q']],
    ['not what nobody knows', rules('DENY', policy('p', { is: 'not', rule: table('pay') })), null, [Tri.maybe, '']],
    [
      'and with one that fails',
      rules('DENY', policy('p', { is: 'all', rules: [table('a'), NEVER] })),
      null,
      [Tri.yes, ''],
    ],
    [
      'or with one that holds',
      rules('DENY', policy('p', { is: 'some', rules: [table('a'), ANY] })),
      null,
      [Tri.no, 'p'],
    ],
  ];
  for (const [name, set, metadata, want] of CASES) test(name, () => expect(judge(set, metadata)).toEqual(want));
});

describe('what rules look at', () => {
  const unresolved: Rule = {
    is: 'metadata',
    match: {
      namespace: OPERATION_NAMESPACE,
      path: ['unresolved'],
      value: { is: 'present', value: true },
      invert: false,
    },
  };
  const CASES: readonly (readonly [string, Rule, { readsMetadata: boolean; namesUnresolved: boolean }])[] = [
    [
      'an address',
      { is: 'ip', of: 'remote', range: { address_prefix: '::', prefix_len: 0 } },
      { readsMetadata: false, namesUnresolved: false },
    ],
    [
      'metadata deep inside',
      { is: 'not', rule: { is: 'all', rules: [ANY, { is: 'some', rules: [table('a')] }] } },
      { readsMetadata: true, namesUnresolved: false },
    ],
    ['what cannot be read', unresolved, { readsMetadata: true, namesUnresolved: true }],
  ];
  for (const [name, rule, want] of CASES)
    test(name, () => {
      expect(compileRuleSet(rules('ALLOW', policy('p', rule)))).toMatchObject(want);
      expect(compileRuleSet(rules('ALLOW', policy('p', ANY, rule)))).toMatchObject(want);
    });

  test('a condition', () => {
    const condition = {
      expr: { is: 'name', name: 'metadata' } as const,
      strings: { conversion: false, concat: false, functions: false },
    };
    const set = rules('ALLOW', { ...policy('p', ANY), condition });
    expect(compileRuleSet(set)).toMatchObject({ readsMetadata: true, namesUnresolved: false });
    expect(judge(set, null)).toEqual([Tri.maybe, '']);
    expect(judge(set, {})).toEqual([Tri.no, '']);
  });

  test('LOG denies nothing', () => {
    const { denies } = compileRuleSet(rules('LOG', policy('p', NEVER)));
    expect(denies).toBe(false);
    expect(judge(rules('LOG', policy('p', NEVER)), {})).toEqual([Tri.yes, '']);
  });
});

describe('random rules', () => {
  const KEYS = ['a', 'b', 'c'];
  const NAMESPACES = ['m', 'n'];
  const scalar = fc.constantFrom<unknown>('a', 'b', '', 1, 2, true, false, null);
  const data = fc.dictionary(
    fc.constantFrom(...KEYS),
    fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(fc.constantFrom(...KEYS), scalar)),
  );
  const metadata = fc.dictionary(fc.constantFrom(...NAMESPACES), data) as fc.Arbitrary<Metadata>;

  const { value } = fc.letrec<{ value: ValueMatch }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 2 },
      fc.constant<ValueMatch>({ is: 'null' }),
      fc.record({ is: fc.constant('number' as const), exact: fc.constantFrom(1, 2) }),
      fc.record({ is: fc.constant('bool' as const), value: fc.boolean() }),
      fc.record({ is: fc.constant('present' as const), value: fc.boolean() }),
      fc.record({
        is: fc.constant('string' as const),
        match: fc.record({
          is: fc.constantFrom('exact' as const, 'prefix' as const),
          text: fc.constantFrom('a', 'b'),
          ignoreCase: fc.boolean(),
        }),
      }),
      fc.record({ is: fc.constant('list' as const), oneOf: tie('value') }),
      fc.record({ is: fc.constant('or' as const), of: fc.array(tie('value'), { minLength: 2, maxLength: 3 }) }),
    ),
  }));
  const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3 },
      fc.constant<Rule>(ANY),
      fc.constant<Rule>(NEVER),
      fc.record({
        is: fc.constant('port' as const),
        from: fc.constantFrom(1, 5432),
        to: fc.constantFrom(5432, 65_536),
      }),
      fc.record({
        is: fc.constant('ip' as const),
        of: fc.constantFrom('remote' as const, 'local' as const, 'direct' as const),
        range: fc.record({
          address_prefix: fc.constantFrom('10.0.0.0', '192.168.0.0', '::'),
          prefix_len: fc.constantFrom(0, 8, 16),
        }),
      }),
      fc.record({
        is: fc.constant('metadata' as const),
        match: fc.record({
          namespace: fc.constantFrom(...NAMESPACES),
          path: fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 2 }),
          value,
          invert: fc.boolean(),
        }),
      }),
      fc.record({
        is: fc.constantFrom('all' as const, 'some' as const),
        rules: fc.array(tie('rule'), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ is: fc.constant('not' as const), rule: tie('rule') }),
    ),
  }));
  const set: fc.Arbitrary<RuleSet & { kind: 'rules' }> = fc.record({
    kind: fc.constant('rules' as const),
    action: fc.constantFrom('ALLOW' as const, 'DENY' as const, 'LOG' as const),
    policies: fc
      .array(
        fc.record({
          permissions: fc.array(rule, { minLength: 1, maxLength: 2 }),
          principals: fc.array(rule, { minLength: 1, maxLength: 2 }),
        }),
        { maxLength: 3 },
      )
      .map((list) => list.map((one, i) => ({ name: `p${i}`, condition: null, ...one }))),
  });
  const input = fc.record({
    remote: fc.constantFrom('10.9.9.9', '11.0.0.1', '::1').map((host) => peerOf(host, 1)),
    metadata,
  });

  test('decide as the model does; and what is certain without metadata is so with any', () => {
    let certain = 0;
    fc.assert(
      fc.property(set, input, (config, wishes) => {
        const engine = compileRuleSet(config);
        const known = engine.judge(inputOf(wishes));
        const want = naive(config, inputOf(wishes));
        if (known.allowed !== (want.allowed ? Tri.yes : Tri.no) || known.policy !== want.policy) return false;
        const before = engine.judge(inputOf({ ...wishes, metadata: null }));
        if (before.allowed === Tri.maybe) return engine.readsMetadata;
        certain++;
        return before.allowed === known.allowed;
      }),
      { numRuns: 8000 },
    );
    expect(certain).toBeGreaterThan(2000);
  });

  function naive(
    { action, policies }: RuleSet & { kind: 'rules' },
    seen: RbacInput,
  ): { allowed: boolean; policy: string } {
    const found = policies.find(
      ({ permissions, principals }) =>
        permissions.filter((one) => holds(one, seen)).length > 0 &&
        principals.filter((one) => holds(one, seen)).length > 0,
    );
    const allowed = action === 'LOG' || (found !== undefined) === (action === 'ALLOW');
    return { allowed, policy: found?.name ?? '' };
  }
  function holds(one: Rule, seen: RbacInput): boolean {
    if (one.is === 'any') return true;
    if (one.is === 'all') return one.rules.every((part) => holds(part, seen));
    if (one.is === 'some') return one.rules.some((part) => holds(part, seen));
    if (one.is === 'not') return !holds(one.rule, seen);
    if (one.is === 'port') return one.from <= seen.local.port && seen.local.port < one.to;
    if (one.is === 'ip') {
      const bits = (ip: Uint8Array | null) => [...(ip ?? [])].map((byte) => byte.toString(2).padStart(8, '0')).join('');
      const prefix = bits(peerOf(one.range.address_prefix, 0).ip);
      const ip = bits(seen[one.of].ip);
      return ip.length === prefix.length && ip.slice(0, one.range.prefix_len) === prefix.slice(0, one.range.prefix_len);
    }
    if (one.is === 'metadata') return found(one.match, seen.metadata ?? {});
    return false;
  }
  function found({ namespace, path, value: wanted, invert }: MetadataMatch, all: Metadata): boolean {
    let at: unknown = all[namespace];
    for (const key of path)
      at =
        typeof at === 'object' && at !== null && !Array.isArray(at) ? (at as Record<string, unknown>)[key] : undefined;
    return fits(wanted, at) !== invert;
  }
  function fits(wanted: ValueMatch, at: unknown): boolean {
    switch (wanted.is) {
      case 'null':
        return at === null;
      case 'number':
        return at === wanted.exact;
      case 'range':
        return typeof at === 'number' && at >= wanted.from && at < wanted.to;
      case 'bool':
        return at === wanted.value;
      case 'present':
        return wanted.value && at !== undefined;
      case 'string':
        return (
          typeof at === 'string' &&
          (wanted.match.is === 'exact' ? at === wanted.match.text : at.startsWith(wanted.match.text))
        );
      case 'list':
        return Array.isArray(at) && at.filter((item) => fits(wanted.oneOf, item)).length > 0;
      case 'or':
        return wanted.of.filter((part) => fits(part, at)).length > 0;
    }
  }
});
