import { act } from './matcher-cases.ts';
import { ANY, admit, chain, type Fields, type FilterCase, NONE, permit, policy, rbac } from './parts.ts';

export const REGEX = (pattern: string): Fields => permit({ requested_server_name: { safe_regex: { regex: pattern } } });
export const RULE_SETS: FilterCase[] = [
  chain('nothing to enforce', [rbac({})]),
  chain('rules without policies', [rbac({ rules: {} })]),
  chain('DENY without policies', [rbac({ rules: { action: 'DENY' } })]),
  chain('DENY that matches', [rbac({ rules: { action: 'DENY', policies: { d: policy() } } })]),
  chain('LOG that matches', [rbac({ rules: { action: 'LOG', policies: { l: policy() } } })]),
  chain('LOG that does not', [rbac({ rules: { action: 'LOG', policies: { l: policy(NONE) } } })]),
  chain('a policy without permissions', [rbac({ rules: { policies: { p: { principals: [ANY] } } } })]),
  chain('a policy without principals', [rbac({ rules: { policies: { p: { permissions: [ANY] } } } })]),
  chain('one of several permissions', [permit(NONE, ANY)]),
  chain('one of several principals', [admit({ not_id: ANY }, ANY)]),
  chain('policies in the order of their names', [
    rbac({
      rules: {
        action: 'DENY',
        policies: { b: policy(), a: policy(), ä: policy(), B: policy(), '10': policy(), '9': policy() },
      },
    }),
  ]),
  chain('blanks in a name', [rbac({ rules: { action: 'DENY', policies: { 'a b\tc': policy() } } })]),
  chain('no such action', [rbac({ rules: { action: 'MAYBE' } })]),
  chain('shadow allows', [rbac({ shadow_rules: { policies: { s: policy() } } })]),
  chain('shadow denies', [rbac({ shadow_rules: { action: 'DENY', policies: { s: policy() } } })]),
  chain('shadow denies without a policy', [rbac({ shadow_rules: {} })]),
  chain('shadow with a prefix', [
    rbac({ shadow_rules: { policies: { s: policy() } }, shadow_rules_stat_prefix: 'pre_' }),
  ]),
  chain('shadow with a prefix with a dot', [
    rbac({ shadow_rules: { policies: { s: policy() } }, shadow_rules_stat_prefix: 'pre.' }),
  ]),
  chain('shadow LOG', [rbac({ shadow_rules: { action: 'LOG', policies: { s: policy() } } })]),
  chain('shadow_matcher', [rbac({ shadow_matcher: { on_no_match: act('DENY', 'sm') } })]),
  chain('shadow beside enforced', [
    rbac({ rules: { policies: { e: policy() } }, shadow_rules: { action: 'DENY', policies: { s: policy() } } }),
  ]),
  chain('shadow beside enforced that denies', [
    rbac({ rules: { action: 'DENY', policies: { e: policy() } }, shadow_rules: { policies: { s: policy() } } }),
  ]),
  chain('once', [rbac({ rules: { policies: { p: policy() } } })], { sends: ['a', 'b', 'c'] }),
  chain('continuous', [rbac({ rules: { policies: { p: policy() } }, enforcement_type: 'CONTINUOUS' })], {
    sends: ['a', 'b', 'c'],
  }),
  chain(
    'continuous shadow',
    [rbac({ shadow_rules: { action: 'DENY', policies: { p: policy() } }, enforcement_type: 'CONTINUOUS' })],
    { sends: ['a', 'b'] },
  ),
  chain('continuous denies', [rbac({ rules: {}, enforcement_type: 'CONTINUOUS' })], { sends: ['a', 'b'] }),
  chain('delayed', [rbac({ rules: {}, delay_deny: '0.05s' })], { sends: ['a', 'b'] }),
  chain('delayed for longer than the client waits', [rbac({ rules: {}, delay_deny: '3600s' })], { sends: ['a', 'b'] }),
  chain('a prefix that ends in a dot', [rbac({ stat_prefix: '{{name}}.', rules: {} })]),
  chain('without a prefix', [rbac({ stat_prefix: '', rules: {} })]),
  chain('an unknown field', [rbac({ rules: {}, enforcement: 'CONTINUOUS' })]),
  chain('two of them', [
    rbac({ rules: { policies: { p: policy() } } }),
    rbac({ stat_prefix: '{{name}}.second', rules: {} }),
  ]),
  chain('a counted repetition', [REGEX('a{5}')]),
];
