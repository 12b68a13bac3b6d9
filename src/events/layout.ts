/**
 * The event columns of an exchange and of a session, as they travel from worker to facts and as sinks name them: one
 * buffer a batch, all little-endian, each part padded to 8 bytes:
 *
 *   header (72 bytes): u32 magic, u16 version, u16 header bytes, u32 worker, u32 rows, f64 incarnation, f64 sequence
 *     number of the batch from 1, f64 exchanges the worker had produced before the first row, u32 session events,
 *     u32 strings, u32 sessions, u32 digests, u32 bytes of strings, u32 0
 *   one array a column of EXCHANGE_COLUMNS, `rows` long, in this order
 *   one array a column of SESSION_EVENT_COLUMNS
 *   sessions: f64 ids, then one u32 array of string codes a column of SESSION_COLUMNS
 *   digests: one u32 array of string codes a column of DIGEST_COLUMNS
 *   strings: u32 end offsets, then UTF-8. Code 0 is '' and stands in no table; code n is string n - 1.
 *
 * `session` and `digest` are places in the batch's own tables; a session that changed its facts stands there twice.
 * Columns ending in `_us` are microseconds since the epoch, in `_ns` nanoseconds; 0 = did not happen.
 */
export const MAGIC = 0x42454c53; // 'SLEB'
export const VERSION = 7;
export const HEADER_BYTES = 72;

export type Width = 'f64' | 'f32' | 'u32' | 'u16' | 'u8';
export const WIDTHS: Readonly<Record<Width, number>> = { f64: 8, f32: 4, u32: 4, u16: 2, u8: 1 };

export const EXCHANGE_COLUMNS = {
  ts_us: 'f64', // first request byte
  duration_ns: 'f64', // to the last reply byte
  ttfb_ns: 'f64', // to the first reply byte
  proxy_ns: 'f64', // from the request's last byte to its being forwarded
  request_bytes: 'f64',
  response_bytes: 'f64',
  rows_sent: 'f64',
  rows_affected: 'f64',
  rows_matched: 'f64',
  request_offset: 'f64', // where what was judged begins in the client's bytes; 0 = nothing judged
  session: 'u32',
  seq: 'u32',
  turn: 'u32',
  digest: 'u32',
  flags: 'u32', // Flag
  transaction: 'u32',
  story: 'u32',
  batch_size: 'u32', // 0 = one operation
  kind: 'u32', // string
  status: 'u32', // string: native code, '' = none
  severity: 'u32', // string
  policy: 'u32', // string: the enforced policy that decided
  shadow_policy: 'u32', // string: the policy in shadow mode that would have
  policy_snapshot: 'u32', // string: which snapshot of the policies judged (policy/snapshot-name.ts); '' = none
  trace: 'u32', // string: W3C traceparent
  attributes: 'u32', // string: JSON object of strings and numbers (events/exchange-attributes.ts)
  weight: 'f32', // 1 / sampling rate
  index: 'u16',
  error_class: 'u8', // Outcome
  replies: 'u8', // Replies
  verdict: 'u8', // VerdictCode
  shadow_verdict: 'u8', // VerdictCode
} as const satisfies Record<string, Width>;

export const SESSION_EVENT_COLUMNS = {
  ts_us: 'f64',
  duration_ns: 'f64', // of an ended session
  received_bytes: 'f64', // from the client
  sent_bytes: 'f64', // received from the server
  exchanges: 'f64',
  written_bytes: 'f64', // to the client
  forwarded_bytes: 'f64', // to the server
  connect_ns: 'f64', // from dialling to being connected to the server
  upstream_connection: 'f64', // its number, unique as a session's; 0 = never connected
  session: 'u32',
  reason: 'u32', // string
  attempts: 'u32', // to connect to a server
  response_flags: 'u32', // string: Envoy's short names, `UF,URX`
  details: 'u32', // string: Envoy's connection termination details
  upstream_host: 'u32', // string: the host that was dialled last, connected or not
  upstream_local: 'u32', // string: our address of the connection to it
  metadata: 'u32', // string: dynamic metadata as JSON, where an access log asks for it
  event: 'u8', // SessionEvent
} as const satisfies Record<string, Width>;

/** `connected` and `periodic` are of access logs that ask for them (Envoy's log types); all others pass over them. */
export const SessionEvent = { start: 0, end: 1, connected: 2, periodic: 3 } as const;

export const SESSION_COLUMNS = [
  'protocol',
  'listener',
  'cluster',
  'upstream',
  'client',
  'local',
  'database',
  'user',
  'application',
  'driver',
  'server_version',
  'session_kind',
  'tls',
  'opaque',
] as const;

export const DIGEST_COLUMNS = ['digest', 'operation', 'summary', 'collection', 'text', 'facts'] as const; // facts: JSON (digest/seen-facts.ts)

type ArrayOf<W extends Width> = W extends 'f64'
  ? Float64Array
  : W extends 'f32'
    ? Float32Array
    : W extends 'u32'
      ? Uint32Array
      : W extends 'u16'
        ? Uint16Array
        : Uint8Array;
export type Arrays<C extends Record<string, Width>> = { readonly [K in keyof C]: ArrayOf<C[K]> };
export type ExchangeArrays = Arrays<typeof EXCHANGE_COLUMNS>;
export type SessionEventArrays = Arrays<typeof SESSION_EVENT_COLUMNS>;

export const padded = (bytes: number): number => (bytes + 7) & ~7;

/** Bytes of the columns for so many rows. */
export function columnBytes(columns: Record<string, Width>, rows: number): number {
  let bytes = 0;
  for (const width of Object.values(columns)) bytes += padded(WIDTHS[width] * rows);
  return bytes;
}

/** Arrays over `memory` from `offset` on (a multiple of 8), in the columns' order. Little-endian machines only, as ours all are. */
export function arraysOver<C extends Record<string, Width>>(
  columns: C,
  memory: ArrayBufferLike,
  offset: number,
  rows: number,
): Arrays<C> {
  const arrays: Record<string, unknown> = {};
  for (const [name, width] of Object.entries(columns)) {
    arrays[name] = arrayOver(width, memory, offset, rows);
    offset += padded(WIDTHS[width] * rows);
  }
  return arrays as Arrays<C>;
}

function arrayOver(width: Width, memory: ArrayBufferLike, offset: number, rows: number): ArrayOf<Width> {
  switch (width) {
    case 'f64':
      return new Float64Array(memory, offset, rows);
    case 'f32':
      return new Float32Array(memory, offset, rows);
    case 'u32':
      return new Uint32Array(memory, offset, rows);
    case 'u16':
      return new Uint16Array(memory, offset, rows);
    default:
      return new Uint8Array(memory, offset, rows);
  }
}
