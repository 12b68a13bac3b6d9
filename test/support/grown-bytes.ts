/** Bytes that are only added to, at a cost that does not grow with what is there; what was handed out stays as it was. */
export class GrownBytes {
  length = 0;
  #store = Buffer.alloc(0);

  add(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (length > this.#store.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#store.length));
      this.#store.copy(larger, 0, 0, this.length);
      this.#store = larger;
    }
    this.#store.set(bytes, this.length);
    this.length = length;
  }

  /** Not a copy. */
  subarray(from = 0, to = this.length): Buffer {
    return this.#store.subarray(from, Math.min(to, this.length));
  }
}
