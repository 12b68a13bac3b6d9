/**
 * PostgreSQL frontend/backend protocol 3.0 and 3.2, "Message Formats". A message is one type byte, a 32-bit length that
 * counts itself but not the type, and a body. Messages before authentication have no type byte.
 */

/** Messages of the client. */
export const Frontend = {
  bind: 0x42, // B
  close: 0x43, // C
  describe: 0x44, // D
  execute: 0x45, // E
  functionCall: 0x46, // F
  flush: 0x48, // H
  parse: 0x50, // P
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
  copyDone: 0x63, // c
  copyData: 0x64, // d
  copyFail: 0x66, // f
  password: 0x70, // p: password, SASL initial, SASL response and GSS: four messages, all secret
} as const satisfies Record<string, number>;

/** Messages of the server. */
export const Backend = {
  parseComplete: 0x31, // 1
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  notification: 0x41, // A
  commandComplete: 0x43, // C
  dataRow: 0x44, // D
  error: 0x45, // E
  copyInResponse: 0x47, // G
  copyOutResponse: 0x48, // H
  emptyQuery: 0x49, // I
  backendKeyData: 0x4b, // K
  notice: 0x4e, // N
  authentication: 0x52, // R
  parameterStatus: 0x53, // S
  rowDescription: 0x54, // T
  functionCallResponse: 0x56, // V
  copyBothResponse: 0x57, // W
  readyForQuery: 0x5a, // Z
  copyDone: 0x63, // c
  copyData: 0x64, // d
  noData: 0x6e, // n
  portalSuspended: 0x73, // s
  parameterDescription: 0x74, // t
  negotiateProtocolVersion: 0x76, // v
} as const satisfies Record<string, number>;

export const HEADER_BYTES = 5;

/** First packets: the 32-bit code behind the length. */
export const StartupCode = {
  cancel: 80877102,
  ssl: 80877103,
  gssenc: 80877104,
} as const;
/** The server's own cap (MAX_STARTUP_PACKET_LENGTH), length word included. */
export const MAX_STARTUP_BYTES = 10_000;
export const TLS_HANDSHAKE = 0x16;

export const Authentication = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/** The gate holds a whole message before it is judged: none may be larger. */
export const MAX_GATED_BYTES = 64 * 1024 * 1024;

/**
 * How much of a query text is captured when its message is cut over several reads: the digest cap and a little more, so
 * that a text reads the same however it was cut.
 */
export const TEXT_CAPTURE_BYTES = 66 * 1024;

/** Statement, portal and setting names; the server compares the first 63 bytes (NAMEDATALEN - 1). */
export const MAX_NAME_BYTES = 63;

/** What a frame's length may be, by type byte. Body bytes; a maximum of 0 with `known` is a message without a body. */
export interface LengthTable {
  readonly known: Uint8Array;
  readonly min: Uint32Array;
  readonly max: Uint32Array;
}

const LARGE = 0x3fffffff - 1; // PQ_LARGE_MESSAGE_LIMIT: the server allocates no more
const SMALL = 10_000; // PQ_SMALL_MESSAGE_LIMIT
const TOKEN = 65_535; // PG_MAX_AUTH_TOKEN_LENGTH

const lengths = (table: readonly (readonly [type: number, min: number, max: number])[]): LengthTable => {
  const known = new Uint8Array(256);
  const min = new Uint32Array(256);
  const max = new Uint32Array(256);
  for (const [type, floor, ceiling] of table) {
    known[type] = 1;
    min[type] = floor;
    max[type] = ceiling;
  }
  return { known, min, max };
};

export const FRONTEND_LENGTHS = lengths([
  [Frontend.bind, 8, LARGE],
  [Frontend.close, 2, SMALL],
  [Frontend.describe, 2, SMALL],
  [Frontend.execute, 5, SMALL],
  [Frontend.functionCall, 10, LARGE],
  [Frontend.flush, 0, 0],
  [Frontend.parse, 4, LARGE],
  [Frontend.query, 1, LARGE],
  [Frontend.sync, 0, 0],
  [Frontend.terminate, 0, 0],
  [Frontend.copyDone, 0, 0],
  [Frontend.copyData, 0, LARGE],
  [Frontend.copyFail, 1, SMALL],
  [Frontend.password, 0, TOKEN],
]);

export const BACKEND_LENGTHS = lengths([
  [Backend.parseComplete, 0, 0],
  [Backend.bindComplete, 0, 0],
  [Backend.closeComplete, 0, 0],
  [Backend.notification, 6, LARGE],
  [Backend.commandComplete, 1, LARGE],
  [Backend.dataRow, 2, LARGE],
  [Backend.error, 1, LARGE],
  [Backend.copyInResponse, 3, LARGE],
  [Backend.copyOutResponse, 3, LARGE],
  [Backend.emptyQuery, 0, 0],
  [Backend.backendKeyData, 8, 4 + 256],
  [Backend.notice, 1, LARGE],
  [Backend.authentication, 4, LARGE],
  [Backend.parameterStatus, 2, LARGE],
  [Backend.rowDescription, 2, LARGE],
  [Backend.functionCallResponse, 4, LARGE],
  [Backend.copyBothResponse, 3, LARGE],
  [Backend.readyForQuery, 1, 1],
  [Backend.copyDone, 0, 0],
  [Backend.copyData, 0, LARGE],
  [Backend.noData, 0, 0],
  [Backend.portalSuspended, 0, 0],
  [Backend.parameterDescription, 2, LARGE],
  [Backend.negotiateProtocolVersion, 8, LARGE],
]);

/** Bytes of a body to keep when it is cut, by type; what is not named is counted past. */
export const keepTable = (wishes: readonly (readonly [type: number, bytes: number])[]): Uint32Array => {
  const keep = new Uint32Array(256);
  for (const [type, bytes] of wishes) keep[type] = bytes;
  return keep;
};

/** Room for a portal name and a statement name as the server tells them apart, and some more. */
export const NAMES_BYTES = 512;
/** Severity and SQLSTATE stand first in an error; its message quotes data and is not read. */
export const ERROR_PREFIX_BYTES = 512;
