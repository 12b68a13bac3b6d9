/** One query parameter of a route. */
export interface Param {
  readonly help: string;
  /** `flag`: present or not (Envoy's `?usedonly`). Else the values it may have, or text of at most 256 characters. */
  readonly is: 'flag' | 'text' | readonly string[] | { readonly min: number; readonly max: number };
}

export type ParamTable = Readonly<Record<string, Param>>;

/** A mistake of the one who asks: 400. `allowed` is shown beside. */
export class BadRequest extends Error {
  readonly allowed: readonly string[];

  constructor(message: string, allowed: readonly string[] = []) {
    super(message);
    this.allowed = allowed;
  }
}

/** Parameters that were given and are right. */
export class Params {
  readonly #given: ReadonlyMap<string, string>;

  constructor(given: ReadonlyMap<string, string>) {
    this.#given = given;
  }

  flag(name: string): boolean {
    return this.#given.has(name) && !['false', 'off', '0'].includes(this.#given.get(name)!);
  }

  text(name: string): string | undefined {
    return this.#given.get(name);
  }

  number(name: string): number | undefined {
    const text = this.#given.get(name);
    return text === undefined ? undefined : Number(text);
  }

  /** The value, which the table has already checked to be one of these. */
  choice<T extends string>(name: string, of: readonly T[]): T | undefined {
    const text = this.#given.get(name);
    return of.find((value) => value === text);
  }
}

const MAX_TEXT = 256;

/** Throws BadRequest for an unknown or repeated parameter and for a value that the table does not allow. */
export function readParams(query: URLSearchParams, table: ParamTable): Params {
  const given = new Map<string, string>();
  const names = Object.keys(table);
  for (const [name, value] of query) {
    const param = names.includes(name) ? table[name] : undefined;
    if (!param) throw new BadRequest(`unknown parameter ${JSON.stringify(name.slice(0, 64))}`, names);
    if (given.has(name)) throw new BadRequest(`${name} is given twice`);
    check(name, value, param);
    given.set(name, value);
  }
  return new Params(given);
}

const FLAGS = ['', 'true', 'false', 'on', 'off', '1', '0'];

function check(name: string, value: string, { is }: Param): void {
  const seen = JSON.stringify(value.slice(0, 64));
  if (is === 'text') {
    if (value.length > MAX_TEXT) throw new BadRequest(`${name} is longer than ${MAX_TEXT} characters`);
  } else if (is === 'flag') {
    if (!FLAGS.includes(value)) throw new BadRequest(`${name}: ${seen} is no flag`, FLAGS);
  } else if ('min' in is) {
    const ok = /^\d{1,9}$/.test(value) && Number(value) >= is.min && Number(value) <= is.max;
    if (!ok) throw new BadRequest(`${name}: ${seen} is no whole number from ${is.min} to ${is.max}`);
  } else if (!is.includes(value)) throw new BadRequest(`${name}: ${seen} is none of ${is.join(', ')}`, is);
}
