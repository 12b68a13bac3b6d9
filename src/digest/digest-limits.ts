/** Bounds of one process' digest cache. */
export interface DigestLimits {
  /** Digests kept; above, those not in use are evicted. */
  readonly digests: number;
  /** Memory they may take, bytes, roughly. */
  readonly bytes: number;
  /** Longest text that is read whole; of longer ones this prefix is digested, `truncated`. Bytes. */
  readonly textBytes: number;
  /** Longest text (in parse form) that is parsed on the loop. Characters. */
  readonly inlineChars: number;
  /** Share of the loop that parsing may take: a bucket of `parseBurstMs` that fills by `parseMsPerSecond`. */
  readonly parseMsPerSecond: number;
  readonly parseBurstMs: number;
  /** Statements that may wait for the parser thread, and their characters. */
  readonly queuedParses: number;
  readonly queuedChars: number;
}

export const DIGEST_LIMITS: DigestLimits = {
  digests: 16_384,
  bytes: 64 * 1024 * 1024,
  textBytes: 64 * 1024,
  inlineChars: 4096,
  parseMsPerSecond: 50,
  parseBurstMs: 50,
  queuedParses: 1024,
  queuedChars: 4 * 1024 * 1024,
};
