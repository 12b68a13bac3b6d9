import { celNames, celTexts } from './cel/cel-expr.ts';
import type { PolicyRules, Rule, RuleSet } from './rbac-config.ts';

/** The namespace of what one operation does, as this proxy's own rules may ask for it. */
export const OPERATION_NAMESPACE = 'sluice.operation';

/** What rules look at, told from their text alone. */
export function readsOf(set: RuleSet): Reads {
  if (set.kind === 'matcher') return { readsMetadata: false, namesUnresolved: false, isSteady: true };
  const { policies } = set;
  return {
    readsMetadata: policies.some(readsMetadata),
    namesUnresolved: policies.some(namesUnresolved),
    isSteady: policies.every(isSteady),
  };
}

export interface Reads {
  /** Metadata: what it says may differ from message to message. */
  readonly readsMetadata: boolean;
  /** `unresolved` of `sluice.operation`: the operator has said what becomes of such operations. */
  readonly namesUnresolved: boolean;
  /** It says the same of the same operation of a connection, again and again: no condition, and none of RBAC's own results. */
  readonly isSteady: boolean;
}

const RESULTS: readonly string[] = ['envoy.filters.network.rbac', 'envoy.common'];

const isSteady = (policy: PolicyRules): boolean =>
  policy.condition === null &&
  rulesOf(policy).every((rule) => rule.is !== 'metadata' || !RESULTS.includes(rule.match.namespace));

const rulesOf = ({ permissions, principals }: PolicyRules): Rule[] =>
  [...permissions, ...principals].flatMap(withParts);

const withParts = (rule: Rule): Rule[] =>
  rule.is === 'all' || rule.is === 'some'
    ? [rule, ...rule.rules.flatMap(withParts)]
    : rule.is === 'not'
      ? [rule, ...withParts(rule.rule)]
      : [rule];

const readsMetadata = (policy: PolicyRules): boolean =>
  rulesOf(policy).some(({ is }) => is === 'metadata') ||
  (policy.condition !== null && celNames(policy.condition.expr).has('metadata'));

const namesUnresolved = (policy: PolicyRules): boolean =>
  rulesOf(policy).some(
    (rule) =>
      rule.is === 'metadata' && rule.match.namespace === OPERATION_NAMESPACE && rule.match.path[0] === 'unresolved',
  ) ||
  (policy.condition !== null &&
    ['unresolved', OPERATION_NAMESPACE].every((text) => celTexts(policy.condition!.expr).has(text)));
