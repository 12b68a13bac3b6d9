/** What the next packet of a reply is. */
export const At = {
  first: 0,
  /** Column definitions of a result set, and the EOF behind them. */
  definitions: 1,
  definitionsEnd: 2,
  rows: 3,
  /** The client sends a file. */
  file: 4,
  /** Definitions of a prepared statement: parameters, then columns. */
  parameters: 5,
  parametersEnd: 6,
  columns: 7,
  columnsEnd: 8,
  fields: 9,
  stream: 10,
  /** The dialogue of a COM_CHANGE_USER. */
  auth: 11,
} as const;
export type At = (typeof At)[keyof typeof At];

/** Kept of a packet that tells how a statement ended: its fields, a message, changes of the session. */
export const END_BYTES = 128 * 1024;
/** As many packets as come. */
export const ENDLESS_RUN = 0x7fff_ffff;
