import { binaryName, type PolicyVocabulary, type TargetPattern } from '../../src/exchange/operation-facts.ts';
import { VERBS } from './operation-verbs.ts';
import { OPERATIONS } from './operations.ts';
import { seen } from './seen.ts';
import { WORDS } from './words.ts';

/** Servers and their own `/` apart, no path ends with a slash, or has a part that is empty or all dots. */
function target(text: string): TargetPattern | { readonly fault: string } {
  if (text === '*') return { type: '', schema: '*', name: '*' };
  const path = text.startsWith('path=') ? text.slice(5) : text;
  if (!path.startsWith('/') && !path.startsWith('*')) return { fault: `a path begins with /: \`/${path}\`?` };
  if (path.length > 1 && path.endsWith('/')) return { fault: `no path ends with /: \`${path}*\` is what lies below` };
  if (/\/(?:\/|\.{1,2}(?:\/|$))/.test(path)) return { fault: 'no path has a part that is empty, . or ..' };
  return { type: 'path', schema: '*', name: binaryName(path) };
}

/** What policies for ZooKeeper are written of. Transactions are single requests: none is ever idle. */
export const vocabulary: PolicyVocabulary = {
  verbs: VERBS,
  harmless: ['session'],
  operations: new Set([...OPERATIONS.map(({ name }) => name), ...WORDS]),
  cannotLimit: ['idle_in_transaction'],
  target,
  seen,
};
