import { ByteNames } from '../commands/byte-names.ts';

/** Fields of commands that decide what a policy is asked, all commands together. */
export const Field = {
  $db: 0,
  pipeline: 1,
  documents: 2,
  updates: 3,
  deletes: 4,
  ops: 5,
  nsInfo: 6,
  collection: 7,
  filter: 8,
  query: 9,
  q: 10,
  limit: 11,
  update: 12,
  remove: 13,
  upsert: 14,
  to: 15,
  toCollection: 16,
  dropTarget: 17,
  viewOn: 18,
  out: 19,
  cursors: 20,
  comment: 21,
  lsid: 22,
  txnNumber: 23,
  autocommit: 24,
  startTransaction: 25,
  speculativeAuthenticate: 26,
  client: 27,
  maxAwaitTimeMS: 28,
  payload: 29,
  root: 30,
  apiVersion: 31,
  apiStrict: 32,
  apiDeprecationErrors: 33,
  encryptionInformation: 34,
  encryptedFields: 35,
} as const;
export type FieldNumber = (typeof Field)[keyof typeof Field];
const TABLE = new ByteNames(Object.entries(Field));
const FIELD_COUNT = Object.keys(Field).length;

/** Fields of one command; servers take fewer. */
const MOST_FIELDS = 256;

/** The top-level fields of one command, in the order of the wire: where they are, and that none stands there twice. */
export class Fields {
  count = 0;
  /** One stands there twice, or there are too many: two readings of the same bytes (threats R6, MG-07). */
  isAmbiguous = false;
  readonly number = new Int16Array(MOST_FIELDS);
  readonly type = new Uint8Array(MOST_FIELDS);
  readonly nameStart = new Int32Array(MOST_FIELDS);
  readonly nameEnd = new Int32Array(MOST_FIELDS);
  readonly valueStart = new Int32Array(MOST_FIELDS);
  readonly valueEnd = new Int32Array(MOST_FIELDS);
  readonly #places = new Int16Array(FIELD_COUNT).fill(-1);

  clear(): void {
    for (let place = 0; place < this.count; place++) {
      const number = this.number[place]!;
      if (number >= 0) this.#places[number] = -1;
    }
    this.count = 0;
    this.isAmbiguous = false;
  }

  add(buf: Buffer, type: number, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const { count } = this;
    if (count === MOST_FIELDS) {
      this.isAmbiguous = true;
      return;
    }
    const number = TABLE.find(buf, nameStart, nameEnd);
    if (number >= 0) {
      if (this.#places[number]! >= 0) this.isAmbiguous = true;
      this.#places[number] = count;
    } else if (this.#isThere(buf, nameStart, nameEnd)) this.isAmbiguous = true;
    this.number[count] = number;
    this.type[count] = type;
    this.nameStart[count] = nameStart;
    this.nameEnd[count] = nameEnd;
    this.valueStart[count] = valueStart;
    this.valueEnd[count] = valueEnd;
    this.count++;
  }

  /** Place of a field; -1: it is not there. */
  place(field: FieldNumber): number {
    return this.#places[field]!;
  }

  has(field: FieldNumber): boolean {
    return this.#places[field]! >= 0;
  }

  #isThere(buf: Buffer, start: number, end: number): boolean {
    const { nameStart, nameEnd } = this;
    const size = end - start;
    for (let place = 0; place < this.count; place++) {
      const from = nameStart[place]!;
      if (nameEnd[place]! - from !== size || buf[from] !== buf[start]) continue;
      if (buf.compare(buf, from, from + size, start, end) === 0) return true;
    }
    return false;
  }
}
