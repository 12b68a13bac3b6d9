/** Reads payload buf[start..end) and answers with a value. */
export type Read<T> = (buf: Buffer, start: number, end: number) => T;

/**
 * Reads a payload that stands between guard bytes, which a read past its end would meet: once with each guard. All must
 * tell the same, or the reader has looked past its packet. Returns what it told.
 */
export function guarded<T>(payload: Uint8Array, read: Read<T>): T {
  const told = GUARDS.map((guard) => {
    const fence = Buffer.alloc(24, guard);
    // A copy: readers reuse their results.
    return structuredClone(read(Buffer.concat([fence, payload, fence]), fence.length, fence.length + payload.length));
  });
  const positions = told.map((value) => JSON.stringify(value));
  for (const other of positions)
    if (other !== positions[0]) throw new Error(`reads past its packet: ${positions.join(' ')}`);
  return told[0]!;
}

/** 0xee is a long string as a length; 0 ends strings; 1 is a short length; 0x41 is a letter. */
const GUARDS = [0xee, 0x00, 0x01, 0x41];

/** Every payload that differs in one byte by one, and every prefix and every longer form: inner lengths that lie. */
export function* liesOf(payload: Buffer): Generator<Buffer> {
  for (let bytes = 0; bytes < payload.length; bytes++) yield payload.subarray(0, bytes);
  for (let more = 1; more <= 8; more++) yield Buffer.concat([payload, Buffer.alloc(more, 0xee)]);
  for (let i = 0; i < payload.length; i++)
    for (const value of [payload[i]! + 1, payload[i]! - 1, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 0]) {
      const lie = Buffer.from(payload);
      lie[i] = value & 0xff;
      yield lie;
    }
}
