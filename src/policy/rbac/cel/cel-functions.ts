import type { CelStrings } from '../rbac-config.ts';
import { duration, durationOf, TIME_FIELDS, timeField, timestamp, timestampOf } from './cel-times.ts';
import {
  CelError,
  CelTime,
  CelType,
  CelUint,
  type CelValue,
  celCompare,
  celEquals,
  isMap,
  numberOf,
  typeName,
} from './cel-values.ts';

/** Takes values that are no errors; gives an error where the types or the values do not fit. */
export type CelFunction = (...args: readonly CelValue[]) => CelValue;

/** What a function is called with: that many arguments, a method's target among them. */
interface Declared {
  readonly args: readonly number[];
  readonly run: CelFunction;
  /** Only where the policy's `cel_config` has switched it on. */
  readonly needs?: keyof CelStrings;
}

const NO_OVERLOAD = new CelError('no such overload');
const OVERFLOW = new CelError('integer overflow');
const NO_KEY = new CelError('no such key');

const int = (value: bigint): CelValue => (BigInt.asIntN(64, value) === value ? value : OVERFLOW);
const uint = (value: bigint): CelValue => (BigInt.asUintN(64, value) === value ? new CelUint(value) : OVERFLOW);

type Arithmetic = { big(a: bigint, b: bigint): bigint; double(a: number, b: number): number };

function arithmetic(a: CelValue, b: CelValue, { big, double }: Arithmetic): CelValue {
  if (typeof a === 'bigint' && typeof b === 'bigint') return int(big(a, b));
  if (a instanceof CelUint && b instanceof CelUint) return uint(big(a.value, b.value));
  if (typeof a === 'number' && typeof b === 'number') return double(a, b);
  return NO_OVERLOAD;
}

const PLUS: Arithmetic = { big: (a, b) => a + b, double: (a, b) => a + b };
const MINUS: Arithmetic = { big: (a, b) => a - b, double: (a, b) => a - b };
const TIMES: Arithmetic = { big: (a, b) => a * b, double: (a, b) => a * b };
const OVER: Arithmetic = { big: (a, b) => a / b, double: (a, b) => a / b };
const MODULO: Arithmetic = { big: (a, b) => a % b, double: () => Number.NaN };

const isZero = (value: CelValue): boolean => value === 0n || (value instanceof CelUint && value.value === 0n);

function plus(a: CelValue, b: CelValue): CelValue {
  if (a instanceof CelTime && b instanceof CelTime) {
    if (a.kind === 'duration' && b.kind === 'duration') return duration(a.ns + b.ns);
    return a.kind === b.kind ? NO_OVERLOAD : timestamp(a.ns + b.ns);
  }
  return arithmetic(a, b, PLUS);
}

/** Envoy joins texts and lists only where `enable_string_concat` is on, and lists never. */
function plusText(a: CelValue, b: CelValue): CelValue {
  if (typeof a === 'string' && typeof b === 'string') return bounded(a + b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.concat([a, b]);
  return plus(a, b);
}

function minus(a: CelValue, b: CelValue): CelValue {
  if (a instanceof CelTime && b instanceof CelTime) {
    if (a.kind === 'timestamp') return b.kind === 'timestamp' ? duration(a.ns - b.ns) : timestamp(a.ns - b.ns);
    return b.kind === 'duration' ? duration(a.ns - b.ns) : NO_OVERLOAD;
  }
  return arithmetic(a, b, MINUS);
}

function divided(a: CelValue, b: CelValue, by: Arithmetic): CelValue {
  return isZero(b) && typeof a !== 'number' ? new CelError('division by zero') : arithmetic(a, b, by);
}

const ordered =
  (holds: (order: number) => boolean): CelFunction =>
  (a, b) => {
    const order = celCompare(a!, b!);
    if (order !== null) return holds(order);
    return numberOf(a!) !== null && numberOf(b!) !== null ? false : NO_OVERLOAD; // NaN
  };

function at(of: CelValue, key: CelValue): CelValue {
  if (isMap(of)) return of.get(key) ?? NO_KEY;
  if (!Array.isArray(of)) return NO_OVERLOAD;
  const index = numberOf(key);
  return index === null ? NO_OVERLOAD : (of[Number(index)] ?? new CelError('index out of bounds'));
}

function isIn(item: CelValue, of: CelValue): CelValue {
  if (Array.isArray(of)) return of.some((one) => celEquals(one, item));
  return isMap(of) ? of.get(item) !== undefined : NO_OVERLOAD;
}

function size(of: CelValue): CelValue {
  if (typeof of === 'string') return BigInt([...of].length);
  if (of instanceof Uint8Array || Array.isArray(of)) return BigInt(of.length);
  return isMap(of) ? BigInt(of.size) : NO_OVERLOAD;
}

const ofTexts =
  (run: (a: string, b: string) => CelValue): CelFunction =>
  (a, b) =>
    typeof a === 'string' && typeof b === 'string' ? run(a, b) : NO_OVERLOAD;

function toInt(value: CelValue): CelValue {
  const number = numberOf(value);
  if (value instanceof CelTime && value.kind === 'timestamp') return value.ns / 1_000_000_000n;
  if (typeof value === 'string') return /^-?\d{1,19}$/.test(value) ? int(BigInt(value)) : new CelError('not an int');
  if (number === null) return NO_OVERLOAD;
  return typeof number === 'bigint'
    ? int(number)
    : Number.isFinite(number)
      ? int(BigInt(Math.trunc(number)))
      : OVERFLOW;
}

function toUint(value: CelValue): CelValue {
  const whole = typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : toInt(value);
  if (value instanceof CelUint) return value;
  return typeof whole === 'bigint' && !(value instanceof CelTime) ? uint(whole) : NO_OVERLOAD;
}

function toDouble(value: CelValue): CelValue {
  if (typeof value === 'string')
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : new CelError('not a double');
  const number = numberOf(value);
  return number === null ? NO_OVERLOAD : Number(number);
}

function toText(value: CelValue): CelValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  const number = numberOf(value);
  return number !== null
    ? String(number)
    : typeof value === 'string' || typeof value === 'boolean'
      ? String(value)
      : NO_OVERLOAD;
}

