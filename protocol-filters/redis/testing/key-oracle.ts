import { COMMANDS, commandNamed, KeyAccess } from '../commands.ts';
import { FoundKeys } from '../found-keys.ts';
import { findKeys } from '../key-finder.ts';
import { resolveCommand } from './resolve.ts';
import { spansOf } from './spans.ts';

const FLAG_NAMES = Object.entries(KeyAccess);
const words = (flags: number): string =>
  FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
    .join(' ');

/** The arguments we find and their flags: `k1 RO access, k3 OW update`; then `open`, and `?` where more may be missing. */
export function tellKeys(list: readonly (string | Uint8Array)[], held?: number): string {
  const args = spansOf(list, held);
  const info = resolveCommand(args);
  if (info === null) return 'unknown';
  const found = new FoundKeys();
  found.complete = false;
  found.add(7, 9, 1, 255); // what an earlier command left
  findKeys(info, args, found);
  const keys = Array.from({ length: found.count }, (_, i) => `${list[found.indexAt(i)]} ${words(found.flagsAt(i))}`);
  return [...keys, ...(found.open ? ['open'] : []), ...(found.complete ? [] : ['?'])].join(', ');
}

/** Digits as the commands read them; COMMAND GETKEYS takes more for a number. */
const STRICT_COUNT = /^(0|[1-9]\d*)$/;
const COUNT_AT = new Map(
  COMMANDS.flatMap(({ name, keySpecs }) =>
    keySpecs.flatMap(({ at, keys }) =>
      typeof at === 'number' && keys !== null && 'count' in keys ? [[name, at + keys.count[0]] as const] : [],
    ),
  ),
);
/** A keyword without what belongs behind it, or twice: the command itself is refused, or means the other one. */
const ODD_KEYWORD = / (?:store(?:dist)?|keys)$| (store(?:dist)?)(?= (?:.* )?\1 )/i;

/** Does ours say the same, or that it is not sure where the server only guesses? */
export function agrees(name: string, list: readonly string[], server: string, ours: string): boolean {
  if (server === '!') return ours === '' ? commandNamed(name)!.namedBy !== 'key' : ours.endsWith('?');
  const countAt = COUNT_AT.get(name);
  // A script without keys, and one whose number of keys is wrong, are the same to COMMAND GETKEYS.
  if (server === '-') return countAt !== undefined && ours === (list[countAt] === '0' ? '' : '?');
  if (countAt !== undefined && !STRICT_COUNT.test(list[countAt] ?? '')) return ours.endsWith('?');
  const sure = ours.replace(', open', '');
  return sure === server || (ODD_KEYWORD.test(list.join(' ')) && sure === `${server}, ?`);
}
