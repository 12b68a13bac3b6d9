import { COMMANDS, type CommandInfo, KeyAccess } from './commands.ts';

/** What commands do, as policies say it. */
export const VERBS = {
  read: 'reads a key, or whether it is there',
  write: 'changes a key, or something in it',
  delete: 'removes a key, or something in it; is a write too',
  publish: 'sends to a channel',
  subscribe: 'listens to channels',
  keyspace: 'looks at all keys of a database: KEYS, SCAN, RANDOMKEY, DBSIZE, CLIENT TRACKING with BCAST',
  flush: 'removes all keys of a database, or of all: FLUSHDB, FLUSHALL',
  admin:
    "runs the server: CONFIG, ACL, DEBUG, SHUTDOWN, REPLICAOF, CLIENT KILL and what else the server's table calls admin",
  info: 'asks about the server: INFO, ROLE, MEMORY STATS, PUBSUB CHANNELS',
  script:
    'runs or changes scripts and functions, which reach keys that nobody names: EVAL, FCALL, SCRIPT LOAD, FUNCTION LOAD',
  replication: 'shows or copies what everybody does: MONITOR, SYNC, PSYNC, REPLCONF',
  debug: "goes behind the server's back: DEBUG, MODULE LOAD",
  client_reply: 'CLIENT REPLY: commands whose answers nobody sees',
  transaction: 'MULTI, EXEC, DISCARD, UNWATCH (WATCH is a read of its keys)',
  session: 'what every connection says: PING, AUTH, HELLO, SELECT, CLIENT SETNAME, COMMAND, WAIT, CLUSTER SLOTS',
} as const;
export type Verb = keyof typeof VERBS;

/** Denied unless a policy allows the verb by its name: no policy about keys can hold what these do. */
export const GUARDED_VERBS: readonly Verb[] = ['script', 'replication', 'debug', 'client_reply'];

/** Verbs of a key by KeyAccess bits, in the order in which they are told. What removes something in a key writes it too. */
export const KEY_VERBS: readonly (readonly [verb: Verb, bits: number])[] = [
  ['read', KeyAccess.RO | KeyAccess.access],
  ['write', KeyAccess.OW | KeyAccess.RM | KeyAccess.update | KeyAccess.insert | KeyAccess.delete],
  ['delete', KeyAccess.RM | KeyAccess.delete],
];

/** What a command is about besides its keys. */
export const About = {
  /** Its keys alone. */
  keys: 0,
  /** No resource. */
  nothing: 1,
  /** The channels it names, or all. */
  channels: 2,
  /** A pattern of channels: any. */
  channelPatterns: 3,
  /** All keys of the selected database. */
  database: 4,
  /** All keys of all databases. */
  databases: 5,
  /** The script or function that it names. */
  script: 6,
  /** CLIENT TRACKING: with BCAST it tells of all keys. */
  tracking: 7,
} as const;
export type About = (typeof About)[keyof typeof About];

export interface CommandVerb {
  /** Of what is not a key. */
  readonly verb: Verb;
  readonly about: About;
  /** Why nobody can say what else it does; '' = it does nothing else. */
  readonly unresolved: string;
}

const row = (verb: Verb, about: About, unresolved = ''): CommandVerb => ({ verb, about, unresolved });

const words = (text: string, value: CommandVerb): [string, CommandVerb][] =>
  text.split(' ').map((name) => [name, value]);

