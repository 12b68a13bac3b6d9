import type { Access, OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Args } from './args.ts';
import { About, type CommandVerb, commandVerb, KEY_VERBS, type Verb } from './command-verbs.ts';
import { COMMANDS, type CommandInfo, KeyAccess } from './commands.ts';
import type { FoundKeys } from './found-keys.ts';
import { argumentIs } from './identity.ts';

const NONE: readonly string[] = [];
/** Bytes of a name that is no resource: an unknown command's. */
const MAX_NAME = 64;
const ALL_KEYS = KeyAccess.not_key - 1;

/** Verbs of keys by the KeyAccess bits that decide them. */
const VERBS_BY_ACCESS: readonly (readonly Verb[])[] = Array.from({ length: ALL_KEYS + 1 }, (_, bits) =>
  KEY_VERBS.filter(([, deciding]) => (bits & deciding) !== 0).map(([verb]) => verb),
);

/**
 * What a policy may judge of a command: its keys by the server's key specifications, each with what is done to it, and what
 * it does besides. Keys are bytes, in the database that the server has confirmed ('' = nobody knows which).
 */
export class CommandFacts {
  /** Of commands without anything that differs from one to the next: the same object each time. */
  readonly #fixed: (OperationFacts | null)[] = COMMANDS.map(() => null);

  /** `found` is what findKeys() made of the same arguments. `database`: '' = not known. */
  of(info: CommandInfo, args: Args, found: FoundKeys, database: string): OperationFacts {
    const row = commandVerb(info);
    const isFixed = row.about === About.nothing && info.keySpecs.length === 0;
    if (isFixed) return this.#fixed[info.slot] ?? this.#fix(info, row);
    const accesses = accessesOf(row, args, info, database);
    let { unresolved } = row;
    if (info.keySpecs.length > 0 && hasKeys(info)) {
      const doubt = addKeys(accesses, info, args, found, database);
      unresolved ||= doubt;
    }
    return factsOf(info, accesses, unresolved);
  }

  #fix(info: CommandInfo, row: CommandVerb): OperationFacts {
    const facts = factsOf(info, [{ verb: row.verb, type: '', schema: '', name: '' }], row.unresolved);
    this.#fixed[info.slot] = facts;
    return facts;
  }

  /** Of a command that the table does not have: a module's, a renamed one, one of a later version. */
  unknown(args: Args): OperationFacts {
    const name = args.held > 0 ? nameOf(args, 0, MAX_NAME).replace(/[a-z]/g, (c) => c.toUpperCase()) : '';
    return {
      operation: name,
      accesses: NO_ACCESS,
      unresolved: 'the command is not known',
      hasWhere: true,
      limit: -1,
      stages: NONE,
      categories: NONE,
    };
  }

  /** Of a command that the filter itself denies: nothing is claimed. */
  unread(info: CommandInfo | null, why: string): OperationFacts {
    const operation = info === null ? '' : info.text;
    const categories = info === null ? NONE : info.categories;
    return { operation, accesses: NO_ACCESS, unresolved: why, hasWhere: true, limit: -1, stages: NONE, categories };
  }
}

const NO_ACCESS: readonly Access[] = [];

function factsOf(info: CommandInfo, accesses: readonly Access[], unresolved: string): OperationFacts {
  const { text: operation, categories } = info;
  const hasWhere = accesses.every(({ type, name }) => type !== 'key' || name !== '');
  return { operation, accesses, unresolved, hasWhere, limit: -1, stages: NONE, categories };
}

const hasKeys = (info: CommandInfo): boolean => info.keySpecs.some(({ flags }) => (flags & KeyAccess.not_key) === 0);

/** An argument as a binary name. */
function nameOf(args: Args, index: number, most = Number.POSITIVE_INFINITY): string {
  const start = args.start[index]!;
  const length = Math.min(args.length[index]!, most);
  const { buf } = args;
  return Buffer.from(buf.buffer, buf.byteOffset + start, length).toString('latin1');
}

/** What it does besides what it does to its keys. */
function accessesOf({ verb, about }: CommandVerb, args: Args, info: CommandInfo, database: string): Access[] {
  switch (about) {
    case About.keys:
      return [];
    case About.nothing:
      return [{ verb, type: '', schema: '', name: '' }];
    case About.tracking:
      return [
        hasWord(args, 'bcast', 3)
          ? { verb: 'keyspace', type: 'key', schema: '', name: '' }
          : { verb, type: '', schema: '', name: '' },
      ];
    case About.channels:
      return channelsOf(verb, args, info);
    case About.channelPatterns:
      return patternsOf(verb, args, info);
    case About.database:
      return [{ verb, type: 'key', schema: database, name: '' }];
    case About.databases:
      return ofAllDatabases(verb);
    case About.script:
      return [{ verb, type: 'script', schema: '', name: scriptOf(args, info) }];
  }
}

/** What takes all keys at once reads and writes them; FLUSHALL is said to do just that. */
function ofAllDatabases(verb: Verb): Access[] {
  if (verb === 'flush') return [{ verb, type: 'key', schema: '', name: '' }];
  const keys = (['read', 'write'] as const).map((each) => ({ verb: each, type: 'key', schema: '', name: '' }));
  return verb === 'write' ? keys : [{ verb, type: '', schema: '', name: '' }, ...keys];
}

