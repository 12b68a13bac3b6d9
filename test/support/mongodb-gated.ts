import type { Gated } from './gated.ts';

/**
 * Sessions that an enforcing chain does not let through to their end: what is hostile or cannot be read, a hello that is
 * compressed, commands without a database, opcodes of before 5.1. The bypass corpus has each of these.
 */
const NOT_LET_THROUGH =
  /^(hostile-(?!kind)|built-legacy-|wire-legacy-|wire-checksum-wrong$|wire-compressed-mixed$|wire-odd-commands$)/;

/** MongoDB: as recorded. */
export const gatedMongodb: Gated = (name, lines) => (NOT_LET_THROUGH.test(name) ? null : lines);
