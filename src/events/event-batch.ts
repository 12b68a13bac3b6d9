import { attributesOf, type ExchangeAttributes } from './exchange-attributes.ts';
import {
  arraysOver,
  columnBytes,
  DIGEST_COLUMNS,
  EXCHANGE_COLUMNS,
  type ExchangeArrays,
  HEADER_BYTES,
  MAGIC,
  padded,
  SESSION_COLUMNS,
  SESSION_EVENT_COLUMNS,
  type SessionEventArrays,
  VERSION,
} from './layout.ts';

export type SessionEntry = { readonly session_id: number } & {
  readonly [K in (typeof SESSION_COLUMNS)[number]]: string;
};
export type DigestEntry = { readonly [K in (typeof DIGEST_COLUMNS)[number]]: string };

const NO_DIGEST: DigestEntry = { digest: '', operation: '', summary: '', collection: '', text: '', facts: '' };
const NO_SESSION: SessionEntry = {
  session_id: 0,
  protocol: '',
  listener: '',
  cluster: '',
  upstream: '',
  client: '',
  local: '',
  database: '',
  user: '',
  application: '',
  driver: '',
  server_version: '',
  session_kind: '',
  tls: '',
  opaque: '',
};

/**
 * A batch as sinks read it: columns by name, and the batch's own tables of strings, sessions and digests, each entry made
 * once when first asked for. A place outside its table reads as empty. The buffer must not change while this is in use.
 */
export class EventBatch {
  readonly worker: number;
  readonly incarnation: number;
  /** A random whole number, one a life of a worker. */
  readonly origin: number;
  readonly sequence: number;
  /** Exchanges its worker had produced before the first row. */
  readonly before: number;
  readonly rows: number;
  readonly columns: ExchangeArrays;
  readonly sessionEvents: number;
  readonly sessionColumns: SessionEventArrays;
  /** How many different strings it has; codes run from 0 (which is '') to this. */
  readonly stringCount: number;
  readonly sessionCount: number;
  readonly digestCount: number;
  readonly #buf: Buffer;
  readonly #sessionsAt: number;
  readonly #digestsAt: number;
  readonly #stringsAt: number;
  readonly #ends: Uint32Array;
  readonly #strings: (string | undefined)[] = [''];
  readonly #sessions: SessionEntry[] = [];
  readonly #digests: DigestEntry[] = [NO_DIGEST];
  readonly #attributes: ExchangeAttributes[] = [];

  private constructor(buf: Buffer, sizes: Sizes) {
    this.#buf = buf;
    this.worker = buf.readUInt32LE(8);
    this.incarnation = buf.readDoubleLE(16);
    this.sequence = buf.readDoubleLE(24);
    this.before = buf.readDoubleLE(32);
    this.origin = buf.readDoubleLE(64);
    this.rows = sizes.rows;
    this.sessionEvents = sizes.sessionEvents;
    this.stringCount = sizes.strings;
    this.sessionCount = sizes.sessions;
    this.digestCount = sizes.digests;
    const at = places(sizes);
    this.columns = arraysOver(EXCHANGE_COLUMNS, buf.buffer, buf.byteOffset + HEADER_BYTES, this.rows);
    this.sessionColumns = arraysOver(
      SESSION_EVENT_COLUMNS,
      buf.buffer,
      buf.byteOffset + at.sessionEvents,
      this.sessionEvents,
    );
    this.#sessionsAt = at.sessions;
    this.#digestsAt = at.digests;
    this.#stringsAt = at.strings;
    this.#ends = new Uint32Array(buf.buffer, buf.byteOffset + at.ends, this.stringCount);
  }

