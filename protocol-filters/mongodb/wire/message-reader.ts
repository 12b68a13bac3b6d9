import { Capture } from '../../../src/bytes/capture.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import { i32At } from '../bson/bson-values.ts';
import { Compressor, type Message, Op } from '../message.ts';
import { ContentReader } from './content-reader.ts';
import { decompress } from './decompress.ts';
import {
  COMPRESSED_HEADER_BYTES,
  foreignFault,
  GROWTH_ALLOWED,
  HEADER_BYTES,
  layoutOf,
  MAX_MESSAGE_BYTES,
  MOST_GROWTH,
} from './wire.ts';

export interface MessageSink {
  /** A message is whole. It and the buffer that its ranges point into are lent for the call. */
  onMessage(message: Message): void;
}

const State = { header: 0, content: 1, compressedHeader: 2, gather: 3, pass: 4, over: 5 } as const;

/**
 * One direction of a connection: bytes to messages. A message that lies in one chunk is told in place; of one that is cut
 * only what Message shows is held, and it is the same. An OP_COMPRESSED is told as what it holds: its bytes are gathered
 * as they come (memory grows with what was received, never with what was declared), or read on their way where `noop`
 * did not compress them; nothing changes the bytes themselves.
 *
 * What is wrong with a frame ends reading for good: `fault`. A content that contradicts itself, or that cannot be
 * decompressed, is Message.unread, and the next message is read as any other (threats MG-05, MG-16).
 */
export class MessageReader {
  /** Why reading ended, or null. Messages that were told before stand. */
  fault: Fault | null = null;

  readonly #sink: MessageSink;
  readonly #speaker: 'client' | 'server';
  readonly #maxDecompressedBytes: number;
  /** Of the message under way. */
  #content: ContentReader = NONE;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #gathered = new Capture();
  #state: number = State.header;
  /** Bytes of the header that is being read, where it is cut. */
  #headerBytes = 0;
  /** A message was told, or its header was good. */
  #known = false;
  #telling = false;
  /** Of the message's first byte. */
  #from = 0;
  #firstByteAt = 0;
  /** Bytes to come of the content, where it is gathered or passed over; all of them. */
  #left = 0;
  #size = 0;
  /** Bytes that compressed messages may still grow to beyond their share (GROWTH_ALLOWED). */
  #growth = GROWTH_ALLOWED;

  constructor(sink: MessageSink, speaker: 'client' | 'server', maxDecompressedBytes = MAX_MESSAGE_BYTES) {
    this.#sink = sink;
    this.#speaker = speaker;
    this.#maxDecompressedBytes = Math.min(maxDecompressedBytes, MAX_MESSAGE_BYTES - HEADER_BYTES);
  }

  /** A message has begun and is not whole. */
  get inside(): boolean {
    return this.#headerBytes > 0 || (this.#state !== State.header && this.#state !== State.over);
  }

  /** Offset of the first byte of the message under way. */
  get from(): number {
    return this.#from;
  }

  /** The message under way, as far as its header says; null: there is none, or its header is cut. */
  get underway(): Message | null {
    const isThere = this.#state !== State.header && this.#state !== State.over;
    return isThere ? this.#content.message : null;
  }

