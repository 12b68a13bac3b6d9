import { isTraceparent } from '../../src/digest/sqlcommenter.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { PacketCursor } from './lenenc.ts';

/** A COM_QUERY under queryAttributes. */
export interface QueryHead {
  /** Where the text begins. */
  textFrom: number;
  /** The attribute of that name, where it is a W3C traceparent; else ''. */
  traceparent: string;
}
const queryHead: QueryHead = { textFrom: 0, traceparent: '' };

/** A COM_STMT_EXECUTE. */
export interface ExecuteHead {
  statementId: number;
  flags: number;
  traceparent: string;
}
const executeHead: ExecuteHead = { statementId: 0, flags: 0, traceparent: '' };

/** Bits of COM_STMT_EXECUTE's flags: which cursor, and whether the count of parameters is in the packet. */
export const ExecuteFlag = { readOnlyCursor: 1, updatableCursor: 2, scrollableCursor: 4, parameterCount: 8 } as const;

/** Types and names; reads on with the values behind them, while `values` stands there. */
const types = new PacketCursor();
const values = new PacketCursor();
const TRACEPARENT_BYTES = 55;

/** How many bytes a value of this type has: -1 length-encoded, -2 one byte of length (dates, times), -3 no such type. */
const VALUE_BYTES = (() => {
  const table = new Int8Array(256).fill(-3);
  const set = (bytes: number, list: readonly number[]): void => {
    for (const type of list) table[type] = bytes;
  };
  set(0, [0x06]); // null
  set(1, [0x01, 0xf4]); // tiny, bool
  set(2, [0x02, 0x0d]); // short, year
  set(4, [0x03, 0x04, 0x09]); // long, float, int24
  set(8, [0x05, 0x08]); // double, longlong
  set(-2, [0x07, 0x0a, 0x0b, 0x0c, 0x0e, 0x11, 0x12, 0x13]); // timestamp, date, time, datetime and their new forms
  set(-1, [0x00, 0x0f, 0x10, 0xf2, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]);
  return table;
})();

/**
 * COM_QUERY under queryAttributes, payload buf[start..end) from its command byte on; or a prefix of it, whose fault is
 * `truncated` where the attributes do not end in it. The result is reused.
 *
 *     1 command   n parameters   n parameter sets, always 1
 *     if there are parameters:   null bits   1 always 1   for each 2 type, n name   the values that are not NULL
 *     text
 */
export function readQueryHead(buf: Buffer, start: number, end: number): QueryHead | Fault {
  types.over(buf, start, end);
  types.skip(1);
  const count = types.lenenc();
  const sets = types.lenenc();
  if (types.fault !== null) return types.fault;
  if (sets !== 1) return 'unknown_type';
  queryHead.traceparent = '';
  queryHead.textFrom = types.at;
  if (count === 0) return queryHead;
  const nullBits = types.at;
  if (!isPossible(count)) return 'truncated';
  types.skip((count + 7) >> 3);
  // Without types nothing behind them can be read: the server answers with an error.
  if (types.u8() !== 1) return types.fault ?? 'unknown_type';
  const wrong = readValues(buf, end, nullBits, count, true);
  if (wrong !== null) return wrong;
  queryHead.textFrom = values.at;
  queryHead.traceparent = found;
  return queryHead;
}

/**
 * COM_STMT_EXECUTE, payload buf[start..end) from its command byte on, or a prefix. `attributes`: queryAttributes is
 * agreed; `longData`: a parameter was sent by COM_STMT_SEND_LONG_DATA before and has no value here. A traceparent that is
 * not found is no fault. The result is reused.
 *
 *     1 command   4 statement   1 flags   4 iterations, always 1
 *     if the flag parameterCount is set, under queryAttributes:   n parameters   null bits   1 types follow
 *     for each 2 type, n name, if they follow   the values that are not NULL
 */
export function readExecute(
  buf: Buffer,
  start: number,
  end: number,
  attributes: boolean,
  longData: boolean,
): ExecuteHead | Fault {
  types.over(buf, start, end);
  types.skip(1);
  executeHead.statementId = types.u32();
  executeHead.flags = types.u8();
  types.skip(4);
  executeHead.traceparent = '';
  if (types.fault !== null) return types.fault;
  if (!attributes || longData || (executeHead.flags & ExecuteFlag.parameterCount) === 0) return executeHead;
  const count = types.lenenc();
  if (types.fault !== null || count === 0 || !isPossible(count)) return executeHead;
  const nullBits = types.at;
  types.skip((count + 7) >> 3);
  if (types.u8() === 1 && readValues(buf, end, nullBits, count, false) === null) executeHead.traceparent = found;
  return executeHead;
}

/** Each parameter has three bytes at least: its type and an empty name. */
const isPossible = (count: number): boolean => count * 3 <= types.left;

/** What readValues found by the name traceparent, or ''. */
let found = '';

/**
 * With `types` at the first type: steps over types, names and values, up to `values.at`. `all`: to the very end; else it
 * stops at the types where none is called traceparent, and at that one's value.
 */
function readValues(buf: Buffer, end: number, nullBits: number, count: number, all: boolean): Fault | null {
  found = '';
  const from = types.at;
  let traced = -1;
  for (let i = 0; i < count; i++) {
    types.skip(2);
    types.lenencString();
    if (types.fault !== null) return types.fault;
    if (isTraceparentName(buf, types.from, types.to)) traced = i;
  }
  if (!all && traced < 0) return null;
  values.over(buf, types.at, end);
  types.over(buf, from, types.at);
  for (let i = 0; i < count; i++) {
    const type = types.u8();
    types.skip(1);
    types.lenencString();
    const isNull = (buf[nullBits + (i >> 3)]! & (1 << (i & 7))) !== 0;
    if (isNull) continue;
    skipValue(VALUE_BYTES[type]!);
    if (values.fault !== null) return values.fault;
    if (i !== traced) continue;
    if (VALUE_BYTES[type] === -1 && values.to - values.from === TRACEPARENT_BYTES) {
      const text = values.text(TRACEPARENT_BYTES, 'latin1');
      if (isTraceparent(text)) found = text;
    }
    if (!all) return null;
  }
  return null;
}

function skipValue(bytes: number): void {
  if (bytes >= 0) values.skip(bytes);
  else if (bytes === -1) values.lenencString();
  else if (bytes === -2) values.skip(values.u8());
  else values.fail('unknown_type');
}

const NAME = Buffer.from('traceparent');
function isTraceparentName(buf: Buffer, from: number, to: number): boolean {
  if (to - from !== NAME.length) return false;
  for (let i = 0; i < NAME.length; i++) if (buf[from + i] !== NAME[i]) return false;
  return true;
}
