import { seeded } from '../../../src/net/simulated.ts';
import type { PolicySetConfig } from '../../../src/policy/policy-config.ts';

/** The fifteen rules of threats.md §1. */
export type Rule = `R${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15}`;

/** What all cases have; each protocol adds what its client sends and what must come of it. */
export interface BypassCase {
  readonly name: string;
  readonly policies: PolicySetConfig;
}

/** One row of threats.md, for one protocol. */
export interface BypassRow<C extends BypassCase> {
  /** `PG-14`, `X-05` */
  readonly id: string;
  /** `multi-statement` */
  readonly title: string;
  /** Rules of §1 that the row guards: a build that breaks one of them must fail here or in another row that names it. */
  readonly rules: readonly Rule[];
  readonly cases: readonly C[];
}

const MOST_CUTS = 300;

/**
 * Offsets at which a stream of so many bytes is cut in two: each of them, of long streams a sample that has the first and the
 * last ones. SLUICE_EVERY_CUT=1: all.
 */
export function cutsOf(length: number, seed = 1): number[] {
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  if (all.length <= MOST_CUTS || process.env['SLUICE_EVERY_CUT'] === '1') return all;
  const random = seeded(seed);
  const edge = 50;
  const chosen = new Set([...all.slice(0, edge), ...all.slice(-edge)]);
  while (chosen.size < MOST_CUTS) chosen.add(1 + Math.floor(random() * all.length));
  return [...chosen].sort((a, b) => a - b);
}

/** The same bytes as one piece, byte by byte, and cut in two at each of the offsets. */
export function* piecesOf(bytes: Buffer, cuts: readonly number[] = cutsOf(bytes.length)): Generator<Buffer[]> {
  yield [bytes];
  yield Array.from(bytes, (byte) => Buffer.of(byte));
  for (const cut of cuts) yield [bytes.subarray(0, cut), bytes.subarray(cut)];
}
