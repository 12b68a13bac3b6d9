/** A number of CEL's type uint. An int is a bigint, a double a number. */
export class CelUint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** A moment or a length of time, in nanoseconds. */
export class CelTime {
  readonly kind: 'timestamp' | 'duration';
  readonly ns: bigint;
  constructor(kind: 'timestamp' | 'duration', ns: bigint) {
    this.kind = kind;
    this.ns = ns;
  }
}

/** What could not be evaluated. A value of its own: `&&` and `||` may do without it. */
export class CelError {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** What type() gives. */
export class CelType {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export interface CelMap {
  /** Undefined: no such key. */
  get(key: CelValue): CelValue | undefined;
  readonly size: number;
  keys(): readonly CelValue[];
}

export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | CelUint
  | CelTime
  | CelType
  | CelError
  | readonly CelValue[]
  | ObjectMap
  | LiteralMap;

/** Plain data as a map with text keys; what it inherits is no part of it. */
export class ObjectMap implements CelMap {
  readonly #object: Readonly<Record<string, unknown>>;
  /** A message rather than a map: it has these fields and no others, and has no size. */
  readonly isMessage: boolean;

  constructor(object: Readonly<Record<string, unknown>>, isMessage = false) {
    this.#object = object;
    this.isMessage = isMessage;
  }

  get(key: CelValue): CelValue | undefined {
    return typeof key === 'string' && Object.hasOwn(this.#object, key) ? celValueOf(this.#object[key]) : undefined;
  }

  get size(): number {
    return Object.keys(this.#object).length;
  }

  keys(): readonly CelValue[] {
    return Object.keys(this.#object);
  }
}

/** `{'a': 1}` in an expression. */
export class LiteralMap implements CelMap {
  readonly #entries: readonly (readonly [CelValue, CelValue])[];

  constructor(entries: readonly (readonly [CelValue, CelValue])[]) {
    this.#entries = entries;
  }

  get(key: CelValue): CelValue | undefined {
    return this.#entries.find(([known]) => celEquals(known, key))?.[1];
  }

  get size(): number {
    return this.#entries.length;
  }

  keys(): readonly CelValue[] {
    return this.#entries.map(([key]) => key);
  }
}

/** Plain data: numbers are doubles, as in a google.protobuf.Struct. CEL's own values are themselves. */
export function celValueOf(value: unknown): CelValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (typeof value === 'bigint' || value instanceof Uint8Array || value instanceof CelUint || value instanceof CelTime)
    return value;
  if (value instanceof ObjectMap || value instanceof CelError) return value;
  if (Array.isArray(value)) return value.map(celValueOf);
  if (typeof value === 'object') return new ObjectMap(value as Record<string, unknown>);
  return new CelError('no value');
}

/** int, uint or double as something JavaScript compares exactly; null for other types. */
export const numberOf = (value: CelValue): bigint | number | null =>
  typeof value === 'bigint' || typeof value === 'number' ? value : value instanceof CelUint ? value.value : null;

/** Numbers of different types are equal where their values are; other types never are. */
export function celEquals(a: CelValue, b: CelValue): boolean {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null || y !== null) return x !== null && y !== null && x <= y && x >= y; // a bigint and a number too
  if (a instanceof CelTime) return b instanceof CelTime && a.kind === b.kind && a.ns === b.ns;
  if (a instanceof CelType) return b instanceof CelType && a.name === b.name;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => celEquals(item, b[i] as CelValue));
  if (isMap(a)) {
    if (!isMap(b) || a.size !== b.size) return false;
    return a.keys().every((key) => {
      const [mine, other] = [a.get(key), b.get(key)];
      return mine !== undefined && other !== undefined && celEquals(mine, other);
    });
  }
  return a === b;
}

export const isMap = (value: CelValue): value is ObjectMap | LiteralMap =>
  value instanceof ObjectMap || value instanceof LiteralMap;

/** Below 0, 0, above 0; null where the two have no order. Text by code points, as its UTF-8 bytes. */
export function celCompare(a: CelValue, b: CelValue): number | null {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : x <= y ? 0 : null; // null: NaN
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof CelTime && b instanceof CelTime && a.kind === b.kind) return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0;
  return null;
}

export const typeName = (value: CelValue): string => {
  if (value === null) return 'null_type';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'string') return 'string';
  if (value instanceof CelUint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof CelTime) return `google.protobuf.${value.kind === 'timestamp' ? 'Timestamp' : 'Duration'}`;
  if (value instanceof CelType) return 'type';
  if (value instanceof CelError) return 'error';
  return Array.isArray(value) ? 'list' : 'map';
};
