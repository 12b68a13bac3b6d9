import type { Target } from '../../src/exchange/digest.ts';
import type { Access } from '../../src/exchange/operation-facts.ts';
import { HARMLESS_WORDS, pathlessVerb, pathVerbs } from './operation-verbs.ts';
import { OPERATIONS } from './operations.ts';
import { WORDS } from './words.ts';

const BY_NAME = new Map(OPERATIONS.map(({ name, slot }) => [name, slot]));

/** What an operation does as far as its digest tells: that has its paths' patterns. */
export function seen(operation: string, targets: readonly Target[]): readonly Access[] | null {
  const slot = BY_NAME.get(operation);
  if (slot === undefined) {
    if (!WORDS.some((word) => word === operation)) return null;
    return [{ verb: HARMLESS_WORDS.has(operation) ? 'session' : 'admin', type: '', schema: '', name: '' }];
  }
  if (targets.length === 0) {
    const verb = pathlessVerb(slot);
    return verb === null ? null : [{ verb, type: '', schema: '', name: '' }];
  }
  return targets.flatMap(({ name, operations }) => {
    const verbs = new Set([...pathVerbs(slot), ...operations]);
    return [...verbs].map((verb) => ({ verb, type: 'path', schema: '', name }));
  });
}
