import { i32At } from '../../../src/bytes/cursor.ts';
import { RecordsFacts } from './facts.ts';
import { FirstRecord } from './first-record.ts';
import { i64At } from './int64.ts';
import { WrappedMessages } from './wrapped-messages.ts';

/** Offset and length, which every format begins with; the length counts what follows it. */
const PREFIX_BYTES = 12;
/** Up to the byte that says which format it is. */
const MAGIC_BYTES = 17;
/** RecordBatch (format 2) up to its records. */
const BATCH_HEADER_BYTES = 61;
/** Message of formats 0 and 1, without key and value. */
const MESSAGE_BYTES: readonly number[] = [26, 34];
/** Of them: up to the attributes, and in format 1 the timestamp. */
const MESSAGE_HEADER_BYTES: readonly number[] = [18, 26];
/** A record takes that at least: lengths, deltas and counts of one byte each, and attributes. */
const LEAST_RECORD_BYTES = 7;
/** No two records of a batch are the same, their offsets differ: no codec packs more of them into a byte. */
const MOST_RECORDS_A_BYTE = 256;

const CODEC_BITS = 7;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/**
 * Reads the headers of record batches in a records field, in any cut, and passes over the records: of a batch of 1 MB
 * 61 bytes are looked at, and the first record's headers as far as they stand uncompressed.
 */
export class BatchWalk {
  readonly facts = new RecordsFacts();
  readonly #first: FirstRecord;
  /** Null: nothing is decompressed. */
  readonly #wrapped: WrappedMessages | null;
  readonly #isReply: boolean;
  readonly #header = Buffer.alloc(BATCH_HEADER_BYTES);
  #have = 0;
  /** Bytes of the field not yet read. */
  #left = 0;
  /** Bytes of the batch that are passed over. */
  #batchLeft = 0;
  #isLooking = false;
  #isUnwrapping = false;
  #isOver = false;

  /** `decompress`: the first batch of a field is decompressed as far as needed to find its trace context. */
  constructor(isReply: boolean, decompress: boolean) {
    this.#isReply = isReply;
    this.#first = new FirstRecord(decompress);
    this.#wrapped = decompress ? new WrappedMessages() : null;
  }

  begin(bytes: number): void {
    this.facts.reset(bytes);
    this.#left = bytes;
    this.#have = this.#batchLeft = 0;
    this.#isLooking = this.#isUnwrapping = this.#isOver = false;
  }

