import type { Exchange } from '../../src/exchange/exchange.ts';
import { Said } from '../../src/exchange/said.ts';
import type { Portal, Statement } from './statements.ts';

/** What the server still owes an answer for, one entry a step. */
export const Step = {
  statement: 1, // one statement of a simple query → its CommandComplete
  parse: 2,
  bind: 3,
  describe: 4,
  execute: 5,
  closeStatement: 6,
  closePortal: 7,
  call: 8, // FunctionCall → FunctionCallResponse
  copyEnd: 9, // CopyDone or CopyFail sent before the server asked for data, Sync that a COPY swallowed: no answer
  // From here on: answered by ReadyForQuery.
  sync: 10,
  queryEnd: 11,
  callEnd: 12,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

/** The server reads it only after ReadyForQuery has cleared an earlier error: skipping ends here. */
export const endsBatch = (step: number): boolean => step >= Step.sync;

const FIRST_CAPACITY = 8;
const TRIM_CAPACITY = 1024;

/**
 * Requests in flight: a ring that starts small and grows to its cap. Places are absolute numbers from 0, so they order
 * everything that was ever asked on the connection.
 */
export class Pending {
  #mask = FIRST_CAPACITY - 1;
  steps = new Uint8Array(FIRST_CAPACITY);
  /** 1: the gate sent a stand-in for this step, whose error is replaced. */
  standIns = new Uint8Array(FIRST_CAPACITY);
  /** Ms of the step's first byte, and its bytes: for errors that end before an Execute. */
  readonly #at: number[] = new Array(FIRST_CAPACITY).fill(0);
  readonly #bytes: number[] = new Array(FIRST_CAPACITY).fill(0);
  /** Where its message begins in the client's bytes. */
  readonly #froms: number[] = new Array(FIRST_CAPACITY).fill(0);
  readonly #exchanges: (Exchange | null)[] = new Array(FIRST_CAPACITY).fill(null);
  readonly #statements: (Statement | null)[] = new Array(FIRST_CAPACITY).fill(null);
  readonly #previous: (Statement | null)[] = new Array(FIRST_CAPACITY).fill(null);
  readonly #portals: (Portal | null)[] = new Array(FIRST_CAPACITY).fill(null);
  /** What policies said of a step without an exchange; made when a place is first used so, and kept there. */
  #said: (Said | null)[] = new Array(FIRST_CAPACITY).fill(null);
  /** Where the message begins that is being read. */
  from = 0;
  /** Place of the oldest open step. */
  head = 0;
  /** Place that the next step will take. */
  tail = 0;

  get size(): number {
    return this.tail - this.head;
  }

  push(
    step: Step,
    exchange: Exchange | null,
    statement: Statement | null,
    portal: Portal | null,
    previous: Statement | null,
    at: number,
    bytes: number,
  ): number {
    if (this.size > this.#mask) this.#resize((this.#mask + 1) * 2);
    const place = this.tail++;
    const i = place & this.#mask;
    this.steps[i] = step;
    this.standIns[i] = 0;
    this.#at[i] = at;
    this.#bytes[i] = bytes;
    this.#froms[i] = this.from;
    this.#exchanges[i] = exchange;
    this.#statements[i] = statement;
    this.#previous[i] = previous;
    this.#portals[i] = portal;
    this.#said[i]?.forget();
    if (portal !== null) portal.uses++;
    return place;
  }

  /** Forgets the oldest step. */
  shift(): void {
    const i = this.head++ & this.#mask;
    const portal = this.#portals[i]!;
    if (portal !== null) portal.uses--;
    this.#exchanges[i] = this.#statements[i] = this.#previous[i] = this.#portals[i] = null;
  }

  /** This step gets no answer after all. */
  ignore(place: number): void {
    this.steps[place & this.#mask] = Step.copyEnd;
  }

  /** Forgets the oldest steps while they are ones without an answer. */
  dropUnanswered(): void {
    while (this.size > 0 && this.stepAt(this.head) === Step.copyEnd) this.shift();
  }

  stepAt(place: number): number {
    return this.steps[place & this.#mask]!;
  }
  isStandIn(place: number): boolean {
    return this.standIns[place & this.#mask] === 1;
  }
  markStandIn(place: number): void {
    this.standIns[place & this.#mask] = 1;
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
  previousAt(place: number): Statement | null {
    return this.#previous[place & this.#mask]!;
  }
  setPrevious(place: number, previous: Statement | null): void {
    this.#previous[place & this.#mask] = previous;
  }
  portalAt(place: number): Portal | null {
    return this.#portals[place & this.#mask]!;
  }
  /** The step has no exchange: keeps the marks of the one that was asked about. */
  keepSaid(place: number, asked: Exchange): void {
    const i = place & this.#mask;
    const said = this.#said[i] ?? new Said();
    this.#said[i] = said;
    said.keep(asked);
  }
  /** Marks an exchange that is made of the step after all. */
  markSaid(place: number, x: Exchange): void {
    const i = place & this.#mask;
    this.#said[i]?.mark(x);
    x.requestOffset = this.#froms[i]!;
  }
  atOf(place: number): number {
    return this.#at[place & this.#mask]!;
  }
  bytesOf(place: number): number {
    return this.#bytes[place & this.#mask]!;
  }

  /** Nothing is open: gives back the memory of a burst. */
  trim(): void {
    if (this.size === 0 && this.#mask >= TRIM_CAPACITY) this.#resize(FIRST_CAPACITY);
  }

  #resize(capacity: number): void {
    const oldMask = this.#mask;
    const steps = new Uint8Array(capacity);
    const standIns = new Uint8Array(capacity);
    const mask = capacity - 1;
    const said: (Said | null)[] = new Array(capacity).fill(null);
    for (let place = this.head; place < this.tail; place++) said[place & mask] = this.#said[place & oldMask]!;
    this.#said = said;
    const columns: unknown[][] = [
      this.#at,
      this.#bytes,
      this.#froms,
      this.#exchanges,
      this.#statements,
      this.#previous,
      this.#portals,
    ];
    for (const column of columns) {
      const old = column.slice();
      column.length = 0;
      for (let i = 0; i < capacity; i++) column.push(typeof old[0] === 'number' ? 0 : null);
      for (let place = this.head; place < this.tail; place++) column[place & mask] = old[place & oldMask];
    }
    for (let place = this.head; place < this.tail; place++) {
      steps[place & mask] = this.steps[place & oldMask]!;
      standIns[place & mask] = this.standIns[place & oldMask]!;
    }
    this.steps = steps;
    this.standIns = standIns;
    this.#mask = mask;
  }
}