  /**
   * Reads buf[start..end), whose first byte stands at offset `at`, at `now` ms. Returns the index read up to: `end`, or
   * below it behind the message during whose telling the sink called stop().
   */
  push(buf: Buffer, start: number, end: number, at: number, now: number): number {
    let i = start;
    if (this.#state === State.content) this.#content.resume(start);
    while (i < end) {
      switch (this.#state) {
        case State.header:
          i = this.#readHeader(buf, i, end, at + (i - start), now);
          break;
        case State.content: {
          const content = this.#content;
          const from = i;
          i = content.read(buf, i, end);
          if (content.done) this.#tell(content.bufferOf(buf), now);
          else if (content.fault !== null) this.#passMalformed(at + (i - start), now);
          else if (i === from) this.#fail('internal'); // our own bug must not become a loop without end
          break;
        }
        case State.compressedHeader:
          i = this.#readCompressedHeader(buf, i, end, now);
          break;
        case State.gather:
          i = this.#gather(buf, i, end, now);
          break;
        case State.pass: {
          const take = Math.min(this.#left, end - i);
          i += take;
          this.#left -= take;
          if (this.#left === 0) this.#tell(buf, now);
          break;
        }
        default:
          return this.fault === null ? i : end;
      }
    }
    if (this.#state === State.content) this.#content.suspend(buf, end);
    return i;
  }

  /** Reading is over: forgets everything that was held. */
  stop(): void {
    this.#state = State.over;
    this.#headerBytes = 0;
    this.#gathered.release();
    this.#release();
  }

  // ---- headers

  /** Gathers a header of `bytes` that is cut. Returns the index behind it; -1: it still is. */
  #collect(buf: Buffer, i: number, end: number, bytes: number): number {
    let at = i;
    while (at < end && this.#headerBytes < bytes) this.#header[this.#headerBytes++] = buf[at++]!;
    if (this.#headerBytes < bytes) return -1;
    this.#headerBytes = 0;
    return at;
  }

  #readHeader(buf: Buffer, i: number, end: number, offset: number, now: number): number {
    if (this.#headerBytes === 0) {
      this.#from = offset;
      this.#firstByteAt = now;
      if (end - i >= HEADER_BYTES) {
        this.#onHeader(buf, i, i + HEADER_BYTES);
        return i + HEADER_BYTES;
      }
    }
    const next = this.#collect(buf, i, end, HEADER_BYTES);
    if (next < 0) return end;
    this.#onHeader(this.#header, 0, next);
    return next;
  }

  /** messageLength, requestID, responseTo, opCode at header[at]; the content begins at index `i` of the chunk. */
  #onHeader(header: Uint8Array, at: number, i: number): void {
    const bytes = i32At(header, at);
    const opcode = i32At(header, at + 12);
    this.#content = ContentReader.lease(this.#speaker);
    const { message } = this.#content;
    message.from = this.#from;
    message.firstByteAt = this.#firstByteAt;
    message.bytes = bytes;
    message.requestId = i32At(header, at + 4);
    message.responseTo = i32At(header, at + 8);
    message.opcode = opcode;
    const layout = layoutOf(opcode);
    if (layout === undefined && opcode !== Op.compressed) {
      this.#fail(this.#known ? 'unknown_type' : foreignFault(header[at]!, header[at + 1]!));
      return;
    }
    this.#known = true;
    const size = bytes - HEADER_BYTES;
    if (size < (layout?.floor ?? COMPRESSED_HEADER_BYTES)) this.#fail('undersized');
    else if (bytes > MAX_MESSAGE_BYTES) this.#fail('oversized');
    else if (layout === undefined) {
      this.#size = size - COMPRESSED_HEADER_BYTES;
      this.#state = State.compressedHeader;
    } else if (layout.speaker !== 'both' && layout.speaker !== this.#speaker) this.#fail('out_of_order');
    else {
      this.#content.begin(layout, size, i);
      this.#state = State.content;
    }
  }

  #readCompressedHeader(buf: Buffer, i: number, end: number, now: number): number {
    if (this.#headerBytes === 0 && end - i >= COMPRESSED_HEADER_BYTES) {
      this.#onCompressedHeader(buf, i, i + COMPRESSED_HEADER_BYTES, now);
      return i + COMPRESSED_HEADER_BYTES;
    }
    const next = this.#collect(buf, i, end, COMPRESSED_HEADER_BYTES);
    if (next < 0) return end;
    this.#onCompressedHeader(this.#header, 0, next, now);
    return next;
  }

  /** originalOpcode, uncompressedSize, compressorId at header[at]; what is compressed begins at index `i` of the chunk. */
  #onCompressedHeader(header: Uint8Array, at: number, i: number, now: number): void {
    const { message } = this.#content;
    message.opcode = i32At(header, at);
    message.uncompressedBytes = i32At(header, at + 4);
    message.compressor = header[at + 8]!;
    this.#left = this.#size;
    const layout = layoutOf(message.opcode);
    const plain = message.uncompressedBytes;
    if (plain > this.#maxDecompressedBytes) this.#passOver('too_large', now);
    else if (layout === undefined || plain < layout.floor || message.compressor > Compressor.zstd)
      this.#passOver('undecodable', now);
    else if (layout.speaker !== 'both' && layout.speaker !== this.#speaker) this.#fail('out_of_order');
    else if (message.compressor !== Compressor.noop) {
      if (this.#size === 0) this.#passOver('undecodable', now);
      else if (this.#isBomb(plain)) this.#passOver('too_large', now);
      else this.#state = State.gather;
    } else if (plain !== this.#size) this.#passOver('undecodable', now);
    else {
      this.#content.begin(layout, plain, i);
      this.#state = State.content;
    }
  }

  // ---- contents that cannot be read

  /** The content is wrong, at or before `offset`: the rest of it is passed over. */
  #passMalformed(offset: number, now: number): void {
    const { message } = this.#content;
    this.#left = message.from + message.bytes - offset;
    this.#passOver('malformed', now);
  }

  /** Bytes to come of the message: #left. */
  #passOver(why: 'too_large' | 'undecodable' | 'malformed', now: number): void {
    this.#content.abandon(why);
    this.#state = State.pass;
    if (this.#left === 0) this.#tell(NOTHING, now);
  }

  // ---- compressed contents

  /** Is it more than what came before it leaves? The same however it was cut. */
  #isBomb(plain: number): boolean {
    const room = this.#growth + this.#size * MOST_GROWTH[this.#speaker];
    if (plain > room) return true;
    this.#growth = Math.min(GROWTH_ALLOWED, room - plain);
    return false;
  }

  #gather(buf: Buffer, i: number, end: number, now: number): number {
    const gathered = this.#gathered;
    const take = Math.min(this.#left, end - i);
    const next = i + take;
    this.#left -= take;
    if (take === this.#size) this.#expand(buf, i, next, now);
    else {
      gathered.append(buf, i, next);
      if (this.#left === 0) {
        this.#expand(gathered.buffer, 0, gathered.bytes, now);
        gathered.release();
      }
    }
    return next;
  }

  /** All that is compressed stands at source[start..end). */
  #expand(source: Buffer, start: number, end: number, now: number): void {
    const content = this.#content;
    const { message } = content;
    const plain = decompress(message.compressor, source, start, end, message.uncompressedBytes);
    if (plain === null) {
      this.#passOver('undecodable', now);
      return;
    }
    content.begin(layoutOf(message.opcode)!, plain.length, 0);
    content.read(plain, 0, plain.length);
    if (content.fault !== null) this.#passOver('malformed', now);
    else this.#tell(plain, now);
  }

  // ---- the end

  #tell(buf: Buffer, now: number): void {
    const { message } = this.#content;
    message.lastByteAt = now;
    message.body.buf = buf;
    this.#state = State.header;
    this.#telling = true;
    this.#sink.onMessage(message);
    this.#telling = false;
    this.#release();
  }

  #release(): void {
    // Not from a stop() within the telling: the sink is still looking.
    if (this.#telling || this.#content === NONE) return;
    this.#content.giveBack();
    this.#content = NONE;
  }

  #fail(fault: Fault): void {
    this.fault ??= fault;
    this.stop();
  }
}

const NOTHING = Buffer.alloc(0);
/** No message is under way. */
const NONE = new ContentReader('client');
