import type { Access } from '../../exchange/operation-facts.ts';
import { binaryName } from '../../exchange/operation-facts.ts';
import { mysqlTokenFacts } from './mysql-token-facts.ts';

/**
 * Does the parser's tree know every relation that the tokens of a canonical text show? The parser is no server's own: where
 * it takes a text for something else than the server does, the plain reading by keywords mostly finds what it has missed.
 */
export function mysqlReadingsAgree(text: string, accesses: readonly Access[]): boolean {
  const known = new Set(accesses.map(({ schema, name }) => `${schema}\u0000${name}`));
  return mysqlTokenFacts(text).targets.every(({ schema, name }) => {
    const [inSchema, named] = [binaryName(schema), binaryName(name)];
    return known.has(`${inSchema}\u0000${named}`);
  });
}
