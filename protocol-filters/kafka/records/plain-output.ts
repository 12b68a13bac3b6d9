/** Plain bytes as a decoder makes them: as many as there is room for, and copies of what is there already. */
export class PlainOutput {
  readonly #most: number;
  #buf = Buffer.alloc(1024);
  #at = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#at === this.#most;
  }

  /** Null: nothing was made. */
  done(): Buffer | null {
    return this.#at > 0 ? this.#buf.subarray(0, this.#at) : null;
  }

  literal(source: Buffer, start: number, end: number): void {
    const bytes = this.#room(end - start);
    source.copy(this.#buf, this.#at, start, start + bytes);
    this.#at += bytes;
  }

  /** `length` bytes that stand `offset` before the end. False: there are not as many. */
  copy(offset: number, length: number): boolean {
    if (offset === 0 || offset > this.#at) return false;
    const bytes = this.#room(length);
    // Byte by byte: a copy may read what it has just written.
    for (let i = 0; i < bytes; i++, this.#at++) this.#buf[this.#at] = this.#buf[this.#at - offset]!;
    return true;
  }

  #room(bytes: number): number {
    const wanted = Math.min(bytes, this.#most - this.#at);
    if (this.#at + wanted > this.#buf.length) {
      const grown = Buffer.alloc(Math.min(this.#most, Math.max(this.#buf.length * 2, this.#at + wanted)));
      this.#buf.copy(grown, 0, 0, this.#at);
      this.#buf = grown;
    }
    return wanted;
  }
}
