import { OPERATIONS, Slot } from './operations.ts';

/** What operations do, as policies say it. */
export const VERBS = {
  read: 'getData, exists, getChildren, sync, check, and what a watch will tell',
  write: 'setData',
  create: 'create, create2, createContainer, createTTL',
  delete: 'delete, deleteContainer',
  acl: 'getACL, setACL',
  watch: 'addWatch, removeWatches, checkWatches, setWatches; watches set by a read are part of it',
  admin: 'reconfig, and four-letter words but ruok and srvr',
  session: 'connect, ping, auth, sasl, whoAmI, closeSession, ruok, srvr',
} as const;
export type Verb = keyof typeof VERBS;

/** Four-letter words that tell nothing of data or of clients. */
export const HARMLESS_WORDS: ReadonlySet<string> = new Set(['ruok', 'srvr', 'isro']);

/** Verbs of the path that an operation names. */
const PATH_VERBS: readonly (readonly Verb[])[] = OPERATIONS.map(({ access }) =>
  access === '' ? [] : access === 'watch' ? ['watch', 'read'] : [access],
);
export const pathVerbs = (slot: number): readonly Verb[] => PATH_VERBS[slot] ?? [];

/** Of an operation that names none; null: it is none that a client may say. */
export function pathlessVerb(slot: number): Verb | null {
  switch (slot) {
    case Slot.connect:
    case Slot.ping:
    case Slot.auth:
    case Slot.sasl:
    case Slot.whoAmI:
    case Slot.closeSession:
      return 'session';
    case Slot.reconfig:
      return 'admin';
    default:
      return null;
  }
}
