import { type Access, binaryName } from '../../exchange/operation-facts.ts';

/** Accesses told of one statement: above, it counts as one that nobody can read whole. */
const ACCESSES = 1024;

/** What a parser hands on of a statement for policies; the digest cache makes OperationFacts of it. */
export interface TreeJudged {
  readonly accesses: readonly Access[];
  /** As OperationFacts.unresolved. */
  readonly unresolved: string;
  readonly hasWhere: boolean;
  readonly limit: number;
  /** Offset, in bytes of the parsed text, of the literal that is the row limit; -1 = none is. */
  readonly limitAt: number;
}

/** Collects what a statement does to what, each once. Names are taken as text and kept as binary names. */
export class Accesses {
  readonly #list: Access[] = [];
  readonly #seen = new Set<string>();
  #doubt = '';

  /** `name` '' = all of the schema. */
  add(verb: string, type: string, schema: string, name: string): void {
    const key = `${verb}\u0000${type}\u0000${schema}\u0000${name}`;
    if (this.#seen.has(key)) return;
    if (this.#list.length === ACCESSES) {
      this.doubt('touches more than is kept');
      return;
    }
    this.#seen.add(key);
    this.#list.push({ verb, type, schema: binaryName(schema), name: binaryName(name) });
  }

  /** More may be done than was added. The first reason is kept. */
  doubt(why: string): void {
    if (this.#doubt === '') this.#doubt = why;
  }

  get unresolved(): string {
    return this.#doubt;
  }

  list(): readonly Access[] {
    return this.#list;
  }
}
