import { Capture } from '../../src/bytes/capture.ts';
import { CR, LF, MAX_INLINE_BYTES } from './wire.ts';

/** What InlineLine.read came to. */
export const Found = { nothing: 0, word: 1, end: 2, ambiguous: 3, unbalanced: 4, oversized: 5 } as const;
export type Found = (typeof Found)[keyof typeof Found];

const Quote = { none: 0, double: 1, single: 2, closed: 3 } as const;
/** Where an escape stands: behind the backslash, behind \x, behind \x and one hex digit. */
const Escape = { none: 0, backslash: 1, hex: 2, digit: 3 } as const;

const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
const SINGLE = 0x27;
const ESCAPED: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a], // n
  [0x72, 0x0d], // r
  [0x74, 0x09], // t
  [0x62, 0x08], // b
  [0x61, 0x07], // a
]);

/**
 * Takes an inline command apart as the server does: words between blanks, double quotes with escapes, single quotes.
 * A byte at a time, so a line may be cut anywhere. A NUL, and anything but a blank behind a closing quote, is ambiguous.
 */
export class InlineLine {
  /** The word that was found: its bytes, unescaped, at word.buffer[0..word.bytes). Valid until the next read. */
  readonly word = new Capture();
  #quote: number = Quote.none;
  #escape: number = Escape.none;
  #hex = 0;
  /** The word has begun: an empty one in quotes is a word too. */
  #inWord = false;
  #bytes = 0;
  readonly #byte = Buffer.alloc(1);

  /** A new line begins. */
  begin(): void {
    this.#quote = Quote.none;
    this.#escape = Escape.none;
    this.#inWord = false;
    this.#bytes = 0;
    this.word.release();
  }

  /** Where read() stopped. */
  at = 0;

  /** Reads buf[start..end) up to the end of a word or of the line; `at` says how far. */
  read(buf: Buffer, start: number, end: number): Found {
    for (let i = start; i < end; i++) {
      this.at = i + 1;
      if (++this.#bytes > MAX_INLINE_BYTES) return Found.oversized;
      const found = this.#step(buf[i]!);
      if (found === Found.nothing) continue;
      // The line's end ends its last word first: the byte is read again.
      if (found === Found.word && buf[i] === LF) {
        this.at = i;
        this.#bytes--;
      }
      return found;
    }
    return Found.nothing;
  }

  /** The word was taken. */
  next(): void {
    this.word.release();
    this.#inWord = false;
    this.#quote = Quote.none;
  }

  #step(c: number): Found {
    if (c === LF) {
      if (this.#quote === Quote.double || this.#quote === Quote.single) return Found.unbalanced;
      return this.#inWord ? Found.word : Found.end;
    }
    if (c === 0) return Found.ambiguous;
    switch (this.#quote) {
      case Quote.double:
        this.#inDouble(c);
        return Found.nothing;
      case Quote.single:
        this.#inSingle(c);
        return Found.nothing;
      case Quote.closed:
        return isBlank(c) ? Found.word : Found.ambiguous;
      default:
        if (this.#inWord ? endsWord(c) : isBlank(c)) return this.#inWord ? Found.word : Found.nothing;
        this.#inWord = true;
        if (c === DOUBLE) this.#quote = Quote.double;
        else if (c === SINGLE) this.#quote = Quote.single;
        else this.#emit(c);
        return Found.nothing;
    }
  }

  #inDouble(c: number): void {
    switch (this.#escape) {
      case Escape.backslash:
        this.#escape = c === 0x78 ? Escape.hex : Escape.none;
        if (c !== 0x78) this.#emit(ESCAPED.get(c) ?? c);
        return;
      case Escape.hex:
        if (hexOf(c) >= 0) {
          this.#hex = c;
          this.#escape = Escape.digit;
          return;
        }
        this.#escape = Escape.none;
        this.#emit(0x78); // \x without two digits is an x
        break;
      case Escape.digit:
        this.#escape = Escape.none;
        if (hexOf(c) >= 0) {
          this.#emit(hexOf(this.#hex) * 16 + hexOf(c));
          return;
        }
        this.#emit(0x78);
        this.#emit(this.#hex);
        break;
    }
    if (c === BACKSLASH) this.#escape = Escape.backslash;
    else if (c === DOUBLE) this.#quote = Quote.closed;
    else this.#emit(c);
  }

  #inSingle(c: number): void {
    if (this.#escape === Escape.backslash) {
      this.#escape = Escape.none;
      if (c !== SINGLE) this.#emit(BACKSLASH);
      if (c === BACKSLASH) this.#escape = Escape.backslash;
      else this.#emit(c);
      return;
    }
    if (c === BACKSLASH) this.#escape = Escape.backslash;
    else if (c === SINGLE) this.#quote = Quote.closed;
    else this.#emit(c);
  }

  #emit(c: number): void {
    this.#byte[0] = c;
    this.word.append(this.#byte, 0, 1);
  }
}

/** isspace() of the C locale: what the server passes over between words. */
const isBlank = (c: number): boolean => c === 0x20 || (c >= 0x09 && c <= CR);
/** What ends a word without quotes: fewer, a form feed or a vertical tab stands in it. */
const endsWord = (c: number): boolean => c === 0x20 || c === 0x09 || c === CR;

function hexOf(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const folded = c | 0x20;
  return folded >= 0x61 && folded <= 0x66 ? folded - 0x57 : -1;
}
