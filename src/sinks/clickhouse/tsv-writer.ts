/** What is above (146 years in nanoseconds) is written as this: 64 bits hold it, and the division below is exact up to it. */
const MAX = 2 ** 62;
const TAB = 0x09;
const NEWLINE = 0x0a;
/** Below this many bytes a loop is cheaper than a native copy. */
const LOOP_BYTES = 48;

/**
 * Rows of ClickHouse's TabSeparated format, as bytes, one after the other. The memory is reused from parcel to parcel; a
 * number becomes its digits without a string between, and what repeats (names of a session) is copied as bytes that were
 * escaped once.
 */
export class TsvWriter {
  #buf: Buffer;
  #at = 0;

  constructor(bytes = 256 * 1024) {
    this.#buf = Buffer.allocUnsafeSlow(bytes);
  }

  get length(): number {
    return this.#at;
  }

  /** What was written since clear(). Lent until then. */
  bytes(): Buffer {
    return this.#buf.subarray(0, this.#at);
  }

  /** Empties it; memory beyond `keepBytes` is given back. */
  clear(keepBytes = 16 * 2 ** 20): void {
    this.#at = 0;
    if (this.#buf.length > keepBytes) this.#buf = Buffer.allocUnsafeSlow(keepBytes);
  }

  /** Makes room for what one row may take at most, so that the writes below need not ask. */
  reserve(bytes: number): void {
    if (this.#buf.length - this.#at >= bytes) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buf.length * 2, this.#at + bytes));
    this.#buf.copy(grown, 0, 0, this.#at);
    this.#buf = grown;
  }

  /** Bytes that are cells already, with their tabs. */
  raw(bytes: Buffer): void {
    const buf = this.#buf;
    let at = this.#at;
    if (bytes.length > LOOP_BYTES) {
      buf.set(bytes, at);
      at += bytes.length;
    } else for (let i = 0; i < bytes.length; i++) buf[at++] = bytes[i]!;
    this.#at = at;
  }

  /** A whole number, and a tab. Not a number and what is negative are 0. */
  number(n: number): void {
    const buf = this.#buf;
    let at = this.#at;
    if (n < 10 && n >= 0) buf[at++] = 0x30 + (n | 0);
    else at = digits(buf, at, n >= 10 ? Math.min(Math.floor(n), MAX) : 0);
    buf[at++] = TAB;
    this.#at = at;
  }

  /** Microseconds since the epoch as seconds with six digits, and a tab. Held to 2001 … 2103: ten digits, as the format needs. */
  time(us: number): void {
    const whole = us >= 1e15 ? Math.min(Math.floor(us), 4.2e15) : 1e15;
    const seconds = Math.floor(whole / 1e6);
    let at = digits(this.#buf, this.#at, seconds);
    this.#buf[at] = 0x2e;
    let rest = whole - seconds * 1e6;
    for (let i = at + 6; i > at; i--) {
      const next = Math.floor(rest / 10);
      this.#buf[i] = 0x30 + (rest - next * 10);
      rest = next;
    }
    at += 7;
    this.#buf[at++] = TAB;
    this.#at = at;
  }

  /** Ends the row: its last tab becomes the line's end. */
  endRow(): void {
    this.#buf[this.#at - 1] = NEWLINE;
  }
}

function digits(buf: Buffer, at: number, n: number): number {
  // Two halves that fit 32 bits: integer division of small numbers is what engines do fast.
  if (n >= 1e9) {
    let high = Math.floor(n / 1e9);
    let low = n - high * 1e9;
    if (low < 0) {
      // The quotient was rounded up to the next whole number.
      high--;
      low += 1e9;
    }
    at = digits(buf, at, high);
    for (let i = at + 8; i >= at; i--) {
      const next = (low / 10) | 0;
      buf[i] = 0x30 + (low - next * 10);
      low = next;
    }
    return at + 9;
  }
  const count =
    n < 10 ? 1 : n < 100 ? 2 : n < 1000 ? 3 : n < 1e4 ? 4 : n < 1e5 ? 5 : n < 1e6 ? 6 : n < 1e7 ? 7 : n < 1e8 ? 8 : 9;
  for (let i = at + count - 1; i >= at; i--) {
    const next = (n / 10) | 0;
    buf[i] = 0x30 + (n - next * 10);
    n = next;
  }
  return at + count;
}

/**
 * What moves a cell's end, and `{`: the embedded engine gets rows as part of its statement, and there obeys what its own tests
 * write into comments: `-- { error 60 }` in a user's name would make the insert fail for good.
 */
const SPECIAL = /[\0\b\t\n\f\r\\{]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '\\': '\\\\',
  '{': '\\x7B',
};

/** A text as it stands in a cell: whatever it holds, it stays in its cell. A lone surrogate becomes U+FFFD. */
export const cell = (text: string): string => text.replace(SPECIAL, (c) => ESCAPES[c]!);

/** Cells of bytes that are escaped already or texts that are not, each with its tab. */
export const cells = (texts: readonly string[]): Buffer => Buffer.from(texts.map((text) => `${cell(text)}\t`).join(''));

/** A Map(String, String) as a cell, with its tab. */
export const mapCell = (entries: readonly (readonly [key: string, value: string | number])[]): Buffer =>
  Buffer.from(`{${entries.map(([key, value]) => `${quotedText(key)}:${quotedText(String(value))}`).join(',')}}\t`);

/** Within a list or map texts are quoted, and escaped as in a cell of their own. */
const quotedText = (text: string): string => `'${cell(text).replaceAll("'", "\\'")}'`;

/** Raw bytes (an id) as a cell, with its tab. */
export function binaryCell(hex: string): Buffer {
  return Buffer.from(`${cell(Buffer.from(hex, 'hex').toString('latin1'))}\t`, 'latin1');
}
