import type { Access, OperationFacts } from '../../src/exchange/operation-facts.ts';

/** Databases by which facts are kept: above, they are made anew. */
const KEPT = 64;
const NOBODY = new Map<string, OperationFacts>();

/**
 * Facts with names as the server would understand them in a session: unqualified ones belong to its database, and under
 * lower_case_table_names they are folded. The same object for the same facts and database, over all sessions of a chain.
 */
export class Resolver {
  readonly #folds: boolean;
  readonly #kept = new WeakMap<OperationFacts, Map<string, OperationFacts>>();

  constructor(folds: boolean) {
    this.#folds = folds;
  }

  /** `database`: a binary name, '' where none is chosen. */
  resolve(facts: OperationFacts, database: string): OperationFacts {
    if (facts.accesses.length === 0) return facts;
    let kept = this.#kept.get(facts) ?? NOBODY;
    const known = kept.get(database);
    if (known !== undefined) return known;
    if (kept === NOBODY || kept.size >= KEPT) {
      kept = new Map();
      this.#kept.set(facts, kept);
    }
    const accesses = facts.accesses.map((access) => this.#access(access, database));
    const same = accesses.every((access, i) => access === facts.accesses[i]);
    const resolved = same ? facts : { ...facts, accesses };
    kept.set(database, resolved);
    return resolved;
  }

  #access(access: Access, database: string): Access {
    const { verb, type } = access;
    if (!QUALIFIED.has(type)) return access;
    const schema = access.schema === '' ? database : access.schema === ANY_SCHEMA ? '' : access.schema;
    const folded = this.#folds && (type === 'table' || type === 'schema');
    const name = folded ? fold(access.name) : access.name;
    const inSchema = folded ? fold(schema) : schema;
    if (inSchema === access.schema && name === access.name) return access;
    return { verb, type, schema: inSchema, name };
  }
}

/**
 * Stands where a database would, for what belongs to none (users, settings): so that rules about all of a database, which
 * match where the database is not known, do not mean them.
 */
export const NO_SCHEMA = '@';

/** A schema of facts that stands for all of them, also where the session has one. */
const ANY_SCHEMA = '*';
const QUALIFIED: ReadonlySet<string> = new Set([
  'table',
  'schema',
  'procedure',
  'function',
  'trigger',
  'event',
  'sequence',
  'package',
]);

/** As the server folds names (its system character set is UTF-8). */
const fold = (name: string): string =>
  /[A-Z\x80-\xff]/.test(name)
    ? Buffer.from(Buffer.from(name, 'latin1').toString('utf8').toLowerCase()).toString('latin1')
    : name;
