import type { Fault } from '../../../src/exchange/fault.ts';
import type { RecordsFacts } from '../records/facts.ts';
import type { End, FrameState, RequestHeader, RequestSink } from '../wire/sinks.ts';
import type { Asked } from './asked.ts';

/** Tells two of each request: who makes exchanges of it, and who gathers what is to be judged. */
export class JudgedSink implements RequestSink {
  readonly #sink: RequestSink;
  readonly #asked: Asked;

  constructor(sink: RequestSink, asked: Asked) {
    this.#sink = sink;
    this.#asked = asked;
  }

  onRequest(reader: RequestHeader, buf: Buffer, clientStart: number, clientEnd: number): boolean {
    this.#asked.begin(reader.apiKey, reader.apiVersion);
    return this.#sink.onRequest(reader, buf, clientStart, clientEnd);
  }

  onRequestEnd(reader: RequestHeader, end: End): void {
    this.#sink.onRequestEnd(reader, end);
  }

  onRaw(reader: FrameState, bytes: number, buf: Buffer, start: number, end: number): void {
    this.#sink.onRaw(reader, bytes, buf, start, end);
  }

  onFault(fault: Fault): void {
    this.#sink.onFault(fault);
  }

  number(role: number, value: number): void {
    this.#asked.number(role, value);
    this.#sink.number(role, value);
  }

  text(role: number, buf: Buffer, start: number, end: number): void {
    this.#asked.text(role, buf, start, end);
    this.#sink.text(role, buf, start, end);
  }

  uuid(role: number, buf: Buffer, start: number): void {
    this.#asked.uuid(role, buf, start);
    this.#sink.uuid(role, buf, start);
  }

  list(role: number, count: number): void {
    this.#asked.list(role, count);
    this.#sink.list(role, count);
  }

  item(role: number): void {
    this.#asked.item(role);
    this.#sink.item(role);
  }

  itemEnd(role: number): void {
    this.#asked.itemEnd(role);
    this.#sink.itemEnd(role);
  }

  records(facts: RecordsFacts): void {
    this.#asked.records(facts);
    this.#sink.records(facts);
  }
}