  /** Reads a batch; null for anything that is not exactly one. Bytes that are not aligned to 8 are copied once. */
  static from(bytes: Buffer): EventBatch | null {
    const buf = bytes.byteOffset % 8 === 0 ? bytes : aligned(bytes);
    if (buf.length < HEADER_BYTES || buf.readUInt32LE(0) !== MAGIC) return null;
    if (buf.readUInt16LE(4) !== VERSION || buf.readUInt16LE(6) !== HEADER_BYTES) return null;
    const sizes: Sizes = {
      rows: buf.readUInt32LE(12),
      sessionEvents: buf.readUInt32LE(40),
      strings: buf.readUInt32LE(44),
      sessions: buf.readUInt32LE(48),
      digests: buf.readUInt32LE(52),
      stringBytes: buf.readUInt32LE(56),
    };
    // Everything takes at least a byte: no size above the buffer's own can be true, and none below it overflows.
    for (const size of Object.values(sizes)) if (size > buf.length) return null;
    if (places(sizes).end !== buf.length) return null;
    for (const field of [16, 24, 32, 64]) if (!Number.isSafeInteger(buf.readDoubleLE(field))) return null;
    return new EventBatch(buf, sizes);
  }

  /** All of it, as it travels and as from() reads it. Must not be changed. */
  get encoded(): Buffer {
    return this.#buf;
  }

  string(code: number): string {
    const known = this.#strings[code];
    if (known !== undefined) return known;
    if (code > this.stringCount) return '';
    const from = code === 1 ? 0 : this.#ends[code - 2]!;
    const to = this.#ends[code - 1]!;
    const ok = from <= to && this.#stringsAt + to <= this.#buf.length;
    const text = ok ? this.#buf.toString('utf8', this.#stringsAt + from, this.#stringsAt + to) : '';
    this.#strings[code] = text;
    return text;
  }

  /** Of a code of the column `attributes`: read once, whatever the text is. */
  attributes(code: number): ExchangeAttributes {
    const known = this.#attributes[code];
    if (known !== undefined) return known;
    const read = attributesOf(this.string(code));
    if (code <= this.stringCount) this.#attributes[code] = read;
    return read;
  }

  session(place: number): SessionEntry {
    const known = this.#sessions[place];
    if (known !== undefined) return known;
    if (place >= this.sessionCount) return NO_SESSION;
    const entry: Record<string, unknown> = { session_id: this.#buf.readDoubleLE(this.#sessionsAt + place * 8) };
    const codesAt = this.#sessionsAt + this.sessionCount * 8;
    for (const [column, name] of SESSION_COLUMNS.entries()) {
      entry[name] = this.#cell(codesAt, column, this.sessionCount, place);
    }
    this.#sessions[place] = entry as SessionEntry;
    return this.#sessions[place]!;
  }

  /** By the `digest` column: 0 is an exchange without one. */
  digest(place: number): DigestEntry {
    const known = this.#digests[place];
    if (known !== undefined) return known;
    if (place > this.digestCount) return NO_DIGEST;
    const entry: Record<string, string> = {};
    for (const [column, name] of DIGEST_COLUMNS.entries()) {
      entry[name] = this.#cell(this.#digestsAt, column, this.digestCount, place - 1);
    }
    this.#digests[place] = entry as DigestEntry;
    return this.#digests[place]!;
  }

  #cell(at: number, column: number, rows: number, row: number): string {
    return this.string(this.#buf.readUInt32LE(at + column * padded(rows * 4) + row * 4));
  }
}

interface Sizes {
  readonly rows: number;
  readonly sessionEvents: number;
  readonly strings: number;
  readonly sessions: number;
  readonly digests: number;
  readonly stringBytes: number;
}

function places(sizes: Sizes) {
  const sessionEvents = HEADER_BYTES + columnBytes(EXCHANGE_COLUMNS, sizes.rows);
  const sessions = sessionEvents + columnBytes(SESSION_EVENT_COLUMNS, sizes.sessionEvents);
  const digests = sessions + sizes.sessions * 8 + SESSION_COLUMNS.length * padded(sizes.sessions * 4);
  const ends = digests + DIGEST_COLUMNS.length * padded(sizes.digests * 4);
  const strings = ends + padded(sizes.strings * 4);
  return { sessionEvents, sessions, digests, ends, strings, end: strings + padded(sizes.stringBytes) };
}

function aligned(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
