import type { OperationFacts } from '../../exchange/operation-facts.ts';
import type { DigestRecord } from '../digest-record.ts';

/** Facts of one digest that are kept by their row limit. */
const KEPT_LIMITS = 32;

/** The facts of a digest with the row limit of one text; the same object for the same limit. `limit` -1: it has none. */
export function limitedFacts(digest: DigestRecord, judged: OperationFacts, limit: number): OperationFacts {
  if (limit < 0) return judged;
  digest.limited ??= new Map();
  let facts = digest.limited.get(limit);
  if (facts === undefined) {
    if (digest.limited.size >= KEPT_LIMITS) digest.limited.clear();
    facts = { ...judged, limit };
    digest.limited.set(limit, facts);
  }
  return facts;
}

/** Decimal digits as a number; -1 = it is not just those, or too many. */
export function wholeNumber(buf: Buffer, from: number, to: number): number {
  if (from === to || to - from > 15) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = buf[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
