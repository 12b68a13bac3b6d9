import { type Access, binaryName, type OperationFacts, type PolicyVocabulary } from '../exchange/operation-facts.ts';
import type { PolicyConfig } from './policy-config.ts';
import { compileTarget, foldAscii, UNRESOLVED_TARGET } from './target.ts';

/** What of an operation is meant: one access, all of it, or what nobody can know of it, which may be a target of the policy. */
export type Touched = Access | 'all' | 'unresolved';

/** What a policy is about, as its `operations` and `targets` say. */
export interface Scope {
  /** For deny and limit: what of it may the operation do? In doubt it does. Null: nothing. */
  touches(op: OperationFacts): Touched | null;
  /** For allow: is this access of the operation surely within? In doubt no. */
  covers(op: OperationFacts, access: Access): boolean;
  /** For allow: is it said that the operation may do what nobody can know? */
  coversUnresolved(op: OperationFacts): boolean;
}

/** Throws where a target can match nothing: explain() has told before. */
export function compileScope(policy: PolicyConfig, vocabulary: PolicyVocabulary | null): Scope {
  const words = wordsOf(policy, vocabulary);
  const folds = policy.action !== 'allow' && vocabulary?.foldsDenied === true;
  const named = policy.targets.filter((text) => text !== UNRESOLVED_TARGET);
  const targets = policy.targets.length === 0 ? null : named.map((text) => compileTarget(text, vocabulary, folds));
  const saysUnresolved = named.length < policy.targets.length;
  const harmless = new Set(vocabulary?.harmless);
  const guarded = new Set(vocabulary?.guarded);

  const isCalled = (op: OperationFacts): boolean =>
    words === null || (words.operations.size > 0 && words.operations.has(foldAscii(op.operation)));
  // The verb first: a message may have a hundred thousand accesses, and the name of its operation is folded each time.
  const does = (op: OperationFacts, { verb }: Access): boolean =>
    words === null || words.verbs.has(verb) || isCalled(op);
  /** What every session needs is denied by its name only. */
  const isMeant = ({ verb }: Access): boolean => words !== null || !harmless.has(verb);

  return {
    touches(op) {
      const isUnresolved = op.unresolved !== '';
      const isMeantByName = isCalled(op);
      if (targets === null && (isUnresolved || op.accesses.length === 0) && isMeantByName) return 'all';
      for (const access of op.accesses) {
        if (!isMeant(access) || !(isMeantByName || words?.verbs.has(access.verb))) continue;
        if (targets === null || targets.some((target) => target.mayBe(access))) return access;
      }
      if (!isUnresolved || targets === null) return null;
      if (saysUnresolved && (isMeantByName || op.accesses.some((access) => does(op, access)))) return 'all';
      return targets.length > 0 ? 'unresolved' : null; // it may do anything to any of them, whatever it is called
    },
    covers(op, access) {
      if (guarded.has(access.verb) && !words?.verbs.has(access.verb)) return false;
      return does(op, access) && (targets === null || targets.some((target) => target.is(access)));
    },
    coversUnresolved: (op) => saysUnresolved && isCalled(op),
  };
}

interface Words {
  readonly verbs: ReadonlySet<string>;
  readonly operations: ReadonlySet<string>;
}

/**
 * A verb of an allow is no operation: `select` must not allow all that a SELECT does, which may hold a DELETE. A deny of it
 * means both.
 */
function wordsOf(policy: PolicyConfig, vocabulary: PolicyVocabulary | null): Words | null {
  if (policy.operations.length === 0) return null;
  const words = policy.operations.map((word) => foldAscii(binaryName(word)));
  const isVerb = (word: string): boolean => vocabulary === null || Object.hasOwn(vocabulary.verbs, word);
  const operations = policy.action === 'allow' ? words.filter((word) => !isVerb(word)) : words;
  return { verbs: new Set(words.filter(isVerb)), operations: new Set(operations) };
}
