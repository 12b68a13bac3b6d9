import { CelError, CelTime } from './cel-values.ts';

const SECOND = 1_000_000_000n;
const MAX_TIMESTAMP = 253_402_300_799n * SECOND; // 9999-12-31T23:59:59Z
const MIN_TIMESTAMP = -62_135_596_800n * SECOND;
const MAX_DURATION = 315_576_000_000n * SECOND;

/** RFC 3339. */
export function timestampOf(text: string): CelTime | CelError {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (match === null || Number.isNaN(ms)) return new CelError('not a timestamp');
  return timestamp(BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0')));
}

export const timestamp = (ns: bigint): CelTime | CelError =>
  ns > MAX_TIMESTAMP || ns < MIN_TIMESTAMP ? new CelError('timestamp out of range') : new CelTime('timestamp', ns);

export const duration = (ns: bigint): CelTime | CelError =>
  ns > MAX_DURATION || ns < -MAX_DURATION ? new CelError('duration out of range') : new CelTime('duration', ns);

const UNITS: Readonly<Record<string, bigint>> = {
  h: 3600n * SECOND,
  m: 60n * SECOND,
  s: SECOND,
  ms: 1_000_000n,
  us: 1000n,
  ns: 1n,
};

/** `1h30m`, `1.5s`, `-20ms`. */
export function durationOf(text: string): CelTime | CelError {
  const match = /^([+-]?)((?:\d{1,18}(?:\.\d{1,9})?(?:h|ms|m|us|ns|s))+|0)$/.exec(text);
  if (match === null) return new CelError('not a duration');
  let ns = 0n;
  for (const [, whole, part, unit] of match[2]!.matchAll(/(\d+)(?:\.(\d+))?(h|ms|m|us|ns|s)/g))
    ns += BigInt(whole!) * UNITS[unit!]! + (BigInt((part ?? '').padEnd(9, '0')) * UNITS[unit!]!) / SECOND;
  return duration(match[1] === '-' ? -ns : ns);
}

/** getFullYear and its kin, of a timestamp in UTC or at an offset such as +02:00; of a duration the whole units in it. */
export function timeField(name: string, { kind, ns }: CelTime, zone: string): bigint | CelError {
  if (kind === 'duration') {
    const unit = { getHours: UNITS['h']!, getMinutes: UNITS['m']!, getSeconds: SECOND, getMilliseconds: 1_000_000n }[
      name
    ];
    if (unit === undefined) return new CelError('no such field of a duration');
    return name === 'getMilliseconds' ? (ns % SECOND) / unit : ns / unit;
  }
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (offset === null && zone !== 'UTC') return new CelError('time zones are UTC or an offset such as +02:00');
  const minutes = offset === null ? 0 : Number(offset[2]) * 60 + Number(offset[3]);
  const shiftMs = minutes * 60_000 * (offset?.[1] === '-' ? -1 : 1);
  // Towards the past: what is left of a millisecond belongs to the one that has begun.
  const ms = Number((ns - (((ns % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n);
  const at = new Date(ms + shiftMs);
  const read = FIELDS[name];
  return read === undefined ? new CelError('no such field of a timestamp') : BigInt(read(at));
}

const FIELDS: Readonly<Record<string, (at: Date) => number>> = {
  getFullYear: (at) => at.getUTCFullYear(),
  getMonth: (at) => at.getUTCMonth(),
  getDate: (at) => at.getUTCDate(),
  getDayOfMonth: (at) => at.getUTCDate() - 1,
  getDayOfWeek: (at) => at.getUTCDay(),
  getDayOfYear: (at) =>
    Math.floor(
      (Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()) - Date.UTC(at.getUTCFullYear(), 0, 1)) /
        86_400_000,
    ),
  getHours: (at) => at.getUTCHours(),
  getMinutes: (at) => at.getUTCMinutes(),
  getSeconds: (at) => at.getUTCSeconds(),
  getMilliseconds: (at) => at.getUTCMilliseconds(),
};
export const TIME_FIELDS = Object.keys(FIELDS);
