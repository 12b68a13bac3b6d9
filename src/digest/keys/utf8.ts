/**
 * Bytes of the UTF-8 character that begins at buf[at], 1 to 4; 0 when what stands there is no well-formed UTF-8 before
 * `end` or no character to show: controls (C0, DEL, C1), and the marks that turn the direction of a line.
 */
export function characterBytes(buf: Uint8Array, at: number, end: number): number {
  const a = buf[at]!;
  if (a < 0x80) return a >= 0x20 && a !== 0x7f ? 1 : 0;
  if (a < 0xc2 || a > 0xf4 || at + 1 >= end) return 0;
  const b = buf[at + 1]!;
  if ((b & 0xc0) !== 0x80) return 0;
  if (a < 0xe0) return a === 0xc2 && b < 0xa0 ? 0 : 2;
  if (at + 2 >= end) return 0;
  const c = buf[at + 2]!;
  if ((c & 0xc0) !== 0x80) return 0;
  if (a < 0xf0) {
    if ((a === 0xe0 && b < 0xa0) || (a === 0xed && b > 0x9f)) return 0; // overlong, surrogates
    return a === 0xe2 && turnsLine(b, c) ? 0 : 3;
  }
  if (at + 3 >= end || (buf[at + 3]! & 0xc0) !== 0x80) return 0;
  return (a === 0xf0 && b < 0x90) || (a === 0xf4 && b > 0x8f) ? 0 : 4; // overlong, above U+10FFFF
}

/** U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069. */
const turnsLine = (b: number, c: number): boolean =>
  b === 0x80 ? c === 0x8e || c === 0x8f || (c >= 0xa8 && c <= 0xae) : b === 0x81 && c >= 0xa6 && c <= 0xa9;
