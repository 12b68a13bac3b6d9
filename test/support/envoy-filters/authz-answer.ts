import { ProtobufWriter } from '../../../src/bytes/protobuf-writer.ts';
import { AUTHZ_METADATA } from './value-cases.ts';

/** CheckResponse, written by hand here so that the filter's own reader is not its own judge. */
export function checkAnswerBytes(allows: boolean): Buffer {
  const out = new ProtobufWriter();
  const status = out.begin(1);
  if (!allows) {
    out.int(1, 7); // PERMISSION_DENIED
    out.string(2, 'no');
  }
  out.end(status);
  if (allows) {
    const metadata = out.begin(4, 2);
    struct(out, AUTHZ_METADATA);
    out.end(metadata, 2);
  }
  return Buffer.from(out.written);
}

function struct(out: ProtobufWriter, fields: object): void {
  for (const [key, value] of Object.entries(fields)) {
    const entry = out.begin(1);
    out.string(1, key);
    const begun = out.begin(2);
    item(out, value);
    out.end(begun);
    out.end(entry);
  }
}

function item(out: ProtobufWriter, value: unknown): void {
  if (value === null) out.int(1, 0);
  else if (typeof value === 'number') out.double(2, value);
  else if (typeof value === 'string') out.string(3, value);
  else if (typeof value === 'boolean') out.bool(4, value);
  else {
    const begun = out.begin(Array.isArray(value) ? 6 : 5);
    if (!Array.isArray(value)) struct(out, value as object);
    else
      for (const one of value) {
        const each = out.begin(1);
        item(out, one);
        out.end(each);
      }
    out.end(begun);
  }
}
