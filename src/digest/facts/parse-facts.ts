import type { SqlParser } from './sql-parser.ts';
import { type TreeFacts, treeFacts } from './sql-tree-facts.ts';

/** Facts of a statement in parse form, or null when it does not parse or is too large a tree. */
export const parseFacts = (parser: SqlParser, text: string, label: string): TreeFacts | null => {
  const tree = parser.parse(text);
  return tree === null ? null : treeFacts(tree, label);
};
