/**
 * Keeps the bytes of one message while it is cut over several reads. Grows with what was received, never with what was
 * declared; its memory goes back to a small shared pool when the message is over, so an idle connection holds none.
 */
export class Capture {
  #buf: Buffer = EMPTY;
  /** Bytes kept. They stand at buffer[0..bytes). */
  bytes = 0;

  get buffer(): Buffer {
    return this.#buf;
  }

  /** Copies source[start..end) behind what is kept. */
  append(source: Buffer, start: number, end: number): void {
    const more = end - start;
    if (this.bytes + more > this.#buf.length) this.#grow(this.bytes + more);
    // A loop for a few bytes, not copy(): a native call costs more.
    if (more <= 32) for (let at = start; at < end; at++) this.#buf[this.bytes++] = source[at]!;
    else this.bytes += source.copy(this.#buf, this.bytes, start, end);
  }

  /** Forgets what was kept. What was handed out is no longer valid. */
  release(): void {
    this.bytes = 0;
    if (this.#buf === EMPTY) return;
    giveBack(this.#buf);
    this.#buf = EMPTY;
  }

  #grow(needed: number): void {
    const grown = lease(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(needed))));
    this.#buf.copy(grown, 0, 0, this.bytes);
    if (this.#buf !== EMPTY) giveBack(this.#buf);
    this.#buf = grown;
  }
}

const EMPTY = Buffer.alloc(0);
const MIN_BYTES = 512;
/** Pooled sizes are 512 bytes to 64 KiB; larger buffers are left to the garbage collector. */
const MAX_POOLED = 64 * 1024;
const POOLED_EACH = 16;
const pools: Buffer[][] = Array.from({ length: 8 }, () => []);

const poolOf = (size: number): Buffer[] | undefined => pools[Math.log2(size / MIN_BYTES)];

function lease(size: number): Buffer {
  return (size <= MAX_POOLED ? poolOf(size)?.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
}

function giveBack(buf: Buffer): void {
  // Wiped: the next holder must not see another connection's bytes, not even through our own bug.
  const pool = buf.length <= MAX_POOLED ? poolOf(buf.length) : undefined;
  if (pool && pool.length < POOLED_EACH) pool.push(buf.fill(0));
}
