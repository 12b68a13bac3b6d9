import type { Target } from '../../../src/exchange/digest.ts';
import type { Access } from '../../../src/exchange/operation-facts.ts';
import { COMMANDS } from '../commands/command-table.ts';
import { bit, PLAN_OF } from './plans.ts';
import { VERB_NAMES } from './verbs.ts';

const BY_NAME = new Map(COMMANDS.map(({ name, slot }) => [name, slot]));
/** Words of targets, where policies have another; only what is done to documents says more than the command's name. */
const DATA: Readonly<Record<string, string>> = { select: 'read', insert: 'insert', update: 'update', delete: 'delete' };

/** What a command does as far as its digest tells: the collections in its shape, and what its name says. */
export function seen(operation: string, targets: readonly Target[]): readonly Access[] | null {
  const slot = BY_NAME.get(operation);
  const plan = slot === undefined ? undefined : PLAN_OF[slot];
  if (plan === undefined || plan.hides !== '') return null;
  const own = VERB_NAMES.filter((_, verb) => (plan.verbs & bit(verb)) !== 0);
  const [first] = targets;
  if (plan.place === 'database') {
    const schema = first?.schema ?? '';
    return own.map((verb) => ({ verb, type: 'database', schema, name: '' }));
  }
  const accesses = targets.flatMap(({ schema, name, operations }, i) => {
    const words = operations.flatMap((word) => DATA[word] ?? []);
    const verbs = new Set([...(i === 0 && plan.place !== 'none' ? own : []), ...words]);
    return [...verbs].map((verb): Access => ({ verb, type: 'collection', schema, name }));
  });
  if (plan.place === 'none' && own.length > 0)
    return [...own.map((verb) => ({ verb, type: '', schema: '', name: '' })), ...accesses];
  return accesses.length > 0 ? accesses : null;
}