function channelsOf(verb: Verb, args: Args, info: CommandInfo): Access[] {
  const last = info.name.endsWith('publish') ? 1 : args.argc - 1;
  if (last < 1 || last >= args.held) return [{ verb, type: 'channel', schema: '', name: '' }];
  const accesses: Access[] = [];
  for (let i = 1; i <= last; i++) {
    if (!args.whole(i) || args.size[i] === 0) return [{ verb, type: 'channel', schema: '', name: '' }];
    accesses.push({ verb, type: 'channel', schema: '', name: nameOf(args, i) });
  }
  return accesses;
}

/** PSUBSCRIBE: all channels that begin as a pattern does before its first `*`, `?`, `[` or `\`. */
function patternsOf(verb: Verb, args: Args, info: CommandInfo): Access[] {
  const all: Access[] = [{ verb, type: 'channel', schema: '', name: '' }];
  if (info.name !== 'psubscribe' || args.argc < 2) return all;
  const accesses: Access[] = [];
  for (let i = 1; i < args.argc; i++) {
    if (!args.whole(i)) return all;
    const pattern = nameOf(args, i);
    const name = /^[^*?[\\]*/.exec(pattern)![0];
    if (name === '') return all;
    accesses.push({ verb, type: 'channel', schema: '', name, ...(name !== pattern && { open: true }) });
  }
  return accesses;
}

/** The function's name, the script's SHA-1 as it was said; '' = its text was sent, or nobody knows. */
function scriptOf(args: Args, info: CommandInfo): string {
  const isNamed = info.namedBy === 'function' || info.namedBy === 'sha';
  return isNamed && args.whole(1) ? nameOf(args, 1) : '';
}

const hasWord = (args: Args, word: string, from: number): boolean => {
  for (let i = from; i < args.argc; i++) if (i >= args.held || argumentIs(args, i, word)) return true;
  return false;
};

/** What the server's key specifications do not say: reading for a group changes it, claiming an entry shows it. */
const MORE_ACCESS: ReadonlyMap<string, number> = new Map([
  ['xreadgroup', KeyAccess.update],
  ['xclaim', KeyAccess.access],
  ['xautoclaim', KeyAccess.access | KeyAccess.update],
]);

/** Adds its keys. Returns why there may be others, '' = there are none. */
function addKeys(to: Access[], info: CommandInfo, args: Args, found: FoundKeys, database: string): string {
  for (let range = 0; range < found.ranges; range++) {
    const verbs = VERBS_BY_ACCESS[(found.flagsOf(range) | (MORE_ACCESS.get(info.name) ?? 0)) & ALL_KEYS]!;
    const last = found.lastOf(range);
    for (let i = found.firstOf(range); i <= last; i += found.stepOf(range)) {
      if (!args.whole(i)) return 'a key was not read whole';
      const schema = i === 2 && info.name === 'copy' ? copyDatabase(args, database) : database;
      if (schema === null) return 'the database it copies to is not told for certain';
      const name = nameOf(args, i);
      if (name === '') return 'a key without a name'; // '' stands for all of them
      for (const verb of verbs) to.push({ verb, type: 'key', schema, name });
    }
  }
  if (info.name === 'move') {
    const to2 = numberAt(args, 2);
    if (to2 === null || found.count !== 1) return 'the database it moves to is not told for certain';
    const name = nameOf(args, 1);
    for (const verb of ['write', 'delete'] as const)
      to.push({ verb, type: 'key', schema: verb === 'write' ? to2 : database, name });
  }
  if (found.open) return 'it reads keys that data names';
  if (READS_STREAMS.has(info.name) && streamsAt(args) !== found.first - 1)
    return 'its word STREAMS is not told for certain';
  return found.complete ? '' : 'its keys cannot be told for certain';
}

const READS_STREAMS: ReadonlySet<string> = new Set(['xread', 'xreadgroup']);

/**
 * XREAD, XREADGROUP [GROUP group consumer] [COUNT n] [BLOCK ms] [NOACK] STREAMS …, in any order: where the word stands by which the
 * command goes. The server's specification takes the first that says so, which may be a group's or a consumer's name. -1: nowhere.
 */
function streamsAt(args: Args): number {
  for (let i = 1; i < args.held; ) {
    if (argumentIs(args, i, 'streams')) return i;
    if (argumentIs(args, i, 'group')) i += 3;
    else if (argumentIs(args, i, 'noack')) i += 1;
    else if (['count', 'block', 'claim'].some((word) => argumentIs(args, i, word))) i += 2;
    else return -1;
  }
  return -1;
}

/** COPY source destination [DB n] [REPLACE]; null = in doubt. */
function copyDatabase(args: Args, database: string): string | null {
  let into = database;
  let seen = false;
  for (let i = 3; i < args.argc; i++) {
    if (i >= args.held) return null;
    if (argumentIs(args, i, 'replace')) continue;
    const index = argumentIs(args, i, 'db') && !seen ? numberAt(args, ++i) : null;
    if (index === null) return null;
    into = index;
    seen = true;
  }
  return into;
}

/** The index of a database as the server writes it; null: none, or written otherwise. */
function numberAt(args: Args, index: number): string | null {
  if (!args.whole(index)) return null;
  const text = nameOf(args, index, MAX_NAME);
  return /^(?:0|[1-9][0-9]{0,8})$/.test(text) ? text : null;
}
