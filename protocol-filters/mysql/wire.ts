/**
 * MySQL and MariaDB client/server protocol. A packet is a 24-bit little-endian length, a sequence number, and a payload;
 * a payload of 16 MiB - 1 bytes goes on in the next packet. All integers are little-endian.
 */

export const HEADER_BYTES = 4;
/** A payload this long is followed by another packet of the same message, which may be empty. */
export const MAX_PAYLOAD_BYTES = 0xff_ffff;
/** Outer header of the compressed protocols: compressed length (3), sequence (1), uncompressed length (3). */
export const COMPRESSED_HEADER_BYTES = 7;

/** Initial handshake: version text, scramble and a plugin's name; some kilobytes are more than any server sends. */
export const MAX_GREETING_BYTES = 4096;
/** A login holds up to 64 KiB of connection attributes, names, and what an authentication plugin sends. */
export const MAX_LOGIN_BYTES = 128 * 1024;
/** One packet of an authentication dialogue: tickets of Kerberos and the like are the largest. */
export const MAX_AUTH_BYTES = 128 * 1024;

/**
 * How much of a query text is captured when its message is cut over several reads: the digest cap and a little more, so
 * that a text reads the same however it was cut.
 */
export const TEXT_CAPTURE_BYTES = 66 * 1024;

/**
 * CLIENT_* capability flags, 32 bits. What holds on a connection is what both sides set (`effective`). Values above
 * 2^31 - 1 are negative here as everywhere where JavaScript does bit arithmetic: compare with `has`.
 */
export const Capability = {
  longPassword: 1 << 0,
  /** MariaDB's name of bit 0: a side that clears it has extended capabilities. */
  mysql: 1 << 0,
  foundRows: 1 << 1,
  longFlag: 1 << 2,
  connectWithDb: 1 << 3,
  noSchema: 1 << 4,
  compress: 1 << 5,
  odbc: 1 << 6,
  localFiles: 1 << 7,
  ignoreSpace: 1 << 8,
  protocol41: 1 << 9,
  interactive: 1 << 10,
  ssl: 1 << 11,
  ignoreSigpipe: 1 << 12,
  transactions: 1 << 13,
  reserved: 1 << 14,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  psMultiResults: 1 << 18,
  pluginAuth: 1 << 19,
  connectAttrs: 1 << 20,
  pluginAuthLenencClientData: 1 << 21,
  canHandleExpiredPasswords: 1 << 22,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
  optionalResultsetMetadata: 1 << 25,
  zstdCompressionAlgorithm: 1 << 26,
  queryAttributes: 1 << 27,
  multiFactorAuthentication: 1 << 28,
  /** MySQL: reserved for a wider field. Early MariaDB: progress reports. */
  capabilityExtension: 1 << 29,
  sslVerifyServerCert: 1 << 30,
  rememberOptions: 1 << 31,
} as const satisfies Record<string, number>;

/** MariaDB's extended capabilities: bits 32 and above of its 64-bit field, here counted from 0. */
export const MariadbCapability = {
  progress: 1 << 0,
  comMulti: 1 << 1,
  stmtBulkOperations: 1 << 2,
  /** Column definitions carry extended type information. */
  extendedMetadata: 1 << 3,
  /** Result sets of prepared statements may leave out column definitions that did not change. */
  cacheMetadata: 1 << 4,
  bulkUnitResults: 1 << 5,
} as const satisfies Record<string, number>;

export const has = (capabilities: number, bit: number): boolean => (capabilities & bit) !== 0;

/** SERVER_STATUS_* flags of OK and EOF packets, 16 bits. */
export const ServerStatus = {
  inTransaction: 0x0001,
  autocommit: 0x0002,
  moreResultsExist: 0x0008,
  noGoodIndexUsed: 0x0010,
  noIndexUsed: 0x0020,
  cursorExists: 0x0040,
  lastRowSent: 0x0080,
  dbDropped: 0x0100,
  noBackslashEscapes: 0x0200,
  metadataChanged: 0x0400,
  queryWasSlow: 0x0800,
  psOutParams: 0x1000,
  inTransactionReadonly: 0x2000,
  sessionStateChanged: 0x4000,
  /** MariaDB only: the statement was ANSI_QUOTES. */
  ansiQuotes: 0x8000,
} as const satisfies Record<string, number>;

/** First bytes of the server's packets. What they mean depends on the state and the packet's length. */
export const Head = {
  ok: 0x00,
  authMoreData: 0x01,
  authNextFactor: 0x02,
  localInfile: 0xfb,
  eof: 0xfe,
  authSwitch: 0xfe,
  err: 0xff,
} as const satisfies Record<string, number>;
