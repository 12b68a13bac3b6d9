import type { Digest } from '../../src/exchange/digest.ts';
import type { Effect } from './effects.ts';

/** MariaDB's compound statements outside of routines: each statement in them may send a result. */
const COMPOUND: ReadonlySet<string> = new Set(['IF', 'CASE', 'LOOP', 'WHILE', 'REPEAT', 'FOR', 'DECLARE']);

/**
 * Does this statement send any number of result sets and an OK after them? One that does is followed by others of its text
 * only behind that OK. An EXECUTE does where the name was seen being given to a CALL: `calls` are those names.
 */
export function eatsBetween(digest: Digest, effect: Effect | null, calls: ReadonlySet<string>): boolean {
  const { operation } = digest;
  if (operation === 'CALL') return true;
  if (operation === 'EXECUTE') return effect?.kind === 'executes' && (effect.on || calls.has(effect.name));
  return isCompound(digest);
}

/** Is it no surprise when more results than one come for this last statement of its text? */
export const eatsToTheEnd = (digest: Digest): boolean =>
  digest.operation === 'CALL' || digest.operation === 'EXECUTE' || isCompound(digest);

const isCompound = (digest: Digest): boolean =>
  COMPOUND.has(digest.operation) || (digest.operation === 'BEGIN' && digest.text.length > 'begin work'.length);
