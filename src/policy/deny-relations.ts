import type { Target } from '../exchange/digest.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Denial } from '../exchange/protocol-filter.ts';
import { isUnresolved } from './unresolved.ts';

export interface DenyRelations {
  /** `name`: in any schema; `schema.name`: there, and where the query did not say the schema. As the server folds names. */
  readonly relations: readonly string[];
  /** What the client is told. */
  readonly message: string;
}

export const DENY_RELATIONS_POLICY = 'deny_relations';

/** Denies a turn if any operation touches a named relation, or if that cannot be known. Pure. */
export function denyRelations(ops: readonly Exchange[], config: DenyRelations): Denial | null {
  for (const x of ops) {
    if (isUnresolved(x) || x.digest!.targets.some((target) => config.relations.some((name) => names(name, target))))
      return { policy: DENY_RELATIONS_POLICY, message: config.message, kind: 'policy', closes: false };
  }
  return null;
}

/** A query that does not say the schema may mean any: search_path and temporary tables decide (threats PG-25). */
function names(relation: string, target: Target): boolean {
  const dot = relation.lastIndexOf('.');
  if (relation.slice(dot + 1) !== target.name) return false;
  return dot < 0 || target.schema === '' || relation.slice(0, dot) === target.schema;
}
