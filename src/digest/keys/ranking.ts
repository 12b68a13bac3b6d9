/**
 * The heaviest of many by weight, after Homem and Carvalho's filtered space-saving (2010): a bounded heap whose root is
 * the lightest ranked, and cells that hold what all others weigh. One outside adds its weight to its cell; when the cell
 * outweighs the root, it takes the root's place and carries the cell's weight as its error. So none that is heavy is
 * missed, and those seen once cost an addition.
 *
 * Members are the owner's slot numbers; `cells` says in which cell a slot falls and is the owner's to fill. All memory is
 * taken at once.
 */
export class Ranking {
  /** By slot: what was seen for certain since the owner gave it out. */
  readonly seen: Float64Array;
  /** By slot: with the error it came in with. */
  readonly #weights: Float64Array;
  /** By cell: the most that any one outside it can weigh. */
  readonly #outside: Float64Array;
  readonly #cells: Uint16Array;
  readonly #capacity: number;
  readonly #heap: Uint16Array;
  /** By slot: place in the heap + 1; 0 = not ranked. */
  readonly #places: Uint16Array;
  #count = 0;
  /** Weight of the root; 0 while there is room for all. */
  #least = 0;

  constructor(capacity: number, cells: Uint16Array, cellCount: number) {
    this.#capacity = capacity;
    this.#cells = cells;
    this.seen = new Float64Array(cells.length);
    this.#weights = new Float64Array(cells.length);
    this.#outside = new Float64Array(cellCount);
    this.#heap = new Uint16Array(capacity);
    this.#places = new Uint16Array(cells.length);
  }

  /** The most that one without a slot can weigh. */
  get floor(): number {
    let most = 0;
    for (const weight of this.#outside) if (weight > most) most = weight;
    return most;
  }

  has(slot: number): boolean {
    return this.#places[slot] !== 0;
  }

  /** The most that a slot can weigh; the least is `seen`. */
  atMost(slot: number): number {
    const weight = this.has(slot) ? this.#weights[slot]! : this.#outside[this.#cells[slot]!]!;
    return Math.max(weight, this.seen[slot]!);
  }

  /** Would this weight, added to the cell, be ranked? */
  admits(cell: number, weight: number): boolean {
    return weight > 0 && this.#outside[cell]! + weight >= this.#least;
  }

  /** Of one without a slot that is not let in. */
  refuse(cell: number, weight: number): void {
    this.#outside[cell]! += weight;
  }

  /** `weight` ≥ 0 more for a slot. Returns the slot that left the ranking for it, or -1. */
  add(slot: number, weight: number): number {
    this.seen[slot]! += weight;
    const place = this.#places[slot]!;
    if (place !== 0) {
      this.#weights[slot]! += weight;
      this.#sink(slot, place - 1);
      return -1;
    }
    const cell = this.#cells[slot]!;
    if (this.admits(cell, weight)) return this.#enter(slot, this.#outside[cell]! + weight);
    this.#outside[cell]! += weight;
    return -1;
  }

  #enter(slot: number, weight: number): number {
    this.#weights[slot] = weight;
    if (this.#count < this.#capacity) {
      this.#rise(slot, this.#count++);
      if (this.#count === this.#capacity) this.#least = this.#weights[this.#heap[0]!]!;
      return -1;
    }
    const out = this.#heap[0]!;
    const cell = this.#cells[out]!;
    if (this.#outside[cell]! < this.#least) this.#outside[cell] = this.#least;
    this.#places[out] = 0;
    this.#sink(slot, 0);
    return out;
  }

  #rise(slot: number, from: number): void {
    const weight = this.#weights[slot]!;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const other = this.#heap[up]!;
      if (this.#weights[other]! <= weight) break;
      this.#put(other, at);
      at = up;
    }
    this.#put(slot, at);
  }

  #sink(slot: number, from: number): void {
    const weights = this.#weights;
    const heap = this.#heap;
    const count = this.#count;
    const weight = weights[slot]!;
    let at = from;
    for (;;) {
      let down = at * 2 + 1;
      if (down >= count) break;
      if (down + 1 < count && weights[heap[down + 1]!]! < weights[heap[down]!]!) down++;
      const other = heap[down]!;
      if (weights[other]! >= weight) break;
      this.#put(other, at);
      at = down;
    }
    if (at !== from || this.#places[slot] === 0) this.#put(slot, at);
    if (from === 0 && count === this.#capacity) this.#least = weights[heap[0]!]!;
  }

  #put(slot: number, at: number): void {
    this.#heap[at] = slot;
    this.#places[slot] = at + 1;
  }
}
