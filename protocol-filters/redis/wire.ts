/** The bytes of RESP, versions 2 and 3 (https://redis.io/docs/latest/develop/reference/protocol-spec), and its bounds. */

export const CR = 0x0d;
export const LF = 0x0a;

/** First byte of a reply, or of an element of one. */
export const Type = {
  simple: 0x2b, // +
  error: 0x2d, // -
  integer: 0x3a, // :
  bulk: 0x24, // $
  array: 0x2a, // *
  nil: 0x5f, // _
  double: 0x2c, // ,
  boolean: 0x23, // #
  bulkError: 0x21, // !
  verbatim: 0x3d, // =
  bigNumber: 0x28, // (
  map: 0x25, // %
  set: 0x7e, // ~
  push: 0x3e, // >
  attribute: 0x7c, // |
  chunk: 0x3b, // ; of a streamed string
  end: 0x2e, // . of a streamed aggregate
} as const;

/** Arguments of one command. The server before 7.0 has the same bound. */
export const MAX_ARGUMENTS = 1_048_576;
/** One bulk string, as proto-max-bulk-len has it by default. */
export const MAX_BULK_BYTES = 512 * 1024 * 1024;
/** A line of the client without a length: an inline command. */
export const MAX_INLINE_BYTES = 64 * 1024;
/** Aggregates within aggregates. */
export const MAX_DEPTH = 32;
/** Elements of one aggregate, as the server can count them. */
export const MAX_ELEMENTS = 0x7fffffff;

/** Does buf[start..end) say this word? ASCII case does not matter; `word` is in lower case. */
export function isWord(buf: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const c = buf[start + i]!;
    const folded = c >= 0x41 && c <= 0x5a ? c | 0x20 : c;
    if (folded !== word.charCodeAt(i)) return false;
  }
  return true;
}
