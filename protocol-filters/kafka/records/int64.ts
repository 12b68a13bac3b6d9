import { i32At, u32At } from '../../../src/bytes/cursor.ts';

/** Big-endian, signed, as a number: exact up to 2^53, rounded beyond. The caller has checked that eight bytes are there. */
export const i64At = (buf: Uint8Array, at: number): number => i32At(buf, at) * 0x1_0000_0000 + u32At(buf, at + 4);
