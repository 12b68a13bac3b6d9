/** Codecs of record batches, by their number in attributes. */
const CODECS: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

export const codecName = (codec: number): string => CODECS[codec] ?? 'unknown';

/** What the record batches of one field (of one partition) tell. One object, filled anew for every field. */
export class RecordsFacts {
  /** Of the field; -1 = null. */
  bytes = 0;
  /** Batches, whole or not; for message formats 0 and 1 messages, or what wraps some. */
  batches = 0;
  /** Records of data batches. */
  records = 0;
  /** Batches of control records: ends of transactions, none of a client's records. */
  controlBatches = 0;
  /** Compressed wrappers of message formats 0 and 1 that nobody opened: each is one in `records`, whatever it holds. */
  uncounted = 0;
  /** Of the first batch: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; above: unknown. */
  codec = 0;
  /** Of all batches: bits 1 << codec. */
  codecs = 0;
  /** Message format of the first batch; -1: no batch. */
  magic = -1;
  /** Of the first batch; -1 = none. */
  producerId = -1;
  producerEpoch = -1;
  isTransactional = false;
  isIdempotent = false;
  /** First offset of the first batch; -1 = no batch. */
  baseOffset = -1;
  /** Last offset of the last whole batch; -1 = none. */
  lastOffset = -1;
  /** Milliseconds since 1970; -1 = none. */
  maxTimestamp = -1;
  /** The last batch is cut, as brokers may do with what exceeds the bytes that were asked for. */
  cut = false;
  /** Lengths or counts that cannot be. What was read before counts. */
  malformed = false;
  /** W3C trace context of the first record of the first batch, or ''. */
  traceparent = '';

  /** For a field of `bytes` bytes. */
  reset(bytes: number): void {
    this.bytes = bytes;
    this.batches = this.records = this.controlBatches = this.uncounted = this.codec = this.codecs = 0;
    this.magic = this.producerId = this.producerEpoch = this.baseOffset = this.lastOffset = this.maxTimestamp = -1;
    this.isTransactional = this.isIdempotent = this.cut = this.malformed = false;
    this.traceparent = '';
  }
}
