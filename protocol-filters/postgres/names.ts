import { MAX_NAME_BYTES } from './wire.ts';

/** Something that a session knows by name. `next` belongs to the table. */
export interface Named<T> {
  readonly name: string;
  next: T | null;
}

/**
 * Names as they stand on the wire to what they stand for, looked up by bytes: no string is made. The server tells names
 * apart by their first 63 bytes; so does this. Names are kept as latin1, one character a byte. The hash is seeded per
 * process, so that nobody can choose names that collide.
 */
export class NameTable<T extends Named<T>> {
  readonly #chains = new Map<number, T>();
  size = 0;

  /** What buf[start..end) names, or null. */
  find(buf: Buffer, start: number, end: number): T | null {
    const stop = Math.min(end, start + MAX_NAME_BYTES);
    let entry = this.#chains.get(hashOf(buf, start, stop)) ?? null;
    while (entry !== null && !sameName(entry.name, buf, start, stop)) entry = entry.next;
    return entry;
  }

  named(name: string): T | null {
    let entry = this.#chains.get(hashOfString(name)) ?? null;
    while (entry !== null && entry.name !== name) entry = entry.next;
    return entry;
  }

  /** Puts an entry in the place of its name; returns what stood there. */
  put(entry: T): T | null {
    const previous = this.remove(entry.name);
    const hash = hashOfString(entry.name);
    entry.next = this.#chains.get(hash) ?? null;
    this.#chains.set(hash, entry);
    this.size++;
    return previous;
  }

  remove(name: string): T | null {
    const hash = hashOfString(name);
    let before: T | null = null;
    let entry = this.#chains.get(hash) ?? null;
    while (entry !== null && entry.name !== name) {
      before = entry;
      entry = entry.next;
    }
    if (entry === null) return null;
    if (before !== null) before.next = entry.next;
    else if (entry.next !== null) this.#chains.set(hash, entry.next);
    else this.#chains.delete(hash);
    entry.next = null;
    this.size--;
    return entry;
  }

  /** Removes all entries that `gone` says. */
  sweep(gone: (entry: T) => boolean): void {
    if (this.size === 0) return;
    const names: string[] = [];
    for (const head of this.#chains.values())
      for (let entry: T | null = head; entry !== null; entry = entry.next) if (gone(entry)) names.push(entry.name);
    for (const name of names) this.remove(name);
  }

  clear(): void {
    this.#chains.clear();
    this.size = 0;
  }
}

const SEED = (Math.random() * 0x7fffffff) | 0;

function hashOf(buf: Buffer, start: number, end: number): number {
  let hash = SEED;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ buf[at]!, 0x01000193);
  return hash;
}

function hashOfString(name: string): number {
  let hash = SEED;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash;
}

function sameName(name: string, buf: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== buf[start + at]) return false;
  return true;
}

/** The string under which buf[start..end) is kept. */
export const nameFrom = (buf: Buffer, start: number, end: number): string =>
  buf.toString('latin1', start, Math.min(end, start + MAX_NAME_BYTES));
