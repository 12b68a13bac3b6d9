import type { Digest, DigestCache, SqlMode } from '../../src/exchange/digest.ts';

/**
 * What a policy may judge of one text. Facts of a shared digest hold for all texts that have it, except where they
 * depend on a literal or the text was longer than the cap: then this very text is parsed, or nothing is claimed. `whole`:
 * parse it in any case, more than its first statement may stand in it.
 */
export function judgedView(
  digests: DigestCache,
  mode: SqlMode,
  digest: Digest,
  buf: Buffer,
  start: number,
  end: number,
  whole = false,
): Digest {
  if (!whole && !digest.literalSensitive && !digest.truncated && !runsAnother(digest)) return digest;
  if (runsAnother(digest)) return unresolved(digest);
  const facts = digests.factsOf(mode, buf, start, end);
  return facts === null ? unresolved(digest) : { ...digest, ...facts, settled: true };
}

/** The same digest with nothing claimed about what it touches. */
export const unresolved = (digest: Digest): Digest => ({
  ...digest,
  targets: [],
  confidence: 'none',
  settled: true,
});

/** EXPLAIN ANALYZE EXECUTE, CREATE TABLE … AS EXECUTE: they run a statement that this text only names. */
const runsAnother = (digest: Digest): boolean =>
  (digest.operation === 'EXPLAIN' || digest.operation === 'CREATE') &&
  /\bexecute\s+(?!function\b|procedure\b)/i.test(digest.text);
