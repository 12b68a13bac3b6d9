import type { Fault } from '../../src/exchange/fault.ts';
import { PacketCursor } from './lenenc.ts';
import { Capability, Head, has, MAX_PAYLOAD_BYTES, ServerStatus } from './wire.ts';

/**
 * The server's OK, ERR and EOF packets, and the heads of results. `capabilities` are those both sides have. Payloads are
 * buf[start..end), lent; results are reused: valid until the same function is called again.
 */
const cursor = new PacketCursor();

/** An EOF packet is shorter than this; longer packets that begin with 0xfe are rows, unless deprecateEof is agreed. */
const EOF_BELOW_BYTES = 9;

export interface OkPacket {
  affectedRows: number;
  /** ServerStatus bits. */
  status: number;
  warnings: number;
  /** Range of the session state changes (session-track.ts); from === to where there are none. */
  trackFrom: number;
  trackTo: number;
}
const okPacket: OkPacket = { affectedRows: 0, status: 0, warnings: 0, trackFrom: 0, trackTo: 0 };

export interface ErrPacket {
  /** The server's error number: 1064, 1045 … */
  code: number;
  /** Five characters, or '' where the server did not say. */
  sqlState: string;
}
const errPacket: ErrPacket = { code: 0, sqlState: '' };

/**
 * The end of rows or of definitions: an EOF packet, or under deprecateEof an OK packet with that head. A row that begins
 * with 0xfe holds a value of 16 MiB or more. `payloadBytes`: of the whole payload, joined.
 */
export const isEnd = (first: number, payloadBytes: number, capabilities: number): boolean =>
  first === Head.eof &&
  payloadBytes < (has(capabilities, Capability.deprecateEof) ? MAX_PAYLOAD_BYTES : EOF_BELOW_BYTES);

const SQLSTATE_MARK = 0x23;

/** MariaDB's progress report: looks like an ERR packet with code 0xffff, is neither an error nor the end of a reply. */
export const isProgress = (buf: Buffer, start: number, end: number): boolean =>
  end - start >= 4 && buf[start] === Head.err && buf[start + 1] === 0xff && buf[start + 2] === 0xff;

/**
 * OK packet, whose head is 0x00 or 0xfe.
 *
 *     1 head   n affected rows   n last insert id   2 status, 2 warnings (4.1) or 2 status (transactions)
 *     n info, n session state changes if sessionStateChanged — both length-encoded, under sessionTrack
 */
export function readOk(buf: Buffer, start: number, end: number, capabilities: number): OkPacket | Fault {
  cursor.over(buf, start, end);
  cursor.skip(1);
  okPacket.affectedRows = cursor.lenenc();
  // Stepped over: ids have 64 bits.
  cursor.skipLenenc();
  okPacket.status = okPacket.warnings = 0;
  if (has(capabilities, Capability.protocol41)) {
    okPacket.status = cursor.u16();
    okPacket.warnings = cursor.u16();
  } else if (has(capabilities, Capability.transactions)) okPacket.status = cursor.u16();
  okPacket.trackFrom = okPacket.trackTo = 0;
  if (has(capabilities, Capability.sessionTrack) && has(okPacket.status, ServerStatus.sessionStateChanged)) {
    cursor.lenencString();
    cursor.lenencString();
    okPacket.trackFrom = cursor.from;
    okPacket.trackTo = cursor.to;
  }
  return cursor.fault ?? okPacket;
}

/** ERR packet: head, 2 code, then `#` and the SQLSTATE, which old and early packets lack. Its message quotes data. */
export function readErr(buf: Buffer, start: number, end: number): ErrPacket | Fault {
  cursor.over(buf, start, end);
  cursor.skip(1);
  errPacket.code = cursor.u16();
  if (cursor.fault !== null) return cursor.fault;
  const marked = cursor.left >= 6 && buf[cursor.at] === SQLSTATE_MARK;
  errPacket.sqlState = marked ? sqlStateAt(buf, cursor.at + 1) : '';
  return errPacket;
}

