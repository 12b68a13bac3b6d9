import { Capture } from '../../../src/bytes/capture.ts';
import { i32At } from '../../../src/bytes/cursor.ts';
import { decompressStart, MOST_PLAIN_BYTES } from './decompress.ts';

/** Of a wrapper; one that is longer stays uncounted. */
const MOST_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;
/** Offset and size of a message, and the least that follows. */
const PREFIX_BYTES = 12;
const LEAST_BYTES = 14;

/** Counts the messages of formats 0 and 1 that a compressed message wraps. Only where decompression was asked for. */
export class WrappedMessages {
  readonly #kept = new Capture();
  #codec = 0;

  /** A wrapper's key begins. */
  begin(codec: number): void {
    this.#kept.release();
    this.#codec = codec;
  }

  push(buf: Buffer, start: number, end: number): void {
    if (this.#kept.bytes <= MOST_BYTES) this.#kept.append(buf, start, Math.min(end, start + MOST_BYTES + 1));
  }

  /** How many; 0: nobody can tell. */
  end(): number {
    const count = this.#count();
    this.#kept.release();
    return count;
  }

  #count(): number {
    const { buffer, bytes } = this.#kept;
    if (bytes > MOST_BYTES || bytes < LENGTH_BYTES) return 0;
    const valueAt = LENGTH_BYTES + Math.max(0, i32At(buffer, 0));
    if (valueAt + LENGTH_BYTES > bytes) return 0;
    const start = valueAt + LENGTH_BYTES;
    const plain = decompressStart(this.#codec, buffer.subarray(start, bytes), bytes - start);
    return plain && plain.length < MOST_PLAIN_BYTES ? countMessages(plain) : 0;
  }
}

function countMessages(plain: Buffer): number {
  let count = 0;
  let at = 0;
  while (at + PREFIX_BYTES <= plain.length) {
    const size = i32At(plain, at + 8);
    if (size < LEAST_BYTES) return 0;
    at += PREFIX_BYTES + size;
    count++;
  }
  return at === plain.length ? count : 0;
}
