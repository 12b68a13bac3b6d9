import { characterBytes } from './utf8.ts';

/** Bytes of a key that are looked at. */
export const PATTERN_KEY_BYTES = 128;

/** What a byte is in a key. The first four make words. */
const Kind = { digit: 0, lower: 1, upper: 2, other: 3, hard: 4, soft: 5, at: 6, plus: 7, foreign: 8 } as const;
const WORD = Kind.other;
const KIND = new Uint8Array(256).fill(Kind.foreign);
const HEX = new Uint8Array(256);
const mark = (chars: string, kind: number): void => {
  for (const char of chars) KIND[char.charCodeAt(0)] = kind;
};
mark('0123456789', Kind.digit);
mark('abcdefghijklmnopqrstuvwxyz', Kind.lower);
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZ', Kind.upper);
mark(':/|{}', Kind.hard);
mark('.-_#=,;~!$&()*?[]^', Kind.soft);
mark('@', Kind.at);
mark('+', Kind.plus);
KIND.fill(Kind.other, 0x80);
for (const char of '0123456789abcdefABCDEF') HEX[char.charCodeAt(0)] = 1;

/** What kinds a part has, as bits. */
const DIGITS = 1 << Kind.digit;
const LOWER = 1 << Kind.lower;
const MIXED = DIGITS | LOWER | (1 << Kind.upper);
const AT = 1 << Kind.at;
const SOFT = 1 << Kind.soft;

const STAR = 0x2a;
const DASH = 0x2d;
const UUID_BYTES = 36;

/** Least bytes of what counts as an identifier. */
const HEX_BYTES = 8;
const HEX_LETTERS_BYTES = 16;
const TOKEN_BYTES = 16;
const SHORT_ID_BYTES = 10;
const SHORT_ID_TURNS = 4;
const LETTERS_BYTES = 32;
const TAIL_DIGITS = 3;
const WORD_BYTES = 48;

/**
 * A key with what changes from key to key taken out: `user:42:cart` is `user:*:cart`. Parts stand between `: / | { }` and,
 * within those, other punctuation; a part becomes `*` that is a number, hexadecimal, a UUID, an e-mail address, a token
 * (base64 and the like), free text (blanks, quotes, what is no UTF-8), or longer than words are; of `user123` the digits
 * do. What is left are words of the programmer's, so the pattern shows no value.
 *
 * One object, reused; linear, allocates nothing. Of a longer key the first 128 bytes count, and their last part is `*`.
 */
export class KeyPattern {
  /** The pattern's bytes: well-formed UTF-8 without controls. */
  readonly bytes = new Uint8Array(PATTERN_KEY_BYTES + 1);
  length = 0;
  /** Length of the pattern's first part with the separator behind it; 0 = it is all one part. */
  head = 0;

  of(buf: Uint8Array, start: number, end: number): void {
    const isCut = end - start > PATTERN_KEY_BYTES;
    const stop = isCut ? start + PATTERN_KEY_BYTES : end;
    this.length = this.head = 0;
    let at = start;
    while (at < stop) {
      let to = at;
      let kinds = 0;
      for (; to < stop; to++) {
        const kind = KIND[buf[to]!]!;
        if (kind === Kind.hard) break;
        kinds |= 1 << kind;
      }
      // Most parts are a plain word or a number: no second look.
      if (kinds === DIGITS || (to === stop && isCut)) this.#star();
      else if (kinds === LOWER && to - at < HEX_LETTERS_BYTES) this.#keep(buf, at, to);
      else if ((kinds & AT) !== 0 && isAddress(buf, at, to)) this.#star();
      else if ((kinds & MIXED) === MIXED && isMixedToken(buf, at, to)) this.#star();
      else if ((kinds & SOFT) === 0) this.#part(buf, at, to);
      else this.#softParts(buf, at, to);
      if (to === stop) return;
      this.#separator(buf[to]!);
      at = to + 1;
    }
  }

