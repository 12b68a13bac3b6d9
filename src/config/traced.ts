import type { Place, PlaceOf } from './problem.ts';
import { isMap, type Json, newMap, type Path, valueAt } from './tree.ts';

/** A compiled value with the place of the text it came from. */
class Traced {
  readonly value: TracedTree;
  readonly place: Place;

  constructor(value: TracedTree, place: Place) {
    this.value = value;
    this.place = place;
  }
}
export type TracedTree = Json | Traced | readonly TracedTree[] | { readonly [key: string]: TracedTree | undefined };

/** Marks where a value comes from; undefined stays undefined, and such fields are left out. */
export function from<T extends TracedTree | undefined>(place: Place, value: T): Traced | undefined {
  return value === undefined ? undefined : new Traced(value, place);
}

/** The plain tree, and for each of its paths the place it came from; what was not marked belongs to `otherwise`. */
export function untrace(traced: TracedTree, otherwise: PlaceOf): { tree: Json; placeOf: PlaceOf } {
  const origins = new Map<string, Place>();
  const plain = (node: TracedTree, path: Path): Json => {
    if (node instanceof Traced) {
      origins.set(keyOf(path), node.place);
      return plain(node.value, path);
    }
    if (Array.isArray(node)) return node.map((item: TracedTree, i) => plain(item, [...path, i]));
    if (!isMap(node)) return node as Json;
    const map = newMap();
    for (const [key, value] of Object.entries(node as Record<string, TracedTree | undefined>))
      if (value !== undefined) map[key] = plain(value, [...path, key]);
    return map;
  };
  const tree = plain(traced, []);
  return { tree, placeOf: (path) => originOf(path, origins) ?? otherwise(path) };
}

const keyOf = (path: Path): string => JSON.stringify(path);

function originOf(path: Path, origins: ReadonlyMap<string, Place>): Place | null {
  for (let length = path.length; length >= 0; length--) {
    const place = origins.get(keyOf(path.slice(0, length)));
    if (place) return follow(place, path.slice(length));
  }
  return null;
}

/** Goes on inside the source as far as it has the same shape; a missing last field still names itself. */
function follow(place: Place, rest: Path): Place {
  let at = place.path;
  for (const [i, step] of rest.entries()) {
    const inside = valueAt(place.source.tree, at);
    const exists = valueAt(place.source.tree, [...at, step]) !== undefined;
    if (!exists && !(i === rest.length - 1 && isMap(inside))) break;
    at = [...at, step];
  }
  return { source: place.source, path: at };
}
