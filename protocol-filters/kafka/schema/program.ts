/** What a body holds, in steps for FrameReader: one op, then its operands. */
export type Program = Int32Array;

export const Op = {
  /** The body is over. */
  end: 0,
  /** bytes */
  skip: 1,
  /** role */
  bool: 2,
  int8: 3,
  int16: 4,
  uint16: 5,
  int32: 6,
  int64: 7,
  uuid: 8,
  /** form, role: a text; of bytes: the first MOST_AUTH_BYTES of them. */
  string: 9,
  bytes: 10,
  records: 11,
  /** form, role, least bytes of an element, pc behind its Op.next. The element follows. */
  list: 12,
  next: 13,
  /** form, bytes of an element: a list that nobody wants. */
  skipList: 14,
  /** pc if it is null. */
  struct: 15,
  /** pc behind its Op.tag, number of known tags, then tag and pc of each. */
  tags: 16,
  /** Operands are those of its Op.tags. */
  tag: 17,
  tagEnd: 18,
  /** role, pc of what follows when the number is UNSUPPORTED_VERSION. */
  versionError: 19,
  /** What is left of the body is none of ours. */
  rest: 20,
} as const;

/** Forms of lengths: bits. Compact ones are unsigned varints of the length plus one, 0 a null (KIP-482). */
export const Form = { nullable: 1, compact: 2 } as const;

/** Bytes of authBytes that are told. */
export const MOST_AUTH_BYTES = 1024;
