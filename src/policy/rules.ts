import type { Access, OperationFacts, PolicyVocabulary } from '../exchange/operation-facts.ts';
import type { Denial } from '../exchange/protocol-filter.ts';
import { type Condition, compileCondition, Span } from './condition.ts';
import type { ConditionFacts } from './condition-facts.ts';
import { denied, notAllowed, unresolved } from './denials.ts';
import type { PolicyConfig } from './policy-config.ts';
import { compileScope, type Scope } from './scope.ts';
import { compileSubject, type Subject } from './subject.ts';

/** One policy, compiled. Immutable. */
export interface Rule {
  readonly policy: PolicyConfig;
  readonly subject: Subject;
  readonly scope: Scope;
  readonly when: Condition | null;
}

/** Throws where the policy is faulty: explain() has told before. */
export const compileRule = (policy: PolicyConfig, vocabulary: PolicyVocabulary | null): Rule => ({
  policy,
  subject: compileSubject(policy),
  scope: compileScope(policy, vocabulary),
  when: policy.when === '' ? null : compileCondition(policy.when),
});

/** The allows and denies of one mode. */
export interface RuleSet {
  readonly denies: readonly Rule[];
  readonly allows: readonly Rule[];
  /** There is an allow, for whomever: what none of them covers is denied. */
  readonly lists: boolean;
  /** There is any rule. */
  readonly decides: boolean;
  readonly unparsed: 'deny' | 'allow';
  readonly harmless: ReadonlySet<string>;
  readonly guarded: ReadonlySet<string>;
}

/** What the rules of one mode say of one operation. Null denial: it is allowed. */
export interface Ruling {
  readonly denial: Denial | null;
  /** The policy that allowed it; '' = none had to. */
  readonly allowedBy: string;
}

/** Evaluates conditions for the operation at hand, and remembers how long what they said holds. */
export class Asking {
  readonly facts: ConditionFacts;
  span: Span = Span.always;
  /** Conditions that could not be evaluated. */
  failures = 0;

  constructor(facts: ConditionFacts) {
    this.facts = facts;
  }

  begin(): void {
    this.span = Span.always;
  }

  /** A condition that nobody can evaluate holds for what restricts, and not for what allows. */
  holds({ when, policy }: Rule): boolean {
    if (when === null) return true;
    if (when.span > this.span) this.span = when.span;
    const answer = when.ask(this.facts);
    if (answer === 'unknown') this.failures++;
    return answer === 'yes' || (answer === 'unknown' && policy.action !== 'allow');
  }
}

export const NO_RULING: Ruling = { denial: null, allowedBy: '' };

/** The rules are those for the session's subject, in order. */
export function judgeOperation(rules: RuleSet, op: OperationFacts, asking: Asking): Ruling {
  if (!rules.decides) return NO_RULING;
  for (const rule of rules.denies) {
    const touched = rule.scope.touches(op);
    if (touched !== null && asking.holds(rule)) return { denial: denied(rule.policy, touched, op), allowedBy: '' };
  }
  let allowedBy = '';
  for (const access of op.accesses) {
    if (!needsAllow(rules, access)) continue;
    const rule = rules.allows.find((each) => each.scope.covers(op, access) && asking.holds(each));
    if (rule === undefined) return { denial: notAllowed(access), allowedBy: '' };
    if (allowedBy === '') allowedBy = rule.policy.name;
  }
  if (op.unresolved === '' || rules.unparsed === 'allow') return { denial: null, allowedBy };
  const rule = rules.allows.find((each) => each.scope.coversUnresolved(op) && asking.holds(each));
  if (rule === undefined) return { denial: unresolved(op), allowedBy: '' };
  return { denial: null, allowedBy: allowedBy || rule.policy.name };
}

const needsAllow = (rules: RuleSet, { verb }: Access): boolean =>
  rules.lists ? !rules.harmless.has(verb) : rules.guarded.has(verb);
