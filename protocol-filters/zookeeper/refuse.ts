import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { REPLY_HEADER_BYTES } from './wire.ts';

/** Bytes that Sluice itself says, in the protocol's own words. The caller owns what these functions return. */

const NOAUTH = -102;
const THROTTLEDOP = -127;

export const errorOfDenial = (why: Denial): number => (why.kind === 'limit' ? THROTTLEDOP : NOAUTH);

const EXISTS = 3;

/** Sent in the place of a denied request, under its number: a read of the root, which is always there and needs no right. */
export function standIn(xid: number): Buffer {
  const bytes = Buffer.alloc(4 + 4 + 4 + 4 + 1 + 1);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt32BE(xid, 4);
  bytes.writeInt32BE(EXISTS, 8);
  bytes.writeInt32BE(1, 12);
  bytes[16] = 0x2f;
  return bytes;
}

/** Offsets in a reply: its length, then xid and zxid that stay as the server wrote them, then the error. */
export const LENGTH_BYTES = 4;
export const ERROR_AT = LENGTH_BYTES + 12;
export const RECORD_AT = LENGTH_BYTES + REPLY_HEADER_BYTES;

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
