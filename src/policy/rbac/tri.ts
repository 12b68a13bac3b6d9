/**
 * What a rule says of what is known so far. `maybe`: it asks for metadata, and there is none yet. Before the first
 * message of a connection only what is certain decides.
 */
export const Tri = { no: 0, yes: 1, maybe: 2 } as const;
export type Tri = (typeof Tri)[keyof typeof Tri];

export const triOf = (value: boolean): Tri => (value ? Tri.yes : Tri.no);

/** True as soon as one is; false only if all are. */
export function some<T>(tests: readonly ((input: T) => Tri)[], input: T): Tri {
  let result: Tri = Tri.no;
  for (const test of tests) {
    const one = test(input);
    if (one === Tri.yes) return Tri.yes;
    if (one === Tri.maybe) result = Tri.maybe;
  }
  return result;
}

/** False as soon as one is; true only if all are. */
export function all<T>(tests: readonly ((input: T) => Tri)[], input: T): Tri {
  let result: Tri = Tri.yes;
  for (const test of tests) {
    const one = test(input);
    if (one === Tri.no) return Tri.no;
    if (one === Tri.maybe) result = Tri.maybe;
  }
  return result;
}

export const not = (value: Tri): Tri => (value === Tri.maybe ? Tri.maybe : value === Tri.yes ? Tri.no : Tri.yes);