  /** Parts between dashes, dots and such. */
  #softParts(buf: Uint8Array, from: number, end: number): void {
    let at = from;
    for (;;) {
      let to = at;
      if (isUuid(buf, at, end)) {
        to += UUID_BYTES;
        this.#star();
      } else {
        while (to < end && KIND[buf[to]!] !== Kind.soft) to++;
        this.#part(buf, at, to);
      }
      if (to === end) return;
      this.#separator(buf[to]!);
      at = to + 1;
    }
  }

  #part(buf: Uint8Array, start: number, to: number): void {
    let from = start;
    while (from < to && KIND[buf[from]!] === Kind.plus) this.bytes[this.length++] = buf[from++]!; // `+switch-master`
    const keep = wordBytes(buf, from, to);
    this.#keep(buf, from, from + keep);
    if (keep < to - from) this.#star();
  }

  #keep(buf: Uint8Array, from: number, to: number): void {
    const { bytes } = this;
    let { length } = this;
    for (let i = from; i < to; i++) bytes[length++] = buf[i]!;
    this.length = length;
  }

  #star(): void {
    this.bytes[this.length++] = STAR;
  }

  #separator(byte: number): void {
    this.bytes[this.length++] = byte;
    if (this.head === 0) this.head = this.length;
  }
}

/** How many bytes of a part stay: all, those before its number, or none. */
function wordBytes(buf: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length > WORD_BYTES) return 0;
  let digits = 0;
  let tail = 0;
  let hex = 0;
  let upper = 0;
  let lower = 0;
  let turns = 0;
  let before = -1;
  for (let i = from; i < to; i++) {
    const byte = buf[i]!;
    const kind = KIND[byte]!;
    if (kind > WORD) return 0;
    if (kind === Kind.other) {
      const bytes = characterBytes(buf, i, to);
      if (bytes === 0) return 0;
      i += bytes - 1;
    }
    if (kind === Kind.digit) {
      digits++;
      tail++;
    } else tail = 0;
    if (kind === Kind.upper) upper++;
    else if (kind === Kind.lower) lower++;
    hex += HEX[byte]!;
    if (kind !== before && before >= 0) turns++;
    before = kind;
  }
  if (digits === length) return 0; // and nothing of nothing
  if (hex === length && length >= (digits > 0 ? HEX_BYTES : HEX_LETTERS_BYTES)) return 0;
  if (digits > 0) {
    if (length >= TOKEN_BYTES || (length >= SHORT_ID_BYTES && turns >= SHORT_ID_TURNS)) return 0;
    if (digits > 1 && KIND[buf[from]!] === Kind.digit) return 0;
    return tail >= TAIL_DIGITS ? length - tail : length;
  }
  if (length >= LETTERS_BYTES) return 0;
  // Letters alone, in the disorder of base64: names turn from small to capital less often.
  return length >= TOKEN_BYTES && upper > 0 && lower > 0 && turns * 3 >= length ? 0 : length;
}

function isAddress(buf: Uint8Array, from: number, to: number): boolean {
  for (let i = from + 1; i < to - 1; i++) if (KIND[buf[i]!] === Kind.at) return true;
  return false;
}

/** Of a part with capitals, small letters and digits: base64 for URLs, in disorder, dashes and underscores among them? */
function isMixedToken(buf: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (length < TOKEN_BYTES) return false;
  let turns = 0;
  let before = -1;
  for (let i = from; i < to; i++) {
    const kind = KIND[buf[i]!]!;
    if (kind <= Kind.upper) {
      if (before >= 0 && before !== kind) turns++;
      before = kind;
    } else {
      if (kind !== Kind.soft && kind !== Kind.plus) return false;
      before = -1;
    }
  }
  return turns * 3 >= length;
}

function isUuid(buf: Uint8Array, from: number, end: number): boolean {
  if (end - from < UUID_BYTES || buf[from + 8] !== DASH) return false;
  for (let i = 0; i < UUID_BYTES; i++) {
    const isDash = i === 8 || i === 13 || i === 18 || i === 23;
    if (isDash ? buf[from + i] !== DASH : HEX[buf[from + i]!] === 0) return false;
  }
  return from + UUID_BYTES === end || KIND[buf[from + UUID_BYTES]!] === Kind.soft;
}
