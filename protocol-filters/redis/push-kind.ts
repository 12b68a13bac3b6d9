import { isWord } from './wire.ts';

/** What the server says without being asked, by the first element of the push (RESP3) or array (RESP2). */
export const PushKind = {
  other: 0,
  message: 1,
  invalidate: 2,
  subscribe: 3,
  psubscribe: 4,
  ssubscribe: 5,
  unsubscribe: 6,
  punsubscribe: 7,
  sunsubscribe: 8,
} as const;
export type PushKind = (typeof PushKind)[keyof typeof PushKind];

const WORDS: readonly (readonly [word: string, kind: PushKind])[] = [
  ['message', PushKind.message],
  ['pmessage', PushKind.message],
  ['smessage', PushKind.message],
  ['invalidate', PushKind.invalidate],
  ['subscribe', PushKind.subscribe],
  ['psubscribe', PushKind.psubscribe],
  ['ssubscribe', PushKind.ssubscribe],
  ['unsubscribe', PushKind.unsubscribe],
  ['punsubscribe', PushKind.punsubscribe],
  ['sunsubscribe', PushKind.sunsubscribe],
];

/** The kind that buf[start..end) names. */
export function pushKindOf(buf: Uint8Array, start: number, end: number): PushKind {
  for (const [word, kind] of WORDS) if (isWord(buf, start, end, word)) return kind;
  return PushKind.other;
}

/** The commands whose answers these are: the same words. */
export const isConfirmation = (kind: PushKind): boolean => kind >= PushKind.subscribe;
