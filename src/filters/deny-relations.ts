import { z } from 'zod';
import type { FilterSchema } from '../config/snapshot.ts';
import type { Denial, Turn, Verdict } from '../exchange/protocol-filter.ts';
import type { FilterBuilder, NetworkFilter } from '../net/filter.ts';
import { type DenyRelations, denyRelations } from '../policy/deny-relations.ts';

export const DENY_RELATIONS_TYPE_URL = 'type.googleapis.com/sluice.filters.network.deny_relations.v1.DenyRelations';

export const denyRelationsConfig = z.strictObject({
  /** `name` or `schema.name`, as the server folds names: lower case unless they are quoted in SQL. */
  relations: z.array(z.string().min(1)).min(1),
  message: z.string().min(1).default('this statement is denied by policy'),
});

export const denyRelationsSchema: FilterSchema = {
  filterName: 'sluice.filters.network.deny_relations',
  typeUrl: DENY_RELATIONS_TYPE_URL,
  terminal: false,
  enforces: true,
  protocol: null,
  config: denyRelationsConfig,
  options: null,
};

/** A chain link that denies every turn that touches one of the relations, or that nobody can read. */
export const denyRelationsLink =
  (config: DenyRelations): FilterBuilder =>
  () =>
    new DenyRelationsLink(config);

class DenyRelationsLink implements NetworkFilter {
  readonly name = 'sluice.filters.network.deny_relations';
  readonly enforces = true;
  denial: Denial | null = null;
  readonly #config: DenyRelations;

  constructor(config: DenyRelations) {
    this.#config = config;
  }

  onTurn(turn: Turn): Verdict {
    this.denial = denyRelations(turn.ops, this.#config);
    return this.denial === null ? 'allow' : 'deny';
  }
}
