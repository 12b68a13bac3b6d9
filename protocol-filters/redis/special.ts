import { COMMANDS, CommandFlag, type CommandInfo } from './commands.ts';
import { PushKind } from './push-kind.ts';

/** Commands that are more than one request and one reply, or whose success changes what the session knows. */
export const Special = {
  none: 0,
  auth: 1,
  hello: 2,
  select: 3,
  setName: 4,
  setInfo: 5,
  replyMode: 6,
  reset: 7,
  multi: 8,
  exec: 9,
  discard: 10,
  watch: 11,
  subscribe: 12,
  monitor: 13,
  sync: 14,
  replconf: 15,
  /** Its reply tells clients where other servers are. */
  topology: 16,
  script: 17,
} as const;
export type Special = (typeof Special)[keyof typeof Special];

/** How the reply to a read tells whether its key was there. */
export const Reads = {
  no: 0,
  /** Null or empty: it was not. */
  plain: 1,
  /** Nor when it is the integer 0. */
  counted: 2,
  /** Nor when it is the integer -2. */
  expiry: 3,
  /** Nor when it is the word none. */
  type: 4,
  /** One answer a key. */
  each: 5,
} as const;
export type Reads = (typeof Reads)[keyof typeof Reads];

/** What the server is asked to wait for. */
export const Waits = { no: 0, always: 1, withBlock: 2 } as const;
export type Waits = (typeof Waits)[keyof typeof Waits];

/** Slot of commands that the table does not know. */
export const UNKNOWN = COMMANDS.length;

/** Of a slot, as INFO commandstats has it: `config|set`. */
export const nameOf = (slot: number): string => (slot === UNKNOWN ? 'unknown' : COMMANDS[slot]!.name);

const SPECIAL: Readonly<Record<string, Special>> = {
  auth: Special.auth,
  hello: Special.hello,
  select: Special.select,
  'client|setname': Special.setName,
  'client|setinfo': Special.setInfo,
  'client|reply': Special.replyMode,
  reset: Special.reset,
  multi: Special.multi,
  exec: Special.exec,
  discard: Special.discard,
  watch: Special.watch,
  monitor: Special.monitor,
  sync: Special.sync,
  psync: Special.sync,
  replconf: Special.replconf,
  'cluster|slots': Special.topology,
  'cluster|shards': Special.topology,
  'cluster|nodes': Special.topology,
  'cluster|replicas': Special.topology,
  'cluster|slaves': Special.topology,
  'sentinel|get-master-addr-by-name': Special.topology,
  'sentinel|master': Special.topology,
  'sentinel|masters': Special.topology,
  'sentinel|replicas': Special.topology,
  'sentinel|slaves': Special.topology,
  'sentinel|sentinels': Special.topology,
  role: Special.topology,
  eval: Special.script,
  eval_ro: Special.script,
  evalsha: Special.script,
  evalsha_ro: Special.script,
  fcall: Special.script,
  fcall_ro: Special.script,
};

const CONFIRMED: Readonly<Record<string, PushKind>> = {
  subscribe: PushKind.subscribe,
  psubscribe: PushKind.psubscribe,
  ssubscribe: PushKind.ssubscribe,
  unsubscribe: PushKind.unsubscribe,
  punsubscribe: PushKind.punsubscribe,
  sunsubscribe: PushKind.sunsubscribe,
};

const COUNTED = new Set(
  'exists strlen llen scard zcard hlen xlen hstrlen sismember hexists zcount zlexcount'.split(' '),
);
const EXPIRY = new Set(['ttl', 'pttl', 'expiretime', 'pexpiretime']);
/** Reads of a key that write too, or flagged as no reads. */
const READ_AND_WRITE = new Set(['getdel', 'getex', 'getset']);
/** Looks at a key without a read that the server would count, or answers the same with a key and without. */
const NO_READS = new Set(['hscan', 'sscan', 'zscan', 'memory|usage', 'sort_ro', 'touch', 'pfdebug']);

function readsOf(info: CommandInfo): Reads {
  if (info.name === 'mget') return Reads.each;
  if (NO_READS.has(info.name) || info.keySpecs.length !== 1) return Reads.no;
  if ((info.flags & CommandFlag.readonly) === 0 && !READ_AND_WRITE.has(info.name)) return Reads.no;
  if (EXPIRY.has(info.name)) return Reads.expiry;
  if (info.name === 'type') return Reads.type;
  const { keys } = info.keySpecs[0]!;
  const isOneKey = keys !== null && 'range' in keys && keys.range[0] === 0;
  if (!isOneKey && info.name !== 'exists') return Reads.no;
  return COUNTED.has(info.name) ? Reads.counted : Reads.plain;
}

function waitsOf(info: CommandInfo): Waits {
  if (info.name === 'xread' || info.name === 'xreadgroup') return Waits.withBlock;
  return (info.flags & CommandFlag.blocking) !== 0 || info.name === 'wait' ? Waits.always : Waits.no;
}

const bySlot = (of: (info: CommandInfo) => number): Uint8Array => {
  const table = new Uint8Array(COMMANDS.length + 1);
  for (const info of COMMANDS) table[info.slot] = of(info);
  return table;
};

/** By slot, the unknown one's included. */
export const SPECIALS = bySlot(({ name }) => (name in CONFIRMED ? Special.subscribe : (SPECIAL[name] ?? Special.none)));
export const CONFIRMATIONS = bySlot(({ name }) => CONFIRMED[name] ?? 0);
export const READS = bySlot(readsOf);
export const WAITS = bySlot(waitsOf);

/** How many arguments a session holds for itself, whatever the keys need. */
const HELD: Readonly<Record<string, number>> = {
  auth: 2,
  hello: 12,
  select: 2,
  'client|setname': 3,
  'client|setinfo': 4,
  'client|reply': 3,
  get: 3,
};
export const HOLDS = bySlot(({ name }) => HELD[name] ?? 1);

/** Some of its arguments may be passwords. */
const GUARDED = bySlot(({ name }) => (name === 'auth' || name === 'hello' || name === 'migrate' ? 1 : 0));
export const isGuarded = (info: CommandInfo): boolean => GUARDED[info.slot] === 1;
