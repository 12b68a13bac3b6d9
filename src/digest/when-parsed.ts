import type { Digest, DigestCache } from '../exchange/digest.ts';

/**
 * Tells once whether the parser managed all of these digests, now or when it has had its say; of none it tells nothing.
 * `digests` may be reused by the caller afterwards.
 */
export function whenParsed(cache: DigestCache, digests: readonly Digest[], tell: (parsed: boolean) => void): void {
  if (digests.length === 0) return;
  let settled = true;
  let parsed = true;
  for (let i = 0; i < digests.length; i++) {
    const digest = digests[i]!;
    if (!digest.settled) settled = false;
    else if (digest.confidence !== 'parsed') parsed = false;
  }
  if (settled) tell(parsed);
  else tellLater(cache, digests.slice(), tell);
}

function tellLater(cache: DigestCache, digests: readonly Digest[], tell: (parsed: boolean) => void): void {
  let waiting = 1;
  const one = (): void => {
    if (--waiting === 0) tell(digests.every((digest) => digest.confidence === 'parsed'));
  };
  for (const digest of digests) {
    waiting++;
    if (cache.settle(digest, one)) waiting--;
  }
  one();
}
