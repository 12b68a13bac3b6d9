import type { Target } from '../../exchange/digest.ts';
import type { Access, OperationFacts } from '../../exchange/operation-facts.ts';
import { Accesses, type TreeJudged } from './accesses.ts';

const NONE: readonly string[] = [];

/** Facts for policies from what a parser has handed on. */
export const operationFacts = (operation: string, judged: TreeJudged): OperationFacts => ({
  operation,
  accesses: judged.accesses,
  unresolved: judged.unresolved,
  hasWhere: judged.hasWhere,
  limit: judged.limit,
  stages: NONE,
  categories: NONE,
});

/** Facts of an operation that nobody can read whole; `accesses`: what can be told all the same. */
export const unresolvedFacts = (operation: string, why: string, accesses: readonly Access[] = []): OperationFacts => ({
  operation,
  accesses,
  unresolved: why,
  hasWhere: false,
  limit: -1,
  stages: NONE,
  categories: NONE,
});

/** The same facts with nothing more claimed than that: what they say is touched, and perhaps more. */
export const doubted = (facts: OperationFacts, why: string): OperationFacts => ({ ...facts, unresolved: why });

/** What the words of tokens are in policies, where they are others. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  copy: ['copy_from', 'copy_to', 'select', 'insert'],
  merge: ['insert', 'update', 'delete'],
  comment: ['alter'],
  vacuum: ['maintain'],
  analyze: ['maintain'],
};

/** The targets that were read from tokens, as accesses: for deny rules, beside `unresolved`. */
export function accessesOf(targets: readonly Target[]): readonly Access[] {
  const accesses = new Accesses();
  for (const { schema, name, operations } of targets)
    for (const operation of operations)
      for (const verb of VERBS[operation] ?? [operation]) accesses.add(verb, 'table', schema, name);
  return accesses.list();
}