/** No expression makes more of a text than a connection is worth. */
const MAX_TEXT = 1_048_576;
const bounded = (text: string): CelValue => (text.length > MAX_TEXT ? new CelError('text too long') : text);

const asciiCase =
  (from: RegExp, by: number) =>
  (text: CelValue): CelValue =>
    typeof text === 'string' ? text.replace(from, (c) => String.fromCharCode(c.charCodeAt(0) + by)) : NO_OVERLOAD;

function replace(text: CelValue, from: CelValue, to: CelValue, count: CelValue = -1n): CelValue {
  if (typeof text !== 'string' || typeof from !== 'string' || typeof to !== 'string' || typeof count !== 'bigint')
    return NO_OVERLOAD;
  const parts = text.split(from);
  const times = count < 0n ? parts.length - 1 : Math.min(Number(count), parts.length - 1);
  if (text.length + times * to.length > MAX_TEXT) return bounded(' '.repeat(MAX_TEXT + 1));
  return (
    parts
      .slice(0, times)
      .map((part) => part + to)
      .join('') + parts.slice(times).join(from)
  );
}

function split(text: CelValue, by: CelValue, count: CelValue = -1n): CelValue {
  if (typeof text !== 'string' || typeof by !== 'string' || typeof count !== 'bigint') return NO_OVERLOAD;
  if (count === 0n) return [];
  const parts = text.split(by);
  const limit = count < 0n ? parts.length : Math.min(Number(count), parts.length);
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(by)];
}

function join(list: CelValue, by: CelValue = ''): CelValue {
  if (!Array.isArray(list) || typeof by !== 'string' || !list.every((one) => typeof one === 'string'))
    return NO_OVERLOAD;
  return bounded(list.join(by));
}

function substring(text: CelValue, from: CelValue, to?: CelValue): CelValue {
  if (typeof text !== 'string' || typeof from !== 'bigint' || (to !== undefined && typeof to !== 'bigint'))
    return NO_OVERLOAD;
  const points = [...text];
  const [start, end] = [Number(from), to === undefined ? points.length : Number(to)];
  if (start < 0 || end > points.length || start > end) return new CelError('index out of range');
  return points.slice(start, end).join('');
}

function charAt(text: CelValue, index: CelValue): CelValue {
  if (typeof text !== 'string' || typeof index !== 'bigint') return NO_OVERLOAD;
  const points = [...text];
  return index < 0n || index > BigInt(points.length)
    ? new CelError('index out of range')
    : (points[Number(index)] ?? '');
}

const indexIn =
  (find: (points: string, part: string) => number): CelFunction =>
  (text, part) => {
    if (typeof text !== 'string' || typeof part !== 'string') return NO_OVERLOAD;
    const found = find(text, part);
    return found < 0 ? -1n : BigInt([...text.slice(0, found)].length);
  };

const field = (name: string): Declared => ({
  args: [1, 2],
  run: (time, zone = 'UTC') =>
    time instanceof CelTime && typeof zone === 'string' ? timeField(name, time, zone) : NO_OVERLOAD,
});

