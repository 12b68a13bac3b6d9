import type { Exchange } from '../exchange/exchange.ts';

/**
 * True where nobody can say for certain which relations an operation touches: text that did not parse or hides code, a
 * statement prepared out of sight, a function called by its number. An empty set of relations is an answer only when a
 * parser gave it; else the operation touches the relation `unresolved`, which only a rule that names it may allow.
 */
export const isUnresolved = (x: Exchange): boolean => x.digest === null || x.digest.confidence !== 'parsed';
