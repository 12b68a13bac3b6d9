/**
 * Configuration before it is checked: what a YAML or JSON file can hold, as plain data. Maps have no prototype, so no key
 * of a file ever meets `Object.prototype`.
 */
export type Json = null | boolean | number | string | Json[] | JsonMap;
export interface JsonMap {
  [key: string]: Json;
}

/** Where a value stands: keys and list positions from the root. */
export type Path = readonly (string | number)[];

export const newMap = (entries: Readonly<Record<string, Json>> = {}): JsonMap =>
  Object.assign(Object.create(null) as JsonMap, entries);

export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a path, or undefined where there is none. Inherited properties do not count. */
export function valueAt(tree: Json | undefined, path: Path): Json | undefined {
  let value = tree;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === 'number') value = value[step];
    else if (isMap(value) && typeof step === 'string' && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}

/** The maps in the list at a path, each with its own path; entries of another kind are left to the schema. */
export function mapsAt(tree: Json | undefined, path: Path): { map: JsonMap; path: Path }[] {
  const list = valueAt(tree, path);
  if (!Array.isArray(list)) return [];
  return list.flatMap((map, i) => (isMap(map) ? [{ map, path: [...path, i] }] : []));
}

/** Equal values give equal text, whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : v,
  );
}

/** Freezes plain data all the way down and gives it back. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
