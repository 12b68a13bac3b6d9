import type { Fault } from '../../../src/exchange/fault.ts';
import { Bson, MAX_DEPTH, MIN_CODE_WITH_SCOPE, MIN_DOCUMENT, SHAPES, Shape } from '../bson/bson-type.ts';
import { i32At } from '../bson/bson-values.ts';

/** What the documents mean that are walked: told of each element of those that are not mere data. */
export interface Meaning {
  /** The element at hand stands in a document or array of this context. What its own document or array is: a context. */
  element(context: number, walk: StrictWalk): number;
  /** The document or array of this context is over; it had so many elements. */
  leave(context: number, walk: StrictWalk): void;
}

/** The context of what is no more than data: walked for its form alone. */
export const DATA = 0;

/**
 * Walks a whole document with all that is in it, iteratively and bounded: every length fits its frame, every string, array
 * and document ends with its NUL, every type is BSON's, no document lies deeper than servers take (threats MG-16). What is
 * wrong is `fault`, and the rest is not looked at.
 */
export class StrictWalk {
  buf: Buffer = Buffer.alloc(0);
  /** Of the element at hand. */
  type = 0;
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Of the document or array it stands in: 0 for the one that was handed to over(). */
  depth = 0;
  /** Place of the element in it, from 0. */
  place = 0;
  fault: Fault | null = null;
  /** Elements that had a meaning, since begin(): who walks bounds them. */
  nodes = 0;
  /** Scratch of the document at hand: what was seen in it, and ranges. */
  readonly seen = new Int32Array(MAX_DEPTH + 1);
  readonly ranges = new Int32Array((MAX_DEPTH + 1) * 4);

  readonly #stops = new Int32Array(MAX_DEPTH + 1);
  readonly #contexts = new Uint8Array(MAX_DEPTH + 1);
  readonly #isArray = new Uint8Array(MAX_DEPTH + 1);
  readonly #places = new Int32Array(MAX_DEPTH + 1);
  readonly #meaning: Meaning;

  constructor(meaning: Meaning) {
    this.#meaning = meaning;
  }

  begin(buf: Buffer): void {
    this.buf = buf;
    this.fault = null;
    this.nodes = 0;
  }

  /** The element at hand stands in an array: its name says nothing. */
  get inArray(): boolean {
    return this.#isArray[this.depth] === 1;
  }

