import { ADDED_COMMANDS } from './command-additions.ts';
import { type BeginSearch, type CommandRow, type FindKeys, type KeySpecRow, rowsOf } from './command-row.ts';
import { REDIS_COMMANDS } from './command-table.generated.ts';
import { NameTable } from './name-table.ts';

/** Bits of CommandInfo.flags, by the server's words. */
export const CommandFlag = {
  write: 1,
  readonly: 2,
  denyoom: 4,
  admin: 8,
  pubsub: 16,
  noscript: 32,
  blocking: 64,
  fast: 128,
  loading: 256,
  stale: 512,
  no_auth: 1024,
  skip_monitor: 2048,
  skip_slowlog: 4096,
  asking: 8192,
  no_mandatory_keys: 16384,
  movablekeys: 32768,
  no_async_loading: 65536,
  no_multi: 131072,
  allow_busy: 262144,
} as const;

/** Bits of a key's flags: what the command does with the key, and how sure its specification is. */
export const KeyAccess = {
  RO: 1,
  RW: 2,
  OW: 4,
  RM: 8,
  access: 16,
  update: 32,
  insert: 64,
  delete: 128,
  not_key: 256,
  incomplete: 512,
  variable_flags: 1024,
} as const;

/** What names a command's digest. */
export type NamedBy = 'key' | 'channel' | 'script' | 'sha' | 'function' | 'library' | 'nothing';

export interface KeySpec {
  /** KeyAccess bits. */
  readonly flags: number;
  /** The keyword in lower case. */
  readonly at: BeginSearch;
  readonly keys: FindKeys;
}

/** A command, or a subcommand of one. One object each, for all connections: compare by identity. */
export interface CommandInfo {
  /** 0 to COMMANDS.length - 1: containers, subcommands and commands alike. */
  readonly slot: number;
  /** As in INFO commandstats: `get`, `config|set`. */
  readonly name: string;
  /** As a part of a stat's name: `config_set`. */
  readonly statName: string;
  /** As digests write it: `CONFIG SET`. */
  readonly text: string;
  readonly parent: CommandInfo | null;
  /** It has subcommands; as a command by itself, one that is missing or unknown. */
  readonly container: boolean;
  readonly arity: number;
  /** CommandFlag bits. */
  readonly flags: number;
  /** ACL categories, without their `@`. */
  readonly categories: readonly string[];
  /** Empty: it has no keys. */
  readonly keySpecs: readonly KeySpec[];
  /** KeyAccess bits of all its keys together. */
  readonly access: number;
  readonly namedBy: NamedBy;
  /** The argument that holds the channel, script, sha, function or library; 0 for the others. */
  readonly nameAt: number;
  /** How many arguments, from the first, must be held to find and name its keys, and how much of each. */
  readonly captureArgs: number;
  readonly captureBytes: number;
  readonly since: string;
  /** `documentation`: not from a server's own table. */
  readonly origin: 'server' | 'documentation';
}

/** All arguments, as far as any are held: a keyword may stand anywhere. */
const ALL_HELD = 64;
const KEY_BYTES = 512;
const SCRIPT_BYTES = 65_536;

const NAMED: Readonly<Record<string, readonly [by: NamedBy, at: number]>> = {
  eval: ['script', 1],
  eval_ro: ['script', 1],
  'script|load': ['script', 2],
  evalsha: ['sha', 1],
  evalsha_ro: ['sha', 1],
  fcall: ['function', 1],
  fcall_ro: ['function', 1],
  'function|load': ['library', 2],
  publish: ['channel', 1],
  spublish: ['channel', 1],
  subscribe: ['channel', 1],
  ssubscribe: ['channel', 1],
  psubscribe: ['channel', 1],
  unsubscribe: ['channel', 1],
  sunsubscribe: ['channel', 1],
  punsubscribe: ['channel', 1],
};

/** A library's name is in its first line, behind an optional REPLACE. */
const LIBRARY_ARGS = 4;

