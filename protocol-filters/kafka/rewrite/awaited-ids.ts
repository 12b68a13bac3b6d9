const FIRST_ROOM = 16;

/** Correlation ids of the requests that wait for their replies, by the number of the request. */
export class AwaitedIds {
  /** A ring; its length is a power of two. */
  #ids = new Float64Array(FIRST_ROOM);

  /** `oldest`: the number of the first request whose id is still wanted. */
  put(number: number, oldest: number, id: number): void {
    if (number - oldest >= this.#ids.length) this.#grow(oldest);
    this.#ids[number & (this.#ids.length - 1)] = id;
  }

  of(number: number): number {
    return this.#ids[number & (this.#ids.length - 1)]!;
  }

  #grow(oldest: number): void {
    const before = this.#ids;
    const grown = new Float64Array(before.length * 2);
    for (let i = oldest; i < oldest + before.length; i++)
      grown[i & (grown.length - 1)] = before[i & (before.length - 1)]!;
    this.#ids = grown;
  }
}

/** Stands for the id of what has none: a SASL token. */
export const NO_ID = Number.NaN;