  /** buf[start..end) of the field's bytes, no more than it has. */
  push(buf: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#isOver) {
      if (this.#batchLeft > 0) {
        const take = Math.min(this.#batchLeft, end - at);
        if (this.#isLooking) this.#look(buf, at, at + take);
        else if (this.#isUnwrapping) this.#wrapped?.push(buf, at, at + take);
        this.#batchLeft -= take;
        this.#left -= take;
        at += take;
        if (this.#batchLeft === 0) this.#endBatch();
        continue;
      }
      // Most headers come in one piece.
      const ready = this.#have === 0 && end - at >= BATCH_HEADER_BYTES;
      const header = ready ? buf : this.#header;
      let from = at;
      let bytes = BATCH_HEADER_BYTES;
      if (!ready) {
        at = this.#gather(buf, at, end);
        from = 0;
        bytes = this.#have;
      }
      const used = this.#batch(header, from, bytes);
      if (used === 0) {
        // A gathered header wants more of it; one that is whole never does.
        continue;
      }
      if (ready) {
        at += used;
        this.#left -= used;
      }
      this.#have = 0;
      if (this.#batchLeft === 0) this.#endBatch();
    }
  }

  /** The field is over. */
  end(): void {
    const { facts } = this;
    if (this.#isOver) return;
    if (this.#have > 0 || this.#batchLeft > 0) this.#cut();
    if (this.#isLooking) facts.traceparent = this.#first.end();
  }

  /** Next bytes of a header, up to what is needed to go on. */
  #gather(buf: Buffer, from: number, end: number): number {
    let at = from;
    const wanted = this.#wanted();
    while (this.#have < wanted && at < end) this.#header[this.#have++] = buf[at++]!;
    this.#left -= at - from;
    return at;
  }

  /** Bytes of the header that must be there: its format says how many. */
  #wanted(): number {
    if (this.#have < MAGIC_BYTES) return MAGIC_BYTES;
    return MESSAGE_HEADER_BYTES[this.#header[MAGIC_BYTES - 1]!] ?? BATCH_HEADER_BYTES;
  }

  /** Reads a header that stands at `at`, of which `bytes` are there. Returns how many were used; 0: more are needed. */
  #batch(buf: Buffer, at: number, bytes: number): number {
    if (bytes < MAGIC_BYTES) return 0;
    const magic = buf[at + MAGIC_BYTES - 1]!;
    if (magic > 2) return this.#lie();
    const wanted = MESSAGE_HEADER_BYTES[magic] ?? BATCH_HEADER_BYTES;
    if (bytes < wanted) return 0;
    const size = PREFIX_BYTES + i32At(buf, at + 8);
    if (size < (MESSAGE_BYTES[magic] ?? BATCH_HEADER_BYTES)) return this.#lie();
    // What of the header came over from earlier chunks is no longer in #left.
    const behind = this.#left - (buf === this.#header ? 0 : wanted);
    const { facts } = this;
    const isFirst = facts.batches === 0;
    if (size - wanted > behind) {
      if (!this.#isReply) return this.#lie();
      facts.batches++;
      if (isFirst) this.#firstBatch(buf, at, magic);
      this.#cut();
      return wanted;
    }
    const isSound = magic === 2 ? this.#recordBatch(buf, at, size, isFirst) : this.#message(buf, at, magic, isFirst);
    if (!isSound) return this.#lie();
    this.#batchLeft = size - wanted;
    return wanted;
  }

  #firstBatch(buf: Buffer, at: number, magic: number): void {
    const { facts } = this;
    facts.magic = magic;
    facts.baseOffset = i64At(buf, at);
    facts.codec = (magic === 2 ? buf[at + 22]! : buf[at + 17]!) & CODEC_BITS;
  }

  #recordBatch(buf: Buffer, at: number, size: number, isFirst: boolean): boolean {
    const { facts } = this;
    const attributes = buf[at + 22]!;
    const codec = attributes & CODEC_BITS;
    const lastDelta = i32At(buf, at + 23);
    const count = i32At(buf, at + 57);
    // Compaction leaves gaps, never more records than offsets.
    if (count < 0 || lastDelta < 0 || count - 1 > lastDelta) return false;
    const room = size - BATCH_HEADER_BYTES;
    if (codec === 0 ? count * LEAST_RECORD_BYTES > room : count > room * MOST_RECORDS_A_BYTE) return false;
    const isControl = (attributes & CONTROL) !== 0;
    if (isFirst) {
      this.#firstBatch(buf, at, 2);
      facts.producerId = i64At(buf, at + 43);
      facts.producerEpoch = ((buf[at + 51]! << 24) >> 16) | buf[at + 52]!;
      facts.isTransactional = (attributes & TRANSACTIONAL) !== 0;
      facts.isIdempotent = facts.producerId >= 0;
      this.#isLooking = count > 0 && !isControl && this.#first.begin(codec);
    }
    facts.batches++;
    facts.codecs |= 1 << codec;
    if (isControl) facts.controlBatches++;
    else facts.records += count;
    facts.lastOffset = i64At(buf, at) + lastDelta;
    const maxTimestamp = i64At(buf, at + 35);
    if (maxTimestamp > facts.maxTimestamp) facts.maxTimestamp = maxTimestamp;
    return true;
  }

  #message(buf: Buffer, at: number, magic: number, isFirst: boolean): boolean {
    const { facts } = this;
    const codec = buf[at + 17]! & CODEC_BITS;
    if (isFirst) this.#firstBatch(buf, at, magic);
    facts.batches++;
    facts.codecs |= 1 << codec;
    facts.records++;
    if (codec !== 0) {
      facts.uncounted++;
      this.#wrapped?.begin(codec);
      this.#isUnwrapping = this.#wrapped !== null;
    }
    facts.lastOffset = i64At(buf, at);
    if (magic === 1) {
      const timestamp = i64At(buf, at + 18);
      if (timestamp > facts.maxTimestamp) facts.maxTimestamp = timestamp;
    }
    return true;
  }

  #look(buf: Buffer, start: number, end: number): void {
    if (this.#first.push(buf, start, end)) return;
    this.#isLooking = false;
    this.facts.traceparent = this.#first.end();
  }

  #endBatch(): void {
    if (this.#isUnwrapping) this.#unwrap();
    if (!this.#isLooking) return;
    this.#isLooking = false;
    this.facts.traceparent = this.#first.end();
  }

  #unwrap(): void {
    this.#isUnwrapping = false;
    const count = this.#wrapped?.end() ?? 0;
    if (count === 0) return;
    this.facts.records += count - 1;
    this.facts.uncounted--;
  }

  /** The field ends within a batch. */
  #cut(): void {
    this.#isOver = true;
    if (this.#isReply) this.facts.cut = true;
    else this.facts.malformed = true;
  }

  #lie(): number {
    this.#isOver = true;
    this.facts.malformed = true;
    return 0;
  }
}
