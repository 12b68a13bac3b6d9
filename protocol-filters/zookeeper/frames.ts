import { Capture } from '../../src/bytes/capture.ts';

const LENGTH_BYTES = 4;

/** Who is given whole frames. */
export interface FrameSink {
  /** The length of a frame is known, that begins at `from`. Not `take`: it will not be gathered, and nothing is read any more. */
  onLength(length: number, from: number): 'take' | 'stop';
  /**
   * buf[start..end) is a whole frame, its length included; `from` is the offset of its first byte. False: it is to be read
   * again.
   */
  onFrame(buf: Buffer, start: number, end: number, from: number, firstByteAt: number): boolean;
}

/**
 * Puts frames together that are to be judged whole. One that lies in one read is handed on without a copy. Grows with what
 * was received, up to the length that its sink takes.
 */
export class Frames {
  /** Reading stops before the next frame. */
  paused = false;
  /** Offset of the first byte of the frame that is not whole, or of the next one. */
  from = 0;
  readonly #sink: FrameSink;
  readonly #capture = new Capture();
  #firstByteAt = 0;
  #isOver = false;
  /** Length of the frame that is being gathered, its own bytes included; 0 = not known. */
  #bytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  get inside(): boolean {
    return this.#capture.bytes > 0;
  }

  stop(): void {
    this.#isOver = true;
    this.#capture.release();
  }

  /**
   * Reads buf[start..end), whose first byte stands at offset `at`. Returns the index read up to: below `start` even, of a frame
   * that is to be read again.
   */
  push(buf: Buffer, start: number, end: number, at: number, now: number): number {
    const base = at - start;
    let i = start;
    while (i < end && !this.#isOver) {
      const capture = this.#capture;
      if (capture.bytes === 0) {
        if (this.paused) return i;
        this.from = base + i;
        this.#firstByteAt = now;
        this.#bytes = 0;
        if (end - i >= LENGTH_BYTES) {
          if (!this.#begin(buf.readInt32BE(i))) return i;
          if (end - i >= this.#bytes) {
            const frame = i;
            i += this.#bytes;
            if (!this.#sink.onFrame(buf, frame, i, this.from, now)) return frame;
            if (!this.#isOver) this.from = base + i;
            continue;
          }
        }
      }
      const wanted = this.#bytes === 0 ? LENGTH_BYTES : this.#bytes;
      const take = Math.min(wanted - capture.bytes, end - i);
      capture.append(buf, i, i + take);
      i += take;
      if (capture.bytes < wanted) return i;
      if (this.#bytes === 0) {
        if (!this.#begin(capture.buffer.readInt32BE(0))) return i;
        if (this.#bytes > LENGTH_BYTES) continue;
      }
      const isRead = this.#sink.onFrame(capture.buffer, 0, this.#bytes, this.from, this.#firstByteAt);
      capture.release();
      if (!isRead) return this.from - base;
      if (!this.#isOver) this.from = base + i;
    }
    return i;
  }

  #begin(length: number): boolean {
    if (this.#sink.onLength(length, this.from) === 'stop') {
      this.stop();
      return false;
    }
    this.#bytes = length + LENGTH_BYTES;
    return true;
  }
}
