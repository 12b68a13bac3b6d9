import { inner, isNode, listOf, type Node, textOf } from './sql-tree.ts';

/** Names of common table expressions that hide relations here: a chain, innermost first. */
export type Scope = { readonly name: string; readonly outer: Scope } | null;

export const hides = (scope: Scope, name: string): boolean => {
  for (let s = scope; s !== null; s = s.outer) if (s.name === name) return true;
  return false;
};

/**
 * The queries of a WITH clause, each with the names it sees, and what the statement itself sees. Without RECURSIVE a
 * query sees only those before it: `with t as (select * from t)` reads the table t.
 */
export const withScopes = (clause: unknown, outer: Scope): { queries: [unknown, Scope][]; scope: Scope } => {
  const queries: [unknown, Scope][] = [];
  if (!isNode(clause)) return { queries, scope: outer };
  const ctes = listOf(clause['ctes'])
    .map((cte) => inner(cte, 'CommonTableExpr'))
    .filter((cte): cte is Node => cte !== null);
  let scope = outer;
  if (clause['recursive'] === true) {
    for (const cte of ctes) scope = { name: textOf(cte['ctename']), outer: scope };
    for (const cte of ctes) queries.push([cte, scope]);
    return { queries, scope };
  }
  for (const cte of ctes) {
    queries.push([cte, scope]);
    scope = { name: textOf(cte['ctename']), outer: scope };
  }
  return { queries, scope };
};
