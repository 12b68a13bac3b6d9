import { type Exchange, Flag, VerdictCode } from '../../src/exchange/exchange.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';

/** A denial, and what shadow policies said of the same message: all that its exchanges are marked with. */
export interface Marks {
  readonly why: Denial;
  readonly shadowVerdict: VerdictCode;
  readonly shadowPolicy: string;
  /** Which policies judged it. */
  readonly snapshot: string;
  /** Where it begins in the client's bytes. */
  readonly from: number;
}

const NOBODY: Denial = { policy: '', message: 'denied', kind: 'policy', closes: false };
export const UNMARKED: Marks = {
  why: NOBODY,
  shadowVerdict: VerdictCode.none,
  shadowPolicy: '',
  snapshot: '',
  from: 0,
};

/** What an exchange of a denied message says of it. */
export function markDenied(x: Exchange, { why, shadowVerdict, shadowPolicy, snapshot, from }: Marks): void {
  x.flags |= Flag.denied;
  x.verdict = VerdictCode.denied;
  x.policy = why.policy;
  x.shadowVerdict = shadowVerdict;
  x.shadowPolicy = shadowPolicy;
  x.policySnapshot = snapshot;
  // One that was asked about has its own.
  if (x.requestOffset === 0) x.requestOffset = from;
}
