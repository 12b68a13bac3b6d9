import { PlainOutput } from './plain-output.ts';

const MAGIC = 0x184d2204;
/** FLG bits of a frame (github.com/lz4/lz4, lz4_Frame_format.md). */
const Flag = { dictionary: 0x01, contentSize: 0x08, blockChecksum: 0x10 } as const;
const STORED = 0x8000_0000;
const LEAST_MATCH = 4;

/** The beginning of an LZ4 frame in buf[0..bytes). */
export function lz4Start(buf: Buffer, bytes: number, most: number): Buffer | null {
  if (bytes < 7 || buf.readUInt32LE(0) !== MAGIC) return null;
  const flags = buf[4]!;
  // Magic, FLG, BD, the header's checksum, and what FLG announces.
  let at = 7 + (flags & Flag.contentSize ? 8 : 0) + (flags & Flag.dictionary ? 4 : 0);
  const output = new PlainOutput(most);
  while (at + 4 <= bytes && !output.isFull) {
    const word = buf.readUInt32LE(at);
    const size = word % STORED;
    if (word === 0) break;
    at += 4;
    const end = Math.min(bytes, at + size);
    if (word >= STORED) output.literal(buf, at, end);
    else if (!block(buf, at, end, output)) break;
    at += size + (flags & Flag.blockChecksum ? 4 : 0);
  }
  return output.done();
}

/** LZ4's block format: literals, then a copy of what is there. False: it is broken, or cut. */
function block(buf: Buffer, start: number, end: number, output: PlainOutput): boolean {
  let at = start;
  while (at < end && !output.isFull) {
    const token = buf[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < end) literals += more = buf[at++]!;
    }
    output.literal(buf, at, Math.min(end, at + literals));
    at += literals;
    // The last sequence has no copy.
    if (at >= end) return at === end;
    if (end - at < 2) return false;
    const offset = buf.readUInt16LE(at);
    at += 2;
    let length = token & 15;
    if (length === 15) {
      let more = 255;
      while (more === 255 && at < end) length += more = buf[at++]!;
    }
    if (!output.copy(offset, length + LEAST_MATCH)) return false;
  }
  return true;
}
