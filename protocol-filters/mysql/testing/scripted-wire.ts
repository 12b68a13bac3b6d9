import type { Socket } from 'node:net';
import { deflateSync, zstdCompressSync } from 'node:zlib';
import { Decompressor, type PlainSink } from '../compression.ts';
import { u8, u24 } from './builders.ts';

/** One connection of a scripted server: whole packets in, whole packets out, compressed once that is agreed. */
export class ScriptedWire implements PlainSink {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: ((payload: Buffer | null) => void) | null = null;
  #ended = false;
  #frames: Decompressor | null = null;
  #compress: ((plain: Uint8Array) => Buffer) | null = null;
  #frameSequence = 0;
  /** Sequence id that the next packet written will have. */
  sequence = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      if (this.#frames === null) this.#take(bytes);
      else this.#frames.push(bytes, 0, bytes.length);
    });
    const end = (): void => {
      this.#ended = true;
      this.#answer();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  /** From the next byte of either side on. */
  beginCompression(algorithm: 'zlib' | 'zstd'): void {
    this.#frames = new Decompressor(algorithm, this);
    this.#compress = algorithm === 'zlib' ? deflateSync : zstdCompressSync;
  }

  onPlain(buf: Buffer, start: number, end: number): boolean {
    const frames = this.#frames!;
    this.#frameSequence = (frames.sequence + 1) & 0xff;
    // The next frame may begin a command.
    frames.expected = -1;
    this.#take(buf.subarray(start, end));
    return true;
  }

  /** The next payload; null when the client has gone. One reader at a time. */
  read(): Promise<Buffer | null> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#answer();
    });
  }

  /** Writes messages made by builders, with the sequence ids that come next. */
  write(...messages: readonly Buffer[]): void {
    const bytes = Buffer.concat(messages);
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUIntLE(at, 3)) {
      bytes[at + 3] = this.sequence;
      this.sequence = (this.sequence + 1) & 0xff;
    }
    if (this.#compress === null) this.#socket.write(bytes);
    else for (let at = 0; at < bytes.length; at += FRAME_BYTES) this.#writeFrame(bytes.subarray(at, at + FRAME_BYTES));
  }

  end(): void {
    this.#socket.end();
  }

  #writeFrame(plain: Buffer): void {
    const small = plain.length < MIN_COMPRESSED_BYTES;
    const body = small ? plain : this.#compress!(plain);
    const head = Buffer.concat([u24(body.length), u8(this.#frameSequence), u24(small ? 0 : plain.length)]);
    this.#frameSequence = (this.#frameSequence + 1) & 0xff;
    this.#socket.write(Buffer.concat([head, body]));
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    this.#answer();
  }

  #answer(): void {
    const resolve = this.#waiting;
    if (resolve === null) return;
    const received = this.#received;
    const bytes = received.length < 4 ? Number.POSITIVE_INFINITY : 4 + received.readUIntLE(0, 3);
    if (received.length < bytes && !this.#ended) return;
    this.#waiting = null;
    if (received.length < bytes) {
      resolve(null);
      return;
    }
    this.sequence = (received[3]! + 1) & 0xff;
    this.#received = received.subarray(bytes);
    resolve(Buffer.from(received.subarray(4, bytes)));
  }
}

/** As servers do: what is shorter is not worth it. */
const MIN_COMPRESSED_BYTES = 50;
/** Small, so that packets straddle frames. */
const FRAME_BYTES = 4000;