/** One string object a state: errors are many, states are few. */
const STATES = new Map<number, string>();
const MAX_STATES = 1024;
function sqlStateAt(buf: Buffer, at: number): string {
  let key = 0;
  for (let i = 0; i < 5; i++) {
    const c = buf[at + i]!;
    const isAlphanumeric = (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a);
    if (!isAlphanumeric) return '';
    key = key * 64 + (c - 0x30);
  }
  const known = STATES.get(key);
  if (known !== undefined) return known;
  const text = buf.toString('latin1', at, at + 5);
  if (STATES.size < MAX_STATES) STATES.set(key, text);
  return text;
}

/**
 * What isEnd said yes to: an EOF packet (head, 2 warnings, 2 status; before 4.1 the head alone), or an OK packet. Only an
 * OK packet has affected rows and session state.
 */
export function readEnd(buf: Buffer, start: number, end: number, capabilities: number): OkPacket | Fault {
  // The shortest OK packet with this head is 7 bytes; EOF packets are 5 or 1.
  if (has(capabilities, Capability.deprecateEof) && end - start >= 7) return readOk(buf, start, end, capabilities);
  cursor.over(buf, start, end);
  cursor.skip(1);
  okPacket.affectedRows = okPacket.trackFrom = okPacket.trackTo = okPacket.status = okPacket.warnings = 0;
  if (has(capabilities, Capability.protocol41)) {
    okPacket.warnings = cursor.u16();
    okPacket.status = cursor.u16();
  }
  return cursor.fault ?? okPacket;
}

/** What COM_STMT_PREPARE's OK packet promises. */
export interface PrepareOk {
  statementId: number;
  columns: number;
  parameters: number;
  warnings: number;
  /** False: the definitions are left out (optionalResultsetMetadata). */
  hasMetadata: boolean;
}
const prepareOk: PrepareOk = { statementId: 0, columns: 0, parameters: 0, warnings: 0, hasMetadata: true };

/** COM_STMT_PREPARE_OK: head, 4 id, 2 columns, 2 parameters, 1 zero, 2 warnings, 1 metadata follows. */
export function readPrepareOk(buf: Buffer, start: number, end: number, capabilities: number): PrepareOk | Fault {
  cursor.over(buf, start, end);
  cursor.skip(1);
  prepareOk.statementId = cursor.u32();
  prepareOk.columns = cursor.u16();
  prepareOk.parameters = cursor.u16();
  cursor.skip(1);
  // Servers of 4.1 end here.
  prepareOk.warnings = cursor.left > 0 ? cursor.u16() : 0;
  const optional = has(capabilities, Capability.optionalResultsetMetadata) && cursor.left > 0;
  prepareOk.hasMetadata = optional ? cursor.u8() !== 0 : true;
  return cursor.fault ?? prepareOk;
}

export interface ColumnCount {
  columns: number;
  /** False: the definitions are left out. */
  hasMetadata: boolean;
}
const columnCount: ColumnCount = { columns: 0, hasMetadata: true };

/**
 * The head of a result set: a length-encoded count, and under optionalResultsetMetadata or MariaDB's cacheMetadata
 * (`optional`) a byte that says whether definitions follow.
 */
export function readColumnCount(buf: Buffer, start: number, end: number, optional: boolean): ColumnCount | Fault {
  cursor.over(buf, start, end);
  columnCount.columns = cursor.lenenc();
  columnCount.hasMetadata = optional && cursor.left > 0 ? cursor.u8() !== 0 : true;
  if (cursor.fault !== null) return cursor.fault;
  return columnCount.columns > MAX_COLUMNS ? 'oversized' : columnCount;
}
/** Both servers stop at 4096; the wire's other counts of columns have 16 bits. */
const MAX_COLUMNS = 0xffff;
