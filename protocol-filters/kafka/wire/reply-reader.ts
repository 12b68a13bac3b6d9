import { i32At } from '../../../src/bytes/cursor.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import { FrameReader, Header, type ReaderOptions } from './frame-reader.ts';
import { End, type ReplySink } from './sinks.ts';

/** Larger than what clients ask for at most (fetch.max.bytes, and one batch above it). */
export const MOST_REPLY_BYTES = 1 << 30;
/** The correlation id. */
const HEADER_BYTES = 4;

/** Replies of a connection. ResponseHeader v0, and v1 (tagged fields: the program's first ones). */
export class ReplyReader extends FrameReader {
  correlationId = 0;
  readonly #sink: ReplySink;

  constructor(sink: ReplySink, options: ReaderOptions = {}) {
    super(sink, true, MOST_REPLY_BYTES, options);
    this.#sink = sink;
  }

  protected override header(buf: Buffer, at: number, end: number, left: number): Header {
    if (left < HEADER_BYTES) {
      this.fail('undersized');
      return Header.pass;
    }
    if (end - at < HEADER_BYTES) return this.wants(HEADER_BYTES);
    this.correlationId = i32At(buf, at);
    const program = this.#sink.onReply(this, this.correlationId);
    return program ? this.body(HEADER_BYTES, program) : this.pass(HEADER_BYTES, End.passed);
  }

  protected override ended(end: End): void {
    this.#sink.onReplyEnd(this, end);
  }

  protected override rawToken(bytes: number, buf: Buffer, start: number, end: number): void {
    this.#sink.onRaw(this, bytes, buf, start, end);
  }

  protected override lost(fault: Fault): void {
    this.#sink.onFault(fault);
  }
}
