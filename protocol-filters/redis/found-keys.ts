const MAX_RANGES = 8;

/** Which arguments of a command are keys, as ranges of their numbers. One object, reused by findKeys(). */
export class FoundKeys {
  /**
   * False when the keys are not known for certain: the server would refuse the command, or a number or keyword that decides
   * lies behind what is held. What is listed then was found before that.
   */
  complete = true;
  /** Keys besides, whose names come from data: patterns of SORT. */
  open = false;
  /** Keys in all. */
  count = 0;
  /** Argument number of the first key; 0 = none. */
  first = 0;
  /** KeyAccess bits of all keys together. */
  access = 0;
  #ranges = 0;
  readonly #from = new Int32Array(MAX_RANGES);
  readonly #keys = new Int32Array(MAX_RANGES);
  readonly #step = new Int32Array(MAX_RANGES);
  readonly #flags = new Int32Array(MAX_RANGES);

  clear(): void {
    this.complete = true;
    this.open = false;
    this.count = this.first = this.access = this.#ranges = 0;
  }

  /** Arguments from, from + step … up to `last`, at least one. */
  add(from: number, last: number, step: number, flags: number): void {
    if (this.#ranges === MAX_RANGES) {
      this.complete = false;
      return;
    }
    const keys = Math.floor((last - from) / step) + 1;
    const range = this.#ranges++;
    this.#from[range] = from;
    this.#keys[range] = keys;
    this.#step[range] = step;
    this.#flags[range] = flags;
    if (this.count === 0) this.first = from;
    this.count += keys;
    this.access |= flags;
  }

  /** How many ranges there are; each has its first and last argument, its step and its flags. */
  get ranges(): number {
    return this.#ranges;
  }
  firstOf(range: number): number {
    return this.#from[range]!;
  }
  lastOf(range: number): number {
    return this.#from[range]! + (this.#keys[range]! - 1) * this.#step[range]!;
  }
  stepOf(range: number): number {
    return this.#step[range]!;
  }
  flagsOf(range: number): number {
    return this.#flags[range]!;
  }

  /** Argument number of key i, 0 ≤ i < count. */
  indexAt(i: number): number {
    let left = i;
    for (let range = 0; range < this.#ranges; range++) {
      if (left < this.#keys[range]!) return this.#from[range]! + left * this.#step[range]!;
      left -= this.#keys[range]!;
    }
    return 0;
  }

  /** KeyAccess bits of key i. */
  flagsAt(i: number): number {
    let left = i;
    for (let range = 0; range < this.#ranges; range++) {
      if (left < this.#keys[range]!) return this.#flags[range]!;
      left -= this.#keys[range]!;
    }
    return 0;
  }
}
