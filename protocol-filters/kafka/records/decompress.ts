import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Codec } from './facts.ts';
import { lz4Start } from './lz4-start.ts';
import { snappyStart } from './snappy-start.ts';

/** Plain bytes that are made at most, of whatever is compressed: a block of zstd, the largest piece that a codec gives at once. */
export const MOST_PLAIN_BYTES = 128 * 1024;
/** Less than that is the beginning of nothing. */
const LEAST_BYTES = 16;

/**
 * The beginning of what is compressed in buf[0..bytes), which may be cut: as many plain bytes as there can be had, up to
 * MOST_PLAIN_BYTES. Null: none. Only where it was asked for; a bomb costs as many bytes as that, some times over.
 */
export function decompressStart(codec: number, buf: Buffer, bytes: number): Buffer | null {
  switch (codec) {
    case Codec.gzip:
      return libraryStart((source) => gunzipSync(source, GZIP), buf, bytes);
    case Codec.zstd:
      return libraryStart((source) => zstdDecompressSync(source, ZSTD), buf, bytes);
    case Codec.snappy:
      return snappyStart(buf, bytes, MOST_PLAIN_BYTES);
    case Codec.lz4:
      return lz4Start(buf, bytes, MOST_PLAIN_BYTES);
    default:
      return null;
  }
}

// To flush: what is cut gives what it has, and is no error.
const GZIP = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST_PLAIN_BYTES };
const ZSTD = { finishFlush: constants.ZSTD_e_flush, maxOutputLength: MOST_PLAIN_BYTES };

/** Node's own decoders give nothing of what becomes too long: then less of it is tried. */
function libraryStart(decompress: (source: Buffer) => Buffer, buf: Buffer, bytes: number): Buffer | null {
  for (let size = bytes; size >= LEAST_BYTES; size >>= 1) {
    try {
      const plain = decompress(buf.subarray(0, size));
      return plain.length > 0 ? plain : null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return null;
    }
  }
  return null;
}
