import { isUtf8 } from 'node:buffer';
import { Capture } from '../../src/bytes/capture.ts';
import { Cursor, i32At, u32At } from '../../src/bytes/cursor.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { MAX_NAME_BYTES, MAX_STARTUP_BYTES, StartupCode, TLS_HANDSHAKE } from './wire.ts';

/** What a client can begin with. */
export type FirstPacket =
  | { readonly kind: 'startup'; readonly minor: number; readonly parameters: StartupParameters }
  | { readonly kind: 'ssl' | 'gssenc' }
  | { readonly kind: 'cancel'; readonly key: Buffer }
  | { readonly kind: 'fault'; readonly fault: Fault };

export interface StartupParameters {
  readonly user: string;
  readonly database: string;
  readonly application: string;
  /** Walsender: the startup parameter `replication`. */
  readonly replication: boolean;
  /** `options` or `search_path` were set. */
  readonly settings: boolean;
  /**
   * Where a strict reader must not follow: duplicates, empty names, no user, no terminator, names above 63 bytes or that are
   * no UTF-8.
   */
  readonly doubtful: boolean;
  /** Names of protocol extensions that were asked for (`_pq_.…`). */
  readonly extensions: readonly string[];
  /** All parameters but those; values only where policies judge them. */
  readonly all: readonly (readonly [name: string, value: string])[];
}

/** Keys of 3.2 have 4 to 256 bytes, behind the process id. */
const MIN_CANCEL_BYTES = 16;
const MAX_CANCEL_BYTES = 12 + 256;

/**
 * Gathers the first packets of a connection, which have no type byte: a 32-bit length that counts itself, a 32-bit
 * code, and what the code says. Holds at most 10,000 bytes.
 */
export class StartupReader {
  readonly #capture = new Capture();
  /** Offset of the packet's first byte. */
  from = 0;
  /** When it arrived; owner's clock. */
  startedAt = 0;

  get inside(): boolean {
    return this.#capture.bytes > 0;
  }

  /**
   * Reads on. Returns the packet once it is whole, or a fault as soon as it cannot become one; null: more bytes are
   * needed. `consumed` then says how far it read.
   */
  read(buf: Buffer, start: number, end: number, at: number, now: number): FirstPacket | null {
    const held = this.#capture.bytes;
    if (held === 0) {
      this.from = at;
      this.startedAt = now;
    }
    let p = start;
    const wanted = (): number => {
      const kept = this.#capture.bytes;
      return kept < 4 ? 4 : u32At(this.#capture.buffer, 0);
    };
    for (;;) {
      const take = Math.min(wanted() - this.#capture.bytes, end - p);
      this.#capture.append(buf, p, p + take);
      p += take;
      this.consumed = p - start;
      const kept = this.#capture.bytes;
      const fault = firstFault(this.#capture.buffer, kept);
      if (fault !== null) {
        this.#capture.release();
        return { kind: 'fault', fault };
      }
      if (kept < wanted()) {
        if (p === end) return null;
        continue;
      }
      const packet = readFirstPacket(this.#capture.buffer, kept);
      this.#capture.release();
      return packet;
    }
  }
  /** Bytes of the last read() that belonged to the packet. */
  consumed = 0;
}

/** What is already certain to be wrong with the first bytes. */
function firstFault(head: Buffer, bytes: number): Fault | null {
  if (bytes >= 1 && head[0] === TLS_HANDSHAKE) return 'encrypted';
  if (bytes >= 1 && head[0] !== 0) return 'foreign_protocol';
  if (bytes < 4) return null;
  const length = u32At(head, 0);
  if (length < 8) return 'undersized';
  return length > MAX_STARTUP_BYTES ? 'oversized' : null;
}

/** Does a connection that begins like this speak Postgres? */
export function detectStartup(head: Buffer): 'yes' | 'no' | 'more' {
  if (firstFault(head, head.length) !== null) return 'no';
  if (head.length < 8) return 'more';
  const code = i32At(head, 4);
  return code >> 16 === 3 || code === StartupCode.ssl || code === StartupCode.gssenc || code === StartupCode.cancel
    ? 'yes'
    : 'no';
}

/** buf[0..length) is one whole first packet of at least eight bytes. */
function readFirstPacket(buf: Buffer, length: number): FirstPacket {
  const code = i32At(buf, 4);
  switch (code) {
    case StartupCode.ssl:
      return length === 8 ? { kind: 'ssl' } : { kind: 'fault', fault: 'oversized' };
    case StartupCode.gssenc:
      return length === 8 ? { kind: 'gssenc' } : { kind: 'fault', fault: 'oversized' };
    case StartupCode.cancel:
      if (length < MIN_CANCEL_BYTES) return { kind: 'fault', fault: 'undersized' };
      if (length > MAX_CANCEL_BYTES) return { kind: 'fault', fault: 'oversized' };
      return { kind: 'cancel', key: Buffer.from(buf.subarray(8, length)) };
    default:
      if (code >> 16 === 3)
        return { kind: 'startup', minor: code & 0xffff, parameters: readParameters(buf, 8, length) };
      return { kind: 'fault', fault: code >> 16 === 2 ? 'unsupported_version' : 'foreign_protocol' };
  }
}

const cursor = new Cursor();

/** Name and value pairs up to an empty name. As the server does, the last of duplicates wins; a strict reader is warned. */
function readParameters(buf: Buffer, start: number, end: number): StartupParameters {
  cursor.over(buf, start, end);
  const seen = new Map<string, string>();
  const extensions: string[] = [];
  const all: (readonly [string, string])[] = [];
  let doubtful = false;
  while (true) {
    if (!cursor.cstring()) {
      doubtful = true;
      break;
    }
    if (cursor.from === cursor.to) break;
    const name = buf.toString('utf8', cursor.from, cursor.to);
    if (!cursor.cstring()) {
      doubtful = true;
      break;
    }
    if (seen.has(name)) doubtful = true;
    // A password has no place here; should somebody put one, it is not kept.
    if (KEPT.has(name)) {
      const bytes = cursor.to - cursor.from;
      if (name === 'user' || name === 'database')
        if (bytes > MAX_NAME_BYTES || !isUtf8(buf.subarray(cursor.from, cursor.to))) doubtful = true;
      seen.set(name, buf.toString('utf8', cursor.from, cursor.to));
    } else seen.set(name, '');
    const judged = JUDGED.has(name.toLowerCase()) ? buf.toString('utf8', cursor.from, cursor.to) : '';
    if (name.startsWith('_pq_.')) extensions.push(name);
    else all.push([name, judged]);
  }
  if (cursor.left > 0) doubtful = true;
  const user = seen.get('user') ?? '';
  if (user === '') doubtful = true;
  return {
    user,
    database: seen.get('database') || user,
    application: seen.get('application_name') ?? '',
    replication: isWalsender(seen.get('replication')),
    settings: seen.has('options') || seen.has('search_path'),
    doubtful,
    extensions,
    all,
  };
}
/** Parameters whose values policies judge; the server folds the names of settings. */
const JUDGED = new Set(['options', 'role', 'session_authorization']);
const KEPT = new Set(['user', 'database', 'application_name', 'replication']);

/** `database`, or what the server's parse_bool takes for true: any prefix of true and yes, `on`, `1`. */
function isWalsender(value: string | undefined): boolean {
  if (value === undefined) return false;
  return value === 'database' || /^(?:t|tr|tru|true|y|ye|yes|on|1)$/i.test(value);
}
