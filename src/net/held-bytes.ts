/**
 * The gate's memory of one direction: bytes received and not yet allowed to leave, and what shall leave in their place.
 * Offsets are absolute. The buffer grows with what was received, never with what was declared.
 */
export class HeldBytes {
  /** The bytes from `cleared` on stand at buffer[start..]. */
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Offset of buffer[start]: everything below has left. */
  cleared = 0;
  /** How far the session has read. */
  read = 0;
  #clearTo = 0;
  /** Sorted by offset; an insertion has from === to. */
  readonly #edits: { from: number; to: number; bytes: Uint8Array | null }[] = [];

  get length(): number {
    return this.end - this.start;
  }

  /** Starts over at an offset: everything below was forwarded in the tap gear. */
  beginAt(offset: number): void {
    this.cleared = this.read = this.#clearTo = offset;
    this.start = this.end = 0;
    this.buffer = EMPTY;
    this.#edits.length = 0;
  }

  append(buf: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (this.end + bytes > this.buffer.length) this.#makeRoom(bytes);
    buf.copy(this.buffer, this.end, start, end);
    this.end += bytes;
  }

  /** Position in `buffer` of an absolute offset. */
  indexOf(offset: number): number {
    return this.start + (offset - this.cleared);
  }

  /** Bytes below may leave with the next take(). */
  clear(upTo: number): void {
    if (upTo > this.#clearTo) this.#clearTo = Math.min(upTo, this.cleared + this.length);
  }

  get clearedTo(): number {
    return this.#clearTo;
  }

  replace(from: number, to: number, bytes: Uint8Array | null): void {
    if (from < this.cleared) throw new RangeError(`replace at ${from}, below the cleared point ${this.cleared}`);
    let at = this.#edits.length;
    while (at > 0 && this.#edits[at - 1]!.from > from) at--;
    this.#edits.splice(at, 0, { from, to, bytes });
  }

  /** Our own bytes after everything cleared so far. */
  insert(bytes: Uint8Array): void {
    this.replace(this.#clearTo, this.#clearTo, bytes);
  }

  /** What may leave now, edits applied, in one buffer; null if nothing. The caller owns it. */
  take(): Buffer | null {
    const upTo = this.#clearTo;
    const first = this.#edits[0];
    if (upTo === this.cleared && (first === undefined || first.from > upTo)) return null;
    const pieces: Uint8Array[] = [];
    let at = this.cleared;
    while (this.#edits.length > 0 && this.#edits[0]!.to <= upTo) {
      const edit = this.#edits.shift()!;
      pieces.push(this.buffer.subarray(this.indexOf(at), this.indexOf(edit.from)));
      if (edit.bytes) pieces.push(edit.bytes);
      at = edit.to;
    }
    pieces.push(this.buffer.subarray(this.indexOf(at), this.indexOf(upTo)));
    const out = Buffer.concat(pieces);
    this.start = this.indexOf(upTo);
    this.cleared = upTo;
    if (this.read < upTo) this.read = upTo;
    if (this.start === this.end) this.#release();
    return out.length > 0 ? out : null;
  }

  #release(): void {
    this.start = this.end = 0;
    if (this.buffer.length > KEEP_BYTES) this.buffer = EMPTY;
  }

  #makeRoom(bytes: number): void {
    const length = this.length;
    const needed = length + bytes;
    const target =
      needed <= this.buffer.length
        ? this.buffer
        : Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(needed))));
    this.buffer.copy(target, 0, this.start, this.end);
    this.buffer = target;
    this.start = 0;
    this.end = length;
  }
}

const EMPTY = Buffer.alloc(0);
const MIN_BYTES = 4096;
const KEEP_BYTES = 64 * 1024;
