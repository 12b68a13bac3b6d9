/**
 * The gate's memory of one direction: bytes received and not yet allowed to leave, and what shall leave in their place.
 * Offsets are absolute. The buffer grows with what was received, never with what was declared.
 *
 * A chunk that finds nothing held is lent: it is read where it stands, and what may leave at once leaves by reference.
 * keep() copies the rest. So whole messages cost the gate no copy and an idle connection no memory.
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
  /** Not null: `buffer` is the reader's, and this is what was ours until then. */
  #own: Buffer | null = null;
  /** Of the lent buffer: it may be written by reference (TransportEvents.onData). */
  given = false;
  /** Sorted by offset; an insertion has from === to and stands before a replacement that begins at the same offset. */
  readonly #edits: Edit[] = [];

  get length(): number {
    return this.end - this.start;
  }

  /** Offset of the next byte to be received. */
  get received(): number {
    return this.cleared + this.end - this.start;
  }

  /** Starts over at an offset: everything below was forwarded in the tap gear. */
  beginAt(offset: number): void {
    this.cleared = this.read = this.#clearTo = offset;
    this.start = this.end = 0;
    this.buffer = EMPTY;
    this.#edits.length = 0;
  }

  /** Nothing may be held. keep() must follow before the caller returns. */
  lend(buf: Buffer, start: number, end: number, given: boolean): void {
    this.#own = this.buffer;
    this.buffer = buf;
    this.start = start;
    this.end = end;
    this.given = given;
  }

  /** Copies what is left of a lent chunk. */
  keep(): void {
    const own = this.#own;
    if (own === null) return;
    const { buffer, start, end } = this;
    this.#own = null;
    this.given = false;
    this.buffer = own;
    this.start = this.end = 0;
    if (start < end) this.append(buffer, start, end);
  }

  append(buf: Buffer, start: number, end: number): void {
    this.keep(); // never into the reader's buffer: what has left of a lent chunk may still be waiting in a socket's queue
    const bytes = end - start;
    if (this.end + bytes > this.buffer.length) this.#makeRoom(bytes);
    buf.copy(this.buffer, this.end, start, end);
    this.end += bytes;
  }

  /** Position in `buffer` of an absolute offset. */
  indexOf(offset: number): number {
    return this.start + (offset - this.cleared);
  }

  /** Bytes below may leave with the next take(). What has not been received yet is not cleared by this. */
  clear(upTo: number): void {
    if (upTo > this.#clearTo) this.#clearTo = Math.min(upTo, this.received);
  }

  get clearedTo(): number {
    return this.#clearTo;
  }

  /**
   * [from, to) leaves as `bytes`; null: not at all. The range may reach past what was received: what comes of it later is
   * dropped. Ranges of two replacements must not overlap.
   */
  replace(from: number, to: number, bytes: Uint8Array | null): void {
    if (from < this.cleared) throw new RangeError(`replace at ${from}, below the cleared point ${this.cleared}`);
    this.#insert({ from, to, bytes });
  }

  /** Our own bytes after everything cleared so far. */
  insert(bytes: Uint8Array): void {
    this.replace(this.#clearTo, this.#clearTo, bytes);
  }

  /**
   * Where what may leave now ends, if it can leave as it came, from buffer[start] on; -1: take() tells what leaves. After
   * leave(), and not before, it has left.
   */
  get leavesTo(): number {
    if (this.#own === null || this.#clearTo === this.cleared) return -1;
    return this.#edits.length === 0 || this.#edits[0]!.from > this.#clearTo ? this.indexOf(this.#clearTo) : -1;
  }

  leave(): void {
    const upTo = this.#clearTo;
    this.start = this.indexOf(upTo);
    this.cleared = upTo;
    if (this.read < upTo) this.read = upTo;
    if (this.start === this.end) this.#release();
  }

  /** What may leave now, edits applied, in one buffer; null if nothing. The caller owns it. */
  take(): Buffer | null {
    const upTo = this.#clearTo;
    const edits = this.#edits;
    if (upTo === this.cleared && (edits.length === 0 || edits[0]!.from > upTo)) return null;
    const pieces: Uint8Array[] = [];
    let at = this.cleared;
    let done = 0; // a reply may have a hundred thousand: shift() would move the rest each time
    while (done < edits.length) {
      const edit = edits[done]!;
      if (edit.from > upTo || (edit.from === upTo && edit.to > upTo)) break;
      if (edit.from > at) pieces.push(this.buffer.subarray(this.indexOf(at), this.indexOf(edit.from)));
      if (edit.bytes) pieces.push(edit.bytes);
      at = Math.max(at, Math.min(edit.to, upTo));
      done++;
      if (edit.to > upTo) this.#insert({ from: upTo, to: edit.to, bytes: null }); // the rest is dropped as it comes
    }
    edits.splice(0, done);
    if (upTo > at) pieces.push(this.buffer.subarray(this.indexOf(at), this.indexOf(upTo)));
    const out = pieces.length === 0 ? null : Buffer.concat(pieces);
    this.leave();
    return out !== null && out.length > 0 ? out : null;
  }

  #insert(edit: Edit): void {
    const edits = this.#edits;
    let at = edits.length;
    while (at > 0 && comesBefore(edit, edits[at - 1]!)) at--;
    edits.splice(at, 0, edit);
  }

  #release(): void {
    this.keep(); // gives a lent buffer back
    this.start = this.end = 0;
    if (this.buffer.length > KEEP_BYTES) this.buffer = EMPTY;
  }

  #makeRoom(bytes: number): void {
    const length = this.length;
    const needed = length + bytes;
    // Moving what is held to the front pays only if it frees half of the buffer; else each small append would copy it all.
    const target =
      needed <= this.buffer.length / 2
        ? this.buffer
        : Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(needed * 1.25))));
    this.buffer.copy(target, 0, this.start, this.end);
    this.buffer = target;
    this.start = 0;
    this.end = length;
  }
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array | null;
}

const isInsertion = (edit: Edit): boolean => edit.from === edit.to;
const comesBefore = (a: Edit, b: Edit): boolean =>
  a.from < b.from || (a.from === b.from && isInsertion(a) && !isInsertion(b));

const EMPTY = Buffer.alloc(0);
const MIN_BYTES = 4096;
const KEEP_BYTES = 64 * 1024;
