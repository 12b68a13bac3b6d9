import { compileFilter } from '../../../stats/name-filter.ts';
import type { CelStrings, Condition } from '../rbac-config.ts';
import type { RbacInput } from '../rbac-input.ts';
import { Tri, triOf } from '../tri.ts';
import { attribute } from './cel-attributes.ts';
import { type CelExpr, celNames } from './cel-expr.ts';
import { celFunction } from './cel-functions.ts';
import { durationOf, timestampOf } from './cel-times.ts';
import { CelError, CelUint, type CelValue, celEquals, isMap, LiteralMap, ObjectMap } from './cel-values.ts';

/** An expression compiled to closures. Its time is bounded by its size: there are no loops in it. */
export type CelRun = (input: RbacInput) => CelValue;

/** A policy's condition: true matches; anything else, and what cannot be evaluated, does not (Envoy). */
export function celTest({ expr, strings }: Condition): (input: RbacInput) => Tri {
  const run = compileCel(expr, strings);
  const readsMetadata = celNames(expr).has('metadata');
  return (input) => (readsMetadata && input.metadata === null ? Tri.maybe : triOf(run(input) === true));
}

/** Why an expression could never be run; null: it can. */
export function celFault(expr: CelExpr, strings: CelStrings): string | null {
  try {
    compileCel(expr, strings);
    return null;
  } catch (error) {
    if (error instanceof CelSyntaxError) return error.message;
    throw error;
  }
}

class CelSyntaxError extends Error {}

/** Throws CelSyntaxError for what celFault() tells. */
function compileCel(expr: CelExpr, strings: CelStrings): CelRun {
  const compile = (one: CelExpr): CelRun => compileCel(one, strings);
  switch (expr.is) {
    case 'const': {
      const value = constantOf(expr);
      return () => value;
    }
    case 'name':
      return attribute(expr.name);
    case 'select': {
      const of = compile(expr.of);
      const { field, test } = expr;
      return (input) => {
        const value = of(input);
        if (value instanceof CelError) return value;
        if (!isMap(value)) return new CelError('no such overload');
        const found = value.get(field);
        return test ? isSet(value, found) : (found ?? new CelError(`no such key: ${field}`));
      };
    }
    case 'list': {
      const items = expr.of.map(compile);
      return (input) =>
        unlessError(
          items.map((item) => item(input)),
          (values) => values,
        );
    }
    case 'map': {
      const entries = expr.of.map(([key, value]) => [compile(key), compile(value)] as const);
      return (input) =>
        unlessError(
          entries.flatMap(([key, value]) => [key(input), value(input)]),
          literalMap,
        );
    }
    case 'call':
      return callRun(expr, compile, strings);
  }
}

function callRun(
  { name, args }: CelExpr & { is: 'call' },
  compile: (one: CelExpr) => CelRun,
  strings: CelStrings,
): CelRun {
  const runs = args.map(compile);
  const [first, second, third] = runs;
  const known = `${name}/${args.length}`;
  if (known === '_&&_/2') return logical(first!, second!, false);
  if (known === '_||_/2') return logical(first!, second!, true);
  if (known === '_?_:_/3')
    return (input) => {
      const choice = first!(input);
      if (typeof choice === 'boolean') return choice ? second!(input) : third!(input);
      return choice instanceof CelError ? choice : new CelError('no such overload');
    };
  if (known === 'matches/2') return matchesRun(first!, args[1]!);
  const call = celFunction(name, args.length, strings);
  if (call === null) throw new CelSyntaxError(`there is no function ${name} of ${args.length}`);
  return (input) =>
    unlessError(
      runs.map((run) => run(input)),
      (values) => call(...values),
    );
}

/** has(): a map of a message is there where it holds something. */
const isSet = (of: CelValue, found: CelValue | undefined): boolean =>
  found !== undefined && !(of instanceof ObjectMap && of.isMessage && isMap(found) && found.size === 0);

/** A key is a text, a truth value or a whole number, and there once. */
function literalMap(flat: readonly CelValue[]): CelValue {
  const entries: [CelValue, CelValue][] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i]!;
    const isKey = ['string', 'boolean', 'bigint'].includes(typeof key) || key instanceof CelUint;
    if (!isKey || entries.some(([known]) => celEquals(known, key))) return new CelError('no key of a map');
    entries.push([key, flat[i + 1]!]);
  }
  return new LiteralMap(entries);
}

/** `&&` and `||`: the side that decides does so whatever the other one is, an error too. */
function logical(left: CelRun, right: CelRun, decides: boolean): CelRun {
  return (input) => {
    const a = left(input);
    if (a === decides) return decides;
    const b = right(input);
    if (b === decides) return decides;
    if (typeof a === 'boolean' && typeof b === 'boolean') return !decides;
    return a instanceof CelError ? a : b instanceof CelError ? b : new CelError('no such overload');
  };
}

/** Found anywhere in the text, in time text × pattern; so the pattern must be known beforehand. */
function matchesRun(text: CelRun, pattern: CelExpr): CelRun {
  if (pattern.is !== 'const' || pattern.type !== 'string')
    throw new CelSyntaxError('the pattern of matches() must be a text as it stands');
  let finds: (text: string) => boolean;
  try {
    finds = compileFilter(pattern.text);
  } catch (error) {
    throw new CelSyntaxError(`matches(): ${(error as Error).message.replace(/^filter:? /, '')}`);
  }
  return (input) => {
    const seen = text(input);
    return seen instanceof CelError ? seen : typeof seen === 'string' ? finds(seen) : new CelError('no such overload');
  };
}

function unlessError(values: readonly CelValue[], use: (values: readonly CelValue[]) => CelValue): CelValue {
  const error = values.find((value) => value instanceof CelError);
  return error ?? use(values);
}

/** The schema has checked its form. */
function constantOf({ type, text }: CelExpr & { is: 'const' }): CelValue {
  switch (type) {
    case 'null':
      return null;
    case 'bool':
      return text === 'true';
    case 'int':
      return BigInt(text);
    case 'uint':
      return new CelUint(BigInt(text));
    case 'double':
      return Number(text);
    case 'string':
      return text;
    case 'bytes':
      return Buffer.from(text, 'base64');
    case 'duration':
      return durationOf(text);
    case 'timestamp':
      return timestampOf(text);
  }
}