  /** A document or array that fills buf[start..end) exactly. False: `fault`. */
  over(start: number, end: number, context: number, isArray: boolean): boolean {
    if (this.fault !== null) return false;
    this.depth = -1;
    if (!this.#enter(start, end, context, isArray)) return false;
    const { buf } = this;
    let at = start + 4;
    while (this.depth >= 0) {
      const { depth } = this;
      const stop = this.#stops[depth]!;
      if (at === stop) {
        const left = this.#contexts[depth]!;
        this.place = this.#places[depth]!;
        if (left !== DATA) this.#meaning.leave(left, this);
        this.depth = depth - 1;
        at++;
        if (this.fault !== null) return false;
        continue;
      }
      if (!this.#element(buf, at, stop)) return false;
      this.place = this.#places[depth]!++;
      const held = this.#contexts[depth]!;
      let child = DATA;
      if (held !== DATA) {
        this.nodes++;
        child = this.#meaning.element(held, this);
        if (this.fault !== null) return false;
      }
      const { type, valueStart, valueEnd } = this;
      at = valueEnd;
      if (type === Bson.document || type === Bson.array) {
        if (!this.#enter(valueStart, valueEnd, child, type === Bson.array)) return false;
        at = valueStart + 4;
      } else if (type === Bson.codeWithScope) {
        const scope = valueStart + 8 + i32At(buf, valueStart + 4);
        if (!this.#enter(scope, valueEnd, DATA, false)) return false;
        at = scope + 4;
      }
    }
    return true;
  }

  #enter(start: number, end: number, context: number, isArray: boolean): boolean {
    if (this.depth === MAX_DEPTH) return this.fail('oversized');
    if (end - start < MIN_DOCUMENT || i32At(this.buf, start) !== end - start) return this.fail('truncated');
    if (this.buf[end - 1] !== 0) return this.fail('ambiguous');
    const depth = ++this.depth;
    this.#stops[depth] = end - 1;
    this.#contexts[depth] = context;
    this.#isArray[depth] = isArray ? 1 : 0;
    this.#places[depth] = 0;
    this.seen[depth] = 0;
    this.ranges.fill(0, depth * 4, depth * 4 + 4);
    return true;
  }

  /** The element at `at`: its type, name and value. A code with scope ends behind its scope, whose own end is its last byte. */
  #element(buf: Buffer, at: number, stop: number): boolean {
    const type = buf[at]!;
    const shape = SHAPES[type]!;
    if (type === 0) return this.fail('ambiguous');
    if (shape === Shape.none) return this.fail('unknown_type');
    let i = at + 1;
    while (i < stop && buf[i] !== 0) i++;
    if (i >= stop) return this.fail('truncated');
    this.type = type;
    this.nameStart = at + 1;
    this.nameEnd = i++;
    this.valueStart = i;
    if (shape >= 0) {
      this.valueEnd = i + shape;
      if (this.valueEnd > stop) return this.fail('truncated');
      return type !== Bson.bool || buf[i]! <= 1 || this.fail('ambiguous');
    }
    if (shape === Shape.regex) return this.#regex(buf, i, stop);
    const left = stop - i - 4;
    if (left < 0) return this.fail('truncated');
    return this.#sized(buf, i, i32At(buf, i), left, shape);
  }

  #regex(buf: Buffer, at: number, stop: number): boolean {
    let i = at;
    for (let strings = 0; strings < 2; strings++) {
      while (i < stop && buf[i] !== 0) i++;
      if (i++ >= stop) return this.fail('truncated');
    }
    this.valueEnd = i;
    return true;
  }

  /** `left`: bytes behind the length. */
  #sized(buf: Buffer, i: number, length: number, left: number, shape: number): boolean {
    switch (shape) {
      case Shape.string:
      case Shape.dbPointer: {
        const behind = shape === Shape.string ? 0 : 12;
        if (length < 1) return this.fail('undersized');
        if (length > left - behind) return this.fail('truncated');
        this.valueEnd = i + 4 + length + behind;
        return buf[i + 3 + length] === 0 || this.fail('ambiguous');
      }
      case Shape.binary:
        if (length < 0) return this.fail('undersized');
        if (length > left - 1) return this.fail('truncated');
        this.valueEnd = i + 5 + length;
        return true;
      default: {
        const floor = shape === Shape.document ? MIN_DOCUMENT : MIN_CODE_WITH_SCOPE;
        if (length < floor) return this.fail('undersized');
        if (length - 4 > left) return this.fail('truncated');
        this.valueEnd = i + length;
        return shape === Shape.document || this.#scoped(buf, i, length);
      }
    }
  }

  #scoped(buf: Buffer, i: number, length: number): boolean {
    const text = i32At(buf, i + 4);
    if (text < 1) return this.fail('undersized');
    if (text > length - 8 - MIN_DOCUMENT) return this.fail('truncated');
    return buf[i + 7 + text] === 0 || this.fail('ambiguous');
  }

  fail(fault: Fault): false {
    this.fault ??= fault;
    return false;
  }
}

/** The value at hand is a document without elements. */
export const isEmpty = (walk: StrictWalk): boolean => walk.valueEnd - walk.valueStart === 5;

/** The name of the element at hand begins so. */
export function startsWith({ buf, nameStart, nameEnd }: StrictWalk, text: string): boolean {
  if (nameEnd - nameStart < text.length) return false;
  for (let i = 0; i < text.length; i++) if (buf[nameStart + i] !== text.charCodeAt(i)) return false;
  return true;
}
