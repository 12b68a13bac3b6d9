/**
 * Trace context in comments, as sqlcommenter writes it: comma-separated `key='value'` pairs in a block comment, both URL-encoded.
 * What clients write here is never trusted with anything but correlation: malformed means none.
 */

const KEY = Buffer.from('traceparent=');
/** Version, trace id, parent id, flags: 2 + 32 + 16 + 2 hex digits and three dashes. */
const LENGTH = 55;

const isHex = (c: number): boolean => (c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66);

/** True for `^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`, and neither id all zeros (W3C). For application_name. */
export const isTraceparent = (text: string): boolean => {
  if (text.length !== LENGTH) return false;
  for (let i = 0; i < LENGTH; i++) {
    const c = text.charCodeAt(i);
    if (i === 2 || i === 35 || i === 52 ? c !== 0x2d : !isHex(c)) return false;
  }
  return !text.startsWith('ff') && !isZero(text, 3, 35) && !isZero(text, 36, 52);
};

const isZero = (text: string, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) !== 0x30) return false;
  return true;
};

/** The traceparent in the comment buf[start..end), or ''. Bytes of the comment are looked at once. */
export const traceparentOf = (buf: Buffer, start: number, end: number): string => {
  const last = end - KEY.length - LENGTH;
  for (let i = start + 2; i <= last; i++) {
    if (buf[i] !== 0x74 || !keyAt(buf, i)) continue;
    let at = i + KEY.length;
    // `'`, or `\'` where a driver escaped the whole comment.
    if (buf[at] === 0x5c) at++;
    if (buf[at] !== 0x27) continue;
    const text = decode(buf, at + 1, end);
    if (isTraceparent(text)) return text;
  }
  return '';
};

/** `traceparent=` here, and not the end of a longer key. */
const keyAt = (buf: Buffer, at: number): boolean => {
  for (let k = 1; k < KEY.length; k++) if (buf[at + k] !== KEY[k]) return false;
  const before = buf[at - 1]!;
  return before === 0x2c || before === 0x2a || before === 0x20 || (before >= 0x09 && before <= 0x0d);
};

/** The value up to its quote, URL-decoded; '' when it is not ASCII, longer than a traceparent, or not closed. */
const decode = (buf: Buffer, start: number, end: number): string => {
  let text = '';
  for (let i = start; i < end && text.length <= LENGTH; i++) {
    let c = buf[i]!;
    if (c === 0x27 || c === 0x5c) return text;
    if (c === 0x25) {
      if (i + 2 >= end) return '';
      const pair = Number.parseInt(buf.toString('latin1', i + 1, i + 3), 16);
      if (!(pair >= 0)) return '';
      c = pair;
      i += 2;
    }
    if (c >= 0x80) return '';
    text += String.fromCharCode(c);
  }
  return '';
};
