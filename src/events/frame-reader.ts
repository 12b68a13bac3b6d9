/** Header of a frame on a byte stream: u32 payload bytes, u8 kind, 3 zero bytes; all little-endian. */
export const FRAME_HEADER_BYTES = 8;
/** Ceiling of a payload: far above a batch, far below what would hurt. */
export const MAX_PAYLOAD_BYTES = 16 * 2 ** 20;

export function frameHeader(kind: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32LE(payloadBytes, 0);
  header[4] = kind;
  return header;
}

/** Cuts a byte stream into frames. Holds the chunks that came, never memory for a length that was only declared. */
export class FrameReader {
  readonly #onFrame: (kind: number, payload: Buffer) => void;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #parts: Buffer[] = [];
  #have = 0;

  constructor(onFrame: (kind: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** False: these are no frames; nothing more can be read. The chunk may be kept. */
  push(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length || this.#complete) {
      if (this.#headerBytes < FRAME_HEADER_BYTES) {
        this.#header[this.#headerBytes++] = chunk[at++]!;
        if (this.#headerBytes < FRAME_HEADER_BYTES) continue;
        const h = this.#header;
        if (h.readUInt32LE(0) > MAX_PAYLOAD_BYTES || h[4] === 0 || h[5] !== 0 || h[6] !== 0 || h[7] !== 0) return false;
      }
      const take = Math.min(this.#header.readUInt32LE(0) - this.#have, chunk.length - at);
      if (take > 0) this.#parts.push(chunk.subarray(at, at + take));
      this.#have += take;
      at += take;
      if (!this.#complete) break;
      const payload = this.#join();
      this.#headerBytes = this.#have = 0;
      this.#onFrame(this.#header[4]!, payload);
    }
    return true;
  }

  get #complete(): boolean {
    return this.#headerBytes === FRAME_HEADER_BYTES && this.#have === this.#header.readUInt32LE(0);
  }

  /** A buffer of its own, so aligned, and no small frame keeps a large chunk. */
  #join(): Buffer {
    const payload = Buffer.allocUnsafeSlow(this.#have);
    let at = 0;
    for (const part of this.#parts) at += part.copy(payload, at);
    this.#parts = [];
    return payload;
  }
}
