import { protobufFields } from '../bytes/protobuf-reader.ts';
import { ProtobufWriter } from '../bytes/protobuf-writer.ts';
import type { PeerAddress } from '../policy/rbac/rbac-input.ts';

/** envoy.service.auth.v3: the bytes of CheckRequest and CheckResponse, as far as network filters fill and read them. */

export interface CheckFacts {
  readonly source: PeerAddress;
  readonly destination: PeerAddress;
  /** Namespaces that go along. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

const CheckRequest = { attributes: 1 } as const;
const AttributeContext = { source: 1, destination: 2, metadataContext: 11 } as const;
const Peer = { address: 1 } as const;
const Address = { socketAddress: 1, pipe: 2 } as const;
const SocketAddress = { address: 2, portValue: 3 } as const;
const MapEntry = { key: 1, value: 2 } as const;
const Metadata = { filterMetadata: 1 } as const;
const Value = { null: 1, number: 2, string: 3, bool: 4, struct: 5, list: 6 } as const;
const CheckResponse = { status: 1, dynamicMetadata: 4 } as const;

/** The caller owns the bytes. */
export function checkRequest({ source, destination, metadata }: CheckFacts): Buffer {
  const out = new ProtobufWriter(256);
  const attributes = out.begin(CheckRequest.attributes);
  peer(out, AttributeContext.source, source);
  peer(out, AttributeContext.destination, destination);
  const context = out.begin(AttributeContext.metadataContext);
  for (const [namespace, fields] of Object.entries(metadata)) {
    const entry = out.begin(Metadata.filterMetadata);
    out.string(MapEntry.key, namespace);
    struct(out, MapEntry.value, fields as Record<string, unknown>);
    out.end(entry);
  }
  out.end(context);
  out.end(attributes);
  return Buffer.from(out.written);
}

function peer(out: ProtobufWriter, field: number, { ip, port, text }: PeerAddress): void {
  const begun = out.begin(field);
  const address = out.begin(Peer.address);
  const kind = out.begin(ip === null ? Address.pipe : Address.socketAddress);
  if (ip === null) out.string(1, text);
  else {
    out.string(SocketAddress.address, ip.length === 4 ? ip.join('.') : text.slice(1, text.lastIndexOf(']')));
    out.int(SocketAddress.portValue, port);
  }
  out.end(kind);
  out.end(address);
  out.end(begun);
}

/** google.protobuf.Struct. */
function struct(out: ProtobufWriter, field: number, fields: Readonly<Record<string, unknown>>): void {
  const begun = out.begin(field);
  for (const [key, item] of Object.entries(fields)) {
    const entry = out.begin(1);
    out.string(MapEntry.key, key);
    value(out, MapEntry.value, item);
    out.end(entry);
  }
  out.end(begun);
}

function value(out: ProtobufWriter, field: number, item: unknown): void {
  const begun = out.begin(field);
  if (typeof item === 'number') out.double(Value.number, item);
  else if (typeof item === 'string') out.string(Value.string, item);
  else if (typeof item === 'boolean') out.bool(Value.bool, item);
  else if (Array.isArray(item)) {
    const list = out.begin(Value.list);
    for (const one of item) value(out, 1, one);
    out.end(list);
  } else if (typeof item === 'object' && item !== null) struct(out, Value.struct, item as Record<string, unknown>);
  else out.int(Value.null, 0);
  out.end(begun);
}

export interface CheckAnswer {
  readonly ok: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Null: these are not the bytes of a CheckResponse, or its data is nested too deep. */
export function checkResponse(bytes: Buffer): CheckAnswer | null {
  const fields = protobufFields(bytes);
  if (fields === null) return null;
  let code = 0;
  let metadata: Record<string, unknown> | null = {};
  for (const { field, bytes: inner } of fields) {
    if (field === CheckResponse.status) {
      const status = protobufFields(inner);
      if (status === null) return null;
      for (const one of status) if (one.field === 1) code = one.value;
    }
    if (field === CheckResponse.dynamicMetadata) metadata = readStruct(inner, MAX_DEPTH);
  }
  return metadata === null ? null : { ok: code === 0, metadata };
}

const MAX_DEPTH = 32;

function readStruct(bytes: Buffer, depth: number): Record<string, unknown> | null {
  const entries = depth === 0 ? null : protobufFields(bytes);
  if (entries === null) return null;
  const read: Record<string, unknown> = {};
  for (const { bytes: entry } of entries.filter(({ field }) => field === 1)) {
    const parts = protobufFields(entry);
    const key = parts?.findLast(({ field }) => field === MapEntry.key)?.bytes.toString() ?? '';
    const item = parts && readValue(parts.findLast(({ field }) => field === MapEntry.value)?.bytes, depth - 1);
    if (item === null || item === undefined) return null;
    Object.defineProperty(read, key, { value: item.value, enumerable: true, configurable: true, writable: true });
  }
  return read;
}

/** In an object, for null is a value too; null: it cannot be read. A Value of no kind is null. */
function readValue(bytes: Buffer | undefined, depth: number): { readonly value: unknown } | null {
  const fields = bytes === undefined ? [] : depth <= 0 ? null : protobufFields(bytes);
  if (fields === null) return null;
  const last = fields.at(-1);
  switch (last?.field) {
    case Value.number:
      return last.bytes.length === 8 ? { value: last.bytes.readDoubleLE(0) } : null;
    case Value.string:
      return { value: last.bytes.toString() };
    case Value.bool:
      return { value: last.value !== 0 };
    case Value.struct: {
      const value = readStruct(last.bytes, depth);
      return value && { value };
    }
    case Value.list: {
      const items = protobufFields(last.bytes)?.map(({ bytes: item }) => readValue(item, depth - 1));
      return items?.every((item) => item !== null) ? { value: items.map((item) => item?.value) } : null;
    }
    default:
      return { value: null };
  }
}