/** Commands that are about more than their keys. Those that are not here and have no keys are admin's (`commandVerb`). */
const NAMED: ReadonlyMap<string, CommandVerb> = new Map<string, CommandVerb>([
  ...words('publish spublish', row('publish', About.channels)),
  ...words('subscribe ssubscribe', row('subscribe', About.channels)),
  ...words('psubscribe', row('subscribe', About.channelPatterns)),
  ...words('unsubscribe punsubscribe sunsubscribe', row('session', About.nothing)),
  ...words('pubsub|channels pubsub|shardchannels', row('info', About.channelPatterns)),
  ...words('pubsub|numpat pubsub|numsub pubsub|shardnumsub', row('info', About.nothing)),
  ...words('keys scan randomkey dbsize', row('keyspace', About.database)),
  ...words('cluster|getkeysinslot cluster|countkeysinslot', row('keyspace', About.database)),
  ...words('flushdb', row('flush', About.database)),
  ...words('flushall', row('flush', About.databases)),
  ...words('eval eval_ro evalsha evalsha_ro fcall fcall_ro', row('script', About.script)),
  ...words('script|load script|flush script|debug script|kill script|exists script|show', row('script', About.nothing)),
  ...words('function|load function|restore function|delete function|flush', row('script', About.nothing)),
  ...words('function|kill function|list function|dump function|stats', row('script', About.nothing)),
  ...words('info role lastsave time lolwut latency|latest slowlog|len', row('info', About.nothing)),
  ...words('memory|doctor memory|malloc-stats memory|stats module|list', row('info', About.nothing)),
  ...words('cluster|links cluster|slot-stats client|list', row('info', About.nothing)),
  ...words('sentinel|ckquorum sentinel|get-master-addr-by-name sentinel|master', row('info', About.nothing)),
  ...words('sentinel|masters sentinel|myid sentinel|replicas', row('info', About.nothing)),
  ...words('sentinel|sentinels sentinel|slaves', row('info', About.nothing)),
  ...words('memory|purge', row('admin', About.nothing)),
  ...words('multi exec discard unwatch', row('transaction', About.nothing)),
  ...words(
    'auth hello select reset quit ping echo asking readonly readwrite wait waitaof',
    row('session', About.nothing),
  ),
  ...words('acl|whoami acl|cat acl|genpass', row('session', About.nothing)),
  ...words('client|caching client|getname client|getredir client|id client|info', row('session', About.nothing)),
  ...words('client|setname client|setinfo client|capa client|no-touch', row('session', About.nothing)),
  ...words('client|trackinginfo', row('session', About.nothing)),
  ...words('client|tracking', row('session', About.tracking)),
  ...words('command command|count command|docs command|getkeys', row('session', About.nothing)),
  ...words('command|getkeysandflags command|info command|list', row('session', About.nothing)),
  ...words('cluster|info cluster|keyslot cluster|myid cluster|myshardid', row('session', About.nothing)),
  ...words('cluster|nodes cluster|shards cluster|slots', row('session', About.nothing)),
  ...words('client|reply', row('client_reply', About.nothing)),
  ...words('swapdb', row('write', About.databases)),
  ...words('replicaof slaveof', row('admin', About.databases)),
  ...words('monitor sync psync', row('replication', About.databases)),
  ...words('replconf', row('replication', About.nothing)),
  ...words('debug', row('debug', About.databases)),
  ...words('module|load module|loadex module|unload', row('debug', About.databases)),
  ...words('migrate', row('admin', About.nothing)),
]);

const KEYS_ALONE = row('read', About.keys);
const SESSION = row('session', About.nothing);
const ADMIN = row('admin', About.nothing);
/** As a command by itself: without a subcommand, or with one that the table does not have. */
const CONTAINER = row('admin', About.nothing, 'it has a subcommand that is not known');

function verbOf(info: CommandInfo): CommandVerb {
  const named = NAMED.get(info.name);
  if (named !== undefined) return named;
  if (info.container) return CONTAINER;
  if (info.keySpecs.some(({ flags }) => (flags & KeyAccess.not_key) === 0)) return KEYS_ALONE;
  return info.name.endsWith('|help') ? SESSION : ADMIN;
}

const BY_SLOT: readonly CommandVerb[] = COMMANDS.map(verbOf);

/** What a command of the table does besides what it does to its keys. */
export const commandVerb = (info: CommandInfo): CommandVerb => BY_SLOT[info.slot]!;
