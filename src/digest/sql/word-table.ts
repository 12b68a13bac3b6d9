/**
 * A fixed set of words, each with a number: found by length, first and last byte, then compared, without a string. All
 * other words cost one look-up, nearly always.
 */
export class WordTable {
  readonly #mask: number;
  readonly #shift: number;
  /** First byte, last byte and length of a word: tells nearly all words apart. */
  readonly #keys: Int32Array;
  readonly #values: Uint16Array;
  readonly #spelling: Uint8Array[];
  #shortest = 255;
  #longest = 0;

  /** @param bits room for 2 ** bits words; half of it should stay empty. */
  constructor(bits: number) {
    const size = 1 << bits;
    this.#mask = size - 1;
    this.#shift = 32 - bits;
    this.#keys = new Int32Array(size);
    this.#values = new Uint16Array(size);
    this.#spelling = Array.from({ length: size }, () => new Uint8Array(0));
  }

  /** Adds a word in lower case; `value` > 0. A word added again gets the bits of both values. */
  add(word: string, value: number): void {
    const bytes = Buffer.from(word);
    const key = bytes[0]! | (bytes[bytes.length - 1]! << 8) | (bytes.length << 16);
    let at = this.#bucket(key);
    while (this.#values[at] !== 0 && !bytes.equals(this.#spelling[at]!)) at = (at + 1) & this.#mask;
    this.#values[at] = this.#values[at]! | value;
    this.#keys[at] = key;
    this.#spelling[at] = bytes;
    this.#shortest = Math.min(this.#shortest, bytes.length);
    this.#longest = Math.max(this.#longest, bytes.length);
  }

  /** The value of the word out[start..end), or 0. */
  find(out: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > this.#longest || length < this.#shortest) return 0;
    const key = out[start]! | (out[end - 1]! << 8) | (length << 16);
    let at = this.#bucket(key);
    for (;;) {
      const value = this.#values[at]!;
      if (value === 0) return 0;
      if (this.#keys[at] === key && isSpelled(this.#spelling[at]!, out, start)) return value;
      at = (at + 1) & this.#mask;
    }
  }

  #bucket(key: number): number {
    return (Math.imul(key, 0x9e3779b1) >>> this.#shift) & this.#mask;
  }
}

const isSpelled = (word: Uint8Array, out: Uint8Array, start: number): boolean => {
  for (let i = 1; i < word.length - 1; i++) if (word[i] !== out[start + i]) return false;
  return true;
};
