import { actionsOf, type MatcherRun, matcherRun } from './match-tree.ts';
import type { RuleSet } from './rbac-config.ts';
import type { RbacInput } from './rbac-input.ts';
import { type Reads, readsOf } from './reads.ts';
import { policyTest, type RuleTest } from './rules.ts';
import { Tri } from './tri.ts';

/** What an engine says of an input. */
export interface RbacResult {
  /** `maybe`: not before there is metadata. */
  readonly allowed: Tri;
  /** The policy, or the action's name, that decided; '' = none did. */
  readonly policy: string;
  /** For `envoy.common`'s access_log_hint; null: this engine does not say. */
  readonly logHint: boolean | null;
}

/** Rules compiled for good: pure, shared by all connections of a snapshot. */
export interface RbacEngine extends Reads {
  judge(input: RbacInput): RbacResult;
  /** What matches nothing is denied. */
  readonly isAllowList: boolean;
  /** It denies anything at all: LOG does not. */
  readonly denies: boolean;
}

export const compileRuleSet = (set: RuleSet): RbacEngine => ({
  ...readsOf(set),
  isAllowList: set.kind === 'matcher' || set.action === 'ALLOW',
  denies: set.kind === 'matcher' || set.action !== 'LOG',
  judge: set.kind === 'matcher' ? byMatcher(set) : byRules(set),
});

type Judge = RbacEngine['judge'];

const UNKNOWN: RbacResult = { allowed: Tri.maybe, policy: '', logHint: null };

/** The first policy that matches, in the order of names, is the effective one. */
function byRules({ action, policies }: RuleSet & { kind: 'rules' }): Judge {
  const matched: Tri = action === 'DENY' ? Tri.no : Tri.yes;
  const logs = action === 'LOG';
  const entries = policies.map((policy): { test: RuleTest; result: RbacResult } => ({
    test: policyTest(policy),
    result: { allowed: matched, policy: policy.name, logHint: logs ? true : null },
  }));
  const none: RbacResult = { allowed: action === 'ALLOW' ? Tri.no : Tri.yes, policy: '', logHint: logs ? false : null };
  return (input) => {
    let unsure = false;
    for (const { test, result } of entries) {
      const says = test(input);
      // Behind one that may match, a later one says the same of allowed or denied, whichever is named.
      if (says === Tri.yes) return result;
      if (says === Tri.maybe) unsure = true;
    }
    return unsure ? UNKNOWN : none;
  };
}

/** What matches nothing is denied. */
function byMatcher({ matcher }: RuleSet & { kind: 'matcher' }): Judge {
  const run: MatcherRun = matcherRun(matcher);
  const logs = actionsOf(matcher).includes('LOG');
  return (input) => {
    const found = run(input);
    if (found === null) return { allowed: Tri.no, policy: '', logHint: null };
    return {
      allowed: found.action === 'DENY' ? Tri.no : Tri.yes,
      policy: found.name,
      logHint: logs ? found.action === 'LOG' : null,
    };
  };
}
