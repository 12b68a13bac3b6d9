import { i32At } from '../../../src/bytes/cursor.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import { hasNoClientId } from '../schema/api.ts';
import { judgedProgramOf, programOf } from '../schema/programs.ts';
import { FrameReader, Header, type ReaderOptions } from './frame-reader.ts';
import { End, type RequestHeader, type RequestSink } from './sinks.ts';

/** socket.request.max.bytes of brokers, unless raised. */
export const MOST_REQUEST_BYTES = 100 << 20;
/** API, version and correlation id. */
const FIXED_BYTES = 8;
/** With the length of the client id, an int16 in every version. */
const HEADER_BYTES = FIXED_BYTES + 2;

/** Requests of a connection. RequestHeader v0 (no client id), v1, and v2 (tagged fields: the program's first ones). */
export class RequestReader extends FrameReader implements RequestHeader {
  apiKey = 0;
  apiVersion = 0;
  correlationId = 0;
  readonly #sink: RequestSink;
  readonly #isJudged: boolean;

  constructor(sink: RequestSink, options: ReaderOptions = {}) {
    super(sink, false, MOST_REQUEST_BYTES, options);
    this.#sink = sink;
    this.#isJudged = options.isJudged ?? false;
  }

  protected override header(buf: Buffer, at: number, end: number, left: number): Header {
    if (left < FIXED_BYTES) {
      this.fail('undersized');
      return Header.pass;
    }
    if (end - at < FIXED_BYTES) return this.wants(FIXED_BYTES);
    const key = (((buf[at]! << 8) | buf[at + 1]!) << 16) >> 16;
    const version = (((buf[at + 2]! << 8) | buf[at + 3]!) << 16) >> 16;
    let bytes = FIXED_BYTES;
    let client = -1;
    let isSound = true;
    if (!hasNoClientId(key, version)) {
      if (left < HEADER_BYTES) isSound = false;
      else {
        if (end - at < HEADER_BYTES) return this.wants(HEADER_BYTES);
        client = (((buf[at + 8]! << 8) | buf[at + 9]!) << 16) >> 16;
        isSound = client >= -1 && client <= left - HEADER_BYTES;
        if (isSound) {
          bytes = HEADER_BYTES + Math.max(0, client);
          if (end - at < bytes) return this.wants(bytes);
        }
      }
    }
    this.apiKey = key;
    this.apiVersion = version;
    this.correlationId = i32At(buf, at + 4);
    const program = this.#isJudged ? judgedProgramOf(key, version) : programOf(key, version, 'request');
    if (!isSound) {
      this.#sink.onRequest(this, buf, -1, -1);
      // Who knows what the header of an API looks like that nobody knows?
      return this.pass(FIXED_BYTES, program ? End.malformed : End.unknown, 'truncated');
    }
    const start = client < 0 ? -1 : at + HEADER_BYTES;
    const isWanted = this.#sink.onRequest(this, buf, start, client < 0 ? -1 : start + client);
    if (program === null) return this.pass(bytes, End.unknown);
    return isWanted ? this.body(bytes, program) : this.pass(bytes, End.passed);
  }

  protected override ended(end: End): void {
    this.#sink.onRequestEnd(this, end);
  }

  protected override rawToken(bytes: number, buf: Buffer, start: number, end: number): void {
    this.#sink.onRaw(this, bytes, buf, start, end);
  }

  protected override lost(fault: Fault): void {
    this.#sink.onFault(fault);
  }
}
