import { type Program, REST, Reply, Request } from './steps.ts';

/** What an operation does to the path it names, as targets say it. */
export type Access = 'read' | 'write' | 'delete' | 'create' | 'watch' | 'acl' | '';

/** One opcode of ZooDefs.OpCode. */
export interface Operation {
  /** Number in OPERATIONS: its slot in tables. */
  readonly slot: number;
  readonly opcode: number;
  /** ZooKeeper's name: `getData`. */
  readonly name: string;
  /** Envoy's name: `getdata`; '' = Envoy does not know it. */
  readonly envoy: string;
  readonly access: Access;
  readonly request: Program;
  readonly reply: Program;
}

type Row = readonly [opcode: number, name: string, envoy: string, access: Access, request: Program, reply: Program];

/**
 * Facts from ZooKeeper 3.9 (ZooDefs.OpCode, zookeeper.jute, FinalRequestProcessor). The first is the session's beginning,
 * which has no opcode on the wire. Types that only servers use among themselves have a name and no more.
 */
const ROWS: readonly Row[] = [
  [Number.NaN, 'connect', 'connect', '', REST, REST],
  [1, 'create', 'create', 'create', Request.create, Reply.text],
  [2, 'delete', 'delete', 'delete', Request.pathNumber, Reply.nothing],
  [3, 'exists', 'exists', 'read', Request.pathWatch, Reply.stat],
  [4, 'getData', 'getdata', 'read', Request.pathWatch, Reply.textStat],
  [5, 'setData', 'setdata', 'write', Request.setData, Reply.stat],
  [6, 'getACL', 'getacl', 'acl', Request.path, Reply.acls],
  [7, 'setACL', 'setacl', 'acl', Request.setAcl, Reply.stat],
  [8, 'getChildren', 'getchildren', 'read', Request.pathWatch, Reply.strings],
  [9, 'sync', 'sync', 'read', Request.path, Reply.text],
  [11, 'ping', 'ping', '', Request.nothing, Reply.nothing],
  [12, 'getChildren2', 'getchildren2', 'read', Request.pathWatch, Reply.stringsStat],
  [13, 'check', 'check', 'read', Request.pathNumber, Reply.stat],
  [14, 'multi', 'multi', '', Request.multi, Reply.multi],
  [15, 'create2', 'create2', 'create', Request.create, Reply.textStat],
  [16, 'reconfig', 'reconfig', '', Request.reconfig, Reply.textStat],
  [17, 'checkWatches', 'checkwatches', 'watch', Request.pathNumber, Reply.nothing],
  [18, 'removeWatches', 'removewatches', 'watch', Request.pathNumber, Reply.nothing],
  [19, 'createContainer', 'createcontainer', 'create', Request.create, Reply.textStat],
  [20, 'deleteContainer', '', 'delete', Request.path, Reply.nothing],
  [21, 'createTTL', 'createttl', 'create', Request.createTtl, Reply.textStat],
  [22, 'multiRead', '', '', Request.multi, Reply.multi],
  [100, 'auth', 'auth', '', Request.auth, Reply.nothing],
  [101, 'setWatches', 'setwatches', '', Request.setWatches, Reply.nothing],
  [102, 'sasl', '', '', Request.token, Reply.token],
  [103, 'getEphemerals', 'getephemerals', 'read', Request.path, Reply.strings],
  [104, 'getAllChildrenNumber', 'getallchildrennumber', 'read', Request.path, Reply.number],
  [105, 'setWatches2', 'setwatches2', '', Request.setWatches2, Reply.nothing],
  [106, 'addWatch', 'addwatch', 'watch', Request.pathNumber, Reply.number],
  [107, 'whoAmI', '', '', Request.nothing, Reply.identities],
  [-11, 'closeSession', 'close', '', Request.nothing, Reply.nothing],
  [0, 'notification', '', '', REST, REST],
  [-10, 'createSession', '', '', REST, REST],
  [-1, 'error', '', '', REST, REST],
];

export const OPERATIONS: readonly Operation[] = ROWS.map(([opcode, name, envoy, access, request, reply], slot) => ({
  slot,
  opcode,
  name,
  envoy,
  access,
  request,
  reply,
}));

/** Slot of what has no row, in tables of OPERATIONS.length + 1. */
export const UNKNOWN = OPERATIONS.length;
export const UNKNOWN_NAME = 'unknown';

/** Opcodes -16 to 111, all there are. */
const FIRST = -16;
const SLOTS = new Uint8Array(128).fill(UNKNOWN);
for (const { opcode, slot } of OPERATIONS) if (!Number.isNaN(opcode)) SLOTS[opcode - FIRST] = slot;

export const slotOf = (opcode: number): number =>
  opcode >= FIRST && opcode < FIRST + SLOTS.length ? SLOTS[opcode - FIRST]! : UNKNOWN;

const slotNamed = (name: string): number => OPERATIONS.findIndex((operation) => operation.name === name);

/** Slots of operations that are more than a request and a reply. */
export const Slot = {
  connect: slotNamed('connect'),
  exists: slotNamed('exists'),
  getData: slotNamed('getData'),
  getChildren: slotNamed('getChildren'),
  getChildren2: slotNamed('getChildren2'),
  getEphemerals: slotNamed('getEphemerals'),
  ping: slotNamed('ping'),
  auth: slotNamed('auth'),
  sasl: slotNamed('sasl'),
  multi: slotNamed('multi'),
  multiRead: slotNamed('multiRead'),
  setWatches: slotNamed('setWatches'),
  setWatches2: slotNamed('setWatches2'),
  addWatch: slotNamed('addWatch'),
  removeWatches: slotNamed('removeWatches'),
  whoAmI: slotNamed('whoAmI'),
  closeSession: slotNamed('closeSession'),
  reconfig: slotNamed('reconfig'),
} as const;

const tableOf = (names: readonly string[]): Uint8Array => {
  const table = new Uint8Array(OPERATIONS.length + 1);
  for (const name of names) table[slotNamed(name)] = 1;
  return table;
};

/** What may stand in a multi or a multiRead. */
export const WITHIN_MULTI = tableOf([
  'create',
  'create2',
  'createTTL',
  'createContainer',
  'delete',
  'setData',
  'check',
  'getChildren',
  'getData',
]);
/** Whose success changes a node. */
export const WRITES = tableOf([
  'create',
  'create2',
  'createTTL',
  'createContainer',
  'delete',
  'deleteContainer',
  'setData',
  'setACL',
]);
/** Whose reply tells whether the node is there. */
export const LOOKS = tableOf(['exists', 'getData', 'getChildren', 'getChildren2']);

/** How results within a multi's reply read, by the type in their header. Of a type that none has: null. */
export function resultOf(opcode: number): Program | null {
  switch (opcode) {
    case -1:
      return Reply.number;
    case 1:
      return Reply.text;
    case 15:
      return Reply.textStat;
    case 2:
    case 13:
      return Reply.nothing;
    case 5:
      return Reply.stat;
    case 8:
      return Reply.strings;
    case 4:
      return Reply.textStat;
    default:
      return null;
  }
}
