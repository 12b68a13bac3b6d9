import { mysqlParsable } from './mysql-parsable.ts';
import { mysqlTreeFacts } from './mysql-tree-facts.ts';
import type { SqlDialect, SqlParser } from './sql-parser.ts';
import { type TreeFacts, treeFacts } from './sql-tree-facts.ts';

/**
 * Facts of a statement in parse form, or (`literals`) as it was written; null when it does not parse, or its tree is too
 * large or not understood whole.
 */
export const parseFacts = (
  parser: SqlParser,
  dialect: SqlDialect,
  text: string,
  label: string,
  literals = false,
): TreeFacts | null => {
  const tree = parser.parse(dialect === 'mysql' ? mysqlParsable(text) : text);
  if (tree === null) return null;
  return dialect === 'mysql' ? mysqlTreeFacts(tree, label, literals, text) : treeFacts(tree, label, literals);
};
