import { celTest } from './cel/cel-test.ts';
import { cidrMatcher } from './cidr.ts';
import type { PolicyRules, Rule } from './rbac-config.ts';
import type { RbacInput } from './rbac-input.ts';
import { stringTest } from './string-match.ts';
import { all, not, some, Tri, triOf } from './tri.ts';
import { metadataTest } from './value-match.ts';

export type RuleTest = (input: RbacInput) => Tri;

const YES: RuleTest = () => Tri.yes;
const NO: RuleTest = () => Tri.no;

/** Of one Permission or Principal. */
export function ruleTest(rule: Rule): RuleTest {
  switch (rule.is) {
    case 'any':
      return YES;
    case 'never':
      return NO;
    case 'all': {
      const tests = rule.rules.map(ruleTest);
      return (input) => all(tests, input);
    }
    case 'some': {
      const tests = rule.rules.map(ruleTest);
      return (input) => some(tests, input);
    }
    case 'not': {
      const test = ruleTest(rule.rule);
      return (input) => not(test(input));
    }
    case 'ip': {
      const holds = cidrMatcher(rule.range);
      const { of } = rule;
      return (input) => triOf(holds(input[of].ip));
    }
    case 'port':
      return ({ local }) => triOf(local.ip !== null && local.port >= rule.from && local.port < rule.to);
    case 'server_name': {
      const matches = stringTest(rule.match);
      return ({ serverName }) => triOf(matches(serverName));
    }
    case 'metadata': {
      const matches = metadataTest(rule.match);
      return ({ metadata }) => (metadata === null ? Tri.maybe : triOf(matches(metadata)));
    }
  }
}

/** One of the permissions, one of the principals, and the condition. */
export function policyTest({ permissions, principals, condition }: PolicyRules): RuleTest {
  const actions = permissions.map(ruleTest);
  const subjects = principals.map(ruleTest);
  const parts: RuleTest[] = [(input) => some(actions, input), (input) => some(subjects, input)];
  if (condition !== null) parts.push(celTest(condition));
  return (input) => all(parts, input);
}
