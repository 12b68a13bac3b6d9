import { createHash } from 'node:crypto';

/** The name that Redis gives to a script: SHA-1 of its text, 40 lower-case hex characters. */
export const scriptSha = (buf: Uint8Array, start: number, end: number): string =>
  createHash('sha1').update(buf.subarray(start, end)).digest('hex');
