import { MESSAGING_SYSTEMS } from '../../stats/messaging-systems.ts';
import type { Conventions } from './conventions.ts';
import { DATABASE } from './database-conventions.ts';
import { messagingConventions } from './messaging-conventions.ts';

const OTHERS: ReadonlyMap<string, Conventions> = new Map(
  [...MESSAGING_SYSTEMS].map(([protocol, system]) => [protocol, messagingConventions(system)] as const),
);

/** Which conventions a protocol's records follow: those for databases unless it is said otherwise. */
export const conventionsOf = (protocol: string): Conventions => OTHERS.get(protocol) ?? DATABASE;
