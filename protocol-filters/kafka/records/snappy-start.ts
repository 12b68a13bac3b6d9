import { PlainOutput } from './plain-output.ts';

/** What Java's snappy stream writes before its chunks: this, and two versions of four bytes. */
const STREAM_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const STREAM_HEADER_BYTES = 16;

/** The beginning of snappy data in buf[0..bytes): of Java's stream of chunks, or one chunk without it. */
export function snappyStart(buf: Buffer, bytes: number, most: number): Buffer | null {
  const output = new PlainOutput(most);
  if (bytes < STREAM_HEADER_BYTES || buf.compare(STREAM_MAGIC, 0, STREAM_MAGIC.length, 0, STREAM_MAGIC.length) !== 0) {
    chunk(buf, 0, bytes, output);
    return output.done();
  }
  for (let at = STREAM_HEADER_BYTES; at + 4 <= bytes && !output.isFull; ) {
    const size = buf.readUInt32BE(at);
    at += 4;
    if (!chunk(buf, at, Math.min(bytes, at + size), output)) break;
    at += size;
  }
  return output.done();
}

/** Snappy's raw format (github.com/google/snappy, format_description.txt). False: it is broken, or cut. */
function chunk(buf: Buffer, start: number, end: number, output: PlainOutput): boolean {
  let at = start;
  // The plain length, which nobody needs.
  while (at < end && buf[at]! >= 0x80) at++;
  at++;
  while (at < end && !output.isFull) {
    const tag = buf[at++]!;
    if ((tag & 3) === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const size = length - 60;
        if (end - at < size) return false;
        length = buf.readUIntLE(at, size) + 1;
        at += size;
      }
      output.literal(buf, at, Math.min(end, at + length));
      if (length > end - at) return false;
      at += length;
      continue;
    }
    const size = (tag & 3) === 1 ? 1 : (tag & 3) === 2 ? 2 : 4;
    if (end - at < size) return false;
    const length = size === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const offset = size === 1 ? ((tag >>> 5) << 8) | buf[at]! : buf.readUIntLE(at, size);
    at += size;
    if (!output.copy(offset, length)) return false;
  }
  return at === end;
}
