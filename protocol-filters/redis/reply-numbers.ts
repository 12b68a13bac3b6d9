import { CR, LF, MAX_BULK_BYTES, Type } from './wire.ts';

/** Bytes of a text that are kept for its reader: what is looked at of a number that is longer. */
export const KEPT_BYTES = 128;
/** A line that holds a number: no server needs more. */
const MAX_NUMBER_BYTES = 32;

/** The index behind an integer or a string that begins at `from` and lies whole and right before `end`; else -1. */
export function scalarEnd(buf: Buffer, from: number, end: number): number {
  const type = buf[from];
  if (type !== Type.bulk && type !== Type.integer) return -1;
  let at = from + 1;
  let value = 0;
  let c = at < end ? buf[at]! - 0x30 : -1;
  while (c >= 0 && c <= 9) {
    value = value * 10 + c;
    c = ++at < end ? buf[at]! - 0x30 : -1;
  }
  const digits = at - from - 1;
  if (digits === 0 || digits > 10 || at + 2 > end || buf[at] !== CR || buf[at + 1] !== LF) return -1;
  if (type === Type.integer) return at + 2;
  if (value > MAX_BULK_BYTES || (digits > 1 && buf[from + 1] === 0x30)) return -1;
  const body = at + 2 + value;
  return body + 2 <= end && buf[body] === CR && buf[body + 1] === LF ? body + 2 : -1;
}

/** A length or a count: digits without leading zeros, -1 allowed. NaN: none. Above 10 digits: Infinity. */
export function lengthIn(buf: Uint8Array, start: number, end: number): number {
  const negative = buf[start] === 0x2d;
  const from = negative ? start + 1 : start;
  if (from >= end || (buf[from] === 0x30 && (negative || end - from > 1))) return Number.NaN;
  let value = 0;
  for (let i = from; i < end; i++) {
    const c = buf[i]! - 0x30;
    if (c < 0 || c > 9) return Number.NaN;
    value = value * 10 + c;
  }
  if (end - from > 10) return Number.POSITIVE_INFINITY;
  return negative ? -value : value;
}

/** What the line of a number or boolean says: of a boolean 1 or 0, of a double or big number 0. NaN: it is none. */
export function valueIn(type: number, buf: Uint8Array, start: number, end: number): number {
  switch (type) {
    case Type.integer:
      return end - start > MAX_NUMBER_BYTES ? Number.NaN : integerIn(buf, start, end);
    case Type.boolean:
      if (end - start !== 1) return Number.NaN;
      return buf[start] === 0x74 ? 1 : buf[start] === 0x66 ? 0 : Number.NaN;
    case Type.double:
      return isDouble(buf, start, end) ? 0 : Number.NaN;
    default:
      return Number.isNaN(integerIn(buf, start, end)) ? Number.NaN : 0;
  }
}

/** An integer of any size with an optional sign; of a long one its first bytes are looked at. NaN: none. */
function integerIn(buf: Uint8Array, start: number, end: number): number {
  const sign = buf[start];
  const from = sign === 0x2d || sign === 0x2b ? start + 1 : start;
  const to = Math.min(end, start + KEPT_BYTES); // what is kept of one that is cut
  if (from >= to) return Number.NaN;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = buf[i]! - 0x30;
    if (c < 0 || c > 9) return Number.NaN;
    value = value * 10 + c;
  }
  return sign === 0x2d ? -value : value;
}

/** `$?`, `*?`: the length is not known, what follows says where it ends. */
export const isStreamed = (buf: Uint8Array, start: number, end: number): boolean =>
  end - start === 1 && buf[start] === 0x3f;

/** Digits, signs, point and exponent, or inf and nan: enough to know that it is a number. */
function isDouble(buf: Uint8Array, start: number, end: number): boolean {
  if (start >= end || end - start > MAX_NUMBER_BYTES) return false;
  for (let i = start; i < end; i++) {
    const c = buf[i]! | 0x20;
    const isDigit = c >= 0x30 && c <= 0x39;
    if (!isDigit && !DOUBLE_BYTES.includes(buf[i]!)) return false;
  }
  return true;
}
const DOUBLE_BYTES = Buffer.from('+-.eEinfaINFAN');