const flagBits = (words: string, table: Readonly<Record<string, number>>): number =>
  words.split(' ').reduce((sum, word) => sum | (table[word] ?? 0), 0);

const keySpec = ({ flags, at, keys }: KeySpecRow): KeySpec => ({
  flags: flagBits(flags, KeyAccess),
  at: at !== null && typeof at === 'object' ? [at[0].toLowerCase(), at[1]] : at,
  keys,
});

/** Arguments needed to find a specification's keys and to read the first. */
function argsOf({ flags, at, keys }: KeySpec): number {
  if ((flags & KeyAccess.not_key) !== 0) return 1;
  if (typeof at !== 'number' || keys === null || (flags & KeyAccess.variable_flags) !== 0) return ALL_HELD;
  return 'count' in keys ? at + Math.max(...keys.count.slice(0, 2)) + 1 : at + 1;
}

const COMMANDS_SO_FAR: CommandInfo[] = [];
const NAMES = new NameTable();

function add(row: CommandRow, parent: CommandInfo | null, origin: CommandInfo['origin']): CommandInfo {
  const name = parent === null ? row.name : `${parent.name}|${row.name}`;
  const keySpecs = (row.keys ?? []).map(keySpec);
  const isChannel = keySpecs.every(({ flags }) => (flags & KeyAccess.not_key) !== 0);
  const [namedBy, nameAt] = NAMED[name] ?? [isChannel ? 'nothing' : 'key', 0];
  const info: CommandInfo = {
    slot: COMMANDS_SO_FAR.length,
    name,
    statName: name.replace(/[^a-z0-9_]/g, '_'),
    text: name.replace('|', ' ').toUpperCase(),
    parent,
    container: row.sub !== undefined,
    arity: row.arity,
    flags: flagBits(row.flags, CommandFlag),
    categories: row.acl.split(' '),
    keySpecs,
    access: keySpecs.reduce((sum, { flags }) => sum | flags, 0),
    namedBy,
    nameAt,
    captureArgs: Math.max(
      parent === null && row.sub === undefined ? 1 : 2,
      namedBy === 'library' ? LIBRARY_ARGS : nameAt + 1,
      ...keySpecs.map(argsOf),
    ),
    captureBytes: namedBy === 'script' ? SCRIPT_BYTES : KEY_BYTES,
    since: row.since,
    origin,
  };
  COMMANDS_SO_FAR.push(info);
  NAMES.add(parent?.slot ?? -1, row.name, info.slot);
  return info;
}

for (const row of rowsOf(REDIS_COMMANDS)) {
  const info = add(row, null, 'server');
  for (const sub of row.sub ?? []) add(sub, info, 'server');
}
for (const row of ADDED_COMMANDS) {
  const known = COMMANDS_SO_FAR.find(({ name, container }) => container && name === row.name);
  const info = known ?? add(row, null, 'documentation');
  for (const sub of row.sub ?? []) add(sub, info, 'documentation');
}

/** All commands and subcommands, by slot. */
export const COMMANDS: readonly CommandInfo[] = COMMANDS_SO_FAR;

/** The command that buf[start..end) names, by ASCII case folding alone, as the server does it; null: unknown. */
export function lookUpCommand(buf: Uint8Array, start: number, end: number): CommandInfo | null {
  const slot = NAMES.find(-1, buf, start, end);
  return slot < 0 ? null : COMMANDS[slot]!;
}

/** The subcommand of a container; null: unknown. */
export function lookUpSubcommand(
  container: CommandInfo,
  buf: Uint8Array,
  start: number,
  end: number,
): CommandInfo | null {
  const slot = NAMES.find(container.slot, buf, start, end);
  return slot < 0 ? null : COMMANDS[slot]!;
}

/** The command of a name as in INFO commandstats, `config|set`; for tests and configuration. */
export const commandNamed = (name: string): CommandInfo | undefined => COMMANDS.find((info) => info.name === name);
