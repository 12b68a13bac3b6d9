import type { Target } from '../../exchange/digest.ts';

/** What a parser may hand on of one statement: above, the statement counts as not understood. */
const TARGETS = 256;

/** Collects relations by name, each with all that is done to it. */
export class Targets {
  readonly #list: { schema: string; name: string; operations: string[] }[] = [];
  readonly #byName = new Map<string, { operations: string[] }>();
  /** More relations than we keep. */
  overflow = false;

  /** `name` '' = the schema as a whole. */
  add(schema: string, name: string, operation: string): void {
    const key = `${schema}\u0000${name}`;
    const known = this.#byName.get(key);
    if (known) {
      if (!known.operations.includes(operation)) known.operations.push(operation);
      return;
    }
    if (this.#list.length === TARGETS) {
      this.overflow = true;
      return;
    }
    const target = { schema, name, operations: [operation] };
    this.#list.push(target);
    this.#byName.set(key, target);
  }

  list(): readonly Target[] {
    return this.#list;
  }
}
