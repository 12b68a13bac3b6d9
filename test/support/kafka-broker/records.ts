import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from './crc32c.ts';
import { WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

/** The header of a record batch (message format 2): 61 bytes, the first 12 not among those that its length counts. */
export const BATCH_HEADER_BYTES = 61;
const LENGTH_BEGINS = 12;
const CRC_BEGINS = 21;
/** A batch unpacks to no more here: more than any client in these tests packs. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CodecName = (typeof CODECS)[number];

export interface Batch {
  /** From its base offset to its last record; its own memory once it is in a log. */
  readonly bytes: Buffer;
  baseOffset: number;
  readonly lastOffsetDelta: number;
  readonly codec: number;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  /** -1: no idempotent producer. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly records: number;
}

export interface KafkaRecord {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, Buffer | null])[];
}

/** What stands at `at`; a text says why it is none. */
export function batchAt(buffer: Buffer, at = 0): Batch | string {
  if (buffer.length - at < BATCH_HEADER_BYTES) return `a batch of ${buffer.length - at} bytes`;
  const magic = buffer.readInt8(at + 16);
  if (magic !== 2) return `message format ${magic}`;
  const length = buffer.readInt32BE(at + 8);
  if (length < BATCH_HEADER_BYTES - LENGTH_BEGINS || length > buffer.length - at - LENGTH_BEGINS)
    return `a batch length of ${length} in ${buffer.length - at} bytes`;
  const attributes = buffer.readInt16BE(at + 21);
  return {
    bytes: buffer.subarray(at, at + LENGTH_BEGINS + length),
    baseOffset: Number(buffer.readBigInt64BE(at)),
    codec: attributes & 7,
    transactional: (attributes & 0x10) !== 0,
    control: (attributes & 0x20) !== 0,
    lastOffsetDelta: buffer.readInt32BE(at + 23),
    baseTimestamp: Number(buffer.readBigInt64BE(at + 27)),
    maxTimestamp: Number(buffer.readBigInt64BE(at + 35)),
    producerId: Number(buffer.readBigInt64BE(at + 43)),
    producerEpoch: buffer.readInt16BE(at + 51),
    baseSequence: buffer.readInt32BE(at + 53),
    records: buffer.readInt32BE(at + 57),
  };
}

export function crcIsRight({ bytes }: Batch): boolean {
  return bytes.readUInt32BE(CRC_BEGINS - 4) === crc32c(bytes, CRC_BEGINS);
}

/** null: packed with snappy or LZ4, which pass through as they are. Throws where it cannot be unpacked. */
export function unpacked(batch: Batch): Buffer | null {
  const body = batch.bytes.subarray(BATCH_HEADER_BYTES);
  switch (CODECS[batch.codec]) {
    case 'none':
      return body;
    case 'gzip':
      return gunzipSync(body, { maxOutputLength: MAX_UNPACKED_BYTES });
    case 'zstd':
      return zstdDecompressSync(body, { maxOutputLength: MAX_UNPACKED_BYTES });
    default:
      return null;
  }
}

/** All records, each as long as it says, nothing behind the last: else throws. */
export function recordsOf(batch: Batch): KafkaRecord[] | null {
  const body = unpacked(batch);
  if (body === null) return null;
  const reader = new WireReader(body);
  const records: KafkaRecord[] = [];
  for (let i = 0; i < batch.records; i++) {
    const end = reader.varint() + reader.at;
    if (end < reader.at || end > body.length) throw new Error(`record ${i} ends at ${end} of ${body.length}`);
    const inner = new WireReader(body, reader.at, end);
    records.push(recordFrom(inner));
    inner.done(`record ${i}`);
    reader.at = end;
  }
  reader.done('the last record');
  return records;
}

const sized = (reader: WireReader): Buffer | null => {
  const bytes = reader.varint();
  return bytes < 0 ? null : reader.raw(bytes);
};

function recordFrom(reader: WireReader): KafkaRecord {
  reader.int8(); // attributes: none are in use
  const timestampDelta = Number(reader.varlong());
  const offsetDelta = reader.varint();
  const key = sized(reader);
  const value = sized(reader);
  const headers: [string, Buffer | null][] = [];
  for (let left = reader.varint(); left > 0; left--) headers.push([String(sized(reader) ?? ''), sized(reader)]);
  return { offsetDelta, timestampDelta, key, value, headers };
}

/** What a producer may not send, or ''. */
export function problemOf(batch: Batch, depth: 'records' | 'crc'): string {
  if (batch.codec >= CODECS.length) return `codec ${batch.codec}`;
  if (!crcIsRight(batch)) return 'CRC';
  if (batch.records <= 0) return `${batch.records} records`;
  if (batch.lastOffsetDelta !== batch.records - 1)
    return `${batch.records} records and a last offset delta of ${batch.lastOffsetDelta}`;
  if (batch.control) return 'a control batch from a client';
  if (depth === 'crc') return '';
  try {
    const records = recordsOf(batch);
    const wrong = records?.findIndex(({ offsetDelta }, i) => offsetDelta !== i) ?? -1;
    return wrong < 0 ? '' : `offset delta of record ${wrong}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const bytesOf = (value: Buffer | string | null | undefined): Buffer | null =>
  value === null || value === undefined ? null : Buffer.from(value);

export interface BatchInit {
  readonly records: readonly {
    readonly key?: Buffer | string | null;
    readonly value?: Buffer | string | null;
    readonly headers?: Readonly<Record<string, string>>;
  }[];
  readonly codec?: 'none' | 'gzip' | 'zstd';
  readonly timestamp?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
}

/** A record batch as a producer sends it. */
export function recordBatch(init: BatchInit): Buffer {
  const body = new WireWriter();
  for (const [i, { key, value, headers = {} }] of init.records.entries()) {
    const record = new WireWriter();
    record.int8(0);
    record.varlong(0n);
    record.varint(i);
    for (const part of [bytesOf(key), bytesOf(value)]) put(record, part);
    record.varint(Object.keys(headers).length);
    for (const [name, text] of Object.entries(headers)) {
      put(record, Buffer.from(name));
      put(record, Buffer.from(text));
    }
    body.varint(record.length);
    body.raw(record.toBuffer());
  }
  const raw = body.toBuffer();
  const codec = init.codec ?? 'none';
  const packed = codec === 'gzip' ? gzipSync(raw) : codec === 'zstd' ? zstdCompressSync(raw) : raw;
  const batch = Buffer.alloc(BATCH_HEADER_BYTES + packed.length);
  const timestamp = BigInt(init.timestamp ?? Date.now());
  batch.writeInt32BE(batch.length - LENGTH_BEGINS, 8);
  batch.writeInt32BE(-1, 12); // the leader's epoch: the broker's to fill in
  batch.writeInt8(2, 16);
  batch.writeInt16BE(
    CODECS.indexOf(codec) | (init.transactional === true ? 0x10 : 0) | (init.control === true ? 0x20 : 0),
    21,
  );
  batch.writeInt32BE(init.records.length - 1, 23);
  batch.writeBigInt64BE(timestamp, 27);
  batch.writeBigInt64BE(timestamp, 35);
  batch.writeBigInt64BE(BigInt(init.producerId ?? -1), 43);
  batch.writeInt16BE(init.producerEpoch ?? -1, 51);
  batch.writeInt32BE(init.baseSequence ?? -1, 53);
  batch.writeInt32BE(init.records.length, 57);
  packed.copy(batch, BATCH_HEADER_BYTES);
  batch.writeUInt32BE(crc32c(batch, CRC_BEGINS), CRC_BEGINS - 4);
  return batch;
}

function put(writer: WireWriter, value: Buffer | null): void {
  writer.varint(value?.length ?? -1);
  if (value !== null) writer.raw(value);
}

/** The record that ends a transaction in a partition: key = version and kind, value = version and coordinator's epoch. */
export function markerBatch(producerId: number, producerEpoch: number, commit: boolean): Buffer {
  const key = Buffer.from([0, 0, 0, commit ? 1 : 0]);
  const records = [{ key, value: Buffer.alloc(6) }];
  return recordBatch({ records, producerId, producerEpoch, transactional: true, control: true });
}
