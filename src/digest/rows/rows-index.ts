/** Open-addressed table from (digest place, scope place) to row; linear probing, at most half full, no tombstones. */
export class RowIndex {
  readonly #rows: Int32Array;
  readonly #mask: number;
  readonly #digests: Int32Array;
  readonly #scopes: Int32Array;

  /** `digests` and `scopes` are the rows' keys, by row, owned by the caller. */
  constructor(digests: Int32Array, scopes: Int32Array) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(8, digests.length * 2)));
    this.#rows = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    this.#digests = digests;
    this.#scopes = scopes;
  }

  find(digest: number, scope: number): number {
    const mask = this.#mask;
    for (let at = hash(digest, scope) & mask; ; at = (at + 1) & mask) {
      const row = this.#rows[at]!;
      if (row < 0 || (this.#digests[row] === digest && this.#scopes[row] === scope)) return row;
    }
  }

  /** The row's keys must be set. */
  insert(row: number): void {
    let at = this.#home(row);
    while (this.#rows[at]! >= 0) at = (at + 1) & this.#mask;
    this.#rows[at] = row;
  }

  /** The row's keys must still be set. Moves later entries of the run back, so that find() may stop at the first gap. */
  remove(row: number): void {
    const mask = this.#mask;
    let gap = this.#home(row);
    while (this.#rows[gap] !== row) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#rows[at]! >= 0; at = (at + 1) & mask) {
      const home = this.#home(this.#rows[at]!);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#rows[gap] = this.#rows[at]!;
      gap = at;
    }
    this.#rows[gap] = -1;
  }

  #home(row: number): number {
    return hash(this.#digests[row]!, this.#scopes[row]!) & this.#mask;
  }
}

function hash(digest: number, scope: number): number {
  let h = Math.imul(digest, 0x9e3779b1) ^ Math.imul(scope + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
