import type { Args } from './args.ts';
import { CommandFlag, type CommandInfo, commandNamed, KeyAccess, type KeySpec } from './commands.ts';
import type { FoundKeys } from './found-keys.ts';
import { isWord } from './wire.ts';

const READ = KeyAccess.RO | KeyAccess.access;
const READ_WRITE = KeyAccess.RW | KeyAccess.access | KeyAccess.update;
const READ_DELETE = KeyAccess.RW | KeyAccess.access | KeyAccess.delete;
const WRITE = KeyAccess.OW | KeyAccess.update;

/**
 * Finds the keys of a command by the server's own key specifications (`COMMAND`, Redis 7.0), and as the server does it where
 * it marks them incomplete, unknown or variable: SORT, SORT_RO, MIGRATE, SET, BITFIELD. Stricter than COMMAND GETKEYS in
 * one thing: a number of keys is digits and nothing else, as the commands themselves read it.
 *
 * Linear in what is held; allocates nothing. Returns `found.complete`.
 */
export function findKeys(info: CommandInfo, args: Args, found: FoundKeys): boolean {
  found.clear();
  const { argc } = args;
  // Refused by the server; a key that is there names the digest all the same.
  if (info.container || (info.arity > 0 ? argc !== info.arity : argc < -info.arity)) found.complete = false;
  const special = SPECIAL.get(info);
  if (special !== undefined) special(args, found);
  else for (let i = 0; i < info.keySpecs.length; i++) bySpec(info, info.keySpecs[i]!, args, found);
  if (found.count === 0 && info.namedBy === 'key') found.complete = false;
  return found.complete;
}

function bySpec(info: CommandInfo, { at, keys, flags }: KeySpec, args: Args, found: FoundKeys): void {
  if ((flags & KeyAccess.not_key) !== 0) return;
  if (at === null || keys === null) {
    found.complete = false;
    return;
  }
  const { argc } = args;
  let first: number;
  if (typeof at === 'number') first = at;
  else {
    const word = findWord(args, at[0], at[1]);
    if (word < 0) {
      if (args.held < argc) found.complete = false;
      return;
    }
    // GEORADIUS obeys its last STORE, the specification means the first.
    if ('range' in keys && keys.range[0] === 0 && findWord(args, at[0], word + 1) > 0) found.complete = false;
    first = word + 1;
  }
  let last: number;
  let step: number;
  if ('range' in keys) {
    const [to, by, limit] = keys.range;
    step = by;
    if (to >= 0) last = first + to;
    else last = limit === 0 ? argc + to : first + Math.floor((argc - first) / limit) + to;
  } else {
    const [countAt, firstAt, by] = keys.count;
    const count = readCount(args, first + countAt);
    if (count === 0 && (info.flags & CommandFlag.no_mandatory_keys) !== 0) return;
    first += firstAt;
    step = by;
    last = first + (count - 1) * step;
  }
  if (last < first || last >= argc) found.complete = false;
  else found.add(first, last, step, flags);
}

/** Number of the first argument from `from` on that says `word` (lower case), or -1. */
function findWord(args: Args, word: string, from: number): number {
  for (let i = from; i < args.held; i++) if (says(args, i, word)) return i;
  return -1;
}

const says = (args: Args, i: number, word: string): boolean =>
  args.size[i] === word.length && isWord(args.buf, args.start[i]!, args.start[i]! + args.length[i]!, word);

/** Longest number of keys that is read: more arguments than that no command has. */
const COUNT_DIGITS = 9;

/** An argument that is a number of keys; -1 when it is none, or not held. */
function readCount(args: Args, index: number): number {
  if (!args.whole(index)) return -1;
  const length = args.length[index]!;
  const start = args.start[index]!;
  if (length === 0 || length > COUNT_DIGITS || (args.buf[start] === 0x30 && length > 1)) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = args.buf[start + i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** SET key value … GET reads the old value too. */
function ofSet(args: Args, found: FoundKeys): void {
  if (args.argc < 2) return;
  // What is not held may be that GET: then it is said to read too.
  const reads = findWord(args, 'get', 3) > 0 || (args.held < args.argc && args.argc > 3);
  found.add(1, 1, 1, reads ? READ_WRITE : WRITE);
}

/** BITFIELD key GET type offset …: reads while it has nothing but GET and OVERFLOW. */
function ofBitfield(args: Args, found: FoundKeys): void {
  if (args.argc < 2) return;
  let i = 2;
  while (i < args.held) {
    if (says(args, i, 'get') && i + 2 < args.argc) i += 3;
    else if (says(args, i, 'overflow') && i + 1 < args.argc) i += 2;
    else break;
  }
  found.add(1, 1, 1, i >= args.argc ? READ : READ_WRITE);
}

/** SORT key [BY pattern] [LIMIT offset count] [GET pattern …] … [STORE destination]: of several STOREs the last counts. */
function ofSort(args: Args, found: FoundKeys): void {
  if (args.argc < 2) return;
  found.add(1, 1, 1, READ);
  let store = 0;
  for (let i = 2; i < args.held; i++) {
    if (says(args, i, 'by') || says(args, i, 'get')) {
      i += 1;
      if (i < args.argc && mayNameKeys(args, i)) found.open = true;
    } else if (says(args, i, 'limit')) i += 2;
    else if (says(args, i, 'store') && i + 1 < args.argc) store = ++i; // a key may be called like an option
  }
  if (args.held < args.argc) found.complete = false;
  if (store > 0) found.add(store, store, 1, WRITE);
}

function ofSortRo(args: Args, found: FoundKeys): void {
  if (args.argc < 2) return;
  found.add(1, 1, 1, READ);
  for (let i = 2; i < args.held; i++) {
    if (says(args, i, 'by') || says(args, i, 'get')) {
      i += 1;
      if (i < args.argc && mayNameKeys(args, i)) found.open = true;
    } else if (says(args, i, 'limit')) i += 2;
  }
  if (args.held < args.argc) found.open = true;
}

/** A pattern of SORT's BY or GET: without a star it names no key (`nosort`, `#`). */
function mayNameKeys(args: Args, index: number): boolean {
  if (!args.whole(index)) return true;
  const start = args.start[index]!;
  for (let i = 0; i < args.length[index]!; i++) if (args.buf[start + i] === 0x2a) return true;
  return false;
}

/** MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key …] */
function ofMigrate(args: Args, found: FoundKeys): void {
  const { argc } = args;
  if (argc < 4 || args.held < 4) return;
  let i = 6;
  for (; i < args.held; i++) {
    if (says(args, i, 'keys')) {
      if (i + 1 === argc) break;
      if (args.size[3] === 0) found.add(i + 1, argc - 1, 1, READ_DELETE);
      else found.complete = false;
      return;
    }
    if (says(args, i, 'auth')) i += 1;
    else if (says(args, i, 'auth2')) i += 2;
  }
  if (i < argc) found.complete = false;
  found.add(3, 3, 1, READ_DELETE);
}

type Special = (args: Args, found: FoundKeys) => void;

const special = (name: string, find: Special): readonly [CommandInfo, Special] => {
  const info = commandNamed(name);
  if (info === undefined) throw new Error(`the table has no ${name}`);
  return [info, find];
};

const SPECIAL: ReadonlyMap<CommandInfo, Special> = new Map([
  special('set', ofSet),
  special('bitfield', ofBitfield),
  special('sort', ofSort),
  special('sort_ro', ofSortRo),
  special('migrate', ofMigrate),
]);
