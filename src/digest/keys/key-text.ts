import { characterBytes } from './utf8.ts';

const BACKSLASH = 0x5c;
const HEX = '0123456789abcdef';

/**
 * A key as text to show: UTF-8 as it stands, a backslash as `\\`, every byte that is no character to show as `\xHH`
 * (redis-cli's way). Different keys give different texts. Cold path.
 */
export function keyText(buf: Uint8Array, start: number, end: number): string {
  let text = '';
  let at = start;
  while (at < end) {
    const plainFrom = at;
    for (let n = 1; at < end && buf[at] !== BACKSLASH && n > 0; at += n) {
      n = characterBytes(buf, at, end);
    }
    text += Buffer.from(buf.buffer, buf.byteOffset + plainFrom, at - plainFrom).toString('utf8');
    if (at >= end) break;
    const byte = buf[at++]!;
    text += byte === BACKSLASH ? '\\\\' : `\\x${HEX[byte >> 4]}${HEX[byte & 15]}`;
  }
  return text;
}
