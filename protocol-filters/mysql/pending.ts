import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Effect } from './effects.ts';
import type { Statement } from './statements.ts';

const FIRST_CAPACITY = 8;
const TRIM_CAPACITY = 1024;

/**
 * Commands in flight, one entry an answer: a text of n statements has n. A ring that starts small and grows to its cap.
 * Places are absolute numbers from 0.
 */
export class Pending {
  #mask = FIRST_CAPACITY - 1;
  #commands = new Uint8Array(FIRST_CAPACITY);
  /** Sequence id that the reply begins with. */
  #sequences = new Uint8Array(FIRST_CAPACITY);
  /** 1: more statements of the same text follow. */
  #more = new Uint8Array(FIRST_CAPACITY);
  /** Ms of the command's first byte, its bytes on the wire and its turn: for what becomes an exchange only when it fails. */
  readonly #at: number[] = new Array(FIRST_CAPACITY).fill(0);
  readonly #bytes: number[] = new Array(FIRST_CAPACITY).fill(0);
  readonly #turns: number[] = new Array(FIRST_CAPACITY).fill(0);
  readonly #exchanges: (Exchange | null)[] = new Array(FIRST_CAPACITY).fill(null);
  readonly #statements: (Statement | null)[] = new Array(FIRST_CAPACITY).fill(null);
  readonly #effects: (Effect | null)[] = new Array(FIRST_CAPACITY).fill(null);
  /** Place of the oldest open command. */
  head = 0;
  /** Place that the next will take. */
  tail = 0;

  get size(): number {
    return this.tail - this.head;
  }

  /** Does a command wait behind the statements of the oldest one's text? */
  get holdsMoreThanOneText(): boolean {
    let last = this.head;
    while (last < this.tail && this.hasMore(last)) last++;
    return last < this.tail - 1;
  }

  push(
    command: number,
    sequence: number,
    turn: number,
    exchange: Exchange | null,
    statement: Statement | null,
    effect: Effect | null,
    at: number,
    bytes: number,
  ): number {
    if (this.size > this.#mask) this.#resize((this.#mask + 1) * 2);
    const place = this.tail++;
    const i = place & this.#mask;
    this.#commands[i] = command;
    this.#sequences[i] = sequence;
    this.#more[i] = 0;
    this.#at[i] = at;
    this.#bytes[i] = bytes;
    this.#turns[i] = turn;
    this.#exchanges[i] = exchange;
    this.#statements[i] = statement;
    this.#effects[i] = effect;
    return place;
  }

  /** Forgets the oldest. */
  shift(): void {
    const i = this.head++ & this.#mask;
    this.#exchanges[i] = null;
    this.#statements[i] = null;
    this.#effects[i] = null;
  }

  /** The oldest, forgotten just now, is awaited once more: as the last of its text, with this exchange. */
  unshift(x: Exchange | null): void {
    const i = --this.head & this.#mask;
    this.#exchanges[i] = x;
    this.#more[i] = 0;
  }

  /** Another statement of the same text follows this one. */
  markMore(place: number): void {
    this.#more[place & this.#mask] = 1;
  }
  hasMore(place: number): boolean {
    return this.#more[place & this.#mask] === 1;
  }
  commandAt(place: number): number {
    return this.#commands[place & this.#mask]!;
  }
  sequenceAt(place: number): number {
    return this.#sequences[place & this.#mask]!;
  }
  setSequence(place: number, sequence: number): void {
    this.#sequences[place & this.#mask] = sequence;
  }
  exchangeAt(place: number): Exchange | null {
    return this.#exchanges[place & this.#mask]!;
  }
  setExchange(place: number, x: Exchange | null): void {
    this.#exchanges[place & this.#mask] = x;
  }
  statementAt(place: number): Statement | null {
    return this.#statements[place & this.#mask]!;
  }
  setStatement(place: number, statement: Statement | null): void {
    this.#statements[place & this.#mask] = statement;
  }
  effectAt(place: number): Effect | null {
    return this.#effects[place & this.#mask]!;
  }
  setEffect(place: number, effect: Effect | null): void {
    this.#effects[place & this.#mask] = effect;
  }
  atOf(place: number): number {
    return this.#at[place & this.#mask]!;
  }
  bytesOf(place: number): number {
    return this.#bytes[place & this.#mask]!;
  }
  turnOf(place: number): number {
    return this.#turns[place & this.#mask]!;
  }

  /** Nothing is open: gives back the memory of a burst. */
  trim(): void {
    if (this.size === 0 && this.#mask >= TRIM_CAPACITY) this.#resize(FIRST_CAPACITY);
  }

  #resize(capacity: number): void {
    const oldMask = this.#mask;
    const mask = capacity - 1;
    const bytesOf = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const fresh = new Uint8Array(capacity);
      for (let place = this.head; place < this.tail; place++) fresh[place & mask] = old[place & oldMask]!;
      return fresh;
    };
    this.#commands = bytesOf(this.#commands);
    this.#sequences = bytesOf(this.#sequences);
    this.#more = bytesOf(this.#more);
    const columns: unknown[][] = [this.#at, this.#bytes, this.#turns, this.#exchanges, this.#statements, this.#effects];
    for (const column of columns) {
      const old = column.slice();
      column.length = 0;
      for (let i = 0; i < capacity; i++) column.push(typeof old[0] === 'number' ? 0 : null);
      for (let place = this.head; place < this.tail; place++) column[place & mask] = old[place & oldMask];
    }
    this.#mask = mask;
  }
}
