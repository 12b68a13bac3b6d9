const BUCKETS = 2048;
const MASK = BUCKETS - 1;
const MAX_NAMES = BUCKETS / 2;

/** ASCII upper case to lower case; every other byte as it is. */
const fold = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);

/** Names of commands, looked up by their bytes: no string is made. A name belongs to a scope: -1, or its container. */
export class NameTable {
  /** Name's number + 1; 0 = empty. */
  readonly #buckets = new Uint16Array(BUCKETS);
  readonly #names: Uint8Array[] = [];
  readonly #scopes: number[] = [];
  readonly #values: number[] = [];
  #longest = 0;

  /** `name` is ASCII in lower case. */
  add(scope: number, name: string, value: number): void {
    if (this.#names.length === MAX_NAMES) throw new Error('more commands than the table is made for');
    const bytes = Buffer.from(name, 'latin1');
    let at = hash(scope, bytes, 0, bytes.length);
    while (this.#buckets[at] !== 0) at = (at + 1) & MASK;
    this.#names.push(bytes);
    this.#scopes.push(scope);
    this.#values.push(value);
    this.#buckets[at] = this.#names.length;
    this.#longest = Math.max(this.#longest, bytes.length);
  }

  /** The value of the name buf[start..end), in any ASCII case; -1 when there is none. */
  find(scope: number, buf: Uint8Array, start: number, end: number): number {
    if (end - start > this.#longest) return -1;
    for (let at = hash(scope, buf, start, end); ; at = (at + 1) & MASK) {
      const number = this.#buckets[at]! - 1;
      if (number < 0) return -1;
      if (this.#scopes[number] === scope && isSame(this.#names[number]!, buf, start, end)) return this.#values[number]!;
    }
  }
}

function hash(scope: number, buf: Uint8Array, start: number, end: number): number {
  let h = scope + 2;
  for (let i = start; i < end; i++) h = Math.imul(h, 0x01000193) ^ fold(buf[i]!);
  return (h ^ (h >>> 15)) & MASK;
}

function isSame(name: Uint8Array, buf: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== fold(buf[start + i]!)) return false;
  return true;
}
