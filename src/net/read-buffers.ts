/**
 * Where reads land. Small reads share one buffer a process and are copied before they are written; a socket whose reads
 * run large gets a buffer of its own, whose slices are written by reference (0.8 × HAProxy's CPU on 1 MB values, against
 * 1.4 × with copies) and which is reused only once its write has completed.
 *
 * Sharing is safe on Linux and macOS, where libuv allocates, reads and calls back in one synchronous step. On Windows a
 * read may be posted into the buffer beforehand: there every socket keeps a buffer of its own.
 */
const SHARED_BYTES = 64 * 1024;
const LARGE_BYTES = 64 * 1024;
/** Reads from this size on call for a buffer of the socket's own. */
export const LARGE_READ = 16 * 1024;
const MAX_FREE = 64;

export const sharedBuffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
export const mayShare = process.platform !== 'win32';

const free: Buffer[] = [];

export const takeLarge = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);

/** Gives a buffer back; anything that takeLarge() did not give is left to the garbage collector. */
export function giveLarge(buffer: Buffer): void {
  if (free.length < MAX_FREE) free.push(buffer);
}

/**
 * The buffer that is being lent in the current read callback, and the transport (if any) whose queue still points into it.
 * Reading and writing happen in one synchronous step, so one record a process is enough.
 */
export const lending: { buffer: Buffer | null; holder: object | null } = { buffer: null, holder: null };

/** A private copy of buf[start..end). */
export function copyOf(buf: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buf.copy(copy, 0, start, end);
  return copy;
}
