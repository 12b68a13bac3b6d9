import { ProtobufWriter } from '../../bytes/protobuf-writer.ts';
import type { EventBatch } from '../../events/event-batch.ts';
import { TraceIdBytes } from '../../events/trace-ids.ts';
import { Replies } from '../../exchange/exchange.ts';
import { conventionsOf } from './protocol-conventions.ts';
import { errorType, RecordAttributes } from './record-attributes.ts';
import { type RecordEncoder, writeId, writeTime } from './record-encoder.ts';
import { RecordNumbers } from './record-numbers.ts';
import { ExportRequest } from './request.ts';

/** Span.attributes. */
const ATTRIBUTES = 9;
const NAME = 5;
const STATUS = 15;
const KIND = 6;
const ERROR = 2;
/** SpanFlags: it is known whether the parent is in another process, and it is. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;
const SAMPLED = 1;

/**
 * Span { trace_id = 1, span_id = 2, parent_span_id = 4, name = 5, kind = 6, start_time_unix_nano = 7, end_time_unix_nano = 8,
 * attributes = 9, status = 15 { message = 2, code = 3 }, flags = 16 }: one span an exchange, from the request's first byte to the
 * reply's last, CLIENT or what its conventions say. None where the caller does not sample its trace, and none of what never ends.
 */
export class SpanEncoder implements RecordEncoder {
  readonly #attributes = new RecordAttributes(ATTRIBUTES);
  readonly #numbers = new RecordNumbers(ATTRIBUTES);
  readonly #ids = new TraceIdBytes();
  #batch!: EventBatch;
  /** Names and kinds by the digest's place, encoded. */
  #names: (Uint8Array | undefined)[] = [];

  begin(batch: EventBatch): void {
    this.#batch = batch;
    this.#attributes.begin(batch);
    this.#numbers.begin(batch);
    this.#names = new Array(batch.digestCount + 2);
  }

  exchange(w: ProtobufWriter, row: number): boolean {
    const c = this.#batch.columns;
    const duration = c.duration_ns[row]!;
    if (c.replies[row] === Replies.endless && duration === 0) return false;
    const ids = this.#ids;
    ids.read(this.#batch, row);
    if ((ids.flags & SAMPLED) === 0) return false;
    const session = c.session[row]!;
    const digest = c.digest[row]!;
    const begun = w.begin(ExportRequest.ITEM, 2);
    writeId(w, 0x0a, ids.bytes, 0, 16);
    writeId(w, 0x12, ids.bytes, 16, 24);
    if (ids.hasParent) writeId(w, 0x22, ids.bytes, 24, 32);
    w.raw(this.#name(digest, session));
    writeTime(w, 0x39, c.ts_us[row]!, 0);
    writeTime(w, 0x41, c.ts_us[row]!, duration);
    w.fixed32(16, (ids.hasParent ? HAS_IS_REMOTE | IS_REMOTE : HAS_IS_REMOTE) | ids.flags);
    w.raw(this.#attributes.session(session));
    if (digest > 0) w.raw(this.#attributes.digest(digest, session));
    w.raw(this.#attributes.ending(row));
    w.raw(this.#attributes.own(row));
    this.#numbers.write(w, row);
    const failure = errorType(c.error_class[row]!, this.#batch.string(c.status[row]!));
    if (failure !== '') writeFailure(w, failure);
    w.end(begun, 2);
    return true;
  }

  sessionEvent(): boolean {
    return false;
  }

  #name(digest: number, session: number): Uint8Array {
    const at = Math.min(digest, this.#batch.digestCount + 1);
    const known = this.#names[at];
    if (known !== undefined) return known;
    const entry = this.#batch.digest(at);
    const of = this.#batch.session(session);
    const conventions = conventionsOf(of.protocol);
    const name = conventions.spanName(entry);
    const w = new ProtobufWriter(64);
    w.string(NAME, name || conventions.spanNameAt(entry, of));
    w.int(KIND, conventions.spanKind(entry));
    const made = Uint8Array.from(w.written);
    if (name !== '') this.#names[at] = made;
    return made;
  }
}

function writeFailure(w: ProtobufWriter, message: string): void {
  const begun = w.begin(STATUS);
  w.string(2, message);
  w.int(3, ERROR);
  w.end(begun);
}