/** `&&`, `||`, `?:` and matches() are not here: cel-test.ts evaluates their arguments otherwise. */
const FUNCTIONS: Readonly<Record<string, Declared | readonly Declared[]>> = {
  '!_': { args: [1], run: (a) => (typeof a === 'boolean' ? !a : NO_OVERLOAD) },
  '-_': {
    args: [1],
    run: (a) => (typeof a === 'bigint' ? int(-a) : typeof a === 'number' ? -a : NO_OVERLOAD),
  },
  '_==_': { args: [2], run: (a, b) => celEquals(a!, b!) },
  '_!=_': { args: [2], run: (a, b) => !celEquals(a!, b!) },
  '_<_': { args: [2], run: ordered((order) => order < 0) },
  '_<=_': { args: [2], run: ordered((order) => order <= 0) },
  '_>_': { args: [2], run: ordered((order) => order > 0) },
  '_>=_': { args: [2], run: ordered((order) => order >= 0) },
  '_+_': [
    { args: [2], run: (a, b) => plusText(a!, b!), needs: 'concat' },
    { args: [2], run: (a, b) => plus(a!, b!) },
  ],
  '_-_': { args: [2], run: (a, b) => minus(a!, b!) },
  '_*_': { args: [2], run: (a, b) => arithmetic(a!, b!, TIMES) },
  '_/_': { args: [2], run: (a, b) => divided(a!, b!, OVER) },
  '_%_': { args: [2], run: (a, b) => (typeof a === 'number' ? NO_OVERLOAD : divided(a!, b!, MODULO)) },
  '_[_]': { args: [2], run: (a, b) => at(a!, b!) },
  '@in': { args: [2], run: (a, b) => isIn(a!, b!) },
  _in_: { args: [2], run: (a, b) => isIn(a!, b!) },
  in: { args: [2], run: (a, b) => isIn(a!, b!) },
  size: { args: [1], run: (a) => size(a!) },
  contains: { args: [2], run: ofTexts((a, b) => a.includes(b)) },
  startsWith: { args: [2], run: ofTexts((a, b) => a.startsWith(b)) },
  endsWith: { args: [2], run: ofTexts((a, b) => a.endsWith(b)) },
  int: { args: [1], run: (a) => toInt(a!) },
  uint: { args: [1], run: (a) => toUint(a!) },
  double: { args: [1], run: (a) => toDouble(a!) },
  bytes: {
    args: [1],
    run: (a) => (typeof a === 'string' ? Buffer.from(a) : a instanceof Uint8Array ? a : NO_OVERLOAD),
  },
  string: { args: [1], run: (a) => toText(a!), needs: 'conversion' },
  type: { args: [1], run: (a) => new CelType(typeName(a!)) },
  dyn: { args: [1], run: (a) => a! },
  timestamp: {
    args: [1],
    run: (a) =>
      typeof a === 'string' ? timestampOf(a) : typeof a === 'bigint' ? timestamp(a * 1_000_000_000n) : NO_OVERLOAD,
  },
  duration: { args: [1], run: (a) => (typeof a === 'string' ? durationOf(a) : NO_OVERLOAD) },
  ...Object.fromEntries(TIME_FIELDS.map((name) => [name, field(name)])),
  lowerAscii: { args: [1], run: (a) => asciiCase(/[A-Z]/g, 32)(a!), needs: 'functions' },
  upperAscii: { args: [1], run: (a) => asciiCase(/[a-z]/g, -32)(a!), needs: 'functions' },
  replace: { args: [3, 4], run: (a, b, c, d) => replace(a!, b!, c!, d), needs: 'functions' },
  split: { args: [2, 3], run: (a, b, c) => split(a!, b!, c), needs: 'functions' },
  join: { args: [1, 2], run: (a, b) => join(a!, b), needs: 'functions' },
  substring: { args: [2, 3], run: (a, b, c) => substring(a!, b!, c), needs: 'functions' },
  charAt: { args: [2], run: (a, b) => charAt(a!, b!), needs: 'functions' },
  indexOf: { args: [2], run: indexIn((text, part) => text.indexOf(part)), needs: 'functions' },
  lastIndexOf: { args: [2], run: indexIn((text, part) => text.lastIndexOf(part)), needs: 'functions' },
  trim: {
    args: [1],
    run: (a) => (typeof a === 'string' ? a.replace(/^[\t-\r ]+|[\t-\r ]+$/g, '') : NO_OVERLOAD),
    needs: 'functions',
  },
};

/** The function of a name with so many arguments, as the policy's options have it; null: there is none. */
export function celFunction(name: string, args: number, strings: CelStrings): CelFunction | null {
  const declared = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name]! : [];
  const found = [declared]
    .flat()
    .find((one: Declared) => one.args.includes(args) && (one.needs === undefined || strings[one.needs]));
  return found?.run ?? null;
}
