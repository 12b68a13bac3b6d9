import type { Digest, Target } from '../exchange/digest.ts';
import { type OperationFacts, shownName } from '../exchange/operation-facts.ts';

/**
 * What a digest tells of the operations that have it, for policies that are written, or tried, after the fact. `accesses`:
 * all of them, as policies judge them, from who parsed the text. `targets`: as far as the digest tells, whose names may be
 * patterns (`user:*`), of many only the first. Null where the operation's facts depend on its literals, too.
 */
export type SeenFacts =
  | {
      readonly accesses: readonly (readonly [verb: string, type: string, schema: string, name: string])[];
      /** Not '': more may be done than `accesses` say. */
      readonly unresolved: string;
      readonly has_where: boolean;
      readonly limit: number;
    }
  | { readonly targets: readonly (readonly [schema: string, name: string, words: readonly string[]])[] };

/** Longer ones cannot be cut. */
const MAX_TEXT = 4096;
const known = new WeakMap<
  Digest,
  { readonly judged: OperationFacts | null; readonly from: readonly Target[]; text: string }
>();

/** The facts of a digest as JSON; '' where they are too long to travel. Made once, and again when they have improved. */
export function seenFactsText(digest: Digest): string {
  const before = known.get(digest);
  if (before && before.judged === digest.judged && before.from === digest.targets) return before.text;
  const whole = JSON.stringify(seenFacts(digest));
  const text = whole.length > MAX_TEXT ? '' : whole;
  known.set(digest, { judged: digest.judged, from: digest.targets, text });
  return text;
}

function seenFacts({ judged, targets }: Digest): SeenFacts {
  if (judged === null) return { targets: targets.map(({ schema, name, operations }) => [schema, name, operations]) };
  return {
    accesses: judged.accesses.map(({ verb, type, schema, name }) => [verb, type, shownName(schema), shownName(name)]),
    unresolved: judged.unresolved,
    has_where: judged.hasWhere,
    limit: judged.limit,
  };
}

/** Reads what seenFactsText() wrote; null for anything else. */
export function readSeenFacts(text: string): SeenFacts | null {
  try {
    return seenFactsOf(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The same of what is parsed already. */
export function seenFactsOf(value: unknown): SeenFacts | null {
  if (typeof value !== 'object' || value === null) return null;
  const { accesses, targets, unresolved, has_where, limit } = value as Record<string, unknown>;
  if (Array.isArray(accesses)) {
    if (!accesses.every(isAccess) || typeof unresolved !== 'string' || typeof has_where !== 'boolean') return null;
    return typeof limit === 'number' ? { accesses, unresolved, has_where, limit } : null;
  }
  return Array.isArray(targets) && targets.every(isTarget) ? { targets } : null;
}

const isAccess = (value: unknown): value is [string, string, string, string] =>
  Array.isArray(value) && value.length === 4 && value.every((part) => typeof part === 'string');

const isTarget = (value: unknown): value is [string, string, string[]] =>
  Array.isArray(value) &&
  value.length === 3 &&
  typeof value[0] === 'string' &&
  typeof value[1] === 'string' &&
  Array.isArray(value[2]) &&
  value[2].every((word) => typeof word === 'string');
