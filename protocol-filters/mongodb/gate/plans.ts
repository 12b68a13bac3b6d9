import { COMMANDS, type CommandInfo } from '../commands/command-table.ts';
import { Verb } from './verbs.ts';

/** Where the resource of a command stands. `database`: it is all of the command's own; `none`: it has none. */
export type Place = 'first' | 'namespace' | 'collection' | 'database' | 'none';

/** What a command does, as far as its name says it; what its fields say beside is read in CommandScan. */
export interface Plan {
  /** Bits by verb. */
  readonly verbs: number;
  readonly place: Place;
  /** Nobody reads all that it does. */
  readonly hides:
    | ''
    | 'lists operations'
    | 'runs code that may do anything'
    | 'reads another server'
    | 'its collection is not named';
  /** An OP_QUERY may say it, before anybody logs in. */
  readonly isHello: boolean;
  /** Policies may be about what comes of it: nothing that is said behind it is judged before its answer. */
  readonly changesFacts: boolean;
}

export const bit = (verb: number): number => 1 << verb;

const plan = (verbs: readonly Verb[], place: Place, hides: Plan['hides'] = ''): Plan => ({
  verbs: verbs.reduce<number>((bits, verb) => bits | bit(verb), 0),
  place,
  hides,
  isHello: false,
  changesFacts: false,
});

const PLANS = new Map<string, Plan>();
function add(names: string, verbs: readonly Verb[], place: Place, hides: Plan['hides'] = ''): void {
  for (const name of names.split(/\s+/)) PLANS.set(name, plan(verbs, place, hides));
}

add('find clusterFind aggregate clusterAggregate count clusterCount distinct', [Verb.read], 'first');
add('parallelCollectionScan geoNear geoSearch geoWalk', [Verb.read], 'first');
add('mapReduce', [Verb.read, Verb.code], 'first');
add('group', [Verb.read, Verb.code], 'database', 'its collection is not named');
add('eval', [Verb.code], 'database', 'runs code that may do anything');
add('filemd5 medianKey', [Verb.read], 'database', 'its collection is not named');
add('insert clusterInsert godinsert', [Verb.insert], 'first');
add('update clusterUpdate', [Verb.update], 'first');
add('delete clusterDelete', [Verb.delete], 'first');
add('findAndModify', [Verb.read], 'first');
add('bulkWrite clusterBulkWrite', [], 'none');
add('getLastError getPrevError resetError', [Verb.session], 'none');
add('applyOps doTxn', [Verb.internal], 'database', 'lists operations');
add('getMore clusterGetMore', [Verb.read], 'collection');
add('killCursors', [Verb.read], 'first');
add('explain', [], 'none');
add('commitTransaction abortTransaction', [Verb.transaction], 'none');
add('startSession refreshSessions endSessions', [Verb.session], 'none');
add('killSessions killAllSessions killAllSessionsByPattern', [Verb.admin], 'none');
add('hello isMaster saslStart saslContinue authenticate getnonce logout', [Verb.session], 'none');
add('ping buildInfo connectionStatus whatsmyuri whatsmysni listCommands isdbgrid features', [Verb.session], 'none');
add('availableQueryOptions driverOIDTest handshake', [Verb.session], 'none');
add('create', [Verb.create], 'first');
add('cloneCollectionAsCapped', [Verb.read], 'first');
add('drop', [Verb.drop], 'first');
add('dropDatabase', [Verb.drop], 'database');
add('collMod compactStructuredEncryptionData cleanupStructuredEncryptionData', [Verb.alter], 'first');
add('convertToCapped emptycapped captrunc', [Verb.alter, Verb.delete], 'first');
add('createIndexes dropIndexes reIndex createSearchIndexes updateSearchIndex dropSearchIndex', [Verb.index], 'first');
add('setIndexCommitQuorum', [Verb.index], 'first');
add('renameCollection', [Verb.read, Verb.alter, Verb.drop], 'namespace');
add('cloneCollection', [Verb.read, Verb.create, Verb.insert], 'namespace', 'reads another server');
add('copydb clone', [Verb.internal, Verb.create, Verb.insert], 'database', 'reads another server');
add('compact touch repairCursor dbCheck analyze planCacheClear', [Verb.admin], 'first');
add('planCacheClearFilters planCacheSetFilter getQueryableEncryptionCountInfo', [Verb.admin], 'first');
add('profile repairDatabase', [Verb.admin], 'database');
add('listCollections dbStats dbHash validateDBMetadata', [Verb.metadata], 'database');
add('getLog getCmdLineOpts getDiagnosticData cpuload sysprofile', [Verb.admin], 'none');
add('currentOp', [Verb.internal], 'none');
add('replSetGetStatus replSetGetConfig listShards balancerStatus getShardMap', [Verb.metadata], 'none');

/** What the name of a command does not say in PLANS, its category does. */
function planOf(info: CommandInfo): Plan {
  const known = PLANS.get(info.name);
  if (known !== undefined) return known;
  const { where, name } = info;
  const place = where === 'first' || where === 'namespace' ? where : 'none';
  if (name.startsWith('_')) return plan([Verb.internal], 'none');
  switch (info.category) {
    case 'diagnostic':
      return plan([Verb.metadata], place);
    case 'users':
      return plan([Verb.users], 'database');
    case 'admin':
    case 'replication':
    case 'sharding':
      return plan([Verb.admin], place);
    default:
      return plan([Verb.internal], place);
  }
}

const CHANGES_FACTS = new Set(['hello', 'isMaster', 'saslStart', 'saslContinue', 'authenticate', 'logout']);

/** By slot in the command table. */
export const PLAN_OF: readonly Plan[] = COMMANDS.map((info) => ({
  ...planOf(info),
  isHello: info.name === 'hello' || info.name === 'isMaster',
  changesFacts: CHANGES_FACTS.has(info.name),
}));
