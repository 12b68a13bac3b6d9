/**
 * Who may enter a full table (TinyLFU): a newcomer is counted in a small sketch and takes the place of a cold row once it
 * has been seen more often than that one. Texts that come once never push out anything. Counts are halved from time to
 * time, so yesterday's heat fades.
 */
export class Admission {
  /** How often a row was recorded of late. */
  readonly heat: Float64Array;
  readonly #sketch: Uint8Array;
  readonly #mask: number;
  #misses = 0;
  #seed: number;

  constructor(rows: number, seed: number) {
    this.heat = new Float64Array(rows);
    const size = 2 ** Math.ceil(Math.log2(Math.max(64, rows * 4)));
    this.#sketch = new Uint8Array(size);
    this.#mask = size - 1;
    this.#seed = seed | 1;
  }

  /** Counts a newcomer; returns about how often it was met (never too few, at most 255). */
  met(hash: number): number {
    if (++this.#misses >= this.heat.length * 4) this.#fade();
    const a = hash & this.#mask;
    const b = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) & this.#mask;
    const n = Math.min(this.#sketch[a]!, this.#sketch[b]!);
    if (n === 255) return n;
    if (this.#sketch[a] === n) this.#sketch[a] = n + 1;
    if (this.#sketch[b] === n) this.#sketch[b] = n + 1;
    return n + 1;
  }

  /** The coldest of a few rows picked at random. */
  coldest(): number {
    let best = this.#random();
    for (let i = 0; i < 7; i++) {
      const row = this.#random();
      if (this.heat[row]! < this.heat[best]!) best = row;
    }
    return best;
  }

  #fade(): void {
    this.#misses = 0;
    for (let i = 0; i < this.heat.length; i++) this.heat[i] = Math.floor(this.heat[i]! / 2);
    for (let i = 0; i < this.#sketch.length; i++) this.#sketch[i]! >>>= 1;
  }

  #random(): number {
    let s = this.#seed;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#seed = s;
    return (s >>> 0) % this.heat.length;
  }
}

/** 32 bits of a digest's id and a scope's place. */
export function newcomerHash(id: string, scope: number): number {
  let h = Math.imul(scope + 1, 0x9e3779b1);
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  return h ^ (h >>> 15);
}
